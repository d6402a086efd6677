/*
 *  RFC 9293 §3.1
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |          Source Port          |       Destination Port        |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                        Sequence Number                        |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                    Acknowledgment Number                      |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |  Data |     |A|C|E|U|A|P|R|S|F|                               |
 *  | Offset| Rsv |E|W|C|R|C|S|S|Y|I|            Window             |
 *  |       |     | |R|E|G|K|H|T|N|N|                               |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |           Checksum            |         Urgent Pointer        |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                           [Options]                           |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
#include "wire/tcp.h"

/* IANA's "TCP Option Kind Numbers", with their lengths. */
enum option_kind {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_MSS = 2,            /* RFC 9293 §3.2 */
	OPTION_WINDOW_SCALE = 3,   /* RFC 7323 §2.2 */
	OPTION_SACK_PERMITTED = 4, /* RFC 2018 §2 */
	OPTION_SACK = 5,           /* RFC 2018 §3 */
	OPTION_TIMESTAMP = 8,      /* RFC 7323 §3.2 */
	OPTION_MD5 = 19,           /* RFC 2385 §3 */
	OPTION_USER_TIMEOUT = 28,  /* RFC 5482 §3.3 */
	OPTION_AO = 29,            /* RFC 5925 §2.2 */
	OPTION_FAST_OPEN = 34,     /* RFC 7413 §4.1.1 */
	OPTION_EXPERIMENT = 254,   /* RFC 6994 §3: whose it is, its first two bytes say */
	OPTION_ACCECN0 = 172,      /* RFC 9768 §3.2.3 */
	OPTION_ACCECN1 = 174,
};
#define MSS_LEN            4
#define WINDOW_SCALE_LEN   3
#define SACK_PERMITTED_LEN 2
#define TIMESTAMP_LEN      10
#define SACK_LEN(blocks)   (2 + 8 * (blocks))
#define USER_TIMEOUT_LEN   4
#define MD5_LEN            (2 + TCP_MD5_MAC_LEN)
#define AO_LEN(mac)        (4 + (mac))
#define FAST_OPEN_LEN      2
#define EXPERIMENT_LEN     4
#define FAST_OPEN_ID       0xf989 /* IANA's "TCP Experimental Option Experiment Identifiers" */
#define ACCECN_FIELD_LEN   3
#define ACCECN_LEN(fields) (2 + ACCECN_FIELD_LEN * (size_t)(fields))

#define FLAGS_MASK 0x1ff

static void read_timestamp(struct tcp_options *o, struct reader *r)
{
	o->has_timestamp = true;
	o->ts_value = rd_u32(r);
	o->ts_echo = rd_u32(r);
}

static bool read_sack(struct tcp_options *o, struct reader *r, bool syn)
{
	size_t blocks = r->left / 8;

	if (r->left % 8 || blocks < 1 || blocks > TCP_SACK_BLOCKS_MAX)
		return false;
	if (syn)
		return true;
	o->sack_count = (uint8_t)blocks;
	for (size_t i = 0; i < blocks; i++) {
		o->sack[i].start = rd_u32(r);
		o->sack[i].end = rd_u32(r);
	}
	return true;
}

static uint32_t rd_u24(struct reader *r)
{
	uint32_t high = rd_u16(r);

	return high << 8 | rd_u8(r);
}

/* Of any length: as many whole fields as there are of those that we know (RFC 9768 §3.2.3). */
static void read_accecn(struct tcp_options *o, struct reader *r, bool ect1_first)
{
	size_t fields = r->left / ACCECN_FIELD_LEN;

	o->has_accecn = true;
	o->accecn_ect1_first = ect1_first;
	o->accecn_count = (uint8_t)(fields < TCP_ACCECN_COUNTERS_MAX ? fields : TCP_ACCECN_COUNTERS_MAX);
	for (size_t i = 0; i < o->accecn_count; i++)
		o->accecn[i] = rd_u24(r);
}

