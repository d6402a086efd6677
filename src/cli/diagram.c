#include "cli/diagram.h"

#include "base/list.h"
#include "kernel/sockdiag.h"

#include <assert.h>
#include <ctype.h>
#include <netinet/tcp.h>
#include <string.h>
#include <time.h>

#define PORT_TEXT 16
#define ROW_PAUSE 30000000 /* nanoseconds of real time, where people watch */

/* Rows of the diagram ------------------------------------------------------------------------------------------- */

static struct arrow *pending_at(struct diagram *g, size_t n)
{
	return &g->pending[(g->first + n) % DIAGRAM_PENDING_MAX];
}

static void pause_for_reader(const struct diagram *g)
{
	const struct timespec t = { .tv_nsec = ROW_PAUSE };

	if (!g->slow)
		return;
	fflush(stdout);
	nanosleep(&t, NULL);
}

/* Empty for what has no ports. */
static void port_text(const struct card *c, uint16_t port, char text[PORT_TEXT])
{
	text[0] = '\0';
	if (port)
		snprintf(text, PORT_TEXT, "%s%u", c ? c->mark : "", port);
}

/* Which host of the other side it was for; of a broadcast, none in particular. */
static const struct card *addressee(const struct arrow *a)
{
	const struct diagram *g = a->from->diagram;

	for (size_t i = 0; i < g->card_count; i++)
		if (ip_equal(&g->cards[i]->address, &a->frame.dst))
			return g->cards[i];
	return NULL;
}

static const char *why_lost(const struct card *addressed)
{
	return !addressed ? "(nobody)" : !addressed->stack ? "(off)" : "(lost)";
}

static void draw(struct diagram *g, const struct arrow *a)
{
	enum side from = a->from->side, to = from == LEFT ? RIGHT : LEFT;
	const struct card *addressed = addressee(a);
	char port[2][PORT_TEXT];
	struct sequence_row row = {
		.time = a->sent - g->start,
		.from = from,
		.port = {port[LEFT], port[RIGHT]},
		.text = a->frame.text,
		.lost = a->fate == LOST
	};

	port_text(a->from, a->frame.src_port, port[from]);
	port_text(addressed, a->frame.dst_port, port[to]);
	row.state[from] = a->state[from];
	row.state[to] = a->fate != LOST ? a->state[to] : why_lost(addressed);
	sequence_row(stdout, g->color, &row);
	if (g->quotes && a->quote[0])
		sequence_quote(stdout, a->quote);
	pause_for_reader(g);
}

