/*
 * main.c
 *		vmclone-copy: turns a raw/qcow2 snapshot chain into one image.
 */
#include <stdlib.h>

int
main(void)
{
	return EXIT_FAILURE;
}
