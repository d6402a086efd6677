/* Reading packets. */
#include "drill/parser.h"
#include "wire/reader.h"

#include <stdio.h>
#include <string.h>

#define U16 UINT16_MAX
#define U32 UINT32_MAX

#define FLOW_LABEL_MAX ((1 << 20) - 1) /* RFC 8200 §3 */

/* [ect0], (tos 0x10), [ttl 64], (flowlabel 0x1): all in front of the rest. */
static void parse_ip(struct parser *p, struct packet *k)
{
	static const char *const ecn[] = { "noecn", "ect1", "ect0", "ce" }; /* RFC 3168 §5 */
	char end = drill_parse_take(p, '[') ? ']' : drill_parse_take(p, '(') ? ')' : '\0';

	if (!end)
		return;
	for (uint8_t i = 0; i < 4; i++)
		if (drill_parse_take_word(p, ecn[i])) {
			k->tos_kind = TOS_ECN;
			k->tos = i;
		}
	if (drill_parse_take_word(p, "ect01")) {
		k->tos_kind = TOS_ECT0_OR_1;
	} else if (drill_parse_take_word(p, "tos")) {
		k->tos_kind = TOS_ALL;
		k->tos = (uint8_t)drill_parse_number(p, "tos", 0, UINT8_MAX);
	} else if (drill_parse_take_word(p, "ttl")) {
		k->ttl = (uint8_t)drill_parse_number(p, "ttl", 1, UINT8_MAX);
	} else if (drill_parse_take_word(p, "flowlabel")) {
		k->flow_label = (uint32_t)drill_parse_number(p, "flowlabel", 0, FLOW_LABEL_MAX);
	}
	drill_parse_expect(p, end);
}

/* "8080 > 5000" */
static void parse_ports(struct parser *p, struct packet *k)
{
	if (p->token.kind != TOKEN_NUMBER || p->ahead.kind != TOKEN_MARK || p->ahead.mark != '>')
		return;
	k->src_port = (uint16_t)drill_parse_number(p, "a port", 1, U16);
	drill_parse_expect(p, '>');
	k->dst_port = (uint16_t)drill_parse_number(p, "a port", 1, U16);
}

static void take_flag(struct parser *p, struct packet *k, char letter)
{
	static const char letters[] = "FSRP.UEWA"; /* in the order of their bits */
	const char *at = strchr(letters, letter);

	if (letter >= '0' && letter <= '7') /* the three ECN bits as a number, RFC 9768 §3.2 */
		k->flags |= (uint16_t)((letter - '0') * TCP_ECE);
	else if (letter && at)
		k->flags |= (uint16_t)(1 << (at - letters));
	else
		drill_parse_fail(p, "'%c' is no flag; they are F, S, R, P, ., U, E, W, A", letter);
}

/* "S.", ".", "P.", "-" (none), "SEW", ".5", "S.7": words, marks and what the lexer takes for a number. */
static void parse_flags(struct parser *p, struct packet *k)
{
	if (drill_parse_take(p, '-'))
		return;
	if (p->token.kind == TOKEN_WORD) {
		struct token t = drill_parse_next(p);
		for (size_t i = 0; i < t.len; i++)
			take_flag(p, k, t.text[i]);
		if (!drill_parse_is(p, '.') && p->token.kind != TOKEN_FRACTION)
			return;
	}
	if (p->token.kind == TOKEN_FRACTION) {
		struct token t = drill_parse_next(p);
		for (size_t i = 0; i < t.len; i++)
			take_flag(p, k, t.text[i]);
	} else if (drill_parse_take(p, '.')) {
		k->flags |= TCP_ACK;
	} else {
		drill_parse_fail(p, "flags are wanted, as in 'S.', 'P.' or '-'");
	}
}

