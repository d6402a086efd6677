/*
 * What comes with datagrams, and goes with them: destination, TTL and TOS of those that came (ip(7): IP_PKTINFO,
 * IP_RECVTTL, IP_RECVTOS), the source to send from, and the errors that came back (IP_RECVERR).
 */
#include "semantics.h"

#include <linux/errqueue.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <sys/uio.h>

/* One recvmsg(2). */
struct message {
	char text[64], control[256];
	union pb_addr from;
	struct iovec iov;
	struct msghdr h;
};

static ssize_t receive(struct pb_socket *s, struct message *m, int flags)
{
	memset(m, 0, sizeof *m);
	m->iov = (struct iovec){ m->text, sizeof m->text };
	m->h = (struct msghdr){ .msg_name = &m->from,
				.msg_namelen = sizeof m->from,
				.msg_iov = &m->iov,
				.msg_iovlen = 1,
				.msg_control = m->control,
				.msg_controllen = sizeof m->control };
	return pb_recvmsg(s, &m->h, flags);
}

/* What the message has of this kind, len bytes of it; the test fails without it. */
static const void *control(struct message *m, int type, size_t len)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m->h); c; c = CMSG_NXTHDR(&m->h, c)) {
		if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != type)
			continue;
		assert_true(c->cmsg_len >= CMSG_LEN(len));
		return CMSG_DATA(c);
	}
	fail_msg("no control message %d", type);
	return NULL;
}

static ssize_t send_to(struct pb_socket *s, const char *text, const union pb_addr *to)
{
	return pb_sendto(s, text, strlen(text), 0, &to->sa, pb_addr_len(to));
}

/* A server at any address, and the port that it has. */
static struct pb_socket *open_server(struct world *w, uint16_t *port)
{
	union pb_addr any = pb_addr_any(AF_INET);
	struct pb_socket *s = bound(w->net, SOCK_DGRAM, &any);

	any = name_of(s);
	*port = pb_addr_port(&any);
	return s;
}

static void the_destination_is_told(void **state)
{
	struct world *w = *state;
	const union pb_addr *to[] = { &w->a, &w->b };
	uint16_t port;
	struct pb_socket *server = open_server(w, &port);
	struct pb_socket *client = open_socket(w->client_net, AF_INET, SOCK_DGRAM);
	struct message m;

	set_option(server, IPPROTO_IP, IP_PKTINFO, 1);
	for (int i = 0; i < 2; i++) {
		union pb_addr at = with_port(to[i], port);
		assert_int_equal(send_to(client, "x", &at), 1);
		assert_true(wait_for(w, server, POLLIN));
		assert_int_equal(receive(server, &m, 0), 1);
		struct in_pktinfo info;
		memcpy(&info, control(&m, IP_PKTINFO, sizeof info), sizeof info);
		assert_true(info.ipi_ifindex > 0);
		assert_int_equal(info.ipi_addr.s_addr, at.v4.sin_addr.s_addr);
		assert_int_equal(info.ipi_spec_dst.s_addr, at.v4.sin_addr.s_addr);
	}
	pb_close(server);
	pb_close(client);
}

static void ttl_and_tos_are_told(void **state)
{
	struct world *w = *state;
	uint16_t port;
	struct pb_socket *server = open_server(w, &port);
	struct pb_socket *client = open_socket(w->client_net, AF_INET, SOCK_DGRAM);
	union pb_addr at = with_port(&w->a, port);
	struct message m;
	int ttl;

	set_option(server, IPPROTO_IP, IP_RECVTTL, 1);
	set_option(server, IPPROTO_IP, IP_RECVTOS, 1);
	set_option(client, IPPROTO_IP, IP_TTL, 77);
	set_option(client, IPPROTO_IP, IP_TOS, 0x28);
	assert_int_equal(send_to(client, "x", &at), 1);
	assert_true(wait_for(w, server, POLLIN));
	assert_int_equal(receive(server, &m, 0), 1);
	memcpy(&ttl, control(&m, IP_TTL, sizeof ttl), sizeof ttl);
	assert_int_equal(ttl, 77);
	const uint8_t *tos = control(&m, IP_TOS, 1); /* a byte, not an int */
	assert_int_equal(*tos, 0x28);
	assert_int_equal(CMSG_FIRSTHDR(&m.h)->cmsg_len, CMSG_LEN(sizeof ttl));
	assert_int_equal(CMSG_NXTHDR(&m.h, CMSG_FIRSTHDR(&m.h))->cmsg_len, CMSG_LEN(1));
	pb_close(server);
	pb_close(client);
}