/* A signature, whose place is counted from the header's first byte. */
static bool read_auth(struct tcp_options *o, struct reader *r, enum tcp_auth_kind kind, const uint8_t *header)
{
	bool again = o->auth != TCP_UNSIGNED;

	o->auth = (uint8_t)kind;
	if (kind == TCP_SIGNED_AO) {
		o->key_id = rd_u8(r);
		o->next_key_id = rd_u8(r);
	}
	o->mac_len = (uint8_t)r->left;
	o->mac_at = (uint8_t)(r->p - header);
	if (again || r->left == 0 || (kind == TCP_SIGNED_MD5 && r->left != TCP_MD5_MAC_LEN))
		o->auth = TCP_SIGNED_WRONG;
	return o->auth != TCP_SIGNED_WRONG;
}

/* The last one counts, if several come; of no valid length, it is as if none came. */
static void read_fast_open(struct tcp_options *o, struct reader *r, bool experiment)
{
	bool is_cookie = r->left >= TCP_COOKIE_LEN_MIN && r->left <= TCP_COOKIE_LEN_MAX && r->left % 2 == 0;

	if (r->left && !is_cookie)
		return;
	o->has_fast_open = true;
	o->fast_open_experiment = experiment;
	o->cookie_len = (uint8_t)r->left;
	rd_copy(r, o->cookie, o->cookie_len);
}

static void read_experiment(struct tcp_options *o, struct reader *r)
{
	if (r->left >= EXPERIMENT_LEN - 2 && rd_u16(r) == FAST_OPEN_ID)
		read_fast_open(o, r, true);
}

/*
 * One option, of which r has exactly what follows kind and length. False: it has not the length of its kind.
 */
static bool read_option(struct tcp_options *o, uint8_t kind, struct reader *r, bool syn,
			const uint8_t *header)
{
	switch (kind) {
	case OPTION_MSS:
		if (r->left != MSS_LEN - 2)
			return false;
		if (syn)
			o->mss = rd_u16(r);
		return true;
	case OPTION_WINDOW_SCALE:
		if (r->left != WINDOW_SCALE_LEN - 2)
			return false;
		if (syn)
			o->window_scale = rd_u8(r);
		o->has_window_scale = syn;
		return true;
	case OPTION_SACK_PERMITTED:
		if (r->left != SACK_PERMITTED_LEN - 2)
			return false;
		o->sack_permitted = syn;
		return true;
	case OPTION_TIMESTAMP:
		if (r->left != TIMESTAMP_LEN - 2)
			return false;
		read_timestamp(o, r);
		return true;
	case OPTION_SACK:
		return read_sack(o, r, syn);
	case OPTION_USER_TIMEOUT:
		if (r->left != USER_TIMEOUT_LEN - 2)
			return false;
		o->user_timeout = rd_u16(r);
		o->has_user_timeout = true;
		return true;
	case OPTION_MD5:
		return read_auth(o, r, TCP_SIGNED_MD5, header);
	case OPTION_AO:
		return read_auth(o, r, TCP_SIGNED_AO, header);
	case OPTION_FAST_OPEN:
		if (syn)
			read_fast_open(o, r, false);
		return true;
	case OPTION_EXPERIMENT:
		if (syn)
			read_experiment(o, r);
		return true;
	case OPTION_ACCECN0:
	case OPTION_ACCECN1:
		read_accecn(o, r, kind == OPTION_ACCECN1);
		return true;
	default:
		return true;
	}
}

static void read_options(struct tcp_options *o, struct reader *r, bool syn)
{
	const uint8_t *header = r->p - TCP_HEADER_LEN;

	while (r->left) {
		uint8_t kind = rd_u8(r);
		if (kind == OPTION_END)
			return;
		if (kind == OPTION_NOP)
			continue;
		uint8_t len = rd_u8(r);
		if (r->bad || len < 2 || len - 2u > r->left)
			return;
		struct reader body = { .p = r->p, .left = len - 2u };
		if (!read_option(o, kind, &body, syn, header))
			return;
		rd_bytes(r, len - 2u);
	}
}

/* RFC 7323 appendix A: what nearly every segment of a connection with timestamps has, and nothing else. */
static const uint8_t timestamp_form[] = { OPTION_NOP, OPTION_NOP, OPTION_TIMESTAMP, TIMESTAMP_LEN };
#define TIMESTAMP_FORM_LEN (sizeof timestamp_form + 8)

