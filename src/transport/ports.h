/*
 * Ports: who is bound to which local address and port, by the kernel's rules, and how an ephemeral port is
 * chosen. One table for TCP and one for UDP.
 *
 * Two bindings to one port conflict when their addresses overlap (equal, or one is a wildcard that covers the
 * other), unless both allow it: SO_REUSEADDR (TCP: neither listens; UDP: both set it), or SO_REUSEPORT on
 * both. :: covers IPv4, too, unless IPV6_V6ONLY. A binding is memory of its owner's; the table takes 4 KiB
 * for each 256 ports in a row of which one was ever bound.
 */
#ifndef PB_TRANSPORT_PORTS_H
#define PB_TRANSPORT_PORTS_H

#include "base/env.h"
#include "base/ip.h"
#include "transport/pairs.h"

/* RFC 6335 §6: the dynamic ports. */
#define PB_PORT_DYNAMIC_FIRST 49152
#define PB_PORT_DYNAMIC_LAST  65535

struct binding {
	struct pb_link link; /* in its bucket; not bound: empty */
	struct ip addr;      /* a wildcard, or an address */
	uint16_t port;       /* 0: not bound */
	bool v6only;
	bool reuse_addr, reuse_port;
	bool listening; /* TCP: it takes calls. UDP: it receives */
	bool any;       /* IP_TRANSPARENT: it takes what is for addresses that are not ours */
	bool connected; /* it only keeps the port of a connection; it is found by its pair */
	void *owner;
};

#define PORTS_PAGE  256 /* ports in a row */
#define PORTS_PAGES (65536 / PORTS_PAGE)

struct ports {
	struct pb_link
		*pages[PORTS_PAGES]; /* a list for each port, in pages of 256; NULL: not needed so far */
	bool stream;                 /* TCP's rules for SO_REUSEADDR */
	struct pb_siphash_key key;   /* RFC 6056 algorithm 4: of F and G, which are two halves of one hash */
	uint32_t table[256];         /* the table of counters */
	uint16_t first, last;        /* the ephemeral range */
};

int pb_ports_init(struct ports *p, struct rng *rng, bool stream);
void pb_ports_fini(struct ports *p);

/*
 * Bind b (addr, port and flags filled in; port 0: one of the ephemeral range is chosen, which nobody has at
 * that address). 0, -EADDRINUSE, -ENOMEM.
 */
int pb_ports_bind(struct ports *p, struct env *env, struct binding *b);

/*
 * Bind b, as connected, to the port of the listener that its connection came to: it never conflicts. 0,
 * -ENOMEM.
 */
int pb_ports_keep(struct ports *p, struct binding *b);

/* b begins to listen: -EADDRINUSE when another listener is in the way (b->listening is set if not). */
int pb_ports_listen(struct ports *p, struct binding *b);

/* A bound b is found by its socket pair from now on (UDP's connect), or by its binding again. */
void pb_ports_set_connected(struct ports *p, struct binding *b, bool connected);

/* b, bound or not, is so no longer. */
void pb_ports_release(struct ports *p, struct binding *b);

/*
 * A bound binding moves into other memory, of another owner perhaps; from is not bound any more. Whoever
 * wants it to be connected from now on changes that, and its address, in from just before.
 */
void pb_ports_move(struct ports *p, struct binding *from, struct binding *to);

/*
 * Choose the ephemeral port for a call to pair->remote from pair->local, so that the pair is in nobody's use:
 * RFC 6056 §3.3.4, double hash. Sets pair->local_port and binds b to it as connected. The same port serves
 * many destinations. 0; -EADDRNOTAVAIL: all taken; -ENOMEM.
 */
int pb_ports_connect(struct ports *p, struct pairs *pairs, struct socket_pair *pair, struct binding *b);

/* The same, where a pair that somebody has will do, too, if he yields. */
typedef bool port_yields(const struct pair_entry *e, void *context);
int pb_ports_connect_over(struct ports *p, struct pairs *pairs, struct socket_pair *pair, struct binding *b,
			  port_yields *yields, void *context);

/*
 * Who of those that listen is to have what came for addr and port: the most specific address first; among
 * equals that share the port (SO_REUSEPORT), hash chooses; of others, the newest. foreign: addr is not ours,
 * so that only a binding with any will do. NULL: nobody.
 */
struct binding *pb_ports_find(const struct ports *p, const struct ip *addr, uint16_t port, uint32_t hash,
			      bool foreign);

/* Every binding; fn may release the one that it is called with. each_at: those of one port. */
void pb_ports_each_at(const struct ports *p, uint16_t port, void (*fn)(struct binding *b, void *context),
		      void *context);
void pb_ports_each(const struct ports *p, void (*fn)(struct binding *b, void *context), void *context);

#endif
