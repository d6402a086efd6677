/* Datagrams: whole or not at all, to and from whom, connected and not, and what comes back by ICMP. */
#include "semantics.h"
#include "skip.h"

#include <arpa/inet.h>
#include <sys/uio.h>

static ssize_t send_to(struct pb_socket *s, const char *text, const union pb_addr *to)
{
	return pb_sendto(s, text, strlen(text), 0, &to->sa, pb_addr_len(to));
}

/* Receive one datagram, and check its text and, unless NULL, where it is from. */
static void expect_datagram(struct world *w, struct pb_socket *s, const char *text, const union pb_addr *from)
{
	char buf[64];
	union pb_addr source = { 0 };
	socklen_t len = sizeof source;

	assert_true(wait_for(w, s, POLLIN));
	assert_int_equal(pb_recvfrom(s, buf, sizeof buf, 0, &source.sa, &len), strlen(text));
	assert_memory_equal(buf, text, strlen(text));
	assert_int_equal(len, pb_addr_len(&source));
	assert_true(!from || pb_addr_equal(from, &source));
}

static void there_and_back(void **state)
{
	struct world *w = *state;

	each_family (w, at) {
		struct pb_socket *server = bound(w->net, SOCK_DGRAM, at);
		struct pb_socket *client = bound(w->client_net, SOCK_DGRAM, client_at(w, at));
		union pb_addr s = name_of(server), c = name_of(client);
		char byte;
		assert_int_equal(pb_recv(server, &byte, 1, 0), -EAGAIN);
		assert_int_equal(pb_ready(server), POLLOUT);
		assert_int_equal(send_to(client, "one", &s), 3);
		assert_int_equal(send_to(client, "", &s), 0); /* an empty one is one, too */
		assert_int_equal(send_to(client, "three", &s), 5);
		expect_datagram(w, server, "one", &c);
		expect_datagram(w, server, "", &c);
		expect_datagram(w, server, "three", &c);
		assert_int_equal(send_to(server, "reply", &c), 5);
		expect_datagram(w, client, "reply", &s);
		pb_close(server);
		pb_close(client);
	}
}

static void the_first_send_chooses_a_port(void **state)
{
	struct world *w = *state;
	struct pb_socket *server = bound(w->net, SOCK_DGRAM, &w->a);
	struct pb_socket *client = open_socket(w->client_net, AF_INET, SOCK_DGRAM);
	union pb_addr s = name_of(server);

	assert_int_equal(send_to(client, "x", &s), 1);
	union pb_addr c = name_of(client);
	assert_int_not_equal(pb_addr_port(&c), 0);
	assert_true(pb_addr_is_any(&c));
	expect_datagram(w, server, "x", NULL);
	pb_close(server);
	pb_close(client);
}

/* The same port at two addresses: each gets its own. */
static void the_address_decides(void **state)
{
	struct world *w = *state;
	struct pb_socket *at_a = bound(w->net, SOCK_DGRAM, &w->a);
	union pb_addr a = name_of(at_a), b = with_port(&w->b, pb_addr_port(&a));
	struct pb_socket *at_b = bound(w->net, SOCK_DGRAM, &b);
	struct pb_socket *client = open_socket(w->client_net, AF_INET, SOCK_DGRAM);

	assert_int_equal(send_to(client, "for b", &b), 5);
	assert_int_equal(send_to(client, "for a", &a), 5);
	expect_datagram(w, at_a, "for a", NULL);
	expect_datagram(w, at_b, "for b", NULL);
	pb_close(at_a);
	pb_close(at_b);
	pb_close(client);
}

static void truncation(void **state)
{
	struct world *w = *state;
	struct pb_socket *server = bound(w->net, SOCK_DGRAM, &w->a);
	struct pb_socket *client = open_socket(w->client_net, AF_INET, SOCK_DGRAM);
	union pb_addr s = name_of(server);
	char buf[4];
	struct iovec iov = { buf, sizeof buf };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	for (int i = 0; i < 3; i++)
		assert_int_equal(send_to(client, "too long", &s), 8);
	assert_true(wait_for(w, server, POLLIN));
	assert_int_equal(pb_recv(server, buf, sizeof buf, MSG_PEEK | MSG_TRUNC),
			 8); /* its length, and it stays */
	assert_int_equal(pb_recv(server, buf, sizeof buf, 0), 4);
	assert_true(wait_for(w, server, POLLIN));
	assert_int_equal(pb_recvmsg(server, &msg, 0), 4);
	assert_memory_equal(buf, "too ", 4);
	assert_int_equal(msg.msg_flags & MSG_TRUNC, MSG_TRUNC);
	assert_true(wait_for(w, server, POLLIN));
	assert_int_equal(pb_recv(server, buf, sizeof buf, MSG_TRUNC), 8);
	assert_int_equal(pb_recv(server, buf, sizeof buf, 0), -EAGAIN); /* the rests are gone */
	pb_close(server);
	pb_close(client);
}

/* An IPv4 packet has 65,535 bytes, 28 of them headers (RFC 791 3.1, RFC 768). */
static void the_largest(void **state)
{
	static char block[65508], got[65508];
	struct world *w = *state;
	struct pb_socket *server = bound(w->net, SOCK_DGRAM, &w->a);
	struct pb_socket *client = open_socket(w->client_net, AF_INET, SOCK_DGRAM);
	union pb_addr s = name_of(server);

	block[65506] = 'z';
	assert_int_equal(pb_sendto(client, block, 65508, 0, &s.sa, pb_addr_len(&s)), -EMSGSIZE);
	assert_int_equal(pb_sendto(client, block, 65507, 0, &s.sa, pb_addr_len(&s)), 65507);
	assert_true(wait_for(w, server, POLLIN));
	assert_int_equal(pb_recv(server, got, sizeof got, 0), 65507);
	assert_memory_equal(block, got, 65507);
	pb_close(server);
	pb_close(client);
}

