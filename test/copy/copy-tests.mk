# How vmclone-copy is tested; included by the Makefile.
#
#	make check-copy			everything, with the sanitizers' build too; TESTS="test/copy/x.t …" picks files
#	make check-copy-quick	a minute: fewer chains, mutants and kills, no sanitizers
#	SEED=n					repeats a run (each test prints its seed)

COPY_TEST_PROGRAMS = build/test-copy/make_chain build/test-copy/peak_memory build/test-copy/vmclone-copy-probe build/test-copy/slow_calls.so
COPY_TEST_CFLAGS = -std=c11 -O2 -g -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Wall -Wextra -Wshadow $(WERROR)
COPY_PROBE_OBJECTS = $(COPY_SOURCES:src/copy/%.c=build/test-copy/probe/%.o)
COPY_QUICK_TESTS = $(filter-out test/copy/sanitized.t,$(wildcard test/copy/*.t))
# the longest first, so that nothing waits for it in the end
COPY_TESTS = $(if $(TESTS),$(filter test/copy/%.t,$(TESTS)),test/copy/sanitized.t $(COPY_QUICK_TESTS))

check-copy: vmclone-copy build/sanitize/vmclone-copy $(COPY_TEST_PROGRAMS) ## one suite: the copier (test/copy)
	@TAP_JOBS=2 test/run/tap-harness perl $(COPY_TESTS)

check-copy-quick: vmclone-copy $(COPY_TEST_PROGRAMS) ## the copier in a minute
	@CHAINS=60 MUTANTS=60 KILLS=60 test/run/tap-harness perl $(COPY_QUICK_TESTS)

build/test-copy/make_chain: $(wildcard test/copy/make_chain/*)
	@mkdir -p $(@D)
	$(CC) $(COPY_TEST_CFLAGS) -o $@ $(filter %.c,$^) -lz -lzstd

build/test-copy/peak_memory: test/copy/peak_memory.c
	@mkdir -p $(@D)
	$(CC) $(COPY_TEST_CFLAGS) -o $@ $<

build/test-copy/slow_calls.so: test/copy/slow_calls.c
	@mkdir -p $(@D)
	$(CC) $(COPY_TEST_CFLAGS) -shared -fPIC -o $@ $< -ldl

# The copier whose parser tries what the sandbox must not allow (src/copy/base/sandbox.h).
build/test-copy/vmclone-copy-probe: $(COPY_PROBE_OBJECTS)
	$(CC) $(COPY_LDFLAGS) -o $@ $^ $(COPY_ALL_LIBS)

build/test-copy/probe/%.o: src/copy/%.c $(COPY_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(COPY_CFLAGS) $(WERROR) -DCOPY_SANDBOX_PROBE -c -o $@ $<

.PHONY: check-copy check-copy-quick

-include test/fuzz/fuzz.mk
