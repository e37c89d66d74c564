# How vmclone-copy is built.  It links nothing of PostgreSQL.
COPY_SOURCES = $(wildcard src/copy/*.c)
COPY_OBJECTS = $(COPY_SOURCES:src/copy/%.c=build/copy/%.o)
COPY_LIBS = -ldeflate -lz -lzstd -lseccomp -lpthread
COPY_CFLAGS = -std=c11 -O2 -g -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -fstack-protector-strong -D_FORTIFY_SOURCE=2 \
	-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla
