/* What a handshake agrees on, and what TCP_INFO tells of it. */
#include "harness.h"

#include <linux/tcp.h>

static struct harness h;
static struct tcp_listener *l;

static int begin(void **state)
{
	(void)state;
	harness_begin(&h, 1, NULL);
	l = harness_listen(&h, 16);
	return 0;
}

static void end(struct tcp_conn *c)
{
	pb_tcp_close(c, true);
	pb_tcp_listener_close(l);
	harness_forget(&h);
	harness_end(&h);
}

/* RFC 9293 §3.7.1: the peer's MSS, our path, and the options that are in each segment. */
static void segment_size(void **state)
{
	static const struct {
		uint32_t path_mtu;
		uint16_t peer_mss, user_mss;
		bool timestamps;
		uint16_t mss;
	} cases[] = {
		{1500,   1460,  0,    false, 1460 },
                { 1500,  1460,  0,    true,  1448 },
		{ 1500,  65495, 0,    false, 1460 },
                { 9000,  1460,  0,    false, 1460 },
		{ 9000,  8960,  1000, false, 1000 },
                { 576,   1460,  0,    false, 536  },
		{ 1500,  0,     0,    false, 536  }, /* MUST-15 */
		{ 1500,  1,     0,    false, 48   }, /* CVE-2019-11479 */
		{ 1500,  1,     0,    true,  36   },
                { 65535, 65535, 0,    false, 65495},
	};
	uint32_t theirs;
	struct tcp_conn *c = harness_accept(&h, l, &theirs);

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tcp_options o = { .mss = cases[i].peer_mss, .has_timestamp = cases[i].timestamps };
		c->path.mtu = cases[i].path_mtu;
		c->set.max_segment = cases[i].user_mss;
		pb_tcp_conn_agree(c, &o);
		assert_int_equal(c->mss, cases[i].mss);
		assert_int_equal(c->congestion.mss, cases[i].mss);
		assert_true(c->congestion.cwnd >= cases[i].mss);
	}
	end(c);
}

/* RFC 7323 §2.3: the smallest that lets the field say the whole buffer, 14 at most. */
static void window_scale(void **state)
{
	static const struct {
		uint32_t buffer;
		uint8_t scale;
	} cases[] = {
		{0,            0 },
                { 4608,        0 },
                { 65535,       0 },
                { 65536,       1 },
                { 131070,      1 },
		{ 131071,      2 },
                { 1024 * 1024, 5 },
                { 0x3fffc000,  14},
                { UINT32_MAX,  14},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(pb_tcp_scale_announce(cases[i].buffer), cases[i].scale);
	pb_tcp_listener_close(l);
	harness_end(&h);
}

/* RFC 6691: options are not taken off what is announced; the user's wish is. */
static void announce(void **state)
{
	struct tcp_settings set = pb_tcp_settings_default;
	struct ip_path path = { .iface = &h.iface, .mtu = 600, .dst = harness_ip("198.51.100.1") };

	(void)state;
	assert_int_equal(pb_tcp_mss_announce(&set, &path),
			 1460); /* what we can receive is no path's matter */
	path.dst = harness_ip("2001:db8::1");
	assert_int_equal(pb_tcp_mss_announce(&set, &path), 1440);
	set.max_segment = 1000;
	assert_int_equal(pb_tcp_mss_announce(&set, &path), 1000);
	set.max_segment = 2000;
	assert_int_equal(pb_tcp_mss_announce(&set, &path), 1440);
	pb_tcp_listener_close(l);
	harness_end(&h);
}

/* Above 14 is read as 14; and without the option neither side scales. */
static void peer_scale(void **state)
{
	uint32_t theirs;
	struct tcp_conn *c = harness_accept(&h, l, &theirs);

	(void)state;
	assert_int_equal(c->snd_scale | c->rcv_scale, 0);
	c->rcv_scale = 10;
	pb_tcp_conn_agree(c, &(struct tcp_options){ .has_window_scale = true, .window_scale = 7 });
	assert_int_equal(c->snd_scale, 7);
	assert_int_equal(c->rcv_scale, 10); /* what was announced */
	pb_tcp_conn_agree(c, &(struct tcp_options){ .has_window_scale = true, .window_scale = 255 });
	assert_int_equal(c->snd_scale, 14);
	c->snd_scale = c->rcv_scale = 0;
	end(c);
}

static void info(void **state)
{
	struct segment s = {
		.h = {.flags = TCP_ACK, .seq = 1001, .window = 60000},
                  .text_len = 100
	};
	struct tcp_info i;
	static char text[5000];
	uint32_t theirs;
	struct tcp_conn *c = harness_accept(&h, l, &theirs);

	(void)state;
	harness_run(&h, PB_MSEC(500));
	assert_int_equal(pb_tcp_send(c, &(struct iovec){ text, 1460 }, 1, 0), 1460);
	harness_run(&h, PB_MSEC(20));
	s.h.ack = theirs + 1460;
	harness_inject(&h, &s);
	assert_int_equal(pb_tcp_send(c, &(struct iovec){ text, sizeof text }, 1, 0), sizeof text);
	pb_tcp_info(c, &i);
	assert_int_equal(i.tcpi_state, 1); /* Linux's TCP_ESTABLISHED */
	assert_int_equal(i.tcpi_snd_mss, 1460);
	assert_int_equal(i.tcpi_options, 0);
	assert_int_equal(i.tcpi_unacked, 4);
	assert_int_equal(i.tcpi_bytes_acked, 1460);
	assert_int_equal(i.tcpi_bytes_received, 100);
	assert_int_equal(i.tcpi_pmtu, 1500);
	assert_in_range(i.tcpi_rtt, 1000, 20000);
	assert_in_range(i.tcpi_rto, 200000, 1000000);
	assert_in_range(i.tcpi_snd_cwnd, 10, 20);
	assert_int_equal(i.tcpi_snd_wnd, 60000);
	assert_int_equal(i.tcpi_last_data_sent, 0);
	assert_int_equal(i.tcpi_last_data_recv, 0);
	assert_int_equal(i.tcpi_total_retrans, 0);
	end(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(segment_size, begin), cmocka_unit_test_setup(window_scale, begin),
		cmocka_unit_test_setup(announce, begin),     cmocka_unit_test_setup(peer_scale, begin),
		cmocka_unit_test_setup(info, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
