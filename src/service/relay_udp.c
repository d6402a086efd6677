/*
 * The relay's datagrams: a session for each client (address and port) and address he sends to, with an upstream socket
 * of its own, so that an answer is known by the socket it comes to and leaves from the address that was asked.
 *
 * A session ends when nothing went either way for the idle time. When all that may be are in use, the one idle longest
 * gives way: refusing the new one would let a few forged datagrams lock everybody out for that long.
 *
 * Where a name has several addresses, an ICMP error from one that has not answered yet makes room for the next, which
 * gets the datagrams so far once more. Otherwise an ICMP error is logged, once a session, and changes nothing: the next
 * datagram may get through.
 *
 * Datagrams may get lost, and here they do when a socket has no room, or when more than a few come before the name is
 * looked up.
 */
#include "base/hash.h"
#include "client/dial.h"
#include "service/relay.h"
#include "service/small.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define DATAGRAMS_A_TURN  64
#define WAITING_MAX       8           /* datagrams of a session that wait for its socket, or for an answer */
#define WAITING_BYTES_MAX (64 * 1024) /* of all of them */
#define RETRY_TIME        PB_SEC(1)   /* a session that could not be dialed drops what comes for so long */

struct dialing {
	struct dial dial;
	struct session *owner;
};

struct waiting {
	struct pb_link link;
	size_t len;
	uint8_t bytes[];
};

struct session {
	struct relay_sessions *all;
	struct session *next;    /* in its bucket */
	struct pb_link recent;   /* in relay_sessions.recent */
	struct datagram client;  /* whom to answer, and from where; without data */
	struct dialing *dialing; /* until it has a socket, and while there are other addresses, an answer */
	struct pb_watch upstream;
	struct pb_timer timer;
	struct pb_link waiting;
	size_t waiting_count, waiting_bytes;
	bool failed;   /* could not be dialed */
	bool reported; /* an error has been logged */
};

struct relay_sessions {
	struct service *service;
	struct pb_siphash_key key;
	struct pb_link recent; /* longest idle first */
	size_t count, mask;
	struct session *buckets[];
};

/* Finding ------------------------------------------------------------------------------------------------------ */

static struct session **bucket_of(struct relay_sessions *all, const struct datagram *d)
{
	struct {
		uint8_t addrs[2][16];
		uint16_t ports[2];
	} key;
	const union pb_addr *ends[] = { &d->from, &d->to };

	memset(&key, 0, sizeof key);
	for (int i = 0; i < 2; i++) {
		unsigned bits;
		const uint8_t *bytes = pb_addr_bytes(ends[i], &bits);
		memcpy(key.addrs[i], bytes, bits / 8);
		key.ports[i] = pb_addr_port(ends[i]);
	}
	return &all->buckets[pb_siphash13(&all->key, &key, sizeof key) & all->mask];
}

static struct session *find(struct relay_sessions *all, const struct datagram *d)
{
	struct session *x = *bucket_of(all, d);

	while (x && !(pb_addr_equal(&x->client.from, &d->from) && pb_addr_equal(&x->client.to, &d->to)))
		x = x->next;
	return x;
}

static struct relay *relay_of(const struct session *x)
{
	return x->all->service->config;
}

/* Something went one way or the other. */
static void touch(struct session *x)
{
	struct relay_sessions *all = x->all;
	struct pb_loop *loop = relay_of(x)->loop;

	list_remove(&x->recent);
	list_push(&all->recent, &x->recent);
	pb_timer_set(loop, &x->timer, pb_loop_now(loop) + all->service->idle);
}

static void report(struct session *x, const char *why)
{
	struct log *log = service_log(x->all->service);
	char addr[PB_ADDR_TEXT];

	if (!x->reported && log_wants(log))
		log_say(log, "relay #%llu %s/udp: upstream: %s", (unsigned long long)x->client.number,
			pb_addr_text(&x->client.from, addr), why);
	x->reported = true;
}

/* Ending ------------------------------------------------------------------------------------------------------- */

static void drop_waiting(struct session *x)
{
	list_each_safe (l, &x->waiting)
		free(container_of(l, struct waiting, link));
	list_init(&x->waiting);
	x->waiting_count = x->waiting_bytes = 0;
}

static void end(struct session *x)
{
	struct session **at = bucket_of(x->all, &x->client);

	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
	list_remove(&x->recent);
	x->all->count--;
	pb_timer_stop(relay_of(x)->loop, &x->timer);
	if (x->dialing)
		dial_cancel(&x->dialing->dial);
	free(x->dialing);
	drop_waiting(x);
	pb_watch_close(&x->upstream);
	free(x);
}

static void on_idle(struct pb_timer *t)
{
	end(container_of(t, struct session, timer));
}

/* Passing on --------------------------------------------------------------------------------------------------- */

/* Nobody else will be dialed. */
static void settle(struct session *x)
{
	free(x->dialing);
	x->dialing = NULL;
	drop_waiting(x);
}

static bool is_icmp(ssize_t rc)
{
	return rc == -ECONNREFUSED || rc == -EHOSTUNREACH || rc == -ENETUNREACH;
}

/* The address has proved to be no good. True: the name's next one is being dialed. */
static bool try_next(struct session *x)
{
	if (!x->dialing || x->dialing->dial.next == x->dialing->dial.count)
		return false;
	pb_watch_close(&x->upstream);
	return dial_next(&x->dialing->dial);
}

/*
 * The error that a send answers may be that of an earlier datagram (ICMP, RFC 1122 4.1.3.3): then try once more. False:
 * it is the next address's turn.
 */
