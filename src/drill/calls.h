/*
 * The calls of a script on the sockets of a stack. Numbers of sockets are those the script writes.
 *
 * No call here ever blocks: what would is tried again by whoever plays the script, each time something has happened,
 * until it has an answer.
 */
#ifndef DRILL_CALLS_H
#define DRILL_CALLS_H

#include "drill/host.h"
#include "drill/opening.h"
#include "drill/script.h"
#include "drill/setting.h"

#define SOCKETS_MAX    64
#define ARGUMENTS_MAX  8
#define CALL_WHY_LEN   256
#define CALL_BYTES_MAX (64 * 1024 * 1024) /* in one call */

struct script_socket {
	struct pb_socket *socket; /* NULL: this place is free */
	int64_t number;           /* what the script calls it */
	bool nonblocking;
};

struct sockets {
	struct host *host;
	const struct settings *settings; /* that new sockets start with */
	int family;                      /* of the calls that say `...` */
	union pb_addr local, remote;     /* for bind() and connect() with `...` */
	struct script_socket socket[SOCKETS_MAX];
	struct script_socket
		*subject;         /* of whom assertions speak: connected or accepted last; NULL: none yet */
	bool listened, connected; /* listen(), connect() were called: whoever asks sets it back */
};

enum call_state {
	CALL_DONE,  /* c->rc is the answer, and that which was to come back did */
	CALL_WAITS, /* it blocks */
	CALL_WRONG, /* c->why tells what did not come back as the script has it */
	CALL_FAULT, /* c->why tells what in the script there is no sense in */
};

/* A call that is under way. Zero it, and set the first two. */
struct call_run {
	struct sockets *sockets;
	const struct call *call;
	const struct expr *argument[ARGUMENTS_MAX];
	unsigned count;
	bool begun;
	int64_t number; /* that a new socket is given */
	uint64_t done;  /* bytes of a call that is not over */
	struct opening opening;
	pb_time deadline; /* of poll() */
	int64_t rc;       /* >= 0, or -errno */
	enum call_state state;
	char why[CALL_WHY_LEN];
};

/* Begin, or go on. */
enum call_state drill_call_try(struct call_run *c);

/* Hold the answer against what the script has. True: they are the same. */
bool drill_call_compare(struct call_run *c);

void drill_sockets_close(struct sockets *s);

/* -- values.c: what values mean. False, and *why (of CALL_WHY_LEN bytes): they mean nothing. */

bool drill_value_number(const struct expr *e, int64_t *number, char *why);
/* A field of a record, or the value at a place in it; NULL: it has none. */
const struct expr *drill_value_field(const struct expr *e, const char *name);
/* {sa_family = AF_INET, sin_port = htons(80), sin_addr = inet_addr("192.0.2.1")} */
bool drill_value_address(const struct expr *e, union pb_addr *a, char *why);
/* The bytes that an iovec holds in all, or that of a msghdr. */
bool drill_value_bytes(const struct expr *e, uint64_t *bytes, char *why);
/*
 * A key to sign with for the peer: {tcpm_key="secret"} (TCP_MD5SIG), {sndid=1, rcvid=2, key="secret"} (TCP_AO_ADD_KEY).
 * In bytes is what the option takes, *len long.
 */
bool drill_value_key(const struct expr *e, int64_t option, const union pb_addr *peer, uint8_t *bytes,
		     socklen_t *len, char *why);
/* An option's value: [1], "cubic", {onoff=1, linger=0}. */
bool drill_value_option(const struct expr *e, uint8_t *bytes, socklen_t *len, char *why);

#endif
