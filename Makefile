# Realmkit's one Makefile. All output goes under build/. `make help` lists the targets.
#
# Every folder of the layer diagram (docs/design/layers.md) is one static archive; a program links the
# archives of its layer and below. A test's name is its source's path: tests/unit/ring/ring_test.c.

VARIANT ?= release
CC      ?= cc
OBJCOPY ?= objcopy
PREFIX  ?= /usr/local
BUILD   ?= build/$(VARIANT)$(if $(findstring clang,$(CC)),-clang)

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef \
            -Wpointer-arith -Wwrite-strings
CPPFLAGS += -D_GNU_SOURCE -I. -Ilibrealm/include
CFLAGS_common  := -std=gnu11 -g -fPIC -fno-omit-frame-pointer $(WARNINGS)
CFLAGS_debug   := -O1 -DREALM_DEBUG=1 -DREALM_STOP_POINTS=1
CFLAGS_release := -O2
CFLAGS_asan    := -O1 -DREALM_DEBUG=1 -DREALM_STOP_POINTS=1 -fsanitize=address,undefined -fno-sanitize-recover=undefined
CFLAGS_tsan    := -O1 -DREALM_DEBUG=1 -fsanitize=thread
ifeq ($(filter $(VARIANT),debug release asan tsan),)
$(error VARIANT is debug, release, asan or tsan, not '$(VARIANT)')
endif
ifdef WERROR
CFLAGS_common += -Werror
endif
CFLAGS  += $(CFLAGS_common) $(CFLAGS_$(VARIANT))
LDFLAGS += $(filter -fsanitize%,$(CFLAGS_$(VARIANT)))
DEPFLAGS = -MMD -MP

# The sanitizers bring their own allocator.
JEMALLOC := $(if $(filter asan tsan,$(VARIANT)),,-l:libjemalloc.a)
LIBS_realm := -l:liburing.a $(JEMALLOC) -lm -lpthread -ldl
LIBS_host  := -ljansson -lfyaml -lseccomp -l:liburing.a -lm -lpthread

# --- archives, one a folder ---
FOLDERS := librealm/core librealm/proto librealm/ring librealm/os/linux librealm/os/sim librealm/client \
           mm/config mm/policy mm/analysis mm/oracle mm/sandbox mm/broker mm/launcher sim/boot bench/measure bench/harness tools/fuzz tools
