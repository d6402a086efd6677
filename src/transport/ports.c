/*
 * Ports: bindings in a list for each port, in pages of 256 that are made when first needed. In a list, those
 * that only keep a connection's port stand behind all others: however many connections a server has, whoever
 * looks for the server meets it first.
 */
#include "transport/ports.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define PAGE PORTS_PAGE

int pb_ports_init(struct ports *p, struct rng *rng, bool stream)
{
	*p = (struct ports){
		.stream = stream,
		.key = pb_rng_key(rng),
		.first = PB_PORT_DYNAMIC_FIRST,
		.last = PB_PORT_DYNAMIC_LAST,
	};
	for (size_t i = 0; i < sizeof p->table / sizeof *p->table; i++)
		p->table[i] = (uint32_t)pb_rng_next(rng);
	return 0;
}

void pb_ports_fini(struct ports *p)
{
	for (size_t i = 0; i < PORTS_PAGES; i++)
		free(p->pages[i]);
	*p = (struct ports){ 0 };
}

/* The list of a port; NULL: nobody was ever bound near it. */
static struct pb_link *list_of(const struct ports *p, uint16_t port)
{
	struct pb_link *page = p->pages[port / PAGE];

	return page ? &page[port % PAGE] : NULL;
}

static struct pb_link *make_list(struct ports *p, uint16_t port)
{
	struct pb_link **page = &p->pages[port / PAGE];

	if (!*page) {
		*page = malloc(PAGE * sizeof(**page));
		for (size_t i = 0; *page && i < PAGE; i++)
			list_init(&(*page)[i]);
	}
	return list_of(p, port);
}

static struct binding *binding_of(struct pb_link *l)
{
	return container_of(l, struct binding, link);
}

/*
 * Bound, and in its place in the list: the newest first, so that of equal ones it is the one that is found.
 */
static void attach(struct pb_link *list, struct binding *b, uint16_t port)
{
	b->port = port;
	list_push(b->connected ? list : list->next, &b->link);
}

static bool covers(const struct binding *b, const struct ip *addr)
{
	if (ip_equal(&b->addr, addr))
		return true;
	if (!ip_is_any(&b->addr))
		return false;
	return ip_is4(&b->addr) == ip_is4(addr) || (ip_is4(addr) && !b->v6only);
}

/* Whether there is an address that both would serve. */
static bool overlap(const struct binding *a, const struct binding *b)
{
	return covers(a, &b->addr) || covers(b, &a->addr);
}

/*
 * Whether b may have what it overlaps in with other. SO_REUSEADDR is meant for a server that returns while
 * connections of its predecessor linger, so for TCP it never lets anybody in beside one that listens
 * (socket(7)).
 */
static bool may_share(const struct ports *p, const struct binding *b, const struct binding *other)
{
	if (b->reuse_port && other->reuse_port)
		return true;
	return b->reuse_addr && other->reuse_addr && !(p->stream && other->listening);
}

static bool conflict(const struct ports *p, const struct binding *b, uint16_t port)
{
	struct pb_link *list = list_of(p, port);

	if (!list)
		return false;
	list_each (l, list) {
		const struct binding *other = binding_of(l);
		if (other != b && overlap(b, other) && !may_share(p, b, other))
			return true;
	}
	return false;
}

/* Whether anybody has b's address at port, shared or not; unless those that only keep a connection's port. */
static bool in_use(const struct ports *p, const struct binding *b, uint16_t port, bool connected_too)
{
	struct pb_link *list = list_of(p, port);

	if (!list)
		return false;
	list_each (l, list) {
		const struct binding *other = binding_of(l);
		if (other->connected && !connected_too)
			return false; /* nor are any that follow anything else */
		if (overlap(b, other))
			return true;
	}
	return false;
}

/*
 * One that nobody has, even if it could be shared: RFC 6056 §3.3.1, simple port randomization. 0: all taken.
 */
static uint16_t free_port(const struct ports *p, struct rng *rng, const struct binding *b)
{
	uint32_t count = p->last - p->first + 1u;
	uint32_t start = (uint32_t)pb_rng_below(rng, count);

	for (uint32_t i = 0; i < count; i++) {
		uint16_t port = (uint16_t)(p->first + (start + i) % count);
		if (!in_use(p, b, port, true))
			return port;
	}
	return 0;
}

int pb_ports_bind(struct ports *p, struct env *env, struct binding *b)
{
	uint16_t port = b->port ? b->port : free_port(p, &env->rng, b);
	struct pb_link *list;

	if (!port || conflict(p, b, port))
		return -EADDRINUSE;
	list = make_list(p, port);
	if (!list)
		return -ENOMEM;
	attach(list, b, port);
	return 0;
}

int pb_ports_keep(struct ports *p, struct binding *b)
{
	struct pb_link *list = make_list(p, b->port);

	if (!list)
		return -ENOMEM;
	b->connected = true;
	attach(list, b, b->port);
	return 0;
}

