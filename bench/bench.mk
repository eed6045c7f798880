# The benchmarks: the harness inside the realm command, realm programs, and programs for peers (bench/README.md).
BENCH_REALMS  := $(patsubst bench/realms/%.c,$(BUILD)/bin/%,$(wildcard bench/realms/bench_*.c))
# What is timed is compiled alike, and with optimisation, whatever the variant adds.
$(BUILD)/bench/%.o: CFLAGS += -O2

$(BUILD)/bin/bench_%: $(BUILD)/bench/realms/bench_%.o $(BUILD)/bench/realms/common.o $(call archive,bench/measure) $(BUILD)/lib/librealm.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_realm)

# The commit stands at the head of every table; the stamp changes only when it does.
BUILD_COMMIT := $(shell git describe --always --dirty --abbrev=10 2>/dev/null || echo unknown)
$(shell mkdir -p $(BUILD)/bench/harness; echo '$(BUILD_COMMIT)' | cmp -s - $(BUILD)/bench/harness/commit.stamp || \
    echo '$(BUILD_COMMIT)' > $(BUILD)/bench/harness/commit.stamp)
$(BUILD)/bench/harness/commit.o: $(BUILD)/bench/harness/commit.stamp
$(BUILD)/bench/harness/commit.o: CPPFLAGS += -DBUILD_COMMIT='"$(BUILD_COMMIT)"'

# A peer is built if the compiler finds its header.
has = $(shell echo '\#include <$(1)>' | $(CC) $(2) -E - >/dev/null 2>&1 && echo yes)
BENCH_PEERS := pipe eventfd seqpacket tcp
ICEORYX_INCLUDE := $(addprefix -isystem ,$(lastword $(sort $(wildcard /usr/include/iceoryx/*))))
LIBS_sdbus := -lsystemd
LIBS_zeromq := -lzmq
LIBS_nng := -lnng
LIBS_iceoryx := -liceoryx_binding_c
BENCH_PEERS += $(if $(call has,systemd/sd-bus.h),sdbus)
BENCH_PEERS += $(if $(call has,zmq.h),zeromq)
BENCH_PEERS += $(if $(call has,nng/nng.h),nng)
BENCH_PEERS += $(if $(call has,iceoryx_binding_c/publisher.h,$(ICEORYX_INCLUDE)),iceoryx)
$(BUILD)/bench/peers/bench_peer_iceoryx.o: CPPFLAGS += $(ICEORYX_INCLUDE)
BENCH_PEER_PROGRAMS := $(addprefix $(BUILD)/bin/bench_peer_,$(BENCH_PEERS))
# Nothing here is under test: no sanitizers.
$(BUILD)/bench/peers/%.o $(BUILD)/bench/peers/peer.o: CFLAGS := $(filter-out -fsanitize% -fno-sanitize%,$(CFLAGS))
BENCH_PLAIN := $(patsubst bench/measure/%.c,$(BUILD)/bench/peers/measure/%.o,$(wildcard bench/measure/*.c))
$(BUILD)/bench/peers/measure/%.o: bench/measure/%.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(DEPFLAGS) -c $< -o $@
$(BUILD)/bin/bench_peer_%: $(BUILD)/bench/peers/bench_peer_%.o $(BUILD)/bench/peers/peer.o $(BENCH_PLAIN)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	@$(CC) -o $@ $^ $(LIBS_$*) -lm

all: $(BENCH_REALMS) $(BENCH_PEER_PROGRAMS)

.PHONY: bench
bench: all $(BUILD)/bin/policy_bench ## floors, calls and peers side by side (realm bench), and the policy engine
	@$(BUILD)/bin/realm bench
	@$(BUILD)/bin/policy_bench

# The policy engine alone: an own program, pure but for its clock.
$(BUILD)/bin/policy_bench: $(BUILD)/bench/policy/policy_bench.o $(call archive,mm/policy) $(A_core)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	@$(CC) $(LDFLAGS) -o $@ $^
.PHONY: bench-policy
bench-policy: $(BUILD)/bin/policy_bench ## decisions and revocation of the policy engine
	@$<
