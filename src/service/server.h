/*
 * The server: any number of services on one net and one loop, from the first listen to the last goodbye.
 */
#ifndef SERVICE_SERVER_H
#define SERVICE_SERVER_H

#include "service/service.h"

struct server_config {
	struct pb_loop *loop;
	struct pb_net *net;
	struct log *log;
	pb_time grace; /* how long connections may finish after server_drain() */
};

/* Why a server could not be made: text for people, and the errno behind it (0: the spec is wrong). */
struct server_error {
	char text[640];
	int err;
};

/* A server of these services, configured and listening, not yet accepting. NULL: error says why. */
struct server *server_new(const struct server_config *config, const char *const *specs, size_t count,
			  struct server_error *error);

/* Stop listening, let every connection finish within the grace time, then stop the loop. */
void server_drain(struct server *s);

void server_free(struct server *s);

#endif
