/* The fields of struct tcp_info by their names. */
#include "drill/info.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

struct field {
	const char *name;
	size_t at, size;
};

#define FIELD(name)                                                                                          \
	{                                                                                                    \
#name, offsetof(struct tcp_info, name), sizeof(((struct tcp_info *)0)->name)                 \
	}
static const struct field fields[] = {
	FIELD(tcpi_state),         FIELD(tcpi_ca_state),
	FIELD(tcpi_retransmits),   FIELD(tcpi_probes),
	FIELD(tcpi_backoff),       FIELD(tcpi_options),
	FIELD(tcpi_rto),           FIELD(tcpi_ato),
	FIELD(tcpi_snd_mss),       FIELD(tcpi_rcv_mss),
	FIELD(tcpi_unacked),       FIELD(tcpi_sacked),
	FIELD(tcpi_lost),          FIELD(tcpi_retrans),
	FIELD(tcpi_fackets),       FIELD(tcpi_last_data_sent),
	FIELD(tcpi_last_ack_sent), FIELD(tcpi_last_data_recv),
	FIELD(tcpi_last_ack_recv), FIELD(tcpi_pmtu),
	FIELD(tcpi_rcv_ssthresh),  FIELD(tcpi_rtt),
	FIELD(tcpi_rttvar),        FIELD(tcpi_snd_ssthresh),
	FIELD(tcpi_snd_cwnd),      FIELD(tcpi_advmss),
	FIELD(tcpi_reordering),    FIELD(tcpi_rcv_rtt),
	FIELD(tcpi_rcv_space),     FIELD(tcpi_total_retrans),
	FIELD(tcpi_pacing_rate),   FIELD(tcpi_max_pacing_rate),
	FIELD(tcpi_bytes_acked),   FIELD(tcpi_bytes_received),
	FIELD(tcpi_segs_out),      FIELD(tcpi_segs_in),
	FIELD(tcpi_notsent_bytes), FIELD(tcpi_min_rtt),
	FIELD(tcpi_data_segs_in),  FIELD(tcpi_data_segs_out),
	FIELD(tcpi_delivery_rate), FIELD(tcpi_busy_time),
	FIELD(tcpi_rwnd_limited),  FIELD(tcpi_sndbuf_limited),
	FIELD(tcpi_delivered),     FIELD(tcpi_delivered_ce),
	FIELD(tcpi_bytes_sent),    FIELD(tcpi_bytes_retrans),
	FIELD(tcpi_dsack_dups),    FIELD(tcpi_reord_seen),
	FIELD(tcpi_rcv_ooopack),   FIELD(tcpi_snd_wnd),
};

/* Fields of some bits have no place to be read from. */
static bool bits(const struct tcp_info *info, const char *name, double *value)
{
	if (strcmp(name, "tcpi_snd_wscale") == 0)
		*value = info->tcpi_snd_wscale;
	else if (strcmp(name, "tcpi_rcv_wscale") == 0)
		*value = info->tcpi_rcv_wscale;
	else if (strcmp(name, "tcpi_delivery_rate_app_limited") == 0)
		*value = info->tcpi_delivery_rate_app_limited;
	else if (strcmp(name, "tcpi_fastopen_client_fail") == 0)
		*value = info->tcpi_fastopen_client_fail;
	else
		return false;
	return true;
}

static double read_field(const struct tcp_info *info, const struct field *f)
{
	const char *from = (const char *)info + f->at;
	uint8_t u8;
	uint32_t u32;
	uint64_t u64;

	if (f->size == sizeof u8) {
		memcpy(&u8, from, sizeof u8);
		return u8;
	}
	if (f->size == sizeof u32) {
		memcpy(&u32, from, sizeof u32);
		return u32;
	}
	memcpy(&u64, from, sizeof u64);
	return (double)u64;
}

bool drill_info_field(const struct tcp_info *info, const char *name, double *value)
{
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (strcmp(fields[i].name, name) == 0) {
			*value = read_field(info, &fields[i]);
			return true;
		}
	return bits(info, name, value);
}

bool drill_info_read(struct pb_socket *s, struct tcp_info *info)
{
	socklen_t len = sizeof *info;

	memset(info, 0, sizeof *info);
	return pb_getsockopt(s, IPPROTO_TCP, TCP_INFO, info, &len) == 0;
}
