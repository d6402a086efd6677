/*
 * A script in the language of packetdrill, as it is read: options, and then events in their order, each with its time.
 *
 * All of a script is memory of its own and goes with it. Nothing in it refers to a stack: lexer.c and the parse_ files
 * make it, runner.c plays it.
 */
#ifndef DRILL_SCRIPT_H
#define DRILL_SCRIPT_H

#include "drill/packet.h"

#include <packetboat/time.h>

#define SCRIPT_BYTES_MAX (1024 * 1024)
#define SCRIPT_ERROR_LEN 256

/* A value in a call: what is passed, or what is to come back. */
enum expr_kind {
	EXPR_ANY,    /* ... */
	EXPR_NUMBER, /* 1, 0x1 */
	EXPR_NAME,   /* SOCK_STREAM */
	EXPR_TEXT,   /* "…" */
	EXPR_OR,     /* A|B: first and its next */
	EXPR_APPLY,  /* htons(8080): text, and first */
	EXPR_LIST,   /* [a, b]: first, … */
	EXPR_RECORD, /* {field=a, b}: first, … */
};

struct expr {
	enum expr_kind kind;
	int64_t number;
	const char *text;
	const char *field; /* in a record: its name; NULL: it has none */
	struct expr *first, *next;
};

struct call {
	const char *name;
	struct expr *arguments; /* in a row */
	struct expr *result;
	const char *error; /* "EINPROGRESS"; NULL: none is told */
	bool blocks;       /* written with the time at which it returns */
	pb_time returns;
};

enum event_kind { EVENT_PACKET, EVENT_CALL, EVENT_CODE, EVENT_COMMAND };
enum event_time { TIME_ABSOLUTE, TIME_RELATIVE, TIME_ANY };

struct event {
	enum event_kind kind;
	int line;
	enum event_time time_kind;
	pb_time time, time_end; /* nanoseconds; equal, but for a range */
	union {
		struct packet *packet;
		struct call *call;
		const char *text; /* code, or a command of the shell's */
	};
	struct event *next;
};

struct script_option {
	const char *name, *value; /* of --name=value, without the dashes; value "" where there is none */
	int line;
	struct script_option *next;
};

struct script {
	struct script_option *options;
	struct event *events;
	struct script_memory *memory; /* all of it */
	char error[SCRIPT_ERROR_LEN]; /* "LINE: what is wrong"; "" while nothing is */
};

/*
 * Read a script from len bytes of text. False: it is none, and s->error says why. In either case it is to be freed.
 */
bool drill_script_parse(struct script *s, const char *text, size_t len);
void drill_script_free(struct script *s);

/* Memory of the script's, zeroed; a copy of len bytes with a zero behind. NULL: there is no more. */
void *drill_script_alloc(struct script *s, size_t size);
char *drill_script_text(struct script *s, const char *text, size_t len);

#endif