/* Rows come in the order in which their frames were sent, each as soon as all before it have met their fate. */
void diagram_update(struct diagram *g, pb_time now)
{
	while (g->count) {
		struct arrow *a = pending_at(g, 0);
		if (a->fate == ON_ITS_WAY && now - a->sent > g->way_max)
			a->fate = LOST;
		if (a->fate == ON_ITS_WAY || a->fate == ARRIVED || a->state_due)
			return;
		draw(g, a);
		g->first = (g->first + 1) % DIAGRAM_PENDING_MAX;
		g->count--;
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
static const char *state_at(const struct card *c, const struct frame_text *f, bool sender)
{
	struct find_state find = { .state = "CLOSED" };

	if (f->protocol != IPPROTO_TCP)
		return "";
	find.local = sender ? f->src : f->dst;
	find.remote = sender ? f->dst : f->src;
	find.local_port = sender ? f->src_port : f->dst_port;
	find.remote_port = sender ? f->dst_port : f->src_port;
	pb_stack_each(c->stack, compare_pair, &find);
	return find.state;
}

static struct card *card_of(const struct pb_device *d)
{
	return container_of(d, struct card, device);
}

/* The first line of a text; nothing of what is no text. */
static void quote(char to[DIAGRAM_QUOTE_MAX], const struct frame_text *f)
{
	size_t n = 0;

	while (n < f->payload_len && n < DIAGRAM_QUOTE_MAX - 1 && isprint(f->payload[n])) {
		to[n] = (char)f->payload[n];
		n++;
	}
	to[n] = '\0';
}

/* The arrow whose frame is here and has not arrived; NULL. */
static struct arrow *find_arrow(struct diagram *g, const uint8_t *memory)
{
	for (size_t i = 0; i < g->count; i++) {
		struct arrow *a = pending_at(g, i);
		if (a->fate == ON_ITS_WAY && a->memory == memory)
			return a;
	}
	return NULL;
}

/* The card takes no unfinished work, so a frame is one segment as a wire carries it, in one piece. */
static void note_sent(struct card *c, pb_time now, const struct pb_buf *frame)
{
	struct diagram *g = c->diagram;
	struct arrow *a = find_arrow(g, frame->data);

	if (a) /* its memory is used again, and it is no more */
		a->fate = LOST;
	diagram_update(g, now);
	if (g->count == DIAGRAM_PENDING_MAX)
		return;
	a = pending_at(g, g->count++);
	*a = (struct arrow){
		.sent = now, .from = c, .memory = frame->data, .state = {"", ""}
	};
	frame_read(&a->frame, &g->flows, c->device.ethernet, frame->data, frame->len);
	quote(a->quote, &a->frame);
	a->frame.payload = NULL; /* it goes with the frame */
	if (a->frame.payload_len)
		g->said[c->side] = a->frame;
	a->state_due = true;
	g->sent++;
}

/* The stack has sent what it had to: by now its states are what the segments say. */
static void note_flushed(struct card *c)
{
	struct diagram *g = c->diagram;

	for (size_t i = 0; i < g->count; i++) {
		struct arrow *a = pending_at(g, i);
		if (a->from == c && a->state_due) {
			a->state[c->side] = state_at(c, &a->frame, true);
			a->state_due = false;
		}
	}
}

/* The stack has dealt with the last frame that it was given. */
static void note_taken(struct card *c, pb_time now)
{
	struct arrow *a = c->arrived;

	c->arrived = NULL;
	if (!a)
		return;
	a->fate = TAKEN;
	a->state[c->side] = state_at(c, &a->frame, false);
	diagram_update(c->diagram, now);
}

static void card_send(struct pb_device *d, pb_time now, struct pb_buf *frame)
{
	struct card *c = card_of(d);

	if (c->unplugged) {
		pb_buf_free(frame);
		d->send_drops++;
		return;
	}
	note_sent(c, now, frame);
	d->sent++;
	c->cable->ops->send(c->cable, now, frame);
}

static struct pb_buf *card_receive(struct pb_device *d, pb_time now, struct pb_pool *pool)
{
	struct card *c = card_of(d);
	struct pb_buf *frame = c->unplugged ? NULL : c->cable->ops->receive(c->cable, now, pool);

	note_taken(c, now);
	if (!frame)
		return NULL;
	c->arrived = find_arrow(c->diagram, frame->data);
	if (c->arrived)
		c->arrived->fate = ARRIVED;
	d->received++;
	return frame;
}

static pb_time card_next(const struct pb_device *d)
{
	const struct card *c = card_of(d);

	return c->unplugged ? PB_NEVER : c->cable->ops->next(c->cable);
}

static void card_flush(struct pb_device *d, pb_time now)
{
	(void)now;
	note_flushed(card_of(d));
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

/* The diagram --------------------------------------------------------------------------------------------------- */

void card_plug(struct card *c, struct diagram *g, struct pb_device *cable)
{
	c->diagram = g;
	c->cable = cable;
	c->device = (struct pb_device){ .ops = &card_ops, .ethernet = cable->ethernet, .mtu = cable->mtu };
	memcpy(c->device.mac, cable->mac, sizeof cable->mac);
	assert(g->card_count < DIAGRAM_CARDS_MAX);
	g->cards[g->card_count++] = c;
}

void card_leave(struct card *c, pb_time now)
{
	note_taken(c, now);
	note_flushed(c);
	c->stack = NULL;
}

void diagram_begin(struct diagram *g, pb_time now, const char *left, const char *right)
{
	g->start = now;
	sequence_head(stdout, left, right);
}

static void find_listener(const struct pb_stack_entry *e, void *context)
{
	struct find_state *f = context;

	if (e->protocol == IPPROTO_TCP && e->state == TCP_LISTEN &&
	    is_end(e->local, &f->local, f->local_port))
		f->state = diag_state_name(TCP_LISTEN);
}

/* What awaits a caller at a port. */
static const char *state_of_port(const struct card *c, uint16_t port)
{
	struct find_state find = { .local = c->address, .local_port = port, .state = "CLOSED" };

	pb_stack_each(c->stack, find_listener, &find);
	return find.state;
}

void diagram_states(const struct card *left, const struct card *right, uint16_t port)
{
	sequence_states(stdout, state_of_port(left, port), state_of_port(right, port));
}
