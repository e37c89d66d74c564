# How vmclone-copy is built.  It links nothing of PostgreSQL.
.DEFAULT_GOAL := all

COPY_SOURCES = $(wildcard src/copy/*/*.c)
COPY_HEADERS = $(wildcard src/copy/*/*.h src/contract/*.h)
COPY_OBJECTS = $(COPY_SOURCES:src/copy/%.c=build/copy/%.o)
# -lrt: timers, in C libraries before 2.34
COPY_ALL_LIBS = -ldeflate -lz -lzstd -lseccomp -lpthread -lrt
COPY_LIBS = $(COPY_ALL_LIBS)
COPY_WARNINGS = -Wall -Wextra -Wno-missing-field-initializers -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla
COPY_VERSION = -DVMCLONE_VERSION='"$(EXTVERSION)"'
COPY_CFLAGS = -std=c11 -O2 -g $(COPY_FLAGS) -Isrc $(COPY_VERSION) -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -fstack-protector-strong -D_FORTIFY_SOURCE=2 \
	$(COPY_WARNINGS) $(COPT)

# SANDBOX=no leaves seccomp out, for what can't have it: emulators, and kernels without it.  Hostile images then are read
# with all rights of the user.
SANDBOX = yes

# make coverage: a sandbox would keep the counters from being written.
ifdef COVERAGE
COPY_CFLAGS += --coverage -O0 -U_FORTIFY_SOURCE
COPY_LDFLAGS += --coverage
SANDBOX = no
endif
ifeq ($(SANDBOX),no)
COPY_OBJECTS := $(filter-out %/sandbox.o,$(COPY_OBJECTS)) build/copy/no_sandbox.o
COPY_LIBS := $(filter-out -lseccomp,$(COPY_LIBS))
COPY_VERSION += -DCOPY_WITHOUT_SANDBOX

build/copy/no_sandbox.o: test/fuzz/no_sandbox.c
	@mkdir -p $(@D)
	$(CC) $(COPY_CFLAGS) -c -o $@ $<
endif

# Everything but main(), for programs that test it (test/fuzz).
build/copy/libcopy.a: $(filter-out build/copy/command/main.o,$(COPY_OBJECTS))
	rm -f $@
	ar rcs $@ $^

# The same program with ASan and UBSan; CC=clang COPY_SANITIZE=-fsanitize=… for other ones.
COPY_SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all
# Their libraries' data is searched for pointers at each end of a process; gcc's shared ones have it twice.
COPY_SANITIZE_LIBS = $(if $(findstring clang,$(CC)),,-static-libasan -static-libubsan)
COPY_SANITIZE_CFLAGS = -std=c11 -O1 -g -Isrc $(COPY_VERSION) -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -fno-omit-frame-pointer $(COPY_SANITIZE) \
	$(COPY_WARNINGS)
COPY_SANITIZE_OBJECTS = $(COPY_SOURCES:src/copy/%.c=build/sanitize/%.o)

copy-sanitize: build/sanitize/vmclone-copy

build/sanitize/vmclone-copy: $(COPY_SANITIZE_OBJECTS)
	$(CC) $(COPY_SANITIZE) -o $@ $^ $(COPY_SANITIZE_LIBS) $(COPY_ALL_LIBS)

build/sanitize/libcopy.a: $(filter-out build/sanitize/command/main.o,$(COPY_SANITIZE_OBJECTS))
	rm -f $@
	ar rcs $@ $^

build/sanitize/%.o: src/copy/%.c $(COPY_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(COPY_SANITIZE_CFLAGS) $(WERROR) -c -o $@ $<

# The same program whose parser tries forbidden calls once it is in the sandbox.
copy-probe: build/probe/vmclone-copy

build/probe/vmclone-copy: $(COPY_SOURCES) $(COPY_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(COPY_CFLAGS) $(WERROR) -DCOPY_SANDBOX_PROBE -o $@ $(COPY_SOURCES) $(COPY_ALL_LIBS)

.PHONY: copy-sanitize copy-probe
