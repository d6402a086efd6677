/* Reading a script: options, events and their times. */
#include "drill/parser.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TIME_MAX 1e6 /* seconds */

void drill_parse_fail(struct parser *p, const char *format, ...)
{
	char *error = p->script->error;
	va_list args;

	if (*error)
		return;
	int n = snprintf(error, SCRIPT_ERROR_LEN, "%d: ", p->token.line);
	va_start(args, format);
	vsnprintf(error + n, SCRIPT_ERROR_LEN - (size_t)n, format, args);
	va_end(args);
	p->token = p->ahead = (struct token){ .kind = TOKEN_END };
}

bool drill_parse_ok(const struct parser *p)
{
	return !p->script->error[0];
}

struct token drill_parse_next(struct parser *p)
{
	struct token t = p->token;

	if (!drill_parse_ok(p))
		return t;
	p->token = p->ahead;
	p->ahead = drill_lexer_next(&p->lexer);
	if (p->token.kind == TOKEN_BAD)
		drill_parse_fail(p, "%s", p->token.text);
	return t;
}

bool drill_parse_is(const struct parser *p, char mark)
{
	return p->token.kind == TOKEN_MARK && p->token.mark == mark;
}

bool drill_parse_is_word(const struct parser *p, const char *word)
{
	return p->token.kind == TOKEN_WORD && p->token.len == strlen(word) &&
	       memcmp(p->token.text, word, p->token.len) == 0;
}

bool drill_parse_take(struct parser *p, char mark)
{
	bool is = drill_parse_is(p, mark);

	if (is)
		drill_parse_next(p);
	return is;
}

bool drill_parse_take_word(struct parser *p, const char *word)
{
	bool is = drill_parse_is_word(p, word);

	if (is)
		drill_parse_next(p);
	return is;
}

/* What is there instead of what is wanted. */
static void fail_wanted(struct parser *p, const char *what)
{
	if (p->token.kind == TOKEN_END)
		drill_parse_fail(p, "%s is wanted where the script ends", what);
	else
		drill_parse_fail(p, "%s is wanted, not '%.*s'", what,
				 (int)(p->token.len < 40 ? p->token.len : 40), p->token.text);
}

void drill_parse_expect(struct parser *p, char mark)
{
	const char what[] = { '\'', mark, '\'', '\0' };

	if (!drill_parse_take(p, mark))
		fail_wanted(p, what);
}

void *drill_parse_alloc(struct parser *p, size_t size)
{
	void *memory = drill_script_alloc(p->script, size);

	if (!memory)
		drill_parse_fail(p, "out of memory");
	return memory;
}

const char *drill_parse_word(struct parser *p, const char *what)
{
	if (p->token.kind != TOKEN_WORD) {
		fail_wanted(p, what);
		return "";
	}
	struct token t = drill_parse_next(p);
	const char *word = drill_script_text(p->script, t.text, t.len);
	if (!word)
		drill_parse_fail(p, "out of memory");
	return word ? word : "";
}

int64_t drill_parse_number(struct parser *p, const char *what, int64_t min, int64_t max)
{
	if (p->token.kind != TOKEN_NUMBER) {
		fail_wanted(p, what);
		return min;
	}
	if (p->token.number < min || p->token.number > max) {
		drill_parse_fail(p, "%s is from %lld to %lld, not %lld", what, (long long)min, (long long)max,
				 (long long)p->token.number);
		return min;
	}
	return drill_parse_next(p).number;
}

pb_time drill_parse_time(struct parser *p)
{
	if (p->token.kind != TOKEN_NUMBER && p->token.kind != TOKEN_FRACTION) {
		fail_wanted(p, "a time");
		return 0;
	}
	if (!(p->token.fraction >= 0 && p->token.fraction <= TIME_MAX)) {
		drill_parse_fail(p, "a time is from 0 to %g s", TIME_MAX);
		return 0;
	}
	return (pb_time)llround(drill_parse_next(p).fraction * 1e9);
}

