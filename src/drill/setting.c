#include "drill/setting.h"
#include "socket/stream.h"

#include <ctype.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	STACK_TIMESTAMPS,
	STACK_SACK,
	STACK_SCALING,
	STACK_RECEIVE_BUFFER,
	STACK_SEND_BUFFER,
	STACK_MTU_PROBING,
	STACK_BASE_MSS,
	STACK_NOTSENT_LOWAT,
	STACK_BURST_MIN,
	STACK_ECN,
	STACK_FAST_OPEN,
	STACK_FAST_OPEN_KEY,
	STACK_FAST_OPEN_PAUSE,
	STACK_IDLE_RESTART,
	STACK_TAIL_PROBES,
	STACK_DSACK,
	STACK_FRTO,
	STACK_RETRIES,
	STACK_SYN_ACK_RETRIES
};

enum { STREAM_SEND_BUFFER };

/* Which of the kernel's settings (ip-sysctl.rst) are what a socket's option would be, if it were set at once. */
static const struct known {
	const char *name;
	int level, option;
	bool is_text;
	int place; /* of several numbers, which */
} known[] = {
	{"tcp_congestion_control",              IPPROTO_TCP,       TCP_CONGESTION,        true,  0},
	{ "tcp_syn_retries",                    IPPROTO_TCP,       TCP_SYNCNT,            false, 0},
	{ "tcp_keepalive_time",                 IPPROTO_TCP,       TCP_KEEPIDLE,          false, 0},
	{ "tcp_keepalive_intvl",                IPPROTO_TCP,       TCP_KEEPINTVL,         false, 0},
	{ "tcp_keepalive_probes",               IPPROTO_TCP,       TCP_KEEPCNT,           false, 0},
	{ "tcp_fin_timeout",                    IPPROTO_TCP,       TCP_LINGER2,           false, 0},
	{ "tcp_timestamps",                     SETTING_OF_STACK,  STACK_TIMESTAMPS,      false, 0},
	{ "tcp_sack",			   SETTING_OF_STACK,  STACK_SACK,            false, 0},
	{ "tcp_window_scaling",                 SETTING_OF_STACK,  STACK_SCALING,         false, 0},
	{ "tcp_ecn",			    SETTING_OF_STACK,  STACK_ECN,             false, 0},
	{ "tcp_rmem",			   SETTING_OF_STACK,  STACK_RECEIVE_BUFFER,  false, 2},
	{ "tcp_wmem",			   SETTING_OF_STACK,  STACK_SEND_BUFFER,     false, 2},
	{ "tcp_wmem",			   SETTING_OF_STREAM, STREAM_SEND_BUFFER,    false, 1},
	{ "tcp_min_tso_segs",                   SETTING_OF_STACK,  STACK_BURST_MIN,       false, 0},
	{ "tcp_notsent_lowat",                  SETTING_OF_STACK,  STACK_NOTSENT_LOWAT,   false, 0},
	{ "tcp_mtu_probing",                    SETTING_OF_STACK,  STACK_MTU_PROBING,     false, 0},
	{ "tcp_base_mss",                       SETTING_OF_STACK,  STACK_BASE_MSS,        false, 0},
	{ "tcp_fastopen",                       SETTING_OF_STACK,  STACK_FAST_OPEN,       false, 0},
	{ "tcp_fastopen_key",                   SETTING_OF_STACK,  STACK_FAST_OPEN_KEY,   true,  0},
	{ "tcp_fastopen_blackhole_timeout_sec", SETTING_OF_STACK,  STACK_FAST_OPEN_PAUSE, false, 0},
	{ "tcp_slow_start_after_idle",          SETTING_OF_STACK,  STACK_IDLE_RESTART,    false, 0},
	{ "tcp_early_retrans",                  SETTING_OF_STACK,  STACK_TAIL_PROBES,     false, 0},
	{ "tcp_dsack",			  SETTING_OF_STACK,  STACK_DSACK,           false, 0},
	{ "tcp_frto",			   SETTING_OF_STACK,  STACK_FRTO,            false, 0},
	{ "tcp_retries2",                       SETTING_OF_STACK,  STACK_RETRIES,         false, 0},
	{ "tcp_synack_retries",                 SETTING_OF_STACK,  STACK_SYN_ACK_RETRIES, false, 0},
	{ "ip_default_ttl",                     IPPROTO_IP,        IP_TTL,                false, 0},
};