static void connected_hears_only_its_peer(void **state)
{
	struct world *w = *state;

	each_family (w, at) {
		struct pb_socket *server = bound(w->net, SOCK_DGRAM, at),
				 *other = bound(w->net, SOCK_DGRAM, at);
		struct pb_socket *client = bound(w->client_net, SOCK_DGRAM, client_at(w, at));
		union pb_addr s = name_of(server), c = name_of(client), o = name_of(other);
		assert_int_equal(connect_to(client, &s), 0);
		union pb_addr peer = peer_of(client);
		assert_true(pb_addr_equal(&peer, &s));
		assert_int_equal(send_to(other, "noise", &c), 5);
		assert_int_equal(pb_send(client, "hello", 5, 0), 5);
		expect_datagram(w, server, "hello", &c);
		assert_int_equal(send_to(server, "heard", &c), 5);
		expect_datagram(w, client, "heard", &s);
		assert_int_equal(send_to(client, "aside", &o), 5); /* it may still speak to others */
		expect_datagram(w, other, "aside", &c);
		pb_close(server);
		pb_close(other);
		pb_close(client);
	}
}

static void the_peer_can_be_taken_away(void **state)
{
	const struct sockaddr unspec = { .sa_family = AF_UNSPEC };
	struct world *w = *state;
	struct pb_socket *server = bound(w->net, SOCK_DGRAM, &w->a),
			 *other = bound(w->net, SOCK_DGRAM, &w->a);
	union pb_addr chosen =
		unused(w, &w->client_a); /* Linux takes away a port that it chose, too, but not ours */
	struct pb_socket *client = bound(w->client_net, SOCK_DGRAM, &chosen);
	union pb_addr s = name_of(server), o = name_of(other), c = name_of(client), peer;
	socklen_t len = sizeof peer;

	assert_int_equal(connect_to(client, &s), 0);
	assert_int_equal(connect_to(client, &o), 0); /* or exchanged */
	peer = peer_of(client);
	assert_true(pb_addr_equal(&peer, &o));
	assert_int_equal(pb_connect(client, &unspec, sizeof unspec), 0);
	assert_int_equal(pb_getpeername(client, &peer.sa, &len), -ENOTCONN);
	assert_int_equal(pb_send(client, "x", 1, 0), -EDESTADDRREQ);
	assert_int_equal(send_to(server, "anybody", &c), 7);
	expect_datagram(w, client, "anybody", &s);
	pb_close(server);
	pb_close(other);
	pb_close(client);
}

/*
 * A connected socket learns that its peer's port is closed (RFC 1122 4.1.3.3), once for each that comes
 * back.
 */
