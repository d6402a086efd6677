/* Explicit congestion notification, by the sections of RFC 3168. */
#include "sender.h"
#include "transport/tcp/flight.h"
#include "transport/tcp/output.h"

#include <errno.h>

#include <linux/tcp.h>
#include <poll.h>

#define MSS       SENDER_MSS
#define ECN_FLAGS (TCP_ECE | TCP_CWR | TCP_AE)

static struct sender s;
static struct harness *h = &s.h;

/*
 * -- §6.1.1: the handshake
 */

static void begin_stack(enum ecn_kind accepted, enum ecn_kind asked)
{
	const struct tcp_limits limits = { .ecn_accepted = accepted, .ecn_asked = asked };

	s = (struct sender){ .window = 65535 };
	harness_begin(h, 1, &limits);
	s.l = harness_listen(h, 16);
}

/* The flags with which a SYN is answered. */
static uint16_t answer_to(uint16_t flags, uint8_t tos)
{
	struct segment syn = {
		.h = {.seq = 1000, .window = 65535}, .tos = tos
	}, sent;

	syn.h.flags = TCP_SYN | flags;
	harness_inject(h, &syn);
	assert_true(harness_sent(h, &sent, NULL));
	assert_int_equal(sent.h.flags & ~ECN_FLAGS, TCP_SYN | TCP_ACK);
	assert_int_equal(sent.tos, 0);
	s.start = sent.h.seq + 1;
	return sent.h.flags & ECN_FLAGS;
}

/* A SYN-ACK says ECE if the SYN says both, and nobody on the way has written into the ECN field. */
static void answers_a_setup_syn_alone(void **state)
{
	(void)state;
	for (unsigned accepted = ECN_NONE; accepted <= ECN_CLASSIC; accepted++)
		for (unsigned flags = 0; flags < 8; flags++)
			for (uint8_t tos = 0; tos < 4; tos++) {
				bool asks = (flags & 3) == 3 && tos == ECN_NOT_ECT;
				begin_stack(accepted, ECN_NONE);
				uint16_t answer = answer_to((uint16_t)(flags * TCP_ECE), tos);
				assert_int_equal(answer, asks && accepted == ECN_CLASSIC ? TCP_ECE : 0);
				sender_end(&s);
			}
}

/* A call of ours; its SYN's flags. */
static uint16_t call(void)
{
	struct tcp_settings set = pb_tcp_settings_default;
	struct ip to = harness_ip("198.51.100.1");
	struct segment sent;

	set.congestion = &pb_tcp_newreno;
	assert_int_equal(pb_tcp_connect(h->tcp, &set, NULL, &to, HARNESS_PEER, &s, &s.c), 0);
	assert_true(harness_sent(h, &sent, NULL));
	s.start = sent.h.seq + 1;
	return sent.h.flags & ECN_FLAGS;
}

/* The SYN or SYN-ACK of the peer. */
static void answer_with(uint16_t flags)
{
	struct segment answer = {
		.h = {.dst_port = s.c->entry.pair.local_port,
                      .seq = 1000,
                      .window = 65535,
                      .options = { .mss = MSS, .sack_permitted = true }}
	};

	answer.h.flags = TCP_SYN | flags;
	answer.h.ack = flags & TCP_ACK ? s.start : 0;
	harness_inject(h, &answer);
}

static void asks_if_it_is_to(void **state)
{
	(void)state;
	begin_stack(ECN_CLASSIC, ECN_NONE);
	assert_int_equal(call(), 0);
	assert_null(s.c->ecn);
	sender_end(&s);
	begin_stack(ECN_CLASSIC, ECN_CLASSIC);
	assert_int_equal(call(), TCP_ECE | TCP_CWR);
	sender_end(&s);
}

