/*
 * The server: any number of services on one net and one loop, from the first listen to the last goodbye.
 *
 * A server is made (server_new: everything is checked and listening), then started in the process that serves
 * (server_start): between the two a supervisor may fork, and every worker starts the server it has inherited.
 */
#ifndef SERVICE_SERVER_H
#define SERVICE_SERVER_H

#include "service/service.h"

#define SERVER_SERVICES_MAX 64
#define SERVER_WORKERS_MAX  256

struct server_config {
	struct pb_net *net;
	struct log *log;
	unsigned workers; /* how many processes will start it: 1 to SERVER_WORKERS_MAX */
	pb_time grace;    /* how long connections may finish after server_drain() */
};

/* Why a server could not be made: text for people, and the errno behind it (0: the spec is wrong). */
struct server_error {
	char text[640];
	int err;
};

/* A server of these services, configured and listening. The texts must outlive it. NULL: error says why. */
struct server *server_new(const struct server_config *config, const char *const *specs, size_t count,
			  struct server_error *error);

/* Serve on this loop, as the given worker (0 for the only one). 0 or -errno. */
int server_start(struct server *s, struct pb_loop *loop, unsigned worker);

/*
 * Let go of the listening sockets. For the supervisor, who shares them with the workers: callers are refused once the
 * last process that holds them is through with those who wait.
 */
void server_stop_listening(struct server *s);

/* Hear those who have called already, stop listening, and let every connection finish within the grace time. */
void server_drain(struct server *s);

/* End the grace time: reset what is still open. */
void server_hurry(struct server *s);

/* Whether that has come to its end: nothing more will happen. */
bool server_drained(const struct server *s);

/* Close what is still open, and leave the loop. */
void server_stop(struct server *s);

/* Give it back, stopped or never started. */
void server_free(struct server *s);

/* Walk over what is listened on: the index-th socket, as "192.168.1.1:80/tcp (http)" in text. False: no such. */
bool server_listening(const struct server *s, size_t index, char *text, size_t size);

#endif
