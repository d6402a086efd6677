/*
 * The demo on stacks of our own: the textbook's browser and servers at the textbook's addresses and ports, and every
 * segment between them drawn as it goes. Servers and browser are the program's own; time is virtual, and all that is
 * left to chance follows from the seed.
 */
#include "cli/demo.h"

#include "base/addr.h"
#include "cli/demo_fetch.h"
#include "cli/demo_world.h"
#include "cli/table.h"
#include "kernel/sockdiag.h"
#include "service/server.h"
#include "wire/icmp.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE PB_SEC(3600) /* virtual: longer than TCP's own */
#define WEB_URL  "http://41.199.222.3"

struct demo {
	const struct command *command;
	struct world world;
	struct demo_site site;
	struct resolver *resolver;
	struct log *log;
	struct server *web, *first, *second;
	struct fetch fetch[2];
	struct pb_socket *listener; /* of a program of the demo's own */
	int scene;
};

/* Telling ------------------------------------------------------------------------------------------------------- */

static void scene(struct demo *d, const char *title)
{
	const struct timespec pause = { .tv_nsec = 500000000 };

	fflush(stdout);
	if (d->world.diagram.slow)
		nanosleep(&pause, NULL);
	printf("\n%s%d. %s%s\n", d->world.diagram.color ? "\033[1m" : "", ++d->scene, title,
	       d->world.diagram.color ? "\033[0m" : "");
}

static void say(const char *text)
{
	printf("   %s\n", text);
}

/* Say what went wrong. Always false. */
static bool wrong(struct demo *d, const char *what, int err)
{
	fflush(stdout);
	command_fail(d->command, EXIT_FAILED, "%s: %s", what, strerror(abs(err)));
	return false;
}

/* Something should have failed in one way, and did not. */
static bool expect(struct demo *d, const char *what, int got, int expected)
{
	if (got == expected) {
		printf("   %s: %s.\n", what, strerror(-got));
		return true;
	}
	return wrong(d, what, got ? got : EPROTO);
}

struct listing {
	struct table table;
	uint16_t port; /* only connections from or to this one */
	const char *host;
};

static void add_row(const struct pb_stack_entry *e, void *context)
{
	struct listing *l = context;
	const union pb_addr *local = (const union pb_addr *)e->local,
			    *remote = (const union pb_addr *)e->remote;
	char text[PB_ADDR_TEXT];

	if (e->protocol != IPPROTO_TCP || (pb_addr_port(local) != l->port && pb_addr_port(remote) != l->port))
		return;
	table_cell(&l->table, l->host);
	table_cell(&l->table, pb_addr_text(local, text));
	table_cell(&l->table, pb_addr_port(remote) ? pb_addr_text(remote, text) : "*");
	table_cell(&l->table, diag_state_name((unsigned)e->state));
}

/* What netstat would show of some hosts. */
static bool show_sockets(struct demo *d, enum world_host first, enum world_host last, uint16_t port)
{
	static const char *const heads[] = { "   On", "Local Address", "Foreign Address", "State" };
	struct listing l = { .port = port };

	table_init(&l.table, 4);
	for (size_t i = 0; i < 4; i++)
		table_cell(&l.table, heads[i]);
	for (enum world_host h = first; h <= last; h++) {
		char name[32];
		snprintf(name, sizeof name, "   %s", world_address(h));
		l.host = name;
		pb_stack_each(d->world.host[h].card.stack, add_row, &l);
	}
	return table_print(&l.table, stdout) || wrong(d, "the table of sockets", ENOMEM);
}

/* Programs on the hosts ----------------------------------------------------------------------------------------- */

/* Start a web server on a host. error NULL: failure is not expected. */
static bool serve(struct demo *d, enum world_host host, struct server **server, struct server_error *error)
{
	const struct server_config config = { .net = world_net(&d->world, host),
					      .log = d->log,
					      .workers = 1 };
	struct server_error none;
	char text[DEMO_PATH_MAX + PB_ADDR_TEXT];
	const char *spec = text;

	snprintf(text, sizeof text, "http://%s:80,root=%s", world_address(host), d->site.path);
	*server = server_new(&config, &spec, 1, error ? error : &none);
	if (!*server)
		return error ? false : wrong(d, none.text, none.err);
	int rc = server_start(*server, d->world.loop, 0);
	return rc == 0 || wrong(d, "the server does not start", rc);
}

