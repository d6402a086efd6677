/*
 * The table of socket pairs: linear hashing (Litwin, 1980). The buckets in use are size + split; when there
 * are more entries than buckets, bucket number split is divided in two, and when split reaches size, size
 * doubles. Shrinking is the same backwards. The array itself is moved by realloc(), which for large ones
 * turns pages over to a new address and copies nothing; where it fails, chains grow longer, and all goes on.
 */
#include "transport/pairs.h"

#include <errno.h>
#include <stdlib.h>

#define SIZE_MIN 16

_Static_assert(offsetof(struct socket_pair, remote_port) + sizeof(uint16_t) == SOCKET_PAIR_LEN,
	       "nothing lies between what tells pairs apart");

static bool same_pair(const struct socket_pair *a, const struct socket_pair *b)
{
	return a->local_port == b->local_port && a->remote_port == b->remote_port &&
	       ip_equal(&a->remote, &b->remote) && ip_equal(&a->local, &b->local);
}

static uint32_t hash_of(const struct pairs *p, const struct socket_pair *pair)
{
	struct pair_key k;

	pair_key(&k, pair);
	return (uint32_t)pb_siphash13(&p->key, &k, k.len);
}

uint32_t pb_pairs_hash(struct pairs *p, const struct socket_pair *pair)
{
	if (!same_pair(&p->hashed, pair)) {
		p->hashed = *pair;
		p->hash = hash_of(p, pair);
	}
	return p->hash;
}

/* Where a pair is among the recent: whoever makes his ports collide only slows himself down to a search. */
static struct pair_entry **recent(struct pairs *p, const struct socket_pair *pair)
{
	return &p->recent[(pair->local_port ^ pair->remote_port) & (PAIRS_RECENT - 1)];
}

static void forget(struct pairs *p, const struct pair_entry *e)
{
	struct pair_entry **r = recent(p, &e->pair);

	if (*r == e)
		*r = NULL;
}

/* The bucket of a hash: buckets below split, and those that came of them, are told apart by one more bit. */
static struct pair_entry **bucket(const struct pairs *p, uint32_t hash)
{
	size_t n = hash & (p->size * 2 - 1);

	return &p->buckets[n < p->size + p->split ? n : n - p->size];
}

static void chain(struct pairs *p, struct pair_entry *e)
{
	struct pair_entry **b = bucket(p, e->hash);

	e->next = *b;
	*b = e;
}

static void chain_all(struct pairs *p, struct pair_entry *e)
{
	while (e) {
		struct pair_entry *next = e->next;
		chain(p, e);
		e = next;
	}
}

/* Room for size * 2 buckets. */
static bool resize(struct pairs *p, size_t size)
{
	struct pair_entry **buckets = realloc(p->buckets, size * 2 * sizeof(struct pair_entry *));

	if (!buckets)
		return false;
	p->buckets = buckets;
	return true;
}

/* One more bucket: that of number split is divided. */
static void grow(struct pairs *p)
{
	if (p->split == p->size) {
		if (!resize(p, p->size * 2))
			return;
		p->size *= 2;
		p->split = 0;
	}
	struct pair_entry *divided = p->buckets[p->split];

	p->buckets[p->split] = p->buckets[p->size + p->split] = NULL;
	p->split++;
	chain_all(p, divided);
}

/* One bucket less: the last one joins that of which it came. */
static void shrink(struct pairs *p)
{
	if (p->split == 0) {
		p->size /= 2;
		p->split = p->size;
		resize(p, p->size); /* if it stays larger, no harm is done */
	}
	p->split--;
	chain_all(p, p->buckets[p->size + p->split]);
}

/* At half load, so that one entry that comes and goes does not move buckets each time. */
static bool too_large(const struct pairs *p)
{
	return p->count < (p->size + p->split) / 2 && p->size + p->split > SIZE_MIN;
}

int pb_pairs_init(struct pairs *p, struct pb_siphash_key key, size_t count_max)
{
	*p = (struct pairs){ .key = key, .count_max = count_max, .size = SIZE_MIN };
	p->hash = hash_of(p, &p->hashed);
	p->buckets = calloc((size_t)SIZE_MIN * 2, sizeof(struct pair_entry *));
	return p->buckets ? 0 : -ENOMEM;
}

void pb_pairs_fini(struct pairs *p)
{
	free(p->buckets);
	p->buckets = NULL;
}

static struct pair_entry *find(const struct pairs *p, const struct socket_pair *pair, uint32_t hash)
{
	struct pair_entry *e = *bucket(p, hash);

	while (e && !(e->hash == hash && same_pair(&e->pair, pair)))
		e = e->next;
	return e;
}

struct pair_entry *pb_pairs_find(struct pairs *p, const struct socket_pair *pair)
{
	struct pair_entry **r = recent(p, pair);

	if (*r && same_pair(&(*r)->pair, pair))
		return *r;
	struct pair_entry *e = find(p, pair, pb_pairs_hash(p, pair));
	if (e)
		*r = e;
	return e;
}

int pb_pairs_add(struct pairs *p, struct pair_entry *e)
{
	e->hash = pb_pairs_hash(p, &e->pair);
	if (find(p, &e->pair, e->hash))
		return -EADDRINUSE;
	if (p->count >= p->count_max)
		return -ENOBUFS;
	if (p->count >= p->size + p->split && !p->walks)
		grow(p);
	chain(p, e);
	p->count++;
	return 0;
}

/* Where e is pointed to from. */
static struct pair_entry **place(const struct pairs *p, const struct pair_entry *e)
{
	struct pair_entry **at = bucket(p, e->hash);

	while (*at != e)
		at = &(*at)->next;
	return at;
}

void pb_pairs_remove(struct pairs *p, struct pair_entry *e)
{
	*place(p, e) = e->next;
	forget(p, e);
	p->count--;
	for (int i = 0; i < 2 && too_large(p) && !p->walks; i++) /* two, or the table could not keep pace */
		shrink(p);
}

void pb_pairs_replace(struct pairs *p, struct pair_entry *old, struct pair_entry *new)
{
	new->pair = old->pair;
	new->hash = old->hash;
	new->next = old->next;
	*place(p, old) = new;
	forget(p, old);
}

/* While somebody walks, buckets neither divide nor join: nobody is met twice, nobody missed. */
void pb_pairs_each(struct pairs *p, void (*fn)(struct pair_entry *e, void *context), void *context)
{
	p->walks++;
	for (size_t i = 0; i < p->size + p->split; i++) {
		for (struct pair_entry *e = p->buckets[i], *next; e; e = next) {
			next = e->next;
			fn(e, context);
		}
	}
	p->walks--;
	while (too_large(p) && !p->walks)
		shrink(p);
}
