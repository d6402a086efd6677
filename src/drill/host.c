#include "drill/host.h"

#include "socket/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#define CLOCK_START  PB_SEC(1000) /* not 0, which some take for never */
#define POLLS_MAX    100000       /* at one instant; more, and it never comes to rest */
#define INTERFACE    "drill"
#define WHOLE_PREFIX 0 /* bits of the default route */

/* The end of the wire that the stack has. */
struct host_wire {
	struct pb_device device; /* first */
	struct host *host;
	struct pb_buf_queue incoming;
};

/* The wire --------------------------------------------------------------------------------------------------------- */

static void wire_send(struct pb_device *d, pb_time now, struct pb_buf *frame)
{
	struct host *h = ((struct host_wire *)d)->host;
	struct seen *seen = h->seen_count < HOST_SEEN_MAX ? malloc(sizeof *seen + frame->total) : NULL;

	if (seen) {
		*seen = (struct seen){ .when = now, .len = frame->total };
		pb_buf_copy(frame, 0, seen->bytes, frame->total);
		*h->last = seen;
		h->last = &seen->next;
		h->seen_count++;
		d->sent++;
	} else {
		h->broken = "the stack sends without end";
	}
	pb_buf_free(frame);
}

static struct pb_buf *wire_receive(struct pb_device *d, pb_time now, struct pb_pool *pool)
{
	struct pb_buf *b = pb_buf_queue_shift(&((struct host_wire *)d)->incoming);

	(void)now;
	(void)pool;
	d->received += b != NULL;
	return b;
}

static pb_time wire_next(const struct pb_device *d)
{
	return ((const struct host_wire *)d)->incoming.count ? 0 : PB_NEVER;
}

static void wire_close(struct pb_device *d)
{
	pb_buf_queue_clear(&((struct host_wire *)d)->incoming);
	free(d);
}

static const struct pb_device_ops wire_ops = {
	.kind = "script",
	.send = wire_send,
	.receive = wire_receive,
	.next = wire_next,
	.close = wire_close,
};

static struct pb_device *wire_new(struct host *h, const struct host_options *o)
{
	struct host_wire *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->device = (struct pb_device){ .ops = &wire_ops,
					.mtu = o->mtu,
					.offload = o->whole ? PB_OFFLOAD_CHECKSUM | PB_OFFLOAD_SEGMENT : 0 };
	w->host = h;
	h->wire = w;
	return &w->device;
}

/* Beginning and end ------------------------------------------------------------------------------------------------ */

static int add_address(struct host *h, unsigned index, const struct host_address *a)
{
	static const struct ip any6;
	struct ip everywhere = ip_is4(&a->ip) ? ip_from4((const uint8_t[4]){ 0 }) : any6;
	union pb_addr addr, prefix;

	pb_ip_to_sockaddr(&addr, &a->ip, 0, ip_family(&a->ip));
	pb_ip_to_sockaddr(&prefix, &everywhere, 0, ip_family(&a->ip));
	int rc = pb_stack_add_address(h->stack, index, &addr.sa, a->bits, PB_USE_AT_ONCE);
	return rc < 0 ? rc : pb_stack_add_route(h->stack, &prefix.sa, WHOLE_PREFIX, NULL, index);
}

static int attach(struct host *h, const struct host_options *o)
{
	struct pb_device *device = wire_new(h, o), *outer = device;
	int rc = device ? 0 : -ENOMEM;

	if (rc == 0 && o->save)
		rc = pb_capture_open(o->save, -CLOCK_START, &h->capture);
	if (rc == 0 && h->capture)
		rc = pb_device_capture(device, h->capture, INTERFACE, &outer);
	if (rc == 0)
		rc = pb_stack_attach(h->stack, outer, INTERFACE);
	if (rc < 0) {
		pb_device_close(outer);
		return rc;
	}
	h->index = (unsigned)rc;
	for (unsigned i = 0; i < o->address_count && rc >= 0; i++)
		rc = add_address(h, h->index, &o->address[i]);
	return rc < 0 ? rc : 0;
}

int drill_host_open(struct host *h, const struct host_options *o)
{
	struct pb_stack_options stack = { .now = CLOCK_START,
					  .unpaced = true }; /* scripts have whole windows leave */

	*h = (struct host){ .now = CLOCK_START, .next = CLOCK_START };
	h->last = &h->first;
	int rc = pb_stack_new(&stack, &h->stack);
	if (rc == 0)
		rc = attach(h, o);
	if (rc == 0)
		drill_host_settle(h);
	return rc;
}

void drill_host_close(struct host *h)
{
	struct seen *seen;

	if (h->stack)
		pb_net_close(pb_stack_net(h->stack));
	if (h->capture)
		pb_capture_close(h->capture);
	while ((seen = drill_host_take(h)))
		free(seen);
}

/* Time and packets ------------------------------------------------------------------------------------------------- */

void drill_host_settle(struct host *h)
{
	for (int i = 0; i < POLLS_MAX && !h->broken; i++) {
		h->next = pb_stack_poll(h->stack, h->now);
		if (h->next > h->now)
			return;
	}
	if (!h->broken)
		h->broken = "the stack never comes to rest";
	h->next = PB_NEVER;
}

void drill_host_move(struct host *h, pb_time when)
{
	h->now = when;
	drill_host_settle(h);
}

bool drill_host_hear(struct host *h, const uint8_t *bytes, size_t len)
{
	struct pb_buf *b = pb_buf_new(pb_stack_pool(h->stack), 0, len);

	if (!b)
		return false;
	memcpy(pb_buf_extend(b, len), bytes, len);
	pb_buf_queue_push(&h->wire->incoming, b);
	drill_host_settle(h);
	return true;
}

struct seen *drill_host_take(struct host *h)
{
	struct seen *seen = h->first;

	if (!seen)
		return NULL;
	h->first = seen->next;
	if (!h->first)
		h->last = &h->first;
	h->seen_count--;
	return seen;
}

static void note_queues(const struct pb_stack_entry *e, void *context)
{
	struct socket_queues *q = context;

	if (e->socket == q->socket) {
		q->receive = e->receive_queue;
		q->send = e->send_queue;
	}
}

struct socket_queues drill_host_queues(struct host *h, struct pb_socket *socket)
{
	struct socket_queues q = { .socket = socket };

	pb_stack_each(h->stack, note_queues, &q);
	if (!pb_socket_is_stream(socket)) {
		ssize_t next = pb_recv(socket, NULL, 0, MSG_PEEK | MSG_TRUNC);
		q.receive = next > 0 ? (uint32_t)next : 0;
	}
	return q;
}
