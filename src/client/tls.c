/*
 * OpenSSL reads from one memory BIO and writes to another; pull() and push() move the bytes between those and
 * the socket. Both are small: we pull only when a whole record is not there yet, and push before we make
 * more.
 */
#include "client/tls.h"

#include "base/addr.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 17 * 1024 }; /* a record with its overhead (RFC 8446 5.2) */

struct tls_config {
	SSL_CTX *ctx;
	bool insecure;
};

struct tls {
	SSL *ssl;
	BIO *in, *out; /* owned by ssl */
	struct pb_socket *socket;
	bool ended; /* the socket has no more to give */
	bool truncated;
	int wants;
	size_t at, len; /* of pending: what the socket has not taken yet */
	char host[256];
	char error[TLS_ERROR_TEXT];
	char pending[PIECE];
};

static void library_error(char *error, const char *what)
{
	unsigned long code = ERR_peek_error();
	const char *reason =
		ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);

	snprintf(error, TLS_ERROR_TEXT, "%s: %s", what, reason ? reason : "no reason given");
	ERR_clear_error();
}

/* One name of a certificate, printable: it comes from the peer and goes to a terminal. Empty: of no kind for
 * us. */
static void name_text(const GENERAL_NAME *name, char *text, size_t size)
{
	union pb_addr a;

	text[0] = '\0';
	if (name->type == GEN_DNS)
		snprintf(text, size, "%.*s", ASN1_STRING_length(name->d.dNSName),
			 (const char *)ASN1_STRING_get0_data(name->d.dNSName));
	if (name->type == GEN_IPADD && ASN1_STRING_length(name->d.iPAddress) == 4) {
		a = pb_addr_any(AF_INET);
		memcpy(&a.v4.sin_addr, ASN1_STRING_get0_data(name->d.iPAddress), 4);
		pb_addr_host(&a, text);
	}
	if (name->type == GEN_IPADD && ASN1_STRING_length(name->d.iPAddress) == 16) {
		a = pb_addr_any(AF_INET6);
		memcpy(&a.v6.sin6_addr, ASN1_STRING_get0_data(name->d.iPAddress), 16);
		pb_addr_host(&a, text);
	}
	for (char *c = text; *c; c++)
		if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f)
			*c = '?';
}

/* "certificate is for a.example, b.example, not c.example" */
static void wrong_host(struct tls *t, X509 *cert)
{
	GENERAL_NAMES *names = cert ? X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL) : NULL;
	char list[160] = "", text[128];
	size_t len = 0;

	_Static_assert(sizeof text >= PB_ADDR_TEXT, "an address fits");
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && len < sizeof list; i++) {
		name_text(sk_GENERAL_NAME_value(names, i), text, sizeof text);
		if (text[0])
			len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", len ? ", " : "", text);
	}
	GENERAL_NAMES_free(names);
	snprintf(t->error, sizeof t->error, "certificate is for %s, not %s",
		 list[0] ? list : "no host at all", t->host);
}

/* The one place where a refused certificate can still be seen: afterwards the session does not have it. */
static int on_verify(int fine, X509_STORE_CTX *store)
{
	struct tls *t = SSL_get_app_data(
		(SSL *)X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
	int err = X509_STORE_CTX_get_error(store);

	if (!fine && (err == X509_V_ERR_HOSTNAME_MISMATCH || err == X509_V_ERR_IP_ADDRESS_MISMATCH))
		wrong_host(t, X509_STORE_CTX_get0_cert(store));
	return fine;
}

static bool configure(struct tls_config *c, const char *ca_file, char *error)
{
	static const unsigned char alpn[] = "\x08http/1.1";

	c->ctx = SSL_CTX_new(TLS_client_method());
	if (!c->ctx || !SSL_CTX_set_min_proto_version(c->ctx, TLS1_2_VERSION) ||
	    SSL_CTX_set_alpn_protos(c->ctx, alpn, sizeof alpn - 1) != 0) {
		library_error(error, "cannot set up TLS");
		return false;
	}
	if (ca_file ? !SSL_CTX_load_verify_file(c->ctx, ca_file)
		    : !SSL_CTX_set_default_verify_paths(c->ctx)) {
		library_error(error, ca_file ? ca_file : "the system's certificate authorities");
		return false;
	}
	/* Moving buffers and partial writes: tls_send() may be called again with what was left. */
	SSL_CTX_set_mode(c->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					 SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_verify(c->ctx, c->insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, on_verify);
	return true;
}

struct tls_config *tls_config_new(const char *ca_file, bool insecure, char *error)
{
	struct tls_config *c = calloc(1, sizeof *c);

	if (!c) {
		snprintf(error, TLS_ERROR_TEXT, "out of memory");
		return NULL;
	}
	c->insecure = insecure;
	if (configure(c, ca_file, error))
		return c;
	tls_config_free(c);
	return NULL;
}

void tls_config_free(struct tls_config *c)
{
	if (!c)
		return;
	SSL_CTX_free(c->ctx);
	free(c);
}

/* A certificate is for addresses or for names; only names go into SNI (RFC 6066 3). */
static bool expect_host(struct tls *t)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(t->ssl);
	union pb_addr addr;
	unsigned bits;

	if (pb_addr_parse(&addr, t->host)) {
		const uint8_t *bytes = pb_addr_bytes(&addr, &bits);
		return X509_VERIFY_PARAM_set1_ip(param, bytes, bits / 8);
	}
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	size_t len = strlen(t->host);
	if (len > 0 && t->host[len - 1] == '.')
		t->host[len - 1] = '\0'; /* a certificate's names have no dot at the end */
	return X509_VERIFY_PARAM_set1_host(param, t->host, 0) && SSL_set_tlsext_host_name(t->ssl, t->host);
}

struct tls *tls_new(struct tls_config *config, struct pb_socket *socket, const char *host)
{
	struct tls *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	t->socket = socket;
	snprintf(t->host, sizeof t->host, "%s", host);
	t->ssl = SSL_new(config->ctx);
	t->in = BIO_new(BIO_s_mem());
	t->out = BIO_new(BIO_s_mem());
	if (!t->ssl || !t->in || !t->out) {
		BIO_free(t->in);
		BIO_free(t->out);
		t->in = t->out = NULL;
		tls_free(t);
		return NULL;
	}
	SSL_set_bio(t->ssl, t->in, t->out);
	SSL_set_app_data(t->ssl, t);
	SSL_set_connect_state(t->ssl);
	if (expect_host(t))
		return t;
	tls_free(t);
	return NULL;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_free(t->ssl);
	free(t);
}

/* Give the socket all that OpenSSL has written. 0, -EAGAIN: not all of it, or -errno. */
static int push(struct tls *t)
{
	for (;;) {
		if (t->at == t->len) {
			int n = BIO_read(t->out, t->pending, sizeof t->pending);
			if (n <= 0)
				return 0;
			t->at = 0;
			t->len = (size_t)n;
		}
		ssize_t sent = pb_send(t->socket, t->pending + t->at, t->len - t->at, 0);
		if (sent == -EAGAIN)
			t->wants = POLLOUT;
		if (sent < 0)
			return (int)sent;
		t->at += (size_t)sent;
	}
}

/* Give OpenSSL what the socket has. 0: there is more, or the end; -EAGAIN, -errno. */
static int pull(struct tls *t)
{
	char piece[PIECE];
	ssize_t n;

	n = pb_recv(t->socket, piece, sizeof piece, 0);
	if (n == -EAGAIN)
		t->wants = POLLIN;
	if (n < 0)
		return (int)n;
	if (n == 0)
		t->ended = true;
	else if (BIO_write(t->in, piece, (int)n) != n)
		return -ENOMEM;
	return 0;
}

static int judge_certificate(struct tls *t, long verdict)
{
	switch (verdict) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		break; /* on_verify() has said it */
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		snprintf(t->error, sizeof t->error,
			 "certificate is of no known authority (%s); --ca FILE adds one",
			 X509_verify_cert_error_string(verdict));
		break;
	default:
		snprintf(t->error, sizeof t->error, "certificate is not valid: %s",
			 X509_verify_cert_error_string(verdict));
	}
	ERR_clear_error();
	return -EKEYREJECTED;
}

