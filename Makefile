# vmclone: PGXS build of the extension, and of the program vmclone-copy.
# `make help` lists what can be made.

EXTENSION = extension/vmclone
MODULE_big = vmclone
# The one place that names the version is the control file.
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'$$/\1/p" extension/vmclone.control)
# The release before: its install script is kept in test/upgrade.
RELEASED = 1.0
PG_CONFIG ?= pg_config

# Our own builds (a git checkout) take no warning; a packager's compiler may know other ones.
WERROR ?= $(if $(wildcard .git),-Werror)

include src/install_script.mk
include src/copy/copy.mk

# Goals that run before, or without, the packages that a build needs.
TOOL_GOALS = help packages test test-security test-storage test-versions test-packages demo bench coverage dist deb format lint installcheck check \
	check-regress check-isolation check-pgtap check-tap check-docs
BUILD_GOALS := $(filter-out $(TOOL_GOALS),$(or $(MAKECMDGOALS),all))

ifneq ($(BUILD_GOALS),)
ifneq ($(shell PG_CONFIG='$(PG_CONFIG)' tools/check-build-needs >&2 || echo missing),)
$(error vmclone can't be built yet: see above)
endif

NEW_INSTALL = extension/vmclone--$(EXTVERSION).sql
NEW_UPGRADE = extension/vmclone--$(RELEASED)--$(EXTVERSION).sql
DATA_built = $(NEW_INSTALL) $(NEW_UPGRADE)
DATA = $(filter-out $(DATA_built),$(wildcard extension/vmclone--*--*.sql))
OBJS = $(patsubst %.c,%.o,$(filter-out src/copy/%,$(wildcard src/*.c src/*/*.c)))
PG_CPPFLAGS = -Isrc $(shell pkg-config --cflags libxml-2.0 uuid)
# The server's headers want the C that its own compiler had by default; from 19 on that can be C23.
PG_STANDARD = $(if $(shell grep -s 'undef typeof_unqual' '$(shell $(PG_CONFIG) --includedir-server)/pg_config.h'),gnu23,gnu11)
PG_CFLAGS = -std=$(PG_STANDARD) -Wall -Wextra $(WERROR) -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers -MMD -MP
SHLIB_LINK = $(shell pkg-config --libs libxml-2.0 uuid) -Wl,--version-script=build/vmclone.map
# Options of the compiler that the server was built with are there, too; 19's own macro for SIG_IGN casts between function types.
IS_CLANG := $(if $(CC),$(findstring clang,$(shell $(CC) --version 2>/dev/null)))
ifneq ($(IS_CLANG),)
PG_CFLAGS += -Wno-unknown-warning-option -Wno-ignored-optimization-argument -Wno-ignored-attributes \
	-Wno-cast-function-type-strict
endif
ifdef COVERAGE
PG_CFLAGS += --coverage -O0
SHLIB_LINK += --coverage
endif
EXTRA_CLEAN = build vmclone-copy $(OBJS:.o=.d)

# No bitcode for the server's JIT unless asked for (with_llvm=yes): it would need clang.
override with_llvm := $(if $(filter command line,$(origin with_llvm)),$(with_llvm),no)

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)
-include $(OBJS:.o=.d) $(COPY_OBJECTS:.o=.d)

all: vmclone-copy

$(NEW_INSTALL): $(addprefix src/,$(SQL_PARTS)) src/install_script.mk extension/vmclone.control
	cat $(addprefix src/,$(SQL_PARTS)) > $@.tmp
	mv $@.tmp $@

