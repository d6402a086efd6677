/* More accurate feedback of marks, by the sections of RFC 9768. */
#include "sender.h"
#include "transport/tcp/output.h"

#define MSS     SENDER_MSS
#define FLAGS   (TCP_ECE | TCP_CWR | TCP_AE)
#define SETUP   FLAGS         /* of a SYN that asks for it */
#define ACE(n)  ((n)*TCP_ECE) /* AE, CWR, ECE as a number */
#define INITIAL 5

static struct sender s;
static struct harness *h = &s.h;

static struct segment sent(void)
{
	struct segment out;

	assert_true(harness_sent(h, &out, NULL));
	return out;
}

static unsigned ace(const struct segment *out)
{
	return (out->h.flags & FLAGS) / TCP_ECE;
}

static void begin_stack(enum ecn_kind accepted, enum ecn_kind asked)
{
	const struct tcp_limits limits = { .ecn_accepted = accepted, .ecn_asked = asked };

	s = (struct sender){ .window = 65535 };
	harness_begin(h, 1, &limits);
	s.l = harness_listen(h, 16);
}

/*
 * -- §3.1: the handshake, as a listener
 */

static struct segment call_in(unsigned flags, uint8_t tos)
{
	struct segment syn = {
		.h = {.seq = 1000, .window = 65535, .options = {.mss = MSS, .sack_permitted = true}}, .tos = tos
	}, answer;

	syn.h.flags = (uint16_t)(TCP_SYN | ACE(flags));
	harness_inject(h, &syn);
	answer = sent();
	s.start = answer.h.seq + 1;
	return answer;
}

/* The caller's ACK; the connection. */
static void complete(unsigned flags)
{
	struct segment ack = {
		.h = {.seq = 1001, .ack = s.start, .window = 65535}
	};

	ack.h.flags = (uint16_t)(TCP_ACK | ACE(flags));
	harness_inject(h, &ack);
	s.c = pb_tcp_accept(s.l, &s);
	assert_non_null(s.c);
	harness_forget(h);
}

/* Table 2, rows 1 to 4, for every codepoint; §3.1.3: what is not known is taken for what is. */
static void listener_agrees(void **state)
{
	static const unsigned answers[] = { [ECN_NOT_ECT] = 2, [ECN_ECT1] = 3, [ECN_ECT0] = 4, [ECN_CE] = 6 };

	(void)state;
	for (unsigned flags = 1; flags < 8; flags++)
		for (uint8_t tos = 0; tos < 4; tos++) {
			if (flags == 3)
				continue;
			begin_stack(ECN_ACCURATE, ECN_NONE);
			struct segment answer = call_in(flags, tos);
			assert_int_equal(ace(&answer), answers[tos]);
			assert_int_equal(answer.tos, 0);
			complete(2);
			assert_int_equal(s.c->ecn->kind, ECN_ACCURATE);
			assert_int_equal(s.c->ecn->accurate.received.marks,
					 INITIAL); /* §3.2.2.2: whatever the SYN came as */
			sender_end(&s);
		}
}

/* Table 2, the third block, and what a stack allows. */
static void listener_falls_back(void **state)
{
	(void)state;
	begin_stack(ECN_ACCURATE, ECN_NONE);
	struct segment answer = call_in(3, 0);
	assert_int_equal(ace(&answer), 1);
	complete(0);
	assert_int_equal(s.c->ecn->kind, ECN_CLASSIC);
	sender_end(&s);
	begin_stack(ECN_ACCURATE, ECN_NONE);
	answer = call_in(0, 0);
	assert_int_equal(ace(&answer), 0);
	complete(0);
	assert_null(s.c->ecn);
	sender_end(&s);
	begin_stack(ECN_CLASSIC, ECN_NONE);
	answer = call_in(7, 0);
	assert_int_equal(ace(&answer), 1);
	assert_false(answer.h.options.has_accecn);
	sender_end(&s);
}