/* "1.5", "+1.5", "*", "1~2", "+1~+2". */
static void parse_event_time(struct parser *p, struct event *e)
{
	if (drill_parse_take(p, '*')) {
		e->time_kind = TIME_ANY;
		return;
	}
	e->time_kind = drill_parse_take(p, '+') ? TIME_RELATIVE : TIME_ABSOLUTE;
	e->time = e->time_end = drill_parse_time(p);
	if (!drill_parse_take(p, '~'))
		return;
	if (e->time_kind == TIME_RELATIVE)
		drill_parse_expect(p, '+');
	e->time_end = drill_parse_time(p);
	if (e->time_end < e->time)
		drill_parse_fail(p, "a range of times ends before it begins");
}

static void parse_quoted(struct parser *p, struct event *e, enum event_kind kind)
{
	struct token t = drill_parse_next(p);

	e->kind = kind;
	e->text = drill_script_text(p->script, t.text, t.len);
	if (!e->text)
		drill_parse_fail(p, "out of memory");
}

static void parse_call_event(struct parser *p, struct event *e)
{
	e->kind = EVENT_CALL;
	e->call = drill_parse_alloc(p, sizeof *e->call);
	if (!e->call)
		return;
	if (p->token.kind == TOKEN_ELLIPSIS) {
		drill_parse_next(p);
		e->call->blocks = true;
		e->call->returns = drill_parse_time(p);
	}
	e->line = p->token.line;
	drill_parse_call(p, e->call);
}

static void parse_action(struct parser *p, struct event *e)
{
	e->line = p->token.line;
	if (drill_parse_is(p, '<') || drill_parse_is(p, '>')) {
		e->kind = EVENT_PACKET;
		e->packet = drill_parse_packet(p);
	} else if (p->token.kind == TOKEN_COMMAND) {
		parse_quoted(p, e, EVENT_COMMAND);
	} else if (p->token.kind == TOKEN_CODE) {
		parse_quoted(p, e, EVENT_CODE);
	} else if (p->token.kind == TOKEN_WORD || p->token.kind == TOKEN_ELLIPSIS) {
		parse_call_event(p, e);
	} else {
		fail_wanted(p, "a packet (< or >), a call, `a command` or %{ code }%");
	}
}

/* Commands at the beginning and the end may stand without a time. */
static struct event *parse_event(struct parser *p)
{
	struct event *e = drill_parse_alloc(p, sizeof *e);

	if (!e)
		return NULL;
	if (p->token.kind == TOKEN_COMMAND)
		e->time_kind = TIME_ANY;
	else
		parse_event_time(p, e);
	parse_action(p, e);
	return e;
}

static struct script_option *parse_option(struct parser *p)
{
	struct script_option *o = drill_parse_alloc(p, sizeof *o);
	struct token t = drill_parse_next(p);
	const char *equals = memchr(t.text, '=', t.len);
	size_t name = equals ? (size_t)(equals - t.text) : t.len;

	if (!o)
		return NULL;
	o->line = t.line;
	o->name = drill_script_text(p->script, t.text + 2, name - 2);
	o->value = drill_script_text(p->script, equals ? equals + 1 : "", equals ? t.len - name - 1 : 0);
	if (!o->name || !o->value)
		drill_parse_fail(p, "out of memory");
	return o;
}

bool drill_script_parse(struct script *s, const char *text, size_t len)
{
	struct parser p = {
		.script = s, .lexer = {text, text + len, 1}
	};
	struct script_option **option = &s->options;
	struct event **event = &s->events;

	*s = (struct script){ 0 };
	if (len > SCRIPT_BYTES_MAX)
		drill_parse_fail(&p, "a script has at most %d bytes", SCRIPT_BYTES_MAX);
	p.token.kind = p.ahead.kind = TOKEN_MARK;
	drill_parse_next(&p);
	drill_parse_next(&p);
	while (p.token.kind == TOKEN_OPTION && drill_parse_ok(&p))
		if ((*option = parse_option(&p)))
			option = &(*option)->next;
	while (p.token.kind != TOKEN_END && drill_parse_ok(&p))
		if ((*event = parse_event(&p)))
			event = &(*event)->next;
	if (!s->events)
		drill_parse_fail(&p, "the script is empty");
	return drill_parse_ok(&p);
}