static void port_unreachable(void **state)
{
	struct world *w = *state;

	each_family (w, at) {
		union pb_addr nobody = unused(w, at);
		struct pb_socket *s = open_socket(w->client_net, at->sa.sa_family, SOCK_DGRAM);
		char byte;
		assert_int_equal(connect_to(s, &nobody), 0);
		assert_int_equal(pb_send(s, "x", 1, 0), 1);
		assert_true(wait_for(w, s, POLLERR));
		assert_int_equal(pb_recv(s, &byte, 1, 0), -ECONNREFUSED);
		assert_int_equal(pb_recv(s, &byte, 1, 0), -EAGAIN);
		assert_int_equal(pb_send(s, "x", 1, 0), 1);
		assert_true(wait_for(w, s, POLLERR));
		assert_int_equal(get_option(s, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
		assert_int_equal(pb_send(s, "x", 1, 0), 1);
		assert_true(wait_for(w, s, POLLERR));
		assert_int_equal(pb_send(s, "x", 1, 0), -ECONNREFUSED);
		pb_close(s);
	}
}

static void the_unconnected_hear_of_no_errors(void **state)
{
	struct world *w = *state;
	union pb_addr nobody = unused(w, &w->a);
	struct pb_socket *s = open_socket(w->client_net, AF_INET, SOCK_DGRAM);

	assert_int_equal(send_to(s, "x", &nobody), 1);
	turn_for(w, PB_MSEC(20));
	assert_int_equal(pb_ready(s), POLLOUT);
	assert_int_equal(send_to(s, "x", &nobody), 1);
	pb_close(s);
}

/* What has not been read is bounded; what came first is kept (SO_RCVBUF, socket(7)). */
static void a_full_queue_drops(void **state)
{
	static const char text[1001];
	struct world *w = *state;
	struct pb_socket *server = bound(w->net, SOCK_DGRAM, &w->a);
	struct pb_socket *client = open_socket(w->client_net, AF_INET, SOCK_DGRAM);
	union pb_addr to = name_of(server);
	uint32_t number, got = 0;
	char datagram[1000];

	set_option(server, SOL_SOCKET, SO_RCVBUF, 8192);
	for (uint32_t i = 0; i < 100; i++) {
		memcpy(datagram, text, sizeof datagram);
		memcpy(datagram, &i, sizeof i);
		assert_int_equal(pb_sendto(client, datagram, sizeof datagram, 0, &to.sa, pb_addr_len(&to)),
				 1000);
	}
	turn_for(w, PB_MSEC(20));
	while (pb_recv(server, datagram, sizeof datagram, 0) == 1000) {
		memcpy(&number, datagram, sizeof number);
		assert_int_equal(number, got++);
	}
	assert_true(got >= 4 &&
		    got <= 16); /* 16 KiB, as doubled: what a datagram costs beside its text is the net's */
	assert_int_equal(send_to(client, "again", &to), 5);
	expect_datagram(w, server, "again", NULL);
	pb_close(server);
	pb_close(client);
}

/* SO_PEEK_OFF: peeking goes on where it stopped, over whole datagrams, too; reading takes them away from under it. */
static void peeking_goes_on(void **state)
{
	struct world *w = *state;
	struct pb_socket *server = bound(w->net, SOCK_DGRAM, &w->a);
	struct pb_socket *client = open_socket(w->client_net, AF_INET, SOCK_DGRAM);
	union pb_addr to = name_of(server);
	char got[8];

	assert_int_equal(get_option(server, SOL_SOCKET, SO_PEEK_OFF), -1);
	set_option(server, SOL_SOCKET, SO_PEEK_OFF, 0);
	assert_int_equal(send_to(client, "abcd", &to), 4);
	assert_int_equal(send_to(client, "efg", &to), 3);
	turn_for(w, PB_MSEC(20));
	assert_int_equal(pb_recv(server, got, 3, MSG_PEEK), 3);
	assert_int_equal(pb_recv(server, got + 3, 5, MSG_PEEK), 1);
	assert_int_equal(pb_recv(server, got + 4, 4, MSG_PEEK), 3);
	assert_memory_equal(got, "abcdefg", 7);
	assert_int_equal(pb_recv(server, got, sizeof got, MSG_PEEK), -EAGAIN);
	assert_int_equal(get_option(server, SOL_SOCKET, SO_PEEK_OFF), 7);
	expect_datagram(w, server, "abcd", NULL);
	assert_int_equal(get_option(server, SOL_SOCKET, SO_PEEK_OFF), 3);
	set_option(server, SOL_SOCKET, SO_PEEK_OFF, 2);
	assert_int_equal(pb_recv(server, got, sizeof got, MSG_PEEK), 1);
	set_option(server, SOL_SOCKET, SO_PEEK_OFF, -1);
	assert_int_equal(pb_recv(server, got, sizeof got, MSG_PEEK), 3);
	expect_datagram(w, server, "efg", NULL);
	pb_close(server);
	pb_close(client);
}

/* The number that SO_RXQ_OVFL says beside the next datagram; 0: it says none. */
static uint32_t read_drops(struct pb_socket *s)
{
	char text[8], control[CMSG_SPACE(sizeof(uint32_t))];
	struct iovec iov = { text, sizeof text };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
	};
	uint32_t drops = 0;

	assert_true(pb_recvmsg(s, &msg, 0) > 0);
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	if (c) {
		assert_true(c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL);
		assert_int_equal(c->cmsg_len, CMSG_LEN(sizeof drops));
		memcpy(&drops, CMSG_DATA(c), sizeof drops);
	}
	return drops;
}

/* SO_RXQ_OVFL: how many had no room until then. */
static void drops_are_told(void **state)
{
	struct world *w = *state;
	struct pb_socket *server = bound(w->net, SOCK_DGRAM, &w->a);
	struct pb_socket *client = open_socket(w->client_net, AF_INET, SOCK_DGRAM);
	union pb_addr to = name_of(server);
	static const char text[1000];
	uint32_t got = 0;

	set_option(server, SOL_SOCKET, SO_RXQ_OVFL, 1);
	assert_int_equal(get_option(server, SOL_SOCKET, SO_RXQ_OVFL), 1);
	set_option(server, SOL_SOCKET, SO_RCVBUF, 8192);
	for (int i = 0; i < 100; i++)
		assert_int_equal(pb_sendto(client, text, sizeof text, 0, &to.sa, pb_addr_len(&to)), 1000);
	turn_for(w, PB_MSEC(20));
	for (; pb_ready(server) & POLLIN; got++)
		assert_int_equal(read_drops(server), 0);
	assert_int_equal(send_to(client, "after", &to), 5);
	assert_true(wait_for(w, server, POLLIN));
	assert_int_equal(read_drops(server), 100 - got);
	pb_close(server);
	pb_close(client);
}

/* Who is bound to a group, or to everybody, sends from an address of his own (RFC 1122 3.2.1.3, RFC 1112 6.2). */
static void a_group_is_no_source(void **state)
{
	static const char *const all[] = { "239.255.1.2", "255.255.255.255" };
	struct world *w = *state;
	struct pb_socket *server = bound(w->net, SOCK_DGRAM, &w->a);
	union pb_addr to = name_of(server), from, name;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		assert_true(pb_addr_parse(&from, all[i]));
		struct pb_socket *s = bound(w->client_net, SOCK_DGRAM, &from);
		name = name_of(s);
		assert_int_equal(send_to(s, "from whom?", &to), 10);
		from = with_port(&w->client_a, pb_addr_port(&name));
		expect_datagram(w, server, "from whom?", &from);
		assert_int_equal(connect_to(s, &to), 0);
		from = name_of(s);
		assert_true(pb_addr_equal(&from, &name));
		pb_close(s);
	}
	pb_close(server);
}

