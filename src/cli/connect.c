/*
 * packetboat connect: standard input goes out, what comes is standard output.
 *
 *     standard input ──▶ [up] ──▶ socket        one bounded buffer each way: while it is not empty its source is not
 *     standard output ◀── [down] ◀── socket     read, so whoever is slow slows the one before him
 *
 * The standard descriptors may be shared with other processes, so they stay blocking. Reading one that poll(2) calls
 * readable does not block; neither does writing at most PIPE_BUF bytes to a pipe that it calls writable (pipe(7)).
 *
 * What the peer has sent is his last word even where ours do not reach him any more: after a failed send the rest is
 * read, and written, before the failure ends the call.
 */
#include "base/list.h"
#include "cli/net.h"
#include "cli/net_auto.h"
#include "client/dial.h"
#include "kernel/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <packetboat/packetboat.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_SIZE  (64 * 1024)
#define DATAGRAM_MAX 65507      /* RFC 768 over IPv4: 65535 - 20 - 8 */
#define UDP_IDLE     PB_SEC(1)  /* after the end of input, for answers */
#define TIMEOUT      PB_SEC(30) /* to connect */

enum { OPT_NET = 256, OPT_CAPTURE, OPT_MD5_KEY, OPT_AO_KEY };

static const struct cli_option connect_options[] = {
	{'u',  "udp",     NULL,      "UDP: each read of standard input is a datagram",             'u'        },
	{ '4', NULL,      NULL,      "only IPv4 addresses",                                        '4'        },
	{ '6', NULL,      NULL,      "only IPv6 addresses",                                        '6'        },
	{ 'v', "verbose", NULL,      "tell each step on standard error",                           'v'        },
	{ 'w', "wait",    "SECONDS", "longest time to connect (30)",                               'w'        },
	{ 'i', "idle",    "SECONDS", "end after a silence both ways (UDP: 1, after end of input)", 'i'        },
	{ 0,   "net",     "NET",     NET_OPTION_HELP,					      OPT_NET    },
	{ 0,   "md5key",  "FILE",    "sign TCP with the key in FILE (RFC 2385)",                   OPT_MD5_KEY},
	{ 0,   "aokey",   "FILE",    "sign TCP by TCP-AO with the first key in FILE (RFC 5925)",   OPT_AO_KEY },
	{ 0,   "capture", "FILE",    CAPTURE_OPTION_HELP,                                          OPT_CAPTURE},
	{ 0,   NULL,      NULL,      NULL,							 0          },
};

static const struct cli_example connect_examples[] = {
	{"packetboat connect -v example.com http",               "talk to a web server by hand, and see each step"},
	{ "packetboat connect 127.0.0.1 7007 < letter > answer", "send a file and keep what comes back"           },
	{ "echo hello | packetboat connect -u 127.0.0.1 7007",   "one datagram there, one back"                   },
	{ NULL,						  NULL					     },
};

struct buffer {
	size_t len, done;
	char bytes[BUFFER_SIZE];
};

struct call {
	const struct command *command;
	const char *host, *port, *net_name, *capture;
	bool verbose, udp;
	struct sign_key sign_key;
	pb_time idle; /* 0: none was asked for */

	struct pb_net *net;
	struct pb_loop *loop;
	struct resolver *resolver;
	struct dial dial;
	struct pb_watch in, out, peer;
	struct pb_timer idle_timer;
	struct buffer up, down;
	bool in_ended, shut, peer_ended, over;
	bool out_is_file, in_is_terminal;
	int out_rest;      /* what is wanted of standard output while there is nothing to write */
	int send_error;    /* nothing more can be sent; told when the peer's last byte has been written */
	const char *first; /* who closed first */
	uint64_t sent, received;
	int code;
};

