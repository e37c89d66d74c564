# libFuzzer targets; included by test/copy/copy-tests.mk.
#
#	make fuzz-short			2 s each (make test runs it as suite "fuzz")
#	make fuzz				FUZZ_SECONDS each (900); findings stay in build/fuzz/findings
#	make coverage-fuzz		lines of the parsers that the corpora reach
#
# Seeds are in test/fuzz/corpus/TARGET; what a run adds goes to build/fuzz/corpus/TARGET.
FUZZ_CC ?= clang
FUZZ_SECONDS ?= 900
FUZZ_TARGETS = header tables chain_map decompress copy record request arguments control backing remover domain provision json ovf
FUZZ_CFLAGS = -std=c11 -O1 -g -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -fno-omit-frame-pointer \
	-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -Isrc -Itest/fuzz $(COPY_VERSION) \
	-Wall -Wextra -Wno-missing-field-initializers -Wshadow $(WERROR)
FUZZ_COPY_OBJECTS = $(patsubst src/copy/%.c,build/fuzz/copy/%.o, \
	$(filter-out $(addprefix src/copy/command/,main.c dispatch.c serve.c sequence.c) src/copy/base/sandbox.c,$(COPY_SOURCES)))
# Sources that a target includes, for what is static in them, and so doesn't link.
FUZZ_INCLUDED_arguments = base/rootpath volume/volume
FUZZ_INCLUDED_control = base/control
FUZZ_INCLUDED_backing = volume/volume_chain
FUZZ_INCLUDED_remover = base/remover
FUZZ_INCLUDED_provision = volume/volume_provision
FUZZ_INCLUDING = arguments control backing remover provision
FUZZ_LINKED = $(filter-out $(FUZZ_INCLUDED_$*:%=$(@D)/copy/%.o),$^)
# Few enough that an input can have more.
build/fuzz/copy/chain/extents.o build/fuzz-coverage/copy/chain/extents.o: FUZZ_LIMITS = -DMAX_REMEMBERED=128
FUZZ_PROGRAMS = $(FUZZ_TARGETS:%=build/fuzz/fuzz_%)

fuzz-short check-fuzz: $(FUZZ_PROGRAMS) ## fuzz the parsers for some seconds
	@test/fuzz/run-fuzz 2 $(FUZZ_TARGETS)

fuzz: $(FUZZ_PROGRAMS) ## fuzz for FUZZ_SECONDS per target
	@test/fuzz/run-fuzz $(FUZZ_SECONDS) $(FUZZ_TARGETS)

build/fuzz/fuzz_%: build/fuzz/fuzz_%.o build/fuzz/fuzz_chain.o build/fuzz/fuzz_faults.o build/fuzz/no_sandbox.o $(FUZZ_COPY_OBJECTS)
	$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $@ $(FUZZ_LINKED) $(COPY_LIBS)

# The OVF reader is the extension's; it needs nothing of PostgreSQL.
build/fuzz/fuzz_ovf: test/fuzz/fuzz_ovf.c $(wildcard src/ovf/*.[ch])
	@mkdir -p $(@D)
	$(FUZZ_CC) -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -Isrc $(WERROR) -o $@ $(filter %.c,$^) \
		$(shell pkg-config --cflags --libs libxml-2.0 uuid)

build/fuzz/copy/%.o: src/copy/%.c $(COPY_HEADERS)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_CFLAGS) $(FUZZ_LIMITS) -c -o $@ $<

$(FUZZ_INCLUDING:%=build/fuzz/fuzz_%.o) $(FUZZ_INCLUDING:%=build/fuzz-coverage/test/fuzz_%.o): $(COPY_SOURCES)

# Two sources in one: the names of one's globals are the other's arguments.
build/fuzz/fuzz_arguments.o: FUZZ_CFLAGS += -Wno-shadow

# Its oracle is most of its work, and no coverage of ours.
build/fuzz/fuzz_chain_map.o: test/fuzz/fuzz_chain_map.c $(wildcard test/fuzz/*.h) $(COPY_HEADERS)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(filter-out -fsanitize=fuzzer-no-link%,$(FUZZ_CFLAGS)) -fsanitize=address,undefined -c -o $@ $<

build/fuzz/%.o: test/fuzz/%.c $(wildcard test/fuzz/*.h) $(COPY_HEADERS)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_CFLAGS) -c -o $@ $<

# The same targets with counters instead of sanitizers.
FUZZ_COVERAGE_CFLAGS = -std=c11 -O1 -g -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -fprofile-instr-generate -fcoverage-mapping -Isrc -Itest/fuzz \
	$(COPY_VERSION)
FUZZ_COVERAGE_PROGRAMS = $(FUZZ_TARGETS:%=build/fuzz-coverage/fuzz_%)

coverage-fuzz: $(FUZZ_COVERAGE_PROGRAMS) ## lines of the parsers that the fuzz corpora reach, by file
	@test/fuzz/run-coverage $(FUZZ_TARGETS)

build/fuzz-coverage/fuzz_%: build/fuzz-coverage/test/fuzz_%.o build/fuzz-coverage/test/fuzz_chain.o build/fuzz-coverage/test/fuzz_faults.o \
		build/fuzz-coverage/test/no_sandbox.o \
		$(FUZZ_COPY_OBJECTS:build/fuzz/%=build/fuzz-coverage/%)
	$(FUZZ_CC) -fsanitize=fuzzer -fprofile-instr-generate -o $@ $(FUZZ_LINKED) $(COPY_LIBS)

build/fuzz-coverage/fuzz_ovf: test/fuzz/fuzz_ovf.c $(wildcard src/ovf/*.[ch])
	@mkdir -p $(@D)
	$(FUZZ_CC) -fsanitize=fuzzer $(FUZZ_COVERAGE_CFLAGS) -o $@ $(filter %.c,$^) $(shell pkg-config --cflags --libs libxml-2.0 uuid)

build/fuzz-coverage/copy/%.o: src/copy/%.c $(COPY_HEADERS)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_COVERAGE_CFLAGS) $(FUZZ_LIMITS) -c -o $@ $<

build/fuzz-coverage/test/%.o: test/fuzz/%.c $(wildcard test/fuzz/*.h) $(COPY_HEADERS)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_COVERAGE_CFLAGS) -c -o $@ $<

.PHONY: fuzz fuzz-short check-fuzz coverage-fuzz
.PRECIOUS: build/fuzz-coverage/test/%.o build/fuzz-coverage/copy/%.o
.PRECIOUS: build/fuzz/%.o build/fuzz/copy/%.o