/* Linux lets a UDP socket of IPv6 name an IPv4 peer as that. */
static void a_peer_of_the_other_family(void **state)
{
	struct world *w = *state;
	struct pb_socket *server = bound(w->net, SOCK_DGRAM, &w->a), *client;
	union pb_addr to = name_of(server);

	if (!w->has_v6) {
		pb_close(server);
		SKIP("this net has no IPv6");
	}
	client = open_socket(w->client_net, AF_INET6, SOCK_DGRAM);
	assert_int_equal(send_to(client, "four", &to), 4);
	expect_datagram(w, server, "four", NULL);
	assert_int_equal(connect_to(client, &to), 0);
	assert_int_equal(pb_send(client, "six", 3, 0), 3);
	expect_datagram(w, server, "six", NULL);
	pb_close(client);
	client = open_socket(w->client_net, AF_INET6, SOCK_DGRAM);
	set_option(client, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	assert_int_equal(send_to(client, "four", &to), -ENETUNREACH);
	assert_int_equal(connect_to(client, &to), -EAFNOSUPPORT);
	pb_close(client);
	pb_close(server);
}

/* Of two at one address and port, who is connected gets what is from his peer, and the other the rest. */
static void the_connected_come_first(void **state)
{
	struct world *w = *state;
	struct pb_socket *client = bound(w->client_net, SOCK_DGRAM, &w->client_a);
	struct pb_socket *other = bound(w->client_net, SOCK_DGRAM, &w->client_a);
	struct pb_socket *s[2];
	union pb_addr at = unused(w, &w->a), c = name_of(client);

	for (int i = 0; i < 2; i++) {
		s[i] = open_socket(w->net, AF_INET, SOCK_DGRAM);
		set_option(s[i], SOL_SOCKET, SO_REUSEADDR, 1);
		assert_int_equal(bind_to(s[i], &at), 0);
	}
	for (int i = 0; i < 2; i++) { /* whichever was bound first */
		const struct sockaddr unspec = { .sa_family = AF_UNSPEC };
		assert_int_equal(connect_to(s[i], &c), 0);
		assert_int_equal(send_to(client, "for the peer", &at), 12);
		assert_int_equal(send_to(other, "for the other", &at), 13);
		expect_datagram(w, s[i], "for the peer", &c);
		expect_datagram(w, s[!i], "for the other", NULL);
		assert_int_equal(pb_connect(s[i], &unspec, sizeof unspec), 0);
	}
	for (int i = 0; i < 2; i++)
		pb_close(s[i]);
	pb_close(client);
	pb_close(other);
}

static void shutdown_ends_sending_and_reading(void **state)
{
	struct world *w = *state;
	struct pb_socket *server = bound(w->net, SOCK_DGRAM, &w->a);
	struct pb_socket *client = open_socket(w->client_net, AF_INET, SOCK_DGRAM);
	union pb_addr to = name_of(server);

	assert_int_equal(connect_to(client, &to), 0);
	assert_int_equal(pb_shutdown(client, 3), -EINVAL);
	assert_int_equal(pb_shutdown(client, SHUT_WR), 0);
	assert_int_equal(pb_send(client, "x", 1, 0), -EPIPE);
	assert_int_equal(pb_ready(client), POLLOUT);
	assert_int_equal(pb_shutdown(client, SHUT_RD), 0);
	assert_int_equal(pb_ready(client), POLLIN | POLLOUT | POLLRDHUP | POLLHUP);
	pb_close(server);
	pb_close(client);
}

/* SO_BINDTODEVICE. Linux lets anybody do this since 5.7, and those with CAP_NET_RAW before. */
static void an_interface_can_be_asked_for(void **state)
{
	struct world *w = *state;
	struct pb_socket *server = bound(w->net, SOCK_DGRAM, &w->a);
	struct pb_socket *client = open_socket(w->client_net, AF_INET, SOCK_DGRAM);
	union pb_addr to = name_of(server);
	char name[IF_NAMESIZE];
	socklen_t len = sizeof name;
	int rc = pb_setsockopt(server, SOL_SOCKET, SO_BINDTODEVICE, w->interface,
			       (socklen_t)strlen(w->interface));

	if (rc == -EPERM) {
		pb_close(server);
		pb_close(client);
		SKIP("this kernel wants CAP_NET_RAW");
	}
	assert_int_equal(rc, 0);
	assert_int_equal(pb_setsockopt(client, SOL_SOCKET, SO_BINDTODEVICE, "none such", 9), -ENODEV);
	assert_int_equal(pb_getsockopt(server, SOL_SOCKET, SO_BINDTODEVICE, name, &len), 0);
	assert_int_equal(len, strlen(w->interface) + 1);
	assert_string_equal(name, w->interface);
	assert_int_equal(send_to(client, "over it", &to), 7);
	expect_datagram(w, server, "over it", NULL);
	pb_close(server);
	pb_close(client);
}

static int change_group(struct pb_socket *s, int name, const char *group, const union pb_addr *on)
{
	struct ip_mreq m = { .imr_interface = on->v4.sin_addr };
	union pb_addr a;

	assert_true(pb_addr_parse(&a, group));
	m.imr_multiaddr = a.v4.sin_addr;
	return pb_setsockopt(s, IPPROTO_IP, name, &m, sizeof m);
}

/*
 * ip(7), IP_ADD_MEMBERSHIP and its kin; RFC 1112 §6.1: what is sent to a group is heard on the same host,
 * too.
 */
static void groups(void **state)
{
	struct world *w = *state;
	const union pb_addr any = pb_addr_any(AF_INET);
	struct pb_socket *listener = bound(w->net, SOCK_DGRAM, &any),
			 *sender = bound(w->net, SOCK_DGRAM, &w->a);
	union pb_addr group, name = name_of(listener);

	assert_true(pb_addr_parse(&group, "239.255.1.2")); /* RFC 2365 §6.1: of the site */
	pb_addr_set_port(&group, pb_addr_port(&name));
	assert_int_equal(change_group(listener, IP_ADD_MEMBERSHIP, "192.0.2.1", &w->a), -EINVAL);
	assert_int_equal(change_group(listener, IP_ADD_MEMBERSHIP, "239.255.1.2", &w->foreign), -ENODEV);
	assert_int_equal(change_group(listener, IP_ADD_MEMBERSHIP, "239.255.1.2", &w->a), 0);
	assert_int_equal(change_group(listener, IP_ADD_MEMBERSHIP, "239.255.1.2", &w->a), -EADDRINUSE);
	assert_int_equal(pb_setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &w->a.v4.sin_addr, 4), 0);
	assert_int_equal(get_option(sender, IPPROTO_IP, IP_MULTICAST_LOOP), 1);
	assert_int_equal(send_to(sender, "all", &group), 3);
	expect_datagram(w, listener, "all", NULL);
	set_option(sender, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
	assert_int_equal(get_option(sender, IPPROTO_IP, IP_MULTICAST_LOOP), 0);
	assert_int_equal(change_group(listener, IP_DROP_MEMBERSHIP, "239.255.1.2", &w->a), 0);
	assert_int_equal(change_group(listener, IP_DROP_MEMBERSHIP, "239.255.1.2", &w->a), -EADDRNOTAVAIL);
	pb_close(listener);
	pb_close(sender);
}

static int change_source(struct pb_socket *s, int name, const char *group, const char *source,
			 const union pb_addr *on)
{
	struct ip_mreq_source m = { .imr_interface = on->v4.sin_addr };
	union pb_addr a, b;

	assert_true(pb_addr_parse(&a, group) && pb_addr_parse(&b, source));
	m.imr_multiaddr = a.v4.sin_addr;
	m.imr_sourceaddr = b.v4.sin_addr;
	return pb_setsockopt(s, IPPROTO_IP, name, &m, sizeof m);
}

/* ip(7): which sources of a group are heard, and what is said of mistakes. */
static void sources_of_groups(void **state)
{
	static const char group[] = "239.255.1.3", stranger[] = "192.0.2.77";
	struct world *w = *state;
	const union pb_addr any = pb_addr_any(AF_INET);
	struct pb_socket *listener = bound(w->net, SOCK_DGRAM, &any),
			 *sender = bound(w->net, SOCK_DGRAM, &w->a);
	union pb_addr to, name = name_of(listener);
	union pb_addr self = with_port(&w->a, pb_addr_port(&name));
	char ours[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &w->a.v4.sin_addr, ours, sizeof ours);
	assert_true(pb_addr_parse(&to, group));
	pb_addr_set_port(&to, pb_addr_port(&name));
	assert_int_equal(pb_setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &w->a.v4.sin_addr, 4), 0);
	assert_int_equal(change_source(listener, IP_BLOCK_SOURCE, group, stranger, &w->a), -EINVAL);
	assert_int_equal(change_source(listener, IP_DROP_SOURCE_MEMBERSHIP, group, stranger, &w->a), -EINVAL);
	assert_int_equal(change_source(listener, IP_ADD_SOURCE_MEMBERSHIP, "192.0.2.1", stranger, &w->a),
			 -EINVAL);
	assert_int_equal(change_source(listener, IP_ADD_SOURCE_MEMBERSHIP, group, stranger, &w->foreign),
			 -ENODEV);
	assert_int_equal(change_source(listener, IP_ADD_SOURCE_MEMBERSHIP, group, stranger, &w->a), 0);
	assert_int_equal(change_source(listener, IP_ADD_SOURCE_MEMBERSHIP, group, stranger, &w->a),
			 -EADDRNOTAVAIL);
	assert_int_equal(change_source(listener, IP_BLOCK_SOURCE, group, ours, &w->a), -EINVAL);
	assert_int_equal(change_group(listener, IP_ADD_MEMBERSHIP, group, &w->a), -EADDRINUSE);
	assert_int_equal(send_to(sender, "unheard", &to), 7);
	assert_int_equal(send_to(sender, "end", &self), 3);
	expect_datagram(w, listener, "end", NULL);
	assert_int_equal(change_source(listener, IP_ADD_SOURCE_MEMBERSHIP, group, ours, &w->a), 0);
	assert_int_equal(send_to(sender, "wanted", &to), 6);
	expect_datagram(w, listener, "wanted", NULL);
	assert_int_equal(change_source(listener, IP_DROP_SOURCE_MEMBERSHIP, group, stranger, &w->a), 0);
	assert_int_equal(change_source(listener, IP_DROP_SOURCE_MEMBERSHIP, group, stranger, &w->a),
			 -EADDRNOTAVAIL);
	assert_int_equal(change_source(listener, IP_DROP_SOURCE_MEMBERSHIP, group, ours, &w->a), 0);
	assert_int_equal(change_group(listener, IP_DROP_MEMBERSHIP, group, &w->a), -EADDRNOTAVAIL);

	assert_int_equal(change_group(listener, IP_ADD_MEMBERSHIP, group, &w->a), 0);
	assert_int_equal(change_source(listener, IP_UNBLOCK_SOURCE, group, ours, &w->a), -EADDRNOTAVAIL);
	assert_int_equal(change_source(listener, IP_BLOCK_SOURCE, group, ours, &w->a), 0);
	assert_int_equal(change_source(listener, IP_ADD_SOURCE_MEMBERSHIP, group, stranger, &w->a), -EINVAL);
	assert_int_equal(send_to(sender, "blocked", &to), 7);
	assert_int_equal(send_to(sender, "end", &self), 3);
	expect_datagram(w, listener, "end", NULL);
	assert_int_equal(change_source(listener, IP_UNBLOCK_SOURCE, group, ours, &w->a), 0);
	assert_int_equal(send_to(sender, "again", &to), 5);
	expect_datagram(w, listener, "again", NULL);
	/* Whoever has named one way has to leave before he names the other way. */
	assert_int_equal(change_source(listener, IP_ADD_SOURCE_MEMBERSHIP, group, ours, &w->a), -EINVAL);
	assert_int_equal(change_group(listener, IP_DROP_MEMBERSHIP, group, &w->a), 0);
	assert_int_equal(change_group(listener, IP_ADD_MEMBERSHIP, group, &w->a), 0);
	assert_int_equal(change_source(listener, IP_ADD_SOURCE_MEMBERSHIP, group, ours, &w->a), 0);
	for (int n = 1; n < 10; n++) {
		char source[] = "192.0.2.1";
		source[8] = (char)('0' + n);
		assert_int_equal(change_source(listener, IP_ADD_SOURCE_MEMBERSHIP, group, source, &w->a), 0);
	}
	assert_int_equal(change_source(listener, IP_ADD_SOURCE_MEMBERSHIP, group, stranger, &w->a), -ENOBUFS);
	assert_int_equal(pb_setsockopt(listener, IPPROTO_IP, IP_BLOCK_SOURCE, &w->a, 8), -EINVAL);
	pb_close(listener);
	pb_close(sender);
}