static bool is_only_timestamp(const struct tcp_options *o)
{
	return o->present == (struct tcp_options){ .has_timestamp = true }.present;
}

bool pb_tcp_parse(struct tcp_header *h, struct reader *r)
{
	struct reader in = *r; /* a copy of our own, so that one comparison does for all fields */

	if (in.left < TCP_HEADER_LEN)
		return false;
	h->src_port = rd_u16(&in);
	h->dst_port = rd_u16(&in);
	h->seq = rd_u32(&in);
	h->ack = rd_u32(&in);
	uint16_t offset_flags = rd_u16(&in);
	h->len = (uint8_t)(offset_flags >> 12 << 2);
	h->flags = offset_flags & FLAGS_MASK;
	h->window = rd_u16(&in);
	h->checksum = rd_u16(&in);
	h->urgent = rd_u16(&in);
	h->options = (struct tcp_options){ 0 };
	if (h->len < TCP_HEADER_LEN || h->len > r->left)
		return false;
	size_t options_len = h->len - TCP_HEADER_LEN;
	struct reader options = { .p = rd_bytes(&in, options_len), .left = options_len };
	*r = in;
	if (options_len == TIMESTAMP_FORM_LEN && !memcmp(options.p, timestamp_form, sizeof timestamp_form)) {
		rd_bytes(&options, sizeof timestamp_form);
		read_timestamp(&h->options, &options);
	} else {
		read_options(&h->options, &options, h->flags & TCP_SYN);
	}
	return true;
}

size_t pb_tcp_auth_len(const struct tcp_options *o)
{
	switch (o->auth) {
	case TCP_SIGNED_MD5:
		return 2 + MD5_LEN;
	case TCP_SIGNED_AO:
		return (AO_LEN((size_t)o->mac_len) + 3) & ~(size_t)3;
	default:
		return 0;
	}
}

static size_t fast_open_len(const struct tcp_options *o)
{
	return (o->fast_open_experiment ? EXPERIMENT_LEN : FAST_OPEN_LEN) + o->cookie_len;
}

static size_t padded(size_t len)
{
	return (len + 3) & ~(size_t)3;
}

/* Each begins at a multiple of 4 and is padded in front, so that its numbers are aligned; fast open has none. */
size_t pb_tcp_header_len(const struct tcp_options *o)
{
	size_t len = TCP_HEADER_LEN;

	if (is_only_timestamp(o))
		return len + TIMESTAMP_FORM_LEN;
	if (!o->present)
		return len;
	len += pb_tcp_auth_len(o);
	if (o->mss)
		len += MSS_LEN;
	if (o->has_timestamp)
		len += 2 + TIMESTAMP_LEN;
	else if (o->sack_permitted)
		len += 2 + SACK_PERMITTED_LEN;
	if (o->has_window_scale)
		len += 1 + WINDOW_SCALE_LEN;
	if (o->sack_count)
		len += 2 + SACK_LEN(o->sack_count);
	if (o->has_user_timeout)
		len += USER_TIMEOUT_LEN;
	if (o->has_fast_open)
		len += padded(fast_open_len(o));
	if (o->has_accecn)
		len += padded(ACCECN_LEN(o->accecn_count));
	return len;
}

static void write_kind(struct writer *w, enum option_kind kind, size_t len)
{
	wr_u8(w, (uint8_t)kind);
	wr_u8(w, (uint8_t)len);
}

static void write_nops(struct writer *w, int count)
{
	while (count--)
		wr_u8(w, OPTION_NOP);
}

static void write_sack(const struct tcp_options *o, struct writer *w)
{
	write_nops(w, 2);
	write_kind(w, OPTION_SACK, SACK_LEN(o->sack_count));
	for (unsigned i = 0; i < o->sack_count; i++) {
		wr_u32(w, o->sack[i].start);
		wr_u32(w, o->sack[i].end);
	}
}

static void write_accecn(const struct tcp_options *o, struct writer *w)
{
	size_t len = ACCECN_LEN(o->accecn_count);

	write_kind(w, o->accecn_ect1_first ? OPTION_ACCECN1 : OPTION_ACCECN0, len);
	for (size_t i = 0; i < o->accecn_count; i++) {
		wr_u16(w, (uint16_t)(o->accecn[i] >> 8));
		wr_u8(w, (uint8_t)o->accecn[i]);
	}
	write_nops(w, (int)(padded(len) - len)); /* behind: its counters can't be aligned */
}

