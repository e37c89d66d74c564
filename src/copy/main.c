/*
 * main.c
 *		vmclone-copy: turns a raw/qcow2 snapshot chain into one image.
 */
#include "volume.h"

#include <stdlib.h>
#include <string.h>

int
main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "volume") == 0)
		return volume_main(argc - 1, argv + 1);
	return 2;
}
