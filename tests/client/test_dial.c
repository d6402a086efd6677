/*
 * Dialing as RFC 8305 has it, between two stacks in virtual time. What the names have is told by this test:
 * it takes the resolver's place.
 */
#include "base/list.h"
#include "client/dial.h"

#include <errno.h>
#include <packetboat/stack.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct world {
	struct pb_loop *loop;
	struct pb_net *server, *client;
	struct pb_socket *listener[2]; /* of IPv4 and IPv6, at port 80 */
	struct dial dial;
	bool at_hand; /* all addresses are known at once */
	struct question {
		int family;
		struct pb_timer timer;
		resolve_fn *resolved;
		void *arg;
	} question[2];
	pb_time answers_after[2]; /* IPv6's, IPv4's; PB_NEVER: the server is silent */
	union pb_addr has[RESOLVE_ADDRS_MAX];
	size_t count;
	bool ended;
	int err;
	struct pb_socket *socket;
	char said[2048];
} w;

static void answer(struct pb_timer *t)
{
	struct question *q = container_of(t, struct question, timer);
	union pb_addr has[RESOLVE_ADDRS_MAX];
	size_t count = 0;

	for (size_t n = 0; n < w.count; n++)
		if (q->family == AF_UNSPEC || q->family == w.has[n].sa.sa_family)
			has[count++] = w.has[n];
	q->resolved(q->arg, count ? 0 : -ENXIO, count ? NULL : "no such address", has, count);
}

bool resolver_is_at_hand(const char *name)
{
	(void)name;
	return w.at_hand;
}

struct resolver_query *resolver_lookup(struct resolver *r, const char *name, int family, pb_time timeout,
				       resolve_fn *fn, void *arg)
{
	struct question *q = &w.question[family == AF_INET];
	pb_time after = w.answers_after[family == AF_INET];

	(void)r, (void)name, (void)timeout;
	*q = (struct question){ .family = family, .timer.fn = answer, .resolved = fn, .arg = arg };
	if (after != PB_NEVER)
		pb_timer_set(w.loop, &q->timer, pb_loop_now(w.loop) + after);
	return (struct resolver_query *)q;
}

void resolver_cancel(struct resolver_query *query)
{
	pb_timer_stop(w.loop, &((struct question *)query)->timer);
}

static struct pb_net *open_host(struct pb_device *device, const char *v4, const char *v6)
{
	const char *addresses[] = { v4, v6 };
	struct pb_stack_options options = { 0 };
	struct pb_stack *stack;

	memcpy(options.seed, v4, strlen(v4));
	assert_int_equal(pb_stack_new(&options, &stack), 0);
	assert_int_equal(pb_stack_attach(stack, device, "wire"), 2);
	for (int n = 0; n < 2; n++) {
		union pb_addr a;
		assert_true(pb_addr_parse(&a, addresses[n]));
		assert_int_equal(pb_stack_add_address(stack, 2, &a.sa, n ? 64 : 24, PB_USE_AT_ONCE), 0);
	}
	assert_int_equal(pb_loop_add_net(w.loop, pb_stack_net(stack)), 0);
	return pb_stack_net(stack);
}

