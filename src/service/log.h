/*
 * The server's log: one line for each thing that happened, as text for people or as JSON (one object a line) for
 * machines. Lines are gathered and written once a turn (log_flush), or when the buffer is full; what cannot be
 * written (a full disk, a closed pipe, a pipe that nobody reads for a second) is counted, and the count is logged once
 * writing works again. Workers that are forked after log_new() write one after the other: their lines are not mixed,
 * not even with one that was cut.
 */
#ifndef SERVICE_LOG_H
#define SERVICE_LOG_H

#include <packetboat/time.h>
#include <stdarg.h>
#include <stddef.h>

struct conn;
struct log;

enum log_form { LOG_TEXT, LOG_JSON, LOG_NONE };

/* fd stays the caller's. NULL: out of memory. */
struct log *log_new(enum log_form form, int fd);
void log_free(struct log *log); /* writes what is left */
void log_flush(struct log *log);

/* Whether lines about requests and connections are wanted at all: ask before making one. */
bool log_wants(const struct log *log);

/* A message about the server itself. printf-like. Told with LOG_NONE, too, as text. */
void log_say(struct log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A connection has begun, and has ended (why: "done", "idle", …) after so much time. */
void log_open(struct log *log, const struct conn *c);
void log_close(struct log *log, const struct conn *c, const char *why, pb_time took);

/* One answered HTTP request. The texts are the caller's, need no NUL, and may hold anything: they are escaped. */
struct log_request {
	const char *method, *target, *referer, *agent;
	size_t method_len, target_len, referer_len, agent_len;
	int status;
	uint64_t bytes; /* of the body, sent or to be sent */
};
void log_request(struct log *log, const struct conn *c, const struct log_request *r);

#endif
