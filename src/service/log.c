#include "service/log.h"

#include "service/service.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_SIZE     (64 * 1024)
#define FIRST           1                         /* where our lines begin in the buffer */
#define TEXT_MAX        2048                      /* bytes of one foreign text: what is longer is cut */
#define READER_PATIENCE 1000                      /* milliseconds that a log waits for its reader */
#define LOST_LINE_MAX   512                       /* that tells of lost ones */
#define ONE_LINE_MAX    (6 * 4 * TEXT_MAX + 1024) /* four texts, every byte of them escaped as \u00XX */

/* What all workers share. */
struct log_shared {
	pthread_mutex_t turn; /* to write */
	bool cut;             /* what was written last is no whole line */
};

struct log {
	struct log_shared *shared;
	enum log_form form;
	int fd;
	bool may_block; /* it is no file: somebody has to read it */
	bool stalled;   /* nobody has for a while */
	size_t len;
	uint64_t lost; /* lines that could not be written, or not whole */
	int lost_errno;
	time_t second;            /* that stamp stands for */
	char stamp[32];           /* 2026-11-21T03:21:19 */
	char buffer[BUFFER_SIZE]; /* a newline, for where a line was cut before, then our lines */
};

_Static_assert(FIRST + ONE_LINE_MAX + LOST_LINE_MAX <= BUFFER_SIZE, "a line fits");

/* For all processes that are forked from here on. A holder of the lock who dies lets go of it. NULL: out of memory. */
static struct log_shared *shared_new(void)
{
	struct log_shared *shared =
		mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t attributes;

	if (shared == MAP_FAILED)
		return NULL;
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&shared->turn, &attributes);
	pthread_mutexattr_destroy(&attributes);
	return shared;
}

struct log *log_new(enum log_form form, int fd)
{
	struct log *log = malloc(sizeof *log);
	struct stat s;

	if (!log)
		return NULL;
	memset(log, 0, offsetof(struct log, buffer));
	log->buffer[0] = '\n';
	log->len = FIRST;
	log->form = form;
	log->fd = fd;
	log->may_block = fstat(fd, &s) == 0 && !S_ISREG(s.st_mode);
	log->shared = shared_new();
	if (log->shared)
		return log;
	free(log);
	return NULL;
}

bool log_wants(const struct log *log)
{
	return log->form != LOG_NONE;
}

void log_free(struct log *log)
{
	if (!log)
		return;
	log_flush(log);
	munmap(log->shared, sizeof *log->shared);
	free(log);
}

/*
 * Whether the next write will not wait for a reader who does not read. One who is slow is waited for a little, but only
 * until he has been too slow once. A pipe that is ready takes PIPE_BUF bytes (pipe(7)).
 */
static bool can_write(struct log *log)
{
	struct pollfd p = { .fd = log->fd, .events = POLLOUT };

	if (!log->may_block)
		return true;
	log->stalled = poll(&p, 1, log->stalled ? 0 : READER_PATIENCE) == 0;
	errno = EAGAIN;
	return !log->stalled;
}

/* As much of it as goes at once. -1: errno says why, EAGAIN that nobody reads. */
static ssize_t write_piece(struct log *log, const char *p, size_t len)
{
	if (!can_write(log))
		return -1;
	return write(log->fd, p, log->may_block && len > PIPE_BUF ? PIPE_BUF : len);
}

/* Write the buffer from a byte on: up to which that went. Not its end: errno says why. */
static size_t write_from(struct log *log, size_t at)
{
	ssize_t n;

	do {
		n = write_piece(log, log->buffer + at, log->len - at);
		at += n > 0 ? (size_t)n : 0;
	} while (at < log->len && (n >= 0 || errno == EINTR));
	return at;
}

/*
 * Write all of it, in one piece: a long write to a pipe that is full is no such thing (pipe(7), PIPE_BUF), so workers
 * take turns. Up to which byte that went; not the end: errno says why, and the rest is lost.
 */
static size_t write_out(struct log *log)
{
	struct log_shared *shared = log->shared;

	if (pthread_mutex_lock(&shared->turn) == EOWNERDEAD)
		pthread_mutex_consistent(&shared->turn);
	size_t begin = shared->cut ? 0 : FIRST, end = write_from(log, begin);
	if (end > begin)
		shared->cut = log->buffer[end - 1] != '\n';
	pthread_mutex_unlock(&shared->turn); /* leaves errno alone */
	return end;
}

static unsigned lines_from(const struct log *log, size_t at)
{
	unsigned lines = 0;

	for (; at < log->len; at++)
		lines += log->buffer[at] == '\n';
	return lines;
}

static void put(struct log *log, const char *text, size_t len)
{
	memcpy(log->buffer + log->len, text, len);
	log->len += len;
}

static void put_text(struct log *log, const char *text)
{
	put(log, text, strlen(text));
}

