/*
 * Rows that two TCP/IP stacks in memory are measured by, both ends on one core: stack_packetboat.c and
 * stack_lwip.c are the same program over one and the other.
 *
 *     stack-NAME ROW SECONDS      prints one number
 */
#ifndef BENCH_STACK_ROWS_H
#define BENCH_STACK_ROWS_H

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define IDLE_CONNECTIONS 10000
#define BULK_PIECE       65536 /* bytes an application gives at a time */

/* Of the processor, so that what else runs on the machine counts less. */
static inline double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Bytes of the heap in use. */
static inline double heap(void)
{
	struct mallinfo2 m = mallinfo2();

	return (double)(m.uordblks + m.hblkhd);
}

static inline void die(const char *what, long detail)
{
	fprintf(stderr, "bench: %s (%ld)\n", what, detail);
	exit(1);
}

#endif