/* IP_MSFILTER, all at once: two sources, in this mode. */
static int set_msfilter(struct pb_socket *s, const char *group, const union pb_addr *on, uint32_t mode,
			uint32_t count, const char *const *sources)
{
	union {
		struct ip_msfilter m;
		uint8_t bytes[IP_MSFILTER_SIZE(16)];
	} f = {
		.m = {.imsf_interface = on->v4.sin_addr, .imsf_fmode = mode, .imsf_numsrc = count}
	};
	union pb_addr a;

	assert_true(pb_addr_parse(&a, group));
	f.m.imsf_multiaddr = a.v4.sin_addr;
	for (uint32_t i = 0; i < count && i < 16; i++) {
		assert_true(pb_addr_parse(&a, sources[i]));
		memcpy(f.bytes + IP_MSFILTER_SIZE(i), &a.v4.sin_addr, 4);
	}
	return pb_setsockopt(s, IPPROTO_IP, IP_MSFILTER, &f, (socklen_t)IP_MSFILTER_SIZE(count));
}

/* How many sources there are; the mode and the first are told. */
static int get_msfilter(struct pb_socket *s, const char *group, const union pb_addr *on, uint32_t room,
			struct ip_msfilter *m)
{
	socklen_t len = (socklen_t)IP_MSFILTER_SIZE(room);
	union pb_addr a;