/* §6.1.1.2: with all flags reflected the peer has not understood them. */
static void agrees_by_ece_alone(void **state)
{
	(void)state;
	for (unsigned flags = 0; flags < 8; flags++) {
		begin_stack(ECN_CLASSIC, ECN_CLASSIC);
		call();
		answer_with((uint16_t)(TCP_ACK | flags * TCP_ECE));
		assert_int_equal(s.c->ecn != NULL, (flags & 3) == 1);
		harness_forget(h);
		sender_write(&s, 100);
		sender_expect(&s, 0, 100);
		assert_int_equal(s.tos, (flags & 3) == 1 ? ECN_ECT0 : ECN_NOT_ECT);
		sender_end(&s);
	}
}

/* A peer that agrees unasked is not believed. */
static void ece_unasked(void **state)
{
	(void)state;
	begin_stack(ECN_CLASSIC, ECN_NONE);
	call();
	answer_with(TCP_ACK | TCP_ECE);
	assert_null(s.c->ecn);
	sender_end(&s);
}

/* Both call: each SYN asks, each SYN-ACK agrees. */
static void simultaneous_open(void **state)
{
	struct segment sent;

	(void)state;
	for (int asks = 0; asks < 2; asks++) {
		begin_stack(ECN_CLASSIC, ECN_CLASSIC);
		call();
		answer_with(asks ? TCP_ECE | TCP_CWR : 0);
		assert_true(harness_sent(h, &sent, NULL));
		assert_int_equal(sent.h.flags, TCP_SYN | TCP_ACK | (asks ? TCP_ECE : 0));
		assert_int_equal(s.c->ecn != NULL, asks);
		sender_end(&s);
	}
}

/*
 * §6.1.1.1: the SYN is lost, perhaps because of its flags: the next ones have none. If the peer has got the first
 * nevertheless, what we send is not ECT, but what comes marked is echoed.
 */
static void falls_back(void **state)
{
	struct segment sent, text = {
		.h = {.flags = TCP_ACK, .seq = 1001, .window = 65535},
                  .text_len = 100, .tos = ECN_CE
	};

	(void)state;
	begin_stack(ECN_CLASSIC, ECN_CLASSIC);
	assert_int_equal(call(), TCP_ECE | TCP_CWR);
	for (int i = 0; i < 3; i++) {
		harness_run(h, s.c->rtt.rto);
		assert_true(harness_sent(h, &sent, NULL));
		assert_int_equal(sent.h.flags, TCP_SYN);
	}
	answer_with(TCP_ACK | TCP_ECE);
	harness_forget(h);
	sender_write(&s, 100);
	sender_expect(&s, 0, 100);
	assert_int_equal(s.tos, ECN_NOT_ECT);
	text.h.dst_port = s.c->entry.pair.local_port;
	text.h.ack = s.start;
	harness_inject(h, &text);
	assert_true(harness_sent(h, &sent, NULL));
	assert_int_equal(sent.h.flags, TCP_ACK | TCP_ECE);
	pb_tcp_recvq_clear(&s.c->recvq);
	sender_end(&s);
}

/* The listener's part in that: both SYNs have come. */
/* §6.1.1.1: a reset answers a SYN with flags, perhaps because of them: it is sent without at once, and once only. */
static void reset_for_its_flags(void **state)
{
	static const enum ecn_kind kinds[] = { ECN_CLASSIC, ECN_ACCURATE };
	struct segment sent, reset = { .h = { .flags = TCP_RST | TCP_ACK } };

	(void)state;
	for (int i = 0; i < 2; i++) {
		begin_stack(ECN_CLASSIC, kinds[i]);
		assert_true(call() & TCP_ECE);
		reset.h.dst_port = s.c->entry.pair.local_port;
		reset.h.ack = s.start;
		harness_inject(h, &reset);
		assert_true(harness_sent(h, &sent, NULL));
		assert_int_equal(sent.h.flags, TCP_SYN);
		assert_int_equal(sent.h.seq + 1, s.start);
		answer_with(TCP_ACK | TCP_ECE);
		assert_null(s.c->ecn);
		harness_forget(h);
		sender_write(&s, 100);
		sender_expect(&s, 0, 100);
		assert_int_equal(s.tos, ECN_NOT_ECT);
		sender_end(&s);
	}
}

