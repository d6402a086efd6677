/* Proportional rate reduction: RFC 9937 §6, in segments of 1000 bytes. */
#include "transport/tcp/prr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MSS 1000

static struct prr p;

/* An ACK, and as much is sent as it allows. The pipe then; *sent: how much. */
static uint32_t ack(uint32_t delivered, uint32_t pipe, uint32_t ssthresh, bool safe, uint32_t *sent)
{
	uint32_t cwnd = pb_prr_acked(&p, delivered, pipe, ssthresh, MSS, safe);

	*sent = (cwnd - pipe) / MSS * MSS;
	p.out += *sent;
	return pipe + *sent;
}

/* One loss of 100: half of what is delivered is replaced, one ACK in two, down to ssthresh at the end. */
static void in_proportion(void **state)
{
	uint32_t pipe = 96 * MSS, out = 0, sent;

	(void)state;
	pb_prr_begin(&p, 100 * MSS);
	ack(3 * MSS, pipe, 50 * MSS, false, &sent);
	assert_int_equal(sent, 1 * MSS);
	out = sent;
	pipe += sent;
	for (int i = 0; i < 96; i++) {
		pipe = ack(MSS, pipe - MSS, 50 * MSS, false, &sent);
		assert_true(sent <= MSS);
		out += sent;
	}
	assert_in_range(out, 49 * MSS, 50 * MSS);
	assert_in_range(pipe, 49 * MSS, 51 * MSS);
}

/* The fast retransmit leaves, whatever the proportion. */
static void first_of_all(void **state)
{
	uint32_t sent;

	(void)state;
	pb_prr_begin(&p, 100 * MSS);
	ack(1, 97 * MSS, 50 * MSS, false, &sent);
	assert_int_equal(sent, MSS);
}

/* So much is lost that the pipe is far below: as much as is delivered, while more losses are found; one more if not. */
static void below_ssthresh(void **state)
{
	uint32_t sent;

	(void)state;
	pb_prr_begin(&p, 20 * MSS);
	ack(MSS, 3 * MSS, 10 * MSS, false, &sent);
	assert_int_equal(sent, MSS);
	ack(MSS, 3 * MSS, 10 * MSS, false, &sent);
	assert_int_equal(sent, MSS);
	ack(MSS, 3 * MSS, 10 * MSS, true, &sent);
	assert_int_equal(sent, 2 * MSS);
	ack(4 * MSS, 8 * MSS, 10 * MSS, true, &sent); /* not above it */
	assert_int_equal(sent, 2 * MSS);
}

/* What was held back is not lost: the application was slow, and then has something to send. */
static void catches_up(void **state)
{
	(void)state;
	pb_prr_begin(&p, 20 * MSS);
	p.out = MSS;
	assert_int_equal(pb_prr_acked(&p, 5 * MSS, 2 * MSS, 10 * MSS, MSS, false), 7 * MSS);
	assert_int_equal(pb_prr_acked(&p, MSS, 2 * MSS, 10 * MSS, MSS, false), 7 * MSS);
}

/* A gigabyte times a gigabyte. */
static void large_windows(void **state)
{
	(void)state;
	pb_prr_begin(&p, 1u << 30);
	assert_int_equal(pb_prr_acked(&p, 1u << 29, 3u << 28, 1u << 29, MSS, false), (3u << 28) + (1u << 28));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_proportion),  cmocka_unit_test(first_of_all),
		cmocka_unit_test(below_ssthresh), cmocka_unit_test(catches_up),
		cmocka_unit_test(large_windows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
