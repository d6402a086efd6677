#include "drill/packet.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ECN_MASK 3 /* RFC 3168 §5 */

static const char *const ecn_names[] = { "noecn", "ect1", "ect0", "ce" };

/* Text ------------------------------------------------------------------------------------------------------------- */

struct text {
	char *at;
	size_t left;
};

static void put(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(t->at, t->left, format, args);
	va_end(args);
	size_t took = n < 0 ? 0 : (size_t)n < t->left ? (size_t)n : t->left - 1;
	t->at += took;
	t->left -= took;
}

static void put_hex(struct text *t, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		put(t, "%02x", bytes[i]);
}

static void put_flags(struct text *t, uint16_t flags)
{
	static const char letters[] =
		"FSRP.UEWA"; /* in the order of their bits; scripts write the dot last */

	for (int bit = 0; letters[bit]; bit++)
		if (flags & 1 << bit && letters[bit] != '.')
			put(t, "%c", letters[bit]);
	if (flags & TCP_ACK)
		put(t, ".");
	if (!flags)
		put(t, "-");
}

static void put_sack(struct text *t, struct reader *r)
{
	put(t, "sack");
	while (r->left >= 8) {
		uint32_t start = rd_u32(r), end = rd_u32(r);
		put(t, " %u:%u", start, end);
	}
}

/* One option; r holds what is behind its length. */
static void put_option(struct text *t, uint8_t kind, struct reader *r)
{
	uint32_t value;

	switch (kind) {
	case OPTION_MSS:
		put(t, "mss %u", rd_u16(r));
		return;
	case OPTION_WSCALE:
		put(t, "wscale %u", rd_u8(r));
		return;
	case OPTION_SACK_PERMITTED:
		put(t, "sackOK");
		return;
	case OPTION_SACK:
		put_sack(t, r);
		return;
	case OPTION_TIMESTAMP:
		value = rd_u32(r);
		put(t, "TS val %u ecr %u", value, rd_u32(r));
		return;
	case OPTION_USER_TIMEOUT:
		value = rd_u16(r);
		put(t, "uto %u %s", value & 0x7fff, value & 0x8000 ? "min" : "s");
		return;
	default:
		put(t, "%s", kind == OPTION_FAST_OPEN ? "FO " : kind == OPTION_MD5 ? "md5 " : "");
		if (kind != OPTION_FAST_OPEN && kind != OPTION_MD5)
			put(t, "kind %u ", kind);
		put_hex(t, r->p, r->left);
	}
}

static void put_options(struct text *t, const struct packet *p)
{
	struct reader r = { p->options, p->options_len, false };
	const char *before = " <";

	while (r.left > 0) {
		uint8_t kind = rd_u8(&r);
		put(t, "%s", before);
		before = ",";
		if (kind == OPTION_NOP || kind == OPTION_END) {
			put(t, kind == OPTION_NOP ? "nop" : "eol");
			continue;
		}
		uint8_t len = rd_u8(&r);
		const uint8_t *data = rd_bytes(&r, len < 2 ? r.left + 1 : len - 2u);
		if (!data) {
			put(t, "broken");
			break;
		}
		if (p->sign_key && kind == OPTION_MD5)
			put(t, "md5 \"%s\"", p->sign_key);
		else if (p->sign_key && kind == OPTION_AO && len >= 4)
			put(t, "ao %u %u \"%s\"", data[0], data[1], p->sign_key);
		else
			put_option(t, kind, &(struct reader){ data, len - 2u, false });
	}
	if (p->options_len)
		put(t, ">");
}

static void put_ip(struct text *t, const struct packet *p)
{
	if (p->tos_kind == TOS_ECN)
		put(t, "[%s] ", ecn_names[p->tos & ECN_MASK]);
	else if (p->tos_kind == TOS_ECT0_OR_1)
		put(t, "[ect01] ");
	else if (p->tos_kind == TOS_ALL)
		put(t, "[tos 0x%x] ", p->tos);
	else if (p->ttl)
		put(t, "[ttl %u] ", p->ttl);
	else if (p->flow_label)
		put(t, "(flowlabel 0x%x) ", p->flow_label);
}