/* Nor are flags the reason where there are none any more. */
static void reset_again(void **state)
{
	struct segment sent, reset = { .h = { .flags = TCP_RST | TCP_ACK } };

	(void)state;
	for (int lost = 0; lost < 2; lost++) {
		begin_stack(ECN_CLASSIC, ECN_CLASSIC);
		call();
		reset.h.dst_port = s.c->entry.pair.local_port;
		reset.h.ack = s.start;
		if (lost) /* and the next had none */
			harness_run(h, s.c->rtt.rto);
		else
			harness_inject(h, &reset);
		assert_true(harness_sent(h, &sent, NULL));
		assert_int_equal(sent.h.flags, TCP_SYN);
		harness_inject(h, &reset);
		assert_int_equal(s.c->state, STATE_CLOSED);
		assert_int_equal(s.c->error, ECONNREFUSED);
		sender_end(&s);
	}
}

static void called_again_without(void **state)
{
	(void)state;
	begin_stack(ECN_CLASSIC, ECN_NONE);
	assert_int_equal(answer_to(TCP_ECE | TCP_CWR, 0), TCP_ECE);
	assert_int_equal(answer_to(TCP_ECE | TCP_CWR, 0), TCP_ECE);
	assert_int_equal(answer_to(0, 0), 0);
	assert_int_equal(answer_to(TCP_ECE | TCP_CWR, 0), 0);
	sender_ack(&s, 0);
	s.c = pb_tcp_accept(s.l, &s);
	assert_null(s.c->ecn);
	sender_end(&s);
}

/* A SYN-ACK that is sent again agrees again. */
static void agrees_again(void **state)
{
	struct segment sent;

	(void)state;
	begin_stack(ECN_CLASSIC, ECN_NONE);
	answer_to(TCP_ECE | TCP_CWR, 0);
	harness_run(h, PB_SEC(2));
	assert_true(harness_sent(h, &sent, NULL));
	assert_int_equal(sent.h.flags, TCP_SYN | TCP_ACK | TCP_ECE);
	sender_end(&s);
}

/* With a cookie ECN comes back in the timestamp; without one there is no room for it, and none is agreed to. */
static void cookies_keep_it(void **state)
{
	(void)state;
	for (int stamps = 0; stamps < 2; stamps++)
		for (int asks = 0; asks < 2; asks++) {
			struct segment syn = {
				.h = {.seq = 1000, .window = 65535,
				      .options = {.mss = MSS, .has_timestamp = stamps, .ts_value = 7}}
			}, sent;
			begin_stack(ECN_CLASSIC, ECN_NONE);
			h->tcp->limits.syns_max = 0;
			syn.h.flags = TCP_SYN | (asks ? TCP_ECE | TCP_CWR : 0);
			harness_inject(h, &syn);
			assert_true(harness_sent(h, &sent, NULL));
			assert_int_equal(h->env.counters.tcp.SyncookiesSent, 1);
			assert_int_equal(sent.h.flags, TCP_SYN | TCP_ACK | (stamps && asks ? TCP_ECE : 0));
			syn.h.flags = TCP_ACK;
			syn.h.seq = 1001;
			syn.h.ack = sent.h.seq + 1;
			syn.h.options.ts_echo = sent.h.options.ts_value;
			harness_inject(h, &syn);
			s.c = pb_tcp_accept(s.l, &s);
			assert_non_null(s.c);
			assert_int_equal(s.c->ecn != NULL, stamps && asks);
			sender_end(&s);
		}
}

/*
 * -- §6.1.2, §6.1.4 to §6.1.6: what is ECT
 */

static int begin(void **state)
{
	(void)state;
	sender_begin_with_ecn(&s);
	return 0;
}

static int end(void **state)
{
	(void)state;
	if (s.c)
		pb_tcp_recvq_clear(&s.c->recvq);
	harness_forget(h);
	sender_end(&s);
	return 0;
}

/* The next segment that is sent. */
static struct segment sent(void)
{
	struct segment out;

	assert_true(harness_sent(h, &out, NULL));
	return out;
}

static void new_text_is(void **state)
{
	(void)state;
	sender_write(&s, 3 * MSS); /* a super-segment: all of it */
	sender_expect(&s, 0, 3 * MSS);
	assert_int_equal(s.tos, ECN_ECT0);
	sender_write(&s, 10);
	sender_expect(&s, 3 * MSS, 10);
	assert_int_equal(s.tos, ECN_ECT0);
}

static void what_is_sent_again_is_not(void **state)
{
	(void)state;
	sender_write(&s, 4 * MSS);
	harness_forget(h);
	harness_run(h, s.c->rtt.rto);
	struct segment again = sent();
	assert_int_equal(again.h.seq, s.start + 3 * MSS); /* the probe of the tail */
	assert_int_equal(again.tos, ECN_NOT_ECT);
	harness_forget(h);
	SACK(&s, 0, MSS, 4 * MSS);
	sender_expect(&s, 0, MSS);
	assert_int_equal(s.tos, ECN_NOT_ECT);
}

static void what_has_no_text_is_not(void **state)
{
	struct segment text = {
		.h = {.flags = TCP_ACK, .seq = 1001, .ack = s.start, .window = 65535},
		.text_len = 100,
		.tos = ECN_ECT0
	};

	(void)state;
	harness_inject(h, &text);
	assert_int_equal(sent().tos, ECN_NOT_ECT);
	pb_tcp_send_keepalive(s.c);
	assert_int_equal(sent().tos, ECN_NOT_ECT);
	pb_tcp_recvq_clear(&s.c->recvq);
	pb_tcp_shutdown(s.c, SHUT_WR);
	struct segment fin = sent();
	assert_int_equal(fin.h.flags & TCP_FIN, TCP_FIN);
	assert_int_equal(fin.tos, ECN_NOT_ECT);
}

static void a_probe_of_a_window_is_not(void **state)
{
	(void)state;
	s.window = 0;
	sender_ack(&s, 0);
	sender_write(&s, 100);
	harness_run(h, s.c->rtt.rto + PB_SEC(1));
	sender_expect(&s, 0, 1);
	assert_int_equal(s.tos, ECN_NOT_ECT);
}

static void dscp_is_the_users(void **state)
{
	(void)state;
	s.c->set.tos = 0xb8;
	sender_write(&s, 100);
	sender_expect(&s, 0, 100);
	assert_int_equal(s.tos, 0xb8 | ECN_ECT0);
	pb_tcp_send_ack(s.c);
	assert_int_equal(sent().tos, 0xb8);
}

/*
 * -- §6.1.3: the receiver
 */

static uint32_t heard; /* bytes of the peer's text */

/* Text of the peer's comes; the flags of the ACK of it. */
static uint16_t hear(uint8_t codepoint, uint16_t flags)
{
	struct segment text = {
		.h = {.seq = 1001 + heard, .ack = s.start, .window = 65535},
		.text_len = 100,
		.tos = codepoint
	};

	text.h.flags = TCP_ACK | flags;
	heard += 100;
	s.c->quick_acks = TCP_QUICK_ACKS;
	s.c->interactive = false;
	harness_inject(h, &text);
	return sent().h.flags;
}

static int begin_hearing(void **state)
{
	heard = 0;
	return begin(state);
}

static void echoes_until_cwr(void **state)
{
	(void)state;
	assert_int_equal(hear(ECN_ECT0, 0), TCP_ACK);
	assert_int_equal(hear(ECN_CE, 0), TCP_ACK | TCP_ECE);
	assert_int_equal(hear(ECN_ECT0, 0), TCP_ACK | TCP_ECE);
	assert_int_equal(hear(ECN_NOT_ECT, 0), TCP_ACK | TCP_ECE);
	sender_write(&s, 100); /* in text, too */
	assert_int_equal(sender_expect(&s, 0, 100), TCP_ACK | TCP_PSH | TCP_ECE);
	assert_int_equal(hear(ECN_ECT0, TCP_CWR), TCP_ACK);
	assert_int_equal(hear(ECN_ECT1, 0), TCP_ACK);
	assert_int_equal(hear(ECN_CE, 0), TCP_ACK | TCP_ECE);
	assert_int_equal(hear(ECN_CE, TCP_CWR), TCP_ACK | TCP_ECE); /* a mark that is newer than the answer */
}

/* A delayed ACK echoes what any of the segments said; one of a mark is not delayed. */
static void echoes_at_once(void **state)
{
	(void)state;
	s.c->quick_acks = 0;
	struct segment text = {
		.h = {.flags = TCP_ACK, .seq = 1001, .ack = s.start, .window = 65535},
		.text_len = 100,
		.tos = ECN_ECT0
	};
	harness_inject(h, &text);
	sender_expect_silence(&s);
	text.h.seq += 100;
	text.tos = ECN_CE;
	harness_inject(h, &text);
	assert_int_equal(sent().h.flags, TCP_ACK | TCP_ECE);
	text.h.seq += 100;
	text.h.flags = TCP_ACK | TCP_CWR;
	text.tos = ECN_ECT0;
	s.c->quick_acks = 0;
	harness_inject(h, &text); /* whoever reduced his window may be waiting for just this */
	assert_int_equal(sent().h.flags, TCP_ACK);
}

/* §6.1.4: of an ACK, and §6.1.5: of what is outside of the window, a mark says nothing. */
static void echoes_text_in_the_window_alone(void **state)
{
	struct segment ack = {
		.h = {.flags = TCP_ACK, .seq = 1001, .ack = s.start, .window = 65535},
                  .tos = ECN_CE
	};

	(void)state;
	harness_inject(h, &ack);
	ack.text_len = 10;
	ack.h.seq = 1001 - 10;
	harness_inject(h, &ack);
	assert_int_equal(sent().h.flags, TCP_ACK);
	ack.h.seq = s.c->rcv_adv.v;
	harness_inject(h, &ack);
	assert_int_equal(sent().h.flags, TCP_ACK);
	assert_int_equal(hear(ECN_ECT0, 0), TCP_ACK);
}

/* Text ahead of a gap was marked like any other. */
static void echoes_text_ahead(void **state)
{
	(void)state;
	heard = 100;
	assert_int_equal(hear(ECN_CE, 0), TCP_ACK | TCP_ECE);
}

/* Nobody who did not agree to it gets an ECE. */
static void without_it_nothing_is_echoed(void **state)
{
	(void)state;
	heard = 0;
	sender_begin_with_sack(&s);
	assert_int_equal(hear(ECN_CE, 0), TCP_ACK);
	pb_tcp_recvq_clear(&s.c->recvq);
	sender_end(&s);
}

/* Nor does ours stop for one. */
static void without_it_no_window_is_reduced(void **state)
{
	(void)state;
	sender_begin_with_sack(&s);
	uint32_t cwnd = s.c->congestion.cwnd;
	sender_write(&s, 4 * MSS);
	harness_forget(h);
	s.flags = TCP_ECE;
	sender_ack(&s, 2 * MSS);
	assert_true(s.c->congestion.cwnd >= cwnd);
	sender_end(&s);
}

/*
 * -- §6.1.2: the sender
 */

static uint32_t cwnd(void)
{
	return s.c->congestion.cwnd;
}

/* Ten segments in flight, and more to send. */
static void fill(void)
{
	assert_int_equal(cwnd(), 10 * MSS);
	sender_write(&s, 60 * MSS);
	harness_forget(h);
}

static void ack_marked(uint32_t upto)
{
	s.flags = TCP_ECE;
	sender_ack(&s, upto);
	s.flags = 0;
}

/* How many segments have CWR, of those sent since; where the last was. */
static unsigned count_cwr(uint32_t *where)
{
	struct segment out;
	unsigned n = 0;

	while (harness_sent(h, &out, NULL))
		if (out.h.flags & TCP_CWR) {
			assert_true(out.text_len > 0);
			*where = out.h.seq - s.start;
			n++;
		}
	return n;
}

/* Half of the window, reached in proportion to what is delivered, over one round trip; then it opens again. */
static void reduces_once_a_window(void **state)
{
	uint32_t where = 0;

	(void)state;
	fill();
	ack_marked(MSS);
	assert_int_equal(s.c->congestion.ssthresh, 5 * MSS);
	assert_int_equal(h->env.counters.tcp.EcnReductions, 1);
	for (uint32_t i = 2; i <= 10; i++) {
		ack_marked(i * MSS);
		assert_true(tcp_flight(s.c) <= (11 - i / 2) * MSS);
	}
	assert_int_equal(h->env.counters.tcp.EcnReductions, 1);
	assert_int_equal(s.c->congestion.ssthresh, 5 * MSS);
	assert_in_range(tcp_flight(s.c), 4 * MSS, 5 * MSS);
	assert_int_equal(count_cwr(&where), 1);
	assert_int_equal(where, 10 * MSS); /* the first new one */
	sender_ack(&s, 11 * MSS);
	assert_false(s.c->ecn->reducing);
	assert_int_equal(cwnd(), 5 * MSS);
	assert_int_equal(count_cwr(&where), 0);
	for (uint32_t i = 12; i <= 17; i++)
		sender_ack(&s, i * MSS);
	assert_int_equal(cwnd(), 6 * MSS);
}

/* The peer has heard CWR, and tells of another mark. */
static void reduces_again(void **state)
{
	uint32_t where = 0;

	(void)state;
	fill();
	ack_marked(MSS);
	sender_ack(&s, 10 * MSS);
	harness_forget(h);
	ack_marked(11 * MSS);
	assert_int_equal(h->env.counters.tcp.EcnReductions, 2);
	assert_int_equal(s.c->congestion.ssthresh, 5 * MSS / 2);
	for (uint32_t i = 12; i <= 20; i++)
		sender_ack(&s, i * MSS);
	assert_int_equal(count_cwr(&where), 1);
}

/* As long as nothing behind what was in flight is acknowledged, CWR may not have arrived. */
static void is_the_same_mark_until_cwr_has_arrived(void **state)
{
	(void)state;
	fill();
	ack_marked(MSS);
	ack_marked(10 * MSS);
	assert_int_equal(h->env.counters.tcp.EcnReductions, 1);
	assert_true(s.c->ecn->reducing);
	ack_marked(11 * MSS);
	assert_int_equal(h->env.counters.tcp.EcnReductions, 2);
}

/* What is not in flight cannot be marked. */
static void ece_for_nothing(void **state)
{
	(void)state;
	sender_write(&s, MSS);
	sender_ack(&s, MSS);
	ack_marked(MSS);
	assert_int_equal(h->env.counters.tcp.EcnReductions, 0);
	sender_write(&s, MSS);
	ack_marked(MSS);
	assert_int_equal(h->env.counters.tcp.EcnReductions, 1);
}

/* A window in which something was marked and something is lost is reduced for one of them. */
static void mark_then_loss(void **state)
{
	(void)state;
	fill();
	ack_marked(MSS);
	SACK(&s, MSS, 2 * MSS, 6 * MSS);
	assert_true(s.c->in_recovery);
	assert_false(s.c->ecn->reducing);
	assert_int_equal(s.c->congestion.ssthresh, 5 * MSS);
	sender_ack(&s, s.c->recover.v - s.start);
	assert_false(s.c->in_recovery);
	assert_int_equal(s.c->congestion.ssthresh, 5 * MSS);
	assert_int_equal(h->env.counters.tcp.EcnReductions, 1);
}

static void loss_then_mark(void **state)
{
	uint32_t where = 0;

	(void)state;
	fill();
	SACK(&s, 0, MSS, 5 * MSS);
	assert_true(s.c->in_recovery);
	uint32_t ssthresh = s.c->congestion.ssthresh;
	s.flags = TCP_ECE;
	for (uint32_t i = 6; i <= 10; i++)
		SACK(&s, 0, MSS, i * MSS);
	s.flags = 0;
	assert_int_equal(s.c->congestion.ssthresh, ssthresh);
	assert_int_equal(h->env.counters.tcp.EcnReductions, 0);
	assert_int_equal(count_cwr(&where),
			 1); /* for the loss: the first new text, and not what is sent again */
	assert_int_equal(where, 10 * MSS);
	ack_marked(10 * MSS); /* the end of the recovery, and CWR still on its way */
	assert_int_equal(h->env.counters.tcp.EcnReductions, 0);
	assert_int_equal(s.c->congestion.ssthresh, ssthresh);
}

static void without_sack(struct sender *sender)
{
	sender->c->has_sack = false;
}

static void loss_without_sack(void **state)
{
	uint32_t where = 0;

	(void)state;
	without_sack(&s);
	fill();
	for (int i = 0; i < 6; i++)
		ack_marked(0);
	assert_true(s.c->in_recovery);
	sender_ack(&s, 10 * MSS);
	assert_int_equal(h->env.counters.tcp.EcnReductions,
			 1); /* the first duplicate's mark: before the loss was found */
	assert_int_equal(s.c->congestion.ssthresh, 5 * MSS);
	assert_int_equal(count_cwr(&where), 1);
}

static void timeout_tells(void **state)
{
	uint32_t where = 0;

	(void)state;
	without_sack(&s);
	fill();
	harness_run(h, s.c->rtt.rto);
	assert_true(s.c->in_timeout);
	uint32_t ssthresh = s.c->congestion.ssthresh;
	for (uint32_t i = 1; i <= 9; i++)
		ack_marked(i * MSS);
	assert_true(cwnd() > MSS); /* it opens meanwhile */
	assert_int_equal(count_cwr(&where), 1);
	assert_int_equal(where, 10 * MSS); /* new text tells, what is sent again does not */
	assert_int_equal(s.c->congestion.ssthresh, ssthresh);
	assert_int_equal(h->env.counters.tcp.EcnReductions, 0);
}

/* A time-out of what was reduced for a mark halves nothing once more, but begins anew with one segment. */
static void mark_then_timeout(void **state)
{
	(void)state;
	fill();
	ack_marked(MSS);
	harness_run(h, s.c->rtt.rto + PB_SEC(1));
	assert_true(s.c->in_timeout);
	assert_int_equal(s.c->congestion.ssthresh, 5 * MSS);
	assert_int_equal(cwnd(), MSS);
}

/* A recovery for nothing is undone, and no CWR left to tell of it; not if a mark has said the same. */
static void undone(void **state)
{
	(void)state;
	for (int marked = 0; marked < 2; marked++) {
		sender_begin_with_ecn(&s);
		s.c->congestion.ssthresh = 20 * MSS;
		fill();
		s.window = 10 * MSS; /* no new text */
		harness_run(h, SENDER_RTT);
		SACK(&s, 0, MSS, 5 * MSS);
		assert_true(s.c->in_recovery);
		s.flags = marked ? TCP_ECE : 0;
		SACK(&s, 0, MSS, 6 * MSS);
		s.flags = 0;
		s.window = 4 * MSS;
		sender_ack(&s, 6 * MSS);
		SACK(&s, 6 * MSS, 0, MSS); /* what was sent again came twice */
		assert_int_equal(h->env.counters.tcp.SpuriousRecoveries, 1);
		assert_int_equal(s.c->congestion.ssthresh, marked ? 5 * MSS : 20 * MSS);
		assert_int_equal(s.c->ecn->cwr_due, marked);
		harness_forget(h);
		sender_end(&s);
	}
}