static void put_format(struct log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* For numbers and other short things: at most 512 bytes. */
static void put_format(struct log *log, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(log->buffer + log->len, 512, format, args);
	va_end(args);
	log->len += n < 0 ? 0 : n < 512 ? (size_t)n : 511;
}

/* A foreign text between quotes. Escaped so that it cannot end the quotes, the line, or JSON. */
static void put_quoted(struct log *log, const char *text, size_t len)
{
	put(log, "\"", 1);
	for (size_t i = 0; i < len && i < TEXT_MAX; i++) {
		unsigned char ch = (unsigned char)text[i];
		if (ch == '"' || ch == '\\')
			put(log, (char[]){ '\\', (char)ch }, 2);
		else if (ch >= 0x20 && ch < 0x7f)
			put(log, text + i, 1);
		else
			put_format(log, "\\u%04x", ch);
	}
	put(log, "\"", 1);
}

/* With the time: UTC, RFC 3339. */
static void begin_line(struct log *log)
{
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec != log->second || !log->stamp[0]) {
		log->second = now.tv_sec;
		gmtime_r(&now.tv_sec, &tm);
		strftime(log->stamp, sizeof log->stamp, "%Y-%m-%dT%H:%M:%S", &tm);
	}
	put_text(log, log->form == LOG_JSON ? "{\"time\":\"" : "");
	put_format(log, "%s.%03ldZ%s", log->stamp, now.tv_nsec / 1000000, log->form == LOG_JSON ? "\"" : "");
}

static void end(struct log *log)
{
	put_text(log, log->form == LOG_JSON ? "}\n" : "\n");
}

static void say(struct log *log, const char *text)
{
	begin_line(log);
	if (log->form == LOG_JSON) {
		put_text(log, ",\"event\":\"server\",\"text\":");
		put_quoted(log, text, strlen(text));
	} else {
		put(log, " ", 1);
		put_text(log, text);
	}
	end(log);
}

static void say_lost(struct log *log)
{
	char text[200];

	snprintf(text, sizeof text, "%llu lines of this log could not be written: %s",
		 (unsigned long long)log->lost,
		 log->lost_errno == EAGAIN ? "nobody reads it" : strerror(log->lost_errno));
	say(log, text);
}

/* What could not be written is told behind what can be. */
void log_flush(struct log *log)
{
	uint64_t told = log->lost;

	if (log->len == FIRST)
		return;
	if (told)
		say_lost(log);
	size_t end = write_out(log);
	if (end == log->len) {
		log->lost = 0;
	} else {
		log->lost_errno = errno;
		log->lost += lines_from(log, end ? end : FIRST) - (told ? 1 : 0);
	}
	log->len = FIRST;
}

/* For a line, and one that tells of lost ones. */
static void make_room(struct log *log)
{
	if (log->len + ONE_LINE_MAX + LOST_LINE_MAX > BUFFER_SIZE)
		log_flush(log);
}

void log_say(struct log *log, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	make_room(log);
	say(log, text);
	log_flush(log);
}

/* What every line about a connection says: its number, its service and both ends. */
static void begin_conn(struct log *log, const struct conn *c, const char *event)
{
	char peer[PB_ADDR_TEXT];
	const char *form = log->form == LOG_JSON
				   ? ",\"event\":\"%s\",\"number\":%llu,\"peer\":\"%s\",\"service\":\"%s\""
				   : " %s #%llu %s %s";

	make_room(log);
	begin_line(log);
	put_format(log, form, event, (unsigned long long)c->number, pb_addr_text(&c->peer, peer),
		   c->service->kind->name);
}

void log_open(struct log *log, const struct conn *c)
{
	begin_conn(log, c, "open");
	end(log);
}

void log_close(struct log *log, const struct conn *c, const char *why, pb_time took)
{
	bool json = log->form == LOG_JSON;
	const char *form =
		json ? ",\"in\":%llu,\"out\":%llu,\"seconds\":%.3f,\"why\":" : " in=%llu out=%llu %.3fs ";

	begin_conn(log, c, "close");
	put_format(log, form, (unsigned long long)c->bytes_in, (unsigned long long)c->bytes_out,
		   (double)took / 1e9);
	if (json)
		put_quoted(log, why, strlen(why));
	else
		put(log, why, strnlen(why, TEXT_MAX));
	end(log);
}

void log_request(struct log *log, const struct conn *c, const struct log_request *r)
{
	bool json = log->form == LOG_JSON;

	begin_conn(log, c, "request");
	put_text(log, json ? ",\"method\":" : " ");
	put_quoted(log, r->method, r->method_len);
	put_text(log, json ? ",\"target\":" : " ");
	put_quoted(log, r->target, r->target_len);
	put_format(log, json ? ",\"status\":%d,\"bytes\":%llu,\"referer\":" : " %d %llu ", r->status,
		   (unsigned long long)r->bytes);
	put_quoted(log, r->referer, r->referer_len);
	put_text(log, json ? ",\"agent\":" : " ");
	put_quoted(log, r->agent, r->agent_len);
	end(log);
}