static bool is_called(const struct known *k, const char *name, size_t len)
{
	return strlen(k->name) == len && memcmp(k->name, name, len) == 0;
}

static int number_at(const char *text, int place)
{
	char *end = (char *)text;
	long n = 0;

	for (int i = 0; i <= place; i++)
		n = strtol(end, &end, 0);
	return (int)n;
}

/* Later ones win: where one is there already, it is changed. */
static void keep(struct settings *s, const struct known *k, const char *value)
{
	struct setting *at = s->setting;

	while (at < s->setting + s->count && (at->level != k->level || at->name != k->option))
		at++;
	if (at == s->setting + SETTINGS_MAX)
		return;
	if (at == s->setting + s->count)
		s->count++;
	*at = (struct setting){ .level = k->level, .name = k->option, .is_text = k->is_text };
	snprintf(at->text, sizeof at->text, "%s", value);
	at->number = number_at(value, k->place);
}

static bool is_blank(char c)
{
	return isspace((unsigned char)c) || c == '\\' || c == ';' || c == '\0';
}

/* The end of a word, in which what is quoted counts as one. */
static const char *word_end(const char *p)
{
	while (!is_blank(*p)) {
		const char *close = *p == '"' ? strchr(p + 1, '"') : NULL;
		p = close ? close + 1 : p + 1;
	}
	return p;
}

/* NAME=VALUE, the name as a path or with dots; the last part of it tells. */
static bool take(struct settings *s, const char *word, size_t len)
{
	const char *equals = memchr(word, '=', len), *name = word;
	char value[SETTING_VALUE_MAX];
	size_t n = 0;

	if (!equals)
		return false;
	for (const char *p = word; p < equals; p++)
		if (*p == '.' || *p == '/')
			name = p + 1;
	for (const char *p = equals + 1; p < word + len && n + 1 < sizeof value; p++)
		if (*p != '"')
			value[n++] = *p;
	value[n] = '\0';
	bool is_known = false;
	for (const struct known *k = known; k < known + sizeof known / sizeof *known; k++)
		if (is_called(k, name, (size_t)(equals - name))) {
			keep(s, k, value);
			is_known = true;
		}
	return is_known;
}

static bool is_word(const char *p, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(p, word, len) == 0;
}

void drill_settings_read(struct settings *s, const char *command, setting_skipped_fn *skipped, void *context)
{
	for (const char *p = command; *p;) {
		if (is_blank(*p)) {
			p++;
			continue;
		}
		const char *end = word_end(p);
		size_t len = (size_t)(end - p);
		bool is_talk = len >= 6 && memcmp(p, "sysctl", 6) == 0;
		if (is_word(p, len, "tcp_metrics"))
			s->flushes++;
		else if (is_word(p, len, "fq") || is_word(p, len, "pfifo"))
			s->paced = len == 2;
		else if (!is_talk && *p != '-' && !take(s, p, len))
			skipped(context, p, len);
		p = end;
	}
}

static void set_ecn(struct pb_stack *stack, int number)
{
	static const enum pb_ecn numbered[] = { PB_ECN_OFF,
						PB_ECN_ASK,
						PB_ECN_WHEN_ASKED,
						PB_ECN_ACCURATE,
						PB_ECN_ACCURATE_ASK_CLASSIC,
						PB_ECN_ACCURATE_WHEN_ASKED };

	if (number >= 0 && (size_t)number < sizeof numbered / sizeof *numbered)
		stack_set_ecn(stack, numbered[number]);
}

/* Sixteen bytes as ip-sysctl.rst writes them, "x-x-x-x": numbers of 32 bits, which Linux keeps little-endian. */
static void set_keys(struct fast_open_keys *keys, const char *text)
{
	uint32_t word[4];

	keys->count = 0;
	while (keys->count < FAST_OPEN_KEYS_MAX &&
	       sscanf(text, "%8x-%8x-%8x-%8x", &word[0], &word[1], &word[2], &word[3]) == 4) {
		for (int i = 0; i < 4; i++)
			word[i] = htole32(word[i]);
		memcpy(keys->key[keys->count++], word, sizeof word);
		text = strchr(text, ',');
		if (!text)
			return;
		text++;
	}
}

