#include "cli/demo_world.h"

#include "base/list.h"
#include "base/rng.h"
#include "kernel/sockdiag.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <time.h>

#define FRAMES_MAX  4096 /* that wait at an end of a wire */
#define MTU         1500
#define ROW_PAUSE   30000000          /* nanoseconds of real time, where people watch */
#define FATE_MAX    (2 * WORLD_DELAY) /* what has not arrived by then never will */
#define PREFIX_BITS 24
#define SETTLE      PB_SEC(2) /* without a frame: longer than the first time-outs of what is lost at the end */

static const struct site {
	const char *address;
	bool lan;
	enum side side;
	const char *mark; /* in front of the port, where a side has several hosts */
} sites[WORLD_HOSTS] = {
	[BROWSER] = {"177.41.72.6",   false, LEFT,  ""   },
          [WEB] = { "41.199.222.3", false, RIGHT, ""   },
	[DESK] = { "192.168.1.3",  true,  LEFT,  ""   },
          [FIRST] = { "192.168.1.1",  true,  RIGHT, ".1:"},
	[SECOND] = { "192.168.1.2",  true,  RIGHT, ".2:"},
};

const char *world_address(enum world_host which)
{
	return sites[which].address;
}

static const struct site *site_of(const struct host *h)
{
	return &sites[h - h->world->host];
}

/* Rows of the diagram ------------------------------------------------------------------------------------------- */

static struct arrow *pending_at(struct world *w, size_t n)
{
	return &w->pending[(w->first + n) % WORLD_PENDING_MAX];
}

static void pause_for_reader(const struct world *w)
{
	const struct timespec t = { .tv_nsec = ROW_PAUSE };

	if (!w->slow)
		return;
	fflush(stdout);
	nanosleep(&t, NULL);
}

static void port_text(const struct host *h, uint16_t port, char text[8])
{
	snprintf(text, 8, "%s%u", h && port ? site_of(h)->mark : "", port);
	if (!port)
		text[0] = '\0';
}

/* Which host of the other side it was for; of a broadcast, none in particular. */
static const struct host *addressee(const struct arrow *a)
{
	struct world *w = a->from->world;

	for (size_t i = 0; i < WORLD_HOSTS; i++) {
		struct ip ip;
		if (pb_ip_parse(&ip, sites[i].address) && ip_equal(&ip, &a->frame.dst))
			return &w->host[i];
	}
	return NULL;
}

static void draw(struct world *w, const struct arrow *a)
{
	enum side from = site_of(a->from)->side, to = from == LEFT ? RIGHT : LEFT;
	const struct host *addressed = addressee(a);
	char port[2][8];
	struct sequence_row row = {
		.time = a->sent - w->scene_start,
		.from = from,
		.port = {port[LEFT], port[RIGHT]},
		.text = a->frame.text,
		.lost = a->fate == LOST
	};

	port_text(a->from, a->frame.src_port, port[from]);
	port_text(addressed, a->frame.dst_port, port[to]);
	row.state[from] = a->state[from];
	row.state[to] = a->fate != LOST ? a->state[to] : addressed && !addressed->stack ? "(off)" : "(lost)";
	if (!addressed && a->fate == LOST)
		row.state[to] = "(nobody)";
	sequence_row(stdout, w->color, &row);
	if (w->quotes && a->quote[0])
		sequence_quote(stdout, a->quote);
	pause_for_reader(w);
}

/* Rows come in the order in which their frames were sent, each as soon as all before it have met their fate. */
static void draw_decided(struct world *w)
{
	pb_time now = pb_loop_now(w->loop);

	while (w->count) {
		struct arrow *a = pending_at(w, 0);
		if (a->fate == ON_ITS_WAY && now - a->sent > FATE_MAX)
			a->fate = LOST;
		if (a->fate == ON_ITS_WAY || a->fate == ARRIVED || a->state_due)
			return;
		draw(w, a);
		w->first = (w->first + 1) % WORLD_PENDING_MAX;
		w->count--;
	}
}

/* Watching a card ----------------------------------------------------------------------------------------------- */

struct find_state {
	struct ip local, remote;
	uint16_t local_port, remote_port;
	const char *state;
};