/* "1:1001(1000)": the last number says it, the second agrees. */
static void parse_sequence(struct parser *p, uint32_t *seq, uint32_t *len)
{
	*seq = (uint32_t)drill_parse_number(p, "a sequence number", 0, U32);
	drill_parse_expect(p, ':');
	uint32_t end = (uint32_t)drill_parse_number(p, "a sequence number", 0, U32);
	drill_parse_expect(p, '(');
	*len = (uint32_t)drill_parse_number(p, "a length", 0, PACKET_LEN_MAX);
	if (end - *seq != *len)
		drill_parse_fail(p, "from %u to %u it is %u bytes, not %u", *seq, end, end - *seq, *len);
	drill_parse_expect(p, ')');
}

/* Bytes in hexadecimal, which the lexer takes for a word or a number. How many. */
static size_t parse_hex(struct parser *p, struct writer *w)
{
	size_t n = 0;

	if (p->token.kind != TOKEN_WORD && p->token.kind != TOKEN_NUMBER)
		return 0;
	struct token t = drill_parse_next(p);
	for (; n * 2 + 1 < t.len; n++) {
		unsigned byte = 0;
		const char digits[] = { t.text[n * 2], t.text[n * 2 + 1], '\0' };
		if (sscanf(digits, "%2x", &byte) != 1 || strspn(digits, "0123456789abcdefABCDEF") != 2)
			drill_parse_fail(p, "'%s' is no byte in hexadecimal", digits);
		wr_u8(w, (uint8_t)byte);
	}
	if (t.len % 2)
		drill_parse_fail(p, "bytes in hexadecimal are two digits each");
	return n;
}

static void parse_sack(struct parser *p, struct writer *w, uint8_t *length)
{
	while (p->token.kind == TOKEN_NUMBER && *length < PACKET_OPTIONS_MAX) {
		wr_u32(w, (uint32_t)drill_parse_number(p, "a sequence number", 0, U32));
		drill_parse_expect(p, ':');
		wr_u32(w, (uint32_t)drill_parse_number(p, "a sequence number", 0, U32));
		*length = (uint8_t)(*length + 8);
	}
}

/* RFC 9768 §3.2.3: counters of 24 bits, in an order that the option's kind says. */
static void parse_accecn(struct parser *p, struct writer *w, uint8_t *start)
{
	start[0] = OPTION_ACCECN0;
	for (unsigned n = 0; n < 3; n++) {
		bool first = n == 0 && drill_parse_is_word(p, "e1b");
		if (first)
			start[0] = OPTION_ACCECN1;
		if (!drill_parse_take_word(p, "e0b") && !drill_parse_take_word(p, "e1b") &&
		    !drill_parse_take_word(p, "ceb"))
			break;
		uint32_t value = (uint32_t)drill_parse_number(p, "a counter", 0, 0xffffff);
		wr_u8(w, (uint8_t)(value >> 16));
		wr_u16(w, (uint16_t)value);
		start[1] = (uint8_t)(start[1] + 3);
	}
}

static const char *parse_key(struct parser *p)
{
	const struct expr *e = p->token.kind == TOKEN_TEXT ? drill_parse_expr(p) : NULL;

	if (!e)
		drill_parse_fail(p, "a key is wanted, as in md5 \"secret\" or ao 1 2 \"secret\"");
	return e && e->text ? e->text : "";
}

/* RFC 5482 §3.3: seconds or minutes. */
static void parse_user_timeout(struct parser *p, struct writer *w, uint8_t *start)
{
	uint16_t n = (uint16_t)drill_parse_number(p, "a user time-out", 0, INT16_MAX);

	start[0] = OPTION_USER_TIMEOUT;
	start[1] = 4;
	if (drill_parse_take_word(p, "min"))
		n |= 0x8000;
	else if (!drill_parse_take_word(p, "s"))
		drill_parse_fail(p, "a user time-out is written <uto 300 s> or <uto 5 min>");
	wr_u16(w, n);
}

/* RFC 2385 §3: as it is, or by its key. */
static void parse_md5(struct parser *p, struct packet *k, struct writer *w, uint8_t *start)
{
	start[0] = OPTION_MD5;
	if (p->token.kind != TOKEN_TEXT) {
		start[1] = (uint8_t)(2 + parse_hex(p, w));
		return;
	}
	uint8_t *mac = wr_room(w, TCP_MD5_MAC_LEN);
	if (mac)
		memset(mac, 0, TCP_MD5_MAC_LEN);
	start[1] = 2 + TCP_MD5_MAC_LEN;
	k->sign_key = parse_key(p);
}

