#include "net/reassembly.h"

#include "wire/ecn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define PAYLOAD_MAX 65535

struct datagram {
	struct fragment
		first; /* addresses, id and protocol are the key; the rest is of the fragment with offset 0 */
	/*
	 * In order of offset, which is in mark; each begins with its payload, the first one (offset 0) with
	 * its header.
	 */
	struct pb_buf *fragments;
	struct pb_buf *last; /* where most come next */
	size_t fragment_count;
	uint32_t have;      /* bytes of payload */
	uint32_t end;       /* of the payload; 0: not known */
	bool refused;       /* an overlap was found: all that comes is dropped */
	uint8_t codepoints; /* of ECN that fragments had: a bit each */
	size_t cost, account;
	struct reassembly *owner;
	struct datagram *next; /* in its bucket */
	struct pb_link age;
	struct pb_timer timer;
};

int pb_reassembly_init(struct reassembly *r, struct env *env, size_t bytes_max, size_t datagrams_max)
{
	*r = (struct reassembly){ .env = env, .size = 1, .bytes_max = bytes_max, .count_max = datagrams_max };
	while (r->size < datagrams_max)
		r->size *= 2;
	r->key = pb_rng_key(&env->rng);
	list_init(&r->oldest);
	r->buckets = calloc(r->size, sizeof(struct datagram *));
	return r->buckets ? 0 : -ENOMEM;
}

/*
 * The datagrams
 * ----------------------------------------------------------------------------------------------
 */

static size_t bucket_of(const struct reassembly *r, const struct fragment *f)
{
	uint8_t key[16 + 16 + 4 + 1];

	memcpy(key, f->src.bytes, 16);
	memcpy(key + 16, f->dst.bytes, 16);
	memcpy(key + 32, &f->id, 4);
	key[36] = f->protocol;
	return pb_siphash13(&r->key, key, sizeof key) & (r->size - 1);
}

static size_t account_of(const struct reassembly *r, const struct ip *src)
{
	return pb_siphash13(&r->key, src->bytes, sizeof src->bytes) % REASSEMBLY_ACCOUNTS;
}

/* RFC 791 §3.2: what belongs together. */
static bool same_datagram(const struct fragment *a, const struct fragment *b)
{
	return a->id == b->id && a->protocol == b->protocol && ip_equal(&a->src, &b->src) &&
	       ip_equal(&a->dst, &b->dst);
}

static void charge(struct datagram *d, size_t cost)
{
	d->cost += cost;
	d->owner->bytes += cost;
	d->owner->accounts[d->account] += cost;
}

static size_t payload_len(const struct datagram *d, const struct pb_buf *b)
{
	return b->total - (b->mark == 0 ? d->first.header_len : 0);
}

static void drop_fragments(struct datagram *d)
{
	struct pb_buf *next;

	for (struct pb_buf *b = d->fragments; b; b = next) {
		next = b->next;
		pb_buf_free(b);
	}
	d->fragments = d->last = NULL;
	d->fragment_count = 0;
	d->owner->bytes -= d->cost;
	d->owner->accounts[d->account] -= d->cost;
	d->cost = 0;
}

static void forget(struct datagram *d)
{
	struct reassembly *r = d->owner;
	struct datagram **at = &r->buckets[bucket_of(r, &d->first)];

	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
	drop_fragments(d);
	pb_timers_stop(&r->env->timers, &d->timer);
	list_remove(&d->age);
	r->count--;
	free(d);
}

void pb_reassembly_fini(struct reassembly *r)
{
	if (!r->buckets)
		return;
	for (struct pb_link *l; (l = list_shift(&r->oldest));)
		forget(container_of(l, struct datagram, age));
	free(r->buckets);
}