static bool pass(struct session *x, const void *data, size_t len)
{
	ssize_t n = pb_send(x->upstream.socket, data, len, 0);

	if (is_icmp(n)) {
		if (try_next(x))
			return false;
		report(x, strerror((int)-n));
		n = pb_send(x->upstream.socket, data, len, 0);
	}
	if (n < 0 && n != -EAGAIN)
		report(x, strerror((int)-n));
	return true;
}

static void on_upstream(struct pb_watch *w, int ready)
{
	struct session *x = container_of(w, struct session, upstream);
	struct service *s = x->all->service;
	uint8_t *buffer = service_scratch(s);

	(void)ready;
	for (int i = 0; i < DATAGRAMS_A_TURN; i++) {
		ssize_t n = pb_recv(w->socket, buffer, SCRATCH_SIZE, 0);
		if (n == -EAGAIN)
			return;
		if (is_icmp(n) && try_next(x))
			return;
		if (n < 0) {
			report(x, strerror((int)-n));
			continue;
		}
		settle(x);
		touch(x);
		datagram_reply(s, &x->client, buffer, (size_t)n);
	}
}

static void keep(struct session *x, const struct datagram *d)
{
	struct waiting *w;

	if (x->waiting_count == WAITING_MAX || x->waiting_bytes + d->len > WAITING_BYTES_MAX ||
	    !(w = malloc(sizeof *w + d->len)))
		return;
	w->len = d->len;
	memcpy(w->bytes, d->data, d->len);
	list_push(&x->waiting, &w->link);
	x->waiting_count++;
	x->waiting_bytes += d->len;
}

/* Beginning ---------------------------------------------------------------------------------------------------- */

/* It stays for a moment, so that a client who keeps sending does not have the name looked up for each datagram. */
static void fail(struct session *x, const char *why)
{
	struct pb_loop *loop = relay_of(x)->loop;

	report(x, why);
	x->failed = true;
	settle(x);
	pb_timer_set(loop, &x->timer, pb_loop_now(loop) + RETRY_TIME);
}

static void begin(struct session *x, struct pb_socket *s)
{
	int rc = pb_watch_socket(relay_of(x)->loop, &x->upstream, s, POLLIN, on_upstream);

	if (rc < 0) { /* end() closes the socket: the watch has it */
		fail(x, strerror(-rc));
		return;
	}
	list_each (l, &x->waiting) {
		struct waiting *w = container_of(l, struct waiting, link);
		if (!pass(x, w->bytes, w->len))
			return;
	}
	if (x->dialing->dial.next == x->dialing->dial.count)
		settle(x);
}

static void on_dialed(struct dial *d, int err, struct pb_socket *s)
{
	struct session *x = container_of(d, struct dialing, dial)->owner;

	if (err)
		fail(x, d->why);
	else
		begin(x, s);
}

static const char *forbid(struct dial *d, const union pb_addr *addr)
{
	const struct session *x = container_of(d, struct dialing, dial)->owner;

	return relay_forbids(x->all->service, d->type, addr);
}

static bool start_dialing(struct session *x)
{
	const struct relay *relay = relay_of(x);

	x->dialing = calloc(1, sizeof *x->dialing);
	if (!x->dialing)
		return false;
	x->dialing->owner = x;
	x->dialing->dial = (struct dial){ .loop = relay->loop,
					  .net = pb_socket_net(x->client.socket),
					  .resolver = relay->resolver,
					  .type = SOCK_DGRAM,
					  .family = AF_UNSPEC,
					  .timeout = relay->connect_time,
					  .forbid = forbid,
					  .fn = on_dialed };
	return dial_start(&x->dialing->dial, relay->host, relay->port) == 0;
}

/* A session for who sent this one; NULL: out of memory. */
static struct session *open_session(struct relay_sessions *all, const struct datagram *d)
{
	const struct relay *relay = all->service->config;
	struct session *x = calloc(1, sizeof *x), **bucket = bucket_of(all, d);

	if (!x)
		return NULL;
	if (all->count == relay->sessions_max)
		end(container_of(all->recent.next, struct session, recent));
	x->all = all;
	x->client = *d;
	x->client.data = NULL;
	x->client.len = 0;
	x->timer.fn = on_idle;
	list_init(&x->waiting);
	x->next = *bucket;
	*bucket = x;
	list_push(&all->recent, &x->recent);
	all->count++;
	if (start_dialing(x))
		return x;
	end(x);
	return NULL;
}

/*
 * A datagram that claims to come from a small service is not passed on: the far side would answer us, whose port looks
 * harmless, and the answer would set the two on each other (small.h).
 */
void relay_sessions_received(struct relay_sessions *all, const struct datagram *d)
{
	struct session *x;

	if (!small_may_answer(d))
		return;
	x = find(all, d);
	if (!x)
		x = open_session(all, d);
	if (!x || x->failed)
		return;
	touch(x);
	if (x->dialing)
		keep(x, d);
	if (x->upstream.socket)
		pass(x, d->data, d->len);
}

/* The sessions as a whole ---------------------------------------------------------------------------------------- */

struct relay_sessions *relay_sessions_new(struct service *s)
{
	const struct relay *relay = s->config;
	struct relay_sessions *all;
	size_t buckets = 1;

	while (buckets < relay->sessions_max)
		buckets *= 2;
	all = calloc(1, offsetof(struct relay_sessions, buckets[buckets]));
	if (!all)
		return NULL;
	all->service = s;
	all->mask = buckets - 1;
	list_init(&all->recent);
	if (getrandom(&all->key, sizeof all->key, 0) == (ssize_t)sizeof all->key)
		return all;
	free(all);
	return NULL;
}

void relay_sessions_free(struct relay_sessions *all)
{
	if (!all)
		return;
	list_each_safe (l, &all->recent)
		end(container_of(l, struct session, recent));
	free(all);
}
