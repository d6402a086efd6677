#include "drill/code.h"
#include "drill/info.h"
#include "drill/symbols.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64 /* of parentheses and the like */

struct code {
	const char *p;
	struct code_names *names;
	const struct tcp_info *info;
	char *why; /* "" while all is well */
	unsigned depth;
};

static void fail(struct code *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fail(struct code *c, const char *format, ...)
{
	va_list args;

	if (*c->why)
		return;
	va_start(args, format);
	vsnprintf(c->why, CODE_WHY_LEN, format, args);
	va_end(args);
	c->p += strlen(c->p); /* nothing more is read */
}

/* Words ------------------------------------------------------------------------------------------------------------ */

/* In parentheses a line's end is nothing but space; a comment is space everywhere. */
static void skip_space(struct code *c, bool lines)
{
	for (;; c->p++) {
		if (*c->p == '#')
			c->p += strcspn(c->p, "\n");
		if (*c->p == '\\' && c->p[1] == '\n')
			c->p++;
		else if (!isspace((unsigned char)*c->p) || (*c->p == '\n' && !lines))
			return;
	}
}

static bool is_name(char ch)
{
	return isalnum((unsigned char)ch) || ch == '_';
}

/* Take this sign; one that is the beginning of a longer one is not meant. */
static bool take(struct code *c, const char *sign)
{
	size_t len = strlen(sign);

	skip_space(c, false);
	if (strncmp(c->p, sign, len) != 0)
		return false;
	char next = c->p[len];
	if (is_name(sign[0]) ? is_name(next)
			     : (len == 1 && strchr("<>=!*/", sign[0]) && (next == '=' || next == sign[0])))
		return false;
	c->p += len;
	return true;
}

static bool take_name(struct code *c, char name[CODE_NAME_LEN])
{
	size_t len = 0;

	skip_space(c, false);
	if (!is_name(*c->p) || isdigit((unsigned char)*c->p))
		return false;
	while (is_name(c->p[len]))
		len++;
	if (len >= CODE_NAME_LEN) {
		fail(c, "a name is longer than %d", CODE_NAME_LEN - 1);
		return false;
	}
	memcpy(name, c->p, len);
	name[len] = '\0';
	c->p += len;
	return true;
}

/* Values ----------------------------------------------------------------------------------------------------------- */

static double value(struct code *c);

static struct code_name *find(struct code_names *names, const char *name)
{
	for (unsigned i = 0; i < names->count; i++)
		if (strcmp(names->name[i].name, name) == 0)
			return &names->name[i];
	return NULL;
}

static double named(struct code *c, const char *name)
{
	const struct code_name *own = find(c->names, name);
	int64_t constant;
	double field;

	if (own)
		return own->value;
	if (strcmp(name, "True") == 0 || strcmp(name, "False") == 0)
		return name[0] == 'T';
	if (drill_symbol(name, &constant))
		return (double)constant;
	if (strncmp(name, "tcpi_", 5) == 0 && !c->info)
		fail(c, "'%s' is of a connection, and there is none yet", name);
	else if (!c->info || !drill_info_field(c->info, name, &field))
		fail(c, "'%s' means nothing", name);
	else
		return field;
	return 0;
}

/* abs(a), min(a, b), max(a, b), int(a) */
static double apply(struct code *c, const char *name)
{
	double first = value(c);
	bool least = strcmp(name, "min") == 0, most = strcmp(name, "max") == 0;

	while (take(c, ",")) {
		double other = value(c);
		if (!least && !most)
			fail(c, "%s() takes one value", name);
		first = least ? fmin(first, other) : fmax(first, other);
	}
	if (!take(c, ")"))
		fail(c, "')' is missing");
	if (least || most)
		return first;
	if (strcmp(name, "abs") == 0)
		return fabs(first);
	if (strcmp(name, "int") == 0)
		return trunc(first);
	fail(c, "there is no %s()", name);
	return 0;
}

static double atom(struct code *c)
{
	char name[CODE_NAME_LEN];
	char *end;
	double n;

	if (take(c, "(")) {
		n = value(c);
		if (!take(c, ")"))
			fail(c, "')' is missing");
		return n;
	}
	if (take_name(c, name))
		return take(c, "(") ? apply(c, name) : named(c, name);
	if (!isdigit((unsigned char)*c->p) && *c->p != '.') {
		fail(c, "a value is missing at '%.20s'", c->p);
		return 0;
	}
	n = strtod(c->p, &end);
	if (end == c->p)
		fail(c, "a value is missing at '%.20s'", c->p);
	else
		c->p = end;
	return n;
}

static double signed_value(struct code *c)
{
	bool minus = false;

	for (;;) {
		if (take(c, "-"))
			minus = !minus;
		else if (take(c, "~"))
			return (double)~(int64_t)atom(c);
		else if (!take(c, "+"))
			break;
	}
	double n = atom(c);
	return minus ? -n : n;
}

static double divide(struct code *c, double a, double b, char how)
{
	if (b == 0) {
		fail(c, "a division by 0");
		return 0;
	}
	return how == '/' ? a / b : how == 'f' ? floor(a / b) : a - b * floor(a / b);
}

static double product(struct code *c)
{
	double n = signed_value(c);

	for (;;) {
		if (take(c, "//"))
			n = divide(c, n, signed_value(c), 'f');
		else if (take(c, "/"))
			n = divide(c, n, signed_value(c), '/');
		else if (take(c, "%"))
			n = divide(c, n, signed_value(c), '%');
		else if (take(c, "*"))
			n *= signed_value(c);
		else
			return n;
	}
}

static double sum(struct code *c)
{
	double n = product(c);

	for (;;) {
		if (take(c, "+"))
			n += product(c);
		else if (take(c, "-"))
			n -= product(c);
		else
			return n;
	}
}

/* Whole numbers for bits. */
static int64_t whole(struct code *c, double n)
{
	if (!(fabs(n) < 9e18)) {
		fail(c, "%g is no whole number", n);
		return 0;
	}
	return (int64_t)n;
}

static double bits(struct code *c)
{
	double n = sum(c);

	for (;;) {
		if (take(c, "&"))
			n = (double)(whole(c, n) & whole(c, sum(c)));
		else if (take(c, "|"))
			n = (double)(whole(c, n) | whole(c, sum(c)));
		else if (take(c, "^"))
			n = (double)(whole(c, n) ^ whole(c, sum(c)));
		else
			return n;
	}
}

/* a < b < c: each holds. */
static double comparison(struct code *c)
{
	static const char *const signs[] = { "==", "!=", "<=", ">=", "<", ">" };
	double left = bits(c), right;
	bool holds = true, any = false;

	for (size_t i = 0; i < sizeof signs / sizeof *signs;) {
		if (!take(c, signs[i])) {
			i++;
			continue;
		}
		right = bits(c);
		holds &= i == 0   ? left == right
			 : i == 1 ? left != right
			 : i == 2 ? left <= right
			 : i == 3 ? left >= right
			 : i == 4 ? left < right
				  : left > right;
		any = true;
		left = right;
		i = 0;
	}
	return any ? holds : left;
}

static double negation(struct code *c)
{
	bool not = false;

	while (take(c, "not"))
		not = !not ;
	double n = comparison(c);
	return not ? n == 0 : n;
}

static double conjunction(struct code *c)
{
	double n = negation(c);

	while (take(c, "and")) {
		double other = negation(c);
		n = n != 0 ? other : n;
	}
	return n;
}

static double value(struct code *c)
{
	if (c->depth == DEPTH_MAX) {
		fail(c, "values are nested deeper than %d", DEPTH_MAX);
		return 0;
	}
	c->depth++;
	double n = conjunction(c);
	while (take(c, "or")) {
		double other = conjunction(c);
		n = n != 0 ? n : other;
	}
	c->depth--;
	return n;
}

/* Statements ------------------------------------------------------------------------------------------------------- */

/* A message is for people, and not looked into: up to the end of the statement, parentheses and quotations apart. */
static void skip_message(struct code *c)
{
	int open = 0;

	for (char quote = '\0'; *c->p; c->p++) {
		if (quote)
			quote = *c->p == quote ? '\0' : quote;
		else if (*c->p == '\'' || *c->p == '"')
			quote = *c->p;
		else if (*c->p == '(' || *c->p == ')')
			open += *c->p == '(' ? 1 : -1;
		else if ((*c->p == '\n' && open <= 0) || *c->p == ';')
			return;
	}
}

/* The values of the names in an assertion, "tcpi_snd_cwnd is 9". */
static void say_names(struct code *c, const char *from, const char *end, char *text, size_t room)
{
	struct code quiet = { .names = c->names, .info = c->info, .why = (char[CODE_WHY_LEN]){ "" } };

	*text = '\0';
	for (const char *p = from; p < end;) {
		char name[CODE_NAME_LEN];
		quiet.p = p;
		if (!is_name(*p) || isdigit((unsigned char)*p) || !take_name(&quiet, name)) {
			p++;
			continue;
		}
		p = quiet.p;
		if (strncmp(name, "tcpi_", 5) != 0 && !find(c->names, name))
			continue;
		size_t used = strlen(text);
		snprintf(text + used, room - used, "%s%s is %.10g", used ? ", " : "", name,
			 named(&quiet, name));
	}
}

static void assertion(struct code *c)
{
	char seen[CODE_WHY_LEN / 2];

	skip_space(c, false);
	const char *from = c->p;
	double holds = value(c);
	const char *end = c->p;
	if (take(c, ","))
		skip_message(c);
	if (holds != 0 || *c->why)
		return;
	say_names(c, from, end, seen, sizeof seen);
	fail(c, "does not hold: %.*s%s%s", (int)(end - from < 100 ? end - from : 100), from,
	     *seen ? "; " : "", seen);
}

static void assignment(struct code *c, const char *name)
{
	bool add = take(c, "+="), subtract = !add && take(c, "-=");
	struct code_name *n = find(c->names, name);

	if (!add && !subtract && !take(c, "=")) {
		fail(c, "'%s' is not understood: there is assert, print() and NAME = VALUE", name);
		return;
	}
	double old = add || subtract ? named(c, name) : 0, by = value(c);
	if (!n && c->names->count < CODE_NAMES_MAX) {
		n = &c->names->name[c->names->count++];
		memcpy(n->name, name, CODE_NAME_LEN);
	}
	if (!n)
		fail(c, "more than %d names", CODE_NAMES_MAX);
	else
		n->value = old + (subtract ? -by : by);
}

static void statement(struct code *c)
{
	char name[CODE_NAME_LEN] = "";

	if (take(c, "assert"))
		assertion(c);
	else if (take(c, "print"))
		skip_message(c);
	else if (take_name(c, name))
		assignment(c, name);
	else
		fail(c, "not understood: '%.20s'", c->p);
	skip_space(c, false);
	if (*c->p && *c->p != '\n' && *c->p != ';')
		fail(c, "not understood: '%.20s'", c->p);
}

bool drill_code_run(const char *code, struct code_names *names, const struct tcp_info *info,
		    char why[CODE_WHY_LEN])
{
	struct code c = { .p = code, .names = names, .info = info, .why = why };

	*why = '\0';
	while (!*why) {
		skip_space(&c, true);
		if (*c.p == ';')
			c.p++;
		else if (*c.p)
			statement(&c);
		else
			return true;
	}
	return false;
}
