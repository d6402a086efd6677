/* pb_dial() over the several addresses of a name: a net that only says how connecting went, and a resolver of ours. */
#include "socket/socket.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <packetboat/dial.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define ADDRESSES 3

static struct sockaddr_in addresses[ADDRESSES];
static struct addrinfo found[ADDRESSES];
static int outcomes[ADDRESSES];  /* of connecting to each */
static pb_time waits[ADDRESSES]; /* how long each was waited for */
static int tried, open_sockets;

/* In place of the C library's. */
int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **list)
{
	(void)host, (void)port;
	for (int i = 0; i < ADDRESSES; i++) {
		addresses[i].sin_family = AF_INET;
		found[i] = (struct addrinfo){ .ai_family = AF_INET,
					      .ai_socktype = hints->ai_socktype,
					      .ai_addr = (struct sockaddr *)&addresses[i],
					      .ai_addrlen = sizeof addresses[i],
					      .ai_next = i + 1 < ADDRESSES ? &found[i + 1] : NULL };
	}
	*list = found;
	return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
	(void)list;
}

static int fake_connect(struct pb_socket *s, const struct sockaddr *addr, socklen_t addrlen)
{
	(void)s, (void)addr, (void)addrlen;
	return outcomes[tried++];
}

/* Nobody answers, and no time passes. */
static int fake_wait(struct pb_socket *s, int events, pb_time timeout)
{
	(void)s, (void)events;
	waits[tried - 1] = timeout;
	return 0;
}

static int fake_close(struct pb_socket *s)
{
	(void)s;
	open_sockets--;
	return 0;
}

static const struct pb_socket_ops fake_socket_ops = { .connect = fake_connect,
						      .close = fake_close,
						      .wait = fake_wait };

static int fake_open(struct pb_net *net, int family, int type, int protocol, struct pb_socket **s)
{
	static struct pb_socket socket;

	(void)family, (void)type, (void)protocol;
	socket = (struct pb_socket){ .ops = &fake_socket_ops, .net = net };
	*s = &socket;
	open_sockets++;
	return 0;
}

static int dial(int first, int second, int third, pb_time timeout)
{
	static const struct pb_net_ops ops = { .name = "host", .open = fake_open };
	struct pb_net net = { .ops = &ops };
	struct pb_socket *s;

	outcomes[0] = first;
	outcomes[1] = second;
	outcomes[2] = third;
	tried = open_sockets = 0;
	int rc = pb_dial(&net, "tcp", "example.org:80", timeout, &s);
	assert_int_equal(open_sockets, rc == 0);
	assert_true((s != NULL) == (rc == 0));
	return rc;
}

static void each_address_is_tried(void **state)
{
	(void)state;
	assert_int_equal(dial(0, 0, 0, PB_NEVER), 0);
	assert_int_equal(tried, 1);
	assert_int_equal(dial(-ECONNREFUSED, -ENETUNREACH, 0, PB_NEVER), 0);
	assert_int_equal(tried, 3);
	assert_int_equal(dial(-ECONNREFUSED, -ECONNREFUSED, -EHOSTUNREACH, PB_NEVER), -EHOSTUNREACH);
}

/* The kernel gives an address up before our time is over: the others have not had their turn. */
static void an_address_that_does_not_answer_is_not_the_last(void **state)
{
	(void)state;
	assert_int_equal(dial(-ETIMEDOUT, 0, 0, PB_NEVER), 0);
	assert_int_equal(tried, 2);
	assert_int_equal(dial(-ETIMEDOUT, -ECONNREFUSED, 0, PB_SEC(60)), 0);
	assert_int_equal(tried, 3);
}

static void near(pb_time time, pb_time expected)
{
	assert_in_range(time, expected - PB_MSEC(500), expected + PB_MSEC(1));
}

static void the_time_is_shared(void **state)
{
	(void)state;
	assert_int_equal(dial(-EINPROGRESS, -EINPROGRESS, -EINPROGRESS, PB_SEC(60)), -ETIMEDOUT);
	assert_int_equal(tried, 3);
	near(waits[0], PB_SEC(20));
	near(waits[1], PB_SEC(30)); /* half of what is left */
	near(waits[2], PB_SEC(60));
	assert_int_equal(dial(-EINPROGRESS, 0, 0, PB_NEVER), 0);
	assert_true(waits[0] == PB_NEVER);
}

static void nobody_is_tried_when_the_time_is_over(void **state)
{
	(void)state;
	assert_int_equal(dial(-ECONNREFUSED, 0, 0, 0), -ETIMEDOUT);
	assert_int_equal(tried, 1); /* the first always is */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_address_is_tried),
		cmocka_unit_test(an_address_that_does_not_answer_is_not_the_last),
		cmocka_unit_test(the_time_is_shared),
		cmocka_unit_test(nobody_is_tried_when_the_time_is_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
