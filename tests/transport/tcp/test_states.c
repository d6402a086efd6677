/*
 * SEGMENT ARRIVES (RFC 9293 §3.10.7) as one table: each kind of segment in each state, what is answered, and the state
 * that follows. Where RFC 5961 changed the RFC's rules, or we know better, a note says so.
 */
#include "harness.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#define THEIR_ISS 5000
#define SOMEWHERE 70000 /* a number of ours that no connection has */

/* The columns. Both ways into SYN-RECEIVED: a call to a listener (its record), and two that call each other. */
enum column { CLOSED, LISTEN, SENT, RCVD, BOTH, ESTAB, FIN_1, FIN_2, WAIT, CLOSING, LAST, TIME, COLUMNS };

static const enum tcp_state state_of[COLUMNS] = {
	STATE_CLOSED,       STATE_LISTEN,      STATE_SYN_SENT,   STATE_SYN_RECEIVED,
	STATE_SYN_RECEIVED, STATE_ESTABLISHED, STATE_FIN_WAIT_1, STATE_FIN_WAIT_2,
	STATE_CLOSE_WAIT,   STATE_CLOSING,     STATE_LAST_ACK,   STATE_TIME_WAIT,
};

/* From where the numbers of a segment are counted. */
enum ack { NO_ACK, ACK_ALL /* SND.NXT */, ACK_UNA /* SND.UNA */, ACK_BEYOND, ACK_LONG_AGO };

#define LONG_AGO 200000 /* further than MAX.SND.WND */

/*
 * A cell: the answer, and the letter of the next state if it is another one. Answers: . none; a an ACK that says
 * RCV.NXT has not moved; A one that acknowledges all of the segment; r a reset; s SYN,ACK.
 * Next states: C CLOSED, L LISTEN, R SYN-RECEIVED, E ESTABLISHED, 2 FIN-WAIT-2, W CLOSE-WAIT, G CLOSING, T TIME-WAIT.
 */
