/*
 * client.h
 *		One client, a process of its own, that makes clones in one way.
 *
 * A way is written MODE[*COPIES][@DATABASE]:
 *
 * call		one SELECT of vmclone.add_vm_from_snapshot for each clone, or for COPIES clones
 * rows		the same clone as an engine makes it (row_client.h), by prepared statements
 * plain	the same, each statement sent as text, as most drivers do unless told to prepare
 * write	the limit: its rows and locks only, unchecked, one prepared statement for each table
 */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#define WARM_UP 12 /* clones before the clock starts: plans, caches */

/* What the parent hears of one clone, in milliseconds. */
typedef struct Report
{
	double time;
	double cpu; /* of the server's process and the client; 0 unless asked for */
	double statements;
} Report;

typedef struct Client
{
	const char *way;
	int process;
	int go;      /* a Place asks for one clone; closed: no more */
	int reports; /* one Report for each clone */
} Client;

/*
 * Starts a client for the fixture's VMs bench<FIRST> … bench<FIRST + COUNT - 1>, every one once.
 * number tells the names of its clones from other clients'.  Ends the program on an error.
 */
extern Client client_start(const char *way, int number, int first, int count);

/* The processors that the server's process and the client run on. */
typedef struct Place
{
	unsigned char server;
	unsigned char client;
} Place;

/* Asks for one clone, made at that place; client_report waits for it. */
extern void client_ask(const Client *client, Place place);
extern Report client_report(const Client *client);

extern void client_end(Client *client);

/* How many clones one call of this way makes. */
extern int client_copies(const char *way);

#endif