static void stop(struct server **server)
{
	if (*server)
		server_free(*server);
	*server = NULL;
}

/* Let a browser on this host fetch a URL, from a port of its choice, or 0: the stack's. */
static bool browse(struct demo *d, struct fetch *f, enum world_host host, uint16_t port, const char *url)
{
	struct http_config config = { .loop = d->world.loop,
				      .net = world_net(&d->world, host),
				      .resolver = d->resolver,
				      .family = AF_INET,
				      .connect_timeout = PATIENCE,
				      .idle_timeout = PATIENCE };

	if (port) {
		pb_addr_parse(&config.local, world_address(host));
		pb_addr_set_port(&config.local, port);
	}
	int rc = fetch_begin(f, &config, url);
	return rc == 0 || wrong(d, url, rc);
}

/* Wait for the end of it, and say how it went. Whether it is what was expected. */
static bool finish(struct demo *d, struct fetch *f, bool success)
{
	world_until(&d->world, &f->done, PATIENCE);
	bool as_expected = f->done && fetch_succeeded(f) == success;
	if (!as_expected)
		return wrong(d, f->done ? f->result : "the browser waits for ever", EPROTO);
	fetch_end(f);
	world_settle(&d->world);
	printf("   The browser says at %.3f: %s\n", (double)(f->ended - d->world.diagram.start) / 1e9,
	       f->result);
	return true;
}

static bool call(struct demo *d, const char *network, enum world_host from, const char *to, int *rc,
		 struct pb_socket **s)
{
	*rc = pb_dial(world_net(&d->world, from), network, to, PB_SEC(30), s);
	world_settle(&d->world);
	return *rc == 0 || wrong(d, to, *rc);
}

/* The scenes ---------------------------------------------------------------------------------------------------- */

/* One ICMP echo, as ping sends it. */
static int ping(struct demo *d, enum world_host from, enum world_host to)
{
	const struct pb_icmp_echo echo = {
		.type = PB_ICMP4_ECHO_REQUEST, .seq = 1, .data = NULL, .data_len = 0
	};
	uint8_t message[PB_ICMP_ECHO_LEN];
	union pb_addr addr;
	struct pb_socket *s;
	int rc = pb_socket_open(world_net(&d->world, from), AF_INET, SOCK_DGRAM, IPPROTO_ICMP, &s);

	if (rc < 0)
		return rc;
	pb_addr_parse(&addr, world_address(to));
	size_t len = pb_icmp_echo_write(&echo, message, sizeof message);
	pb_icmp_seal(message, len, 0);
	rc = (int)pb_sendto(s, message, len, 0, &addr.sa, pb_addr_len(&addr));
	if (rc >= 0)
		rc = pb_wait(s, POLLIN, PB_SEC(5));
	if (rc >= 0)
		rc = (int)pb_recv(s, message, sizeof message, 0);
	pb_close(s);
	world_settle(&d->world);
	return rc < 0 ? rc : 0;
}

static bool neighbours(struct demo *d)
{
	struct pb_socket *s;
	char byte;
	int rc;

	scene(d, "Neighbours on an Ethernet: ARP finds them, ICMP tells of them");
	say("192.168.1.3 pings .1, and then sends a datagram to a port nobody has:");
	world_scene(&d->world, DESK, FIRST);
	rc = ping(d, DESK, FIRST);
	if (rc < 0)
		return wrong(d, "ping", rc);
	if (!call(d, "udp", DESK, "192.168.1.1:7", &rc, &s))
		return false;
	pb_send(s, "hello", 5, 0);
	world_settle(&d->world);
	rc = (int)pb_recv(s, &byte, 1, 0);
	pb_close(s);
	if (!expect(d, "The sender is told", rc, -ECONNREFUSED))
		return false;
	say("And an address that no host has: nobody answers the broadcast.");
	rc = pb_dial(world_net(&d->world, DESK), "tcp", "192.168.1.9:80", PB_SEC(30), &s);
	world_settle(&d->world);
	return expect(d, "The caller is told", rc, -EHOSTUNREACH);
}

