/* Hexadecimal digits, as in the %XX of URLs (RFC 3986 2.1). Not <ctype.h>: they mean the same in every locale. */
#ifndef BASE_HEX_H
#define BASE_HEX_H

static inline int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

/* The byte that two digits at p, before end, stand for; -1: they are not there. */
static inline int hex_byte(const char *p, const char *end)
{
	int high = end - p >= 2 ? hex_value(p[0]) : -1;
	int low = high < 0 ? -1 : hex_value(p[1]);

	return low < 0 ? -1 : high * 16 + low;
}

#endif
