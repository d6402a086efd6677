/*
 * What a stack counts. The names are those of the MIBs that netstat -s and nstat print (RFC 4293, 4022, 4113
 * and Linux's own); each is a number of packets, or of what its name says, since the stack was opened. Both versions of
 * IP count in the same place; neighbour discovery counts as ARP does.
 *
 * The lists are macros so that a program can go through them by name: X(NAME).
 */
#ifndef PACKETBOAT_COUNTERS_H
#define PACKETBOAT_COUNTERS_H

#include <stdint.h>

/* clang-format off */
#define PB_IP_COUNTERS(X) \
	X(InReceives) X(InHdrErrors) X(InAddrErrors) X(InUnknownProtos) X(InDiscards) X(InDelivers) \
	X(OutRequests) X(OutDiscards) X(OutNoRoutes) X(ReasmTimeout) X(ReasmReqds) X(ReasmOKs) \
	X(ReasmFails) X(ReasmOverlaps) X(FragOKs) X(FragFails) X(FragCreates) X(InNoECTPkts) X(InECT1Pkts) \
	X(InECT0Pkts) X(InCEPkts)

#define PB_ICMP_COUNTERS(X) \
	X(InMsgs) X(InErrors) X(InCsumErrors) X(InDestUnreachs) X(InTimeExcds) X(InParmProbs) \
	X(InEchos) X(InEchoReps) X(InRedirects) X(OutMsgs) X(OutErrors) X(OutRateLimited) X(OutDestUnreachs) \
	X(OutTimeExcds) X(OutParmProbs) X(OutEchos) X(OutEchoReps) X(InPktTooBigs)

#define PB_ARP_COUNTERS(X) \
	X(InRequests) X(InReplies) X(InErrors) X(InUnasked) X(OutRequests) X(OutReplies) \
	X(Conflicts) X(Timeouts) X(QueueDrops) X(CacheFull)

#define PB_UDP_COUNTERS(X) \
	X(InDatagrams) X(NoPorts) X(InErrors) X(OutDatagrams) X(RcvbufErrors) X(SndbufErrors) \
	X(InCsumErrors)

#define PB_TCP_COUNTERS(X) \
	X(ActiveOpens) X(PassiveOpens) X(AttemptFails) X(EstabResets) X(InSegs) X(OutSegs) \
	X(RetransSegs) X(InErrs) X(OutRsts) X(InCsumErrors) X(SyncookiesSent) X(SyncookiesRecv) \
	X(SyncookiesFailed) X(ListenOverflows) X(ListenDrops) X(PAWSEstab) X(DelayedACKs) \
	X(OfoQueued) X(OfoDropped) X(RcvCollapsed) X(OutOfWindow) X(FastRetrans) X(Timeouts) \
	X(SpuriousRtos) X(ChallengeAck) X(SynChallenge) X(KeepAlives) X(ZeroWindowProbes) \
	X(AbortOnData) X(AbortOnClose) X(AbortOnTimeout) X(AbortOnMemory) X(TimeWaits) \
	X(TimeWaitReused) X(TimeWaitOverflow) X(PathMtuReduced) X(IcmpIgnored) X(SackReneging) \
	X(LossProbes) X(LossProbeRecovery) X(IdleSleeps) X(IdleWakes) X(IdleWakeFails) \
	X(SpuriousRecoveries) X(FullStops) X(MTUPSuccess) X(MTUPFail) X(DeliveredCE) X(EcnReductions) \
	X(MD5NotFound) X(MD5Unexpected) X(MD5Failure) X(AORequired) X(AOBad) X(AOKeyNotFound) X(AOGood) \
	X(AODroppedIcmps) \
	X(FastOpenActive) X(FastOpenActiveFail) X(FastOpenPassive) X(FastOpenPassiveFail) \
	X(FastOpenPassiveAltKey) X(FastOpenListenOverflow) X(FastOpenCookieReqd) X(FastOpenBlackhole)
/* clang-format on */

#define PB_COUNTER(name) uint64_t name;
struct pb_counters {
	struct {
		PB_IP_COUNTERS(PB_COUNTER)
	} ip;
	struct {
		PB_ICMP_COUNTERS(PB_COUNTER)
	} icmp;
	struct {
		PB_ARP_COUNTERS(PB_COUNTER)
	} arp;
	struct {
		PB_UDP_COUNTERS(PB_COUNTER)
	} udp;
	struct {
		PB_TCP_COUNTERS(PB_COUNTER)
	} tcp;
};
#undef PB_COUNTER

#endif
