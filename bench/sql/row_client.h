/*
 * row_client.h
 *		A clone as an engine makes it: one statement for each row that is read, written or locked.
 *
 * The work is the call's: what it reads to check, what it locks, what it writes.  Which rows are
 * written is taken from a call, made once in a transaction that is rolled back: its rows are what
 * is inserted, with new ids, names and MAC addresses.
 */
#ifndef BENCH_ROW_CLIENT_H
#define BENCH_ROW_CLIENT_H

#define MAX_DEVICES 64

/* Ids of the source that the client has in its hands, as an engine has. */
typedef struct Source
{
	char *vm;
	char *snapshot;
	char *images[2];
	char *cluster;
	char *pool;
	char *domain;
	char *cpu_profile;
	char *devices[MAX_DEVICES]; /* ids, types: from the snapshot's OVF */
	char *types[MAX_DEVICES];
	int device_count;
} Source;

/* The ids of the fixture's VM bench<vm>. */
extern Source row_client_source(int vm);

/* Takes down what a call for bench<vm> writes, and names the statements. */
extern void row_client_capture(int vm);

/* One transaction; number makes the MAC addresses this clone's own. */
extern void row_client_clone(const Source *source, const char *name, unsigned number);

/*
 * What no program can do without: the clone's rows only, one statement for each table, and the
 * locks; nothing is read but the chains, nothing is checked.
 */
extern void row_client_write(const Source *source, const char *name, unsigned number);

#endif
