/*
 * A stack: a TCP/IP of our own, and a net whose sockets live on it.
 *
 * It makes no system call, reads no clock and draws no chance: frames, the time and a seed come in, frames
 * and the time at which it next has something to do come out. Any number of stacks may be in a process; each
 * belongs to one thread.
 *
 * Give it devices (<packetboat/device.h>), addresses and routes, add its net to a loop (<packetboat/loop.h>),
 * and use sockets as on the host. Or drive it yourself: call pb_stack_poll() whenever a device has frames or
 * the time it answered has come; between two calls its clock stands still.
 *
 * A listener with IP_TRANSPARENT, set before bind(), is called by who calls any address at all, and
 * getsockname() of what it accepts says which: for relays, VPNs and the like.
 */
#ifndef PACKETBOAT_STACK_H
#define PACKETBOAT_STACK_H

#include <packetboat/counters.h>
#include <packetboat/device.h>
#include <packetboat/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pb_stack;

/*
 * When TCP finds out by probes how long packets may be (RFC 4821), beside what ICMP tells of it: when segments of full
 * size vanish and go on to, as in a path that drops them silently; never; or on every connection, from small ones on.
 */
enum pb_mtu_probing { PB_MTU_PROBING_BLACK_HOLES, PB_MTU_PROBING_NEVER, PB_MTU_PROBING_ALWAYS };

/*
 * Explicit congestion notification of TCP: routers mark what they else would drop (RFC 3168), and receivers tell of it,
 * more accurately where both can (RFC 9768). The numbers are those of Linux's net.ipv4.tcp_ecn that say the same.
 */
enum pb_ecn {
	PB_ECN_WHEN_ASKED,           /* 2: by callers; calls do not ask */
	PB_ECN_OFF,                  /* 0 */
	PB_ECN_ASK,                  /* 1: and calls ask for it */
	PB_ECN_ACCURATE,             /* 3: calls ask for accurate feedback, and callers get it; else as 1 */
	PB_ECN_ACCURATE_WHEN_ASKED,  /* 5: only callers get it, who ask for it; else as 2 */
	PB_ECN_ACCURATE_ASK_CLASSIC, /* 4: likewise; else as 1 */
};

/* What a stack is made with. Limits that are 0 are the defaults. */
struct pb_stack_options {
	/*
	 * All that is left to chance derives from it: secret where peers are not trusted (pb_seed_random()).
	 */
	uint8_t seed[16];
	pb_time now;            /* what its clock shows at first */
	size_t memory_max;      /* bytes of packets and text, in all; 256 MiB */
	size_t connections_max; /* TCP socket pairs; 1,048,576 */
	size_t time_waits_max;  /* 262,144; beyond it they end at once */
	size_t syns_max;    /* half-open calls of a listener, beyond which it answers with cookies; 4096 */
	size_t orphans_max; /* connections closed by their owner and not yet done; 65,536 */
	pb_time idle_after; /* TCP connections silent for so long shrink to a record; 5 s; PB_NEVER: none */
	/*
	 * What buffers of a TCP connection may grow to as its path needs it, where SO_SNDBUF and SO_RCVBUF do
	 * not say: half of memory_max, at most 256 MiB. The second decides on the window scale.
	 */
	size_t send_buffer_max, receive_buffer_max;
	size_t neighbours_max;           /* 1024 */
	size_t reassembly_bytes;         /* of fragments kept; 4 MiB */
	unsigned icmp_errors_per_second; /* sent; 1000 */
	bool no_window_scaling, no_timestamps,
		no_sack;            /* options of TCP that are neither offered nor taken up */
	bool no_fast_open;          /* nor fast open (RFC 7413), where sockets ask for it */
	size_t fast_open_peers_max; /* servers whose cookies are kept; 1024 */
	enum pb_mtu_probing mtu_probing;
	uint16_t
		base_mss; /* text of a segment that every path takes: there a search begins; 1024, IPv6 1220 */
	/*
	 * Bytes of a stream that may wait to be sent for the first time; beyond it, pb_send() takes no more, and POLLOUT comes
	 * when half of them have left. 0: as many as its buffer holds. A socket's own is TCP_NOTSENT_LOWAT.
	 */
	uint32_t notsent_lowat;
	bool unpaced; /* TCP sends what its window allows at once, not in pieces of a millisecond each */
	enum pb_ecn ecn;
};

/*
 * 16 bytes of the kernel's chance (getrandom(2)): the only call of the library's that asks for it. 0 or
 * -errno.
 */