/* §3.1.4.2, §3.1.5: the SYN again, as it was, or without flags; the answer tells of the latest. */
static void called_again(void **state)
{
	(void)state;
	begin_stack(ECN_ACCURATE, ECN_NONE);
	assert_true(call_in(7, 0).h.options.has_accecn);
	struct segment answer = call_in(7, ECN_CE);
	assert_int_equal(ace(&answer), 6);
	assert_false(answer.h.options.has_accecn); /* §3.2.3.2.2 */
	complete(2);
	assert_false(s.c->ecn->unmarked);
	sender_end(&s);
	begin_stack(ECN_ACCURATE, ECN_NONE);
	call_in(7, 0);
	answer = call_in(0, 0);
	assert_int_equal(ace(&answer), 2);
	complete(2);
	assert_int_equal(s.c->ecn->kind, ECN_ACCURATE);
	assert_true(s.c->ecn->unmarked);
	sender_end(&s);
	begin_stack(ECN_ACCURATE, ECN_NONE);
	call_in(0, 0);
	answer = call_in(7, 0);
	assert_int_equal(ace(&answer), 0);
	sender_end(&s);
}

/* §3.1.5: who asks for the one and then for the other is reset. */
static void both_kinds(void **state)
{
	(void)state;
	for (int first = 0; first < 2; first++) {
		begin_stack(ECN_ACCURATE, ECN_NONE);
		call_in(first ? 7 : 3, 0);
		struct segment answer = call_in(first ? 3 : 7, 0);
		assert_int_equal(answer.h.flags, TCP_RST | TCP_ACK);
		assert_int_equal(h->tcp->pairs.count, 0);
		sender_end(&s);
	}
}

/* §3.2.3.2.2: the SYN-ACK is lost: it comes without the option, then without flags; then nothing of ours is ECT. */
static void syn_ack_lost(void **state)
{
	(void)state;
	begin_stack(ECN_ACCURATE, ECN_NONE);
	assert_true(call_in(7, 0).h.options.has_accecn);
	harness_run(h, PB_SEC(1));
	struct segment again = sent();
	assert_int_equal(ace(&again), 2);
	assert_false(again.h.options.has_accecn);
	harness_run(h, PB_SEC(2));
	again = sent();
	assert_int_equal(ace(&again), 0);
	complete(2);
	assert_int_equal(s.c->ecn->kind, ECN_ACCURATE);
	assert_true(s.c->ecn->unmarked);
	sender_end(&s);
}

/* §3.2.2.1, table 4: what the ACK of the SYN-ACK says. */
static void greeting(void **state)
{
	(void)state;
	for (unsigned ace = 0; ace < 8; ace++) {
		begin_stack(ECN_ACCURATE, ECN_NONE);
		call_in(7, 0);
		complete(ace);
		assert_int_equal(s.c->ecn->accurate.told.marks, ace == 6 ? INITIAL + 1 : INITIAL);
		assert_int_equal(s.c->ecn->accurate.deaf, ace == 0); /* note 1 */
		/* §3.2.2.3: it was not ECT when it left */
		assert_int_equal(s.c->ecn->unmarked, ace == 0 || ace == 3 || ace == 4 || ace == 6);
		assert_int_equal(s.c->congestion.cwnd, (ace == 6 ? 5 : 10) * MSS);
		sender_end(&s);
	}
}

/* §5.1: nothing is kept of a caller who gets a cookie; that he counts tells what was agreed on. */
static void cookies(void **state)
{
	(void)state;
	for (unsigned flags = 0; flags < 8; flags++) {
		begin_stack(ECN_ACCURATE, ECN_NONE);
		h->tcp->limits.syns_max = 0;
		struct segment answer = call_in(7, 0);
		assert_int_equal(ace(&answer), 2);
		assert_int_equal(h->env.counters.tcp.SyncookiesSent, 1);
		complete(flags);
		assert_int_equal(s.c->ecn != NULL, flags >= 2);
		sender_end(&s);
	}
}

