# Portico. "make help" lists the targets; README.md has the two commands a new user needs.
#
# One non-recursive Makefile. Layers are archives of their folder; a program links the layers it may use and no others
# (tests/lint/layers.sh checks the includes). V=asan|tsan|fuzz|cov choose a variant; O= moves the build directory.

V ?= release
v := $(strip $(V))
O ?= build/$(v)
B := $(O)

CC.release = gcc
CC.asan    = gcc
CC.tsan    = clang
CC.fuzz    = clang
CC.cov     = gcc
ifeq ($(origin CC),default)
CC := $(CC.$(v))
endif
ifeq ($(CC.$(v)),)
$(error V=$(v) is not a variant; use release, asan, tsan, fuzz or cov)
endif

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wwrite-strings \
	-Wpointer-arith -Wimplicit-fallthrough -Werror
# clang also complains where gcc knows that the rest of a designated or macro-made initializer is meant to be zero.
WARN += $(if $(findstring clang,$(CC)),-Wno-missing-field-initializers)
HARDEN := -fstack-protector-strong -fcf-protection -fPIE
CFLAGS.release = -O2 -D_FORTIFY_SOURCE=2 -fstack-clash-protection
CFLAGS.asan    = -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS.tsan    = -O1 -fsanitize=thread
CFLAGS.fuzz    = -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS.cov     = -O0 --coverage
LDFLAGS.release = -Wl,-z,relro,-z,now
LDFLAGS.asan    = -fsanitize=address,undefined
LDFLAGS.tsan    = -fsanitize=thread
LDFLAGS.fuzz    = -fsanitize=fuzzer-no-link,address,undefined
LDFLAGS.cov     = --coverage

# libetpan.pc and milter.pc drag in a linker specs file that turns PIE off: take only the headers' path from them.
PKGS := gmime-3.0 libcrypto libssl sqlite3 yaml-0.1 jansson
HAVE_PKGS := $(shell pkg-config --exists $(PKGS) 2>/dev/null && echo yes)
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) libhs 2>/dev/null)
override CFLAGS += -std=c17 -D_GNU_SOURCE -g $(WARN) $(HARDEN) $(CFLAGS.$(v)) -Igateway -I. \
	$(patsubst -I%,-isystem %,$(PKG_CFLAGS))
override LDFLAGS += -pie $(LDFLAGS.$(v)) -Wl,--as-needed

LIB.base    := -lseccomp -lcrypto
LIB.conf    := -lyaml -lhs -lical
LIB.mail    := $(shell pkg-config --libs gmime-3.0 2>/dev/null)
LIB.crypto  := -lssl -lcrypto
LIB.store   := -lsqlite3
LIB.portal  := -lcurl -ljansson
LIB.mailbox := -letpan

