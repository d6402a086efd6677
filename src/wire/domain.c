#include "wire/domain.h"

#define LABEL_MAX 63 /* RFC 1035 §2.3.4; the two bits above mark a compressed name (§4.1.4) */

bool pb_domain_read(struct reader *r, char text[DOMAIN_TEXT])
{
	size_t len = 0;
	uint8_t label;
	bool plain = true;

	while ((label = rd_u8(r)) && !r->bad) {
		const uint8_t *letters = label <= LABEL_MAX ? rd_bytes(r, label) : NULL;
		if (!letters || len + (len > 0) + label >= DOMAIN_TEXT) {
			r->bad = true;
			break;
		}
		if (len)
			text[len++] = '.';
		memcpy(text + len, letters, label);
		len += label;
		plain &= !memchr(letters, '.', label) && !memchr(letters, '\0', label);
	}
	text[r->bad ? 0 : len] = '\0';
	return !r->bad && plain && (len == 0 || pb_domain_is_name(text));
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '_';
}

bool pb_domain_is_name(const char *text)
{
	size_t label = 0, len = 0;

	for (; text[len]; len++) {
		if (text[len] == '.' ? label == 0 : !is_letter(text[len]))
			return false;
		label = text[len] == '.' ? 0 : label + 1;
		if (label > LABEL_MAX || len + 1 >= DOMAIN_TEXT)
			return false;
	}
	return label > 0;
}
