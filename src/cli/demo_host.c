/*
 * The demo on the host's network: how two computers talk, told while it happens. Every address, port, byte and state
 * that it prints was asked of the sockets or the kernel at that moment; the servers are processes of their own on
 * loopback addresses.
 */
#include "cli/demo.h"

#include "base/addr.h"
#include "cli/demo_child.h"
#include "cli/demo_site.h"
#include "cli/table.h"
#include "kernel/sockdiag.h"

#include <errno.h>
#include <packetboat/packetboat.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DIAL_TIME PB_SEC(5)

struct demo {
	const struct command *command;
	struct pb_net *net;
	struct demo_site site; /* that the web servers show */
	struct child first, second, echo;
	uint16_t port, echo_port;
	struct pb_socket *calls[4]; /* the client's */
	struct pb_socket *listener, *taken;
	bool color;
	int scene;
};

/* Telling ------------------------------------------------------------------------------------------------------- */

static void pause_for_reader(void)
{
	const struct timespec t = { .tv_nsec = 300000000 };

	fflush(stdout);
	if (isatty(STDOUT_FILENO))
		nanosleep(&t, NULL);
}

static void scene(struct demo *d, const char *title)
{
	pause_for_reader();
	printf("\n%s%d. %s%s\n", d->color ? "\033[1m" : "", ++d->scene, title, d->color ? "\033[0m" : "");
}

/* For the last FINs and their ACKs, which a kernel may delay (RFC 9293 3.8.6.3: less than half a second). */
static void let_settle(void)
{
	const struct timespec t = { .tv_nsec = 200000000 };

	nanosleep(&t, NULL);
}

/* Say what went wrong. Always false. */
static bool wrong(struct demo *d, const char *what, int err)
{
	command_fail(d->command, EXIT_FAILED, "%s: %s", what, strerror(abs(err)));
	return false;
}

static const char *local_text(struct pb_socket *s, char *buf)
{
	union pb_addr a = { 0 };
	socklen_t len = sizeof a;

	pb_getsockname(s, &a.sa, &len);
	return pb_addr_text(&a, buf);
}

static const char *peer_text(struct pb_socket *s, char *buf)
{
	union pb_addr a = { 0 };
	socklen_t len = sizeof a;

	pb_getpeername(s, &a.sa, &len);
	return pb_addr_text(&a, buf);
}

/* Calling ------------------------------------------------------------------------------------------------------- */

static bool call(struct demo *d, const char *network, const char *address, uint16_t port,
		 struct pb_socket **s)
{
	char text[64];

	snprintf(text, sizeof text, "%s:%u", address, port);
	int rc = pb_dial(d->net, network, text, DIAL_TIME, s);
	return rc == 0 || wrong(d, text, rc);
}

static void hang_up(struct pb_socket **s)
{
	pb_close(*s);
	*s = NULL;
}

/* Receive once, waiting for it. Bytes, 0 at the end, or -errno. */
static ssize_t receive(struct pb_socket *s, char *buf, size_t len)
{
	int rc = pb_wait(s, POLLIN, DIAL_TIME);

	return rc == 0 ? -ETIMEDOUT : rc < 0 ? rc : pb_recv(s, buf, len, 0);
}

/* Send a text, and print what comes back, up to its first line's end. */
static bool ask(struct demo *d, struct pb_socket *s, const char *text, char *answer, size_t size)
{
	ssize_t n = pb_send_all(s, text, strlen(text));

	if (n >= 0)
		n = receive(s, answer, size - 1);
	if (n <= 0)
		return wrong(d, "no answer", n ? (int)n : ECONNRESET);
	answer[n] = '\0';
	answer[strcspn(answer, "\r\n")] = '\0';
	return true;
}

/* What netstat would show of the demo's own sockets. */
static bool show_sockets(struct demo *d, uint16_t port)
{
	static const char *const heads[] = { "Proto", "Local Address", "Foreign Address", "State" };
	struct diag_list list = { 0 };
	struct table t;
	char text[PB_ADDR_TEXT];
	int rc = sockdiag_read(&list, 0);

	table_init(&t, 4);
	for (int i = 0; i < 4; i++)
		table_cell(&t, heads[i]);
	qsort(list.sockets, list.count, sizeof *list.sockets,
	      (int (*)(const void *, const void *))diag_socket_order);
	for (size_t i = 0; i < list.count; i++) {
		const struct diag_socket *s = &list.sockets[i];
		if (pb_addr_port(&s->local) != port && pb_addr_port(&s->foreign) != port)
			continue;
		table_cell(&t, diag_socket_proto(s));
		table_cell(&t, pb_addr_text(&s->local, text));
		table_cell(&t, diag_socket_connected(s) ? pb_addr_text(&s->foreign, text) : "*");
		table_cell(&t, diag_socket_state(s));
	}
	diag_list_free(&list);
	bool ok = table_print(&t, stdout);
	return rc < 0 ? wrong(d, "cannot read the kernel's table of sockets", rc) : ok;
}

