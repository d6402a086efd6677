#include "harness.h"

#include "base/checksum.h"
#include "transport/tcp/auth.h"

#include <errno.h>
#include <netinet/in.h>

#define OUR_ADDRESS  "192.0.2.1"
#define PEER_ADDRESS "198.51.100.1"
#define POOL_BYTES   (64 * 1024 * 1024)

static struct harness *present; /* the internet layer of whom is called; one at a time */

struct ip harness_ip(const char *text)
{
	struct ip a;

	assert_true(pb_ip_parse(&a, text));
	return a;
}

/* -- the internet layer, as src/net/internet.h has it */

int pb_ip_path(struct internet *net, struct ip_path *path, const struct ip *src, const struct ip *dst,
	       unsigned bound)
{
	(void)net;
	if (present->unreachable)
		return present->unreachable;
	*path = (struct ip_path){
		.src = ip_is_any(src) ? harness_ip(OUR_ADDRESS) : *src,
		.dst = *dst,
		.iface = &present->iface,
		.mtu = present->mtu,
		.bound = bound,
		.group = ip_is_multicast(dst) || ip_is_limited_broadcast(dst),
	};
	return 0;
}

/* What the edge needs to complete a checksum has to be there, and right. */
static void check_notes(const struct ip_path *path, const struct pb_buf *b)
{
	uint16_t want =
		(uint16_t)~pb_checksum_finish(pb_ip_pseudo(&path->src, &path->dst, IPPROTO_TCP, b->total));

	assert_int_equal(b->checksum, PB_CHECKSUM_WANTED);
	assert_ptr_equal(b->transport, b->data);
	assert_int_equal(b->checksum_offset, 16);
	assert_int_equal(b->data[16] << 8 | b->data[17], want);
	assert_true(pb_buf_headroom(b) >= IP_HEADROOM);
}

int pb_ip_send(struct internet *net, struct ip_path *path, const struct ip_send *how, struct pb_buf *b)
{
	(void)net;
	assert_int_equal(how->protocol, IPPROTO_TCP);
	check_notes(path, b);
	b->mark = how->tos;
	pb_buf_queue_push(&present->sent, b);
	return 0;
}

void pb_ip_confirm(struct internet *net, struct ip_path *path)
{
	(void)net;
	(void)path;
}

void pb_ip_learn_mtu(struct internet *net, const struct ip *dst, uint32_t mtu)
{
	(void)net;
	(void)dst;
	present->mtu = mtu;
}

void pb_ip_redirected(struct internet *net, const struct ip_error *e)
{
	(void)net;
	assert_true(ip_error_is_redirect(e));
	present->redirects++;
}

bool pb_internet_is_local(const struct internet *net, const struct ip *a)
{
	struct ip ours = harness_ip(OUR_ADDRESS);

	(void)net;
	return ip_equal(a, &ours);
}

/* -- the harness */

void harness_begin(struct harness *h, uint64_t seed, const struct tcp_limits *limits)
{
	uint8_t bytes[16] = { 0 };

	memcpy(bytes, &seed, sizeof seed);
	*h = (struct harness){
		.mtu = 1500, .iface = {.index = 1, .mtu = 1500, .name = "test"}
	};
	present = h;
	pb_timers_init(&h->env.timers, PB_SEC(1000));
	h->env.rng = pb_rng_derive(bytes, "harness");
	h->env.pool = pb_pool_new(POOL_BYTES);
	assert_non_null(h->env.pool);
	list_init(&h->env.ready);
	assert_int_equal(pb_tcp_new(&h->env, NULL, limits, &h->tcp), 0);
}

void harness_end(struct harness *h)
{
	pb_tcp_free(h->tcp);
	harness_forget(h);
	assert_int_equal(h->env.timers.count, 0);
	assert_int_equal(pb_pool_bytes(h->env.pool), 0);
	pb_pool_free(h->env.pool);
	present = NULL;
}

void harness_hang_up(struct harness *h, struct tcp_conn *c, struct tcp_listener *l)
{
	harness_forget(h);
	pb_tcp_close(c, true);
	pb_tcp_listener_close(l);
	harness_end(h);
}

/* The segment as it would come from a device: one part, its checksum complete and not verified. */
static struct pb_buf *build(struct harness *h, const struct segment *s, const struct ip *src,
			    const struct ip *dst)
{
	struct pb_buf *b = pb_buf_new(h->env.pool, 0, TCP_HEADER_LEN_MAX + s->text_len);
	struct tcp_signature sign = { .kind = TCP_UNSIGNED };
	struct tcp_header header = s->h;
	struct writer w;
	uint16_t checksum;

	assert_non_null(b);
	header.src_port = header.src_port ? header.src_port : HARNESS_PEER;
	header.dst_port = header.dst_port ? header.dst_port : HARNESS_PORT;
	header.checksum = 0;
	if (s->party)
		assert_true(pb_tcp_auth_sign(s->party, &header, &sign));
	size_t len = pb_tcp_header_len(&header.options);
	w = (struct writer){ .p = pb_buf_extend(b, len), .left = len };
	assert_true(pb_tcp_write(&header, &w));
	if (s->text)
		memcpy(pb_buf_extend(b, s->text_len), s->text, s->text_len);
	else
		memset(pb_buf_extend(b, s->text_len), 'x', s->text_len);
	if (sign.kind)
		pb_tcp_auth_seal(&sign, src, dst, b, len);
	checksum = pb_checksum_finish(
		pb_checksum_add_packet(pb_ip_pseudo(src, dst, IPPROTO_TCP, b->total), b, 0));
	b->data[16] = (uint8_t)(checksum >> 8);
	b->data[17] = (uint8_t)checksum;
	return b;
}

