/* discard (RFC 863): what comes is thrown away. */
#include "service/service.h"

#include <errno.h>

static void discard_ready(struct conn *c, int ready)
{
	ssize_t n = conn_recv(c, service_scratch(c->service), SCRATCH_SIZE);

	(void)ready;
	if (n == 0)
		conn_close(c, "done");
	else if (n < 0 && n != -EAGAIN)
		conn_fail(c, (int)n);
}

static void discard_received(struct service *s, const struct datagram *d)
{
	(void)s;
	(void)d;
}

extern const struct service_kind service_discard;
const struct service_kind service_discard = {
	.name = "discard",
	.summary = "throws away what it receives",
	.example = "discard://:9009",
	.rfc = "RFC 863",
	.stream = true,
	.datagram = true,
	.conn_size = sizeof(struct conn),
	.ready = discard_ready,
	.received = discard_received,
};