static void time_is_up(struct pb_timer *t)
{
	struct datagram *d = container_of(t, struct datagram, timer);
	struct reassembly *r = d->owner;

	if (!d->refused) {
		r->env->counters.ip.ReasmTimeout++;
		r->env->counters.ip.ReasmFails++;
	}
	if (d->fragments && d->fragments->mark == 0 && r->expired)
		r->expired(r, d->first.iface, &d->first, d->fragments);
	forget(d);
}

static void drop_oldest(struct reassembly *r)
{
	struct pb_link *l = r->oldest.next;

	assert(!list_empty(l)); /* it is on the list, and then it is not */
	r->env->counters.ip.ReasmFails++;
	forget(container_of(l, struct datagram, age));
}

static struct datagram *begin(struct reassembly *r, const struct fragment *f)
{
	if (r->count >= r->count_max)
		drop_oldest(r);
	struct datagram *d = calloc(1, sizeof *d);
	if (!d)
		return NULL;
	d->owner = r;
	d->first = *f;
	d->account = account_of(r, &f->src);
	d->timer.fn = time_is_up;
	struct datagram **bucket = &r->buckets[bucket_of(r, f)];
	d->next = *bucket;
	*bucket = d;
	list_push(&r->oldest, &d->age);
	r->count++;
	pb_timers_set(&r->env->timers, &d->timer, env_now(r->env) + REASSEMBLY_TIMEOUT);
	return d;
}

static struct datagram *find(struct reassembly *r, const struct fragment *f)
{
	struct datagram *d = r->buckets[bucket_of(r, f)];

	while (d && !same_datagram(&d->first, f))
		d = d->next;
	return d ? d : begin(r, f);
}

/*
 * Fragments
 * --------------------------------------------------------------------------------------------------
 */

enum fit { FITS, IS_KNOWN, OVERLAPS };

/* Whether both hold the same bytes from the given places on. */
static bool same_bytes(const struct pb_buf *a, size_t a_at, const struct pb_buf *b, size_t b_at, size_t len)
{
	uint8_t x[256], y[256];

	for (size_t n; len; len -= n, a_at += n, b_at += n) {
		n = len < sizeof x ? len : sizeof x;
		pb_buf_copy(a, a_at, x, n);
		pb_buf_copy(b, b_at, y, n);
		if (memcmp(x, y, n) != 0)
			return false;
	}
	return true;
}

/* The fragment after which one of that offset belongs: *at points to the link behind it. */
static struct pb_buf *before(struct datagram *d, uint32_t offset, struct pb_buf ***at)
{
	struct pb_buf *last = NULL;

	if (d->last && d->last->mark < offset) { /* in order */
		*at = &d->last->next;
		return d->last;
	}
	for (*at = &d->fragments; **at && (**at)->mark < offset; *at = &(**at)->next)
		last = **at;
	return last;
}

/* b, len bytes of payload behind header_len others, next to what is there. */
static enum fit judge(const struct datagram *d, const struct fragment *f, const struct pb_buf *b,
		      const struct pb_buf *prior, const struct pb_buf *next)
{
	size_t len = b->total - f->header_len, end = f->offset + len;

	if (d->end && (end > d->end || (!f->more && end != d->end)))
		return OVERLAPS; /* or reaches beyond the end, which is no better */
	if (!f->more && d->last && d->last->mark + payload_len(d, d->last) > end)
		return OVERLAPS;
	if (prior && prior->mark + payload_len(d, prior) > f->offset)
		return OVERLAPS;
	if (!next || next->mark >= end)
		return FITS;
	size_t header = next->mark == 0 ? d->first.header_len : 0;
	if (next->mark != f->offset || payload_len(d, next) != len ||
	    !same_bytes(next, header, b, f->header_len, len))
		return OVERLAPS;
	return IS_KNOWN;
}

