/*
 * What --net says:
 *
 *     host                                    the kernel's network
 *     tap:NAME,addr=10.9.0.2/24[,key=value]   a stack of our own behind the kernel's Ethernet device NAME
 *     tun:NAME,addr=10.9.0.2/24[,key=value]   the same without Ethernet
 *
 * addr=ADDRESS/BITS may be given more than once; gateway=ADDRESS is for what is not on the link; mtu=BYTES;
 * host=ADDRESS/BITS is what the kernel's side of the device is to have; dns=ADDRESS and search=DOMAIN, more than once,
 * too, are who is asked for names, and where short ones are looked for; ecn=off, when-asked, ask, …. auto, on tap:NAME:
 * addresses are asked for, there may be none given then.
 */
#ifndef CLI_NET_SPEC_H
#define CLI_NET_SPEC_H

#include "base/addr.h"
#include "wire/domain.h"

#include <packetboat/stack.h>
#include <stddef.h>

#define NET_SPEC_LEN_MAX     1024
#define NET_SPEC_ADDRS_MAX   16
#define NET_SPEC_SERVERS_MAX 8
#define NET_SPEC_DOMAINS_MAX 8

enum net_kind { NET_HOST, NET_TAP, NET_TUN };

struct net_spec {
	enum net_kind kind;
	char name[IF_NAMESIZE]; /* of the device */
	struct pb_prefix addrs[NET_SPEC_ADDRS_MAX];
	size_t addr_count;
	union pb_addr gateway;                       /* AF_UNSPEC: none */
	union pb_addr servers[NET_SPEC_SERVERS_MAX]; /* of names */
	size_t server_count;
	char domains[NET_SPEC_DOMAINS_MAX][DOMAIN_TEXT]; /* where short ones are looked for */
	size_t domain_count;
	struct pb_prefix host; /* AF_UNSPEC: the kernel's side is left alone */
	unsigned mtu;          /* 0: the device's */
	enum pb_ecn ecn;
	bool automatic; /* addresses and the rest are asked for on the link */
};

/* Read a spec. False: error (of size bytes) says which part is wrong and what a right one looks like. */
bool net_spec_parse(struct net_spec *s, const char *text, char *error, size_t size);

/* Only its beginning, which net it is: "host", "tap:NAME", "tun:NAME". What follows a comma is not looked at. */
bool net_spec_parse_name(struct net_spec *s, const char *text, char *error, size_t size);

#endif