PB_API int pb_seed_random(uint8_t seed[16]);

/*
 * A stack with a loopback interface, "lo", and nothing else. 0 and *stack; -ENOMEM. Closed by pb_net_close().
 */
PB_API int pb_stack_new(const struct pb_stack_options *options, struct pb_stack **stack);

/* The net on which its sockets live; and back: NULL where a net is no stack. */
PB_API struct pb_net *pb_stack_net(struct pb_stack *stack);
PB_API struct pb_stack *pb_stack_of(struct pb_net *net);

/*
 * Bring up an interface over a device; takes the device when it succeeds. Returns its index, 2 and up (1 is
 * lo): that which the device has with the kernel, if it has one and it is free, so that fe80::1%tap0 is the same to
 * both; or -EEXIST (the name), -ENAMETOOLONG (15 bytes at most), -ENOMEM.
 */
PB_API int pb_stack_attach(struct pb_stack *stack, struct pb_device *device, const char *name);

/* The device of an interface; NULL. It stays the stack's. */
PB_API struct pb_device *pb_stack_device(struct pb_stack *stack, unsigned index);

/*
 * Whether to ask first if somebody else has an address (RFC 5227), which takes seconds, or to use it at once.
 */
enum pb_stack_probe { PB_PROBE_FIRST, PB_USE_AT_ONCE };

/*
 * Give an interface an address, and a route to its prefix of bits. 0; -ENODEV, -EINVAL, -EEXIST, -ENOSPC (64
 * on an interface); -EAFNOSUPPORT.
 */
PB_API int pb_stack_add_address(struct pb_stack *stack, unsigned index, const struct sockaddr *addr,
				unsigned bits, enum pb_stack_probe probe);
PB_API int pb_stack_remove_address(struct pb_stack *stack, unsigned index, const struct sockaddr *addr);

/*
 * What has become of an address: usable, being probed for, or somebody else's. -EADDRNOTAVAIL: it is none of
 * ours.
 */
enum pb_stack_address_state { PB_ADDRESS_TENTATIVE, PB_ADDRESS_READY, PB_ADDRESS_DUPLICATE };
PB_API int pb_stack_address_state(struct pb_stack *stack, unsigned index, const struct sockaddr *addr);

/*
 * Ask for an IPv4 address by RARP (RFC 903) on an Ethernet, eight times within a minute. The first who answers decides:
 * the interface has it at once, with a route to its prefix of bits, and pb_stack_each_address() tells of it. 0;
 * -ENODEV; -EINVAL: no Ethernet, or bits are not 1 to 32; -EALREADY; -ENOSPC (8 interfaces ask).
 */
PB_API int pb_stack_rarp_ask(struct pb_stack *stack, unsigned index, unsigned bits);

/*
 * Answer such questions: the station with this MAC address is to have this IPv4 address, whatever was said of it
 * before. 0; -EINVAL: none that a station may have; -EAFNOSUPPORT; -ENOSPC (64 stations).
 */
PB_API int pb_stack_rarp_answer(struct pb_stack *stack, const uint8_t mac[PB_MAC_LEN],
				const struct sockaddr *addr);

/*
 * Ask routers how to speak IPv6 on an Ethernet and heed what they say: addresses, the way out, the MTU,
 * name servers (RFC 4862, RFC 8106). PB_AUTO_TEMPORARY: with addresses that change from day to day (RFC
 * 8981). 0; -ENODEV; -EINVAL: no Ethernet, or its MTU is less than 1280; -EALREADY, -ENOMEM, -ENOSPC.
 */
enum pb_stack_auto { PB_AUTO_STABLE, PB_AUTO_TEMPORARY };
PB_API int pb_stack_autoconfigure(struct pb_stack *stack, unsigned index, enum pb_stack_auto kind);

/*
 * Whether the routers of an interface that is configured so say that DHCPv6 servers know more (RFC 4861 §4.2, the
 * flags M and O).
 */
PB_API bool pb_stack_advises_dhcp6(struct pb_stack *stack, unsigned index);

/*
 * Who is to be asked for names, at port 53, and the domains in which a short name is looked for. What is given
 * counts alone; else what was leased (DHCP) comes before what routers advertise (RFC 8106). 0; -EEXIST, -EINVAL,
 * -EAFNOSUPPORT, -ENOSPC (8 of each); -ENOENT.
 */
