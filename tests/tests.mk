# Tests. Each .c file below tests/unit, tests/property and tests/integration is one Criterion program; what
# it links follows from its folder. Programs below tests/stress are plain, so that they also run under TSan.

TESTS_unit        := $(patsubst %.c,$(BUILD)/%,$(shell find tests/unit -name '*_test.c' 2>/dev/null))
TESTS_property    := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/property/*_test.c))
# The kill matrix is a target of its own (make test-kill-matrix), and part of every run by tests/all.sh; in release
# its program only looks for names of stop points that must not be there.
CAMPAIGNS         := $(if $(filter release,$(VARIANT)),,tests/integration/kill_matrix_test.c)
TESTS_integration := $(patsubst %.c,$(BUILD)/%,$(filter-out $(CAMPAIGNS),$(wildcard tests/integration/*_test.c)))
TESTS_stress      := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/stress/*_stress.c))
REALMS            := $(patsubst tests/realms/%.c,$(BUILD)/bin/%,$(wildcard tests/realms/*.c))

# Archives are searched as a group: a test takes only the objects it uses.
T_host := $(call archive,tools) $(call archive,tools/fuzz) $(call archive,mm/oracle) $(A_bench) $(call archive,sim/boot) $(MM_START) $(A_mm) $(A_librealm)
T_twin := $(A_twin)
LINK_TEST = @mkdir -p $(@D); echo "  LD    $@"; $(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(filter-out $<,$^) -Wl,--end-group

# The narrowest set that each folder of unit tests needs, so that a layer's tests build without those above.
$(BUILD)/tests/unit/core/%_test: $(BUILD)/tests/unit/core/%_test.o $(A_core)
	$(LINK_TEST) -lcriterion
$(BUILD)/tests/unit/proto/%_test: $(BUILD)/tests/unit/proto/%_test.o $(call archive,librealm/proto) $(A_core)
	$(LINK_TEST) -lcriterion
$(BUILD)/tests/unit/ring/%_test: $(BUILD)/tests/unit/ring/%_test.o $(call archive,librealm/ring) $(A_core)
	$(LINK_TEST) -lcriterion
$(BUILD)/tests/unit/os/%_test: $(BUILD)/tests/unit/os/%_test.o $(call archive,librealm/os/linux) $(call archive,librealm/ring) $(call archive,librealm/proto) $(A_core)
	$(LINK_TEST) -lcriterion -l:liburing.a -lpthread
$(BUILD)/tests/unit/client/%_test: $(BUILD)/tests/unit/client/%_test.o $(T_twin)
	$(LINK_TEST) -lcriterion
$(BUILD)/tests/unit/policy/%_test: $(BUILD)/tests/unit/policy/%_test.o $(call archive,mm/policy) $(A_core)
	$(LINK_TEST) -lcriterion
$(BUILD)/tests/unit/oracle/%_test: $(BUILD)/tests/unit/oracle/%_test.o $(call archive,mm/oracle)
	$(LINK_TEST) -lcriterion
$(BUILD)/tests/unit/config/%_test: $(BUILD)/tests/unit/config/%_test.o $(call archive,mm/config) $(call archive,mm/policy) $(A_core)
	$(LINK_TEST) -lcriterion
$(BUILD)/tests/unit/boot/%_test: $(BUILD)/tests/unit/boot/%_test.o $(call archive,sim/boot) $(call archive,mm/analysis) $(call archive,mm/config) $(call archive,mm/policy) $(A_core)
	$(LINK_TEST) -lcriterion -lfyaml -ljansson
$(BUILD)/tests/unit/fuzz/%_test: $(BUILD)/tests/unit/fuzz/%_test.o $(call archive,tools/fuzz) $(call archive,mm/oracle) $(call archive,mm/analysis) $(call archive,mm/config) $(call archive,mm/policy) $(A_core)
	$(LINK_TEST) -lcriterion
$(BUILD)/tests/unit/sandbox/%_test: $(BUILD)/tests/unit/sandbox/%_test.o $(call archive,mm/sandbox) $(call archive,librealm/os/linux) $(call archive,librealm/ring) $(call archive,librealm/proto) $(A_core)
	$(LINK_TEST) -lcriterion -lseccomp -l:liburing.a -lpthread
$(BUILD)/tests/unit/%_test: $(BUILD)/tests/unit/%_test.o $(T_host)
	$(LINK_TEST) -lcriterion $(LIBS_host)
# The broker's tests share a world: a launcher that forks nothing, and realms that the test plays.
$(filter $(BUILD)/tests/unit/broker/%,$(TESTS_unit)): $(BUILD)/tests/unit/broker/world.o $(BUILD)/tests/unit/broker/world_memory.o $(BUILD)/tests/unit/broker/process.o
$(BUILD)/tests/property/%_test: $(BUILD)/tests/property/%_test.o $(call archive,mm/oracle) $(call archive,librealm/ring) $(call archive,librealm/proto) $(call archive,mm/analysis) $(call archive,mm/config) $(call archive,mm/policy) $(A_core)
	$(LINK_TEST) -lcriterion
$(BUILD)/tests/integration/%_test: $(BUILD)/tests/integration/%_test.o $(BUILD)/tests/integration/harness.o $(T_host)
	$(LINK_TEST) -lcriterion $(LIBS_host)
# One that has the twin in it, and no other system.
$(BUILD)/tests/integration/twin_test: $(BUILD)/tests/integration/twin_test.o $(BUILD)/tests/integration/harness.o $(T_twin)
	$(LINK_TEST) -lcriterion -ljansson
$(BUILD)/tests/stress/%_stress: $(BUILD)/tests/stress/%_stress.o $(A_librealm)
	$(LINK_TEST) -l:liburing.a -lm -lpthread
$(BUILD)/tests/stress/flipping_stress: $(BUILD)/tests/stress/victim.o

.PHONY: test test-unit test-property test-integration test-stress stress-build test-build test-kill-matrix kill-matrix
test-build: all $(REALMS) $(TESTS_unit) $(TESTS_property) $(TESTS_integration) $(TESTS_stress) test-adversary-build
test: test-build ## unit, property, integration and stress tests of one variant
	@BUILD=$(BUILD) sh tests/run.sh $(TESTS_unit) $(TESTS_property) $(TESTS_integration) $(TESTS_stress)
test-unit: $(TESTS_unit) ## unit tests only
	@BUILD=$(BUILD) sh tests/run.sh $^
test-property: $(TESTS_property) ## property tests only
	@BUILD=$(BUILD) sh tests/run.sh $^
test-integration: all $(REALMS) $(TESTS_integration) ## on the real daemon
	@BUILD=$(BUILD) sh tests/run.sh $(TESTS_integration)
test-stress: $(TESTS_stress) ## concurrent parts; with VARIANT=tsan under ThreadSanitizer
	@BUILD=$(BUILD) sh tests/run.sh $^
stress-build: $(TESTS_stress)
# The matrix needs stop points, which release does not have: there its test asks that they are absent. Its cells
# wait more than they run.
test-kill-matrix: ## SIGKILL of everybody at every step of the protocol (debug, or VARIANT=asan)
	@$(MAKE) --no-print-directory VARIANT=$(if $(filter asan,$(VARIANT)),asan,debug) kill-matrix
kill-matrix: all $(REALMS) $(BUILD)/tests/integration/kill_matrix_test
	@BUILD=$(BUILD) CRITERION_JOBS=8 sh tests/run.sh $(BUILD)/tests/integration/kill_matrix_test
.PHONY: test-revoke-10000
test-revoke-10000: all $(REALMS) $(BUILD)/tests/integration/revoke_test ## 10 000 revocations under traffic, and how long they take
	@REALM_REVOKES=1700 $(BUILD)/tests/integration/revoke_test -j1 --timeout 600
.PHONY: test-stress-long
STRESS_MESSAGES ?= 100000000
STRESS_FLIPS    ?= 50000000
test-stress-long: $(BUILD)/tests/stress/boundary_stress $(BUILD)/tests/stress/flipping_stress ## 10^8 messages between two processes that fall asleep all the time; 5 * 10^7 operations beside a flipping peer
	@$(BUILD)/tests/stress/boundary_stress $(STRESS_MESSAGES)
	@$(BUILD)/tests/stress/flipping_stress $(STRESS_FLIPS)
.PHONY: test-flipper-long
test-flipper-long: all $(REALMS) $(BUILD)/tests/integration/flipper_test ## realms that flip bits in their own regions, 10^6 messages each way
	@REALM_FLIPS=1000000 $(BUILD)/tests/integration/flipper_test -j1 --timeout 3600
test-tsan: ## the concurrent parts under ThreadSanitizer
	@$(MAKE) --no-print-directory VARIANT=tsan test-stress

# --- models: every interleaving of the protocols of sleeping and revoking, store buffers included (SPIN) ---
.PHONY: test-models test-models-short
test-models: ## the models of sleeping and revoking, searched in full
	@sh tests/model/run.sh $(BUILD) full
test-models-short: ## the same, with few messages
	@sh tests/model/run.sh $(BUILD)

# --- the ring's production code under every interleaving of its shared accesses, up to so many deviations ---
.PHONY: test-interleave test-interleave-short
test-interleave: ## the ring, each interleaving of its accesses with at most 3 deviations, and mistakes that this must find
	@CC="$(CC)" sh tests/interleave/run.sh $(BUILD) 3
test-interleave-short: ## the same with at most 2
	@CC="$(CC)" sh tests/interleave/run.sh $(BUILD) 2

# --- fuzzing (clang): every source is compiled once, and each target takes from the archive what it uses ---
FUZZERS := $(patsubst tests/fuzz/%_fuzz.c,build/fuzz/%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZ_SECONDS ?= 10
FUZZ_SOURCES := $(wildcard librealm/core/*.c librealm/proto/*.c librealm/ring/*.c librealm/os/linux/*.c mm/config/*.c \
                mm/policy/*.c mm/analysis/*.c mm/oracle/*.c mm/sandbox/*.c mm/broker/*.c sim/boot/*.c) \
                $(patsubst %,tools/fuzz/%.c,case subject run compare invariants asserts system pick generate text words parse fixes config) \
                tests/fuzz/broker_script.c $(filter-out %_test.c,$(wildcard tests/unit/broker/*.c))
FUZZ_FLAGS   := -std=gnu11 -g -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
build/fuzz/o/%.o: %.c
	@mkdir -p $(@D)
	@clang $(CPPFLAGS) $(FUZZ_FLAGS) $(DEPFLAGS) -c $< -o $@
# The broker runs in the world of its unit tests, whose assertions then end the program (tests/plain).
build/fuzz/o/tests/%.o: CPPFLAGS += -Itests/plain
build/fuzz/all.a: $(patsubst %.c,build/fuzz/o/%.o,$(FUZZ_SOURCES))
	@rm -f $@ && $(AR) rcs $@ $^
build/fuzz/%: build/fuzz/o/tests/fuzz/%_fuzz.o build/fuzz/all.a
	@echo "  FUZZ  $@"
	@clang -fsanitize=fuzzer,address,undefined -o $@ $^ -ljansson -lfyaml -lseccomp -l:liburing.a
.PHONY: fuzz
fuzz: $(FUZZERS) ## run every fuzz target for FUZZ_SECONDS (10), from its corpus
	@sh tests/fuzz/run.sh $(FUZZ_SECONDS) $(FUZZERS)

# --- mutants: mistakes made on purpose, and who notices ---
MUTATE := $(BUILD)/tests/mutants/mutate
MUTANTS_EVERY ?= 1
.PHONY: mutants mutants-hand mutants-oracle mutants-mechanical
mutants-build: $(MUTATE) $(call archive,tools/fuzz) $(call archive,mm/analysis) $(call archive,mm/config) $(A_core)
mutants: mutants-build ## mistakes in the policy engine and the oracle: who notices (ONLY=mm/policy/clear.c; MUTANTS_EVERY=10: a tenth of the mechanical ones)
	@CC="$(CC)" sh tests/mutants/run.sh $(BUILD) all $(MUTANTS_EVERY) $(ONLY)
mutants-hand mutants-oracle mutants-mechanical: mutants-%: mutants-build
	@CC="$(CC)" sh tests/mutants/run.sh $(BUILD) $* $(MUTANTS_EVERY) $(ONLY)
$(MUTATE): tests/mutants/mutate.c tests/mutants/mistakes.c tests/mutants/mistakes.h
	@mkdir -p $(@D); echo "  LD    $@"; $(CC) $(WARNINGS) -D_GNU_SOURCE -I. -O1 -o $@ $(filter %.c,$^)
# A `realm` whose fuzzer has an engine with mistakes of each kind (MUTANT=1, 2, ...): what it finds can be replayed.
$(BUILD)/planted/mm/policy/decide.c: mm/policy/decide.c tests/mutants/planted.txt $(MUTATE)
	@mkdir -p $(@D); $(MUTATE) $< 1 $@ tests/mutants/planted.txt >/dev/null
$(BUILD)/planted/mm/policy/decide.o: $(BUILD)/planted/mm/policy/decide.c
	@$(CC) $(CPPFLAGS) $(CFLAGS) -Wno-switch -fsanitize-coverage=trace-pc $(DEPFLAGS) -c $< -o $@
$(BUILD)/planted/realm-fuzz.o: $(call objects,tools/fuzz) $(call objects,mm/oracle) $(BUILD)/tests/mutants/chosen.o \
    $(filter-out %/decide.o,$(FUZZ_policy)) $(BUILD)/planted/mm/policy/decide.o
	@$(LD) -r -o $@ $^ && $(OBJCOPY) --keep-global-symbol=fuzz_main --keep-global-symbol=fuzz_replay --keep-global-symbol=__sanitizer_cov_trace_pc $@
$(BUILD)/bin/realm_planted: $(BUILD)/tools/main.o $(BUILD)/planted/realm-fuzz.o $(call archive,tools) $(A_bench) $(call archive,sim/boot) $(MM_START) $(A_mm) $(A_librealm)
	@mkdir -p $(@D); echo "  LD    $@"
	@$(CC) $(LDFLAGS) -o $@ $< $(BUILD)/planted/realm-fuzz.o $(MM_START) -Wl,--start-group $(call archive,tools) $(A_bench) $(call archive,sim/boot) $(A_mm) $(A_librealm) -Wl,--end-group $(LIBS_host)
$(BUILD)/tests/integration/fuzz_test: | $(BUILD)/bin/realm_planted

# --- installing ---
.PHONY: test-install
test-install: all ## a service built outside the tree, with pkg-config, runs
	@BUILD=$(BUILD) CC="$(CC)" sh tests/install.sh

# --- the adversary suite: hostile realms without librealm, and the program that starts and judges them. Neither
# is built with sanitizers: an attacker makes raw system calls, and what is under test is everybody else. ---
ADVERSARY_realm := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/adversary/attack_*.c tests/adversary/raw*.c) \
                   tests/adversary/themes.c tests/adversary/report.c)
ADVERSARY_suite := $(patsubst %,$(BUILD)/tests/adversary/%.o,suite judge system host table)
ADVERSARY := $(BUILD)/bin/adversary $(BUILD)/bin/adversary-static $(BUILD)/bin/adversary_suite
$(BUILD)/tests/adversary/%.o: CFLAGS := $(filter-out -fsanitize% -fno-sanitize%,$(CFLAGS)) \
    $(if $(filter asan tsan,$(VARIANT)),-DADVERSARY_SANITIZED)
$(BUILD)/bin/adversary $(BUILD)/bin/adversary-static: $(BUILD)/tests/adversary/realm.o $(ADVERSARY_realm)
	@mkdir -p $(@D); echo "  LD    $@"; $(CC) $(if $(findstring static,$@),-static) -o $@ $^ -lpthread
$(BUILD)/bin/adversary_suite: $(ADVERSARY_suite) $(ADVERSARY_realm)
	@mkdir -p $(@D); echo "  LD    $@"; $(CC) -o $@ $^ -ljansson -lpthread

$(BUILD)/bin/adversary_weak: $(BUILD)/tests/adversary/weak.o $(T_host)
	@mkdir -p $(@D); echo "  LD    $@"; $(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group $(filter-out $<,$^) -Wl,--end-group $(LIBS_host)

.PHONY: test-adversary test-adversary-build test-adversary-weakened
test-adversary-build: all $(BUILD)/bin/worker $(ADVERSARY)
test-adversary: test-adversary-build ## hostile realms: as this user, and called by root as another
	@BUILD=$(BUILD) sh tests/adversary/run.sh
test-adversary-weakened: test-adversary-build $(BUILD)/bin/adversary_weak ## each restriction of the filter is needed
	@BUILD=$(BUILD) sh tests/adversary/weakened.sh

-include $(shell find build/fuzz -name '*.d' 2>/dev/null)