static const struct row {
	const char *kind;
	uint16_t flags;
	int32_t at; /* SEG.SEQ - RCV.NXT */
	uint32_t text_len;
	enum ack ack;
	const char *cells[COLUMNS];
} rows[] = {
  /* clang-format off */
	/*                        CLOSED      SYN-SENT    (both)      FIN-WAIT-1  CLOSE-WAIT  LAST-ACK
	 *                              LISTEN      SYN-RCVD    ESTAB       FIN-WAIT-2  CLOSING     TIME-WAIT
	 */
	{ "RST at RCV.NXT",          TCP_RST, 0, 0, ACK_ALL,
				{ ".",  ".",  ".C", ".L", ".C", ".C", ".C", ".C", ".C", ".C", ".C", ".C" } },
	{ "RST without ACK",         TCP_RST, 0, 0, NO_ACK,
				{ ".",  ".",  ".",  ".L", ".C", ".C", ".C", ".C", ".C", ".C", ".C", ".C" } },
	{ "RST in the window",       TCP_RST, 10, 0, ACK_ALL, /* RFC 5961 §3.2; TIME-WAIT is silent, as Linux's */
				{ ".",  ".",  ".C", "a",  "a",  "a",  "a",  "a",  "a",  "a",  "a",  "." } },
	{ "RST before the window",   TCP_RST, -1000, 0, ACK_ALL,
				{ ".",  ".",  ".C", ".",  ".",  ".",  ".",  ".",  ".",  ".",  ".",  "." } },
	{ "RST that acknowledges what was not sent", TCP_RST, 0, 0, ACK_BEYOND,
				{ ".",  ".",  ".",  ".L", ".C", ".C", ".C", ".C", ".C", ".C", ".C", ".C" } },
	{ "SYN at RCV.NXT",          TCP_SYN, 0, 0, NO_ACK, /* RFC 5961 §4.2 */
				{ "r",  "sR", "sR", "a",  "a",  "a",  "a",  "a",  "a",  "a",  "a",  "a" } },
	{ "SYN in the window",       TCP_SYN, 1000, 0, NO_ACK, /* in TIME-WAIT a new call, but nobody listens */
				{ "r",  "sR", "sR", "a",  "a",  "a",  "a",  "a",  "a",  "a",  "a",  "r" } },
	{ "SYN before the window",   TCP_SYN, -1000, 0, NO_ACK,
				{ "r",  "sR", "sR", "a",  "a",  "a",  "a",  "a",  "a",  "a",  "a",  "a" } },
	{ "SYN,ACK",                 TCP_SYN, 0, 0, ACK_ALL,
				{ "r",  "r",  "AE", "a",  "a",  "a",  "a",  "a",  "a",  "a",  "a",  "a" } },
	{ "SYN,ACK of what was not sent", TCP_SYN, 0, 0, ACK_BEYOND,
				{ "r",  "r",  "r",  "a",  "a",  "a",  "a",  "a",  "a",  "a",  "a",  "a" } },
	{ "ACK of all",              0, 0, 0, ACK_ALL,
				{ "r",  "r",  ".",  ".E", ".E", ".",  ".2", ".",  ".",  ".T", ".C", "." } },
	{ "ACK of what was not sent", 0, 0, 0, ACK_BEYOND,
				{ "r",  "r",  "r",  "r",  "r",  "a",  "a",  "a",  "a",  "a",  "a",  "." } },
	{ "ACK of long ago",         0, 0, 0, ACK_LONG_AGO, /* RFC 5961 §5.2 */
				{ "r",  "r",  "r",  "r",  "r",  "a",  "a",  "a",  "a",  "a",  "a",  "." } },
	{ "ACK before the window",   0, -1, 0, ACK_ALL, /* a keepalive */
				{ "r",  "r",  ".",  "a",  "a",  "a",  "a",  "a",  "a",  "a",  "a",  "a" } },
	{ "text",                    0, 0, 10, ACK_ALL,
				{ "r",  "r",  ".",  "AE", "AE", "A",  "A2", "A",  "a",  ".T", ".C", "a" } },
	{ "text without ACK",        0, 0, 10, NO_ACK,
				{ "r",  ".",  ".",  ".",  ".",  ".",  ".",  ".",  ".",  ".",  ".",  "a" } },
	{ "text ahead of a gap",     0, 100, 10, ACK_ALL,
				{ "r",  "r",  ".",  "aE", "aE", "a",  "a2", "a",  "a",  ".T", ".C", "a" } },
	{ "text again",              0, -10, 10, ACK_ALL,
				{ "r",  "r",  ".",  "a",  "a",  "a",  "a",  "a",  "a",  "a",  "a",  "a" } },
	{ "text again, and new text", 0, -10, 20, ACK_ALL,
				{ "r",  "r",  ".",  "AE", "AE", "A",  "A2", "A",  "a",  ".T", ".C", "a" } },
	{ "text beyond the window",  0, 2 << 20, 10, ACK_ALL,
				{ "r",  "r",  ".",  "a",  "a",  "a",  "a",  "a",  "a",  "a",  "a",  "a" } },
	{ "FIN",                     TCP_FIN, 0, 0, ACK_ALL,
				{ "r",  "r",  ".",  "AW", "AW", "AW", "AT", "AT", "a",  ".T", ".C", "a" } },
	{ "FIN and text",            TCP_FIN, 0, 10, ACK_ALL,
				{ "r",  "r",  ".",  "AW", "AW", "AW", "AT", "AT", "a",  ".T", ".C", "a" } },
	{ "FIN, ours not acknowledged", TCP_FIN, 0, 0, ACK_UNA,
				{ "r",  "r",  "r",  "r",  "r",  "AW", "AG", "AT", "a",  "a",  "a",  "a" } },
	{ "FIN ahead of a gap",      TCP_FIN, 100, 10, ACK_ALL,
				{ "r",  "r",  ".",  "aE", "aE", "a",  "a2", "a",  "a",  ".T", ".C", "a" } },
	{ "FIN without ACK",         TCP_FIN, 0, 0, NO_ACK,
				{ "r",  ".",  ".",  ".",  ".",  ".",  ".",  ".",  ".",  ".",  ".",  "a" } },
	{ "FIN again",               TCP_FIN, -1, 0, ACK_ALL,
				{ "r",  "r",  ".",  "a",  "a",  "a",  "a",  "a",  "a",  "a",  "a",  "a" } },
  /* clang-format on */
};

