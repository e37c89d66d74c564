/*
 * storage_host.h
 *		A machine that copies run on: the database's own, host "local", or one that is reached through
 *		vmclone.copy_launcher.
 */
#ifndef VMCLONE_STORAGE_HOST_H
#define VMCLONE_STORAGE_HOST_H

#include "postgres.h"

#include "nodes/pg_list.h"

/* The machine of the database. */
#define LOCAL_HOST "local"

typedef struct StorageHost
{
	char *name;
	char *address; /* NULL: this machine */
} StorageHost;

/* ERRCODE_VC_HOST where no host has the name.  In the own frame; with for_update its row is locked. */
extern StorageHost storage_host_find(const char *name, bool for_update);

/* Writes whether the host answers ("error" NULL: yes), and which version it has if it said so.  In the own frame. */
extern void storage_host_write(const char *name, const char *version, const char *error);

/* With its texts in the current memory context. */
extern StorageHost storage_host_copy(const StorageHost *host);

/*
 * Directory on this machine for what is kept beside devices, which have no room for it: requests that are locked, and
 * records of copies.  Launchers are started in it: the default's ssh has the sockets of shared connections there,
 * whose names are those of temporary files, which base backups and pg_rewind pass over.  palloc'd; made
 * where it is not there.
 */
extern char *storage_state_directory(void);

/* The words of vmclone.copy_launcher for a host, as an argv that ends with NULL, and how many they are. */
extern char **storage_host_launcher(const StorageHost *host, int *count);

#endif