enum pb_stack_word { PB_GIVEN, PB_LEASED };
PB_API int pb_stack_add_name_server(struct pb_stack *stack, const struct sockaddr *addr,
				    enum pb_stack_word word);
PB_API int pb_stack_remove_name_server(struct pb_stack *stack, const struct sockaddr *addr,
				       enum pb_stack_word word);
PB_API int pb_stack_add_search_domain(struct pb_stack *stack, const char *domain, enum pb_stack_word word);
PB_API int pb_stack_remove_search_domain(struct pb_stack *stack, const char *domain, enum pb_stack_word word);

/* Those that count, in the order in which to try them. */
PB_API void pb_stack_each_name_server(struct pb_stack *stack,
				      void (*fn)(const struct sockaddr *addr, void *context), void *context);
PB_API void pb_stack_each_search_domain(struct pb_stack *stack, void (*fn)(const char *domain, void *context),
					void *context);

/*
 * The way to a prefix: over an interface, by a gateway or, NULL, on the link. 0; -ENODEV, -EEXIST, -ENOSPC,
 * -ENETUNREACH (the gateway is not on the link), -EINVAL.
 */
PB_API int pb_stack_add_route(struct pb_stack *stack, const struct sockaddr *prefix, unsigned bits,
			      const struct sockaddr *gateway, unsigned index);
PB_API int pb_stack_remove_route(struct pb_stack *stack, const struct sockaddr *prefix, unsigned bits);

/*
 * Do all that is due at now: take the devices' frames, fire timers, send. Answers when it wants to be called
 * next, if nothing comes before: 0: at once, there is more than fits into one call; PB_NEVER.
 */
PB_API pb_time pb_stack_poll(struct pb_stack *stack, pb_time now);

/* The same answer once more: stacks that share a wire in memory may have sent each other something since. */
PB_API pb_time pb_stack_next(struct pb_stack *stack);

/*
 * A frame that came in on an interface by another way than its device; takes it. pb_stack_poll() does the
 * rest.
 */
PB_API void pb_stack_input(struct pb_stack *stack, unsigned index, struct pb_buf *frame);

/* Where packets and text of the stack are kept, for those who make buffers to give it. */
PB_API struct pb_pool *pb_stack_pool(struct pb_stack *stack);

PB_API const struct pb_counters *pb_stack_counters(const struct pb_stack *stack);

/*
 * A socket, as netstat shows it. States are numbered as the kernel numbers them (tcp_states.h); 7 (CLOSE) for
 * UDP.
 */
struct pb_stack_entry {
	int protocol; /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, … */
	int state;
	const struct sockaddr *local, *remote;
	uint32_t receive_queue, send_queue; /* bytes; of a listener: who waits, and how many may */
	struct pb_socket *socket;           /* NULL: nobody's any more, or not yet accepted */
};
PB_API void pb_stack_each(struct pb_stack *stack, void (*fn)(const struct pb_stack_entry *e, void *context),
			  void *context);

/* An address of an interface's, with its prefix. */
struct pb_stack_address {
	const struct sockaddr *addr;
	unsigned bits;
	unsigned interface;
	enum pb_stack_address_state state;
};
PB_API void pb_stack_each_address(struct pb_stack *stack,
				  void (*fn)(const struct pb_stack_address *a, void *context), void *context);

/* The neighbour cache (ARP). */
struct pb_stack_neighbour {
	const struct sockaddr *addr;
	uint8_t mac[PB_MAC_LEN];
	const char *state; /* "REACHABLE", …, as RFC 4861 §7.3.2 has them */
	unsigned interface;
};
PB_API void pb_stack_each_neighbour(struct pb_stack *stack,
				    void (*fn)(const struct pb_stack_neighbour *n, void *context),
				    void *context);

/*
 * Text without a copy. pb_give() takes a buffer's bytes into a stream (made with pb_buf_new() or
 * pb_buf_lend() from the pool of the stack), at most 1 GiB of them: 0, and the buffer is the stack's; -EMSGSIZE,
 * -EAGAIN and what pb_send() may say, and it stays the caller's. pb_take() hands over the next text of a stream: NULL
 * and *why: 0 the end, -EAGAIN, an error. Only on a stack's streams: -EOPNOTSUPP.
 */
PB_API int pb_give(struct pb_socket *s, struct pb_buf *text);
PB_API struct pb_buf *pb_take(struct pb_socket *s, int *why);

#ifdef __cplusplus
}
#endif
#endif