/*
 * -- §3.1: the handshake, as a caller
 */

static unsigned call_out(void)
{
	struct tcp_settings set = pb_tcp_settings_default;
	struct ip to = harness_ip("198.51.100.1");

	set.congestion = &pb_tcp_newreno;
	assert_int_equal(pb_tcp_connect(h->tcp, &set, NULL, &to, HARNESS_PEER, &s, &s.c), 0);
	struct segment syn = sent();
	s.start = syn.h.seq + 1;
	assert_false(syn.h.options.has_accecn); /* §3.2.3.2.1 */
	assert_int_equal(syn.tos, 0);
	return ace(&syn);
}

/* The SYN-ACK, or a SYN of somebody who calls at the same time. */
static void answer(unsigned flags, uint8_t tos, bool acks)
{
	struct segment answer = {
		.h = {.dst_port = s.c->entry.pair.local_port,
                      .seq = 1000,
                      .window = 65535,
                      .options = { .mss = MSS, .sack_permitted = true }},
		.tos = tos
	};

	answer.h.flags = (uint16_t)(TCP_SYN | (acks ? TCP_ACK : 0) | ACE(flags));
	answer.h.ack = acks ? s.start : 0;
	harness_inject(h, &answer);
}

/* Table 2: what a SYN-ACK is taken for, and whether text is then ECT. */
static void caller_agrees(void **state)
{
	static const struct {
		enum ecn_kind kind;
		bool unmarked; /* §3.2.2.3: the SYN was not ECT */
	} expected[] = {
		{ECN_NONE,      true },
                { ECN_CLASSIC,  false},
                { ECN_ACCURATE, false},
		{ ECN_ACCURATE, true },
                { ECN_ACCURATE, true },
                { ECN_ACCURATE, false},
		{ ECN_ACCURATE, true },
                { ECN_NONE,     true },
	};

	(void)state;
	for (unsigned flags = 0; flags < 8; flags++) {
		begin_stack(ECN_ACCURATE, ECN_ACCURATE);
		assert_int_equal(call_out(), 7);
		answer(flags, 0, true);
		assert_int_equal(s.c->ecn ? s.c->ecn->kind : ECN_NONE, expected[flags].kind);
		if (expected[flags].kind == ECN_ACCURATE) {
			assert_int_equal(s.c->ecn->accurate.told.marks, INITIAL); /* §3.2.2.2: CE, too */
			assert_int_equal(s.c->congestion.cwnd, (flags == 6 ? 5 : 10) * MSS);
		}
		harness_forget(h);
		sender_write(&s, 100);
		sender_expect(&s, 0, 100);
		assert_int_equal(s.tos, expected[flags].unmarked ? ECN_NOT_ECT : ECN_ECT0);
		sender_end(&s);
	}
}

/* §3.2.2.1, table 3: a pure ACK tells how the SYN-ACK came, and again of one that comes again; else it counts. */
static void caller_greets(void **state)
{
	static const unsigned expected[] = {
		[ECN_NOT_ECT] = 2, [ECN_ECT1] = 3, [ECN_ECT0] = 4, [ECN_CE] = 6
	};

	(void)state;
	for (uint8_t tos = 0; tos < 4; tos++) {
		begin_stack(ECN_ACCURATE, ECN_ACCURATE);
		call_out();
		answer(2, tos, true);
		struct segment ack = sent();
		assert_int_equal(ack.text_len, 0);
		assert_int_equal(ace(&ack), expected[tos]);
		assert_true(ack.h.options.has_accecn); /* §3.2.3.2.1 */
		assert_int_equal(s.c->ecn->accurate.received.marks, INITIAL + (tos == ECN_CE));
		sender_expect_silence(&s);
		harness_run(h, PB_SEC(1));
		answer(2, ECN_CE, true);
		ack = sent();
		assert_int_equal(ace(&ack), 6);
		assert_int_equal(s.c->ecn->accurate.received.marks,
				 INITIAL + 1); /* once, however many come */
		harness_run(h, PB_SEC(1));
		answer(2, ECN_CE, true);
		assert_int_equal(s.c->ecn->accurate.received.marks, INITIAL + 1);
		harness_forget(h);
		pb_tcp_send_ack(s.c);
		ack = sent();
		assert_int_equal(ace(&ack), INITIAL + 1);
		sender_end(&s);
	}
}

