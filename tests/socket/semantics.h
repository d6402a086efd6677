/*
 * What sockets do, as one suite for every net: it is written against <packetboat/socket.h> and <packetboat/loop.h> and
 * nothing below. What it expects is what Linux does; on the host's net the kernel itself vouches for it.
 *
 * A net brings a fixture of two functions that makes a struct world and takes it down, and calls semantics_run().
 * Tests never sleep: they turn the world's loop until what they wait for is there or WAIT_MAX is over.
 */
#ifndef PB_TESTS_SOCKET_SEMANTICS_H
#define PB_TESTS_SOCKET_SEMANTICS_H

#include "base/addr.h"

#include <errno.h>
#include <packetboat/loop.h>
#include <packetboat/socket.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define WAIT_MAX PB_SEC(5)

struct world {
	struct pb_loop *loop;
	struct pb_net *net;        /* where servers live */
	struct pb_net *client_net; /* where clients live; may be the same */
	union pb_addr a, b;        /* two IPv4 addresses of net, port 0 */
	union pb_addr v6;          /* an IPv6 address of net, port 0, if has_v6 */
	union pb_addr
		client_a; /* an IPv4 address of client_net from which a and b are reached; a if it is one net */
	union pb_addr client_v6; /* and an IPv6 address, if has_v6 */
	const char *interface;   /* of net, that a is on */
	union pb_addr foreign;   /* an IPv4 address that is nobody's here */
	bool has_v6;
	bool virtual_time; /* waiting costs nothing */
};

/* A TCP connection, seen from both ends. */
struct pair {
	struct pb_socket *client, *server;
};

/* Run the whole suite in the world that open makes. The exit status of the program. */
int semantics_run(const char *name, CMFixtureFunction open, CMFixtureFunction close);

/* The tests, one table for each file. */
struct test_table {
	const struct CMUnitTest *tests;
	size_t count;
};
extern const struct test_table semantics_bind, semantics_connect, semantics_stream, semantics_datagram,
	semantics_ancillary, semantics_options, semantics_echo, semantics_signed, semantics_fast_open,
	semantics_told;

#define TEST_TABLE(tests)                                                                                    \
	{                                                                                                    \
		tests, sizeof(tests) / sizeof *(tests)                                                       \
	}

/* Once for each family that the world has: at is an address of net, port 0. */
#define each_family(w, at) for (const union pb_addr *at = &(w)->a; at; at = next_family(w, at))
const union pb_addr *next_family(const struct world *w, const union pb_addr *at);

/* Of at's family, an address of client_net. */
const union pb_addr *client_at(const struct world *w, const union pb_addr *at);

/* Each of these fails the test when the call does. */
struct pb_socket *open_socket(struct pb_net *net, int family, int type);
struct pb_socket *bound(struct pb_net *net, int type, const union pb_addr *at);
struct pb_socket *listener(struct world *w, const union pb_addr *at, int backlog);
union pb_addr name_of(struct pb_socket *s);
union pb_addr peer_of(struct pb_socket *s);
void set_option(struct pb_socket *s, int level, int name, int value);
int get_option(struct pb_socket *s, int level, int name);
struct pb_socket *accept_one(struct world *w, struct pb_socket *l);
struct pair connected_pair(struct world *w, const union pb_addr *at);
void close_pair(struct pair *p);

/* Plain calls with a union pb_addr: 0 or -errno. */
int bind_to(struct pb_socket *s, const union pb_addr *at);
int connect_to(struct pb_socket *s, const union pb_addr *to);

/* The same address with another port. */
union pb_addr with_port(const union pb_addr *a, uint16_t port);

/* A port of net on which nobody listens, neither TCP nor UDP; at is an address of net, or of client_net. */
union pb_addr unused(struct world *w, const union pb_addr *at);

/* Turn the loop until one of events is ready; whether it is, within WAIT_MAX. */
bool wait_for(struct world *w, struct pb_socket *s, int events);

/* Turn the loop for so long, for what must not happen. */
void turn_for(struct world *w, pb_time time);

/* Hosts limit the ICMP errors that they send to one (RFC 1812 §4.3.2.8): in virtual time, wait until they may again. */
void rest(struct world *w);

/* Receive exactly len bytes of a stream, and check that they are these. */
void expect_bytes(struct world *w, struct pb_socket *s, const void *bytes, size_t len);

/* Wait until something can be read, and check what reading answers: 0, or -errno. */
void expect_end(struct world *w, struct pb_socket *s, int answer);

#endif
