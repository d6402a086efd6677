/* The layer: which segments are read, whose they are, what ICMP may say of them, and what netstat is shown. */
#include "harness.h"

#include <errno.h>

static struct harness h;
static struct tcp_listener *l;

static int begin(void **state)
{
	(void)state;
	harness_begin(&h, 1, NULL);
	l = harness_listen(&h, 16);
	return 0;
}

static void end(void)
{
	pb_tcp_listener_close(l);
	harness_forget(&h);
	harness_end(&h);
}

/* A SYN as bytes, with a checksum that is right. */
static const uint8_t syn[] = { 0x0b, 0xce, 0x00, 0x50, 0x00, 0x00, 0x03, 0xe8, 0x00, 0x00, 0x00, 0x00,
			       0x60, 0x02, 0xff, 0xff, 0x9b, 0xea, 0x00, 0x00, 0x02, 0x04, 0x05, 0xb4 };

static void inject_bytes(const uint8_t *bytes, size_t len, bool group, enum pb_checksum_note note)
{
	struct ip_packet packet = {
		.src = harness_ip("198.51.100.1"),
		.dst = harness_ip("192.0.2.1"),
		.group = group,
		.iface = &h.iface,
		.buf = pb_buf_new(h.env.pool, 0, 64),
	};

	memcpy(pb_buf_extend(packet.buf, len), bytes, len);
	packet.buf->checksum = note;
	pb_tcp_input(h.tcp, &packet);
	assert_null(packet.buf);
}

/* RFC 9293 MUST-3: each bit of the segment is under the checksum; and each prefix of it is too short. */
static void damaged(void **state)
{
	uint8_t bytes[sizeof syn];
	struct segment s;

	(void)state;
	inject_bytes(syn, sizeof syn, false, PB_CHECKSUM_UNKNOWN);
	assert_true(harness_sent(&h, &s, NULL));
	assert_int_equal(s.h.flags, TCP_SYN | TCP_ACK);
	for (unsigned bit = 0; bit < sizeof syn * 8; bit++) {
		memcpy(bytes, syn, sizeof syn);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		inject_bytes(bytes, sizeof bytes, false, PB_CHECKSUM_UNKNOWN);
	}
	assert_int_equal(h.env.counters.tcp.InCsumErrors, sizeof syn * 8);
	for (size_t len = 0; len < sizeof syn; len++)
		inject_bytes(syn, len, false, PB_CHECKSUM_GOOD);
	assert_int_equal(h.env.counters.tcp.InErrs, sizeof syn * 8 + sizeof syn);
	assert_int_equal(h.env.counters.tcp.InSegs, 1 + sizeof syn * 8 + sizeof syn);
	assert_false(harness_sent(&h, &s, NULL));
	end();
}

/* What the device has verified, or what never left the machine, is not verified again. */
static void believed_checksum(void **state)
{
	uint8_t bytes[sizeof syn];
	struct segment s;

	(void)state;
	memcpy(bytes, syn, sizeof syn);
	bytes[16] ^= 1;
	inject_bytes(bytes, sizeof bytes, false, PB_CHECKSUM_GOOD);
	assert_true(harness_sent(&h, &s, NULL));
	inject_bytes(bytes, sizeof bytes, false, PB_CHECKSUM_WANTED);
	assert_true(harness_sent(&h, &s, NULL));
	end();
}

/* RFC 9293 MUST-57: nothing that came to many is answered. */
static void for_many(void **state)
{
	struct segment s;

	(void)state;
	inject_bytes(syn, sizeof syn, true, PB_CHECKSUM_UNKNOWN);
	assert_false(harness_sent(&h, &s, NULL));
	assert_int_equal(l->syn_count, 0);
	end();
}

static void nobody_there(void **state)
{
	struct segment s = {
		.h = {.dst_port = 81, .flags = TCP_SYN, .seq = 1000}
	};

	(void)state;
	harness_inject(&h, &s);
	assert_true(harness_sent(&h, &s, NULL));
	assert_int_equal(s.h.flags, TCP_RST | TCP_ACK);
	assert_int_equal(s.h.seq, 0);
	assert_int_equal(s.h.ack, 1001);
	assert_int_equal(s.h.src_port, 81);
	end();
}