/*
 * The SYN-ACK again when text of the peer has come: he is not in SYN-RECEIVED, and reads a counter (§3.2.2.2). So does
 * who gets blocks of SACK beside (§3.2.2.1).
 */
static void caller_greets_no_more(void **state)
{
	(void)state;
	for (int gap = 0; gap < 2; gap++)
		for (uint8_t tos = 0; tos < 4; tos++) {
			begin_stack(ECN_ACCURATE, ECN_ACCURATE);
			call_out();
			answer(2, 0, true);
			struct segment text = {
				.h = {.dst_port = s.c->entry.pair.local_port,
                                      .flags = TCP_ACK | ACE(INITIAL),
                                      .seq = 1001 + (gap ? 100 : 0),
                                      .ack = s.start,
                                      .window = 65535},
				.text_len = 100
			};
			harness_inject(h, &text);
			harness_run(h, PB_SEC(1));
			harness_forget(h);
			answer(2, tos, true);
			struct segment ack = sent();
			assert_int_equal(ack.text_len, 0);
			assert_int_equal(ack.h.ack, gap ? 1001 : 1101);
			assert_int_equal(ack.h.options.sack_count, gap);
			assert_int_equal(ace(&ack), INITIAL + (tos == ECN_CE));
			pb_tcp_recvq_clear(&s.c->recvq);
			sender_end(&s);
		}
}

/* §3.1.4.1: asked twice, then without flags. A late answer to the first is still agreed to, and text then is ECT. */
static void syn_lost(void **state)
{
	(void)state;
	for (unsigned flags = 1; flags < 3; flags++) {
		begin_stack(ECN_ACCURATE, ECN_ACCURATE);
		assert_int_equal(call_out(), 7);
		harness_run(h, s.c->rtt.rto);
		struct segment again = sent();
		assert_int_equal(ace(&again), 7);
		for (int i = 0; i < 2; i++) {
			harness_run(h, s.c->rtt.rto);
			again = sent();
			assert_int_equal(ace(&again), 0);
		}
		answer(flags, 0, true);
		assert_int_equal(s.c->ecn->kind, flags == 1 ? ECN_CLASSIC : ECN_ACCURATE);
		assert_int_equal(s.c->ecn->unmarked, flags == 1);
		sender_end(&s);
	}
}

/* §3.1.2: as a listener would answer. */
static void simultaneous_open(void **state)
{
	static const unsigned expected[] = { [0] = 0, [3] = 1, [7] = 4 };

	(void)state;
	for (unsigned flags = 0; flags < 8; flags += flags ? 4 : 3) {
		begin_stack(ECN_ACCURATE, ECN_ACCURATE);
		call_out();
		answer(flags, ECN_ECT0, false);
		struct segment syn_ack = sent();
		assert_int_equal(syn_ack.h.flags & ~FLAGS, TCP_SYN | TCP_ACK);
		assert_int_equal(ace(&syn_ack), expected[flags]);
		sender_end(&s);
	}
}

/*
 * -- §3.2.2: the counter
 */

static uint32_t heard;

