/*
 * commands.h
 *		The subcommands.  argv[0] is the name of the subcommand; the result is the exit code.
 */
#ifndef COPY_COMMANDS_H
#define COPY_COMMANDS_H

extern int copy_main(int argc, char **argv);
extern int measure_main(int argc, char **argv);
extern int map_main(int argc, char **argv);
extern int verify_main(int argc, char **argv);

#endif
