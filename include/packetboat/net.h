/*
 * A net: a place where sockets live.
 *
 * A program takes a pb_net and opens its sockets there; it cannot tell which kind it was given. Here there is
 * the host's own network, that is the kernel's TCP/IP. A net and everything opened on it belong to one
 * thread; a process may have as many nets as it likes.
 */
#ifndef PACKETBOAT_NET_H
#define PACKETBOAT_NET_H

#ifdef __cplusplus
extern "C" {
#endif

/* What the shared library shows to others. */
#define PB_API __attribute__((visibility("default")))

struct pb_net;

/* The kernel's network. 0 and *net, or -ENOMEM. Close it with pb_net_close(). */
PB_API int pb_net_host(struct pb_net **net);

/* What kind of net it is, for people: "host". */
PB_API const char *pb_net_name(const struct pb_net *net);

/* Give the net back. Every socket opened on it must have been closed. NULL is allowed. */
PB_API void pb_net_close(struct pb_net *net);

#ifdef __cplusplus
}
#endif
#endif