/* The scenes ---------------------------------------------------------------------------------------------------- */

static bool two_servers(struct demo *d)
{
	char spec[DEMO_PATH_MAX + 64], lines[512];

	scene(d, "Two web servers on the same port, at two addresses");
	snprintf(spec, sizeof spec, "http://127.0.0.1:0,root=%s", d->site.path);
	if (!child_start(&d->first, spec, 1, &d->port, lines, sizeof lines))
		return demo_quote(lines), wrong(d, "the first server", EIO);
	demo_quote(lines);
	snprintf(spec, sizeof spec, "http://127.0.0.2:%u,root=%s", d->port, d->site.path);
	if (!child_start(&d->second, spec, 1, &d->port, lines, sizeof lines))
		return demo_quote(lines), wrong(d, "the second server", EIO);
	demo_quote(lines);
	printf("   A port belongs to an address: the same number, twice, is no conflict.\n");
	return true;
}

static bool third_refused(struct demo *d)
{
	struct child third;
	char spec[64], lines[1024];
	uint16_t port;

	scene(d, "A third asks for a port that is taken");
	snprintf(spec, sizeof spec, "echo://127.0.0.1:%u,only=tcp", d->port);
	if (child_start(&third, spec, 1, &port, lines, sizeof lines)) {
		child_end(&third, SIGTERM);
		return wrong(d, "the third server was not refused", EEXIST);
	}
	demo_quote(lines);
	return true;
}

static bool two_connections(struct demo *d)
{
	char local[PB_ADDR_TEXT], peer[PB_ADDR_TEXT];

	scene(d, "One client, two connections at once to one server");
	for (int i = 0; i < 2; i++) {
		if (!call(d, "tcp", "127.0.0.1", d->port, &d->calls[i]))
			return false;
		printf("   connection %d:  %-21s -> %s\n", i + 1, local_text(d->calls[i], local),
		       peer_text(d->calls[i], peer));
	}
	printf("   Each got an ephemeral port of its own: that is how answers find their way.\n");
	return true;
}

static bool request_and_answer(struct demo *d)
{
	char local[PB_ADDR_TEXT], peer[PB_ADDR_TEXT], answer[2048];

	scene(d, "The request, and the answer with addresses and ports swapped");
	local_text(d->calls[0], local);
	peer_text(d->calls[0], peer);
	if (!ask(d, d->calls[0], "GET /hello.txt HTTP/1.1\r\nHost: demo\r\n\r\n", answer, sizeof answer))
		return false;
	printf("                 request                          answer\n");
	printf("   source        %-21s            %s\n", local, peer);
	printf("   destination   %-21s            %s\n", peer, local);
	printf("   says          GET /hello.txt                   %s\n", answer);
	return true;
}

static bool several_servers(struct demo *d)
{
	char local[PB_ADDR_TEXT], peer[PB_ADDR_TEXT], lines[512], answer[512];

	scene(d, "One client, several servers; and UDP beside TCP");
	if (!child_start(&d->echo, "echo://127.0.0.1:0", 2, &d->echo_port, lines, sizeof lines))
		return demo_quote(lines), wrong(d, "the echo server", EIO);
	demo_quote(lines);
	if (!call(d, "tcp", "127.0.0.2", d->port, &d->calls[2]) ||
	    !call(d, "tcp", "127.0.0.1", d->echo_port, &d->calls[3]))
		return false;
	for (int i = 0; i < 4; i++)
		printf("   tcp  %-21s -> %s\n", local_text(d->calls[i], local), peer_text(d->calls[i], peer));
	if (!ask(d, d->calls[3], "hello over TCP", answer, sizeof answer))
		return false;
	printf("   the echo over TCP says: %s\n", answer);
	struct pb_socket *udp;
	if (!call(d, "udp", "127.0.0.1", d->echo_port, &udp))
		return false;
	printf("   udp  %-21s -> %s\n", local_text(udp, local), peer_text(udp, peer));
	bool ok = ask(d, udp, "hello over UDP", answer, sizeof answer);
	if (ok)
		printf("   the echo over UDP says: %s\n", answer);
	hang_up(&udp);
	return ok;
}

static bool states(struct demo *d)
{
	scene(d, "What netstat sees while they are connected ...");
	if (!show_sockets(d, d->port))
		return false;
	for (int i = 0; i < 4; i++)
		hang_up(&d->calls[i]);
	let_settle();
	scene(d, "... and after the client has closed: TIME-WAIT");
	printf("   Who closes first keeps the pair for a while, so that a late segment of the\n"
	       "   old connection is not taken for one of a new.\n");
	return show_sockets(d, d->port);
}

