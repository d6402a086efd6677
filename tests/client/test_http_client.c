/* Transfers against a server of this test: what is asked, over which connection, and what becomes of each mistake. */
#include "client/http_client.h"

#include <errno.h>
#include <packetboat/packetboat.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OK      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define SILENT  "" /* no answer, ever */
#define HANG_UP "\x04"

enum { REQUESTS_MAX = 16, REQUEST_MAX = 1024, BODY_MAX = 64 };

static struct pb_net *net;
static struct pb_loop *loop;
static struct resolver *resolver;
static struct http_client client;

/* The server: to each request it gives the next answer, and behind one that ends with HANG_UP it closes. */
static struct server {
	struct pb_watch listener;
	uint16_t port;
	const char *const *answers;
	size_t count;
	int conns;
	char requests[REQUESTS_MAX][REQUEST_MAX];
} server;

struct caller {
	struct pb_watch watch;
	struct caller *next;
	size_t len;
	char request[REQUEST_MAX];
};

static struct caller *callers;

static void answer(struct caller *c)
{
	assert_true(server.count < REQUESTS_MAX);
	const char *text = server.answers[server.count];
	size_t len = strcspn(text, HANG_UP);

	memcpy(server.requests[server.count++], c->request, c->len + 1);
	c->len = 0;
	if (len)
		assert_int_equal(pb_send(c->watch.socket, text, len, 0), len);
	if (text[len])
		pb_watch_close(&c->watch);
}

static void on_request(struct pb_watch *w, int ready)
{
	struct caller *c = (struct caller *)w;
	ssize_t n = pb_recv(w->socket, c->request + c->len, sizeof c->request - c->len - 1, 0);

	(void)ready;
	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		pb_watch_close(w);
		return;
	}
	c->len += (size_t)n;
	c->request[c->len] = '\0';
	if (strstr(c->request, "\r\n\r\n"))
		answer(c);
}

static void on_call(struct pb_watch *w, int ready)
{
	struct pb_socket *s;
	struct caller *c;

	(void)ready;
	if (pb_accept(w->socket, &s) < 0)
		return;
	c = calloc(1, sizeof *c);
	assert_non_null(c);
	c->next = callers;
	callers = c;
	server.conns++;
	assert_int_equal(pb_watch_socket(loop, &c->watch, s, POLLIN, on_request), 0);
}

/* A transfer and what its owner has heard. */
struct fetch {
	struct http_transfer transfer;
	int ends;
	size_t len;
	char body[BODY_MAX + 1];
};

static int on_body(struct http_transfer *t, const char *data, size_t len)
{
	struct fetch *f = (struct fetch *)t;

	if (len > BODY_MAX - f->len)
		return -EFBIG;
	memcpy(f->body + f->len, data, len);
	f->len += len;
	return 0;
}

static void on_done(struct http_transfer *t)
{
	((struct fetch *)t)->ends++;
}

static const struct http_events events = { .body = on_body, .done = on_done };

static void start(struct fetch *f, const char *format)
{
	char text[200];
	struct url url;
	struct url_error error;

	memset(f, 0, sizeof *f);
	snprintf(text, sizeof text, format, server.port);
	assert_true(url_parse(&url, text, &error));
	http_start(&f->transfer, &client, &url, false, &events);
	assert_int_equal(f->ends, 0);
}

static void finish(struct fetch *f)
{
	pb_time until = pb_loop_now(loop) + PB_SEC(10);

	while (!f->ends && pb_loop_now(loop) < until)
		assert_true(pb_loop_turn(loop, until) >= 0);
	assert_int_equal(f->ends, 1);
}

static void expect(const struct fetch *f, enum http_failure failure, int err)
{
	if (f->transfer.failure != failure || f->transfer.err != err)
		fail_msg("failure %d, %d: %s", (int)f->transfer.failure, f->transfer.err, f->transfer.error);
	if (failure == HTTP_FINE)
		assert_string_equal(f->body, "hello");
	else
		assert_true(f->transfer.error[0]);
}

static void get(const char *url, const char *const *answers, enum http_failure failure, int err)
{
	static struct fetch f;

	server.answers = answers;
	start(&f, url);
	finish(&f);
	expect(&f, failure, err);
}

static void asked(size_t i, const char *what, bool is_there)
{
	assert_true(i < server.count);
	if (!!strstr(server.requests[i], what) != is_there)
		fail_msg("request %zu %s '%s':\n%s", i, is_there ? "lacks" : "has", what, server.requests[i]);
}

/* Fixtures ------------------------------------------------------------------------------------------------------ */

