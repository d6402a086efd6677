/* Echo for any number of callers: echo_server ADDRESS:PORT; of port 0 it says what it became. */
#include <errno.h>
#include <netinet/in.h>
#include <packetboat/packetboat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the caller has sent is looked at first and taken when it has gone back: a slow reader keeps it in his socket. */
static void on_data(struct pb_watch *w, int ready)
{
	char buf[4096];
	ssize_t n = pb_recv(w->socket, buf, sizeof buf, MSG_PEEK), sent = 0;

	(void)ready;
	if (n > 0)
		sent = pb_send(w->socket, buf, (size_t)n, 0);
	if (sent > 0)
		pb_recv(w->socket, buf, (size_t)sent, 0);
	pb_watch_want(w, sent < n ? POLLOUT : POLLIN);
	if ((n > 0 || n == -EAGAIN) && (sent >= 0 || sent == -EAGAIN))
		return;
	pb_watch_close(w);
	free(w);
}

static void on_call(struct pb_watch *listener, int ready)
{
	struct pb_watch *w = calloc(1, sizeof *w);
	struct pb_socket *conn = NULL;

	(void)ready;
	if (w && pb_accept(listener->socket, &conn) == 0 &&
	    pb_watch_socket(listener->loop, w, conn, POLLIN, on_data) == 0)
		return;
	pb_close(conn);
	free(w);
}

int main(int argc, char **argv)
{
	struct sockaddr_in6 name; /* or IPv4's, which has the port at the same place */
	socklen_t len = sizeof name;
	struct pb_watch listener = { 0 };
	struct pb_socket *s;
	struct pb_loop *loop;
	struct pb_net *net;
	int rc = argc == 2 ? pb_net_host(&net) : -EINVAL;

	if (rc == 0 && (rc = pb_loop_new(&loop)) == 0 && (rc = pb_listen_on(net, "tcp", argv[1], &s)) == 0 &&
	    (rc = pb_watch_socket(loop, &listener, s, POLLIN, on_call)) == 0 &&
	    (rc = pb_getsockname(s, (struct sockaddr *)&name, &len)) == 0 &&
	    printf("%u\n", ntohs(name.sin6_port)) > 0 && fflush(stdout) == 0)
		rc = pb_loop_run(loop);
	fprintf(stderr, "echo_server: %s\n", strerror(-rc));
	return 1;
}