/* The last text that each side sent. */
static void show_swapped(const struct diagram *g)
{
	const struct frame_text *request = &g->said[LEFT], *reply = &g->said[RIGHT];
	char source[2][PB_ADDR_TEXT], destination[2][PB_ADDR_TEXT];
	const struct frame_text *const both[] = { request, reply };

	for (size_t i = 0; i < 2; i++) {
		union pb_addr a;
		pb_ip_to_sockaddr(&a, &both[i]->src, both[i]->src_port, AF_INET);
		pb_addr_text(&a, source[i]);
		pb_ip_to_sockaddr(&a, &both[i]->dst, both[i]->dst_port, AF_INET);
		pb_addr_text(&a, destination[i]);
	}
	printf("                    request                reply\n");
	printf("      source        %-22s %s\n", source[0], source[1]);
	printf("      destination   %-22s %s\n", destination[0], destination[1]);
}

static bool textbook(struct demo *d)
{
	scene(d, "A browser asks a web server, from port 3022 to port 80");
	say("Handshake, request, reply, close. The reply goes to the port that it finds in");
	say("the request as its source: look at the ports, and at each side's state.");
	world_scene(&d->world, BROWSER, WEB);
	d->world.diagram.quotes = true;
	if (!serve(d, WEB, &d->web, NULL))
		return false;
	diagram_states(&d->world.host[BROWSER].card, &d->world.host[WEB].card, 80);
	if (!browse(d, &d->fetch[0], BROWSER, 3022, WEB_URL "/hello.txt"))
		return false;
	bool ok = finish(d, &d->fetch[0], true);
	d->world.diagram.quotes = false;
	if (ok)
		show_swapped(&d->world.diagram);
	return ok;
}

static bool dynamic_ports(struct demo *d)
{
	scene(d, "Twice more at once, from ports of the dynamic range (49152-65535)");
	say("Same addresses, same port 80: only the browser's ports tell them apart.");
	world_scene(&d->world, BROWSER, WEB);
	for (size_t i = 0; i < 2; i++)
		if (!browse(d, &d->fetch[i], BROWSER, 0, WEB_URL "/hello.txt"))
			return false;
	for (size_t i = 0; i < 2; i++)
		world_until(&d->world, &d->fetch[i].done, PATIENCE);
	world_settle(&d->world);
	if (!show_sockets(d, BROWSER, WEB, 80))
		return false;
	say("The connections are kept for another request; now the browser closes them.");
	if (!finish(d, &d->fetch[0], true) || !finish(d, &d->fetch[1], true))
		return false;
	say("Who closes first waits, so that nothing late is taken for something new:");
	return show_sockets(d, BROWSER, WEB, 80);
}

static bool two_servers(struct demo *d)
{
	struct server_error error;
	struct server *third;

	scene(d, "Two web servers on the same port 80, at two addresses");
	say("A port belongs to an address: the same number, twice, is no conflict.");
	world_scene(&d->world, DESK, FIRST);
	if (!serve(d, FIRST, &d->first, NULL) || !serve(d, SECOND, &d->second, NULL))
		return false;
	if (!browse(d, &d->fetch[0], DESK, 0, "http://192.168.1.1/hello.txt") ||
	    !finish(d, &d->fetch[0], true) ||
	    !browse(d, &d->fetch[1], DESK, 0, "http://192.168.1.2/hello.txt") ||
	    !finish(d, &d->fetch[1], true))
		return false;
	if (!show_sockets(d, DESK, SECOND, 80))
		return false;
	say("At one address it is one: a second server on 192.168.1.1 says");
	if (serve(d, FIRST, &third, &error)) {
		stop(&third);
		return wrong(d, "two servers have the same port", EEXIST);
	}
	demo_quote(error.text);
	return true;
}

