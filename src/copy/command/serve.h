/*
 * serve.h
 *		vmclone-copy serve: another subcommand, on behalf of a program on another machine.
 */
#ifndef COPY_SERVE_H
#define COPY_SERVE_H

/* argv[0] is the subcommand's name; the result is the exit code of what was done. */
extern int serve_main(int argc, char **argv);

#endif
