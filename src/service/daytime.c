/*
 * daytime (RFC 867) and time (RFC 868): the time of day, as a line for people and as a number for programs. Both are
 * sent to whoever connects, without being asked, and the connection ends.
 */
#include "service/small.h"

#include <stdio.h>
#include <time.h>

#define EPOCH_1900 UINT64_C(2208988800) /* RFC 868: seconds from 1900 to 1970 */
#define ANSWER_MAX 64

/* "Saturday, November 21, 2026 03:34:29-UTC": one of the forms that RFC 867 proposes. */
static size_t write_line(char *to, time_t now)
{
	struct tm tm;

	gmtime_r(&now, &tm);
	return strftime(to, ANSWER_MAX, "%A, %B %d, %Y %H:%M:%S-UTC\r\n", &tm);
}

/* 32 bits in network order; they begin again at 0 in February 2036. */
static size_t write_number(char *to, time_t now)
{
	uint32_t n = (uint32_t)((uint64_t)now + EPOCH_1900);

	for (int i = 0; i < 4; i++)
		to[i] = (char)(n >> (24 - 8 * i));
	return 4;
}

extern const struct service_kind service_daytime, service_time;

static size_t write_answer(const struct service *s, char *to)
{
	time_t now = time(NULL);

	return s->kind == &service_time ? write_number(to, now) : write_line(to, now);
}

/* A new connection's socket is empty, so the few bytes fit. */
static void daytime_accepted(struct conn *c)
{
	char answer[ANSWER_MAX];
	ssize_t n = conn_send(c, answer, write_answer(c->service, answer));

	if (n < 0)
		conn_fail(c, (int)n);
	else
		conn_linger(c, "done");
}

static void daytime_received(struct service *s, const struct datagram *d)
{
	char answer[ANSWER_MAX];

	if (small_may_answer(d))
		datagram_reply(s, d, answer, write_answer(s, answer));
}

const struct service_kind service_daytime = {
	.name = "daytime",
	.summary = "tells the time as a line of text",
	.example = "daytime://:1313",
	.rfc = "RFC 867",
	.stream = true,
	.datagram = true,
	.conn_size = sizeof(struct conn),
	.accepted = daytime_accepted,
	.received = daytime_received,
};

const struct service_kind service_time = {
	.name = "time",
	.summary = "tells the time as a 32-bit number of seconds since 1900",
	.example = "time://:3737",
	.rfc = "RFC 868",
	.stream = true,
	.datagram = true,
	.conn_size = sizeof(struct conn),
	.accepted = daytime_accepted,
	.received = daytime_received,
};
