/*
 * A whole stack under a script: frames from its peers (stack_peer.h), time that passes, hours of it, and every
 * call that sockets have. The input is the script.
 *
 * What must hold: what leaves is well formed; a stream's bytes arrive once and in order; whoever could do
 * something has been told; memory stays within its bound; counters agree; and when all sockets are closed and time
 * has passed, every connection has ended and no byte is kept.
 */
#include "socket/socket.h"
#include "stack_peer.h"
#include "wire/icmp.h"

#include <assert.h>
#include <errno.h>
#include <linux/icmp.h>
#include <netinet/tcp.h>
#include <packetboat/stack.h>
#include <packetboat/tcp_auth.h>
#include <packetboat/tcp_user_timeout.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define SOCKETS      12
#define HOUR         PB_SEC(3600)
#define END_AFTER    (30 * HOUR) /* of silence: longer than any timer of an orphan's lasts */
#define WAKEUPS_STEP 2000        /* that a step of time may take: a keepalive of 1 s would fill the hours */
#define WAKEUPS_END  100000
#define POLLS_MAX    64 /* at one instant: beyond it the stack would be turning for nothing */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A socket, and what is known of the bytes that went through it. */
struct used {
	struct pb_socket *s;
	int type;
	uint8_t send_next, receive_next;
	bool has_received, deaf; /* deaf: shut for reading, so that bytes may be missing */
	bool header_included;
};

struct world {
	struct pb_stack *stack;
	struct pb_net *net;
	struct peer *peer;
	pb_time now;
	struct used sockets[SOCKETS];
	struct pb_counters before;
};

/* The world ----------------------------------------------------------------------------------------------- */

static void open_world(struct world *w, uint8_t how)
{
	struct pb_stack_options options = { .seed = "fuzz", .now = PB_SEC(1) };
	union pb_addr addr;

	if (how & 1)
		options.memory_max = 256 * 1024; /* so that it is not enough now and then */
	if (how & 2) {
		options.connections_max = 6;
		options.syns_max = options.time_waits_max = options.orphans_max = 2;
		options.neighbours_max = 2;
		options.reassembly_bytes = 4096;
	}
	if (how & 8)
		options.idle_after =
			PB_MSEC(10); /* so that connections sleep between the steps of a script */
	int rc = pb_stack_new(&options, &w->stack);
	assert(rc == 0);
	struct ip ip = ip_from4((const uint8_t[]){ 10, 0, 0, 1 });
	pb_ip_to_sockaddr(&addr, &ip, 0, AF_INET);
	w->peer = peer_new(&ip, how & 4 ? PB_OFFLOAD_CHECKSUM | PB_OFFLOAD_SEGMENT | PB_OFFLOAD_PARTS : 0);
	rc = pb_stack_attach(w->stack, &w->peer->device, "wire");
	assert(rc == 2);
	rc = pb_stack_add_address(w->stack, 2, &addr.sa, 24, PB_USE_AT_ONCE);
	assert(rc == 0);
	w->net = pb_stack_net(w->stack);
	w->now = options.now;
}

static void count_entry(const struct pb_stack_entry *e, void *context)
{
	size_t *count = context;

	assert(e->state >= TCP_ESTABLISHED && e->state <= TCP_CLOSING);
	assert(e->local && e->remote);
	++*count;
}

static size_t entries(struct world *w)
{
	size_t count = 0;

	pb_stack_each(w->stack, count_entry, &count);
	return count;
}

/* Counters only count up; what was wrong is part of what came, and what we saw leave is part of what was sent. */
static void check_counters(struct world *w)
{
	const struct pb_counters *n = pb_stack_counters(w->stack);
	const uint64_t *after = (const uint64_t *)n, *before = (const uint64_t *)&w->before;

	for (size_t i = 0; i < sizeof *n / sizeof *after; i++)
		assert(after[i] >= before[i]);
	assert(n->tcp.InErrs <= n->tcp.InSegs && n->tcp.InCsumErrors <= n->tcp.InErrs);
	assert(n->tcp.EstabResets <= n->tcp.ActiveOpens + n->tcp.PassiveOpens);
	assert(n->icmp.InErrors <= n->icmp.InMsgs && n->udp.InCsumErrors <= n->udp.InErrors);
	assert(n->ip.InDelivers <= n->ip.InReceives);
	w->before = *n;
}

