#include "drill/lexer.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_LEN_MAX 64

static int at(const struct lexer *l, size_t ahead)
{
	return (size_t)(l->end - l->p) > ahead ? (unsigned char)l->p[ahead] : '\0';
}

static void step(struct lexer *l, size_t n)
{
	for (; n > 0 && l->p < l->end; n--)
		l->line += *l->p++ == '\n';
}

/* Behind the next stop; false: there is none. */
static int step_behind(struct lexer *l, const char *stop)
{
	size_t len = strlen(stop);
	const char *found = memmem(l->p, (size_t)(l->end - l->p), stop, len);

	step(l, found ? (size_t)(found - l->p) + len : (size_t)(l->end - l->p));
	return found != NULL;
}

/* White space and comments: //, #, and those of C. False: a comment that has no end. */
static int skip_space(struct lexer *l)
{
	for (;;) {
		if (isspace(at(l, 0))) {
			step(l, 1);
		} else if (at(l, 0) == '#' || (at(l, 0) == '/' && at(l, 1) == '/')) {
			step_behind(l, "\n");
		} else if (at(l, 0) == '/' && at(l, 1) == '*') {
			step(l, 2);
			if (!step_behind(l, "*/"))
				return 0;
		} else {
			return 1;
		}
	}
}

static struct token bad(struct token t, const char *what)
{
	t.kind = TOKEN_BAD;
	t.text = what;
	t.len = strlen(what);
	return t;
}

/* Between two of the same mark, in which a backslash takes the next character. */
static struct token quoted(struct lexer *l, struct token t, enum token_kind kind, char mark)
{
	step(l, 1);
	t.kind = kind;
	t.text = l->p;
	while (l->p < l->end && at(l, 0) != mark)
		step(l, at(l, 0) == '\\' ? 2 : 1);
	if (l->p == l->end)
		return bad(t, "a quotation has no end");
	t.len = (size_t)(l->p - t.text);
	step(l, 1);
	return t;
}

static struct token code(struct lexer *l, struct token t)
{
	step(l, 2);
	t.kind = TOKEN_CODE;
	t.text = l->p;
	if (!step_behind(l, "}%"))
		return bad(t, "%{ has no }%");
	t.len = (size_t)(l->p - t.text) - 2;
	return t;
}

static struct token option(struct lexer *l, struct token t)
{
	char quote = '\0';

	t.kind = TOKEN_OPTION;
	while (l->p < l->end && (quote || !isspace(at(l, 0)))) {
		char c = (char)at(l, 0);
		if (quote ? c == quote : c == '"' || c == '`')
			quote = quote ? '\0' : c;
		step(l, 1);
	}
	t.len = (size_t)(l->p - t.text);
	return quote ? bad(t, "an option's quotation has no end") : t;
}

static struct token number(struct lexer *l, struct token t, size_t len)
{
	char text[NUMBER_LEN_MAX];

	if (len >= sizeof text)
		return bad(t, "a number is too long");
	memcpy(text, t.text, len);
	text[len] = '\0';
	errno = 0;
	t.kind = memchr(text, '.', len) ? TOKEN_FRACTION : TOKEN_NUMBER;
	t.number = strtoll(text, NULL, strncmp(text, "0x", 2) == 0 ? 16 : 10);
	t.fraction = t.kind == TOKEN_FRACTION ? strtod(text, NULL) : (double)t.number;
	t.len = len;
	step(l, len);
	return errno ? bad(t, "a number is too large") : t;
}

static size_t count(const struct lexer *l, size_t from, int (*is)(int))
{
	size_t n = 0;

	while (is(at(l, from + n)))
		n++;
	return n;
}

static int is_word(int c)
{
	return isalnum(c) || c == '_';
}

/* The longest of: 12, -12, .1, 1.5, -0.5, 0xff. 0: no number begins here, or it is part of a word. */
static size_t number_len(const struct lexer *l)
{
	size_t sign = at(l, 0) == '-', whole = count(l, sign, isdigit);

	if (at(l, sign + whole) == '.') {
		size_t fraction = count(l, sign + whole + 1, isdigit);
		if (fraction)
			return sign + whole + 1 + fraction;
	}
	if (!sign && whole == 1 && at(l, 0) == '0' && at(l, 1) == 'x') {
		size_t hex = count(l, 2, isxdigit);
		return hex && !is_word(at(l, 2 + hex)) ? 2 + hex : 0;
	}
	return whole && !is_word(at(l, sign + whole)) ? sign + whole : 0;
}

struct token drill_lexer_next(struct lexer *l)
{
	int whole = skip_space(l);
	struct token t = { .line = l->line, .text = l->p };
	size_t len = number_len(l);

	if (!whole)
		return bad(t, "a comment has no end");
	if (l->p == l->end)
		return t;
	if (len)
		return number(l, t, len);
	if (at(l, 0) == '"')
		return quoted(l, t, TOKEN_TEXT, '"');
	if (at(l, 0) == '`')
		return quoted(l, t, TOKEN_COMMAND, '`');
	if (at(l, 0) == '%' && at(l, 1) == '{')
		return code(l, t);
	if (at(l, 0) == '-' && at(l, 1) == '-' && is_word(at(l, 2)))
		return option(l, t);
	if (strncmp(l->p, "...", (size_t)(l->end - l->p) < 3 ? 0 : 3) == 0 && at(l, 2) == '.') {
		t.kind = TOKEN_ELLIPSIS;
		t.len = 3;
	} else if (is_word(at(l, 0))) {
		t.kind = TOKEN_WORD;
		t.len = count(l, 0, is_word);
	} else {
		t.kind = TOKEN_MARK;
		t.mark = (char)at(l, 0);
		t.len = 1;
	}
	step(l, t.len);
	return t;
}