	assert_true(pb_addr_parse(&a, group));
	*m = (struct ip_msfilter){ .imsf_multiaddr = a.v4.sin_addr,
				   .imsf_interface = on->v4.sin_addr,
				   .imsf_numsrc = room };
	int rc = pb_getsockopt(s, IPPROTO_IP, IP_MSFILTER, m, &len);
	if (rc < 0)
		return rc;
	uint32_t given = m->imsf_numsrc < room ? m->imsf_numsrc : room;
	assert_int_equal(len, IP_MSFILTER_SIZE(given));
	return (int)m->imsf_numsrc;
}

static void filters_of_groups(void **state)
{
	static const char group[] = "239.255.1.4";
	static const char *const strangers[] = { "192.0.2.77", "192.0.2.78", "192.0.2.1", "192.0.2.2",
						 "192.0.2.3",  "192.0.2.4",  "192.0.2.5", "192.0.2.6",
						 "192.0.2.7",  "192.0.2.8",  "192.0.2.9" };
	struct world *w = *state;
	const union pb_addr any = pb_addr_any(AF_INET);
	struct pb_socket *listener = bound(w->net, SOCK_DGRAM, &any),
			 *sender = bound(w->net, SOCK_DGRAM, &w->a);
	union pb_addr to, name = name_of(listener);
	union pb_addr self = with_port(&w->a, pb_addr_port(&name));
	struct ip_msfilter m;

	assert_true(pb_addr_parse(&to, group));
	pb_addr_set_port(&to, pb_addr_port(&name));
	assert_int_equal(pb_setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &w->a.v4.sin_addr, 4), 0);
	assert_int_equal(set_msfilter(listener, group, &w->a, MCAST_INCLUDE, 1, strangers), -EINVAL);
	assert_int_equal(set_msfilter(listener, group, &w->a, MCAST_INCLUDE, 0, NULL), -EADDRNOTAVAIL);
	assert_int_equal(get_msfilter(listener, group, &w->a, 1, &m), -EADDRNOTAVAIL);
	assert_int_equal(change_group(listener, IP_ADD_MEMBERSHIP, group, &w->a), 0);
	assert_int_equal(get_msfilter(listener, group, &w->a, 1, &m), 0);
	assert_int_equal(m.imsf_fmode, MCAST_EXCLUDE);
	assert_int_equal(set_msfilter(listener, "192.0.2.1", &w->a, MCAST_INCLUDE, 1, strangers), -EINVAL);
	assert_int_equal(set_msfilter(listener, group, &w->a, 2, 1, strangers), -EINVAL);
	assert_int_equal(set_msfilter(listener, group, &w->foreign, MCAST_INCLUDE, 1, strangers), -ENODEV);
	assert_int_equal(set_msfilter(listener, group, &w->a, MCAST_INCLUDE, 11, strangers), -ENOBUFS);
	assert_int_equal(set_msfilter(listener, group, &w->a, MCAST_INCLUDE, 2, strangers), 0);
	assert_int_equal(get_msfilter(listener, group, &w->a, 1, &m), 2);
	assert_int_equal(m.imsf_fmode, MCAST_INCLUDE);
	assert_int_equal(ntohl(m.imsf_slist[0].s_addr), 0xc000024d);
	assert_int_equal(send_to(sender, "unheard", &to), 7);
	assert_int_equal(send_to(sender, "end", &self), 3);
	expect_datagram(w, listener, "end", NULL);
	assert_int_equal(set_msfilter(listener, group, &w->a, MCAST_EXCLUDE, 2, strangers), 0);
	assert_int_equal(send_to(sender, "heard", &to), 5);
	expect_datagram(w, listener, "heard", NULL);
	assert_int_equal(set_msfilter(listener, group, &w->a, MCAST_EXCLUDE, 0, NULL), 0);
	assert_int_equal(get_msfilter(listener, group, &w->a, 1, &m), 0);
	assert_int_equal(set_msfilter(listener, group, &w->a, MCAST_INCLUDE, 0, NULL), 0);
	assert_int_equal(change_group(listener, IP_DROP_MEMBERSHIP, group, &w->a), -EADDRNOTAVAIL);
	assert_int_equal(pb_setsockopt(listener, IPPROTO_IP, IP_MSFILTER, &m, 8), -EINVAL);
	pb_close(listener);
	pb_close(sender);
}

