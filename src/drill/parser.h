/*
 * What the files that read a script share: parse.c (options, times, events), parse_expr.c (calls), parse_packet.c.
 *
 * The first thing that is wrong is said once, in script->error; from then on every word is the end, so that whoever
 * reads stops by himself.
 */
#ifndef DRILL_PARSER_H
#define DRILL_PARSER_H

#include "drill/lexer.h"
#include "drill/script.h"

#define PARSE_DEPTH_MAX 32 /* of values in values */

struct parser {
	struct script *script;
	struct lexer lexer;
	struct token token; /* the one to be read next */
	struct token ahead; /* and the one behind */
	unsigned depth;
};

/* Say what is wrong at the present word. printf-like. */
void drill_parse_fail(struct parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool drill_parse_ok(const struct parser *p);

/* On to the next word. Answers the one that was read. */
struct token drill_parse_next(struct parser *p);

/* Whether the next is this mark, or word; and likewise, and then read it. */
bool drill_parse_is(const struct parser *p, char mark);
bool drill_parse_is_word(const struct parser *p, const char *word);
bool drill_parse_take(struct parser *p, char mark);
bool drill_parse_take_word(struct parser *p, const char *word);

/* It must be this mark; a word; a number from min to max; memory of the script's. */
void drill_parse_expect(struct parser *p, char mark);
const char *drill_parse_word(struct parser *p, const char *what);
int64_t drill_parse_number(struct parser *p, const char *what, int64_t min, int64_t max);
void *drill_parse_alloc(struct parser *p, size_t size);

/* A time in seconds, as nanoseconds. */
pb_time drill_parse_time(struct parser *p);

/* NAME(arguments) = result ERROR (note), its parts behind the end time; a value; a packet, from < or > on. */
void drill_parse_call(struct parser *p, struct call *c);
struct expr *drill_parse_expr(struct parser *p);
struct packet *drill_parse_packet(struct parser *p);

#endif