static int begin(void **state)
{
	(void)state;
	heard = 0;
	begin_stack(ECN_ACCURATE, ECN_NONE);
	call_in(7, 0);
	complete(2);
	h->tcp->limits.unpaced = true;
	s.c->rtt.srtt = s.c->rtt.min = SENDER_RTT;
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

static void hear(uint8_t codepoint, uint32_t len)
{
	struct segment text = {
		.h = {.flags = TCP_ACK | ACE(INITIAL),
                      .seq = 1001 + heard,
                      .ack = s.start,
                      .window = 65535},
		.text_len = len,
		.tos = codepoint
	};

	heard += len;
	harness_inject(h, &text);
}

static void counts_marks(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 20; i++) {
		s.c->quick_acks = TCP_QUICK_ACKS;
		hear(ECN_CE, 100);
		struct segment ack = sent();
		assert_int_equal(ace(&ack), (INITIAL + i) & 7);
		assert_int_equal(ack.tos, 0);
	}
	s.c->quick_acks = TCP_QUICK_ACKS;
	hear(ECN_ECT0, 100);
	struct segment ack = sent();
	assert_int_equal(ace(&ack), (INITIAL + 20) & 7);
	hear(ECN_CE, 0); /* of a packet without text, too (§3.2) */
	assert_int_equal(s.c->ecn->accurate.received.marks, INITIAL + 21);
	assert_int_equal(s.c->ecn->accurate.received.ce, 2000);
}

/* A peer's CWR is a bit of its counter: nothing ends by it. */
static void knows_no_cwr(void **state)
{
	struct segment text = {
		.h = {.flags = TCP_ACK | TCP_CWR, .seq = 1001, .ack = s.start, .window = 65535},
		.text_len = 100,
		.tos = ECN_CE
	};

	(void)state;
	harness_inject(h, &text);
	struct segment ack = sent();
	assert_int_equal(ace(&ack), INITIAL + 1);
	sender_write(&s, 60 * MSS); /* and none of ours is one */
	harness_forget(h);
	s.flags = ACE(INITIAL + 1);
	sender_ack(&s, 0);
	assert_false(s.c->ecn->cwr_due);
}

/* §3.2.2.5.1: the first mark is told of at once, and so is every second; of ACKs, every third. */
static void tells_at_once(void **state)
{
	(void)state;
	s.c->quick_acks = 0;
	hear(ECN_ECT0, 100);
	sender_expect_silence(&s);
	hear(ECN_CE, 100);
	assert_int_equal(sent().h.ack, 1201);
	hear(ECN_CE, 100);
	sender_expect_silence(&s);
	hear(ECN_CE, 100);
	assert_int_equal(sent().h.ack, 1401);
	hear(ECN_CE, 0);
	hear(ECN_CE, 0);
	sender_expect_silence(&s);
	hear(ECN_CE, 0);
	struct segment ack = sent();
	assert_int_equal(ace(&ack), (INITIAL + 6) & 7);
}

static void refused_is_not_counted(void **state)
{
	struct segment old = {
		.h = {.flags = TCP_ACK, .seq = 901, .ack = s.start, .window = 65535},
		.text_len = 10,
		.tos = ECN_CE
	};

	(void)state;
	harness_inject(h, &old);
	old.h.seq = s.c->rcv_adv.v + 1;
	harness_inject(h, &old);
	assert_int_equal(s.c->ecn->accurate.received.marks, INITIAL);
}

/* What is counted in the bit that was CWR, whoever cuts super-segments would clear: §3.3.4. */
static void no_super_segments_then(void **state)
{
	(void)state;
	sender_write(&s, 3 * MSS);
	sender_expect(&s, 0, 3 * MSS);
	hear(ECN_CE, 100);
	harness_forget(h);
	sender_write(&s, 3 * MSS);
	for (uint32_t i = 3; i < 6; i++)
		sender_expect(&s, i * MSS, MSS);
	hear(ECN_CE, 100);
	hear(ECN_CE, 100);
	harness_forget(h);
	sender_write(&s, 3 * MSS);
	sender_expect(&s, 6 * MSS, 3 * MSS);
}

/*
 * -- §3.2.2.2, §3.2.2.5.2: what a sender makes of it
 */

