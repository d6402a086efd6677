/* What a stream tells of itself, beside its bytes: what is left to be read, whose memory is whose, what limits it. */
#include "semantics.h"

#include <linux/errqueue.h>
#include <linux/tcp.h>

#define ESTABLISHED 1 /* tcp_states.h */

/* The one control message that comes with what is read, as an int; -1: none does. */
static int left_beside(struct pb_socket *s, size_t len)
{
	char room[CMSG_SPACE(sizeof(int))], got[64];
	struct iovec part = { got, len };
	struct msghdr msg = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room
	};
	int n;

	assert_true(pb_recvmsg(s, &msg, 0) >= 0);
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	if (!c)
		return -1;
	assert_int_equal(c->cmsg_level, IPPROTO_TCP);
	assert_int_equal(c->cmsg_type, TCP_CM_INQ);
	memcpy(&n, CMSG_DATA(c), sizeof n);
	return n;
}

/* TCP_INQ: what is left to be read is told beside what was; at the end, that there is an end to be read. */
static void what_is_left_is_told(void **state)
{
	struct world *w = *state;
	struct pair p = connected_pair(w, &w->a);

	assert_int_equal(get_option(p.server, IPPROTO_TCP, TCP_INQ), 0);
	assert_int_equal(pb_setsockopt(p.server, IPPROTO_TCP, TCP_INQ, &(int){ 2 }, sizeof(int)), -EINVAL);
	assert_int_equal(pb_send(p.client, "abcdef", 6, 0), 6);
	assert_true(wait_for(w, p.server, POLLIN));
	assert_int_equal(left_beside(p.server, 1), -1);
	set_option(p.server, IPPROTO_TCP, TCP_INQ, 1);
	assert_int_equal(left_beside(p.server, 2), 3);
	assert_int_equal(left_beside(p.server, 3), 0);
	assert_int_equal(pb_send(p.client, "g", 1, 0), 1);
	assert_int_equal(pb_shutdown(p.client, SHUT_WR), 0);
	assert_true(wait_for(w, p.server, POLLRDHUP));
	assert_int_equal(left_beside(p.server, 1), 1);
	close_pair(&p);
}

/* MSG_ZEROCOPY: from when on the memory is the user's again is told as an error that is none. */
static void memory_comes_back(void **state)
{
	struct world *w = *state;
	struct pair p = connected_pair(w, &w->a);
	char room[256];
	struct iovec part = { NULL, 0 };
	struct msghdr msg = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room
	};
	static const char text[1000];

	assert_int_equal(pb_setsockopt(p.client, SOL_SOCKET, SO_ZEROCOPY, &(int){ 2 }, sizeof(int)), -EINVAL);
	assert_int_equal(pb_send(p.client, text, 10, MSG_ZEROCOPY), 10); /* it was not asked for */
	assert_int_equal(pb_recvmsg(p.client, &msg, MSG_ERRQUEUE), -EAGAIN);
	set_option(p.client, SOL_SOCKET, SO_ZEROCOPY, 1);
	assert_int_equal(get_option(p.client, SOL_SOCKET, SO_ZEROCOPY), 1);
	assert_int_equal(pb_send(p.client, text, sizeof text, MSG_ZEROCOPY), sizeof text);
	expect_bytes(w, p.server, text, 10);
	expect_bytes(w, p.server, text, sizeof text);
	assert_true(wait_for(w, p.client, POLLERR));
	msg.msg_controllen = sizeof room;
	assert_int_equal(pb_recvmsg(p.client, &msg, MSG_ERRQUEUE), 0);
	assert_true(msg.msg_flags & MSG_ERRQUEUE);
	const struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	struct sock_extended_err e;
	assert_non_null(c);
	memcpy(&e, CMSG_DATA(c), sizeof e);
	assert_int_equal(e.ee_errno, 0);
	assert_int_equal(e.ee_origin, SO_EE_ORIGIN_ZEROCOPY);
	assert_int_equal(e.ee_code, SO_EE_CODE_ZEROCOPY_COPIED); /* over loopback the kernel's is, too */
	assert_int_equal(e.ee_info, 0);
	assert_int_equal(e.ee_data, 0);
	assert_int_equal(pb_recvmsg(p.client, &msg, MSG_ERRQUEUE), -EAGAIN);
	assert_false(pb_ready(p.client) & POLLERR);
	close_pair(&p);
}

