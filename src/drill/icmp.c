/* The names that scripts have for ICMP messages (RFC 792, RFC 1812 §5.2.7.1, RFC 4443). */
#include "drill/packet.h"

#include <string.h>

struct name {
	const char *name;
	uint8_t number;
};

struct type {
	const char *name;
	uint8_t number;
	const struct name *codes;
};

static const struct name unreachable4[] = {
	{"net_unreachable",       0 },
	{ "host_unreachable",                      1 },
	{ "protocol_unreachable", 2 },
	{ "port_unreachable", 3 },
	{ "frag_needed",                      4 },
	{ "source_route_failed",                      5 },
	{ "net_unknown",          6 },
	{ "host_unknown",                      7 },
	{ "source_host_isolated", 8 },
	{ "net_prohibited",          9 },
	{ "host_prohibited",                      10 },
	{ "net_unreachable_for_tos", 11 },
	{ "host_unreachable_for_tos", 12 },
	{ "packet_filtered",                      13 },
	{ "precedence_violation",             14 },
	{ "precedence_cutoff",      15 },
	{ 0		     },
};

static const struct name unreachable6[] = {
	{"no_route",       0 },
        { "admin_prohibited",               1 },
	{ "not_neighbour", 2 },
        { "address_unreachable", 3 },
	{ "port_unreachable",               4 },
        { 0              },
};

static const struct name exceeded6[] = {
	{"exceeded_hop_limit", 0 },
	{ "exceeded_frag_time",                   1 },
	{ 0},
};

static const struct name parameter6[] = {
	{"header_field",    0 },
	{ "unknown_next_header",                1 },
	{ "unknown_option", 2 },
	{ 0},
};

static const struct type types4[] = {
	{"echo_reply",     0, NULL },
        { "unreachable",            3, unreachable4 },
	{ "source_quench",   4, NULL },
        { "redirect",    5, NULL },
	{ "echo_request", 8, NULL },
        { "time_exceeded",            11, NULL },
	{ "parameter_problem",      12, NULL },
        { 0           },
};

static const struct type types6[] = {
	{"unreachable",        1, unreachable6 },
	{ "packet_too_big",        2, NULL },
	{ "time_exceeded",    3, exceeded6 },
	{ "parameter_problem",                4, parameter6 },
	{ "echo_request",     128, NULL },
	{ "echo_reply",           129, NULL },
	{ 0},
};

bool drill_icmp_numbers(bool ip6, const char *type_name, const char *code_name, uint8_t *type, uint8_t *code)
{
	const struct type *t = ip6 ? types6 : types4;

	while (t->name && strcmp(t->name, type_name) != 0)
		t++;
	if (!t->name || (code_name && !t->codes))
		return false;
	*type = t->number;
	*code = 0;
	if (!code_name)
		return true;
	for (const struct name *c = t->codes; c->name; c++)
		if (strcmp(c->name, code_name) == 0) {
			*code = c->number;
			return true;
		}
	return false;
}

void drill_icmp_names(bool ip6, struct packet *p)
{
	const struct type *t = ip6 ? types6 : types4;

	p->type_name = p->code_name = NULL;
	while (t->name && t->number != p->type)
		t++;
	p->type_name = t->name;
	for (const struct name *c = t->codes; c && c->name; c++)
		if (c->number == p->code)
			p->code_name = c->name;
}