static int open_world(void **state)
{
	struct pb_device *end[2];

	(void)state;
	memset(&w, 0, sizeof w);
	assert_int_equal(pb_loop_new_virtual(0, &w.loop), 0);
	assert_int_equal(pb_device_pair(1500, true, 1024, end), 0);
	w.server = open_host(end[0], "192.168.1.1", "2001:db8::1");
	w.client = open_host(end[1], "192.168.1.9", "2001:db8::9");
	for (int n = 0; n < 2; n++) {
		union pb_addr any = pb_addr_any(n ? AF_INET6 : AF_INET);
		int one = 1;
		pb_addr_set_port(&any, 80);
		assert_int_equal(pb_socket_open(w.server, any.sa.sa_family, SOCK_STREAM, 0, &w.listener[n]),
				 0);
		if (n)
			pb_setsockopt(w.listener[n], IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
		assert_int_equal(pb_bind(w.listener[n], &any.sa, pb_addr_len(&any)), 0);
		assert_int_equal(pb_listen(w.listener[n], 8), 0);
	}
	return 0;
}

static int close_world(void **state)
{
	(void)state;
	pb_close(w.socket);
	pb_close(w.listener[0]);
	pb_close(w.listener[1]);
	pb_loop_free(w.loop);
	pb_net_close(w.client);
	pb_net_close(w.server);
	return 0;
}

static void ended(struct dial *d, int err, struct pb_socket *s)
{
	(void)d;
	w.ended = true;
	w.err = err;
	w.socket = s;
}

static void note(struct dial *d, const char *text)
{
	(void)d;
	strncat(w.said, text, sizeof w.said - strlen(w.said) - 1);
	strncat(w.said, "\n", sizeof w.said - strlen(w.said) - 1);
}

/* Call a host that has these addresses; how long it took. */
static pb_time call(uint16_t port, pb_time timeout, const char *const *addresses)
{
	pb_time start = pb_loop_now(w.loop);

	for (w.count = 0; addresses[w.count]; w.count++)
		assert_true(pb_addr_parse(&w.has[w.count], addresses[w.count]));
	w.dial = (struct dial){ .loop = w.loop,
				.net = w.client,
				.type = SOCK_STREAM,
				.timeout = timeout,
				.fn = ended,
				.step = note };
	assert_int_equal(dial_start(&w.dial, "host.example", port), 0);
	while (!w.ended)
		assert_true(pb_loop_turn(w.loop, pb_loop_now(w.loop) + PB_MSEC(10)) >= 0);
	return pb_loop_now(w.loop) - start;
}

static void expect_peer(const char *text)
{
	union pb_addr want;

	assert_true(pb_addr_parse(&want, text));
	pb_addr_set_port(&want, 80);
	assert_int_equal(w.err, 0);
	assert_non_null(w.socket);
	assert_true(pb_addr_equal(&w.dial.peer, &want));
}

static void the_best_that_answers(void **state)
{
	(void)state;
	assert_true(call(80, PB_SEC(10), (const char *[]){ "2001:db8::1", "192.168.1.1", NULL }) <
		    PB_MSEC(250));
	expect_peer("2001:db8::1");
	assert_null(strstr(w.said, "connecting to 192.168.1.1"));
}

/* RFC 8305 §5: after a quarter of a second the other family has its turn. */
static void who_is_silent_keeps_nobody_waiting(void **state)
{
	(void)state;
	pb_time took = call(80, PB_SEC(10), (const char *[]){ "2001:db8::77", "192.168.1.1", NULL });
	assert_in_range(took, PB_MSEC(250), PB_MSEC(300));
	expect_peer("192.168.1.1");
}

/* RFC 8305 §4: families by turns. */
static void families_by_turns(void **state)
{
	(void)state;
	pb_time took =
		call(80, PB_SEC(10),
		     (const char *[]){ "2001:db8::77", "2001:db8::78", "2001:db8::79", "192.168.1.1", NULL });
	assert_in_range(took, PB_MSEC(250), PB_MSEC(300));
	expect_peer("192.168.1.1");
	assert_null(strstr(w.said, "connecting to [2001:db8::78]"));
}

/* RFC 8305 §5: a refusal is answered by the next attempt, at once. */
static void a_refusal_costs_no_time(void **state)
{
	(void)state;
	pb_close(w.listener[1]);
	w.listener[1] = NULL;
	assert_true(call(80, PB_SEC(10), (const char *[]){ "2001:db8::1", "192.168.1.1", NULL }) <
		    PB_MSEC(100));
	expect_peer("192.168.1.1");
}

/* RFC 8305 §3: a name server that is silent about the one family keeps the other waiting for 50 ms, or not at all. */
static void a_name_server_is_silent_about_a_family(void **state)
{
	(void)state;
	w.answers_after[0] = PB_NEVER;
	pb_time took = call(80, PB_SEC(10), (const char *[]){ "2001:db8::1", "192.168.1.1", NULL });
	assert_in_range(took, PB_MSEC(50), PB_MSEC(70));
	expect_peer("192.168.1.1");
}

static void ipv6_waits_for_nobody(void **state)
{
	(void)state;
	w.answers_after[1] = PB_NEVER;
	assert_true(call(80, PB_SEC(10), (const char *[]){ "2001:db8::1", "192.168.1.1", NULL }) <
		    PB_MSEC(20));
	expect_peer("2001:db8::1");
}

/* In time, it is first as ever. */
static void ipv6_is_known_a_little_later(void **state)
{
	(void)state;
	w.answers_after[0] = PB_MSEC(40);
	assert_in_range(call(80, PB_SEC(10), (const char *[]){ "2001:db8::1", "192.168.1.1", NULL }),
			PB_MSEC(40), PB_MSEC(60));
	expect_peer("2001:db8::1");
	assert_null(strstr(w.said, "connecting to 192.168.1.1"));
}

/* What comes when another has been tried for long enough joins in at once. */
static void addresses_that_come_late(void **state)
{
	(void)state;
	w.answers_after[0] = PB_MSEC(500);
	pb_time took = call(80, PB_SEC(10), (const char *[]){ "2001:db8::1", "192.168.1.77", NULL });
	assert_in_range(took, PB_MSEC(500), PB_MSEC(520));
	expect_peer("2001:db8::1");
}

static void the_other_family_is_waited_for(void **state)
{
	(void)state;
	pb_close(w.listener[0]);
	w.listener[0] = NULL;
	w.answers_after[0] = PB_MSEC(500);
	pb_time took = call(80, PB_SEC(10), (const char *[]){ "2001:db8::1", "192.168.1.1", NULL });
	assert_in_range(took, PB_MSEC(500), PB_MSEC(520));
	expect_peer("2001:db8::1");
}

static void a_family_has_no_address(void **state)
{
	(void)state;
	assert_true(call(80, PB_SEC(10), (const char *[]){ "192.168.1.1", NULL }) < PB_MSEC(20));
	expect_peer("192.168.1.1");
}

static void there_is_no_address(void **state)
{
	(void)state;
	call(80, PB_SEC(10), (const char *[]){ NULL });
	assert_int_equal(w.err, -ENXIO);
	assert_string_equal(w.dial.why, "no such address");
}

static void nobody_has_to_be_asked(void **state)
{
	(void)state;
	w.at_hand = true;
	assert_true(call(80, PB_SEC(10), (const char *[]){ "2001:db8::1", "192.168.1.1", NULL }) <
		    PB_MSEC(20));
	assert_null(w.question[1].resolved);
	expect_peer("2001:db8::1");
}

static void all_refuse(void **state)
{
	(void)state;
	assert_true(call(81, PB_SEC(10), (const char *[]){ "2001:db8::1", "192.168.1.1", NULL }) <
		    PB_MSEC(100));
	assert_int_equal(w.err, -ECONNREFUSED);
	assert_null(w.socket);
}

static void all_are_silent(void **state)
{
	(void)state;
	pb_time took = call(80, PB_SEC(2), (const char *[]){ "2001:db8::77", "192.168.1.77", NULL });
	assert_in_range(took, PB_SEC(2), PB_SEC(2) + PB_MSEC(20));
	assert_int_equal(w.err, -ETIMEDOUT);
	assert_null(w.socket);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_best_that_answers),
		TEST(who_is_silent_keeps_nobody_waiting),
		TEST(families_by_turns),
		TEST(a_refusal_costs_no_time),
		TEST(a_name_server_is_silent_about_a_family),
		TEST(ipv6_waits_for_nobody),
		TEST(ipv6_is_known_a_little_later),
		TEST(addresses_that_come_late),
		TEST(the_other_family_is_waited_for),
		TEST(a_family_has_no_address),
		TEST(there_is_no_address),
		TEST(nobody_has_to_be_asked),
		TEST(all_refuse),
		TEST(all_are_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