archive  = $(BUILD)/lib$(subst /,-,$(1)).a
# A main() is no part of an archive: it would be taken for a test's.
objects  = $(patsubst %.c,$(BUILD)/%.o,$(filter-out %/main.c,$(wildcard $(1)/*.c)))
define ARCHIVE
$(call archive,$(1)): $(call objects,$(1))
	@mkdir -p $$(@D) && rm -f $$@ && $(AR) rcs $$@ $$^
endef
$(foreach f,$(FOLDERS),$(eval $(call ARCHIVE,$(f))))

A_core     := $(call archive,librealm/core)
A_librealm := $(foreach f,client os/linux ring proto core,$(call archive,librealm/$(f)))
A_twin     := $(foreach f,client os/sim,$(call archive,librealm/$(f))) $(call archive,mm/policy) $(foreach f,ring proto core,$(call archive,librealm/$(f)))
A_bench    := $(foreach f,harness measure,$(call archive,bench/$(f)))
A_mm       := $(foreach f,broker launcher sandbox analysis config policy,$(call archive,mm/$(f)))
MM_START   := $(BUILD)/mm/start.o

LIBREALM_OBJECTS := $(foreach f,client os/linux ring proto core,$(call objects,librealm/$(f)))
SERVICES  := $(patsubst sim/services/%.c,$(BUILD)/bin/%,$(wildcard sim/services/*.c))
EXAMPLES  := $(patsubst examples/%.c,$(BUILD)/bin/%,$(wildcard examples/*.c))

.PHONY: all help
.DEFAULT_GOAL := all
all: $(BUILD)/bin/realm $(BUILD)/lib/librealm.a $(BUILD)/lib/librealm.so $(SERVICES) $(EXAMPLES) ## build everything (default)

help: ## list the targets
	@echo "make [VARIANT=debug|release|asan|tsan] [CC=gcc|clang] TARGET"
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort -u | sed -E 's/:.*## /\t/' | expand -t 18 | sed 's/^/  /'

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(DEPFLAGS) -c $< -o $@

$(BUILD)/lib/librealm.a: $(LIBREALM_OBJECTS)
	@mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/lib/librealm.so: $(LIBREALM_OBJECTS)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	@$(CC) -shared -Wl,-soname,librealm.so.0 $(LDFLAGS) -o $@ $^ -luring -lm -lpthread -ldl

# `realm fuzz` has a policy engine of its own in the program, compiled so that it says which way it takes: that is
# what guides the search. Only fuzz_main and fuzz_replay are seen from outside; the broker's engine stays as fast as it is.
FUZZ_policy := $(patsubst %.c,$(BUILD)/covered/%.o,$(wildcard mm/policy/*.c))
$(BUILD)/covered/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $< (covered)"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -fsanitize-coverage=trace-pc $(DEPFLAGS) -c $< -o $@
$(BUILD)/tools/realm-fuzz.o: $(call objects,tools/fuzz) $(call objects,mm/oracle) $(FUZZ_policy)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	@$(LD) -r -o $@ $^ && $(OBJCOPY) --keep-global-symbol=fuzz_main --keep-global-symbol=fuzz_replay --keep-global-symbol=__sanitizer_cov_trace_pc $@

$(BUILD)/bin/realm: $(BUILD)/tools/main.o $(BUILD)/tools/realm-fuzz.o $(call archive,tools) $(A_bench) $(call archive,sim/boot) $(MM_START) $(A_mm) $(A_librealm)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	@$(CC) $(LDFLAGS) -o $@ $< $(BUILD)/tools/realm-fuzz.o $(MM_START) -Wl,--start-group $(call archive,tools) $(A_bench) $(call archive,sim/boot) $(A_mm) $(A_librealm) -Wl,--end-group $(LIBS_host)

# Realm programs: the services of the simulated system and the examples of the manual.
define REALM_PROGRAM
$(BUILD)/bin/%: $(BUILD)/$(1)/%.o $(BUILD)/lib/librealm.a
	@mkdir -p $$(@D)
	@echo "  LD    $$@"
	@$(CC) $(LDFLAGS) -o $$@ $$< $(BUILD)/lib/librealm.a $(LIBS_realm)
endef
$(eval $(call REALM_PROGRAM,sim/services))
$(eval $(call REALM_PROGRAM,examples))
$(eval $(call REALM_PROGRAM,tests/realms))

include tests/tests.mk
include bench/bench.mk
-include sim/sim.mk

# --- keeping the rules of the house ---
.PHONY: check check-layers check-headers check-format check-tidy check-text check-models format
SOURCES = $(shell find librealm mm sim tools bench tests examples -name '*.[ch]' 2>/dev/null)
check: check-layers check-headers check-format check-text check-models check-tidy ## layers, headers, format, text, quotes of the models, clang-tidy

check-layers: ## arrows point one way, pure folders stay pure
	@sh tests/check/layers.sh

check-headers: ## every header compiles alone, installed ones also as C++
	@CC="$(CC)" sh tests/check/headers.sh

check-format: ## clang-format has nothing to change
	@clang-format --dry-run -Werror $(SOURCES) && echo "check-format: $(words $(SOURCES)) files"

check-text: ## file lengths, and words that do not belong into the project
	@sh tests/check/text.sh

check-models: ## what the models quote of the sources is still there
	@sh tests/model/quotes.sh

check-tidy: ## clang-tidy (.clang-tidy)
	@sh tests/check/tidy.sh

format: ## apply the one style
	@clang-format -i $(SOURCES)

# --- the demo, installing, cleaning ---
.PHONY: demo install uninstall clean
demo: all ## boot the Lona system and show it working
	@BUILD=$(BUILD) sh sim/demo.sh

install: all ## realm, librealm, headers, librealm.pc under PREFIX (and DESTDIR)
	@install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include/realm
	install -m 755 $(BUILD)/bin/realm $(DESTDIR)$(PREFIX)/bin/realm
	install -m 644 $(BUILD)/lib/librealm.a $(DESTDIR)$(PREFIX)/lib/librealm.a
	install -m 755 $(BUILD)/lib/librealm.so $(DESTDIR)$(PREFIX)/lib/librealm.so.0
	ln -sf librealm.so.0 $(DESTDIR)$(PREFIX)/lib/librealm.so
	install -m 644 librealm/include/realm/*.h $(DESTDIR)$(PREFIX)/include/realm/
	@install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/libexec/realmkit
	install -m 644 docs/man/realm.1 $(DESTDIR)$(PREFIX)/share/man/man1/realm.1
	$(BUILD)/bin/realm completion bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/realm
	install -m 755 $(SERVICES) $(BENCH_REALMS) $(BENCH_PEER_PROGRAMS) $(DESTDIR)$(PREFIX)/libexec/realmkit/
	sed 's|@PREFIX@|$(PREFIX)|' librealm/librealm.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/librealm.pc

uninstall: ## undo install
	rm -f $(DESTDIR)$(PREFIX)/bin/realm $(DESTDIR)$(PREFIX)/lib/librealm.a $(DESTDIR)$(PREFIX)/lib/librealm.so \
	      $(DESTDIR)$(PREFIX)/lib/librealm.so.0 $(DESTDIR)$(PREFIX)/lib/pkgconfig/librealm.pc
	rm -rf $(DESTDIR)$(PREFIX)/include/realm $(DESTDIR)$(PREFIX)/libexec/realmkit
	rm -f $(DESTDIR)$(PREFIX)/share/man/man1/realm.1 $(DESTDIR)$(PREFIX)/share/bash-completion/completions/realm

clean: ## remove build/
	rm -rf build

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.SECONDARY:
