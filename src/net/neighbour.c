#include "net/neighbour.h"

#include "wire/ethernet.h"

#include <errno.h>
#include <stdlib.h>

static void timer_fired(struct pb_timer *t);

static size_t bucket_of(const struct neighbours *c, const struct iface *i, const struct ip *ip)
{
	uint8_t key[sizeof ip->bytes + sizeof i->index];

	memcpy(key, ip->bytes, sizeof ip->bytes);
	memcpy(key + sizeof ip->bytes, &i->index, sizeof i->index);
	return pb_siphash13(&c->key, key, sizeof key) & (c->size - 1);
}

int pb_neighbours_init(struct neighbours *c, struct env *env, size_t count_max,
		       const struct neighbour_ops *ops, uint32_t *generation)
{
	*c = (struct neighbours){
		.env = env, .ops = ops, .size = 1, .count_max = count_max, .generation = generation
	};
	while (c->size < count_max)
		c->size *= 2;
	c->key = pb_rng_key(&env->rng);
	list_init(&c->round);
	c->buckets = calloc(c->size, sizeof(struct neighbour *));
	return c->buckets ? 0 : -ENOMEM;
}

static void forget(struct neighbour *n)
{
	struct neighbours *c = n->cache;
	struct neighbour **at = &c->buckets[bucket_of(c, n->iface, &n->ip)];

	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	pb_timers_stop(&c->env->timers, &n->timer);
	c->env->counters.arp.QueueDrops += n->waiting.count;
	pb_buf_queue_clear(&n->waiting);
	list_remove(&n->round);
	c->count--;
	++*c->generation;
	free(n);
}

void pb_neighbours_fini(struct neighbours *c)
{
	if (!c->buckets)
		return;
	for (struct pb_link *l; (l = list_shift(&c->round));)
		forget(container_of(l, struct neighbour, round));
	free(c->buckets);
}

struct neighbour *pb_neighbours_find(struct neighbours *c, const struct iface *i, const struct ip *ip)
{
	struct neighbour *n = c->buckets[bucket_of(c, i, ip)];

	while (n && (n->iface != i || !ip_equal(&n->ip, ip)))
		n = n->next;
	return n;
}

/* The hand goes round: who was used since it last came by has another chance. */
static void make_room(struct neighbours *c)
{
	c->env->counters.arp.CacheFull++;
	for (;;) {
		struct pb_link *l = list_shift(&c->round);
		struct neighbour *n = container_of(l, struct neighbour, round);
		if (!n->used) {
			forget(n);
			return;
		}
		n->used = false;
		list_push(&c->round, l);
	}
}

struct neighbour *pb_neighbours_get(struct neighbours *c, struct iface *i, const struct ip *ip)
{
	struct neighbour *n = pb_neighbours_find(c, i, ip);

	if (n)
		return n;
	if (c->count == c->count_max)
		make_room(c);
	n = calloc(1, sizeof *n);
	if (!n)
		return NULL;
	n->cache = c;
	n->ip = *ip;
	n->iface = i;
	n->state = NEIGHBOUR_FAILED; /* so that the first packet makes it ask; nobody was refused for it */
	n->reachable_until = PB_NEVER;
	n->timer.fn = timer_fired;
	struct neighbour **bucket = &c->buckets[bucket_of(c, i, ip)];
	n->next = *bucket;
	*bucket = n;
	list_push(&c->round, &n->round);
	c->count++;
	return n;
}

/* States ------------------------------------------------------------------------------------------------- */

static void set_timer(struct neighbour *n, pb_time in)
{
	struct env *env = n->cache->env;

	pb_timers_set(&env->timers, &n->timer, env_now(env) + in);
}

/* Of IPv6, what routers say of the link (RFC 4861 §6.3.4). */
static pb_time retrans_timer(const struct neighbour *n)
{
	return ip_is4(&n->ip) ? NEIGHBOUR_RETRANS_TIMER : n->iface->retrans_timer;
}

