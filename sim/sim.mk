# What the scenarios of the simulated system need beside programs.

# One real text of many lines for the Lona system: the headers of the C library and of the kernel, joined.
LONA_TEXT := build/lona/headers.txt
all: $(LONA_TEXT)
$(LONA_TEXT):
	@mkdir -p $(@D)
	@echo "  TEXT  $@"
	@find /usr/include/*.h /usr/include/linux -name '*.h' -print0 | LC_ALL=C sort -z | xargs -0 cat > $@.part
	@mv $@.part $@