static void insert(struct datagram *d, const struct fragment *f, struct pb_buf *b, struct pb_buf **at)
{
	size_t len = b->total - f->header_len;

	charge(d, b->total + REASSEMBLY_FRAGMENT_COST);
	if (f->offset == 0)
		d->first = *f;
	else
		pb_buf_pull(b, f->header_len);
	if (!f->more)
		d->end = f->offset + (uint32_t)len;
	d->codepoints |= (uint8_t)(1 << ecn_of(f->tos));
	b->checksum = PB_CHECKSUM_UNKNOWN; /* what a device says of a fragment is not of the datagram */
	b->segment_size = 0;
	b->mark = f->offset;
	b->next = *at;
	*at = b;
	if (!b->next)
		d->last = b;
	d->have += (uint32_t)len;
	d->fragment_count++;
}

/* RFC 3168 §5.3: what says that it met congestion may not be put together with what cannot say so. */
static bool is_marked_amiss(const struct datagram *d)
{
	return d->codepoints >> ECN_CE & 1 && d->codepoints >> ECN_NOT_ECT & 1;
}

/* All is there: one packet of it. Congestion that a fragment met, all of it met. */
static struct pb_buf *join(struct datagram *d, struct fragment *f)
{
	struct pb_buf *whole = d->fragments, *next = whole->next, *tail = whole;

	*f = d->first;
	if (d->codepoints >> ECN_CE & 1)
		f->tos |= ECN_CE;
	d->owner->env->counters.ip.ReasmOKs++;
	d->fragments = NULL;
	whole->next = NULL;
	while (tail->more)
		tail = tail->more;
	for (struct pb_buf *b = next; b; b = next) {
		next = b->next;
		b->next = NULL;
		whole->total += b->total;
		for (tail->more = b; tail->more;)
			tail = tail->more;
	}
	forget(d);
	return whole;
}

static void refuse(struct datagram *d)
{
	d->owner->env->counters.ip.ReasmFails++;
	d->refused = true;
	drop_fragments(d);
}

/* Whether cost more bytes of d may be kept; the oldest of the others make room. */
static bool admit(struct reassembly *r, struct datagram *d, size_t cost)
{
	if (r->accounts[d->account] + cost > r->bytes_max / REASSEMBLY_SHARE ||
	    d->fragment_count >= REASSEMBLY_FRAGMENTS_MAX)
		return false;
	if (r->bytes + cost <= r->bytes_max)
		return true;
	list_remove(&d->age);
	list_push(&r->oldest, &d->age);
	while (r->bytes + cost > r->bytes_max && r->oldest.next != &d->age)
		drop_oldest(r);
	return true;
}

/* Whether the fragments make sense for themselves. */
static bool is_sound(const struct fragment *f, const struct pb_buf *b)
{
	size_t len = b->total - f->header_len;

	return len > 0 && (!f->more || len % 8 == 0) && f->offset + len <= PAYLOAD_MAX;
}

struct pb_buf *pb_reassembly_add(struct reassembly *r, struct fragment *f, struct pb_buf *b)
{
	struct pb_buf **at;

	r->env->counters.ip.ReasmReqds++;
	struct datagram *d = is_sound(f, b) ? find(r, f) : NULL;
	if (!d || d->refused || !admit(r, d, b->total + REASSEMBLY_FRAGMENT_COST)) {
		r->env->counters.ip.ReasmFails += d == NULL || !d->refused;
		pb_buf_free(b);
		return NULL;
	}
	const struct pb_buf *prior = before(d, f->offset, &at);
	enum fit fit = judge(d, f, b, prior, *at);
	if (fit != FITS) {
		pb_buf_free(b);
		r->env->counters.ip.ReasmOverlaps += fit == OVERLAPS;
		if (fit == OVERLAPS)
			refuse(d);
		return NULL;
	}
	insert(d, f, b, at);
	if (!d->end || d->have != d->end)
		return NULL;
	if (d->first.header_len - d->first.uncounted + d->end <= PAYLOAD_MAX && !is_marked_amiss(d))
		return join(d, f);
	refuse(d);
	return NULL;
}
