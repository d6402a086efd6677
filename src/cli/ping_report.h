/* What ping tells: each answer and error as it comes, and the statistics; as text or a line of JSON each. */
#ifndef CLI_PING_REPORT_H
#define CLI_PING_REPORT_H

#include "base/addr.h"

#include <packetboat/time.h>
#include <stddef.h>

struct sock_extended_err;

struct ping_report {
	const char *host;
	bool json;
	uint64_t sent; /* kept by ping; the rest is kept here */
	uint64_t received, duplicates, late, errors;
	double min, max, sum, squares; /* of the times of what was received, in ms */
};

struct ping_reply {
	const union pb_addr *from;
	size_t bytes;
	uint64_t number; /* of the request; the sequence number is its low 16 bits */
	int ttl;         /* -1: not known */
	pb_time took;
	bool duplicate, late;
};

void ping_report_begin(struct ping_report *r, const char *host, const union pb_addr *peer, size_t size,
		       bool json);
void ping_report_reply(struct ping_report *r, const struct ping_reply *reply);

/* An ICMP error that from sent about a request; and a request that could not be sent at all. */
void ping_report_error(struct ping_report *r, const union pb_addr *from, uint64_t number,
		       const struct sock_extended_err *ee);
void ping_report_send_error(struct ping_report *r, uint64_t number, int err);

void ping_report_end(const struct ping_report *r);

#endif
