/*
 * sequence.h
 *		vmclone-copy sequence: several subcommands one after the other in one process.
 */
#ifndef COPY_SEQUENCE_H
#define COPY_SEQUENCE_H

/*
 * argv[0] is "sequence", then subcommands of volume and copy with their options, separated by "--then".
 * Returns the exit code of the first one that fails, or 0.
 */
extern int sequence_main(int argc, char **argv);

#endif
