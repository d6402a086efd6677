/* Echo for any number of callers: echo_server ADDRESS:PORT. It waits for a caller that does not read. */
#include <errno.h>
#include <packetboat/packetboat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_data(struct pb_watch *w, int ready)
{
	char buf[4096];
	ssize_t n = pb_recv(w->socket, buf, sizeof buf, 0);

	if (n > 0)
		n = pb_send_all(w->socket, buf, (size_t)n);
	if (n > 0 || (n == -EAGAIN && !(ready & POLLERR)))
		return;
	pb_watch_close(w);
	free(w);
}

static void on_call(struct pb_watch *listener, int ready)
{
	struct pb_socket *conn;

	(void)ready;
	if (pb_accept(listener->socket, &conn) < 0)
		return;
	struct pb_watch *w = calloc(1, sizeof *w);
	if (!w || pb_watch_socket(listener->loop, w, conn, POLLIN, on_data) < 0) {
		pb_close(conn);
		free(w);
	}
}

int main(int argc, char **argv)
{
	struct pb_watch listener = { 0 };
	struct pb_socket *s = NULL;
	struct pb_loop *loop;
	struct pb_net *net;
	int rc = argc == 2 ? pb_net_host(&net) : -EINVAL;

	if (rc == 0 && (rc = pb_loop_new(&loop)) == 0 && (rc = pb_listen_on(net, "tcp", argv[1], &s)) == 0 &&
	    (rc = pb_watch_socket(loop, &listener, s, POLLIN, on_call)) == 0)
		rc = pb_loop_run(loop);
	fprintf(stderr, "echo_server: %s\n", strerror(-rc));
	return 1;
}
