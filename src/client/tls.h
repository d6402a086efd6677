/*
 * TLS for clients (RFC 8446, RFC 5246), by OpenSSL over memory: it runs on any net and never blocks.
 *
 * The server's certificate must be valid, of a known authority, and for the host that was asked for (RFC
 * 9110 4.3.4). Version 1.2 is the least (RFC 9325 3.1.1), http/1.1 what is offered to talk (RFC 7301).
 */
#ifndef CLIENT_TLS_H
#define CLIENT_TLS_H

#include <packetboat/socket.h>
#include <stdbool.h>

struct tls;
struct tls_config;

#define TLS_ERROR_TEXT 480

/*
 * What all connections share. ca_file: authorities (PEM) to trust instead of the system's; NULL: the
 * system's. insecure: take any certificate. NULL: error (TLS_ERROR_TEXT bytes) says why.
 */
struct tls_config *tls_config_new(const char *ca_file, bool insecure, char *error);
void tls_config_free(struct tls_config *config);

/* A session over a connected socket, which stays the caller's. host: a name or an address. NULL: out of
 * memory. */
struct tls *tls_new(struct tls_config *config, struct pb_socket *socket, const char *host);
void tls_free(struct tls *t);

/*
 * As pb_recv() and pb_send(), and 0 for a handshake that is done; -EAGAIN: wait for what tls_wants() says.
 * -EKEYREJECTED: TLS failed, tls_error() says why; other errors are the socket's.
 */
int tls_handshake(struct tls *t);
ssize_t tls_recv(struct tls *t, void *buf, size_t len);
ssize_t tls_send(struct tls *t, const void *buf, size_t len);

/* Say goodbye (close_notify), as far as the socket takes it now. */
void tls_goodbye(struct tls *t);

/* POLLIN or POLLOUT: what the last -EAGAIN waits for. */
int tls_wants(const struct tls *t);

/* The end came from the network, without a goodbye: whoever sits on the path may have cut off the rest. */
bool tls_truncated(const struct tls *t);

const char *tls_error(const struct tls *t);

/* "TLSv1.3, TLS_AES_256_GCM_SHA384": for people. Returns buf. */
const char *tls_describe(const struct tls *t, char *buf, size_t size);

#endif