/* MCAST_MSFILTER, by the interface's number. */
static void filters_of_groups_of_ipv6(void **state)
{
	struct world *w = *state;
	struct ipv6_mreq mreq = {
		.ipv6mr_interface = 1, .ipv6mr_multiaddr.s6_addr = {0xff, 0x15, [15] = 11}
	};
	struct sockaddr_in6 group = { .sin6_family = AF_INET6, .sin6_addr = mreq.ipv6mr_multiaddr };
	struct group_filter m = { .gf_interface = 1, .gf_fmode = MCAST_INCLUDE, .gf_numsrc = 1 };
	socklen_t len = sizeof m;

	if (!w->has_v6)
		SKIP("this net has no IPv6");
	struct pb_socket *s = bound(w->net, SOCK_DGRAM, &w->v6);
	memcpy(&m.gf_group, &group, sizeof group);
	memcpy(&m.gf_slist[0], &w->v6.v6, sizeof w->v6.v6);
	assert_int_equal(pb_setsockopt(s, IPPROTO_IPV6, MCAST_MSFILTER, &m, sizeof m), -EINVAL);
	assert_int_equal(pb_getsockopt(s, IPPROTO_IPV6, MCAST_MSFILTER, &m, &len), -EADDRNOTAVAIL);
	assert_int_equal(pb_setsockopt(s, IPPROTO_IPV6, IPV6_JOIN_GROUP, &mreq, sizeof mreq), 0);
	assert_int_equal(pb_setsockopt(s, IPPROTO_IPV6, MCAST_MSFILTER, &m, sizeof m), 0);
	memset(&m.gf_slist[0], 0, sizeof m.gf_slist[0]);
	m.gf_fmode = 7;
	len = sizeof m;
	assert_int_equal(pb_getsockopt(s, IPPROTO_IPV6, MCAST_MSFILTER, &m, &len), 0);
	assert_int_equal(len, sizeof m);
	assert_true(m.gf_fmode == MCAST_INCLUDE && m.gf_numsrc == 1);
	assert_memory_equal(&((struct sockaddr_in6 *)&m.gf_slist[0])->sin6_addr, &w->v6.v6.sin6_addr, 16);
	m.gf_numsrc = 65;
	assert_int_equal(pb_setsockopt(s, IPPROTO_IPV6, MCAST_MSFILTER, &m, sizeof m), -ENOBUFS);
	m.gf_numsrc = 2; /* more than are here */
	assert_int_equal(pb_setsockopt(s, IPPROTO_IPV6, MCAST_MSFILTER, &m, sizeof m), -EINVAL);
	m.gf_numsrc = 0;
	assert_int_equal(pb_setsockopt(s, IPPROTO_IPV6, MCAST_MSFILTER, &m, sizeof m), 0);
	assert_int_equal(pb_setsockopt(s, IPPROTO_IPV6, IPV6_LEAVE_GROUP, &mreq, sizeof mreq),
			 -EADDRNOTAVAIL);
	pb_close(s);
}

