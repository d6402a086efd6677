/* The window that we tell: RFC 9293 §3.8.6.2.2 and RFC 7323 §2, against a user who reads as he likes. */
#include "random.h"
#include "sender.h"
#include "transport/tcp/output.h"
#include "transport/tcp/window.h"

#define MSS 1460

static struct env env;
static struct tcp tcp = { .env = &env };

/* A connection as far as the window looks at it. */
static struct tcp_conn receiver(uint32_t buffer, uint8_t scale)
{
	return (struct tcp_conn){ .tcp = &tcp,
				  .state = STATE_ESTABLISHED,
				  .set = { .receive_buffer = buffer },
				  .rcv_scale = scale,
				  .mss = MSS };
}

/* Tell the window, as output.c does. What the field can say of it. */
static uint32_t tell(struct tcp_conn *c)
{
	uint32_t window = pb_tcp_window(c);

	assert_int_equal(window & ((1u << c->rcv_scale) - 1), 0);
	assert_true(window >> c->rcv_scale <= UINT16_MAX);
	c->rcv_adv = seq_max(c->rcv_adv, seq_add(c->rcv_nxt, window));
	return window;
}

static void receive(struct tcp_conn *c, uint32_t n)
{
	c->rcv_nxt = seq_add(c->rcv_nxt, n);
	c->recvq.packets.bytes += n;
}

static void empty_buffer_is_told(void **state)
{
	struct tcp_conn c = receiver(60000, 0), scaled = receiver(1 << 20, 5);

	(void)state;
	assert_int_equal(tell(&c), 60000);
	assert_int_equal(tell(&scaled), 1 << 20);
}

static void edge_stays_until_a_segment_fits(void **state)
{
	struct tcp_conn c = receiver(60000, 0);

	(void)state;
	tell(&c);
	receive(&c, 60000);
	assert_int_equal(tell(&c), 0);
	c.recvq.packets.bytes -= MSS - 1;
	assert_int_equal(tell(&c), 0);
	assert_false(pb_tcp_window_update_due(&c));
	c.recvq.packets.bytes--;
	assert_true(pb_tcp_window_update_due(&c));
	assert_int_equal(tell(&c), MSS);
	assert_false(pb_tcp_window_update_due(&c));
}

/* Fr is 1/2: in a small buffer half of it is worth telling. */
static void small_buffer(void **state)
{
	struct tcp_conn c = receiver(1000, 0);

	(void)state;
	tell(&c);
	receive(&c, 1000);
	c.recvq.packets.bytes -= 499;
	assert_int_equal(tell(&c), 0);
	c.recvq.packets.bytes--;
	assert_int_equal(tell(&c), 500);
}

/* A smaller buffer draws nothing back: RFC 9293 SHLD-14. */
static void smaller_buffer_keeps_the_edge(void **state)
{
	struct tcp_conn c = receiver(60000, 0);

	(void)state;
	tell(&c);
	c.set.receive_buffer = 5000;
	assert_int_equal(tell(&c), 60000);
	receive(&c, 4000);
	assert_int_equal(tell(&c), 56000);
}

/* What is told, and the edge that we keep: not beyond the buffer by a unit, not drawn back by one. */
static void any_user(uint64_t seed)
{
	struct random random = { seed };
	uint32_t buffer = 1000 + (uint32_t)random_magnitude(&random, 24);
	uint8_t scale = pb_tcp_scale_announce(buffer);
	uint32_t unit = 1u << scale, edge = 0;
	struct tcp_conn c = receiver(buffer, scale);

	for (int i = 0; i < 3000; i++) {
		uint32_t window = tell(&c), promised = c.rcv_adv.v - c.rcv_nxt.v;
		uint32_t read = (uint32_t)random_magnitude(&random, 24);
		if (c.recvq.packets.bytes + window >= buffer + unit ||
		    c.recvq.packets.bytes + promised >= buffer + 2 * unit)
			fail_msg("PACKETBOAT_SEED=%llu: promises more than the buffer",
				 (unsigned long long)seed);
		if ((int32_t)(c.rcv_nxt.v + window - edge) <= -(int32_t)unit)
			fail_msg("PACKETBOAT_SEED=%llu: draws the edge back", (unsigned long long)seed);
		edge = c.rcv_adv.v;
		receive(&c, (uint32_t)random_below(&random, window + 1));
		if (random_below(&random, 2))
			c.recvq.packets.bytes -= read < c.recvq.packets.bytes ? read : c.recvq.packets.bytes;
	}
}

static void any_users(void **state)
{
	struct seeds seeds = seeds_to_try(200);

	(void)state;
	for (uint64_t seed = seeds.first; seed < seeds.end; seed++)
		any_user(seed);
}

/* RFC 9293 §3.10.7.4: an older segment's window counts no more. */
static void older_windows_are_not_taken(void **state)
{
	struct sender s;
	struct segment old = {
		.h = {.flags = TCP_ACK, .seq = 1000, .window = 10}
	};

	(void)state;
	sender_begin(&s);
	s.window = 5000;
	sender_ack(&s, 0);
	assert_int_equal(s.c->snd_wnd, 5000);
	old.h.ack = s.start;
	harness_inject(&s.h, &old);
	assert_int_equal(s.c->snd_wnd, 5000);
	assert_int_equal(s.c->snd_wnd_max, 65535);
	sender_end(&s);
}

/*
 * RFC 7323 §2.4: rounded down to units of 1024, the edge seems to be at 31744, less than what was sent when it was told
 * as 32768: the peer has received that, and takes no ACK for one that is not numbered behind it. Two who would number
 * theirs by the edge could not tell each other anything any more.
 */
static void acks_are_numbered_behind_what_was_sent(void **state)
{
	struct tcp_conn c = {
		.state = STATE_ESTABLISHED, .snd_scale = 10, .snd_wnd = 31744, .snd_max = { 32700 }
	};

	(void)state;
	assert_int_equal(tcp_bare_seq(&c).v, 32700);
	c.snd_max.v = 30000;
	assert_int_equal(tcp_bare_seq(&c).v, 30000);
	c.snd_max.v = 31744 + 1024; /* it was really drawn back */
	assert_int_equal(tcp_bare_seq(&c).v, 31744);
	c.snd_scale = 0;
	c.snd_max.v = 31745;
	assert_int_equal(tcp_bare_seq(&c).v, 31744);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_buffer_is_told),
		cmocka_unit_test(edge_stays_until_a_segment_fits),
		cmocka_unit_test(small_buffer),
		cmocka_unit_test(smaller_buffer_keeps_the_edge),
		cmocka_unit_test(any_users),
		cmocka_unit_test(older_windows_are_not_taken),
		cmocka_unit_test(acks_are_numbered_behind_what_was_sent),
	};

	env.pool = pb_pool_new(1 << 20);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	pb_pool_free(env.pool);
	return failed;
}