$(NEW_UPGRADE): test/upgrade/vmclone--$(RELEASED).sql $(NEW_INSTALL) tools/make-upgrade $(wildcard src/*/upgrade*.sql)
	tools/make-upgrade test/upgrade/vmclone--$(RELEASED).sql $(NEW_INSTALL) src > $@.tmp
	mv $@.tmp $@

# What knows its own version.
src/base/extension.o build/copy/command/main.o build/copy/volume/volume_self.o: extension/vmclone.control
src/base/extension.o: override CPPFLAGS += -DVMCLONE_VERSION='"$(EXTVERSION)"'

# Only what the server looks up by name is seen outside of the library: with another preloaded library in the process, a
# function of ours would else be that library's of the same name.
SYMBOL_MAP = build/vmclone.map
vmclone.so: $(SYMBOL_MAP)
$(SYMBOL_MAP): $(OBJS) tools/make-symbol-map
	@mkdir -p $(@D)
	NM='$(NM)' tools/make-symbol-map $(OBJS) > $@.tmp
	mv $@.tmp $@

vmclone-copy: $(COPY_OBJECTS)
	$(CC) $(COPY_LDFLAGS) -o $@ $(COPY_OBJECTS) $(COPY_LIBS)

build/copy/%.o: src/copy/%.c
	@mkdir -p $(@D)
	$(CC) $(COPY_CFLAGS) $(WERROR) -MMD -MP -c -o $@ $<

# The copier stands beside the server's programs, where the extension looks for it.
COPY_MANPAGE = $(wildcard docs/man/vmclone-copy.1)

install: install-copy
uninstall: uninstall-copy

install-copy: vmclone-copy
	$(MKDIR_P) '$(DESTDIR)$(bindir)'
	$(INSTALL_PROGRAM) vmclone-copy '$(DESTDIR)$(bindir)/vmclone-copy'
ifneq ($(COPY_MANPAGE),)
	$(MKDIR_P) '$(DESTDIR)$(mandir)/man1'
	$(INSTALL_DATA) $(COPY_MANPAGE) '$(DESTDIR)$(mandir)/man1/'
endif

uninstall-copy:
	rm -f '$(DESTDIR)$(bindir)/vmclone-copy' '$(DESTDIR)$(mandir)/man1/vmclone-copy.1'

include src/terminal/terminal.mk
include src/provision/provision.mk

.PHONY: install-copy uninstall-copy
endif

-include test/copy/copy-tests.mk

help:
	@printf '  %-22s%s\n' make 'build vmclone.so and vmclone-copy' 'make install' 'into the server that PG_CONFIG names (DESTDIR works)' \
		'make uninstall' 'remove what install put there' 'make clean' 'remove what was built' \
		'make check-copy' 'one suite: the copier against qemu-img (test/copy)' \
		'make check-fuzz' 'one suite: short fuzzing (test/fuzz)'
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

.PHONY: help packages test test-security test-storage test-versions test-packages demo bench format lint
.PHONY: check-regress check-isolation check-pgtap check-tap check-docs
# Targets below call make for what they need built, after the packages are there.

packages: ## install the packages for building, testing and linting
	tools/install-packages build test lint

test: ## everything there is; closes with "N passed, N failed"; SUITES="regress tap" picks suites
	@tools/install-packages build test
	@test/run/run-tests $(SUITES)

test-storage: ## one suite: NFS, LVM on iSCSI and sanlock in a guest of its own; TESTS="test/guest/t/010_x.pl …" picks files
	@tools/install-packages build test
	@tools/install-packages storage || true
	@test/run/run-tests storage

test-versions: ## the same on PostgreSQL 13 to 19; VERSIONS="13 18", SUITES="regress tap" and TESTS pick
	@[ "$$(id -u)" != 0 ] || tools/install-packages versions
	@test/versions/run-versions

test-packages: ## make dist, and Debian, RPM and PGXN packages of it in bare roots of each release; VERSIONS picks
	@[ "$$(id -u)" != 0 ] || tools/install-packages build versions
	@test/packages/run-packages

check-regress: ## one suite: pg_regress (sql/, expected/)
check-isolation: ## one suite: isolation specs (test/specs)
check-pgtap: ## one suite: pgTAP (test/pgtap)
check-tap: ## one suite: TAP (test/t); TESTS="test/t/001_x.pl …" picks files
check-docs: ## one suite: links, SQL blocks and tables in the documentation
check-regress check-isolation check-pgtap check-tap check-docs:
	@tools/install-packages build test
	@test/run/run-tests $(@:check-%=%)

ifeq ($(BUILD_GOALS),)
check installcheck: test
endif

test-security: ## only the tests that docs/security.md names in its list of threats
	@tools/install-packages build test
	@TESTS="$$(tools/security-tests files | xargs)" test/run/run-tests $$(tools/security-tests suites)

demo: ## clone a VM of real disks from a snapshot in a private cluster; KEEP=1 keeps the cluster
	@tools/install-packages build demo
	@KEEP='$(KEEP)' demo/run-demo

bench: ## measure copier and SQL calls (half an hour), write docs/performance.md
	@tools/install-packages build test
	@$(MAKE) --no-print-directory all
	@set -e; for b in bench/*/run; do WRITE=1 "$$b"; done

coverage: ## lines of C that the suites reach, by folder; SUITES="regress pgtap" picks suites
	@tools/install-packages build test
	@tools/coverage $(SUITES)

dist: ## build/vmclone-VERSION.0.zip (for PGXN) and build/vmclone-VERSION.tar.gz, of what is committed
	@mkdir -p build
	git archive --format=zip --prefix=vmclone-$(EXTVERSION).0/ -o build/vmclone-$(EXTVERSION).0.zip HEAD
	git archive --format=tar.gz --prefix=vmclone-$(EXTVERSION)/ -o build/vmclone-$(EXTVERSION).tar.gz HEAD

deb: ## Debian packages for the server that PG_CONFIG names, into build/packages
	@tools/install-packages build package
	@tools/make-deb

format: ## clang-format all C sources in place
	@tools/install-packages lint
	clang-format -i $$(tools/sources c)

lint: ## clang-format, cppcheck, shellcheck and perl -c; clean or it fails
	@tools/install-packages build lint
	@$(MAKE) --no-print-directory vmclone-copy  # the copier tests do not compile without it
	@tools/lint