static bool is_end(const struct sockaddr *sa, const struct ip *ip, uint16_t port)
{
	struct ip its;
	uint16_t its_port;

	return pb_ip_from_sockaddr(&its, &its_port, sa, sizeof(struct sockaddr_in6)) && its_port == port &&
	       ip_equal(&its, ip);
}

static void compare_pair(const struct pb_stack_entry *e, void *context)
{
	struct find_state *f = context;

	if (e->protocol == IPPROTO_TCP && is_end(e->local, &f->local, f->local_port) &&
	    is_end(e->remote, &f->remote, f->remote_port))
		f->state = diag_state_name((unsigned)e->state);
}

/* In which state the sender or the receiver of a segment has its connection. */
static const char *state_at(const struct host *h, const struct frame_text *f, bool sender)
{
	struct find_state find = { .state = "CLOSED" };

	if (f->protocol != IPPROTO_TCP)
		return "";
	find.local = sender ? f->src : f->dst;
	find.remote = sender ? f->dst : f->src;
	find.local_port = sender ? f->src_port : f->dst_port;
	find.remote_port = sender ? f->dst_port : f->src_port;
	pb_stack_each(h->stack, compare_pair, &find);
	return find.state;
}

static struct host *host_of(const struct pb_device *d)
{
	return container_of(d, struct host, card);
}

/* The first line of a text; nothing of what is no text. */
static void quote(char to[WORLD_QUOTE_MAX], const struct frame_text *f)
{
	size_t n = 0;

	while (n < f->payload_len && n < WORLD_QUOTE_MAX - 1 && isprint(f->payload[n])) {
		to[n] = (char)f->payload[n];
		n++;
	}
	to[n] = '\0';
}

/* The arrow whose frame is here and has not arrived; NULL. */
static struct arrow *find_arrow(struct world *w, const uint8_t *memory)
{
	for (size_t i = 0; i < w->count; i++) {
		struct arrow *a = pending_at(w, i);
		if (a->fate == ON_ITS_WAY && a->memory == memory)
			return a;
	}
	return NULL;
}

/* The card takes no unfinished work, so a frame is one segment as a wire carries it, in one piece. */
static void note_sent(struct host *h, pb_time now, const struct pb_buf *frame)
{
	struct world *w = h->world;
	struct arrow *a = find_arrow(w, frame->data);

	if (a) /* its memory is used again, and it is no more */
		a->fate = LOST;
	draw_decided(w);
	if (w->count == WORLD_PENDING_MAX)
		return;
	a = pending_at(w, w->count++);
	*a = (struct arrow){
		.sent = now, .from = h, .memory = frame->data, .state = {"", ""}
	};
	frame_read(&a->frame, &w->flows, h->card.ethernet, frame->data, frame->len);
	quote(a->quote, &a->frame);
	a->frame.payload = NULL; /* it goes with the frame */
	if (a->frame.payload_len)
		w->said[site_of(h)->side] = a->frame;
	a->state_due = true;
	w->sent++;
}

/* The stack has sent what it had to: by now its states are what the segments say. */
static void note_flushed(struct host *h)
{
	struct world *w = h->world;

	for (size_t i = 0; i < w->count; i++) {
		struct arrow *a = pending_at(w, i);
		if (a->from == h && a->state_due) {
			a->state[site_of(h)->side] = state_at(h, &a->frame, true);
			a->state_due = false;
		}
	}
}

/* The stack has dealt with the last frame that it was given. */
static void note_taken(struct host *h)
{
	struct arrow *a = h->arrived;

	h->arrived = NULL;
	if (!a)
		return;
	a->fate = TAKEN;
	a->state[site_of(h)->side] = state_at(h, &a->frame, false);
	draw_decided(h->world);
}

static void card_send(struct pb_device *d, pb_time now, struct pb_buf *frame)
{
	struct host *h = host_of(d);

	if (h->unplugged) {
		pb_buf_free(frame);
		d->send_drops++;
		return;
	}
	note_sent(h, now, frame);
	d->sent++;
	h->cable->ops->send(h->cable, now, frame);
}

static struct pb_buf *card_receive(struct pb_device *d, pb_time now, struct pb_pool *pool)
{
	struct host *h = host_of(d);
	struct pb_buf *frame = h->unplugged ? NULL : h->cable->ops->receive(h->cable, now, pool);

