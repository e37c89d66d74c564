/*
 * connection.c
 *		A client's one connection, and the statements that it sends.
 */
#include "connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "processors.h"

#define MAX_STATEMENTS 128

static PGconn *connection;
static bool is_prepared;
static struct
{
	char *name;
	char *sql;
} named[MAX_STATEMENTS];
static int named_count;

long connection_statements;

static void
fail(const char *what)
{
	fprintf(stderr, "clone_clients: %s: %s", what, PQerrorMessage(connection));
	exit(1);
}

static PGresult *
check(PGresult *result, const char *what)
{
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		fail(what);
	return result;
}

void
connection_open(const char *database, bool prepared)
{
	is_prepared = prepared;
	connection = PQsetdb(NULL, NULL, NULL, NULL, database);
	if (PQstatus(connection) != CONNECTION_OK)
		fail("could not connect");
	connection_execute("SET client_min_messages = error");
	connection_execute("SET synchronous_commit = off");
}

void
connection_touch(void)
{
	connection_execute(
		"SELECT pg_prewarm(oid::regclass) FROM pg_class WHERE relkind IN ('r', 'i', 't')");
}

void
connection_close(void)
{
	PQfinish(connection);
}

PGresult *
connection_query(const char *sql)
{
	return check(PQexec(connection, sql), sql);
}

void
connection_execute(const char *sql)
{
	PQclear(connection_query(sql));
}

void
connection_name(const char *name, const char *sql)
{
	if (named_count == MAX_STATEMENTS)
	{
		fprintf(stderr, "clone_clients: too many statements\n");
		exit(1);
	}
	named[named_count].name = strdup(name);
	named[named_count++].sql = strdup(sql);
	if (is_prepared)
		PQclear(check(PQprepare(connection, name, sql, 0, NULL), sql));
}

static const char *
text_of(const char *name)
{
	for (int i = 0; i < named_count; i++)
	{
		if (strcmp(named[i].name, name) == 0)
			return named[i].sql;
	}
	fprintf(stderr, "clone_clients: no statement %s\n", name);
	exit(1);
}

PGresult *
connection_run(const char *name, int count, const char *const *values)
{
	connection_statements++;
	if (is_prepared)
		return check(PQexecPrepared(connection, name, count, values, NULL, NULL, 0), name);
	return check(PQexecParams(connection, text_of(name), count, NULL, values, NULL, NULL, 0), name);
}

void
connection_run_value(const char *name, const char *value)
{
	PQclear(connection_run(name, 1, &value));
}

void
connection_move(int server, int client)
{
	processors_move(PQbackendPID(connection), server);
	processors_move(0, client);
}

double
connection_cpu(void)
{
	char path[64];
	FILE *file;
	double nanoseconds = 0;
	struct rusage own;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", PQbackendPID(connection));
	file = fopen(path, "r");
	if (file == NULL || fscanf(file, "%lf", &nanoseconds) != 1)
	{
		perror(path);
		exit(1);
	}
	fclose(file);
	getrusage(RUSAGE_SELF, &own);
	return nanoseconds / 1e6 + (own.ru_utime.tv_sec + own.ru_stime.tv_sec) * 1e3 +
		   (own.ru_utime.tv_usec + own.ru_stime.tv_usec) / 1e3;
}