/* A program of the demo's own takes the call that is under way. */
static bool take_call(struct demo *d, struct pb_socket **conn)
{
	int rc;

	world_wait(&d->world, 7 * WORLD_DELAY / 2); /* handshake and request have come */
	rc = pb_accept(d->listener, conn);
	return rc == 0 || wrong(d, "nobody calls", rc);
}

/* What the system does when a process ends, however it does: it closes its sockets. */
static void kill_process(struct demo *d, struct pb_socket *conn)
{
	pb_close(conn);
	pb_close(d->listener);
	d->listener = NULL;
}

static bool die_with(struct demo *d, bool unread)
{
	static const char half[] = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nHalf of ";
	struct pb_socket *conn;
	char request[1024];
	int rc = pb_listen_on(world_net(&d->world, WEB), "tcp", "41.199.222.3:8080", &d->listener);

	if (rc < 0)
		return wrong(d, "cannot listen", rc);
	world_scene(&d->world, BROWSER, WEB);
	if (!browse(d, &d->fetch[0], BROWSER, 0, WEB_URL ":8080/") || !take_call(d, &conn))
		return false;
	if (!unread) {
		pb_recv(conn, request, sizeof request, 0);
		pb_send(conn, half, sizeof half - 1, 0);
	}
	kill_process(d, conn);
	return finish(d, &d->fetch[0], false);
}

static bool process_dies(struct demo *d)
{
	struct pb_socket *s;
	int rc;

	scene(d, "The server process dies: the system closes its sockets");
	say("Killed in the middle of its reply: the browser gets a FIN, too soon.");
	if (!die_with(d, false))
		return false;
	say("Killed before it has read the request, which is lost: that gets a RST.");
	if (!die_with(d, true))
		return false;
	say("Nobody listens any more: a RST answers who calls now.");
	world_scene(&d->world, BROWSER, WEB);
	rc = pb_dial(world_net(&d->world, BROWSER), "tcp", "41.199.222.3:8080", PB_SEC(30), &s);
	world_settle(&d->world);
	return expect(d, "The caller is told", rc, -ECONNREFUSED);
}

/* All of a sudden, between the handshake and the request. */
static bool crash_in_the_middle(struct demo *d)
{
	world_scene(&d->world, BROWSER, WEB);
	if (!browse(d, &d->fetch[0], BROWSER, 0, WEB_URL "/hello.txt"))
		return false;
	world_wait(&d->world, 5 * WORLD_DELAY / 2);
	world_unplug(&d->world, WEB);
	stop(&d->web);
	world_forget(&d->world, WEB);
	return true;
}

static bool boot(struct demo *d)
{
	int rc = world_boot(&d->world, WEB);

	return rc == 0 ? serve(d, WEB, &d->web, NULL) : wrong(d, "the host does not start", rc);
}

static bool host_crashes(struct demo *d)
{
	scene(d, "The server host crashes: nothing is sent, no FIN and no RST");
	say("The browser's TCP cannot tell a dead host from a slow one. It sends again and");
	say("again, waits twice as long each time, and in a quarter of an hour gives up.");
	if (!crash_in_the_middle(d) || !finish(d, &d->fetch[0], false))
		return false;
	say("It crashes again, but is back after a second. It has forgotten everything: to");
	say("its new life the segment belongs to no connection, and that is what RST says.");
	if (!boot(d) || !crash_in_the_middle(d))
		return false;
	world_wait(&d->world, PB_SEC(1));
	return boot(d) && finish(d, &d->fetch[0], false);
}

static bool cable_out(struct demo *d)
{
	scene(d, "Only the cable is out, for two seconds: the connection goes on");
	say("Neither side has forgotten anything. The next time it is sent, it arrives.");
	world_scene(&d->world, BROWSER, WEB);
	if (!browse(d, &d->fetch[0], BROWSER, 0, WEB_URL "/hello.txt"))
		return false;
	world_wait(&d->world, 5 * WORLD_DELAY / 2);
	world_lose(&d->world, 1);
	world_wait(&d->world, PB_SEC(2));
	world_lose(&d->world, 0);
	return finish(d, &d->fetch[0], true);
}