/* -- Into a state, by the calls and segments that lead there */

static struct harness h;

static struct {
	struct tcp_listener *l;
	struct tcp_conn *c;
	uint32_t rcv_nxt, snd_una, snd_nxt;
} now;

static void peer_sends(uint16_t flags, uint32_t at, uint32_t ack, uint32_t text_len)
{
	struct segment s = {
		.h = {.flags = flags, .seq = at, .ack = ack, .window = 65535},
                  .text_len = text_len
	};

	harness_inject(&h, &s);
}

static struct segment sent(void)
{
	struct segment s;

	assert_true(harness_sent(&h, &s, NULL));
	return s;
}

static void call(void)
{
	struct binding b = { .addr = harness_ip("0.0.0.0"), .port = HARNESS_PORT };
	struct ip peer = harness_ip("198.51.100.1");

	assert_int_equal(pb_ports_bind(&h.tcp->ports, &h.env, &b), 0);
	assert_int_equal(pb_tcp_connect(h.tcp, &pb_tcp_settings_default, &b, &peer, HARNESS_PEER, &h, &now.c),
			 0);
	now.snd_una = sent().h.seq;
	now.snd_nxt = now.snd_una + 1;
}

static void be_called(void)
{
	now.l = harness_listen(&h, 8);
	peer_sends(TCP_SYN, THEIR_ISS, 0, 0);
	now.snd_una = sent().h.seq;
	now.snd_nxt = now.snd_una + 1;
	now.rcv_nxt = THEIR_ISS + 1;
}

static void call_each_other(void)
{
	call();
	peer_sends(TCP_SYN, THEIR_ISS, 0, 0);
	now.rcv_nxt = THEIR_ISS + 1;
	assert_int_equal(sent().h.flags, TCP_SYN | TCP_ACK);
}

static void establish(void)
{
	call();
	peer_sends(TCP_SYN | TCP_ACK, THEIR_ISS, now.snd_nxt, 0);
	now.rcv_nxt = THEIR_ISS + 1;
	now.snd_una = now.snd_nxt;
}

static void shut(void)
{
	assert_int_equal(pb_tcp_shutdown(now.c, SHUT_WR), 0);
	now.snd_nxt++;
}

static void peer_acknowledges(void)
{
	peer_sends(TCP_ACK, now.rcv_nxt, now.snd_nxt, 0);
	now.snd_una = now.snd_nxt;
}

static void peer_shuts(void)
{
	peer_sends(TCP_FIN | TCP_ACK, now.rcv_nxt, now.snd_una, 0);
	now.rcv_nxt++;
}

static void go_to(enum column column)
{
	now.rcv_nxt = THEIR_ISS;
	now.snd_una = now.snd_nxt = SOMEWHERE;
	if (column == LISTEN)
		now.l = harness_listen(&h, 8);
	if (column == SENT)
		call();
	if (column == RCVD)
		be_called();
	if (column == BOTH)
		call_each_other();
	if (column >= ESTAB)
		establish();
	if (column == WAIT || column == LAST)
		peer_shuts();
	if (column == FIN_1 || column == FIN_2 || column == CLOSING || column == LAST || column == TIME)
		shut();
	if (column == FIN_2 || column == TIME)
		peer_acknowledges();
	if (column == CLOSING || column == TIME)
		peer_shuts();
	harness_forget(&h);
}

static void begin(void)
{
	now.l = NULL;
	now.c = NULL;
	harness_begin(&h, 1, NULL);
}

static void end(void)
{
	if (now.c)
		pb_tcp_close(now.c, true);
	if (now.l)
		pb_tcp_listener_close(now.l);
	harness_end(&h);
}

/* -- What netstat would show: the pair's state, or the listener's */

static void look(const struct tcp_entry_info *i, void *context)
{
	enum tcp_state *state = context;

	if (i->state != STATE_LISTEN || *state == STATE_CLOSED)
		*state = i->state;
}

static enum tcp_state present_state(void)
{
	enum tcp_state state = STATE_CLOSED;

	pb_tcp_each(h.tcp, look, &state);
	return state;
}

