/* The demo's servers: `packetboat serve` in processes of their own, so that one can be killed. */
#ifndef CLI_DEMO_CHILD_H
#define CLI_DEMO_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct child {
	pid_t pid; /* 0: none */
	int log;   /* its standard error; -1: none */
};

/*
 * Start `packetboat serve SPEC`. lines get what it says until each of its sockets listens, or it ends. True: it
 * serves, and *port is that of its first socket.
 */
bool child_start(struct child *c, const char *spec, unsigned sockets, uint16_t *port, char *lines,
		 size_t size);

/* End it: with SIGTERM (it says goodbye) or SIGKILL (it cannot). Its exit status is not asked for. */
void child_end(struct child *c, int sig);

#endif