static int begin(void **state)
{
	struct pb_socket *s;
	union pb_addr at;
	socklen_t len = sizeof at;

	(void)state;
	memset(&server, 0, sizeof server);
	assert_int_equal(pb_net_host(&net), 0);
	assert_int_equal(pb_loop_new(&loop), 0);
	assert_int_equal(resolver_new(loop, net, &resolver), 0);
	assert_int_equal(pb_listen_on(net, "tcp", "127.0.0.1:0", &s), 0);
	assert_int_equal(pb_getsockname(s, &at.sa, &len), 0);
	server.port = pb_addr_port(&at);
	assert_int_equal(pb_watch_socket(loop, &server.listener, s, POLLIN, on_call), 0);
	http_client_init(&client, &(struct http_config){ .loop = loop,
							 .net = net,
							 .resolver = resolver,
							 .family = AF_INET,
							 .connect_timeout = PB_SEC(5),
							 .idle_timeout = PB_MSEC(300) });
	return 0;
}

static int end(void **state)
{
	(void)state;
	http_client_free(&client);
	for (struct caller *c = callers, *next; c; c = next) {
		next = c->next;
		pb_watch_close(&c->watch);
		free(c);
	}
	callers = NULL;
	pb_watch_close(&server.listener);
	resolver_free(resolver);
	pb_loop_free(loop);
	pb_net_close(net);
	return 0;
}

/* Tests --------------------------------------------------------------------------------------------------------- */

static void asks_as_it_should(void **state)
{
	char host[40];

	(void)state;
	get("http://127.0.0.1:%u/a?b#c", (const char *const[]){ OK }, HTTP_FINE, 0);
	snprintf(host, sizeof host, "\r\nHost: 127.0.0.1:%u\r\n", server.port);
	assert_true(strncmp(server.requests[0], "GET /a?b HTTP/1.1\r\n", 19) == 0);
	asked(0, host, true);
	asked(0, "Authorization", false);
}

static void follows_on_the_same_connection(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 302 Found\r\nLocation: ../a b\"c\r\nContent-Length: 3\r\n\r\nbye",
		"HTTP/1.1 308 Permanent Redirect\r\nLocation: ?again\r\nContent-Length: 0\r\n\r\n",
		OK,
	};

	(void)state;
	get("http://127.0.0.1:%u/x/y", answers, HTTP_FINE, 0);
	asked(1, "GET /a%20b%22c HTTP/1.1\r\n", true);
	asked(2, "GET /a%20b%22c?again HTTP/1.1\r\n", true);
	assert_int_equal(server.conns, 1);
}

static void does_not_follow_for_ever(void **state)
{
	const char *answers[REQUESTS_MAX];

	(void)state;
	for (size_t i = 0; i < REQUESTS_MAX; i++)
		answers[i] = "HTTP/1.1 301 Moved\r\nLocation: /\r\nContent-Length: 0\r\n\r\n";
	get("http://127.0.0.1:%u/", answers, HTTP_FAIL_REFUSED, 0);
	assert_int_equal(server.count, HTTP_REDIRECTS_MAX + 1);
}

static void does_not_follow_nonsense(void **state)
{
	static const char *const answers[] = {
		"HTTP/1.1 302 Found\r\nLocation: ftp://h/\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n",
	};

	(void)state;
	get("http://127.0.0.1:%u/", answers, HTTP_FAIL_PROTOCOL, 0);
	get("http://127.0.0.1:%u/", answers, HTTP_FAIL_PROTOCOL, 0);
	assert_int_equal(server.count, 2);
}

/* The origin is the same by name, port and scheme; localhost is not 127.0.0.1. */
static void keeps_the_password_to_its_origin(void **state)
{
	char elsewhere[200];
	const char *const answers[] = {
		"HTTP/1.1 302 Found\r\nLocation: /here\r\nContent-Length: 0\r\n\r\n",
		elsewhere,
		OK,
	};

	(void)state;
	snprintf(elsewhere, sizeof elsewhere,
		 "HTTP/1.1 302 Found\r\nLocation: http://localhost:%u/there\r\nContent-Length: 0\r\n\r\n",
		 server.port);
	get("http://me:secret@127.0.0.1:%u/", answers, HTTP_FINE, 0);
	asked(0, "Authorization: Basic bWU6c2VjcmV0\r\n", true);
	asked(1, "Authorization: Basic bWU6c2VjcmV0\r\n", true);
	asked(2, "GET /there ", true);
	asked(2, "Authorization", false);
	assert_int_equal(server.conns, 2);
}

/* A kept connection that ends instead of answering is no failure: the server may have closed it before it heard us. */
static void dials_again_where_a_kept_connection_ended(void **state)
{
	(void)state;
	get("http://127.0.0.1:%u/1", (const char *const[]){ OK, HANG_UP, OK }, HTTP_FINE, 0);
	get("http://127.0.0.1:%u/2", (const char *const[]){ OK, HANG_UP, OK }, HTTP_FINE, 0);
	assert_int_equal(server.count, 3);
	assert_int_equal(server.conns, 2);
}

