# Tests: unit (cmocka), golden, fuzz, flow, lint, bench. Included by the Makefile at the top.
#
# Every target that runs tests ends with one line that is the total, "N passed, N failed", and fails when nothing ran.

UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
UNIT_BIN := $(patsubst tests/unit/%.c,$(B)/tests/%,$(UNIT_SRC))
# Everything under tests/unit that is not itself a test_*.c: contract suites and helpers, linked into each test.
UNIT_HELP := $(call objs,$(sort $(filter-out $(UNIT_SRC),$(wildcard tests/unit/*.c))))

# cmocka's asserts do not say that they do not return, so gcc sees values unset after them; a fuzz target has no header.
$(B)/tests/unit/%.o: override CFLAGS += $(if $(findstring gcc,$(CC)),-Wno-maybe-uninitialized)
$(B)/tests/fuzz/%.o: override CFLAGS += -Wno-missing-prototypes
.SECONDARY:

$(B)/tests/test_%: $(B)/tests/unit/test_%.o $(UNIT_HELP) $(LIBS.all)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LINK.all) -lcmocka -lmilter

# It starts them, from the directory above its own.
$(B)/tests/test_worker: | $(B)/portico-worker $(B)/portico-keys

.PHONY: unit
unit: $(UNIT_BIN)	## build and run the unit tests (T=name for one)
	@tests/unit/run.sh $(if $(T),$(B)/tests/test_$(T),$(UNIT_BIN))

# Programs that only tests run: the flow tests find them in tool/ beside ours.
TOOL_BIN := $(patsubst tests/tool/%.c,$(B)/tool/%,$(sort $(wildcard tests/tool/*.c)))
$(B)/tool/%: $(B)/tests/tool/%.o $(LIBS.all)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LINK.all)

# ---- fuzz ------------------------------------------------------------------------------------------------------------

FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(B)/replay/%,$(FUZZ_SRC))
S ?= 60

# Any compiler: the corpora as a regression test.
$(B)/replay/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/replay.o $(LIBS.all)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LINK.all)

# clang and libFuzzer: make fuzz calls make again with V=fuzz.
$(B)/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(LIBS.all)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(LINK.all)

.PHONY: fuzz fuzz-target fuzz-replay
fuzz:	## fuzz one parser with clang: make fuzz T=mime S=60
	@[ -f tests/fuzz/fuzz_$(T).c ] || { echo "fuzz: T= one of: $(patsubst tests/fuzz/fuzz_%.c,%,$(FUZZ_SRC))" >&2; exit 1; }
	@tests/setup.sh build tools
	@+$(AGAIN) V=fuzz $(if $(filter command line environment,$(origin O)),O=$(O)/fuzz) fuzz-target

# New inputs go to the build directory; what is worth keeping is copied to the corpus by hand.
fuzz-target: $(B)/fuzz/fuzz_$(T)
	@mkdir -p $(B)/corpus/$(T) tests/fuzz/corpus/$(T)
	$< -max_total_time=$(S) -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix=$(B)/ \
		$(if $(wildcard tests/fuzz/$(T).dict),-dict=tests/fuzz/$(T).dict) $(B)/corpus/$(T) tests/fuzz/corpus/$(T)

fuzz-replay: $(FUZZ_BIN)	## replay all fuzz corpora (V=asan to do it with sanitizers)
	@tests/fuzz/replay.sh $(FUZZ_BIN)

# ---- golden, lint, bench ---------------------------------------------------------------------------------------------

.PHONY: golden lint tidy format cdb bench
golden: $(B)/portico	## run the worked examples of tests/cases/
	@tests/golden.sh $(B)

lint:	## quick checks of the sources: layers, banned calls, format, shellcheck
	@tests/lint/run.sh

tidy:	## slow checks of the sources: clang-tidy and cppcheck
	@tests/setup.sh build tools
	@tests/lint/tidy.sh '$(CFLAGS)' $(sort $(if $(T),$(T),$(ALL_SRC)))

C_FILES = $(shell git ls-files -co --exclude-standard '*.c' '*.h')
format:	## rewrite the C sources with clang-format
	clang-format -i $(C_FILES)

cdb:	## write compile_commands.json
	@tests/lint/cdb.sh '$(CC) $(CFLAGS)' $(ALL_SRC) $(UNIT_SRC) $(FUZZ_SRC) > compile_commands.json

BENCH_SRC := $(sort $(wildcard tests/bench/bench_*.c))
BENCH_BIN := $(patsubst tests/bench/%.c,$(B)/bench/%,$(BENCH_SRC))
$(B)/bench/bench_%: $(B)/tests/bench/bench_%.o $(LIBS.all)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LINK.all)

bench: all $(BENCH_BIN)	## run the benchmarks (T=name for one)
	@tests/bench/run.sh $(B) $(T)

# ---- flow ------------------------------------------------------------------------------------------------------------

PYTHON := /usr/bin/python3
FLOW := $(PYTHON) -B tests/flow/run.py --programs $(B)

# The contract of portal drivers, on the FHIR server that test_fhir runs.
$(B)/tool/fhir_contract: $(B)/tests/fhir/contract.o $(UNIT_HELP) $(LIBS.all)
	@mkdir -p $(@D)
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LINK.all) -lcmocka -lmilter
$(B)/tests/fhir/contract.o: override CFLAGS += -Itests/unit

# A FHIR server written by others, for test_fhir: the packages of the lock file, outside of the checkout. Without them
# that one test fails and says why.
FHIR := $(B)/fhir/node_modules/.package-lock.json
$(FHIR): tests/fhir/package.json tests/fhir/package-lock.json
	@mkdir -p $(B)/fhir
	@cp $^ $(B)/fhir
	@echo '  NPM  fhir'
	@cd $(B)/fhir && timeout 600 npm ci --no-audit --no-fund --loglevel=error >npm.log 2>&1 || \
		{ echo "npm ci failed, so flow test fhir will fail: see $(B)/fhir/npm.log" >&2; tail -n 3 npm.log >&2; }

# What calls make again builds with every core.
AGAIN := $(MAKE) --no-print-directory -j$(shell nproc)
PARTS := MAKE="$(AGAIN)" tests/run.sh

.PHONY: flow flow-long check test test-all setup demo demo-once
flow: all $(TOOL_BIN) $(B)/tool/fhir_contract $(FHIR)	## end to end with real Postfix and Dovecot (T=name for one)
	@$(FLOW) $(T)

flow-long: all $(TOOL_BIN) $(B)/tool/fhir_contract $(FHIR)	## the long form of the flow tests (T=name for one)
	@tests/setup.sh long
	@$(FLOW) --long $(T)

check:	## unit, golden, lint and fuzz-replay
	@+$(PARTS) unit golden lint fuzz-replay

setup:	## install with apt what building and testing need (root)
	@tests/setup.sh build demo test

# The packages may be new: make starts again so that it finds them.
test: setup	## install what is missing, build, and run everything in its short form
	@+$(AGAIN) all
	@+$(PARTS) unit golden lint fuzz-replay flow

test-all: setup	## everything in its long form
	@+$(AGAIN) all
	@+$(PARTS) unit golden lint fuzz-replay flow-long

demo:	## a throw-away clinic on this machine and a story to follow; stays until Ctrl-C
	@tests/setup.sh build demo
	@+$(AGAIN) all
	@$(PYTHON) -B tests/demo/demo.py --programs $(B)

demo-once:	## the same story, then exit with its result
	@tests/setup.sh build demo
	@+$(AGAIN) all
	@$(PYTHON) -B tests/demo/demo.py --programs $(B) --once
