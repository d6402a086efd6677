/* Call a server, say something, and show the answer until the server has closed: client ADDRESS:PORT TEXT */
#include <errno.h>
#include <packetboat/packetboat.h>
#include <stdio.h>
#include <string.h>

/* Whatever comes, to standard output. 0 at the end of the stream, or -errno. */
static int show_answer(struct pb_socket *s)
{
	char buf[4096];
	ssize_t n;

	while ((n = pb_recv(s, buf, sizeof buf, 0)) != 0) {
		if (n == -EAGAIN)
			n = pb_wait(s, POLLIN, PB_NEVER);
		else if (n > 0)
			fwrite(buf, 1, (size_t)n, stdout);
		if (n < 0)
			return (int)n;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct pb_socket *s = NULL;
	struct pb_net *net = NULL;
	ssize_t rc = argc == 3 ? pb_net_host(&net) : -EINVAL;

	if (rc == 0)
		rc = pb_dial(net, "tcp", argv[1], PB_SEC(10), &s);
	if (rc == 0)
		rc = pb_send_all(s, argv[2], strlen(argv[2]));
	if (rc >= 0)
		rc = pb_shutdown(s, SHUT_WR); /* that was all; the answer may still come */
	if (rc == 0)
		rc = show_answer(s);
	if (rc < 0)
		fprintf(stderr, "client: %s\n", strerror((int)-rc));
	pb_close(s);
	pb_net_close(net);
	return rc < 0;
}