/*
 * What waits to be sent, because the peer reads nothing, is bounded by TCP_NOTSENT_LOWAT long before the buffer is
 * full.
 */
static void unsent_text_is_bounded(void **state)
{
	struct world *w = *state;
	struct pair p = connected_pair(w, &w->a);
	struct tcp_info info = { 0 };
	socklen_t len = sizeof info;
	static const char text[65536];

	assert_int_equal(get_option(p.client, IPPROTO_TCP, TCP_NOTSENT_LOWAT), 0);
	set_option(p.client, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 20000);
	assert_int_equal(get_option(p.client, IPPROTO_TCP, TCP_NOTSENT_LOWAT), 20000);
	set_option(p.client, SOL_SOCKET, SO_SNDBUF, 4 << 20);
	for (int turn = 0; turn < 20; turn++) {
		while (pb_send(p.client, text, sizeof text, 0) > 0)
			;
		turn_for(w, PB_MSEC(10));
	}
	assert_false(pb_ready(p.client) & POLLOUT);
	assert_int_equal(pb_getsockopt(p.client, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	assert_in_range(info.tcpi_notsent_bytes, 10000, 20000 + 65536);
	assert_true(info.tcpi_rwnd_limited > 0);
	close_pair(&p);
}

/* What TCP_INFO tells of a connection on which little has happened, and nothing amiss. */
static void quiet_connection_is_told_of(void **state)
{
	struct world *w = *state;
	struct pair p = connected_pair(w, &w->a);
	struct tcp_info i = { 0 };
	socklen_t len = sizeof i;

	assert_int_equal(pb_send(p.client, "abc", 3, 0), 3);
	expect_bytes(w, p.server, "abc", 3);
	assert_int_equal(pb_send(p.server, "defg", 4, 0), 4);
	expect_bytes(w, p.client, "defg", 4);
	assert_int_equal(pb_getsockopt(p.server, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	assert_int_equal(i.tcpi_state, ESTABLISHED);
	assert_int_equal(i.tcpi_ca_state, TCP_CA_Open);
	assert_int_equal(i.tcpi_retransmits + i.tcpi_probes + i.tcpi_backoff, 0);
	assert_int_equal(i.tcpi_sacked + i.tcpi_lost + i.tcpi_retrans + i.tcpi_total_retrans, 0);
	assert_int_equal(i.tcpi_snd_ssthresh, 0x7fffffff);
	assert_int_equal(i.tcpi_reordering, 3);
	assert_int_equal(i.tcpi_reord_seen + i.tcpi_dsack_dups + i.tcpi_rcv_ooopack, 0);
	assert_int_equal(i.tcpi_data_segs_in, 1);
	assert_int_equal(i.tcpi_data_segs_out, 1);
	assert_int_equal(i.tcpi_bytes_received, 3);
	assert_int_equal(i.tcpi_bytes_sent, 4);
	assert_int_equal(i.tcpi_bytes_retrans, 0);
	assert_int_equal(i.tcpi_notsent_bytes, 0);
	assert_int_equal(i.tcpi_rcv_mss, 536);
	assert_int_equal(i.tcpi_rwnd_limited + i.tcpi_sndbuf_limited, 0);
	close_pair(&p);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(what_is_left_is_told),
	cmocka_unit_test(memory_comes_back),
	cmocka_unit_test(unsent_text_is_bounded),
	cmocka_unit_test(quiet_connection_is_told_of),
};

const struct test_table semantics_told = TEST_TABLE(tests);