static void put_tcp(struct text *t, const struct packet *p)
{
	put_flags(t, p->flags);
	put(t, " %u:%u(%u)", p->seq, p->seq + p->len, p->len);
	if (p->flags & TCP_ACK)
		put(t, " ack %u", p->ack);
	if (!p->any_window)
		put(t, " win %u", p->window);
	if (p->urgent)
		put(t, " urg %u", p->urgent);
	if (p->any_options)
		put(t, " <...>");
	else
		put_options(t, p);
}

static void put_icmp(struct text *t, const struct packet *p)
{
	if (p->type_name)
		put(t, "icmp %s", p->type_name);
	else
		put(t, "icmp type %u code %u", p->type, p->code);
	if (p->code_name)
		put(t, " %s", p->code_name);
	if (p->mtu)
		put(t, " mtu %u", p->mtu);
}

const char *drill_packet_text(const struct packet *p, char text[PACKET_TEXT_LEN])
{
	struct text t = { text, PACKET_TEXT_LEN };

	put(&t, "%c ", p->outbound ? '>' : '<');
	put_ip(&t, p);
	if (p->protocol == PACKET_UDP)
		put(&t, "udp ");
	if (p->src_port)
		put(&t, "%u > %u ", p->src_port, p->dst_port);
	if (p->protocol == PACKET_TCP)
		put_tcp(&t, p);
	else if (p->protocol == PACKET_UDP)
		put(&t, "(%u)", p->len);
	else
		put_icmp(&t, p);
	return text;
}

/* Comparing -------------------------------------------------------------------------------------------------------- */

struct differences {
	char *text;
	size_t room;
};

static void note(struct differences *d, bool differs, const char *name)
{
	size_t used = strlen(d->text);

	if (differs)
		snprintf(d->text + used, d->room - used, "%s%s", used ? ", " : "", name);
}

static bool tos_differs(const struct packet *expected, const struct packet *seen)
{
	switch (expected->tos_kind) {
	case TOS_ANY:
		return false;
	case TOS_ECN:
		return expected->tos != (seen->tos & ECN_MASK);
	case TOS_ECT0_OR_1:
		return (seen->tos & ECN_MASK) != 1 && (seen->tos & ECN_MASK) != 2;
	case TOS_ALL:
		return expected->tos != seen->tos;
	}
	return true;
}

static void compare_tcp(const struct packet *e, const struct packet *s, struct differences *d)
{
	note(d, e->flags != s->flags, "flags");
	note(d, e->seq != s->seq, "sequence number");
	note(d, e->len != s->len, "length");
	note(d, e->ack != s->ack, "ack");
	note(d, !e->any_window && e->window != s->window, "window");
	note(d, e->urgent != s->urgent, "urgent pointer");
	note(d,
	     !e->any_options && (e->options_len != s->options_len ||
				 memcmp(e->options, s->options, e->options_len) != 0),
	     "options");
}

bool drill_packet_compare(const struct packet *e, const struct packet *s, char *text, size_t room)
{
	struct differences d = { text, room };

	*text = '\0';
	note(&d, e->protocol != s->protocol, "protocol");
	if (e->protocol != s->protocol)
		return false;
	note(&d, tos_differs(e, s), "tos");
	note(&d, e->ttl && e->ttl != s->ttl, "ttl");
	note(&d, e->flow_label && e->flow_label != s->flow_label, "flow label");
	note(&d, e->src_port && (e->src_port != s->src_port || e->dst_port != s->dst_port), "ports");
	if (e->protocol == PACKET_TCP)
		compare_tcp(e, s, &d);
	else if (e->protocol == PACKET_UDP)
		note(&d, e->len != s->len, "length");
	else
		note(&d, e->type != s->type || e->code != s->code, "type or code");
	return *text == '\0';
}

size_t drill_packet_option(const struct packet *p, uint8_t kind)
{
	for (size_t at = 0; at < p->options_len;) {
		uint8_t k = p->options[at];
		if (k == OPTION_NOP || k == OPTION_END) {
			at++;
			continue;
		}
		if (at + 2 > p->options_len || p->options[at + 1] < 2 ||
		    at + p->options[at + 1] > p->options_len)
			return 0;
		if (k == kind)
			return at + 1;
		at += p->options[at + 1];
	}
	return 0;
}
