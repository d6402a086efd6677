/* Errors that came back: in order, bounded in number and in what they quote. */
#include "transport/error_queue.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void in_order(void **state)
{
	struct error_queue q;
	struct ip dst = ip_from4((const uint8_t[4]){ 192, 0, 2, 1 });
	struct ip_error e = { .error = ECONNREFUSED, .dst = dst };
	struct returned *r;

	(void)state;
	pb_error_queue_init(&q);
	assert_null(pb_error_queue_take(&q));
	for (int round = 0; round < 2; round++) {
		assert_true(pb_error_queue_push(&q, &e, 7, (const uint8_t *)"abc", 3));
		assert_true(pb_error_queue_push_local(&q, &dst, 9, 1280));
		r = pb_error_queue_take(&q);
		assert_int_equal(r->dst_port, 7);
		assert_false(r->local);
		assert_int_equal(r->len, 3);
		assert_memory_equal(r->data, "abc", 3);
		free(r);
		r = pb_error_queue_take(&q);
		assert_true(r->local);
		assert_int_equal(r->error.error, EMSGSIZE);
		assert_int_equal(r->error.mtu, 1280);
		free(r);
		assert_null(pb_error_queue_take(&q));
	}
}

static void bounded(void **state)
{
	static const uint8_t quote[2 * ERROR_QUOTE_MAX];
	struct ip_error e = { .error = ECONNREFUSED };
	struct error_queue q;

	(void)state;
	pb_error_queue_init(&q);
	for (int i = 0; i < ERROR_QUEUE_MAX; i++)
		assert_true(pb_error_queue_push(&q, &e, 7, quote, sizeof quote));
	assert_false(pb_error_queue_push(&q, &e, 7, quote, sizeof quote));
	assert_int_equal(q.first->len, ERROR_QUOTE_MAX);
	pb_error_queue_clear(&q);
	assert_int_equal(q.count, 0);
	assert_null(q.first);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(in_order), cmocka_unit_test(bounded) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
