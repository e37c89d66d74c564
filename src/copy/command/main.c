/*
 * main.c
 *		vmclone-copy: turns a raw/qcow2 snapshot chain into one image.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "contract/copier_protocol.h"
#include "copy/base/lease.h"
#include "copy/command/dispatch.h"
#include "copy/command/serve.h"

/*
 * Takes what the caller has closed of descriptors 0 to 2, so that no image and no socket of ours gets
 * one of them: messages would go into it, and it would be read for commands.  Reading and writing fail
 * as before.
 */
static bool
take_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/", O_PATH | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	return fd >= 0 && close(fd) == 0;
}

int
main(int argc, char **argv)
{
	const char *first = argc > 1 ? argv[1] : "";

	if (!take_standard_descriptors())
	{
		perror("vmclone-copy: could not take the standard descriptors");
		return COPIER_EXIT_IO;
	}
	if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0)
	{
		dispatch_help();
		return COPIER_EXIT_DONE;
	}
	if (strcmp(first, "--version") == 0)
	{
#ifdef COPY_WITHOUT_SANDBOX
		puts("vmclone-copy " VMCLONE_VERSION " (built without the sandbox)");
#else
		puts("vmclone-copy " VMCLONE_VERSION);
#endif
		return COPIER_EXIT_DONE;
	}
	/* serve has the others done, and so is none of them */
	if (strcmp(first, COPIER_SERVE) == 0)
		return serve_main(argc - 1, argv + 1);
	return dispatch(argc, argv, lease_clock());
}
