/* ICMP echo to an address of our own (RFC 792, RFC 4443 4), by datagram and raw sockets, where these are permitted. */
#include "base/checksum.h"
#include "semantics.h"
#include "skip.h"

#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>

#define ID       0x7062
#define TEXT     "anybody there?"
#define ECHO_LEN (8 + sizeof TEXT)

/* The same eight bytes in both families: type, code, checksum, identifier, sequence number. */
static void make_request(uint8_t *request, bool v6, uint8_t sequence)
{
	const uint8_t header[8] = {
		v6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO, 0, 0, 0, ID >> 8, ID & 0xff, 0, sequence
	};

	memcpy(request, header, 8);
	memcpy(request + 8, TEXT, sizeof TEXT);
	uint16_t checksum =
		v6 ? 0 : pb_checksum(request, ECHO_LEN); /* ICMPv6's is the net's to fill in: RFC 3542 3.1 */
	request[2] = (uint8_t)(checksum >> 8);
	request[3] = (uint8_t)checksum;
}

/* Receive until the reply to our request comes; a raw socket hears everybody's ICMP, with the header of IPv4. */
static void expect_reply(struct world *w, struct pb_socket *s, const union pb_addr *from, bool raw,
			 uint8_t sequence)
{
	const bool v6 = from->sa.sa_family == AF_INET6;
	const uint8_t *reply;
	uint8_t buf[512];
	size_t skip;

	do {
		union pb_addr source = { 0 };
		socklen_t len = sizeof source;
		assert_true(wait_for(w, s, POLLIN));
		ssize_t n = pb_recvfrom(s, buf, sizeof buf, 0, &source.sa, &len);
		skip = raw && !v6 ? (buf[0] & 0xfu) * 4 : 0;
		reply = buf + skip;
		assert_true(n >= (ssize_t)(skip + 8));
		if (reply[0] == (v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY) && reply[7] == sequence) {
			assert_int_equal(n, skip + ECHO_LEN);
			assert_memory_equal(reply + 8, TEXT, sizeof TEXT);
			pb_addr_set_port(&source, 0);
			assert_true(pb_addr_equal(&source, from));
			return;
		}
	} while (true);
}

/* False: this net permits us no such sockets. */
static bool echo(struct world *w, int type)
{
	bool asked = false;

	each_family (w, at) {
		const bool v6 = at->sa.sa_family == AF_INET6;
		struct pb_socket *s;
		uint8_t request[ECHO_LEN];
		int rc = pb_socket_open(w->net, at->sa.sa_family, type, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
					&s);
		if (rc == -EACCES || rc == -EPERM)
			continue;
		assert_int_equal(rc, 0);
		asked = true;
		for (uint8_t sequence = 1; sequence <= 3; sequence++) {
			make_request(request, v6, sequence);
			assert_int_equal(pb_sendto(s, request, sizeof request, 0, &at->sa, pb_addr_len(at)),
					 sizeof request);
			expect_reply(w, s, at, type == SOCK_RAW, sequence);
		}
		pb_close(s);
	}
	return asked;
}

static void echo_by_datagram_socket(void **state)
{
	if (!echo(*state, SOCK_DGRAM))
		SKIP("this net permits us no such sockets");
}

static void echo_by_raw_socket(void **state)
{
	if (!echo(*state, SOCK_RAW))
		SKIP("this net permits us no such sockets");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(echo_by_datagram_socket),
	cmocka_unit_test(echo_by_raw_socket),
};

const struct test_table semantics_echo = TEST_TABLE(tests);