static void a_new_connection_that_ends_is_a_failure(void **state)
{
	(void)state;
	get("http://127.0.0.1:%u/", (const char *const[]){ HANG_UP }, HTTP_FAIL_PROTOCOL, 0);
	assert_int_equal(server.conns, 1);
}

static void a_body_cut_short_is_a_failure(void **state)
{
	static const char *const answers[] = { "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort" HANG_UP };

	(void)state;
	get("http://127.0.0.1:%u/", answers, HTTP_FAIL_PROTOCOL, 0);
}

/* What follows a response is no answer to anything; the connection is of no more use. */
static void does_not_keep_what_says_too_much(void **state)
{
	static const char *const answers[] = { OK "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", OK };

	(void)state;
	get("http://127.0.0.1:%u/1", answers, HTTP_FINE, 0);
	get("http://127.0.0.1:%u/2", answers, HTTP_FINE, 0);
	assert_int_equal(server.conns, 2);
}

static void an_owner_may_stop(void **state)
{
	char long_answer[200];
	const char *const answers[] = { long_answer };

	(void)state;
	snprintf(long_answer, sizeof long_answer, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n%099d", 0);
	get("http://127.0.0.1:%u/", answers, HTTP_FAIL_SYSTEM, -EFBIG);
}

static void silence_is_not_waited_for_for_ever(void **state)
{
	(void)state;
	get("http://127.0.0.1:%u/", (const char *const[]){ SILENT }, HTTP_FAIL_SYSTEM, -ETIMEDOUT);
}

static void nobody_there(void **state)
{
	(void)state;
	pb_watch_close(&server.listener);
	get("http://127.0.0.1:%u/", NULL, HTTP_FAIL_SYSTEM, -ECONNREFUSED);
	get("http://nosuch.invalid:%u/", NULL, HTTP_FAIL_NAME, -ENXIO);
}

static void calls_from_where_it_is_told(void **state)
{
	static const char *const answers[] = { OK };
	union pb_addr peer = { 0 };
	socklen_t len = sizeof peer;

	(void)state;
	assert_true(pb_addr_parse(&client.config.local, "127.0.0.3"));
	get("http://127.0.0.1:%u/", answers, HTTP_FINE, 0);
	assert_int_equal(pb_getpeername(callers->watch.socket, &peer.sa, &len), 0);
	pb_addr_set_port(&peer, 0);
	assert_true(pb_addr_equal(&peer, &client.config.local));
}

/* TEST-NET-1 (RFC 5737) is nobody's. */
static void does_not_call_from_where_it_is_not(void **state)
{
	(void)state;
	assert_true(pb_addr_parse(&client.config.local, "192.0.2.1"));
	get("http://127.0.0.1:%u/", NULL, HTTP_FAIL_SYSTEM, -EADDRNOTAVAIL);
	assert_int_equal(server.conns, 0);
}

static void side_by_side(void **state)
{
	static struct fetch f[3];

	(void)state;
	server.answers = (const char *const[]){ OK, OK, OK };
	for (int i = 0; i < 3; i++)
		start(&f[i], "http://127.0.0.1:%u/");
	for (int i = 0; i < 3; i++) {
		finish(&f[i]);
		expect(&f[i], HTTP_FINE, 0);
	}
	assert_int_equal(server.conns, 3);
}

static void cancelled_is_not_told(void **state)
{
	static struct fetch f[2];

	(void)state;
	server.answers = (const char *const[]){ SILENT };
	start(&f[0], "http://127.0.0.1:%u/");
	http_cancel(&f[0].transfer); /* before it has begun */
	start(&f[1], "http://127.0.0.1:%u/");
	while (!server.count)
		assert_true(pb_loop_turn(loop, pb_loop_now(loop) + PB_SEC(1)) >= 0);
	http_cancel(&f[1].transfer);
	for (int i = 0; i < 5; i++)
		pb_loop_turn(loop, pb_loop_now(loop) + PB_MSEC(100));
	assert_int_equal(f[0].ends + f[1].ends, 0);
	assert_int_equal(server.conns, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(asks_as_it_should),
		TEST(follows_on_the_same_connection),
		TEST(does_not_follow_for_ever),
		TEST(does_not_follow_nonsense),
		TEST(keeps_the_password_to_its_origin),
		TEST(dials_again_where_a_kept_connection_ended),
		TEST(a_new_connection_that_ends_is_a_failure),
		TEST(a_body_cut_short_is_a_failure),
		TEST(does_not_keep_what_says_too_much),
		TEST(an_owner_may_stop),
		TEST(silence_is_not_waited_for_for_ever),
		TEST(nobody_there),
		TEST(calls_from_where_it_is_told),
		TEST(does_not_call_from_where_it_is_not),
		TEST(side_by_side),
		TEST(cancelled_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
