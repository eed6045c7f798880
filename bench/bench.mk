# The benchmarks: `make bench`.
BENCH := $(patsubst bench/%.c,$(BUILD)/bench/%.o,$(wildcard bench/*.c))
$(BUILD)/bin/bench: $(BENCH) $(BUILD)/lib/librealm.a
	@mkdir -p $(@D)
	@echo "  LD    $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_realm)
.PHONY: bench
bench: all $(BUILD)/bin/bench ## floors and calls side by side, as ratios
	@BUILD=$(BUILD) sh bench/run.sh