static pb_time reachable_time(const struct neighbour *n)
{
	return ip_is4(&n->ip) ? NEIGHBOUR_REACHABLE_TIME : n->iface->reachable_time;
}

static void ask(struct neighbour *n)
{
	n->solicits++;
	n->cache->ops->solicit(n);
	set_timer(n, retrans_timer(n));
}

static void begin(struct neighbour *n, enum neighbour_state state)
{
	n->state = state;
	n->solicits = 0;
	ask(n);
}

static void fail(struct neighbour *n)
{
	struct pb_buf_queue waiting = n->waiting;

	n->cache->env->counters.arp.Timeouts++;
	n->state = NEIGHBOUR_FAILED;
	n->cache->ops->failed(n);
	n->reachable_until = 0; /* a refusal is due to who sends next */
	n->waiting = (struct pb_buf_queue){ 0 };
	for (struct pb_buf *b; (b = pb_buf_queue_shift(&waiting));)
		n->cache->ops->unreachable(n, b);
}

static void timer_fired(struct pb_timer *t)
{
	struct neighbour *n = container_of(t, struct neighbour, timer);

	if (n->state == NEIGHBOUR_DELAYED)
		begin(n, NEIGHBOUR_PROBE);
	else if (n->state != NEIGHBOUR_INCOMPLETE && n->state != NEIGHBOUR_PROBE)
		return; /* it has answered meanwhile */
	else if (n->solicits < NEIGHBOUR_SOLICITS)
		ask(n);
	else
		fail(n);
}

static uint16_t ethertype(const struct neighbour *n)
{
	return ip_is4(&n->ip) ? ETHERNET_IP4 : ETHERNET_IP6;
}

static void set_reachable(struct neighbour *n)
{
	n->state = NEIGHBOUR_REACHABLE;
	n->reachable_until = env_now(n->cache->env) + reachable_time(n);
}

static void flush(struct neighbour *n)
{
	for (struct pb_buf *b; (b = pb_buf_queue_shift(&n->waiting));)
		pb_iface_send(n->iface, n->mac, ethertype(n), b);
}

bool pb_neighbour_heard(struct neighbour *n, const uint8_t mac[PB_MAC_LEN])
{
	if (n->state == NEIGHBOUR_INCOMPLETE || n->state == NEIGHBOUR_PROBE) {
		memcpy(n->mac, mac, sizeof n->mac);
		set_reachable(n);
		flush(n);
		return true;
	}
	/* RFC 4861 §7.2.5 (I): what is known stays, and is in doubt. */
	if (n->state == NEIGHBOUR_REACHABLE && memcmp(n->mac, mac, sizeof n->mac) != 0)
		n->state = NEIGHBOUR_STALE;
	return false;
}

const uint8_t *pb_neighbour_mac(const struct neighbour *n)
{
	return n && n->state != NEIGHBOUR_INCOMPLETE && n->state != NEIGHBOUR_FAILED ? n->mac : NULL;
}

bool pb_neighbour_advertised(struct neighbour *n, const uint8_t mac[PB_MAC_LEN], bool solicited,
			     bool override)
{
	bool differs = memcmp(n->mac, mac, sizeof n->mac) != 0;

	if (n->state == NEIGHBOUR_FAILED)
		return false;
	if (n->state == NEIGHBOUR_INCOMPLETE) {
		memcpy(n->mac, mac, sizeof n->mac);
		n->state = NEIGHBOUR_STALE;
		if (solicited)
			set_reachable(n);
		flush(n);
		return true;
	}
	if (differs && !override) {
		if (n->state == NEIGHBOUR_REACHABLE)
			n->state = NEIGHBOUR_STALE;
		return true;
	}
	memcpy(n->mac, mac, sizeof n->mac);
	if (solicited)
		set_reachable(n);
	else if (differs)
		n->state = NEIGHBOUR_STALE;
	return true;
}

/* Whether what is known of it may be replaced by hearsay. */
static bool is_open(const struct neighbour *n)
{
	bool stale = n->state == NEIGHBOUR_STALE ||
		     (n->state == NEIGHBOUR_REACHABLE && n->reachable_until < env_now(n->cache->env));

	return stale || n->state == NEIGHBOUR_FAILED || n->state == NEIGHBOUR_INCOMPLETE;
}

void pb_neighbours_learn(struct neighbours *c, struct iface *i, const struct ip *ip,
			 const uint8_t mac[PB_MAC_LEN])
{
	struct neighbour *n = pb_neighbours_find(c, i, ip);
	const uint8_t *known = pb_neighbour_mac(n);

	if (n && (!is_open(n) || (known && memcmp(known, mac, PB_MAC_LEN) == 0)))
		return;
	if (!bucket_take(&c->learnt, env_now(c->env), PB_SEC(1) / NEIGHBOURS_LEARNT_A_SECOND,
			 NEIGHBOURS_LEARNT_AT_ONCE))
		return;
	n = pb_neighbours_get(c, i, ip);
	if (!n)
		return;
	memcpy(n->mac, mac, sizeof n->mac);
	n->state = NEIGHBOUR_STALE;
	flush(n);
}

void pb_neighbour_confirm(struct neighbour *n)
{
	if (n->state != NEIGHBOUR_INCOMPLETE && n->state != NEIGHBOUR_FAILED)
		set_reachable(n);
}

/* Sending ------------------------------------------------------------------------------------------------ */

static void wait_for_answer(struct neighbour *n, struct pb_buf *b)
{
	struct pb_buf_queue *q = &n->waiting;

	pb_buf_queue_push(q, b);
	while (q->count > NEIGHBOUR_QUEUE_PACKETS || (q->count > 1 && q->bytes > NEIGHBOUR_QUEUE_BYTES)) {
		n->cache->env->counters.arp.QueueDrops++;
		pb_buf_free(pb_buf_queue_shift(q));
	}
}

/* Nobody has answered lately, or nobody was asked yet: ask. */
static int ask_again(struct neighbour *n, struct pb_buf *b)
{
	bool refuse = n->reachable_until != PB_NEVER;

	if (refuse)
		pb_buf_free(b);
	else
		wait_for_answer(n, b);
	n->reachable_until = PB_NEVER;
	begin(n, NEIGHBOUR_INCOMPLETE);
	return refuse ? -EHOSTUNREACH : 0;
}

static int send_in_doubt(struct neighbour *n, struct pb_buf *b)
{
	switch (n->state) {
	case NEIGHBOUR_FAILED:
		return ask_again(n, b);
	case NEIGHBOUR_INCOMPLETE:
		wait_for_answer(n, b);
		return 0;
	case NEIGHBOUR_REACHABLE: /* for too long */
	case NEIGHBOUR_STALE:
		n->state = NEIGHBOUR_DELAYED;
		set_timer(n, NEIGHBOUR_DELAY);
		break;
	case NEIGHBOUR_DELAYED:
	case NEIGHBOUR_PROBE:
		break;
	}
	n->used = true;
	pb_iface_send(n->iface, n->mac, ethertype(n), b);
	return 0;
}

int pb_neighbour_send(struct neighbour *n, struct pb_buf *b)
{
	if (n->state != NEIGHBOUR_REACHABLE || n->reachable_until < env_now(n->cache->env))
		return send_in_doubt(n, b);
	n->used = true;
	pb_iface_send(n->iface, n->mac, ethertype(n), b);
	return 0;
}

const char *pb_neighbour_state_text(const struct neighbour *n)
{
	static const char *const text[] = {
		[NEIGHBOUR_INCOMPLETE] = "INCOMPLETE", [NEIGHBOUR_REACHABLE] = "REACHABLE",
		[NEIGHBOUR_STALE] = "STALE",           [NEIGHBOUR_DELAYED] = "DELAY",
		[NEIGHBOUR_PROBE] = "PROBE",           [NEIGHBOUR_FAILED] = "FAILED",
	};
	bool stale = n->state == NEIGHBOUR_REACHABLE && n->reachable_until < env_now(n->cache->env);

	return text[stale ? NEIGHBOUR_STALE : n->state];
}