static void flush(struct settings *s, struct pb_stack *stack)
{
	if (s->flushes != s->flushed)
		pb_fast_open_peers_forget(&stack->tcp->fast_open_peers);
	s->flushed = s->flushes;
}

void drill_settings_apply_to_stack(struct settings *s, struct pb_stack *stack)
{
	struct tcp_limits *l = &stack->tcp->limits;

	flush(s, stack);
	l->unpaced = !s->paced;

	for (const struct setting *at = s->setting; at < s->setting + s->count; at++) {
		if (at->level != SETTING_OF_STACK)
			continue;
		switch (at->name) {
		case STACK_TIMESTAMPS:
			l->no_timestamps = !at->number;
			break;
		case STACK_SACK:
			l->no_sack = !at->number;
			break;
		case STACK_SCALING:
			l->no_scaling = !at->number;
			break;
		case STACK_IDLE_RESTART:
			l->keeps_window = !at->number;
			break;
		case STACK_TAIL_PROBES:
			l->no_tail_probes = !at->number;
			break;
		case STACK_DSACK:
			l->no_dsack = !at->number;
			break;
		case STACK_FRTO:
			l->no_frto = !at->number;
			break;
		case STACK_RETRIES:
			l->retries = (uint8_t)at->number;
			break;
		case STACK_SYN_ACK_RETRIES:
			l->syn_ack_retries = (uint8_t)at->number;
			break;
		case STACK_MTU_PROBING:
			l->mtu_probing = at->number <= 0   ? PLPMTUD_NEVER
					 : at->number == 1 ? PLPMTUD_BLACK_HOLES
							   : PLPMTUD_ALWAYS;
			break;
		case STACK_BASE_MSS:
			l->base_mss = (uint16_t)at->number;
			break;
		case STACK_NOTSENT_LOWAT:
			l->notsent_lowat = (uint32_t)at->number;
			break;
		case STACK_BURST_MIN:
			l->burst_min = (uint16_t)at->number;
			break;
		case STACK_FAST_OPEN:
			l->fast_open = (unsigned)at->number;
			break;
		case STACK_FAST_OPEN_KEY:
			set_keys(&stack->tcp->fast_open_keys, at->text);
			break;
		case STACK_FAST_OPEN_PAUSE:
			l->fast_open_pause = at->number ? PB_SEC(at->number) : PB_NEVER;
			break;
		case STACK_RECEIVE_BUFFER:
			l->receive_buffer_max =
				at->number > TCP_BUFFER_MIN ? (size_t)at->number : TCP_BUFFER_MIN;
			break;
		case STACK_SEND_BUFFER:
			l->send_buffer_max =
				at->number > TCP_BUFFER_MIN ? (size_t)at->number : TCP_BUFFER_MIN;
			break;
		case STACK_ECN:
			set_ecn(stack, at->number);
			break;
		}
	}
}

/* What a buffer begins with: others that are set stay as they are. */
static void apply_to_stream(const struct setting *at, struct pb_socket *socket)
{
	struct stream *s = stream_of(socket);

	if (at->name == STREAM_SEND_BUFFER && at->number > 0 && pb_socket_is_stream(socket))
		s->fresh->set.send_buffer = (uint32_t)at->number;
}

void drill_settings_apply(const struct settings *s, struct pb_socket *socket)
{
	for (unsigned i = 0; i < s->count; i++) {
		const struct setting *at = &s->setting[i];
		if (at->level == SETTING_OF_STACK)
			continue;
		if (at->level == SETTING_OF_STREAM)
			apply_to_stream(at, socket);
		else if (at->is_text)
			pb_setsockopt(socket, at->level, at->name, at->text, (socklen_t)strlen(at->text));
		else
			pb_setsockopt(socket, at->level, at->name, &at->number, sizeof at->number);
	}
}
