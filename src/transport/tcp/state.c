/*
 * The states of a connection (RFC 9293 §3.3.2) and the ways between them:
 *
 *                                    CLOSED
 *                    passive OPEN   /      \   active OPEN, send SYN
 *                                  v        v
 *                             LISTEN        SYN-SENT
 *             SYN, send SYN,ACK   |          |     |   SYN,ACK: send ACK
 *                                 v          v     |
 *                             SYN-RECEIVED <-+     |   (SYN: send SYN,ACK)
 *                               |         \        |
 *             CLOSE, send FIN   |          v       v   ACK of SYN
 *              +----------------+          ESTABLISHED
 *              |                            |       |
 *              |        CLOSE, send FIN     |       |  FIN, send ACK
 *              v <--------------------------+       v
 *           FIN-WAIT-1                          CLOSE-WAIT
 *            |      |  FIN, send ACK                |  CLOSE, send FIN
 *            |      +-----------> CLOSING           v
 *            |  ACK of FIN           |          LAST-ACK
 *            v                       |              |
 *           FIN-WAIT-2               |  ACK of FIN  |  ACK of FIN
 *            |  FIN, send ACK        v              v
 *            +----------------> TIME-WAIT ------> CLOSED
 *                                         2 MSL
 *
 * From everywhere, RST, ABORT and time-outs lead to CLOSED. LISTEN and passive SYN-RECEIVED are records of
 * listen.c, TIME-WAIT one of timewait.c: a connection goes through CLOSED there, or begins in SYN-RECEIVED.
 */
#include "transport/tcp/conn.h"
#include "transport/tcp/input.h"
#include "transport/tcp/tcp.h"

#include <assert.h>

#define TO(state) (1u << STATE_##state)

static const struct {
	const char *name;
	unsigned next; /* where a connection may go from here, as a set of TO() */
} states[STATE_COUNT] = {
	[STATE_CLOSED] = {"CLOSED",        TO(SYN_SENT) | TO(SYN_RECEIVED) | TO(ESTABLISHED)        },
	[STATE_LISTEN] = { "LISTEN",       0							},
	[STATE_SYN_SENT] = { "SYN-SENT",     TO(SYN_RECEIVED) | TO(ESTABLISHED) | TO(CLOSED)          },
	[STATE_SYN_RECEIVED] = { "SYN-RECEIVED", TO(ESTABLISHED) | TO(FIN_WAIT_1) | TO(CLOSED)            },
	[STATE_ESTABLISHED] = { "ESTABLISHED",  TO(FIN_WAIT_1) | TO(CLOSE_WAIT) | TO(CLOSED)             },
	[STATE_FIN_WAIT_1] = { "FIN-WAIT-1",   TO(FIN_WAIT_2) | TO(CLOSING) | TO(TIME_WAIT) | TO(CLOSED)},
	[STATE_FIN_WAIT_2] = { "FIN-WAIT-2",   TO(TIME_WAIT) | TO(CLOSED)                               },
	[STATE_CLOSE_WAIT] = { "CLOSE-WAIT",   TO(LAST_ACK) | TO(CLOSED)                                },
	[STATE_CLOSING] = { "CLOSING",      TO(TIME_WAIT) | TO(CLOSED)                               },
	[STATE_LAST_ACK] = { "LAST-ACK",     TO(CLOSED)                                               },
	[STATE_TIME_WAIT] = { "TIME-WAIT",    TO(CLOSED)                                               },
};

const char *pb_tcp_state_name(enum tcp_state state)
{
	return states[state].name;
}

/* As RFC 4022 defines tcpAttemptFails and tcpEstabResets. */
static void count_end(struct tcp_conn *c)
{
	if (c->state == STATE_SYN_SENT || c->state == STATE_SYN_RECEIVED)
		tcp_counters(c)->tcp.AttemptFails++;
	else if (c->state == STATE_ESTABLISHED || c->state == STATE_CLOSE_WAIT)
		tcp_counters(c)->tcp.EstabResets++;
}

void pb_tcp_set_state(struct tcp_conn *c, enum tcp_state to)
{
	if (to == c->state)
		return;
	assert(states[c->state].next & 1u << to);
	if (to == STATE_CLOSED)
		count_end(c);
	c->state = to;
}
