/* Files with keys to sign with: what is in them, what is wrong with them; and sockets that sign by them. */
#include "client/sign_key.h"

#include <errno.h>
#include <packetboat/loop.h>
#include <packetboat/stack.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/sign-key-XXXXXX";
static struct sign_key key;
static char why[256];

static bool read_text(enum sign_kind kind, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	why[0] = '\0';
	return sign_key_read(&key, kind, path, why, sizeof why);
}

static void is_wrong(enum sign_kind kind, const char *text, const char *word)
{
	assert_false(read_text(kind, text));
	if (!strstr(why, word) || !strstr(why, path))
		fail_msg("'%s': '%s' does not say '%s'", text, why, word);
}

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void md5(void **state)
{
	char longest[SIGN_KEY_MAX + 2] = "";

	(void)state;
	assert_true(read_text(SIGN_MD5, "correct horse\nand what follows"));
	assert_true(key.count == 1 && key.keys[0].len == 13);
	assert_memory_equal(key.keys[0].bytes, "correct horse", 13);
	memset(longest, 'x', SIGN_KEY_MAX);
	assert_true(read_text(SIGN_MD5, longest));
	assert_int_equal(key.keys[0].len, SIGN_KEY_MAX);
	longest[SIGN_KEY_MAX] = 'x';
	is_wrong(SIGN_MD5, longest, "at most 80 bytes");
	is_wrong(SIGN_MD5, "", "empty");
	is_wrong(SIGN_MD5, "\nkey", "empty");
}

static void ao(void **state)
{
	char longest[SIGN_KEY_MAX + 8];

	(void)state;
	assert_true(read_text(SIGN_AO, "7 correct horse\n255  battery staple"));
	assert_int_equal(key.count, 2);
	assert_true(key.keys[0].id == 7 && key.keys[0].len == 13);
	assert_memory_equal(key.keys[0].bytes, "correct horse", 13);
	assert_true(key.keys[1].id == 255 && key.keys[1].len == 15);
	assert_memory_equal(key.keys[1].bytes, " battery staple", 15);
	snprintf(longest, sizeof longest, "1 %0*d", SIGN_KEY_MAX, 0);
	assert_true(read_text(SIGN_AO, longest));
	snprintf(longest, sizeof longest, "1 %0*d", SIGN_KEY_MAX + 1, 0);
	is_wrong(SIGN_AO, longest, "more than 80 bytes");
	assert_true(read_text(SIGN_AO, "1 a\n2 b\n3 c\n4 d\n"));
	is_wrong(SIGN_AO, "1 a\n2 b\n3 c\n4 d\n5 e\n", "more than 4 keys");
	is_wrong(SIGN_AO, "1 a\n1 b\n", "twice");
	is_wrong(SIGN_AO, "", "empty");
	static const char *const wrong[] = { "correct horse", "256 a", "1000 a",    "-1 a", "7", "7 ",
					     "7key",          " 7 a",  "1 a\n\n2 b" };
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		is_wrong(SIGN_AO, wrong[i], "as in '7 correct horse'");
}

static void no_file(void **state)
{
	(void)state;
	assert_false(sign_key_read(&key, SIGN_AO, "/none/such", why, sizeof why));
	assert_non_null(strstr(why, "/none/such: No such file"));
}

/*
 * -- Sockets of a stack that sign
 */

static struct world {
	struct pb_loop *loop;
	struct pb_net *net;
	struct pb_socket *listener;
	union pb_addr at;
} w;

static int open_world(void **state)
{
	struct pb_stack_options options = { .seed = "sign" };
	struct pb_stack *stack;
	socklen_t len = sizeof w.at;

	(void)state;
	assert_int_equal(pb_loop_new_virtual(0, &w.loop), 0);
	assert_int_equal(pb_stack_new(&options, &stack), 0);
	w.net = pb_stack_net(stack);
	assert_int_equal(pb_loop_add_net(w.loop, w.net), 0);
	assert_true(pb_addr_parse(&w.at, "127.0.0.1"));
	assert_int_equal(pb_socket_open(w.net, AF_INET, SOCK_STREAM, 0, &w.listener), 0);
	assert_int_equal(pb_bind(w.listener, &w.at.sa, pb_addr_len(&w.at)), 0);
	assert_int_equal(pb_getsockname(w.listener, &w.at.sa, &len), 0);
	return 0;
}

static int close_world(void **state)
{
	(void)state;
	pb_close(w.listener);
	pb_loop_free(w.loop);
	pb_net_close(w.net);
	return 0;
}

/* Who listens has the keys of the file; the caller those of text, NULL: none. Whether he is accepted. */
static bool is_accepted(enum sign_kind kind, const char *text)
{
	struct pb_socket *caller, *accepted = NULL;
	pb_time end = pb_loop_now(w.loop) + PB_SEC(3);

	assert_int_equal(pb_socket_open(w.net, AF_INET, SOCK_STREAM, 0, &caller), 0);
	if (text) {
		assert_true(read_text(kind, text));
		assert_int_equal(sign_key_use(&key, caller, &w.at), 0);
	}
	assert_int_equal(pb_connect(caller, &w.at.sa, pb_addr_len(&w.at)), -EINPROGRESS);
	while (pb_loop_now(w.loop) < end && pb_accept(w.listener, &accepted) == -EAGAIN)
		assert_true(pb_loop_turn(w.loop, pb_loop_now(w.loop) + PB_MSEC(10)) >= 0);
	if (accepted)
		pb_close(accepted);
	pb_close(caller);
	return accepted;
}

static void listen_with(enum sign_kind kind, const char *text)
{
	const union pb_addr any = pb_addr_any(AF_INET);

	assert_true(read_text(kind, text));
	assert_int_equal(sign_key_use(&key, w.listener, &any), 0);
	assert_int_equal(pb_listen(w.listener, 8), 0);
}

static void signs_by_md5(void **state)
{
	(void)state;
	listen_with(SIGN_MD5, "correct horse");
	assert_true(is_accepted(SIGN_MD5, "correct horse"));
	assert_false(is_accepted(SIGN_MD5, "battery staple"));
	assert_false(is_accepted(SIGN_MD5, NULL));
}

/* Each of the keys will do, under its identifier. */
static void signs_by_ao(void **state)
{
	(void)state;
	listen_with(SIGN_AO, "7 correct horse\n8 battery staple");
	assert_true(is_accepted(SIGN_AO, "7 correct horse"));
	assert_true(is_accepted(SIGN_AO, "8 battery staple"));
	assert_true(is_accepted(SIGN_AO, "8 battery staple\n9 of nobody else"));
	assert_false(is_accepted(SIGN_AO, "7 battery staple"));
	assert_false(is_accepted(SIGN_AO, "9 correct horse"));
	assert_false(is_accepted(SIGN_MD5, "correct horse"));
	assert_false(is_accepted(SIGN_AO, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(md5),
		cmocka_unit_test(ao),
		cmocka_unit_test(no_file),
		cmocka_unit_test_setup_teardown(signs_by_md5, open_world, close_world),
		cmocka_unit_test_setup_teardown(signs_by_ao, open_world, close_world),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