static void fill(void)
{
	sender_write(&s, 60 * MSS);
	harness_forget(h);
}

/* An ACK with the counter, and with an option that tells of marked bytes, unless UINT32_MAX. */
static void ack(uint32_t upto, unsigned marks, uint32_t ce)
{
	struct segment ack = {
		.h = {.seq = 1001, .ack = s.start + upto, .window = 65535}
	};

	ack.h.flags = (uint16_t)(TCP_ACK | ACE(marks & 7));
	if (ce != UINT32_MAX) {
		ack.h.options.has_accecn = true;
		ack.h.options.accecn_count = 2;
		ack.h.options.accecn[0] = 1 + upto - ce;
		ack.h.options.accecn[1] = ce;
	}
	harness_inject(h, &ack);
}

static uint32_t told(void)
{
	return s.c->ecn->accurate.told.marks - INITIAL;
}

/* Once a window, however much of it is marked; how much is known. */
static void reduces_once_a_window(void **state)
{
	(void)state;
	fill();
	ack(2 * MSS, INITIAL + 1, UINT32_MAX);
	assert_int_equal(s.c->congestion.ssthresh, 5 * MSS);
	ack(4 * MSS, INITIAL + 3, UINT32_MAX);
	ack(10 * MSS, INITIAL + 7, UINT32_MAX);
	assert_int_equal(s.c->congestion.ssthresh, 5 * MSS);
	assert_int_equal(h->env.counters.tcp.EcnReductions, 1);
	assert_int_equal(s.c->ecn->delivered_ce, 7);
	ack(11 * MSS, INITIAL + 7, UINT32_MAX); /* no news */
	assert_int_equal(h->env.counters.tcp.EcnReductions, 1);
	ack(12 * MSS, INITIAL + 8, UINT32_MAX);
	assert_int_equal(h->env.counters.tcp.EcnReductions, 2);
	assert_int_equal(told(), 8);
}

/* An ACK that is older than another, or says the same, tells nothing. */
static void old_acks(void **state)
{
	(void)state;
	fill();
	ack(4 * MSS, INITIAL + 2, UINT32_MAX);
	ack(2 * MSS, INITIAL + 1, UINT32_MAX); /* would be seven more */
	ack(4 * MSS, INITIAL + 1, UINT32_MAX);
	assert_int_equal(told(), 2);
}

/*
 * §3.2.2.5.2: so many are acknowledged at once that the counter can have gone round. Only bytes tell that it has not.
 */
static void goes_round(void **state)
{
	(void)state;
	s.c->congestion.cwnd = 40 * MSS;
	fill();
	ack(10 * MSS, INITIAL, UINT32_MAX);
	assert_int_equal(told(), 0); /* and nothing has begun to be marked */
	ack(30 * MSS, INITIAL + 2, UINT32_MAX);
	assert_int_equal(told(), 18); /* the most that ends in the same three bits, and is not above 20 */
	ack(40 * MSS, INITIAL + 18 + 4, 22 * MSS);
	assert_int_equal(told(), 22);
}

/* §3.2.2.2: the greeting again, as our SYN-ACK came twice, is not taken for a counter. */
static void greeted_again(void **state)
{
	struct segment greeting = {
		.h = {.flags = TCP_ACK | ACE(2),
                      .seq = 1001,
                      .window = 65535,
                      .options = { .has_timestamp = true, .ts_value = 100 }}
	};

	(void)state;
	s.c->has_timestamps = true;
	sender_write(&s, 4 * MSS);
	greeting.h.ack = s.start;
	harness_inject(h, &greeting);
	assert_int_equal(told(), 0);
}

/* Options come through. One that was left out told of nothing, or is made up for. */
static void options_left_out(void **state)
{
	(void)state;
	s.c->congestion.cwnd = 60 * MSS;
	fill();
	ack(2 * MSS, INITIAL, 0);
	ack(20 * MSS, INITIAL, UINT32_MAX);
	assert_int_equal(told(), 0);
	ack(40 * MSS, INITIAL + 9, UINT32_MAX);
	assert_int_equal(told(), 1);
	ack(50 * MSS, INITIAL + 9, 9 * MSS);
	assert_int_equal(told(), 9);
	assert_false(s.c->ecn->unmarked);
}