static void complain(uint16_t port, uint32_t at, size_t quote_len, bool hard)
{
	const uint8_t quote[8] = {
		HARNESS_PORT >> 8,   HARNESS_PORT & 255,  (uint8_t)(port >> 8), (uint8_t)port,
		(uint8_t)(at >> 24), (uint8_t)(at >> 16), (uint8_t)(at >> 8),   (uint8_t)at,
	};
	const struct ip_error e = {
		.src = harness_ip("192.0.2.1"),
		.dst = harness_ip("198.51.100.1"),
		.quote = quote,
		.quote_len = quote_len,
		.error = EHOSTUNREACH,
		.hard = hard,
	};

	pb_tcp_complaint(h.tcp, &e);
}

/* RFC 5927 §4: a record is given up only for what quotes its SYN-ACK. */
static void complaint_of_record(void **state)
{
	struct segment s = {
		.h = {.src_port = 4000, .flags = TCP_SYN, .seq = 1000, .window = 9}
	};

	(void)state;
	harness_inject(&h, &s);
	assert_true(harness_sent(&h, &s, NULL));
	complain(4001, s.h.seq, 8, true);
	complain(4000, s.h.seq + 1, 8, true);
	complain(4000, s.h.seq, 7, true);
	assert_int_equal(h.env.counters.tcp.IcmpIgnored, 3);
	assert_int_equal(l->syn_count, 1);
	complain(4000, s.h.seq, 8, false); /* a soft error, too: RFC 5461 §4.1 */
	assert_int_equal(l->syn_count, 0);
	end();
}

struct seen {
	int states[STATE_COUNT];
	uint32_t receive_queue, send_queue; /* summed up */
};

static void see(const struct tcp_entry_info *i, void *context)
{
	struct seen *seen = context;

	seen->states[i->state]++;
	seen->receive_queue += i->receive_queue;
	seen->send_queue += i->send_queue;
	assert_int_equal(i->pair.local_port, HARNESS_PORT);
}

/* Every listener, record, connection and TIME-WAIT, once. */
static void each_entry(void **state)
{
	struct segment s = {
		.h = {.src_port = 5000, .flags = TCP_SYN, .seq = 1000, .window = 9}
	};
	struct seen seen = { 0 };
	uint32_t theirs;
	struct tcp_conn *c;

	(void)state;
	harness_call(&h, 4000, NULL, &theirs);
	harness_call(&h, 4001, NULL, &theirs);
	c = pb_tcp_accept(l, &h);
	pb_tcp_close(c, false);
	s.h = (struct tcp_header){ .src_port = 4000, .flags = TCP_FIN | TCP_ACK, .seq = 1001, .ack = 0 };
	s.h.ack = c->snd_max.v;
	harness_inject(&h, &s);
	harness_forget(&h);
	harness_call(&h, 4002, NULL, &theirs);
	c = pb_tcp_accept(l, &h);
	assert_int_equal(pb_tcp_send(c, &(struct iovec){ (char[]){ "12345" }, 5 }, 1, 0), 5);
	s = (struct segment){
		.h = {.src_port = 5000, .flags = TCP_SYN, .seq = 1000, .window = 9}
	};
	harness_inject(&h, &s);

	pb_tcp_each(h.tcp, see, &seen);
	assert_int_equal(seen.states[STATE_LISTEN], 1);
	assert_int_equal(seen.states[STATE_SYN_RECEIVED], 1);
	assert_int_equal(seen.states[STATE_ESTABLISHED], 2);
	assert_int_equal(seen.states[STATE_TIME_WAIT], 1);
	assert_int_equal(seen.receive_queue, 1);   /* one waits to be accepted */
	assert_int_equal(seen.send_queue, 16 + 5); /* the backlog; text */
	pb_tcp_close(c, true);
	end();
}

/* What lives on when the stack goes, goes with it: orphans, records, TIME-WAITs, and their buffers. */
static void free_all(void **state)
{
	struct segment s = {
		.h = {.src_port = 5000, .flags = TCP_SYN, .seq = 1000, .window = 9}
	};
	uint32_t theirs;
	struct tcp_conn *c;

	(void)state;
	c = harness_accept(&h, l, &theirs);
	assert_int_equal(pb_tcp_send(c, &(struct iovec){ (char[]){ "12345" }, 5 }, 1, 0), 5);
	pb_tcp_close(c, false);
	harness_inject(&h, &s);
	pb_tcp_listener_close(l);
	assert_int_equal(h.tcp->pairs.count, 1);
	harness_end(&h); /* which looks for what is left */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(damaged, begin),
		cmocka_unit_test_setup(believed_checksum, begin),
		cmocka_unit_test_setup(for_many, begin),
		cmocka_unit_test_setup(nobody_there, begin),
		cmocka_unit_test_setup(complaint_of_record, begin),
		cmocka_unit_test_setup(each_entry, begin),
		cmocka_unit_test_setup(free_all, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