/* At TCP_MAC_AT in both: two NOPs in front of MD5's, as others do; what TCP-AO needs for padding, behind. */
static void write_auth(const struct tcp_options *o, struct writer *w)
{
	static const uint8_t unsigned_yet[UINT8_MAX];

	if (o->auth == TCP_SIGNED_MD5) {
		write_nops(w, 2);
		write_kind(w, OPTION_MD5, MD5_LEN);
		wr_bytes(w, unsigned_yet, TCP_MD5_MAC_LEN);
	} else if (o->auth == TCP_SIGNED_AO) {
		write_kind(w, OPTION_AO, AO_LEN((size_t)o->mac_len));
		wr_u8(w, o->key_id);
		wr_u8(w, o->next_key_id);
		wr_bytes(w, unsigned_yet, o->mac_len);
		write_nops(w, (int)(pb_tcp_auth_len(o) - AO_LEN((size_t)o->mac_len)));
	}
}

static void write_fast_open(const struct tcp_options *o, struct writer *w)
{
	size_t len = fast_open_len(o);

	write_kind(w, o->fast_open_experiment ? OPTION_EXPERIMENT : OPTION_FAST_OPEN, len);
	if (o->fast_open_experiment)
		wr_u16(w, FAST_OPEN_ID);
	wr_bytes(w, o->cookie, o->cookie_len);
	write_nops(w, (int)(padded(len) - len));
}

static void write_options(const struct tcp_options *o, struct writer *w)
{
	write_auth(o, w);
	if (o->mss) {
		write_kind(w, OPTION_MSS, MSS_LEN);
		wr_u16(w, o->mss);
	}
	if (o->has_timestamp != o->sack_permitted) /* together they need no padding */
		write_nops(w, 2);
	if (o->sack_permitted)
		write_kind(w, OPTION_SACK_PERMITTED, SACK_PERMITTED_LEN);
	if (o->has_timestamp) {
		write_kind(w, OPTION_TIMESTAMP, TIMESTAMP_LEN);
		wr_u32(w, o->ts_value);
		wr_u32(w, o->ts_echo);
	}
	if (o->has_window_scale) {
		write_nops(w, 1);
		write_kind(w, OPTION_WINDOW_SCALE, WINDOW_SCALE_LEN);
		wr_u8(w, o->window_scale);
	}
	if (o->sack_count)
		write_sack(o, w);
	if (o->has_user_timeout) {
		write_kind(w, OPTION_USER_TIMEOUT, USER_TIMEOUT_LEN);
		wr_u16(w, o->user_timeout);
	}
	if (o->has_fast_open)
		write_fast_open(o, w);
	if (o->has_accecn)
		write_accecn(o, w);
}

bool pb_tcp_write(const struct tcp_header *h, struct writer *w)
{
	return pb_tcp_write_sized(h, pb_tcp_header_len(&h->options), w);
}

bool pb_tcp_write_sized(const struct tcp_header *h, size_t len, struct writer *w)
{
	struct writer out = *w;

	if (out.left < TCP_HEADER_LEN || len > out.left || len > TCP_HEADER_LEN_MAX) /* one for all fields */
		return false;
	wr_u16(&out, h->src_port);
	wr_u16(&out, h->dst_port);
	wr_u32(&out, h->seq);
	wr_u32(&out, h->ack);
	wr_u16(&out, (uint16_t)(len / 4 << 12 | (h->flags & FLAGS_MASK)));
	wr_u16(&out, h->window);
	wr_u16(&out, h->checksum);
	wr_u16(&out, h->urgent);
	if (is_only_timestamp(&h->options)) {
		wr_bytes(&out, timestamp_form, sizeof timestamp_form);
		wr_u32(&out, h->options.ts_value);
		wr_u32(&out, h->options.ts_echo);
	} else if (h->options.present) {
		write_options(&h->options, &out);
	}
	*w = out;
	return true;
}