static void bytes_tell_rounds(void **state)
{
	(void)state;
	s.c->congestion.cwnd = 60 * MSS;
	fill();
	ack(20 * MSS, INITIAL + 2, 10 * MSS);
	assert_int_equal(told(), 10);
	ack(40 * MSS, INITIAL + 10, 10 * MSS);
	assert_int_equal(told(), 10);
	assert_false(s.c->ecn->unmarked);
	ack(42 * MSS, INITIAL + 10, 11 * MSS); /* §3.2.3.2.5: marked bytes in no packet */
	assert_true(s.c->ecn->unmarked);
}

/* §3.2.2.1, note 1. */
static void deaf(void **state)
{
	(void)state;
	begin_stack(ECN_ACCURATE, ECN_NONE);
	call_in(7, 0);
	complete(0);
	sender_write(&s, 4 * MSS);
	sender_expect(&s, 0, 4 * MSS);
	assert_int_equal(s.tos, 0);
	ack(2 * MSS, INITIAL + 2, UINT32_MAX);
	assert_int_equal(h->env.counters.tcp.EcnReductions, 0);
	heard = 0;
	hear(ECN_CE, 100);
	harness_forget(h);
	pb_tcp_send_ack(s.c);
	struct segment out = sent();
	assert_int_equal(ace(&out), INITIAL + 1); /* but he tells */
	pb_tcp_recvq_clear(&s.c->recvq);
	sender_end(&s);
}

/* §3.2.2.4: nor is a peer heeded whose counter begins with 0; later it may come to that. */
static void zero(void **state)
{
	(void)state;
	for (int later = 0; later < 2; later++) {
		begin(NULL);
		fill();
		if (later)
			ack(MSS, INITIAL, UINT32_MAX);
		ack(2 * MSS, 8, UINT32_MAX);
		assert_int_equal(told(), later ? 3 : 0);
		assert_int_equal(s.c->ecn->unmarked, !later);
		end(NULL);
	}
}

/* What has been counted before TIME-WAIT is told in it, too (§3.2.2.2). */
static void time_wait(void **state)
{
	struct segment fin = {
		.h = {.flags = TCP_ACK | TCP_FIN | ACE(INITIAL), .seq = 1001, .window = 65535}
	};

	(void)state;
	hear(ECN_CE, 100);
	pb_tcp_recvq_clear(&s.c->recvq);
	pb_tcp_close(s.c, false);
	s.c = NULL;
	harness_forget(h);
	fin.h.seq = 1101;
	fin.h.ack = s.start + 1;
	harness_inject(h, &fin);
	struct segment out = sent();
	assert_int_equal(ace(&out), INITIAL + 1);
	assert_int_equal(h->tcp->time_wait_count, 1);
	harness_inject(h, &fin);
	out = sent();
	assert_int_equal(ace(&out), INITIAL + 1);
}

/*
 * -- §3.2.3: the option
 */

static struct tcp_options told_by_ack(void)
{
	harness_forget(h);
	pb_tcp_send_ack(s.c);
	return sent().h.options;
}