static void say(const struct call *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(const struct call *c, const char *format, ...)
{
	va_list args;

	if (!c->verbose)
		return;
	va_start(args, format);
	fprintf(stderr, "* ");
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

static void end(struct call *c, int code)
{
	c->over = true;
	c->code = code;
}

static void fail(struct call *c, const char *what, int err)
{
	end(c, command_fail(c->command, exit_code_of(err), "%s %s:%s: %s", what, c->host, c->port,
			    strerror(abs(err))));
}

static bool is_empty(const struct buffer *b)
{
	return b->done == b->len;
}

static void on_idle(struct pb_timer *t)
{
	struct call *c = container_of(t, struct call, idle_timer);

	say(c, "nothing went either way for %g s", (double)c->idle / 1e9);
	end(c, c->udp && c->in_ended ? EXIT_DONE : EXIT_TIMED_OUT);
}

static void restart_idle(struct call *c)
{
	if (c->idle && (!c->udp || c->in_ended))
		pb_timer_set(c->loop, &c->idle_timer, pb_loop_now(c->loop) + c->idle);
}

static void closed_first(struct call *c, const char *who)
{
	if (!c->first)
		c->first = who;
}

/* Our side is done when all input has been sent: say so with FIN. */
static void half_close(struct call *c)
{
	if (!c->in_ended || !is_empty(&c->up) || c->shut || c->udp)
		return;
	c->shut = true;
	closed_first(c, "we");
	int rc = pb_shutdown(c->peer.socket, SHUT_WR);
	if (rc < 0 && rc != -ENOTCONN)
		fail(c, "closing our side of", rc);
	else
		say(c, "end of input: closed our side");
}

/* Say what is wanted next, and see whether all is done. */
static void settle(struct call *c)
{
	if (c->over)
		return;
	half_close(c);
	bool nothing_to_read = c->peer_ended && is_empty(&c->down);
	if (!c->udp && nothing_to_read && (c->shut || c->in_is_terminal)) {
		if (c->send_error)
			fail(c, "sending to", c->send_error);
		else
			end(c, EXIT_DONE);
		return;
	}
	pb_watch_want(&c->in, is_empty(&c->up) && !c->in_ended ? POLLIN : 0);
	pb_watch_want(&c->out, is_empty(&c->down) ? c->out_rest : POLLOUT);
	pb_watch_want(&c->peer,
		      (is_empty(&c->up) ? 0 : POLLOUT) | (is_empty(&c->down) && !c->peer_ended ? POLLIN : 0));
}

/* The peer takes no more. Of a stream, what he sent before is still to come. */
static void stop_sending(struct call *c, int err)
{
	if (c->udp) {
		fail(c, "sending to", err);
		return;
	}
	say(c, "sending failed: %s", strerror(-err));
	c->send_error = err;
	c->in_ended = c->shut = true;
	c->up.len = c->up.done = 0;
}

static void send_up(struct call *c)
{
	ssize_t n;

	/* An empty read is the end of input, not a datagram, so there is always something to send here. */
	while (!is_empty(&c->up) && (n = pb_send(c->peer.socket, c->up.bytes + c->up.done,
						 c->up.len - c->up.done, 0)) != -EAGAIN) {
		if (n < 0) {
			stop_sending(c, (int)n);
			return;
		}
		restart_idle(c);
		c->up.done += (size_t)n;
		c->sent += (uint64_t)n;
	}
}

static void receive_down(struct call *c)
{
	ssize_t n = pb_recv(c->peer.socket, c->down.bytes, sizeof c->down.bytes, 0);

	if (n == -EAGAIN)
		return;
	if (n < 0) {
		fail(c, "receiving from", (int)n);
		return;
	}
	restart_idle(c);
	if (n == 0 && !c->udp) {
		c->peer_ended = true;
		closed_first(c, "the peer");
		say(c, "the peer closed its side");
	}
	c->received += (uint64_t)n;
	c->down.len = (size_t)n;
	c->down.done = 0;
}

static void on_input(struct pb_watch *w, int ready)
{
	struct call *c = container_of(w, struct call, in);
	ssize_t n = read(w->fd, c->up.bytes, c->udp ? DATAGRAM_MAX : sizeof c->up.bytes);

	(void)ready;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0) {
		end(c,
		    command_fail(c->command, EXIT_FAILED, "cannot read standard input: %s", strerror(errno)));
		return;
	}
	c->in_ended = n == 0;
	c->up.len = (size_t)n;
	c->up.done = 0;
	if (c->in_ended)
		restart_idle(c);
	send_up(c);
	settle(c);
}

static void on_output(struct pb_watch *w, int ready)
{
	struct call *c = container_of(w, struct call, out);
	size_t left = c->down.len - c->down.done;

	if (left == 0) {
		if (ready & POLLERR)
			end(c, EXIT_DONE); /* as below, but seen before there is something to write */
		return;
	}
	ssize_t n = write(w->fd, c->down.bytes + c->down.done,
			  c->out_is_file || left < PIPE_BUF ? left : PIPE_BUF);
	if (n >= 0)
		c->down.done += (size_t)n;
	else if (errno == EPIPE)
		end(c, EXIT_DONE); /* as with head(1): the reader has had enough */
	else if (errno != EINTR && errno != EAGAIN)
		end(c, command_fail(c->command, EXIT_FAILED, "cannot write to standard output: %s",
				    strerror(errno)));
	settle(c);
}

static void on_peer(struct pb_watch *w, int ready)
{
	struct call *c = container_of(w, struct call, peer);

	if (ready & (POLLIN | POLLERR) && is_empty(&c->down) && !c->peer_ended)
		receive_down(c);
	if (!c->over && ready & POLLOUT)
		send_up(c);
	settle(c);
}

static void on_step(struct dial *d, const char *text)
{
	say(container_of(d, struct call, dial), "%s", text);
}

static int watch_all(struct call *c, struct pb_socket *s)
{
	int rc = pb_watch_socket(c->loop, &c->peer, s, POLLIN, on_peer);

	if (rc == 0)
		rc = pb_watch_fd(c->loop, &c->in, STDIN_FILENO, POLLIN, on_input);
	if (rc == 0)
		rc = pb_watch_fd(c->loop, &c->out, STDOUT_FILENO, c->out_rest, on_output);
	return rc;
}

static void on_dialed(struct dial *d, int err, struct pb_socket *s)
{
	struct call *c = container_of(d, struct call, dial);

	if (err) {
		end(c, command_fail(c->command, exit_code_of(err), "cannot connect to %s:%s: %s", c->host,
				    c->port, d->why));
		return;
	}
	int rc = watch_all(c, s);
	if (rc < 0)
		fail(c, "watching", rc);
	restart_idle(c);
}

static void look_at_descriptors(struct call *c)
{
	struct stat out;

	if (fstat(STDOUT_FILENO, &out) < 0)
		out.st_mode = 0;
	c->out_is_file = S_ISREG(out.st_mode);
	/* There is nothing to read from a pipe's writing end: asking tells when its reader has gone (POLLERR). */
	if (S_ISFIFO(out.st_mode) && (fcntl(STDOUT_FILENO, F_GETFL) & O_ACCMODE) == O_WRONLY)
		c->out_rest = POLLIN;
	c->in_is_terminal = isatty(STDIN_FILENO);
}

static int begin(struct call *c, uint16_t port)
{
	int rc = pb_loop_add_net(c->loop, c->net);

	if (rc == 0)
		rc = resolver_new(c->loop, c->net, &c->resolver);
	c->dial.loop = c->loop;
	c->dial.net = c->net;
	c->dial.resolver = c->resolver;
	c->dial.fn = on_dialed;
	c->dial.step = on_step;
	c->idle_timer.fn = on_idle;
	look_at_descriptors(c);
	return rc < 0 ? rc : dial_start(&c->dial, c->host, port);
}

/* What it came to. UDP has no close that the other side could see. */
static void say_sum(const struct call *c)
{
	unsigned long long sent = c->sent, received = c->received;

	if (c->udp)
		say(c, "sent %llu bytes, received %llu", sent, received);
	else
		say(c, "sent %llu bytes, received %llu; %s closed first", sent, received,
		    c->first ? c->first : "nobody");
}

/* With a net: the whole call. */
static int talk(struct call *c, uint16_t port)
{
	int rc = pb_loop_new(&c->loop);

	if (rc < 0)
		return command_fail(c->command, EXIT_FAILED, "cannot begin: %s", strerror(-rc));
	rc = begin(c, port);
	net_auto_keep(c->loop);
	while (!c->over && rc >= 0)
		rc = pb_loop_turn(c->loop, PB_NEVER);
	if (rc < 0)
		end(c, command_fail(c->command, EXIT_FAILED, "cannot go on: %s", strerror(-rc)));
	if (c->peer.socket)
		say_sum(c);
	pb_watch_stop(&c->in);
	pb_watch_stop(&c->out);
	pb_timer_stop(c->loop, &c->idle_timer);
	pb_watch_close(&c->peer);
	dial_cancel(&c->dial);
	resolver_free(c->resolver);
	net_auto_keep(NULL);
	pb_loop_free(c->loop);
	return c->code;
}

static int read_key(struct call *c, enum sign_kind kind, const char *path)
{
	const char *option = kind == SIGN_MD5 ? "--md5key" : "--aokey";
	char why[256];

	if (c->sign_key.count)
		return command_usage(c->command, "--md5key or --aokey, and that once");
	c->dial.sign_key = &c->sign_key;
	return sign_key_read(&c->sign_key, kind, path, why, sizeof why)
		       ? EXIT_DONE
		       : command_fail(c->command, EXIT_USAGE, "%s: %s", option, why);
}

static int parse_option(struct call *c, const struct options *o, int id)
{
	long long ns;

	switch (id) {
	case 'u':
		c->udp = true;
		break;
	case '4':
	case '6':
		c->dial.family = id == '4' ? AF_INET : AF_INET6;
		break;
	case 'v':
		c->verbose = true;
		break;
	case 'w':
	case 'i':
		if (!option_seconds(o, id == 'w' ? "--wait" : "--idle", 0.001, 86400, &ns))
			return EXIT_USAGE;
		*(id == 'w' ? &c->dial.timeout : &c->idle) = ns;
		break;
	case OPT_CAPTURE:
		c->capture = o->value;
		break;
	case OPT_MD5_KEY:
		return read_key(c, SIGN_MD5, o->value);
	case OPT_AO_KEY:
		return read_key(c, SIGN_AO, o->value);
	default:
		c->net_name = o->value;
	}
	return EXIT_DONE;
}

static int run(const struct command *self, int argc, char **argv)
{
	static struct call c; /* static for its size: a command runs once */
	struct options o;
	uint16_t port;
	int id, code = EXIT_DONE;

	c.command = self;
	c.net_name = "host";
	c.dial.timeout = TIMEOUT;
	options_init(&o, self, argc, argv);
	while (code == EXIT_DONE && (id = options_next(&o)) != 0) {
		if (id < 0)
			return id == OPTIONS_HELP ? EXIT_DONE : EXIT_USAGE;
		code = parse_option(&c, &o, id);
	}
	if (code != EXIT_DONE)
		return code;
	if (argc - o.rest != 2)
		return command_usage(self, "whom to call? HOST and PORT are needed");
	c.host = argv[o.rest];
	c.port = argv[o.rest + 1];
	if (!registry_port(c.port, c.udp ? "udp" : "tcp", &port) || !port)
		return command_usage(
			self, "'%s' is not a port: a number from 1 to 65535, or a registered name", c.port);
	if (c.udp && c.sign_key.count)
		return command_usage(self, "--md5key and --aokey are for TCP: leave them out, or --udp");
	if (c.udp && !c.idle)
		c.idle = UDP_IDLE;
	c.dial.type = c.udp ? SOCK_DGRAM : SOCK_STREAM;
	code = net_open(self, c.net_name, c.capture, &c.net);
	if (code != EXIT_DONE)
		return code;
	code = talk(&c, port);
	sign_key_wipe(&c.sign_key);
	net_close(self, c.net);
	return code;
}

const struct command command_connect = {
	.name = "connect",
	.summary = "call a server: standard input out, answers to standard output",
	.synopsis = "[OPTION]... HOST PORT",
	.about = "Our side is closed at the end of input (a half-close), and the call ends when the\n"
		 "peer has closed, too. PORT is a number or a registered name. Exit status: 0 done,\n"
		 "3 name not found, 4 refused or reset, 5 timed out, 6 unreachable.\n\n" NET_ABOUT,
	.options = connect_options,
	.examples = connect_examples,
	.run = run,
};
