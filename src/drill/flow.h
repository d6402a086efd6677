/*
 * Flows: which connection a packet of a script is of, and its numbers in the script against those on the wire.
 *
 * A script counts from 1 behind a SYN, whatever the initial sequence numbers are, and writes what it likes for
 * timestamps. On a SYN itself the numbers are the script's own, absolute ones. A flow begins with a SYN; what comes
 * without one, and is of no flow, has no number to be changed.
 */
#ifndef DRILL_FLOW_H
#define DRILL_FLOW_H

#include "drill/packet.h"

#define FLOWS_MAX       64
#define FLOW_STAMPS_MAX 4096

/* A timestamp of the stack's: what the script writes for it, and what it was. */
struct flow_stamp {
	uint32_t script, live;
};

struct flow {
	struct packet_ends ends;                        /* as the stack's packets have them: src is its own */
	uint16_t script_local_port, script_remote_port; /* 0: the script does not name them */
	bool local_known, remote_known;
	uint32_t local_isn, script_local_isn, remote_isn, script_remote_isn;
	struct flow_stamp stamps[FLOW_STAMPS_MAX];
	unsigned stamp_count;
};

struct flows {
	struct flow *flow[FLOWS_MAX];
	unsigned count;
	uint16_t next_port; /* of the peers that call us */
	bool listens;       /* a listener is new: the next SYN from outside is a new call */
	bool connecting;    /* connect() was called: the next SYN is that of a new flow */
};

void drill_flows_init(struct flows *f);
void drill_flows_free(struct flows *f);

/*
 * The flow of a packet that the script sends; local, remote: addresses and ports of a new one. NULL: it begins none and
 * is of none, or there are too many.
 */
struct flow *drill_flow_inbound(struct flows *f, const struct packet *p, const struct packet_ends *fresh);

/* The flow of a packet that was seen. NULL: of none. */
struct flow *drill_flow_outbound(struct flows *f, const struct packet *seen, const struct packet_ends *ends);

/* The script's numbers into those of the wire; with the connection's first ones, from which signatures follow. */
void drill_flow_to_wire(struct flow *flow, struct packet *p);

/* Those first numbers, for a packet that was seen, whose numbers are still the wire's. */
void drill_flow_isns(const struct flow *flow, struct packet *seen);

/*
 * Those of the wire into the script's, to be held against what is expected, from which the flow learns what the script
 * calls things. tick: how many microseconds a timestamp's step is, to compare them by; 0: they are not compared.
 */
void drill_flow_to_script(struct flow *flow, struct packet *seen, const struct packet *expected,
			  uint32_t tick);

#endif
