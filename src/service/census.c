#include "service/census.h"

#include "base/hash.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

/* A client of a service. Of an IPv6 address the first 64 bits; an IPv4 address in their place. */
struct key {
	uint64_t net;
	uint32_t service;
	uint32_t family;
};

struct entry {
	struct key key;
	uint32_t count; /* 0: empty */
	uint32_t unused;
};

/*
 * One worker's table: open addressing with linear probing, at most half full. changes is odd while the worker
 * moves entries about, so that readers know to look again (a sequence lock).
 */
struct table {
	_Atomic uint32_t changes;
	_Atomic uint32_t conns[CENSUS_SERVICES_MAX];
	struct entry entries[];
};

struct shared {
	_Atomic uint64_t number;
};

struct census {
	unsigned workers, me;
	size_t mask; /* entries of a table - 1 */
	size_t table_size, size;
	struct pb_siphash_key secret;
	struct shared *shared;
	uint8_t *tables;
};

static struct table *table_of(const struct census *c, unsigned worker)
{
	return (struct table *)(c->tables + worker * c->table_size);
}

struct census *census_new(unsigned workers, size_t conns_max)
{
	struct census *c = calloc(1, sizeof *c);
	size_t entries = 64;

	if (!c)
		return NULL;
	while (entries < 2 * conns_max)
		entries *= 2;
	c->workers = workers;
	c->mask = entries - 1;
	c->table_size = (sizeof(struct table) + entries * sizeof(struct entry) + 63) & ~(size_t)63;
	c->size = 64 + workers * c->table_size;
	void *memory = mmap(NULL, c->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE,
			    -1, 0);
	if (memory == MAP_FAILED) {
		free(c);
		return NULL;
	}
	if (getrandom(&c->secret, sizeof c->secret, 0) != sizeof c->secret) {
		munmap(memory, c->size);
		free(c);
		return NULL;
	}
	c->shared = memory;
	c->tables = (uint8_t *)memory + 64;
	return c;
}

void census_free(struct census *c)
{
	if (c)
		munmap(c->shared, c->size);
	free(c);
}

void census_begin(struct census *c, unsigned worker)
{
	c->me = worker;
	/* Also for its pages, which then are all there: memory does not grow while callers come. */
	memset(table_of(c, worker), 0, c->table_size);
}

uint64_t census_number(struct census *c)
{
	return atomic_fetch_add_explicit(&c->shared->number, 1, memory_order_relaxed) + 1;
}

static struct key key_of(unsigned service, const union pb_addr *client)
{
	struct key k = { .service = service, .family = client->sa.sa_family };

	if (client->sa.sa_family == AF_INET6)
		memcpy(&k.net, &client->v6.sin6_addr, sizeof k.net);
	else
		k.net = client->v4.sin_addr.s_addr;
	return k;
}

static size_t home_of(const struct census *c, const struct key *k)
{
	return (size_t)pb_siphash13(&c->secret, k, sizeof *k) & c->mask;
}

/* The key's entry, or the empty one where it would go. A reader of a table in motion may get any entry. */
static struct entry *find(const struct census *c, struct table *t, const struct key *k)
{
	size_t i = home_of(c, k);

	for (size_t probes = 0; probes <= c->mask; probes++, i = (i + 1) & c->mask)
		if (!t->entries[i].count || memcmp(&t->entries[i].key, k, sizeof *k) == 0)
			break;
	return &t->entries[i];
}

/* Another worker's count. One that died in the middle of a change is read as it lies. */
static uint32_t read_count(const struct census *c, struct table *t, const struct key *k)
{
	uint32_t count = 0, before;

	for (int tries = 0; tries < 1000; tries++) {
		before = atomic_load_explicit(&t->changes, memory_order_acquire);
		count = *(volatile uint32_t *)&find(c, t, k)->count;
		atomic_thread_fence(memory_order_acquire);
		if (!(before & 1) && before == atomic_load_explicit(&t->changes, memory_order_relaxed))
			break;
	}
	return count;
}

static void change_begins(struct table *t)
{
	atomic_fetch_add_explicit(&t->changes, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
}

static void change_ends(struct table *t)
{
	atomic_fetch_add_explicit(&t->changes, 1, memory_order_release);
}

static void add(struct census *c, struct table *t, const struct key *k)
{
	change_begins(t);
	struct entry *e = find(c, t, k);
	if (!e->count)
		e->key = *k;
	e->count++;
	change_ends(t);
	atomic_fetch_add(&t->conns[k->service], 1);
}

/* Fill the hole that an emptied entry leaves in the probe sequences of those behind it. */
static void close_gap(struct census *c, struct table *t, size_t hole)
{
	for (size_t i = (hole + 1) & c->mask; t->entries[i].count; i = (i + 1) & c->mask) {
		size_t home = home_of(c, &t->entries[i].key);
		if (((i - home) & c->mask) < ((i - hole) & c->mask))
			continue; /* it would move before its home */
		t->entries[hole] = t->entries[i];
		t->entries[i].count = 0;
		hole = i;
	}
}

static void take_back(struct census *c, struct table *t, const struct key *k)
{
	change_begins(t);
	struct entry *e = find(c, t, k);
	if (e->count && --e->count == 0)
		close_gap(c, t, (size_t)(e - t->entries));
	change_ends(t);
	atomic_fetch_sub(&t->conns[k->service], 1);
}

enum census_verdict census_enter(struct census *c, unsigned service, const union pb_addr *client,
				 uint64_t max, uint64_t client_max)
{
	struct key k = key_of(service, client);
	uint64_t all = 0, same = 0;

	add(c, table_of(c, c->me), &k);
	atomic_thread_fence(memory_order_seq_cst);
	for (unsigned i = 0; i < c->workers; i++) {
		all += atomic_load(&table_of(c, i)->conns[service]);
		same += read_count(c, table_of(c, i), &k);
	}
	if (all <= max && same <= client_max)
		return CENSUS_ADMITTED;
	take_back(c, table_of(c, c->me), &k);
	return all > max ? CENSUS_SERVICE_FULL : CENSUS_CLIENT_FULL;
}

void census_leave(struct census *c, unsigned service, const union pb_addr *client)
{
	struct key k = key_of(service, client);

	take_back(c, table_of(c, c->me), &k);
}
