/* The log of several workers into a pipe that nobody reads for a while: what can be lost is lines, whole ones. */
#include "service/service.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define LONG 1500 /* bytes of a text: three lines with one are more than PIPE_BUF */

static const struct service_kind kind = { .name = "http" };
static struct service service = { .kind = &kind };
static struct conn conn = { .service = &service, .number = 7 };
static int reads, writes;
static struct log *journal;

static int begin(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	reads = ends[0];
	writes = ends[1];
	assert_int_equal(fcntl(writes, F_SETPIPE_SZ, PIPE_BUF), PIPE_BUF);
	assert_true(pb_addr_parse(&conn.peer, "127.0.0.1"));
	journal = log_new(LOG_JSON, writes);
	assert_non_null(journal);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	log_free(journal);
	close(reads);
	close(writes);
	return 0;
}

static void log_long_ones(int lines, char ch)
{
	char target[LONG];
	struct log_request r = { .method = "GET", .method_len = 3, .target = target, .target_len = LONG };

	memset(target, ch, LONG);
	for (int i = 0; i < lines; i++)
		log_request(journal, &conn, &r);
}

/* What is in the pipe, as a string. */
static const char *drain(void)
{
	static char text[PIPE_BUF + 1];
	ssize_t n = read(reads, text, PIPE_BUF);

	assert_true(n > 0);
	text[n] = 0;
	return text;
}

/* Another worker logs a line. */
static void other_says(const char *text)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		log_say(journal, "%s", text);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* A page of three lines is written, the end of the third is lost: whoever is next begins a line of his own. */
static void a_cut_line_ends_before_the_next(void **state)
{
	const char *rest;

	(void)state;
	log_long_ones(3, 'a');
	log_flush(journal);
	const char *text = drain();
	assert_int_equal(strlen(text), PIPE_BUF);
	assert_int_not_equal(text[PIPE_BUF - 1], '\n');
	other_says("well");
	rest = drain();
	assert_int_equal(rest[0], '\n');
	assert_memory_equal(rest + 1, "{\"time\"", 7);
	assert_non_null(strstr(rest, "\"well\""));
}

/* Only what was lost is counted: of three lines the last. */
static void lost_lines_are_told(void **state)
{
	(void)state;
	log_long_ones(3, 'a');
	log_flush(journal);
	drain();
	log_say(journal, "well");
	const char *said = drain();
	assert_non_null(strstr(said, "\"well\""));
	assert_non_null(strstr(said, "\"1 lines of this log could not be written: nobody reads it\""));
	log_say(journal, "now");
	assert_null(strstr(drain(), "could not be written"));
}

/* Somebody who is slow, but reads, gets them all. */
static void a_slow_reader_loses_nothing(void **state)
{
	char got[8 * 4096];
	size_t len = 0;
	unsigned lines = 0;

	(void)state;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		log_long_ones(10, 'a');
		log_free(journal);
		_exit(0);
	}
	while (lines < 10) {
		usleep(20000);
		ssize_t n = read(reads, got + len, sizeof got - len);
		assert_true(n > 0);
		for (; n; n--)
			lines += got[len++] == '\n';
	}
	assert_int_equal(got[len - 1], '\n');
	assert_null(strstr(got, "could not"));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_cut_line_ends_before_the_next, begin, finish),
		cmocka_unit_test_setup_teardown(lost_lines_are_told, begin, finish),
		cmocka_unit_test_setup_teardown(a_slow_reader_loses_nothing, begin, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