/* After the news, whoever has something to do has been told of it: or it would wait for ever. */
static void check_told(struct world *w)
{
	while (w->net->ops->news(w->net))
		;
	for (int i = 0; i < SOCKETS; i++) {
		struct pb_socket *s = w->sockets[i].s;
		if (s)
			assert((pb_ready(s) & (POLLIN | POLLOUT) & ~s->ready) == 0);
	}
}

/* Let it do all that is due now. When it wants to be called next. */
static pb_time settle(struct world *w)
{
	pb_time next = 0;

	for (int i = 0; next <= w->now; i++) {
		assert(i < POLLS_MAX);
		next = pb_stack_poll(w->stack, w->now);
	}
	assert(pb_pool_bytes(pb_stack_pool(w->stack)) <= pb_pool_bytes_max(pb_stack_pool(w->stack)));
	check_told(w);
	return next;
}

/* Until then, instant by instant. False: it was not over after so many of them. */
static bool pass_time(struct world *w, pb_time until, int wakeups_max)
{
	pb_time next = settle(w);

	for (int i = 0; next <= until; i++) {
		if (i == wakeups_max)
			return false;
		w->now = next;
		next = settle(w);
	}
	w->now = until;
	return true;
}

/* What should be gone. */
static void print_entry(const struct pb_stack_entry *e, void *context)
{
	char local[PB_ADDR_TEXT], remote[PB_ADDR_TEXT];

	(void)context;
	fprintf(stderr, "left: protocol %d state %d %s to %s, queues %u %u, socket %p\n", e->protocol,
		e->state, pb_addr_text((const union pb_addr *)e->local, local),
		pb_addr_text((const union pb_addr *)e->remote, remote), e->receive_queue, e->send_queue,
		(void *)e->socket);
}

static void close_world(struct world *w)
{
	for (int i = 0; i < SOCKETS; i++)
		if (w->sockets[i].s)
			pb_close(w->sockets[i].s);
	memset(w->sockets, 0, sizeof w->sockets);
	peer_retire(w->peer);
	bool over = pass_time(w, w->now + END_AFTER, WAKEUPS_END);
	assert(over);
	check_counters(w);
	pb_stack_each(w->stack, print_entry, NULL);
	assert(entries(w) == 0);
	assert(pb_pool_bytes(pb_stack_pool(w->stack)) == 0);
	pb_net_close(w->net);
}

/* Sockets ------------------------------------------------------------------------------------------------- */

static int checked(ssize_t rc)
{
	assert(rc >= 0 || rc > -4096);
	return rc < 0 ? (int)rc : 0;
}

/* A call that found nothing to do is not said to be ready: who waits for it would turn for nothing. */
static void check_ready(struct used *u, ssize_t rc, int events)
{
	checked(rc);
	if (rc == -EAGAIN)
		assert(!(pb_ready(u->s) & events));
}

static struct used *free_slot(struct world *w)
{
	for (int i = 0; i < SOCKETS; i++)
		if (!w->sockets[i].s)
			return &w->sockets[i];
	return NULL;
}

static struct used *pick(struct world *w, struct reader *r)
{
	struct used *u = &w->sockets[rd_u8(r) % SOCKETS];

	return u->s ? u : NULL;
}

/* An address to bind or go to: ours, a peer's, anybody's, a group's; port 80 to 83, or chosen. */
static union pb_addr addr_from(struct reader *r, int family)
{
	static const uint8_t hosts[][4] = {
		{10,   0, 0, 1  },
                { 0,   0, 0, 0  },
                { 10,  0, 0, 2  },
                { 127, 0, 0, 1  },
		{ 10,  0, 0, 3  },
                { 10,  0, 0, 255},
                { 224, 0, 0, 1  },
                { 192, 0, 2, 1  }
	};
	uint8_t which = rd_u8(r);
	struct ip ip = ip_from4(hosts[which % 8]);
	uint16_t port = which & 64 ? 0 : (uint16_t)(80 + (which >> 3 & 3));
	union pb_addr a;

