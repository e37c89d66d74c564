# vmclone: PGXS build of the extension, and of the program vmclone-copy.

EXTENSION = extension/vmclone
MODULE_big = vmclone
EXTVERSION = 1.0

include extension/sql/parts.mk
include src/copy/copy.mk

DATA_built = extension/vmclone--$(EXTVERSION).sql
OBJS = $(patsubst %.c,%.o,$(wildcard src/*.c))
PG_CPPFLAGS = -Isrc $(shell pkg-config --cflags libxml-2.0 uuid)
PG_CFLAGS = -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers
SHLIB_LINK = $(shell pkg-config --libs libxml-2.0 uuid)
EXTRA_CLEAN = build vmclone-copy
with_llvm = no

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

all: vmclone-copy

extension/vmclone--$(EXTVERSION).sql: $(addprefix extension/sql/,$(SQL_PARTS)) extension/sql/parts.mk
	cat $(addprefix extension/sql/,$(SQL_PARTS)) > $@

vmclone-copy: $(COPY_OBJECTS)
	$(CC) $(COPY_LDFLAGS) -o $@ $(COPY_OBJECTS) $(COPY_LIBS)

build/copy/%.o: src/copy/%.c $(wildcard src/copy/*.h)
	@mkdir -p $(@D)
	$(CC) $(COPY_CFLAGS) -c -o $@ $<