static enum tcp_state state_of_letter(char letter, enum column before)
{
	switch (letter) {
	case 'C':
		return STATE_CLOSED;
	case 'L':
		return STATE_LISTEN;
	case 'R':
		return STATE_SYN_RECEIVED;
	case 'E':
		return STATE_ESTABLISHED;
	case '2':
		return STATE_FIN_WAIT_2;
	case 'W':
		return STATE_CLOSE_WAIT;
	case 'G':
		return STATE_CLOSING;
	case 'T':
		return STATE_TIME_WAIT;
	default:
		return state_of[before];
	}
}

/* -- One cell */

static struct segment segment_of(const struct row *row)
{
	static const int32_t of_all[] = { [ACK_BEYOND] = 1, [ACK_LONG_AGO] = -LONG_AGO };
	struct segment s = {
		.h = {.flags = row->flags, .window = 65535},
                  .text_len = row->text_len
	};

	s.h.seq = now.rcv_nxt + (uint32_t)row->at;
	if (row->ack == NO_ACK)
		return s;
	s.h.flags |= TCP_ACK;
	if (row->ack == ACK_UNA)
		s.h.ack = now.snd_una;
	else
		s.h.ack = now.snd_nxt + (uint32_t)(row->ack == ACK_ALL ? 0 : of_all[row->ack]);
	return s;
}

static uint32_t end_of(const struct segment *s)
{
	return s->h.seq + s->text_len + !!(s->h.flags & TCP_SYN) + !!(s->h.flags & TCP_FIN);
}

static bool right_reset(const struct segment *to, const struct segment *a)
{
	if (to->h.flags & TCP_ACK) /* §3.10.7.1 */
		return a->h.flags == TCP_RST && a->h.seq == to->h.ack;
	return a->h.flags == (TCP_RST | TCP_ACK) && a->h.seq == 0 && a->h.ack == end_of(to);
}

static bool right_answer(char want, const struct segment *to, const struct segment *a)
{
	switch (want) {
	case 'a':
		return a->h.flags == TCP_ACK && a->h.seq == now.snd_nxt && a->h.ack == now.rcv_nxt;
	case 'A':
		return a->h.flags == TCP_ACK && a->h.seq == now.snd_nxt && a->h.ack == end_of(to);
	case 'r':
		return right_reset(to, a);
	case 's':
		return a->h.flags == (TCP_SYN | TCP_ACK) && a->h.ack == end_of(to);
	default:
		return false;
	}
}

static void check_cell(const struct row *row, enum column column)
{
	const char *cell = row->cells[column];
	struct segment s, a = { 0 }, more;

	begin();
	go_to(column);
	if (present_state() != state_of[column])
		fail_msg("%s was not reached", pb_tcp_state_name(state_of[column]));
	s = segment_of(row);
	harness_inject(&h, &s);
	bool any = harness_sent(&h, &a, NULL);
	if (any != (cell[0] != '.') || (any && !right_answer(cell[0], &s, &a)))
		fail_msg("%s in %s (%d): want answer %c, got flags %x, seq SND.NXT%+d, ack RCV.NXT%+d",
			 row->kind, pb_tcp_state_name(state_of[column]), column, cell[0], a.h.flags,
			 (int32_t)(a.h.seq - now.snd_nxt), (int32_t)(a.h.ack - now.rcv_nxt));
	if (harness_sent(&h, &more, NULL))
		fail_msg("%s in %s (%d): more than one answer, %x", row->kind,
			 pb_tcp_state_name(state_of[column]), column, more.h.flags);
	if (present_state() != state_of_letter(cell[1], column))
		fail_msg("%s in %s (%d): leads to %s", row->kind, pb_tcp_state_name(state_of[column]), column,
			 pb_tcp_state_name(present_state()));
	end();
}

static void segment_arrives(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (int column = 0; column < COLUMNS; column++)
			check_cell(&rows[i], (enum column)column);
}