	if (which >= 250)
		return (union pb_addr){ 0 };
	if (family == AF_INET6 && ip_is_any(&ip))
		ip = (struct ip){ 0 };
	pb_ip_to_sockaddr(&a, &ip, port, family);
	return a;
}

static int family_of(struct used *u)
{
	int family = AF_INET;
	socklen_t len = sizeof family;

	pb_getsockopt(u->s, SOL_SOCKET, SO_DOMAIN, &family, &len);
	return family;
}

static void do_open(struct world *w, struct reader *r)
{
	static const struct {
		int family, type, protocol;
	} kinds[] = {
		{AF_INET,   SOCK_STREAM, 0           },
                { AF_INET,  SOCK_STREAM, 0           },
		{ AF_INET6, SOCK_STREAM, 0           },
                { AF_INET,  SOCK_DGRAM,  0           },
		{ AF_INET6, SOCK_DGRAM,  0           },
                { AF_INET,  SOCK_DGRAM,  IPPROTO_ICMP},
		{ AF_INET,  SOCK_RAW,    IPPROTO_ICMP},
                { AF_INET,  SOCK_RAW,    253         },
		{ AF_INET,  SOCK_RAW,    IPPROTO_RAW }
	};
	uint8_t which = rd_u8(r) % 9;
	struct used *u = free_slot(w);

	if (!u)
		return;
	*u = (struct used){ .type = kinds[which].type,
			    .header_included = kinds[which].protocol == IPPROTO_RAW };
	int rc = pb_socket_open(w->net, kinds[which].family, kinds[which].type, kinds[which].protocol, &u->s);
	assert(rc == 0);
}

static void do_bind(struct world *w, struct reader *r)
{
	struct used *u = pick(w, r);

	if (!u)
		return;
	union pb_addr a = addr_from(r, family_of(u));
	checked(pb_bind(u->s, &a.sa, pb_addr_len(&a)));
}

static void do_listen(struct world *w, struct reader *r)
{
	struct used *u = pick(w, r);

	if (u)
		checked(pb_listen(u->s, rd_u8(r) % 4));
}

/* A listener at port 80 or 81, in one step. */
static void do_serve(struct world *w, struct reader *r)
{
	struct used *u = free_slot(w);
	uint8_t how = rd_u8(r);
	struct ip any = ip_from4((const uint8_t[4]){ 0 });
	union pb_addr a;

	if (!u)
		return;
	pb_ip_to_sockaddr(&a, &any, (uint16_t)(80 + (how & 1)), AF_INET);
	*u = (struct used){ .type = SOCK_STREAM };
	checked(pb_socket_open(w->net, AF_INET, SOCK_STREAM, 0, &u->s));
	checked(pb_bind(u->s, &a.sa, sizeof a.v4));
	checked(pb_listen(u->s, how >> 1 & 3));
}

static void do_accept(struct world *w, struct reader *r)
{
	struct used *u = pick(w, r), *to = free_slot(w);
	struct pb_socket *conn;

	if (!u || !to)
		return;
	int rc = pb_accept(u->s, &conn);
	check_ready(u, rc, POLLIN);
	if (rc < 0)
		return;
	*to = (struct used){ .s = conn, .type = SOCK_STREAM };
}

static void do_connect(struct world *w, struct reader *r)
{
	struct used *u = pick(w, r);

	if (!u)
		return;
	union pb_addr a = addr_from(r, family_of(u));
	checked(pb_connect(u->s, &a.sa, a.sa.sa_family ? pb_addr_len(&a) : sizeof a.sa));
}

static size_t size_from(struct reader *r)
{
	uint8_t b = rd_u8(r);

	return b < 64 ? b : b < 192 ? rd_u16(r) % 4096 : rd_u16(r);
}

/* Bytes that count up, so that whoever gets them can tell (stack_peer.c). */
static void count_up(uint8_t *bytes, size_t len, uint8_t from)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(from + i);
}

