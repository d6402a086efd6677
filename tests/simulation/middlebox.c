#include "middlebox.h"

#include "base/list.h"

#include <errno.h>
#include <stdlib.h>

#define ETHERNET_LEN   14
#define END            0
#define NOP            1
#define SACK_PERMITTED 4 /* RFC 2018 §2 */
#define SYN            2
#define FLAGS_AT       13
#define SUM_AT         16

struct middlebox {
	struct pb_device device;
	struct pb_device *inner;
};

static struct middlebox *middlebox_of(const struct pb_device *d)
{
	return container_of(d, struct middlebox, device);
}

/* The option as one word becomes two NOPs: RFC 1624, equation 3. */
static void take_out(uint8_t *tcp, size_t at)
{
	uint32_t was = SACK_PERMITTED << 8 | 2, is = NOP << 8 | NOP;
	uint32_t sum = (uint16_t) ~(tcp[SUM_AT] << 8 | tcp[SUM_AT + 1]);

	if (at % 2) /* across two words: as if its bytes were swapped */
		was = 2 << 8 | SACK_PERMITTED;
	sum += (uint16_t)~was + is;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	tcp[at] = tcp[at + 1] = NOP;
	tcp[SUM_AT] = (uint8_t)(~sum >> 8);
	tcp[SUM_AT + 1] = (uint8_t)~sum;
}

static void look_through(uint8_t *tcp, size_t len)
{
	for (size_t at = 20; at + 1 < len && tcp[at] != END;) {
		size_t option = tcp[at] == NOP ? 1 : tcp[at + 1];
		if (option == 0)
			return;
		if (tcp[at] == SACK_PERMITTED && option == 2)
			take_out(tcp, at);
		at += option;
	}
}

/* Where the TCP header of an IPv4 frame begins; 0: there is none. */
static size_t tcp_at(const uint8_t *frame, size_t len)
{
	if (len < ETHERNET_LEN + 40 || frame[12] != 8 || frame[13] != 0 || frame[ETHERNET_LEN + 9] != 6)
		return 0;
	size_t at = ETHERNET_LEN + (frame[ETHERNET_LEN] & 15u) * 4;
	return at + 20 <= len ? at : 0;
}

static void inspect(struct pb_buf *b)
{
	size_t at = tcp_at(b->data, b->len), len;

	if (!at || !(b->data[at + FLAGS_AT] & SYN))
		return;
	len = (size_t)(b->data[at + 12] >> 4) * 4;
	if (at + len <= b->len)
		look_through(b->data + at, len);
}

static void send_frame(struct pb_device *d, pb_time now, struct pb_buf *frame)
{
	struct pb_device *inner = middlebox_of(d)->inner;

	inner->ops->send(inner, now, frame);
}

static struct pb_buf *receive_frame(struct pb_device *d, pb_time now, struct pb_pool *pool)
{
	struct pb_device *inner = middlebox_of(d)->inner;
	struct pb_buf *b = inner->ops->receive(inner, now, pool);

	if (b)
		inspect(b);
	return b;
}

static pb_time next_frame(const struct pb_device *d)
{
	const struct pb_device *inner = middlebox_of(d)->inner;

	return inner->ops->next(inner);
}

static int no_fd(const struct pb_device *d)
{
	(void)d;
	return -1;
}

static void flush_inner(struct pb_device *d, pb_time now)
{
	struct pb_device *inner = middlebox_of(d)->inner;

	if (inner->ops->flush)
		inner->ops->flush(inner, now);
}

static void close_both(struct pb_device *d)
{
	struct middlebox *m = middlebox_of(d);

	pb_device_close(m->inner);
	free(m);
}

static const struct pb_device_ops middlebox_ops = {
	.kind = "middlebox",
	.send = send_frame,
	.receive = receive_frame,
	.next = next_frame,
	.fd = no_fd,
	.flush = flush_inner,
	.close = close_both,
};

int middlebox_new(struct pb_device *inner, struct pb_device **device)
{
	struct middlebox *m = malloc(sizeof *m);

	if (!m)
		return -ENOMEM;
	m->device = *inner;
	m->device.ops = &middlebox_ops;
	m->inner = inner;
	*device = &m->device;
	return 0;
}
