#include "wire/domain.h"

#define LABEL_MAX 63   /* RFC 1035 §2.3.4; the two bits above mark a compressed name (§4.1.4) */
#define POINTER   0xc0 /* both of them */

/* A name's text, while it is read. */
struct name {
	char *text;
	size_t len;
	bool plain; /* no label has letters of its own kind in it */
};

/* False: it gets too long. */
static bool add_label(struct name *n, const uint8_t *letters, uint8_t len)
{
	if (n->len + (n->len > 0) + len >= DOMAIN_TEXT)
		return false;
	if (n->len)
		n->text[n->len++] = '.';
	memcpy(n->text + n->len, letters, len);
	n->len += len;
	n->plain &= !memchr(letters, '.', len) && !memchr(letters, '\0', len);
	return true;
}

/* It is read, or (bad) is not. */
static bool end_name(struct name *n, bool bad)
{
	n->text[bad ? 0 : n->len] = '\0';
	return !bad && n->plain && (n->len == 0 || pb_domain_is_name(n->text));
}

bool pb_domain_read(struct reader *r, char text[DOMAIN_TEXT])
{
	struct name n = { .text = text, .plain = true };
	uint8_t label;

	while ((label = rd_u8(r)) && !r->bad) {
		const uint8_t *letters = label <= LABEL_MAX ? rd_bytes(r, label) : NULL;
		if (!letters || !add_label(&n, letters, label))
			r->bad = true;
	}
	return end_name(&n, r->bad);
}

bool pb_domain_read_compressed(const uint8_t *list, size_t len, size_t *at, char text[DOMAIN_TEXT])
{
	struct reader r = { .p = list + *at, .left = len - *at };
	struct name n = { .text = text, .plain = true };
	size_t before = *at; /* pointers lead ever further back */
	size_t end = 0;      /* where the name ends in the list itself; 0: it has no pointer */
	uint8_t label;

	while ((label = rd_u8(&r)) && !r.bad) {
		if (label >= POINTER) {
			size_t to = (size_t)(label & ~POINTER) << 8 | rd_u8(&r);
			if (!end)
				end = len - r.left;
			bool leads_on = r.bad || to >= before;
			before = to;
			r = leads_on ? (struct reader){ .p = list }
				     : (struct reader){ .p = list + to, .left = len - to };
			continue;
		}
		const uint8_t *letters = label <= LABEL_MAX ? rd_bytes(&r, label) : NULL;
		if (!letters || !add_label(&n, letters, label))
			r.bad = true;
	}
	*at = r.bad ? len : end ? end : len - r.left;
	return end_name(&n, r.bad);
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