	note_taken(h);
	if (!frame)
		return NULL;
	h->arrived = find_arrow(h->world, frame->data);
	if (h->arrived)
		h->arrived->fate = ARRIVED;
	d->received++;
	return frame;
}

static pb_time card_next(const struct pb_device *d)
{
	const struct host *h = host_of(d);

	return h->unplugged ? PB_NEVER : h->cable->ops->next(h->cable);
}

static void card_flush(struct pb_device *d, pb_time now)
{
	(void)now;
	note_flushed(host_of(d));
}

static int card_fd(const struct pb_device *d)
{
	(void)d;
	return -1;
}

/* The cable stays where it is when a host goes. */
static void card_close(struct pb_device *d)
{
	(void)d;
}

static const struct pb_device_ops card_ops = {
	.kind = "card",
	.send = card_send,
	.receive = card_receive,
	.next = card_next,
	.fd = card_fd,
	.flush = card_flush,
	.close = card_close,
};

/* Hosts --------------------------------------------------------------------------------------------------------- */

static void derive_seed(const struct world *w, const char *name, uint8_t seed[16])
{
	struct rng rng = pb_rng_derive(w->seed, name);

	for (size_t i = 0; i < 16; i += sizeof(uint64_t)) {
		uint64_t r = pb_rng_next(&rng);
		memcpy(seed + i, &r, sizeof r);
	}
}

/* On the Internet everybody is at the other end of the line; on the LAN the /24 is on the link. */
static int set_up(struct host *h)
{
	const struct site *site = site_of(h);
	union pb_addr addr, all = pb_addr_any(AF_INET);
	int index = pb_stack_attach(h->stack, &h->card, site->lan ? "eth0" : "wan0");

	if (index < 0 || !pb_addr_parse(&addr, site->address))
		return index < 0 ? index : -EINVAL;
	int rc = pb_stack_add_address(h->stack, (unsigned)index, &addr.sa, site->lan ? PREFIX_BITS : 32,
				      PB_USE_AT_ONCE);
	if (rc == 0 && !site->lan)
		rc = pb_stack_add_route(h->stack, &all.sa, 0, NULL, (unsigned)index);
	return rc;
}

/* While it was off. */
static void lose_what_came(struct host *h)
{
	const struct pb_impairment all = { .loss = 1 }, usual = { .delay = WORLD_DELAY };

	pb_device_set_impairment(h->impaired, &all);
	for (struct pb_buf *b;
	     (b = h->impaired->ops->receive(h->impaired, pb_loop_now(h->world->loop), NULL));)
		pb_buf_free(b);
	pb_device_set_impairment(h->impaired, &usual);
}

int world_boot(struct world *w, enum world_host which)
{
	struct host *h = &w->host[which];
	struct pb_stack_options options = { .now = pb_loop_now(w->loop), .memory_max = 64 << 20 };
	char name[64];

	snprintf(name, sizeof name, "%s, start %u", sites[which].address, h->starts++);
	derive_seed(w, name, options.seed);
	int rc = pb_stack_new(&options, &h->stack);
	if (rc < 0)
		return rc;
	h->net = pb_stack_net(h->stack);
	lose_what_came(h);
	h->unplugged = false;
	rc = set_up(h);
	return rc < 0 ? rc : pb_loop_add_net(w->loop, h->net);
}

void world_unplug(struct world *w, enum world_host which)
{
	w->host[which].unplugged = true;
}

void world_forget(struct world *w, enum world_host which)
{
	struct host *h = &w->host[which];

	if (!h->stack)
		return;
	note_taken(h);
	note_flushed(h);
	pb_loop_remove_net(w->loop, h->net);
	pb_net_close(h->net);
	h->net = NULL;
	h->stack = NULL;
}

struct pb_net *world_net(struct world *w, enum world_host which)
{
	return w->host[which].net;
}

/* The world ----------------------------------------------------------------------------------------------------- */

/* What a host receives is late. Takes end. */
static int plug_in(struct world *w, enum world_host which, struct pb_device *end)
{
	const struct pb_impairment in = { .delay = WORLD_DELAY };
	struct host *h = &w->host[which];
	int rc = pb_device_impair(end, &in, w->seed, sites[which].address, &h->impaired);

	if (rc < 0) {
		pb_device_close(end);
		return rc;
	}
	h->cable = h->impaired;
	h->card = (struct pb_device){ .ops = &card_ops, .ethernet = end->ethernet, .mtu = end->mtu };
	memcpy(h->card.mac, end->mac, sizeof end->mac);
	if (w->capture && (which == BROWSER || which == DESK))
		rc = pb_device_capture(h->impaired, w->capture, sites[which].address, &h->cable);
	return rc;
}

