/* Reading calls and the values in them. */
#include "drill/parser.h"

static struct expr *new_expr(struct parser *p, enum expr_kind kind)
{
	struct expr *e = drill_parse_alloc(p, sizeof *e);

	if (e)
		e->kind = kind;
	return e;
}

/* Values with commas between them, up to the mark, which is read, too. */
static struct expr *parse_row(struct parser *p, char end, struct expr *(*parse)(struct parser *p))
{
	struct expr *first = NULL, **next = &first;

	if (drill_parse_take(p, end))
		return NULL;
	do {
		*next = parse(p);
		if (!*next)
			return first;
		next = &(*next)->next;
	} while (drill_parse_take(p, ',') && drill_parse_ok(p));
	drill_parse_expect(p, end);
	return first;
}

/* Texts in a row are one; what follows as `...` is not looked at. */
static struct expr *parse_text(struct parser *p)
{
	struct expr *e = new_expr(p, EXPR_TEXT);

	if (!e)
		return NULL;
	while (p->token.kind == TOKEN_TEXT) {
		struct token t = drill_parse_next(p);
		if (!e->text)
			e->text = drill_script_text(p->script, t.text, t.len);
		e->number += (int64_t)t.len;
	}
	if (p->token.kind == TOKEN_ELLIPSIS)
		drill_parse_next(p);
	return e;
}

/* NAME or NAME(value) */
static struct expr *parse_name(struct parser *p)
{
	struct expr *e = new_expr(p, EXPR_NAME);
	const char *name = drill_parse_word(p, "a name");

	if (!e)
		return NULL;
	e->text = name;
	if (drill_parse_take(p, '(')) {
		e->kind = EXPR_APPLY;
		e->first = drill_parse_expr(p);
		drill_parse_expect(p, ')');
	}
	return e;
}

/* field=value, field(n)=value or value. */
static struct expr *parse_field(struct parser *p)
{
	struct expr *e = drill_parse_expr(p);

	if (!e || (e->kind != EXPR_NAME && e->kind != EXPR_APPLY) || !drill_parse_take(p, '='))
		return e;
	struct expr *value = drill_parse_expr(p);
	if (value)
		value->field = e->text;
	return value;
}

static struct expr *parse_inside(struct parser *p, enum expr_kind kind, char end)
{
	struct expr *e = new_expr(p, kind);

	drill_parse_next(p);
	if (e)
		e->first = parse_row(p, end, parse_field);
	return e;
}

static struct expr *parse_simple(struct parser *p)
{
	struct expr *e;

	switch (p->token.kind) {
	case TOKEN_NUMBER:
		e = new_expr(p, EXPR_NUMBER);
		if (e)
			e->number = drill_parse_next(p).number;
		return e;
	case TOKEN_ELLIPSIS:
		drill_parse_next(p);
		return new_expr(p, EXPR_ANY);
	case TOKEN_TEXT:
		return parse_text(p);
	case TOKEN_WORD:
		return parse_name(p);
	default:
		break;
	}
	if (drill_parse_is(p, '['))
		return parse_inside(p, EXPR_LIST, ']');
	if (drill_parse_is(p, '{'))
		return parse_inside(p, EXPR_RECORD, '}');
	drill_parse_fail(p, "a value is wanted");
	return NULL;
}

struct expr *drill_parse_expr(struct parser *p)
{
	if (p->depth == PARSE_DEPTH_MAX) {
		drill_parse_fail(p, "values are nested deeper than %d", PARSE_DEPTH_MAX);
		return NULL;
	}
	p->depth++;
	struct expr *e = parse_simple(p);
	while (e && drill_parse_take(p, '|')) {
		struct expr *both = new_expr(p, EXPR_OR);
		if (!both)
			break;
		both->first = e;
		e->next = parse_simple(p);
		e = both;
	}
	p->depth--;
	return e;
}

/* What people are told of a result, "(Operation now in progress)": passed over. */
static void skip_note(struct parser *p)
{
	if (!drill_parse_take(p, '('))
		return;
	while (p->token.kind != TOKEN_END && !drill_parse_is(p, ')'))
		drill_parse_next(p);
	drill_parse_expect(p, ')');
}

void drill_parse_call(struct parser *p, struct call *c)
{
	c->name = drill_parse_word(p, "a call");
	drill_parse_expect(p, '(');
	if (drill_parse_ok(p))
		c->arguments = parse_row(p, ')', parse_field);
	drill_parse_expect(p, '=');
	if (drill_parse_ok(p))
		c->result = drill_parse_expr(p);
	if (p->token.kind == TOKEN_WORD)
		c->error = drill_parse_word(p, "an error");
	skip_note(p);
}