/*
 * After a call that did not succeed: 0, try it again; or the error. OpenSSL may have written (a key update,
 * an alert) whatever it answers, so that goes out first.
 */
static int settle(struct tls *t, int answer)
{
	int reason = SSL_get_error(t->ssl, answer);
	int err = push(t);

	if (reason == SSL_ERROR_WANT_READ) {
		if (err)
			return err;
		if (t->ended) {
			t->truncated = true;
			return -ENODATA;
		}
		return pull(t);
	}
	if (reason == SSL_ERROR_WANT_WRITE)
		return err;
	if (reason == SSL_ERROR_ZERO_RETURN)
		return -ENODATA;
	long verdict = SSL_get_verify_result(t->ssl);
	if (verdict != X509_V_OK && SSL_get_verify_mode(t->ssl) != SSL_VERIFY_NONE &&
	    !SSL_is_init_finished(t->ssl))
		return judge_certificate(t, verdict);
	library_error(t->error, "TLS with the server failed");
	return -EKEYREJECTED;
}

int tls_handshake(struct tls *t)
{
	for (;;) {
		ERR_clear_error();
		int answer = SSL_do_handshake(t->ssl);
		if (answer == 1)
			return push(t);
		int err = settle(t, answer);
		if (err == -ENODATA) {
			snprintf(t->error, sizeof t->error,
				 "the server ended the connection during the handshake");
			return -EKEYREJECTED;
		}
		if (err)
			return err;
	}
}

ssize_t tls_recv(struct tls *t, void *buf, size_t len)
{
	for (;;) {
		size_t n;
		ERR_clear_error();
		int answer = SSL_read_ex(t->ssl, buf, len, &n);
		if (answer == 1)
			return (ssize_t)n;
		int err = settle(t, answer);
		if (err == -ENODATA)
			return 0;
		if (err)
			return err;
	}
}

ssize_t tls_send(struct tls *t, const void *buf, size_t len)
{
	for (;;) {
		size_t n;
		int err = push(t);
		if (err)
			return err;
		ERR_clear_error();
		int answer = SSL_write_ex(t->ssl, buf, len, &n);
		if (answer == 1) {
			/* What was taken is ours to deliver: no room now is no error. */
			err = push(t);
			return err && err != -EAGAIN ? err : (ssize_t)n;
		}
		err = settle(t, answer);
		if (err)
			return err == -ENODATA ? -EPIPE : err;
	}
}

void tls_goodbye(struct tls *t)
{
	if (!SSL_is_init_finished(t->ssl))
		return;
	ERR_clear_error();
	SSL_shutdown(t->ssl);
	push(t);
	ERR_clear_error();
}

int tls_wants(const struct tls *t)
{
	return t->wants;
}

bool tls_truncated(const struct tls *t)
{
	return t->truncated;
}

const char *tls_error(const struct tls *t)
{
	return t->error;
}

const char *tls_describe(const struct tls *t, char *buf, size_t size)
{
	snprintf(buf, size, "%s, %s", SSL_get_version(t->ssl), SSL_get_cipher_name(t->ssl));
	return buf;
}