# Bottom to top. A link line names them top first.
LAYERS := base conf mail policies crypto store portal mailbox flow
dir.policies := policies
dirof = $(or $(dir.$(1)),gateway/$(1))
srcs = $(sort $(wildcard $(call dirof,$(1))/*.c))
objs = $(patsubst %.c,$(B)/%.o,$(1))
lib  = $(B)/lib/lib$(1).a

$(foreach l,$(LAYERS),$(eval SRC.$(l) := $(call srcs,$(l))))
LIBS.all := $(foreach l,flow mailbox portal store crypto policies mail conf base,$(call lib,$(l)))
# The milter links neither libetpan nor libcurl: flow's intake half lives in objects that only the bridge pulls in.
LINK.all := $(LIBS.all) $(LIB.mailbox) $(LIB.portal) $(LIB.store) $(LIB.crypto) $(LIB.mail) $(LIB.conf) $(LIB.base) \
	-ljansson -pthread

PROGRAMS := portico portico-bridge portico-milter portico-worker portico-keys
SRC.portico        := $(sort $(wildcard gateway/ctl/*.c))
SRC.portico-bridge := $(sort $(wildcard gateway/bridge/*.c))
SRC.portico-milter := $(sort $(wildcard milter/*.c))
EXTRA.portico-milter := -lmilter
SRC.portico-worker := $(sort $(wildcard gateway/worker/*.c))
SRC.portico-keys   := $(sort $(wildcard gateway/keys/*.c))

ALL_SRC := $(foreach l,$(LAYERS),$(SRC.$(l))) $(foreach p,$(PROGRAMS),$(SRC.$(p)))

.DEFAULT_GOAL := all
.PHONY: all no-packages
ifeq ($(HAVE_PKGS),)
all: no-packages
no-packages:
	@echo "the libraries to build with are missing; make setup (as root) installs them" >&2; exit 1
endif
all: $(foreach p,$(PROGRAMS),$(if $(SRC.$(p)),$(B)/$(p)))	## build the programs into build/<variant>/

# VERBOSE=1 shows the commands.
Q := $(if $(VERBOSE),,@)
say = @echo '  $(1)$(if $(filter release,$(v)),, [$(v)]) $(patsubst $(B)/%,%,$@)'

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC  )
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

# the shipped texts of automatic replies are part of the program (.incbin, which -MMD does not see)
$(B)/gateway/conf/templates.o: $(wildcard conf/templates/*/*.txt)

define layer_rule
$(call lib,$(1)): $(call objs,$(SRC.$(1)))
	@mkdir -p $$(@D)
	@rm -f $$@
	$(Q)$$(AR) rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rule,$(l))))

define program_rule
$(B)/$(1): $(call objs,$(SRC.$(1))) $(LIBS.all)
	$$(call say,LINK)
	$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(LINK.all) $$(EXTRA.$(1))
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rule,$(p))))

# The shipped policy is part of the program that explains it (.incbin, which the compiler's dependencies do not see).
$(B)/gateway/ctl/shipped.o: conf/boundaries.yaml $(wildcard conf/lexicon/*.yaml)

include tests/tests.mk

.PHONY: help clean install
# Nothing is enabled or started. An administrator's files in /etc/portico are never replaced: the samples go to
# /usr/share/portico, and to /etc/portico only where there is no file of that name.
sysconf := $(DESTDIR)/etc/portico
share := $(DESTDIR)/usr/share/portico
units := $(DESTDIR)/usr/lib
install: all	## install into DESTDIR: programs, samples, manual pages, systemd units
	install -d $(DESTDIR)/usr/sbin $(DESTDIR)/usr/bin $(sysconf) $(share) $(units)/systemd/system \
		$(units)/sysusers.d $(units)/tmpfiles.d
	install -m 755 $(foreach p,milter bridge worker keys,$(B)/portico-$(p)) $(DESTDIR)/usr/sbin
	install -m 755 $(B)/portico $(DESTDIR)/usr/bin
	install -m 644 conf/systemd/*.service $(units)/systemd/system
	install -m 644 conf/systemd/sysusers.conf $(units)/sysusers.d/portico.conf
	install -m 644 conf/systemd/tmpfiles.conf $(units)/tmpfiles.d/portico.conf
	cp -r --no-preserve=mode,ownership $(wildcard conf/*.yaml conf/lexicon conf/templates conf/postfix) $(share)
	for f in $(notdir $(wildcard conf/*.yaml)); do [ -e $(sysconf)/$$f ] || install -m 644 conf/$$f $(sysconf)/$$f; done
	[ ! -d conf/lexicon ] || [ -e $(sysconf)/lexicon ] || cp -r --no-preserve=mode,ownership conf/lexicon $(sysconf)
	for f in $(wildcard conf/man/*.[1-8]); do s=$${f##*.}; install -D -m 644 $$f $(DESTDIR)/usr/share/man/man$$s/$${f##*/}; done

help:	## this list
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## */\1\t/p' Makefile tests/tests.mk | expand -t 16
	@echo; echo "V=release|asan|tsan|fuzz|cov chooses a variant (build/<variant>/), O=DIR another build directory."

clean:	## remove build/
	rm -rf build

-include $(shell find $(B) -name '*.d' 2>/dev/null)
