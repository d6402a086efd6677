/* Names of domains as messages carry them (RFC 1035 §3.1), and as text. Pure functions. */
#ifndef PB_WIRE_DOMAIN_H
#define PB_WIRE_DOMAIN_H

#include "wire/reader.h"

#define DOMAIN_TEXT 254 /* RFC 1035 §2.3.4: a name's longest text, and its NUL */

/*
 * The next name of a list that is not compressed (RFC 8415 §10, RFC 8106 §5.2); the root's is "". False: cut short,
 * compressed, too long, or (the reader is behind it then, and not bad) of letters that nobody should print.
 */
bool pb_domain_read(struct reader *r, char text[DOMAIN_TEXT]);

/*
 * The name at *at in a list that may be compressed (RFC 1035 §4.1.4): a pointer leads to what came before it, counted
 * from the list's first byte (RFC 3397 §2). *at is behind it then. False, and *at at the list's end: cut short, too
 * long, or a pointer that leads on. False, and *at behind it: of letters that nobody should print.
 */
bool pb_domain_read_compressed(const uint8_t *list, size_t len, size_t *at, char text[DOMAIN_TEXT]);

/* Letters, digits, '-' and '_' with dots between: nothing that could move a cursor or end a word. */
bool pb_domain_is_name(const char *text);

#endif