/* What a raw socket sends has to be what it says: the peer reads it. */
static void dress(struct used *u, uint8_t *bytes, size_t len, uint8_t how)
{
	if (u->type == SOCK_STREAM || len < PB_ICMP_ECHO_LEN)
		return;
	if (u->header_included) {
		static const uint8_t header[20] = { [0] = 0x45, [8] = 64, [9] = 253, [16] = 10, [19] = 2 };
		memcpy(bytes, header, len < sizeof header ? len : sizeof header);
		bytes[0] = how & 1 ? header[0] : how;
	} else if (u->type != SOCK_DGRAM || how & 1) {
		memset(bytes, 0, PB_ICMP_ECHO_LEN);
		bytes[0] = PB_ICMP4_ECHO_REQUEST;
		pb_icmp_seal(bytes, len, 0);
	}
}

static void do_send(struct world *w, struct reader *r)
{
	static uint8_t bytes[65536];
	struct used *u = pick(w, r);
	uint8_t how = rd_u8(r);
	size_t len = size_from(r);
	ssize_t n;

	if (!u || (u->type == SOCK_RAW && len < PB_ICMP_ECHO_LEN))
		return;
	count_up(bytes, len, u->send_next);
	dress(u, bytes, len, how);
	if (how & 2 && u->type != SOCK_STREAM) {
		union pb_addr a = addr_from(r, family_of(u));
		n = pb_sendto(u->s, bytes, len, 0, &a.sa, pb_addr_len(&a));
	} else {
		n = pb_send(u->s, bytes, len, how & 4 ? MSG_MORE : 0);
	}
	assert(n <= (ssize_t)len);
	check_ready(u, n, POLLOUT);
	if (n > 0)
		u->send_next = (uint8_t)(u->send_next + n);
}

static void do_give(struct world *w, struct reader *r)
{
	struct used *u = pick(w, r);
	size_t len = size_from(r);
	struct pb_buf *b = u ? pb_buf_new(pb_stack_pool(w->stack), 0, len) : NULL;

	if (!b)
		return;
	count_up(pb_buf_extend(b, len), len, u->send_next);
	if (pb_give(u->s, b) == 0)
		u->send_next = (uint8_t)(u->send_next + len);
	else
		pb_buf_free(b);
}

/* A stream's bytes count up, whoever sent them. */
static void check_received(struct used *u, const uint8_t *bytes, size_t len, bool peeked)
{
	if (u->type != SOCK_STREAM || u->deaf || !len)
		return;
	uint8_t from = u->has_received ? u->receive_next : bytes[0];
	for (size_t i = 0; i < len; i++)
		assert(bytes[i] == (uint8_t)(from + i));
	u->has_received = true;
	u->receive_next = (uint8_t)(from + (peeked ? 0 : len));
}

static void do_receive(struct world *w, struct reader *r)
{
	static uint8_t bytes[65536];
	char control[256];
	struct used *u = pick(w, r);
	uint8_t how = rd_u8(r);
	int flags = (how & 1 ? MSG_PEEK : 0) | (how & 2 ? MSG_ERRQUEUE : 0);
	union pb_addr from;
	struct iovec iov = { bytes, size_from(r) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_name = &from, .msg_namelen = sizeof from
	};

	if (!u)
		return;
	msg.msg_control = how & 4 ? control : NULL;
	msg.msg_controllen = how & 8 ? sizeof control : 24;
	ssize_t n = pb_recvmsg(u->s, &msg, flags);
	check_ready(u, n, flags & MSG_ERRQUEUE ? 0 : POLLIN);
	assert(n <= (ssize_t)iov.iov_len && msg.msg_controllen <= sizeof control);
	if (n > 0)
		check_received(u, bytes, (size_t)n, flags & MSG_PEEK);
}

static void do_take(struct world *w, struct reader *r)
{
	struct used *u = pick(w, r);
	int why = 0;
	struct pb_buf *b = u ? pb_take(u->s, &why) : NULL;
	uint8_t *bytes = b ? malloc(b->total ? b->total : 1) : NULL;

	checked(why);
	if (!bytes)
		return;
	pb_buf_copy(b, 0, bytes, b->total);
	check_received(u, bytes, b->total, false);
	free(bytes);
	pb_buf_free(b);
}

static void do_shutdown(struct world *w, struct reader *r)
{
	struct used *u = pick(w, r);
	int how = rd_u8(r) % 4;

	if (u && pb_shutdown(u->s, how) == 0)
		u->deaf |= how != SHUT_WR;
}

static void do_close(struct world *w, struct reader *r)
{
	struct used *u = pick(w, r);

	if (u)
		checked(pb_close(u->s));
	if (u)
		u->s = NULL;
}