/* Sequence numbers go round: what has not been marked for 2 GiB can be marked. */
static void keeps_up(void **state)
{
	(void)state;
	for (uint32_t i = 1; i <= 3; i++) {
		sender_write(&s, MSS);
		sender_ack(&s, i * MSS);
		s.c->snd_una = s.c->snd_nxt = s.c->snd_max = s.c->snd_wl2 = s.c->recover =
			seq_add(s.c->snd_una, UINT32_C(1) << 30);
		s.start += UINT32_C(1) << 30;
	}
	sender_write(&s, MSS);
	ack_marked(4 * MSS);
	assert_int_equal(h->env.counters.tcp.EcnReductions, 1);
}

/*
 * -- What is seen of it
 */

static void is_told(void **state)
{
	struct tcp_info info;

	(void)state;
	pb_tcp_info(s.c, &info);
	assert_int_equal(info.tcpi_options & (TCPI_OPT_ECN | TCPI_OPT_ECN_SEEN), TCPI_OPT_ECN);
	fill();
	ack_marked(3 * MSS);
	pb_tcp_info(s.c, &info);
	assert_int_equal(info.tcpi_ca_state, TCP_CA_CWR);
	assert_int_equal(info.tcpi_delivered_ce, 3);
	assert_int_equal(h->env.counters.tcp.DeliveredCE, 3);
	SACK(&s, 3 * MSS, 4 * MSS, 8 * MSS);
	pb_tcp_info(s.c, &info);
	assert_int_equal(info.tcpi_ca_state, TCP_CA_Recovery);
	harness_forget(h);
	hear(ECN_ECT0, 0);
	pb_tcp_info(s.c, &info);
	assert_int_equal(info.tcpi_options & (TCPI_OPT_ECN | TCPI_OPT_ECN_SEEN),
			 TCPI_OPT_ECN | TCPI_OPT_ECN_SEEN);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_a_setup_syn_alone),
		cmocka_unit_test(asks_if_it_is_to),
		cmocka_unit_test(agrees_by_ece_alone),
		cmocka_unit_test(ece_unasked),
		cmocka_unit_test(simultaneous_open),
		cmocka_unit_test(falls_back),
		cmocka_unit_test(reset_for_its_flags),
		cmocka_unit_test(reset_again),
		cmocka_unit_test(called_again_without),
		cmocka_unit_test(agrees_again),
		cmocka_unit_test(cookies_keep_it),
		WITH(new_text_is),
		WITH(what_is_sent_again_is_not),
		WITH(what_has_no_text_is_not),
		WITH(a_probe_of_a_window_is_not),
		WITH(dscp_is_the_users),
		cmocka_unit_test_setup_teardown(echoes_until_cwr, begin_hearing, end),
		cmocka_unit_test_setup_teardown(echoes_at_once, begin_hearing, end),
		cmocka_unit_test_setup_teardown(echoes_text_in_the_window_alone, begin_hearing, end),
		cmocka_unit_test_setup_teardown(echoes_text_ahead, begin_hearing, end),
		cmocka_unit_test(without_it_nothing_is_echoed),
		cmocka_unit_test(without_it_no_window_is_reduced),
		WITH(reduces_once_a_window),
		WITH(reduces_again),
		WITH(is_the_same_mark_until_cwr_has_arrived),
		WITH(ece_for_nothing),
		WITH(mark_then_loss),
		WITH(loss_then_mark),
		WITH(loss_without_sack),
		WITH(timeout_tells),
		WITH(mark_then_timeout),
		cmocka_unit_test(undone),
		WITH(keeps_up),
		cmocka_unit_test_setup_teardown(is_told, begin_hearing, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
