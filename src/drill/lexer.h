/* The words of a script. */
#ifndef DRILL_LEXER_H
#define DRILL_LEXER_H

#include <stddef.h>
#include <stdint.h>

enum token_kind {
	TOKEN_END,
	TOKEN_NUMBER,   /* 10, -1, 0xff */
	TOKEN_FRACTION, /* 0.1, .1 */
	TOKEN_WORD,     /* also such as begin with a digit */
	TOKEN_TEXT,     /* "…", its inside */
	TOKEN_COMMAND,  /* `…` */
	TOKEN_CODE,     /* %{ … }% */
	TOKEN_OPTION,   /* --name=value, all of it */
	TOKEN_ELLIPSIS, /* ... */
	TOKEN_MARK,     /* any other character */
	TOKEN_BAD,      /* what was begun is not ended, or a number too large: text says what */
};

struct token {
	enum token_kind kind;
	int line;
	const char *text; /* in the script; TOKEN_BAD: what is wrong */
	size_t len;
	int64_t number;
	double fraction; /* of TOKEN_NUMBER, too */
	char mark;
};

struct lexer {
	const char *p, *end;
	int line;
};

/* The next word. At the end, TOKEN_END again and again. */
struct token drill_lexer_next(struct lexer *l);

#endif