/* RFC 5925 §2.2: KeyID, RNextKeyID, and the key. */
static void parse_ao(struct parser *p, struct packet *k, struct writer *w, uint8_t *start)
{
	start[0] = OPTION_AO;
	start[1] = 4 + PACKET_AO_MAC_LEN;
	wr_u8(w, (uint8_t)drill_parse_number(p, "a KeyID", 0, UINT8_MAX));
	wr_u8(w, (uint8_t)drill_parse_number(p, "an RNextKeyID", 0, UINT8_MAX));
	uint8_t *mac = wr_room(w, PACKET_AO_MAC_LEN);
	if (mac)
		memset(mac, 0, PACKET_AO_MAC_LEN);
	k->sign_key = parse_key(p);
}

/* The options that have a length: what follows it. start: the option's first byte. */
static void parse_long_option(struct parser *p, struct packet *k, struct writer *w, uint8_t *start)
{
	if (drill_parse_take_word(p, "mss")) {
		start[0] = OPTION_MSS;
		wr_u16(w, (uint16_t)drill_parse_number(p, "mss", 0, U16));
		start[1] = 4;
	} else if (drill_parse_take_word(p, "wscale")) {
		start[0] = OPTION_WSCALE;
		wr_u8(w, (uint8_t)drill_parse_number(p, "wscale", 0, UINT8_MAX));
		start[1] = 3;
	} else if (drill_parse_take_word(p, "sackOK")) {
		start[0] = OPTION_SACK_PERMITTED;
	} else if (drill_parse_take_word(p, "sack")) {
		start[0] = OPTION_SACK;
		parse_sack(p, w, &start[1]);
	} else if (drill_parse_take_word(p, "TS")) {
		start[0] = OPTION_TIMESTAMP;
		start[1] = 10;
		if (!drill_parse_take_word(p, "val"))
			drill_parse_fail(p, "TS is written <TS val 1 ecr 2>");
		wr_u32(w, (uint32_t)drill_parse_number(p, "val", 0, U32));
		if (!drill_parse_take_word(p, "ecr"))
			drill_parse_fail(p, "TS is written <TS val 1 ecr 2>");
		wr_u32(w, (uint32_t)drill_parse_number(p, "ecr", 0, U32));
	} else if (drill_parse_take_word(p, "FO")) {
		start[0] = OPTION_FAST_OPEN;
		start[1] = (uint8_t)(2 + parse_hex(p, w));
	} else if (drill_parse_take_word(p, "FOEXP")) {
		start[0] = OPTION_EXPERIMENT;
		wr_u16(w, OPTION_FAST_OPEN_MAGIC);
		start[1] = (uint8_t)(4 + parse_hex(p, w));
	} else if (drill_parse_take_word(p, "uto")) {
		parse_user_timeout(p, w, start);
	} else if (drill_parse_take_word(p, "md5")) {
		parse_md5(p, k, w, start);
	} else if (drill_parse_take_word(p, "ao")) {
		parse_ao(p, k, w, start);
	} else if (drill_parse_take_word(p, "ECN")) {
		parse_accecn(p, w, start);
	} else {
		drill_parse_fail(p, "there is no option '%.*s'", (int)p->token.len, p->token.text);
	}
}

static void parse_option(struct parser *p, struct packet *k, struct writer *w)
{
	if (drill_parse_take_word(p, "nop")) {
		wr_u8(w, OPTION_NOP);
	} else if (drill_parse_take_word(p, "eol")) {
		wr_u8(w, OPTION_END);
	} else {
		uint8_t *start = wr_room(w, 2);
		if (!start)
			return;
		start[1] = 2;
		parse_long_option(p, k, w, start);
	}
}