static const struct {
	int level, name;
} options[] = {
	{SOL_SOCKET,    SO_REUSEADDR     },
	{ SOL_SOCKET,   SO_REUSEPORT     },
	{ SOL_SOCKET,   SO_KEEPALIVE     },
	{ SOL_SOCKET,   SO_SNDBUF        },
	{ SOL_SOCKET,   SO_RCVBUF        },
	{ SOL_SOCKET,   SO_BINDTOIFINDEX },
	{ SOL_SOCKET,   SO_BROADCAST     },
	{ SOL_SOCKET,   SO_ERROR         },
	{ IPPROTO_TCP,  TCP_NODELAY      },
	{ IPPROTO_TCP,  TCP_CORK         },
	{ IPPROTO_TCP,  TCP_QUICKACK     },
	{ IPPROTO_TCP,  TCP_KEEPIDLE     },
	{ IPPROTO_TCP,  TCP_KEEPINTVL    },
	{ IPPROTO_TCP,  TCP_KEEPCNT      },
	{ IPPROTO_TCP,  TCP_SYNCNT       },
	{ IPPROTO_TCP,  TCP_LINGER2      },
	{ IPPROTO_TCP,  TCP_USER_TIMEOUT },
	{ IPPROTO_TCP,  PB_TCP_ADV_UTO   },
	{ IPPROTO_TCP,  TCP_MAXSEG       },
	{ IPPROTO_TCP,  TCP_INFO         },
	{ IPPROTO_TCP,  TCP_CONGESTION   },
	{ IPPROTO_IP,   IP_TTL           },
	{ IPPROTO_IP,   IP_TOS           },
	{ IPPROTO_IP,   IP_TRANSPARENT   },
	{ IPPROTO_IP,   IP_RECVERR       },
	{ IPPROTO_IP,   IP_PKTINFO       },
	{ IPPROTO_IP,   IP_RECVTTL       },
	{ IPPROTO_IP,   IP_RECVTOS       },
	{ IPPROTO_IP,   IP_MTU_DISCOVER  },
	{ IPPROTO_IP,   IP_MTU           },
	{ IPPROTO_IP,   IP_HDRINCL       },
	{ IPPROTO_IP,   IP_MULTICAST_TTL },
	{ IPPROTO_IPV6, IPV6_V6ONLY      },
	{ IPPROTO_IPV6, IPV6_UNICAST_HOPS},
	{ SOL_RAW,      ICMP_FILTER      },
	{ SOL_SOCKET,   SO_BINDTODEVICE  },
	{ IPPROTO_IPV6, IPV6_RECVPKTINFO },
	{ IPPROTO_TCP,  PB_TCP_AO_INFO   },
};

/* A key to sign with, for some peer. */
static void do_key(struct world *w, struct reader *r)
{
	struct used *u = pick(w, r);
	uint8_t how = rd_u8(r);
	struct tcp_md5sig md5 = { .tcpm_flags = how & 1,
				  .tcpm_prefixlen = rd_u8(r),
				  .tcpm_keylen = rd_u8(r) };
	struct pb_tcp_ao_add ao = { .prefix = how & 2 ? rd_u8(r) : 32,
				    .sndid = rd_u8(r) & 3,
				    .rcvid = rd_u8(r) & 3,
				    .maclen = how & 4 ? rd_u8(r) : 0,
				    .keyflags = how >> 3 & 3,
				    .keylen = how & 32 ? rd_u8(r) : 4,
				    .set_current = how >> 6 & 1,
				    .set_rnext = how >> 7 };
	struct pb_tcp_ao_del del = { .prefix = ao.prefix, .sndid = ao.sndid, .rcvid = ao.rcvid };
	struct sockaddr_in peer = { .sin_family = AF_INET };

	rd_copy(r, &peer.sin_addr, sizeof peer.sin_addr);
	memcpy(&md5.tcpm_addr, &peer, sizeof peer);
	memcpy(&ao.addr, &peer, sizeof peer);
	memcpy(&del.addr, &peer, sizeof peer);
	strcpy(ao.alg_name, how & 16 ? "cmac(aes128)" : "hmac(sha1)");
	if (!u)
		return;
	switch (rd_u8(r) & 3) {
	case 0:
		checked(pb_setsockopt(u->s, IPPROTO_TCP, TCP_MD5SIG_EXT, &md5, sizeof md5));
		break;
	case 1:
	case 2:
		checked(pb_setsockopt(u->s, IPPROTO_TCP, PB_TCP_AO_ADD_KEY, &ao, sizeof ao));
		break;
	default:
		checked(pb_setsockopt(u->s, IPPROTO_TCP, PB_TCP_AO_DEL_KEY, &del, sizeof del));
	}
}