/* What the user is told of an RST: errno as on Linux, and all the readiness there is. */
static void resets_are_told(void **state)
{
	static const struct {
		enum column column;
		int error;
	} cases[] = {
		{SENT,   ECONNREFUSED},
                { BOTH,  ECONNREFUSED},
                { ESTAB, ECONNRESET  },
		{ FIN_1, ECONNRESET  },
                { FIN_2, ECONNRESET  },
                { WAIT,  EPIPE       },
	};
	char byte;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		begin();
		go_to(cases[i].column);
		peer_sends(TCP_RST | TCP_ACK, now.rcv_nxt, now.snd_nxt, 0);
		assert_int_equal(pb_tcp_ready(now.c) & (POLLERR | POLLHUP), POLLERR | POLLHUP);
		assert_int_equal(now.c->news.events & POLLERR, POLLERR);
		assert_int_equal(pb_tcp_receive(now.c, &(struct iovec){ &byte, 1 }, 1, false),
				 -cases[i].error);
		assert_int_equal(pb_tcp_receive(now.c, &(struct iovec){ &byte, 1 }, 1, false), 0);
		end();
	}
}

/* RFC 5961 §7: who challenges as fast as others can send helps those who count or reflect. */
static void challenges_are_limited(void **state)
{
	struct segment s;
	int answers = 0;

	(void)state;
	begin();
	go_to(ESTAB);
	for (int i = 0; i < 100; i++)
		peer_sends(TCP_RST, now.rcv_nxt + 10, 0, 0);
	while (harness_sent(&h, &s, NULL))
		answers++;
	assert_int_equal(answers, 1);
	harness_run(&h, PB_SEC(1));
	peer_sends(TCP_RST, now.rcv_nxt + 10, 0, 0);
	assert_true(harness_sent(&h, &s, NULL));
	assert_int_equal(h.env.counters.tcp.ChallengeAck, 2);
	end();
}

/* RFC 9293 §3.10.4, RFC 2525 §2.17: text for an owner who has left is answered with RST. */
static void text_for_nobody(void **state)
{
	struct segment s;

	(void)state;
	begin();
	go_to(ESTAB);
	pb_tcp_close(now.c, false);
	now.c = NULL;
	assert_int_equal(sent().h.flags, TCP_FIN | TCP_ACK);
	peer_sends(TCP_ACK, now.rcv_nxt, now.snd_nxt, 5);
	s = sent();
	assert_int_equal(s.h.flags & TCP_RST, TCP_RST);
	assert_int_equal(s.h.seq, now.snd_nxt); /* where the peer is */
	assert_int_equal(present_state(), STATE_CLOSED);
	assert_int_equal(h.env.counters.tcp.AbortOnData, 1);
	end();
}

/* Where the sender has filled the window, what it acknowledges comes from just behind it. */
static void ack_from_behind_a_full_window(void **state)
{
	struct segment s;

	(void)state;
	begin();
	go_to(FIN_1);
	uint32_t end_of_window = now.c->rcv_adv.v;
	peer_sends(TCP_ACK, end_of_window + 1, now.snd_nxt, 0);
	assert_int_equal(present_state(), STATE_FIN_WAIT_1);
	assert_true(harness_sent(&h, &s, NULL));
	peer_sends(TCP_ACK, end_of_window, now.snd_nxt, 0);
	assert_int_equal(present_state(), STATE_FIN_WAIT_2);
	assert_false(harness_sent(&h, &s, NULL));
	end();
}

/* A FIN that came ahead of a gap need not come again. */
static void fin_ahead_of_a_gap(void **state)
{
	(void)state;
	begin();
	go_to(ESTAB);
	peer_sends(TCP_FIN | TCP_ACK, now.rcv_nxt + 100, now.snd_nxt, 50);
	assert_int_equal(sent().h.ack, now.rcv_nxt);
	peer_sends(TCP_ACK, now.rcv_nxt, now.snd_nxt, 100);
	assert_int_equal(sent().h.ack, now.rcv_nxt + 151);
	assert_int_equal(present_state(), STATE_CLOSE_WAIT);
	assert_int_equal(now.c->recvq.packets.bytes, 150);
	pb_tcp_recvq_clear(&now.c->recvq);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segment_arrives),        cmocka_unit_test(resets_are_told),
		cmocka_unit_test(challenges_are_limited), cmocka_unit_test(text_for_nobody),
		cmocka_unit_test(fin_ahead_of_a_gap),     cmocka_unit_test(ack_from_behind_a_full_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
