/*
 * processors.h
 *		The processors that this program may use, and who runs on which.
 */
#ifndef BENCH_PROCESSORS_H
#define BENCH_PROCESSORS_H

/* How many there are, at least one. */
extern int processors_count(void);

/* The kernel's number of the one at "index", counted round. */
extern int processors_number(int index);

/* Has a process (0: this one) run on that one alone, by the kernel's number; ends the program where it can't. */
extern void processors_move(int process, int number);

#endif