static void control_is_cut_to_its_room(void **state)
{
	struct world *w = *state;
	uint16_t port;
	struct pb_socket *server = open_server(w, &port);
	struct pb_socket *client = open_socket(w->client_net, AF_INET, SOCK_DGRAM);
	union pb_addr at = with_port(&w->a, port);
	struct msghdr h = { 0 };

	set_option(server, IPPROTO_IP, IP_PKTINFO, 1);
	assert_int_equal(send_to(client, "", &at), 0);
	assert_true(wait_for(w, server, POLLIN));
	assert_int_equal(pb_recvmsg(server, &h, 0), 0);
	assert_int_equal(h.msg_flags & MSG_CTRUNC, MSG_CTRUNC);
	assert_int_equal(h.msg_controllen, 0);
	pb_close(server);
	pb_close(client);
}

/* A server at any address answers from the one that was asked. */
static void the_source_can_be_chosen(void **state)
{
	struct world *w = *state;
	uint16_t port;
	struct pb_socket *server = open_server(w, &port);
	struct pb_socket *client = bound(w->client_net, SOCK_DGRAM, &w->client_a);
	union pb_addr to = name_of(client), expected = with_port(&w->b, port);
	char room[CMSG_SPACE(sizeof(struct in_pktinfo))] = { 0 };
	struct msghdr h = {
		.msg_name = &to,
		.msg_namelen = pb_addr_len(&to),
		.msg_iov = &(struct iovec){"x", 1},
		.msg_iovlen = 1,
		.msg_control = room,
		.msg_controllen = sizeof room
	};
	struct in_pktinfo info = { .ipi_spec_dst = w->b.v4.sin_addr };
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	struct message m;

	*c = (struct cmsghdr){ .cmsg_level = IPPROTO_IP,
			       .cmsg_type = IP_PKTINFO,
			       .cmsg_len = CMSG_LEN(sizeof info) };
	memcpy(CMSG_DATA(c), &info, sizeof info);
	assert_int_equal(pb_sendmsg(server, &h, 0), 1);
	assert_true(wait_for(w, client, POLLIN));
	assert_int_equal(receive(client, &m, 0), 1);
	assert_true(pb_addr_equal(&m.from, &expected));
	info.ipi_spec_dst = w->foreign.v4.sin_addr;
	memcpy(CMSG_DATA(c), &info, sizeof info);
	assert_true(pb_sendmsg(server, &h, 0) < 0);
	c->cmsg_len = CMSG_LEN(sizeof info - 1);
	assert_int_equal(pb_sendmsg(server, &h, 0), -EINVAL);
	pb_close(server);
	pb_close(client);
}