void harness_inject(struct harness *h, const struct segment *s)
{
	struct ip_packet packet = {
		.src = harness_ip(s->from ? s->from : PEER_ADDRESS),
		.dst = harness_ip(OUR_ADDRESS),
		.protocol = IPPROTO_TCP,
		.ttl = 64,
		.tos = s->tos,
		.iface = &h->iface,
	};

	packet.buf = build(h, s, &packet.src, &packet.dst);
	pb_tcp_input(h->tcp, &packet);
	pb_tcp_flush(h->tcp);
}

static bool admitted(const struct tcp_party *peer, const struct tcp_header *h, const struct pb_buf *b)
{
	struct tcp_segment s = { .h = *h, .seq = { h->seq }, .ack = { h->ack }, .text = pb_buf_share(b) };

	pb_buf_pull(s.text, h->len);
	bool good = pb_tcp_auth_admits(peer, &s);
	pb_buf_free(s.text);
	return good;
}

static bool take_sent(struct harness *h, struct segment *s, void *text, const struct tcp_party *peer)
{
	struct pb_buf *b = pb_buf_queue_shift(&h->sent);
	struct reader r;

	*s = (struct segment){ 0 };
	if (!b)
		return false;
	r = (struct reader){ .p = b->data, .left = b->len };
	assert_true(pb_tcp_parse(&s->h, &r));
	s->text_len = b->total - s->h.len;
	s->tos = (uint8_t)b->mark;
	if (peer)
		assert_true(admitted(peer, &s->h, b));
	if (text)
		pb_buf_copy(b, s->h.len, text, s->text_len);
	pb_buf_free(b);
	return true;
}

bool harness_sent(struct harness *h, struct segment *s, void *text)
{
	return take_sent(h, s, text, NULL);
}

bool harness_sent_signed(struct harness *h, struct segment *s, const struct tcp_party *peer)
{
	return take_sent(h, s, NULL, peer);
}

void harness_forget(struct harness *h)
{
	pb_buf_queue_clear(&h->sent);
}

void harness_run(struct harness *h, pb_time duration)
{
	pb_time end = env_now(&h->env) + duration;

	while (pb_timers_next(&h->env.timers) <= end) {
		pb_timers_run(&h->env.timers, pb_timers_next(&h->env.timers));
		pb_tcp_flush(h->tcp);
	}
	pb_timers_run(&h->env.timers, end);
	pb_tcp_flush(h->tcp);
}

struct tcp_listener *harness_listen(struct harness *h, unsigned backlog)
{
	struct binding b = { .addr = harness_ip("0.0.0.0"), .port = HARNESS_PORT, .reuse_addr = true };
	struct tcp_settings set = pb_tcp_settings_default;
	struct tcp_listener *l;

	set.congestion = &pb_tcp_newreno; /* whose windows can be told by heart */
	set.send_buffer = 1024 * 1024;
	set.send_fixed = true;
	assert_int_equal(pb_ports_bind(&h->tcp->ports, &h->env, &b), 0);
	assert_int_equal(pb_tcp_listen(h->tcp, &set, &b, backlog, h, &l), 0);
	return l;
}

void harness_call(struct harness *h, uint16_t from_port, const struct tcp_options *options, uint32_t *theirs)
{
	struct segment s = {
		.h = {.src_port = from_port, .seq = 1000, .window = 65535}
	};

	s.h.flags = TCP_SYN | h->call_flags;
	if (options)
		s.h.options = *options;
	harness_inject(h, &s);
	assert_true(harness_sent(h, &s, NULL));
	assert_int_equal(s.h.flags & ~(TCP_ECE | TCP_CWR | TCP_AE), TCP_SYN | TCP_ACK);
	*theirs = s.h.seq + 1;
	s = (struct segment){
		.h = {.src_port = from_port, .flags = TCP_ACK, .window = 65535}
	};
	s.h.seq = 1001;
	s.h.ack = *theirs;
	if (options && options->has_timestamp) {
		s.h.options.has_timestamp = true;
		s.h.options.ts_value = options->ts_value;
	}
	harness_inject(h, &s);
	harness_forget(h);
}

struct tcp_conn *harness_accept(struct harness *h, struct tcp_listener *l, uint32_t *theirs)
{
	struct tcp_conn *c;

	harness_call(h, HARNESS_PEER, &(struct tcp_options){ .mss = 1460 }, theirs);
	c = pb_tcp_accept(l, h);
	assert_non_null(c);
	assert_int_equal(c->state, STATE_ESTABLISHED);
	return c;
}
