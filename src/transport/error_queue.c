#include "transport/error_queue.h"

#include <errno.h>
#include <stdlib.h>

void pb_error_queue_init(struct error_queue *q)
{
	*q = (struct error_queue){ .end = &q->first };
}

void pb_error_queue_clear(struct error_queue *q)
{
	for (struct returned *r; (r = pb_error_queue_take(q));)
		free(r);
}

bool pb_error_queue_push(struct error_queue *q, const struct ip_error *error, uint16_t port,
			 const uint8_t *data, size_t len)
{
	if (len > ERROR_QUOTE_MAX)
		len = ERROR_QUOTE_MAX;
	struct returned *r = q->count < ERROR_QUEUE_MAX ? malloc(sizeof *r + len) : NULL;
	if (!r)
		return false;
	*r = (struct returned){ .error = *error, .dst_port = port, .len = len };
	r->error.quote = NULL;
	if (len)
		memcpy(r->data, data, len);
	*q->end = r;
	q->end = &r->next;
	q->count++;
	return true;
}

bool pb_error_queue_push_local(struct error_queue *q, const struct ip *dst, uint16_t port, uint32_t mtu)
{
	struct ip_error error = { .dst = *dst, .error = EMSGSIZE, .mtu = mtu };
	struct returned **last = q->end;

	if (!pb_error_queue_push(q, &error, port, NULL, 0))
		return false;
	(*last)->local = true;
	return true;
}

struct returned *pb_error_queue_take(struct error_queue *q)
{
	struct returned *r = q->first;

	if (!r)
		return NULL;
	q->first = r->next;
	if (!q->first)
		q->end = &q->first;
	q->count--;
	return r;
}