int pb_ports_listen(struct ports *p, struct binding *b)
{
	bool before = b->listening;

	b->listening = true;
	if (!conflict(p, b, b->port))
		return 0;
	b->listening = before;
	return -EADDRINUSE;
}

void pb_ports_set_connected(struct ports *p, struct binding *b, bool connected)
{
	list_remove(&b->link);
	b->connected = connected;
	attach(list_of(p, b->port), b, b->port);
}

void pb_ports_release(struct ports *p, struct binding *b)
{
	(void)p;
	list_remove(&b->link);
	b->port = 0;
}

void pb_ports_move(struct ports *p, struct binding *from, struct binding *to)
{
	uint16_t port = from->port;

	assert(port);
	*to = *from;
	to->link = (struct pb_link){ 0 };
	pb_ports_release(p, from);
	attach(list_of(p, port), to, port);
}

/* For whom nobody yields. */
static bool stays(const struct pair_entry *e, void *context)
{
	(void)e;
	(void)context;
	return false;
}

/*
 * Nobody has the pair, or whoever has it yields; nobody but connections has the port; and nobody is connected to
 * himself, which a pair of equal ends would be.
 */
static bool suitable(const struct ports *p, struct pairs *pairs, const struct socket_pair *pair,
		     const struct binding *b, port_yields *yields, void *context)
{
	if (pair->local_port == pair->remote_port && ip_equal(&pair->local, &pair->remote))
		return false;
	if (in_use(p, b, pair->local_port, false))
		return false;
	const struct pair_entry *e = pb_pairs_find(pairs, pair);
	return !e || yields(e, context);
}

int pb_ports_connect_over(struct ports *p, struct pairs *pairs, struct socket_pair *pair, struct binding *b,
			  port_yields *yields, void *context)
{
	/* RFC 6056 §3.3.4: what F and G hash, that is all of the pair but the local port */
	const struct socket_pair to = { pair->local, pair->remote, .remote_port = pair->remote_port };
	struct pair_key k;
	pair_key(&k, &to);
	uint64_t hash = pb_siphash(&p->key, &k, k.len); /* F and G: its two halves */
	uint32_t offset = (uint32_t)hash, *counter = &p->table[(hash >> 32) % 256];
	uint32_t count = p->last - p->first + 1u;

	b->addr = pair->local;
	b->connected = true;
	for (uint32_t i = 0; i < count; i++) {
		pair->local_port = (uint16_t)(p->first + (offset + (*counter)++) % count);
		if (!suitable(p, pairs, pair, b, yields, context))
			continue;
		b->port = pair->local_port;
		return pb_ports_keep(p, b);
	}
	pair->local_port = 0;
	return -EADDRNOTAVAIL;
}

int pb_ports_connect(struct ports *p, struct pairs *pairs, struct socket_pair *pair, struct binding *b)
{
	return pb_ports_connect_over(p, pairs, pair, b, stays, NULL);
}

/*
 * How well a binding's address names addr: itself, its family's wildcard, the wildcard of both. 0: not at
 * all.
 */
static int fitness(const struct binding *b, const struct ip *addr, bool foreign)
{
	if (!b->listening || !covers(b, addr) || (foreign && !b->any))
		return 0;
	if (!ip_is_any(&b->addr))
		return 3;
	return ip_is4(&b->addr) == ip_is4(addr) ? 2 : 1;
}

struct binding *pb_ports_find(const struct ports *p, const struct ip *addr, uint16_t port, uint32_t hash,
			      bool foreign)
{
	struct pb_link *list = list_of(p, port);
	struct binding *best = NULL;
	int best_fitness = 0;
	uint32_t sharing = 0, turn;

	if (!list)
		return NULL;
	for (struct pb_link *l = list->next; l != list && !binding_of(l)->connected; l = l->next) {
		int f = fitness(binding_of(l), addr, foreign);
		if (f > best_fitness) {
			best = binding_of(l);
			best_fitness = f;
			sharing = 0;
		}
		sharing += f && f == best_fitness && binding_of(l)->reuse_port;
	}
	if (sharing < 2 || !best->reuse_port)
		return best;
	turn = (uint32_t)((uint64_t)hash * sharing >> 32);
	for (struct pb_link *l = &best->link;; l = l->next) {
		struct binding *b = binding_of(l);
		if (b->reuse_port && fitness(b, addr, foreign) == best_fitness && turn-- == 0)
			return b;
	}
}

void pb_ports_each_at(const struct ports *p, uint16_t port, void (*fn)(struct binding *b, void *context),
		      void *context)
{
	struct pb_link *list = list_of(p, port);

	if (!list)
		return;
	list_each_safe (l, list)
		fn(binding_of(l), context);
}

void pb_ports_each(const struct ports *p, void (*fn)(struct binding *b, void *context), void *context)
{
	for (size_t i = 0; i < PORTS_PAGES; i++) {
		for (size_t j = 0; p->pages[i] && j < PAGE; j++) {
			list_each_safe (l, &p->pages[i][j])
				fn(binding_of(l), context);
		}
	}
}