static void parse_options(struct parser *p, struct packet *k)
{
	struct writer w = { k->options, sizeof k->options, false };

	if (!drill_parse_take(p, '<'))
		return;
	if (p->token.kind == TOKEN_ELLIPSIS) {
		drill_parse_next(p);
		k->any_options = true;
	} else {
		do
			parse_option(p, k, &w);
		while (drill_parse_take(p, ',') && drill_parse_ok(p));
	}
	drill_parse_expect(p, '>');
	k->options_len = (uint8_t)(w.p - k->options);
	if (w.bad)
		drill_parse_fail(p, "options are more than %d bytes", PACKET_OPTIONS_MAX);
	else if (k->options_len % 4)
		drill_parse_fail(p, "options are %u bytes, which is no multiple of 4: pad them with nop",
				 k->options_len);
}

static void parse_tcp(struct parser *p, struct packet *k)
{
	parse_ports(p, k);
	parse_flags(p, k);
	parse_sequence(p, &k->seq, &k->len);
	if (drill_parse_take_word(p, "ack"))
		k->ack = (uint32_t)drill_parse_number(p, "ack", 0, U32);
	k->any_window = !drill_parse_take_word(p, "win");
	if (!k->any_window)
		k->window = (uint16_t)drill_parse_number(p, "win", 0, U16);
	else if (!k->outbound)
		drill_parse_fail(p, "a segment for the stack needs a window, 'win 1000'");
	if (drill_parse_take_word(p, "urg"))
		k->urgent = (uint16_t)drill_parse_number(p, "urg", 0, U16);
	parse_options(p, k);
}

static void parse_udp(struct parser *p, struct packet *k)
{
	k->protocol = PACKET_UDP;
	parse_ports(p, k);
	drill_parse_expect(p, '(');
	k->len = (uint32_t)drill_parse_number(p, "a length", 0, PACKET_LEN_MAX);
	drill_parse_expect(p, ')');
}

/* [1:1001(1000)], [udp (100)] or nothing: where what it complains of began. */
static void parse_quoted(struct parser *p, struct packet *k)
{
	if (!drill_parse_take(p, '['))
		return;
	if (drill_parse_take_word(p, "udp")) {
		k->quoted = PACKET_UDP;
		drill_parse_expect(p, '(');
		k->quoted_len = (uint32_t)drill_parse_number(p, "a length", 0, PACKET_LEN_MAX);
		drill_parse_expect(p, ')');
	} else {
		parse_sequence(p, &k->quoted_seq, &k->quoted_len);
	}
	drill_parse_expect(p, ']');
}

static void parse_icmp(struct parser *p, struct packet *k)
{
	k->protocol = PACKET_ICMP;
	k->type_name = drill_parse_word(p, "a type of ICMP message");
	if (p->token.kind == TOKEN_WORD && !drill_parse_is_word(p, "mtu") && !drill_parse_is_word(p, "id"))
		k->code_name = drill_parse_word(p, "a code");
	if (!drill_icmp_numbers(false, k->type_name, k->code_name, &k->type, &k->code) &&
	    !drill_icmp_numbers(true, k->type_name, k->code_name, &k->type, &k->code))
		drill_parse_fail(p, "there is no ICMP message '%s %s'", k->type_name,
				 k->code_name ? k->code_name : "");
	if (drill_parse_take_word(p, "mtu"))
		k->mtu = (uint16_t)drill_parse_number(p, "mtu", 0, U16);
	if (drill_parse_take_word(p, "id"))
		k->id = (uint16_t)drill_parse_number(p, "id", 0, U16);
	parse_quoted(p, k);
}

struct packet *drill_parse_packet(struct parser *p)
{
	struct packet *k = drill_parse_alloc(p, sizeof *k);

	if (!k)
		return NULL;
	k->outbound = drill_parse_next(p).mark == '>';
	parse_ip(p, k);
	if (drill_parse_take_word(p, "udp"))
		parse_udp(p, k);
	else if (drill_parse_take_word(p, "icmp"))
		parse_icmp(p, k);
	else
		parse_tcp(p, k);
	return k;
}
