# gru: small filters for recurrent networks. `make help` lists the targets.

VERSION := $(shell sed -n 's/.*GRU_VERSION "\(.*\)"/\1/p' lib/base/version.h)
PREFIX ?= /usr/local
DESTDIR ?=
CC ?= cc
BUILD ?= build
PKG_CONFIG ?= pkg-config
CFLAGS ?= -O2 -g
SANITIZE ?=
WERROR ?=

PACKAGES := zlib icu-uc icu-i18n jansson
WARN := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes $(WERROR)
ALL_CPPFLAGS := -Ilib -Icmd -D_POSIX_C_SOURCE=200809L -D_FILE_OFFSET_BITS=64 \
	$(shell $(PKG_CONFIG) --cflags $(PACKAGES)) $(CPPFLAGS)
ALL_CFLAGS := -std=c11 -fPIC -fvisibility=default -pthread $(WARN) $(CFLAGS) $(SANITIZE)
LIBS := $(shell $(PKG_CONFIG) --libs $(PACKAGES)) -lcsv -lstemmer -lm -pthread
ALL_LDFLAGS := $(LDFLAGS) $(SANITIZE)

X86_64 := $(findstring x86_64,$(shell uname -m))
# A layer may include only its own headers and those of layers before it.
LAYERS := base io kern text series nn train eval plot
ALL_LIB := $(foreach l,$(LAYERS),$(wildcard lib/$(l)/*.c))
TEST_SRC := $(filter %_test.c,$(ALL_LIB))
DOUBLE_TEST_SRC := $(filter %_double_test.c,$(TEST_SRC))
LIB_SRC := $(filter-out %_test.c,$(ALL_LIB))
TOOLS := $(patsubst cmd/%.c,%,$(wildcard cmd/gru-*.c))

LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o)
TEST_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(DOUBLE_TEST_SRC),$(TEST_SRC)))
# The numeric layers once more in double precision, for the gradient checks.
DOUBLE_OBJ := $(LIB_SRC:%.c=$(BUILD)/double/%.o) $(DOUBLE_TEST_SRC:%.c=$(BUILD)/double/%.o)

# Keep the tools' objects: deleted ones would be made again by the next make.
.SECONDARY:
.PHONY: all check demo bench asan install uninstall clean help tools lib
all: lib tools
lib: $(BUILD)/libgru.a $(BUILD)/libgru.so $(BUILD)/gru.pc
tools: $(TOOLS:%=$(BUILD)/%)

help:
	@echo 'make [all]      build the library and the tools under $(BUILD)/'
	@echo 'make check      unit tests, tool tests and lints (scripts/test installs what they need)'
	@echo 'make asan       the tests under the address and undefined-behaviour sanitizers'
	@echo 'make demo       both workflows on testdata/'
	@echo 'make bench      how fast it is, beside the peers that are there (scripts/bench --help)'
	@echo 'make install    into $$(DESTDIR)$$(PREFIX); make uninstall removes it'
	@echo 'make clean      remove $(BUILD)/'
	@echo 'variables       CC CFLAGS PREFIX DESTDIR BUILD'

# One body, compiled once per instruction set (lib/kern/kern_*.c).
# -Wno-psabi: its vectors are passed to inlined functions only, never over an ABI.
# The sanitizers would make a minute of -O3 of the unrolled kernels.
KERN_FLAGS := $(if $(SANITIZE),-O1,-O3) -ffp-contract=fast -Wno-psabi
$(BUILD)/lib/kern/kern_avx2.o $(BUILD)/double/lib/kern/kern_avx2.o: ISA_FLAGS := $(KERN_FLAGS) $(if $(X86_64),-mavx2 -mfma)
$(BUILD)/lib/kern/kern_avx512.o $(BUILD)/double/lib/kern/kern_avx512.o: ISA_FLAGS := $(KERN_FLAGS) $(if $(X86_64),-march=x86-64-v4 -mprefer-vector-width=512)
$(BUILD)/lib/kern/kern_generic.o $(BUILD)/double/lib/kern/kern_generic.o: ISA_FLAGS := $(KERN_FLAGS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ISA_FLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/double/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) -DGRU_DOUBLE $(ALL_CFLAGS) $(ISA_FLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/libgru.a: $(LIB_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/libgru.so: $(LIB_OBJ)
	$(CC) -shared -Wl,-soname,libgru.so.0 -o $@.$(VERSION) $^ $(ALL_LDFLAGS) $(LIBS)
	ln -sf libgru.so.$(VERSION) $(BUILD)/libgru.so.0
	ln -sf libgru.so.$(VERSION) $@

$(BUILD)/gru.pc: Makefile lib/base/version.h
	@mkdir -p $(@D)
	printf 'prefix=%s\nlibdir=$${prefix}/lib\nincludedir=$${prefix}/include\n\nName: gru\nDescription: recurrent networks\nVersion: %s\nRequires.private: %s\nLibs: -L$${libdir} -lgru\nLibs.private: -lcsv -lstemmer -lm -pthread\nCflags: -I$${includedir}/gru\n' '$(PREFIX)' '$(VERSION)' '$(PACKAGES)' > $@

$(BUILD)/gru-%: $(BUILD)/cmd/gru-%.o $(BUILD)/cmd/tool.o $(BUILD)/libgru.a
	$(CC) -o $@ $^ $(ALL_LDFLAGS) $(LIBS)

# What scripts/bench measures with.
BENCH := $(patsubst scripts/bench-parts/%.c,$(BUILD)/bench/%,$(wildcard scripts/bench-parts/*.c))
.PHONY: bench-parts
bench-parts: all $(BENCH)
$(BUILD)/scripts/bench-parts/peak.o: ISA_FLAGS := $(KERN_FLAGS)

$(BUILD)/bench/%: $(BUILD)/scripts/bench-parts/%.o $(BUILD)/libgru.a
	@mkdir -p $(@D)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) $(LIBS)

# The tools with the library shared, stripped: how large an installed gru is.
.PHONY: bench-shared
bench-shared: all
	@mkdir -p $(BUILD)/bench/shared
	for t in $(TOOLS); do $(CC) -s -o $(BUILD)/bench/shared/$$t $(BUILD)/cmd/$$t.o $(BUILD)/cmd/tool.o \
	  -L$(BUILD) -lgru $(ALL_LDFLAGS) $(LIBS) || exit 1; done
	strip -o $(BUILD)/bench/shared/libgru.so $(BUILD)/libgru.so

$(BUILD)/unit: $(TEST_OBJ) $(BUILD)/libgru.a
	$(CC) -o $@ $^ $(ALL_LDFLAGS) -lcriterion $(LIBS)

$(BUILD)/unit-double: $(DOUBLE_OBJ)
	$(CC) -o $@ $^ $(ALL_LDFLAGS) -lcriterion $(LIBS)

BASH_DIR = $(PREFIX)/share/bash-completion/completions
ZSH_DIR = $(PREFIX)/share/zsh/site-functions
FISH_DIR = $(PREFIX)/share/fish/vendor_completions.d

check:
	sh scripts/test
asan:
	sh scripts/test --asan-only
demo:
	sh scripts/demo
bench:
	sh scripts/bench

# What a program against the library may include; the rest is between files of one layer.
PRIVATE := $(shell grep -lE '"nn/slice\.h"|_(private|parts)\.h"' lib/*/*.h)
PUBLIC := lib/gru.h $(filter-out %_private.h %_parts.h lib/base/spin.h lib/kern/kern_%.h $(PRIVATE),$(wildcard $(LAYERS:%=lib/%/*.h)))

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig
	install -m 755 $(TOOLS:%=$(BUILD)/%) $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(BUILD)/libgru.a $(DESTDIR)$(PREFIX)/lib
	install -m 755 $(BUILD)/libgru.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib
	ln -sf libgru.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/libgru.so.0
	ln -sf libgru.so.0 $(DESTDIR)$(PREFIX)/lib/libgru.so
	sed 's|^prefix=.*|prefix=$(PREFIX)|' $(BUILD)/gru.pc > $(DESTDIR)$(PREFIX)/lib/pkgconfig/gru.pc
	for h in $(PUBLIC:lib/%=%); do install -D -m 644 lib/$$h $(DESTDIR)$(PREFIX)/include/gru/$$h || exit 1; done
	install -d $(DESTDIR)$(BASH_DIR) $(DESTDIR)$(ZSH_DIR) $(DESTDIR)$(FISH_DIR)
	for t in $(TOOLS); do \
	  $(BUILD)/$$t --completions bash > $(DESTDIR)$(BASH_DIR)/$$t && \
	  $(BUILD)/$$t --completions zsh > $(DESTDIR)$(ZSH_DIR)/_$$t && \
	  $(BUILD)/$$t --completions fish > $(DESTDIR)$(FISH_DIR)/$$t.fish || exit 1; done
	for n in 1 5 7; do install -d $(DESTDIR)$(PREFIX)/share/man/man$$n; for p in man/*.$$n; do [ ! -f "$$p" ] || install -m 644 "$$p" $(DESTDIR)$(PREFIX)/share/man/man$$n; done; done

uninstall:
	rm -f $(TOOLS:%=$(DESTDIR)$(PREFIX)/bin/%) $(DESTDIR)$(PREFIX)/lib/libgru.a $(DESTDIR)$(PREFIX)/lib/libgru.so* $(DESTDIR)$(PREFIX)/lib/pkgconfig/gru.pc
	rm -f $(foreach p,$(wildcard man/*.[157]),$(DESTDIR)$(PREFIX)/share/man/man$(subst .,,$(suffix $(p)))/$(notdir $(p)))
	rm -f $(TOOLS:%=$(DESTDIR)$(BASH_DIR)/%) $(TOOLS:%=$(DESTDIR)$(ZSH_DIR)/_%) $(TOOLS:%=$(DESTDIR)$(FISH_DIR)/%.fish)
	rm -rf $(DESTDIR)$(PREFIX)/include/gru

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