static void do_option(struct world *w, struct reader *r)
{
	struct used *u = pick(w, r);
	size_t which = rd_u8(r) % (sizeof options / sizeof options[0]);
	uint8_t how = rd_u8(r);
	int value = how < 128 ? how & 1 : how < 192 ? rd_u8(r) : (int)rd_u32(r);
	uint8_t got[512];
	socklen_t len = how & 2 ? sizeof got : rd_u8(r);

	if (!u)
		return;
	if (how & 4) {
		checked(pb_getsockopt(u->s, options[which].level, options[which].name, got, &len));
		return;
	}
	int rc = pb_setsockopt(u->s, options[which].level, options[which].name, &value, sizeof value);
	checked(rc);
	if (rc == 0 && options[which].level == IPPROTO_IP && options[which].name == IP_HDRINCL)
		u->header_included = value;
}

/* Closing is a reset (RFC 1122 §4.2.2.13). */
static void do_linger(struct world *w, struct reader *r)
{
	struct used *u = pick(w, r);
	struct linger linger = { .l_onoff = 1, .l_linger = rd_u8(r) & 1 };

	if (u)
		checked(pb_setsockopt(u->s, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
}

static void do_names(struct world *w, struct reader *r)
{
	struct used *u = pick(w, r);
	union pb_addr a;
	socklen_t len = rd_u8(r) & 1 ? sizeof a : 3;

	if (!u)
		return;
	checked(pb_getsockname(u->s, &a.sa, &len));
	len = sizeof a;
	checked(pb_getpeername(u->s, &a.sa, &len));
	assert(entries(w) < 4096);
}

/* The script ---------------------------------------------------------------------------------------------- */

static void do_frame(struct world *w, struct reader *r)
{
	static void (*const sends[])(struct peer *, struct pb_pool *, struct reader *) = {
		peer_sends_segment, peer_sends_segment, peer_agrees,         peer_agrees,
		peer_sends_segment, peer_sends_icmp,    peer_sends_datagram, peer_sends_arp
	};
	uint8_t which = rd_u8(r);

	if (which == 255)
		peer_sends_raw(w->peer, pb_stack_pool(w->stack), r);
	else
		sends[which % 8](w->peer, pb_stack_pool(w->stack), r);
}

static void do_deafness(struct world *w, struct reader *r)
{
	w->peer->deaf = rd_u8(r) & 1;
}

/* A millisecond to four hours and a half. */
static void do_time(struct world *w, struct reader *r)
{
	uint8_t how = rd_u8(r);
	pb_time span = PB_MSEC(1) << how % 25;

	if (how & 128)
		w->now += span; /* the caller comes late */
	else
		pass_time(w, w->now + span, WAKEUPS_STEP);
}

static void step(struct world *w, struct reader *r)
{
	static void (*const steps[])(struct world *, struct reader *) = {
		do_frame,   do_frame,  do_frame,  do_frame,   do_frame,    do_frame, do_frame,  do_frame,
		do_time,    do_time,   do_open,   do_bind,    do_listen,   do_serve, do_accept, do_connect,
		do_connect, do_send,   do_send,   do_receive, do_receive,  do_give,  do_take,   do_shutdown,
		do_close,   do_option, do_linger, do_names,   do_deafness, do_key,   do_serve,  do_time,
	};
	uint8_t which = rd_u8(r);

	steps[which % 32](w, r);
	if (which < 192) /* else: more of it comes in one go */
		settle(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = { .p = data, .left = size };
	struct world w = { 0 };

	open_world(&w, rd_u8(&r));
	while (r.left) {
		step(&w, &r);
		check_counters(&w);
	}
	close_world(&w);
	return 0;
}
