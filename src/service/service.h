/*
 * A service and its connections: what each kind of service (echo.c, http.c, …) gives and gets.
 *
 * The server (server.h) listens, admits callers, numbers them, counts bytes, watches the idle time and closes. A kind
 * only says what to do with the bytes. It sees sockets through <packetboat/socket.h> and nothing else of the network.
 */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include "base/addr.h"
#include "base/list.h"
#include "client/sign_key.h"
#include "service/log.h"
#include "service/spec.h"

#include <packetboat/loop.h>

struct conn;
struct datagram;
struct server;
struct service;

/* A key of a service spec: for checking, for --help and for the man page. */
struct spec_key {
	const char *name, *value, *help; /* "root", "DIR", "directory to serve (the one you are in)" */
};

/* What one kind of service is and does. Unused functions are NULL. */
struct service_kind {
	const char *name;            /* "http" */
	const char *summary;         /* one line for people */
	const char *example;         /* a spec that works: shown when somebody wrote one that does not */
	const char *rfc;             /* "RFC 862", or NULL */
	bool stream, datagram;       /* serves TCP, UDP (unless only=tcp or only=udp) */
	const struct spec_key *keys; /* its own keys, ended by a NULL name; NULL: none */

	/* Make s->config from its spec. False: error says why. Runs before anything listens, and once a worker. */
	bool (*configure)(struct service *s, struct spec_error *error);
	/* Give back s->config. Runs after the last connection is gone. */
	void (*release)(struct service *s);
	/* The server begins to serve, on this loop. 0 or -errno. */
	int (*start)(struct service *s, struct pb_loop *loop);
	/* The listening sockets are about to be closed: let go of those of datagrams. May be called again. */
	void (*unlisten)(struct service *s);
	/* The server leaves the loop and no connection is left. Also called where start failed. */
	void (*stop)(struct service *s);

	/* TCP. A connection's record has conn_size bytes, begins with its struct conn, and is zero beyond it. */
	size_t conn_size;
	/* A connection was accepted; called once, before ready. It wants POLLIN unless told otherwise here. */
	void (*accepted)(struct conn *c);
	/* Something wanted is there. */
	void (*ready)(struct conn *c, int ready);
	/* The server is stopping: finish what is in flight, then conn_close(). NULL: close at once. */
	void (*drain)(struct conn *c);
	/* Nothing was received or sent for the idle time. NULL: it is closed as "idle". */
	void (*idle)(struct conn *c);
	/* The connection is about to be freed: give back what hangs on it. Do not send or close here. */
	void (*closed)(struct conn *c);
	/* The caller is over a limit (why says which): say so, if the protocol can; the socket lingers afterwards. */
	void (*refuse)(struct service *s, struct pb_socket *caller, const char *why);

	/* UDP. A datagram came. Answer with datagram_reply(), now. */
	void (*received)(struct service *s, const struct datagram *d);
};

/* One SERVICE of the command line. */
struct service {
	const struct service_kind *kind;
	struct server *server;
	const struct spec *spec;
	void *config;   /* the kind's own */
	unsigned index; /* its place on the command line */
	/* Limits: the common keys. */
	uint64_t conns_max, conns_per_client_max;
	pb_time idle;
	bool deferred;            /* callers who have said nothing yet are left with the kernel */
	struct access *access;    /* allow= and deny= */
	struct sign_key sign_key; /* md5key=, aokey= */
	size_t conns;             /* in this process */
};

/* One TCP connection. Read all; change nothing but through the calls below. */
struct conn {
	struct service *service;
	struct pb_watch watch; /* watch.socket is the connection's socket */
	struct pb_timer timer; /* the idle time */
	pb_time idle;          /* how long nothing may happen; starts as the service's */
	uint64_t number;       /* unique in the server, over all its workers */
	uint64_t bytes_in, bytes_out;
	pb_time since;
	union pb_addr peer;
	struct pb_link link; /* among the server's connections */
};

static inline struct pb_loop *conn_loop(const struct conn *c)
{
	return c->watch.loop;
}

/*
 * Receive and send on the connection, as pb_recv(), pb_send(), pb_sendfile() and pb_sendmsg(); bytes are counted and
 * the idle time starts again. A -errno other than -EAGAIN means that the connection is over: close it with conn_fail().
 */
ssize_t conn_recv(struct conn *c, void *buf, size_t len);
ssize_t conn_send(struct conn *c, const void *buf, size_t len);
ssize_t conn_sendfile(struct conn *c, int fd, off_t *offset, size_t len);
ssize_t conn_sendmsg(struct conn *c, const struct msghdr *msg, int flags);

/* Change what c->kind->ready() is called for (POLLIN, POLLOUT, or-ed). */
static inline void conn_want(struct conn *c, int wants)
{
	pb_watch_want(&c->watch, wants);
}

/* Set how long nothing may happen from now on (PB_NEVER: for ever), counted from now. */
void conn_set_idle(struct conn *c, pb_time idle);

/*
 * The end of a connection; c is gone afterwards. why goes into the log: "done", "idle", "bad request", …
 * conn_close() says goodbye with FIN, conn_reset() with RST, conn_fail() is for an -errno of conn_recv or conn_send.
 * Where input may be left unread, conn_linger() says goodbye so that our last bytes arrive all the same (linger.h).
 */
void conn_close(struct conn *c, const char *why);
void conn_linger(struct conn *c, const char *why);
void conn_reset(struct conn *c, const char *why);
void conn_fail(struct conn *c, int err);

/* A received datagram. */
struct datagram {
	const void *data;
	size_t len;
	union pb_addr from, to;   /* to: the address it was sent to, also on a wildcard socket */
	struct pb_socket *socket; /* on which it came */
	uint64_t number;          /* of this sender, as a connection's: the same while it keeps sending */
};

/* Answer a datagram from the address it was sent to. The bytes taken or -errno. */
ssize_t datagram_reply(struct service *s, const struct datagram *d, const void *data, size_t len);

/* A buffer that everybody in the server may use within one call of ready() or received(). */
#define SCRATCH_SIZE (256 * 1024)
uint8_t *service_scratch(struct service *s);

/* The net it is called on. */
struct pb_net *service_net(const struct service *s);

/* Whether who calls this address calls the service: it listens there, or on a wildcard that takes it in. */
bool service_listens_at(const struct service *s, int type, const union pb_addr *addr);

/* The server's log. */
struct log *service_log(const struct service *s);

/* The keys that every kind takes besides its own, ended by a NULL name. */
extern const struct spec_key service_keys[];

/* All kinds, ended by NULL; and one by name, or NULL. */
extern const struct service_kind *const service_kinds[];
const struct service_kind *service_kind_find(const char *name);

#endif