/* IP_RECVERR: also who is not connected hears what became of his datagrams, with their text. */
static void errors_are_queued(void **state)
{
	struct world *w = *state;
	union pb_addr nobody = unused(w, &w->a);
	struct pb_socket *s = open_socket(w->client_net, AF_INET, SOCK_DGRAM);
	struct message m;

	set_option(s, IPPROTO_IP, IP_RECVERR, 1);
	assert_int_equal(receive(s, &m, MSG_ERRQUEUE), -EAGAIN);
	assert_int_equal(send_to(s, "lost", &nobody), 4);
	assert_true(wait_for(w, s, POLLERR));
	assert_int_equal(receive(s, &m, MSG_ERRQUEUE), 4);
	assert_memory_equal(m.text, "lost", 4);
	assert_true(pb_addr_equal(&m.from, &nobody));
	assert_int_equal(m.h.msg_flags & MSG_ERRQUEUE, MSG_ERRQUEUE);
	struct sock_extended_err e;
	memcpy(&e, control(&m, IP_RECVERR, sizeof e), sizeof e);
	assert_int_equal(e.ee_errno, ECONNREFUSED);
	assert_int_equal(e.ee_origin, SO_EE_ORIGIN_ICMP);
	assert_int_equal(e.ee_type, ICMP_DEST_UNREACH);
	assert_int_equal(e.ee_code, ICMP_PORT_UNREACH);
	assert_int_equal(receive(s, &m, MSG_ERRQUEUE), -EAGAIN);
	assert_int_equal(receive(s, &m, 0), -EAGAIN); /* the last one read takes the pending error with it */
	assert_int_equal(pb_ready(s), POLLOUT);
	pb_close(s);
}

/* A call may take the pending error; the queued one stays. */
static void the_pending_error_is_told_apart(void **state)
{
	struct world *w = *state;
	union pb_addr nobody = unused(w, &w->a);
	struct pb_socket *s = open_socket(w->client_net, AF_INET, SOCK_DGRAM);
	struct message m;

	rest(w);
	set_option(s, IPPROTO_IP, IP_RECVERR, 1);
	assert_int_equal(send_to(s, "lost", &nobody), 4);
	assert_true(wait_for(w, s, POLLERR));
	assert_int_equal(send_to(s, "x", &nobody), -ECONNREFUSED);
	assert_int_equal(receive(s, &m, MSG_ERRQUEUE), 4); /* is there all the same */
	assert_int_equal(receive(s, &m, MSG_ERRQUEUE), -EAGAIN);
	pb_close(s);
}

/* Too long for its path, with IP_PMTUDISC_DO: the sender is told at once, and the queue has how much it takes. */
static void refused_datagrams_are_queued(void **state)
{
	struct world *w = *state;
	struct pb_socket *s = open_socket(w->client_net, AF_INET, SOCK_DGRAM), *server;
	static const char text[65507];
	uint16_t port;
	struct message m;

	server = open_server(w, &port);
	union pb_addr to = with_port(&w->a, port);
	set_option(s, IPPROTO_IP, IP_RECVERR, 1);
	set_option(s, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
	assert_int_equal(connect_to(s, &to), 0);
	int mtu = get_option(s, IPPROTO_IP, IP_MTU);
	if (mtu >= 65535) { /* all of them fit */
		pb_close(server);
		pb_close(s);
		return;
	}
	assert_int_equal(pb_send(s, text, sizeof text, 0), -EMSGSIZE);
	assert_true(pb_ready(s) & POLLERR);
	assert_int_equal(receive(s, &m, MSG_ERRQUEUE), 0);
	struct sock_extended_err e;
	memcpy(&e, control(&m, IP_RECVERR, sizeof e), sizeof e);
	assert_int_equal(e.ee_errno, EMSGSIZE);
	assert_int_equal(e.ee_origin, SO_EE_ORIGIN_LOCAL);
	assert_int_equal(e.ee_info, mtu);
	assert_true(pb_addr_equal(&m.from, &to));
	assert_int_equal(get_option(s, SOL_SOCKET, SO_ERROR), 0);
	assert_int_equal(pb_send(s, text, 100, 0), 100);
	pb_close(server);
	pb_close(s);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(the_destination_is_told),
	cmocka_unit_test(ttl_and_tos_are_told),
	cmocka_unit_test(control_is_cut_to_its_room),
	cmocka_unit_test(the_source_can_be_chosen),
	cmocka_unit_test(errors_are_queued),
	cmocka_unit_test(the_pending_error_is_told_apart),
	cmocka_unit_test(refused_datagrams_are_queued),
};

const struct test_table semantics_ancillary = TEST_TABLE(tests);