/* All of the ends, whatever becomes of one, as none may be left over. */
static int plug_in_all(struct world *w, enum world_host first, struct pb_device *end[], int ends)
{
	int rc = 0;

	for (int i = 0; i < ends; i++) {
		int one = plug_in(w, first + (enum world_host)i, end[i]);
		rc = rc < 0 ? rc : one;
	}
	return rc;
}

static int lay_cables(struct world *w)
{
	struct pb_device *line[2], *lan[3];
	int rc = pb_device_pair(MTU, false, FRAMES_MAX, line);

	if (rc == 0)
		rc = plug_in_all(w, BROWSER, line, 2);
	if (rc == 0)
		rc = pb_device_wire(MTU, 3, FRAMES_MAX, lan);
	return rc < 0 ? rc : plug_in_all(w, DESK, lan, 3);
}

int world_init(struct world *w, const uint8_t seed[16], const char *capture)
{
	struct timespec t;

	*w = (struct world){ 0 };
	memcpy(w->seed, seed, sizeof w->seed);
	clock_gettime(CLOCK_REALTIME, &t);
	for (size_t i = 0; i < WORLD_HOSTS; i++)
		w->host[i].world = w;
	int rc = pb_loop_new_virtual(0, &w->loop);
	if (rc == 0 && capture)
		rc = pb_capture_open(capture, PB_SEC(t.tv_sec) + t.tv_nsec, &w->capture);
	if (rc == 0)
		rc = lay_cables(w);
	for (int i = 0; i < WORLD_HOSTS && rc == 0; i++)
		rc = world_boot(w, (enum world_host)i);
	return rc;
}

int world_fini(struct world *w)
{
	for (int i = 0; i < WORLD_HOSTS; i++) {
		world_unplug(w, (enum world_host)i);
		world_forget(w, (enum world_host)i);
	}
	for (int i = 0; i < WORLD_HOSTS; i++)
		pb_device_close(w->host[i].cable);
	pb_loop_free(w->loop);
	return w->capture ? pb_capture_close(w->capture) : 0;
}

void world_scene(struct world *w, enum world_host left, enum world_host right)
{
	bool lan = sites[right].lan;

	w->scene_start = pb_loop_now(w->loop);
	sequence_head(stdout, sites[left].address, lan ? "192.168.1.1 and .2" : sites[right].address);
}

static void find_listener(const struct pb_stack_entry *e, void *context)
{
	struct find_state *f = context;

	if (e->protocol == IPPROTO_TCP && e->state == TCP_LISTEN &&
	    is_end(e->local, &f->local, f->local_port))
		f->state = diag_state_name(TCP_LISTEN);
}

void world_states(struct world *w, enum world_host left, enum world_host right, uint16_t port)
{
	struct find_state there = { .local_port = port, .state = "CLOSED" }, here = there;

	pb_ip_parse(&there.local, sites[right].address);
	pb_ip_parse(&here.local, sites[left].address);
	pb_stack_each(w->host[right].stack, find_listener, &there);
	pb_stack_each(w->host[left].stack, find_listener, &here);
	sequence_states(stdout, here.state, there.state);
}

void world_wait(struct world *w, pb_time time)
{
	bool never = false;

	world_until(w, &never, time);
}

bool world_until(struct world *w, const bool *done, pb_time time)
{
	pb_time end = pb_loop_now(w->loop) + time;

	while (!*done && pb_loop_now(w->loop) < end && pb_loop_turn(w->loop, end) >= 0)
		draw_decided(w);
	return *done;
}

void world_settle(struct world *w)
{
	uint64_t sent;

	do {
		sent = w->sent;
		world_wait(w, SETTLE);
	} while (w->sent != sent);
}

void world_lose(struct world *w, double loss)
{
	const struct pb_impairment in = { .delay = WORLD_DELAY, .loss = loss };

	pb_device_set_impairment(w->host[BROWSER].impaired, &in);
	pb_device_set_impairment(w->host[WEB].impaired, &in);
}
