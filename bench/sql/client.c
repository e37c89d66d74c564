/*
 * client.c
 *		One client: its process, its connection, its clones.
 */
#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "connection.h"
#include "row_client.h"

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

int
client_copies(const char *way)
{
	const char *star = strchr(way, '*');

	return star == NULL ? 1 : atoi(star + 1);
}

static bool
is_mode(const char *way, const char *mode)
{
	return strncmp(way, mode, strlen(mode)) == 0 && strcspn(way, "*@") == strlen(mode);
}

/* The child: one clone for each Place that comes. */
static void
run(const char *way, int number, int first, int count, int go, int reports)
{
	bool by_call = is_mode(way, "call");
	bool write_only = is_mode(way, "write");
	const char *at = strchr(way, '@');
	int copies = client_copies(way);
	char copies_text[16];
	Source *sources = calloc(count, sizeof(Source));
	Place place;
	Place last;

	if (sources == NULL)
		fail("calloc");
	snprintf(copies_text, sizeof(copies_text), "%d", copies);
	connection_open(at == NULL ? NULL : at + 1, !is_mode(way, "plain"));
	connection_touch();
	for (int i = 0; i < count; i++)
		sources[i] = row_client_source(first + i);
	if (by_call)
		connection_name(
			"call", "SELECT job_id, vm_id, vm_name FROM vmclone.add_vm_from_snapshot($1::uuid, $2,"
					" copies => $3::integer, start_paused => true)");
	else
		row_client_capture(first);

	for (int i = 0; i < count && read(go, &place, sizeof(place)) == sizeof(place); i++)
	{
		Report report = {0};
		char name[64];
		long statements = connection_statements;
		double cpu;

		if (i == 0 || memcmp(&place, &last, sizeof(place)) != 0)
			connection_move(place.server, place.client);
		last = place;
		cpu = connection_cpu();
		snprintf(name, sizeof(name), copies > 1 ? "clone%d_%d_{n}" : "clone%d_%d", number,
				 first + i);
		report.time = clock_now();
		if (by_call)
		{
			const char *values[] = {sources[i].snapshot, name, copies_text};

			PQclear(connection_run("call", 3, values));
		}
		else if (write_only)
			row_client_write(&sources[i], name, first + i);
		else
			row_client_clone(&sources[i], name, first + i);
		report.time = clock_now() - report.time;
		report.cpu = connection_cpu() - cpu;
		report.statements = connection_statements - statements;
		if (write(reports, &report, sizeof(report)) != sizeof(report))
			fail("write");
	}
	connection_close();
	exit(0);
}

Client
client_start(const char *way, int number, int first, int count)
{
	Client client = {.way = way};
	int go[2];
	int reports[2];

	if (!is_mode(way, "call") && !is_mode(way, "rows") && !is_mode(way, "plain") &&
		!is_mode(way, "write"))
	{
		fprintf(stderr, "clone_clients: no such way: %s (there are: call, rows, plain, write)\n",
				way);
		exit(2);
	}
	if (pipe(go) != 0 || pipe(reports) != 0)
		fail("pipe");
	client.process = fork();
	if (client.process < 0)
		fail("fork");
	if (client.process == 0)
	{
		close(go[1]);
		close(reports[0]);
		run(way, number, first, count, go[0], reports[1]);
	}
	close(go[0]);
	close(reports[1]);
	client.go = go[1];
	client.reports = reports[0];
	return client;
}

void
client_ask(const Client *client, Place place)
{
	/* shorter than PIPE_BUF, as what comes back */
	if (write(client->go, &place, sizeof(place)) != sizeof(place))
		fail("write");
}

Report
client_report(const Client *client)
{
	Report report;

	/* Shorter than PIPE_BUF: it comes whole, or the client has ended. */
	if (read(client->reports, &report, sizeof(report)) != sizeof(report))
	{
		fprintf(stderr, "clone_clients: the client \"%s\" has failed\n", client->way);
		exit(1);
	}
	return report;
}

void
client_end(Client *client)
{
	close(client->go);
	close(client->reports);
	waitpid(client->process, NULL, 0);
}