static bool lossy_stretch(struct demo *d)
{
	static char letter[DEMO_LETTER_BYTES];
	struct fetch *f = &d->fetch[0];

	scene(d, "A stretch that loses one packet in six, and nothing is lost");
	printf("   %d bytes. What is missing is sent again: at once if three duplicate ACKs\n"
	       "   tell of it (fast retransmit), otherwise when its time is up.\n",
	       DEMO_LETTER_BYTES);
	world_scene(&d->world, BROWSER, WEB);
	const struct pb_counters *now = pb_stack_counters(d->world.host[WEB].card.stack), before = *now;
	world_lose(&d->world, 1.0 / 6);
	bool ok = browse(d, f, BROWSER, 0, WEB_URL "/letter.txt") && finish(d, f, true);
	world_lose(&d->world, 0);
	if (!ok)
		return false;
	demo_letter(letter);
	if (f->len != sizeof letter || memcmp(f->body, letter, sizeof letter) != 0)
		return wrong(d, "the letter is not what was sent", EPROTO);
	printf("   Sent again by the server: %llu segments (time-outs: %llu, fast retransmits: %llu).\n"
	       "   Each byte came once, and in order.\n",
	       (unsigned long long)(now->tcp.RetransSegs - before.tcp.RetransSegs),
	       (unsigned long long)(now->tcp.Timeouts - before.tcp.Timeouts),
	       (unsigned long long)(now->tcp.FastRetrans - before.tcp.FastRetrans));
	return true;
}

/* The stage ----------------------------------------------------------------------------------------------------- */

static bool play(struct demo *d)
{
	static bool (*const scenes[])(struct demo *) = { neighbours,  textbook,     dynamic_ports,
							 two_servers, process_dies, host_crashes,
							 cable_out,   lossy_stretch };

	printf("How do two computers talk? A server listens on a port. A client takes an\n"
	       "ephemeral port, connects, and asks; the server answers. Here five hosts do it,\n"
	       "each with a TCP/IP of our own, in one process and in virtual time. An arrow is\n"
	       "a frame, with the time at which it was sent; it arrives 10 ms later. seq A+N:\n"
	       "N bytes of text from number A on, each side counting from its SYN.\n");
	for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++)
		if (!scenes[i](d))
			return false;
	printf("\nThat was all of it. Try it yourself:  packetboat help serve\n");
	return true;
}

static bool set_stage(struct demo *d, const uint8_t seed[16], const char *capture)
{
	int rc = world_init(&d->world, seed, capture);

	if (rc < 0)
		return wrong(d, capture ? capture : "cannot make the hosts", rc);
	rc = resolver_new(d->world.loop, world_net(&d->world, BROWSER), &d->resolver);
	if (rc < 0)
		return wrong(d, "cannot make a resolver", rc);
	d->log = log_new(LOG_NONE, STDERR_FILENO);
	if (!d->log)
		return wrong(d, "cannot make a log", ENOMEM);
	return demo_site_make(&d->site) || wrong(d, "cannot make files in /tmp", errno);
}

static bool clear_stage(struct demo *d)
{
	for (size_t i = 0; i < 2; i++)
		fetch_end(&d->fetch[i]);
	stop(&d->web);
	stop(&d->first);
	stop(&d->second);
	pb_close(d->listener);
	log_free(d->log);
	resolver_free(d->resolver);
	demo_site_clear(&d->site);
	int rc = world_fini(&d->world);
	return rc == 0 || wrong(d, "the capture ends early", rc);
}

int demo_on_stacks(const struct command *c, bool color, uint64_t seed, const char *capture)
{
	struct demo *d = calloc(1, sizeof *d);
	uint8_t bytes[16] = "demo";

	if (!d)
		return command_fail(c, EXIT_FAILED, "out of memory");
	memcpy(bytes + 8, &seed, sizeof seed);
	d->command = c;
	bool ok = set_stage(d, bytes, capture);
	d->world.diagram.color = color;
	d->world.diagram.slow = isatty(STDOUT_FILENO);
	ok = ok && play(d);
	ok = clear_stage(d) && ok;
	free(d);
	return ok ? EXIT_DONE : EXIT_FAILED;
}
