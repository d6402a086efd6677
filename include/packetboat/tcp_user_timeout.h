/*
 * TCP's user time-out option (RFC 5482): how long one end will go on sending again before it gives up, told to the
 * other, so that both give up at about the same time. Of sockets on a stack of our own, at level IPPROTO_TCP; Linux has
 * no such option, and on the host's net they are answered with -ENOPROTOOPT.
 *
 * With PB_TCP_ADV_UTO it is sent, and what the peer sends is heeded: unless TCP_USER_TIMEOUT has been set, the
 * connection's user time-out becomes the longer of what both ends tell, but at least 121 s and at most an hour.
 * getsockopt(TCP_USER_TIMEOUT) then tells that. Without it, which is the default, nothing is sent or heeded.
 */
#ifndef PACKETBOAT_TCP_USER_TIMEOUT_H
#define PACKETBOAT_TCP_USER_TIMEOUT_H

/*
 * int, seconds: what the peer is told, in the SYN if set before connect() or listen(), and again when it, or
 * TCP_USER_TIMEOUT, changes. Beyond 32,767 it is told, and read, in minutes, rounded up. 0: nothing. -EINVAL: negative,
 * or more than 1,966,020.
 */
#define PB_TCP_ADV_UTO 0x5482

/* int, seconds, to be read only: what the peer has told last. 0: nothing, or PB_TCP_ADV_UTO is off. */
#define PB_TCP_REMOTE_UTO 0x5483

#endif