static void sources_of_groups_of_ipv6(void **state)
{
	struct world *w = *state;
	struct group_source_req m = { .gsr_interface = 1 };
	struct sockaddr_in6 group = {
		.sin6_family = AF_INET6, .sin6_addr.s6_addr = {0xff, 0x15, [15] = 10}
	};

	if (!w->has_v6)
		SKIP("this net has no IPv6");
	struct pb_socket *s = bound(w->net, SOCK_DGRAM, &w->v6);
	memcpy(&m.gsr_group, &group, sizeof group);
	memcpy(&m.gsr_source, &w->v6.v6, sizeof w->v6.v6);
	assert_int_equal(pb_setsockopt(s, IPPROTO_IPV6, MCAST_BLOCK_SOURCE, &m, sizeof m), -EINVAL);
	assert_int_equal(pb_setsockopt(s, IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP, &m, sizeof m), 0);
	assert_int_equal(pb_setsockopt(s, IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP, &m, sizeof m),
			 -EADDRNOTAVAIL);
	assert_int_equal(pb_setsockopt(s, IPPROTO_IPV6, MCAST_BLOCK_SOURCE, &m, sizeof m), -EINVAL);
	assert_int_equal(pb_setsockopt(s, IPPROTO_IPV6, MCAST_LEAVE_SOURCE_GROUP, &m, sizeof m), 0);
	assert_int_equal(pb_setsockopt(s, IPPROTO_IPV6, MCAST_LEAVE_SOURCE_GROUP, &m, sizeof m), -EINVAL);
	assert_int_equal(pb_setsockopt(s, IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP, &m, 8), -EINVAL);
	assert_int_equal(pb_setsockopt(s, IPPROTO_IPV6, IP_ADD_SOURCE_MEMBERSHIP, &m, sizeof m),
			 -ENOPROTOOPT);
	m.gsr_source.ss_family = AF_INET;
	assert_int_equal(pb_setsockopt(s, IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP, &m, sizeof m),
			 -EADDRNOTAVAIL);
	pb_close(s);
}

static void groups_of_ipv6(void **state)
{
	struct world *w = *state;
	struct ipv6_mreq m = { 0 };

	if (!w->has_v6)
		SKIP("this net has no IPv6");
	struct pb_socket *s = bound(w->net, SOCK_DGRAM, &w->v6);
	m.ipv6mr_interface = 1; /* the loopback has that number everywhere */
	m.ipv6mr_multiaddr.s6_addr[0] = 0xff;
	m.ipv6mr_multiaddr.s6_addr[1] = 0x15;
	m.ipv6mr_multiaddr.s6_addr[15] = 9;
	assert_int_equal(pb_setsockopt(s, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m, sizeof m), 0);
	assert_int_equal(pb_setsockopt(s, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m, sizeof m), -EADDRINUSE);
	assert_int_equal(pb_setsockopt(s, IPPROTO_IPV6, IPV6_LEAVE_GROUP, &m, sizeof m), 0);
	assert_int_equal(pb_setsockopt(s, IPPROTO_IPV6, IPV6_LEAVE_GROUP, &m, sizeof m), -EADDRNOTAVAIL);
	assert_int_equal(pb_setsockopt(s, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m, 4), -EINVAL);
	m.ipv6mr_multiaddr.s6_addr[0] = 0x20;
	assert_int_equal(pb_setsockopt(s, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m, sizeof m), -EINVAL);
	set_option(s, IPPROTO_IPV6, IPV6_MULTICAST_IF, 1);
	assert_int_equal(get_option(s, IPPROTO_IPV6, IPV6_MULTICAST_IF), 1);
	pb_close(s);
}

static void wrong_use(void **state)
{
	struct world *w = *state;

	each_family (w, at) {
		struct pb_socket *s = open_socket(w->client_net, at->sa.sa_family, SOCK_DGRAM);
		union pb_addr to = with_port(at, 9), none = *at;
		assert_int_equal(pb_send(s, "x", 1, 0), -EDESTADDRREQ);
		assert_int_equal(send_to(s, "x", &none), -EINVAL); /* port 0 */
		assert_int_equal(pb_sendto(s, "x", 1, 0, &to.sa, 2), -EINVAL);
		assert_int_equal(pb_shutdown(s, SHUT_WR), -ENOTCONN);
		assert_int_equal(get_option(s, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
		pb_close(s);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(there_and_back),
	cmocka_unit_test(the_first_send_chooses_a_port),
	cmocka_unit_test(the_address_decides),
	cmocka_unit_test(truncation),
	cmocka_unit_test(the_largest),
	cmocka_unit_test(connected_hears_only_its_peer),
	cmocka_unit_test(the_peer_can_be_taken_away),
	cmocka_unit_test(port_unreachable),
	cmocka_unit_test(the_unconnected_hear_of_no_errors),
	cmocka_unit_test(a_full_queue_drops),
	cmocka_unit_test(drops_are_told),
	cmocka_unit_test(peeking_goes_on),
	cmocka_unit_test(the_connected_come_first),
	cmocka_unit_test(shutdown_ends_sending_and_reading),
	cmocka_unit_test(an_interface_can_be_asked_for),
	cmocka_unit_test(groups),
	cmocka_unit_test(a_group_is_no_source),
	cmocka_unit_test(a_peer_of_the_other_family),
	cmocka_unit_test(groups_of_ipv6),
	cmocka_unit_test(sources_of_groups),
	cmocka_unit_test(filters_of_groups),
	cmocka_unit_test(filters_of_groups_of_ipv6),
	cmocka_unit_test(sources_of_groups_of_ipv6),
	cmocka_unit_test(wrong_use),
};

const struct test_table semantics_datagram = TEST_TABLE(tests);
