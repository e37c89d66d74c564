/*
 * connection.h
 *		A client's one connection, and the statements that it sends.
 */
#ifndef BENCH_CONNECTION_H
#define BENCH_CONNECTION_H

#include <libpq-fe.h>
#include <stdbool.h>

/* Statements sent so far by connection_run and connection_run_value. */
extern long connection_statements;

/*
 * database: NULL for the environment's.  prepared: named statements are prepared once; else each run
 * sends its text, parsed and planned anew.
 */
extern void connection_open(const char *database, bool prepared);

/*
 * Reads all of the database's pages, so that the server's process has all its buffers mapped: that of an engine's
 * connection, which lives for days, has.
 */
extern void connection_touch(void);
extern void connection_close(void);

/* All of these end the program with the server's message where the server refuses. */
extern PGresult *connection_query(const char *sql);
extern void connection_execute(const char *sql);
extern void connection_name(const char *name, const char *sql);
extern PGresult *connection_run(const char *name, int count, const char *const *values);
extern void connection_run_value(const char *name, const char *value);

/* Has the server's process and this one run on these processors alone. */
extern void connection_move(int server, int client);

/* Milliseconds of CPU that the server's process, and this one, have used. */
extern double connection_cpu(void);

#endif