/* §3.2.3.3: what has changed, with as few fields as tell of it; nothing where nothing has. */
static void fields(void **state)
{
	(void)state;
	struct tcp_options o = told_by_ack();
	assert_false(o.has_accecn);
	sender_write(&s, 10); /* the first text: whole */
	o = sent().h.options;
	assert_true(o.has_accecn);
	assert_int_equal(o.accecn_count, 3);
	o = told_by_ack();
	assert_false(o.has_accecn);
	hear(ECN_ECT1, 10);
	struct segment out = sent();
	assert_true(out.h.options.accecn_ect1_first);
	assert_int_equal(out.h.options.accecn_count, 1);
	assert_int_equal(out.h.options.accecn[0], 11);
	hear(ECN_CE, 20);
	out = sent();
	assert_true(out.h.options.accecn_ect1_first);
	assert_int_equal(out.h.options.accecn_count, 2);
	assert_int_equal(out.h.options.accecn[1], 20);
	hear(ECN_ECT0, 30);
	out = sent();
	assert_false(out.h.options.accecn_ect1_first);
	assert_int_equal(out.h.options.accecn_count, 3);
	assert_int_equal(out.h.options.accecn[0], 31);
	assert_int_equal(out.h.options.accecn[1], 20);
	assert_int_equal(out.h.options.accecn[2], 11);
	o = told_by_ack();
	assert_false(o.has_accecn);
	hear(ECN_NOT_ECT, 10);
	assert_false(sent().h.options.has_accecn);
}

/* Full segments have no room for it; two blocks of SACK go before it, and then as many as fit. */
static void room(void **state)
{
	(void)state;
	hear(ECN_ECT0, 10);
	harness_forget(h);
	s.c->ecn->accurate.option.ect0 = 0;
	sender_write(&s, MSS);
	assert_false(sent().h.options.has_accecn);
	s.c->has_timestamps = true;
	for (int i = 0; i < 4; i++) {
		heard += 100; /* a gap */
		struct segment text = {
			.h = {.flags = TCP_ACK | ACE(INITIAL),
                              .seq = 1001 + heard,
                              .ack = s.start,
                              .window = 65535,
                              .options = { .has_timestamp = true, .ts_value = 1 }},
			.text_len = 100,
			.tos = i == 3 ? ECN_ECT1 : ECN_CE
		};
		heard += 100;
		harness_inject(h, &text);
		struct segment out = sent();
		assert_int_equal(out.h.options.sack_count, i == 3 ? 3 : i < 2 ? i + 1 : 2);
		assert_int_equal(out.h.options.has_accecn, i < 3);
	}
}

/* §3.2.3.2.4: counters that begin with 0 are somebody else's. */
static void zeroed(void **state)
{
	struct segment ack = {
		.h = {.seq = 1001,
                      .window = 65535,
                      .flags = TCP_ACK | ACE(2),
                      .options = { .has_accecn = true }}
	};

	(void)state;
	for (uint8_t count = 0; count < 4; count++) {
		begin_stack(ECN_ACCURATE, ECN_NONE);
		call_in(7, 0);
		ack.h.ack = s.start;
		ack.h.options.accecn_count = count;
		harness_inject(h, &ack);
		s.c = pb_tcp_accept(s.l, &s);
		assert_int_equal(s.c->ecn->accurate.option_broken, count > 0);
		sender_end(&s);
	}
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(listener_agrees),
		cmocka_unit_test(listener_falls_back),
		cmocka_unit_test(called_again),
		cmocka_unit_test(both_kinds),
		cmocka_unit_test(syn_ack_lost),
		cmocka_unit_test(greeting),
		cmocka_unit_test(cookies),
		cmocka_unit_test(caller_agrees),
		cmocka_unit_test(caller_greets),
		cmocka_unit_test(caller_greets_no_more),
		cmocka_unit_test(syn_lost),
		cmocka_unit_test(simultaneous_open),
		WITH(counts_marks),
		WITH(knows_no_cwr),
		WITH(tells_at_once),
		WITH(refused_is_not_counted),
		WITH(no_super_segments_then),
		WITH(reduces_once_a_window),
		WITH(old_acks),
		WITH(goes_round),
		WITH(greeted_again),
		WITH(options_left_out),
		WITH(bytes_tell_rounds),
		cmocka_unit_test(deaf),
		cmocka_unit_test(zero),
		WITH(time_wait),
		WITH(fields),
		WITH(room),
		cmocka_unit_test(zeroed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
