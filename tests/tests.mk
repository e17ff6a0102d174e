# Tests: unit (cmocka), golden, fuzz, flow. Included by the Makefile at the top.

UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
UNIT_BIN := $(patsubst tests/unit/%.c,$(B)/tests/%,$(UNIT_SRC))
# Everything under tests/unit that is not itself a test_*.c: contract suites and helpers, linked into each test.
UNIT_HELP := $(call objs,$(sort $(filter-out $(UNIT_SRC),$(wildcard tests/unit/*.c))))

$(B)/tests/test_%: $(B)/tests/unit/test_%.o $(UNIT_HELP) $(LIBS.all)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LINK.all) -lcmocka -lmilter

.PHONY: unit
unit: $(UNIT_BIN)	## build and run the unit tests (T=name for one)
	@tests/unit/run.sh $(if $(T),$(B)/tests/test_$(T),$(UNIT_BIN))