static bool half_closed(struct demo *d)
{
	union pb_addr addr = { 0 };
	socklen_t len = sizeof addr;
	char answer[64];

	scene(d, "A half-closed connection: CLOSE-WAIT");
	int rc = pb_listen_on(d->net, "tcp", "127.0.0.1:0", &d->listener);
	if (rc < 0 || (rc = pb_getsockname(d->listener, &addr.sa, &len)) < 0)
		return wrong(d, "cannot listen", rc);
	if (!call(d, "tcp", "127.0.0.1", pb_addr_port(&addr), &d->calls[0]))
		return false;
	pb_wait(d->listener, POLLIN, DIAL_TIME);
	rc = pb_accept(d->listener, &d->taken);
	if (rc < 0 || (rc = pb_shutdown(d->calls[0], SHUT_WR)) < 0)
		return wrong(d, "cannot half-close", rc);
	if (receive(d->taken, answer, sizeof answer) != 0)
		return wrong(d, "the end of the client's side did not arrive", EPROTO);
	let_settle();
	printf("   The client has said all it has to say; the server may still answer:\n");
	if (!show_sockets(d, pb_addr_port(&addr)))
		return false;
	pb_send_all(d->taken, "a late answer", 13);
	ssize_t n = receive(d->calls[0], answer, sizeof answer);
	printf("   ... and does: %.*s\n", n > 0 ? (int)n : 0, answer);
	hang_up(&d->taken);
	hang_up(&d->calls[0]);
	hang_up(&d->listener);
	return n == 13 || wrong(d, "the late answer did not arrive", EPROTO);
}

/* The reply is larger than what the sockets hold, so that the server is in the middle of it when it dies. */
static bool server_killed(struct demo *d)
{
	static char bytes[65536];
	static const char request[] = "GET /big HTTP/1.1\r\nHost: demo\r\n\r\n";
	uint64_t got = 0;
	ssize_t n;

	scene(d, "A server process is killed in the middle of a reply");
	if (!call(d, "tcp", "127.0.0.1", d->port, &d->calls[0]))
		return false;
	n = pb_send_all(d->calls[0], request, sizeof request - 1);
	if (n < 0 || (n = receive(d->calls[0], bytes, sizeof bytes)) <= 0)
		return wrong(d, "no reply", (int)n);
	printf("   The client asked for %d bytes and has %zd of them; now: kill -9 %d\n", DEMO_BIG_BYTES, n,
	       (int)d->first.pid);
	child_end(&d->first, SIGKILL);
	do
		got += (uint64_t)n;
	while ((n = receive(d->calls[0], bytes, sizeof bytes)) > 0);
	printf("   It got what was on its way, %llu bytes, and then: %s\n", (unsigned long long)got,
	       n == 0 ? "the end (FIN), too soon" : strerror((int)-n));
	printf("   The kernel closes a dead process's sockets: the client learns of it at once.\n");
	hang_up(&d->calls[0]);
	return true;
}

static bool server_again(struct demo *d)
{
	char spec[DEMO_PATH_MAX + 64], lines[1024], answer[2048];

	scene(d, "The server is started again on the same port, and the client succeeds");
	snprintf(spec, sizeof spec, "http://127.0.0.1:%u,root=%s", d->port, d->site.path);
	if (!child_start(&d->first, spec, 1, &d->port, lines, sizeof lines))
		return demo_quote(lines), wrong(d, "the server did not start again", EIO);
	demo_quote(lines);
	if (!call(d, "tcp", "127.0.0.1", d->port, &d->calls[0]) ||
	    !ask(d, d->calls[0], "GET /hello.txt HTTP/1.1\r\nHost: demo\r\n\r\n", answer, sizeof answer))
		return false;
	printf("   GET /hello.txt  ->  %s\n", answer);
	return true;
}

/* The stage ----------------------------------------------------------------------------------------------------- */

static void clear_stage(struct demo *d)
{
	for (size_t i = 0; i < sizeof d->calls / sizeof d->calls[0]; i++)
		hang_up(&d->calls[i]);
	hang_up(&d->taken);
	hang_up(&d->listener);
	child_end(&d->first, SIGTERM);
	child_end(&d->second, SIGTERM);
	child_end(&d->echo, SIGTERM);
	demo_site_clear(&d->site);
}

static bool play(struct demo *d)
{
	static bool (*const scenes[])(struct demo *) = { two_servers,        third_refused,   two_connections,
							 request_and_answer, several_servers, states,
							 half_closed,        server_killed,   server_again };

	printf("How do two computers talk? A server listens on a port. A client takes an\n"
	       "ephemeral port, connects, and asks; the server answers. Real sockets, on\n"
	       "this machine's loopback addresses:\n");
	for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++)
		if (!scenes[i](d))
			return false;
	printf("\nThat was all of it. Try it yourself:  packetboat help serve\n");
	return true;
}

int demo_on_host(const struct command *c, bool color)
{
	struct demo d = { .command = c, .color = color, .first.log = -1, .second.log = -1, .echo.log = -1 };

	if (pb_net_host(&d.net) < 0)
		return command_fail(c, EXIT_FAILED, "out of memory");
	bool ok = demo_site_make(&d.site) ? play(&d) : wrong(&d, "cannot make files in /tmp", errno);
	clear_stage(&d);
	pb_net_close(d.net);
	return ok ? EXIT_DONE : EXIT_FAILED;
}
