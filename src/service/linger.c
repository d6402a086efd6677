#include "service/linger.h"

#include <errno.h>

#define LINGER_TIME  PB_SEC(2)
#define LINGER_BYTES (256 * 1024)

void linger_begin(struct lingering *l)
{
	struct conn *c = &l->conn;

	l->deadline = pb_loop_now(conn_loop(c)) + LINGER_TIME;
	l->bytes_left = LINGER_BYTES;
	if (pb_shutdown(c->watch.socket, SHUT_WR) < 0) {
		conn_close(c, "done");
		return;
	}
	conn_set_idle(c, LINGER_TIME);
	conn_want(c, POLLIN);
}

void linger_ready(struct lingering *l)
{
	struct conn *c = &l->conn;
	ssize_t n = conn_recv(c, service_scratch(c->service), SCRATCH_SIZE);

	if (n == -EAGAIN)
		return;
	if (n <= 0 || (uint64_t)n >= l->bytes_left || pb_loop_now(conn_loop(c)) >= l->deadline) {
		conn_close(c, "done");
		return;
	}
	l->bytes_left -= (uint64_t)n;
}
