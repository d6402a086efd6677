/*
 * packetboat netstat: who talks to whom. The kernel's sockets, with what running servers know of theirs; and
 * beside them the sockets of servers that run on a stack of our own, which the kernel does not have.
 */
#include "cli/command.h"
#include "cli/hostnames.h"
#include "cli/net_spec.h"
#include "cli/table.h"
#include "kernel/owner.h"
#include "kernel/registry.h"
#include "kernel/served.h"
#include "kernel/sockdiag.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPT_JSON = 256, OPT_NET };

#define CELL_MAX 320 /* a host name of 255, a port's name, and what is between them */

struct row {
	const struct diag_socket *socket;
	const struct running_server *stack; /* whose socket it is; NULL: the kernel's */
	const struct running_conn *conn;    /* of a running server; NULL: not */
	const char *service;                /* what listens there, if a running server does */
	struct owner owner;                 /* pid 0: not seen */
};

struct netstat {
	const struct command *command;
	bool all, listening, tcp, udp, v4, v6, numbers, resolve, programs, json;
	char net[SERVERS_NAME]; /* the only one to be shown: "host", "tap:pb0"; "": all */
	struct diag_list sockets;
	struct diag_socket *stack_sockets; /* of all stacks */
	struct served served;
	struct owner_map owners;
	struct registry registry;
	struct hostnames hostnames;
	struct row *rows;
	size_t count;
	bool any_served, any_hidden, any_stack;
};

static bool of_wanted_net(const struct netstat *n, const char *net)
{
	return !n->net[0] || strcmp(n->net, net) == 0;
}

static bool wanted(const struct netstat *n, const struct diag_socket *s)
{
	if ((n->v4 || n->v6) && !(s->local.sa.sa_family == AF_INET6 ? n->v6 : n->v4))
		return false;
	return n->all || (n->listening ? diag_socket_listens(s) : diag_socket_connected(s));
}

static int by_place(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	pid_t first = x->stack ? x->stack->pid : 0,
	      second = y->stack ? y->stack->pid : 0; /* the kernel's first */

	return first != second ? (first > second) - (first < second)
			       : diag_socket_order(x->socket, y->socket);
}

static void add_row(struct netstat *n, const struct diag_socket *s, const struct running_server *stack)
{
	struct row *row = &n->rows[n->count++];

	row->socket = s;
	row->stack = stack;
	row->conn = served_conn(&n->served, s, stack);
	row->service = row->conn ? row->conn->service : served_listener(&n->served, s, stack);
	n->any_served |= row->service != NULL;
	n->any_stack |= stack != NULL;
	if (stack)
		row->owner = (struct owner){ stack->pid, "packetboat" };
	else if (n->programs && !owner_of_inode(&n->owners, s->inode, &row->owner) && s->inode)
		n->any_hidden = true;
}

static struct diag_socket as_diag(const struct running_server *r, const struct running_socket *s)
{
	return (struct diag_socket){ .type = s->type,
				     .local = s->local,
				     .foreign = s->peer,
				     .state = s->state,
				     .recv_queue = s->recv_queue,
				     .send_queue = s->send_queue,
				     .uid = r->uid };
}

static bool of_wanted_type(const struct netstat *n, int type)
{
	return n->tcp == n->udp || (type == SOCK_STREAM ? n->tcp : n->udp);
}

/* The sockets of a server's own stack; the next of n->stack_sockets are theirs. */
static struct diag_socket *add_stack(struct netstat *n, const struct running_server *r,
				     struct diag_socket *next)
{
	for (size_t i = 0; i < r->socket_count && of_wanted_net(n, r->device); i++) {
		*next = as_diag(r, &r->sockets[i]);
		if (of_wanted_type(n, next->type) && wanted(n, next))
			add_row(n, next++, r);
	}
	return next;
}

static void note_untold(const struct netstat *n, const struct running_server *r)
{
	if (r->sockets_untold && of_wanted_net(n, r->device))
		command_fail(n->command, EXIT_DONE, "%s of pid %d has %zu sockets more than it tells of",
			     r->device, (int)r->pid, r->sockets_untold);
	if (r->conns_untold)
		command_fail(n->command, EXIT_DONE,
			     "the server with pid %d has %zu connections more than it tells of", (int)r->pid,
			     r->conns_untold);
}

/* 0 or -ENOMEM. */
static int add_rows(struct netstat *n)
{
	const struct running_servers *servers = &n->served.servers;
	size_t of_stacks = 0;

	for (size_t i = 0; i < servers->count; i++)
		of_stacks += servers->servers[i].socket_count;
	n->stack_sockets = calloc(of_stacks + 1, sizeof *n->stack_sockets);
	n->rows = calloc(n->sockets.count + of_stacks + 1, sizeof *n->rows);
	if (!n->rows || !n->stack_sockets)
		return -ENOMEM;
	for (size_t i = 0; i < n->sockets.count; i++)
		if (wanted(n, &n->sockets.sockets[i]))
			add_row(n, &n->sockets.sockets[i], NULL);
	struct diag_socket *next = n->stack_sockets;
	for (size_t i = 0; i < servers->count; i++) {
		next = add_stack(n, &servers->servers[i], next);
		note_untold(n, &servers->servers[i]);
	}
	qsort(n->rows, n->count, sizeof *n->rows, by_place);
	return 0;
}

/* Whether a net that was named is there. */
static bool has_net(const struct netstat *n)
{
	const struct running_servers *servers = &n->served.servers;
	bool found = of_wanted_net(n, "host");

	for (size_t i = 0; i < servers->count; i++)
		found |= servers->servers[i].device[0] && of_wanted_net(n, servers->servers[i].device);
	return found;
}

static int read_kernel(struct netstat *n)
{
	int type = n->tcp == n->udp ? 0 : n->tcp ? SOCK_STREAM : SOCK_DGRAM;

	return of_wanted_net(n, "host") ? sockdiag_read(&n->sockets, type) : 0;
}

static int collect(struct netstat *n)
{
	int rc = read_kernel(n);

	if (rc < 0)
		return command_fail(n->command, exit_code_of(rc),
				    "cannot read the kernel's sockets: %s; is its module inet_diag there?",
				    strerror(-rc));
	if (!n->numbers && (rc = registry_read(&n->registry, REGISTRY_FILE)) < 0)
		command_fail(n->command, EXIT_DONE, "%s: %s; showing numbers", REGISTRY_FILE, strerror(-rc));
	if (n->programs && (rc = owner_map_read(&n->owners)) < 0)
		command_fail(n->command, EXIT_DONE, "cannot read /proc: %s; showing no programs",
			     strerror(-rc));
	served_read(&n->served);
	if (!has_net(n))
		return command_fail(n->command, EXIT_FAILED, "no running server is on %s", n->net);
	if (add_rows(n) < 0) {
		command_fail(n->command, EXIT_FAILED, "out of memory");
		return EXIT_FAILED;
	}
	if (n->any_hidden && geteuid() != 0)
		command_fail(n->command, EXIT_DONE,
			     "some programs belong to others; as root you see them all");
	return EXIT_DONE;
}

/* NULL: the port has no name, or numbers are wanted. */
static const char *port_name(const struct netstat *n, const struct diag_socket *s, const union pb_addr *a)
{
	const struct registry_entry *e =
		registry_by_port(&n->registry, pb_addr_port(a), diag_type_proto(s->type));

	return e ? e->name : NULL;
}

/* ADDRESS:PORT, with * for a port that is none. */
static const char *address(struct netstat *n, const struct diag_socket *s, const union pb_addr *a, char *cell)
{
	char plain[PB_ADDR_TEXT], number[8];
	const char *port = port_name(n, s, a);
	const char *host =
		n->resolve && !pb_addr_is_any(a) ? hostname_of(&n->hostnames, a) : pb_addr_host(a, plain);

	snprintf(number, sizeof number, "%u", pb_addr_port(a));
	if (!port)
		port = pb_addr_port(a) ? number : "*";
	snprintf(cell, CELL_MAX, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
	return cell;
}

/* Which network it is on: "host", or whose stack. */
static const char *net_name(const struct row *row, char *cell)
{
	if (row->stack)
		snprintf(cell, CELL_MAX, "%s (pid %d)", row->stack->device, (int)row->stack->pid);
	else
		snprintf(cell, CELL_MAX, "host");
	return cell;
}

static void table_row(struct netstat *n, struct table *t, const struct row *row)
{
	const struct diag_socket *s = row->socket;
	char cell[CELL_MAX];

	table_cell(t, diag_socket_proto(s));
	table_number(t, s->recv_queue);
	table_number(t, s->send_queue);
	table_cell(t, address(n, s, &s->local, cell));
	table_cell(t, address(n, s, &s->foreign, cell));
	table_cell(t, diag_socket_state(s));
	if (n->programs) {
		snprintf(cell, sizeof cell, "%d/%s", (int)row->owner.pid, row->owner.name);
		table_cell(t, row->owner.pid ? cell : "-");
	}
	if (n->any_stack)
		table_cell(t, net_name(row, cell));
	if (!n->any_served)
		return;
	if (row->conn) {
		table_number(t, row->conn->number);
		table_number(t, row->conn->bytes_in);
		table_number(t, row->conn->bytes_out);
	}
	for (int i = 0; !row->conn && i < 3; i++)
		table_cell(t, NULL);
	table_cell(t, row->service);
}

static bool print_table(struct netstat *n)
{
	static const char *const heads[] = { "Proto",         "Recv-Q",          "Send-Q",
					     "Local Address", "Foreign Address", "State" };
	static const char *const served_heads[] = { "#", "In", "Out", "Service" };
	struct table t;
	size_t served = 6 + n->programs + n->any_stack;

	table_init(&t, served + (n->any_served ? 4 : 0));
	t.right[1] = t.right[2] = true;
	for (size_t i = 0; i < 6; i++)
		table_cell(&t, heads[i]);
	if (n->programs)
		table_cell(&t, "PID/Program");
	if (n->any_stack)
		table_cell(&t, "Net");
	for (size_t i = 0; n->any_served && i < 4; i++) {
		t.right[served + i] = i < 3;
		table_cell(&t, served_heads[i]);
	}
	for (size_t i = 0; i < n->count; i++)
		table_row(n, &t, &n->rows[i]);
	return table_print(&t, stdout);
}

/* PREFIX_address, PREFIX_port and, where there are such, PREFIX_service and PREFIX_host. */
static void json_address(struct netstat *n, json_t *o, const char *prefix, const struct diag_socket *s,
			 const union pb_addr *a)
{
	char key[32], host[PB_ADDR_TEXT];
	const char *name = port_name(n, s, a);

	snprintf(key, sizeof key, "%s_address", prefix);
	json_object_set_new(o, key, json_string(pb_addr_host(a, host)));
	snprintf(key, sizeof key, "%s_port", prefix);
	json_object_set_new(o, key, json_integer(pb_addr_port(a)));
	snprintf(key, sizeof key, "%s_service", prefix);
	if (name)
		json_object_set_new(o, key, json_string(name));
	snprintf(key, sizeof key, "%s_host", prefix);
	if (n->resolve && !pb_addr_is_any(a))
		json_object_set_new(o, key, json_string(hostname_of(&n->hostnames, a)));
}

static json_t *json_addresses(const struct running_server *r)
{
	json_t *all = json_array();

	for (size_t i = 0; i < r->address_count; i++)
		json_array_append_new(all, json_string(r->addresses[i].text));
	return all;
}

static json_t *json_row(struct netstat *n, const struct row *row)
{
	const struct diag_socket *s = row->socket;

	assert(s);
	json_t *o = json_pack("{s:s, s:i, s:I, s:I}", "proto", diag_type_proto(s->type), "family",
			      s->local.sa.sa_family == AF_INET6 ? 6 : 4, "recv_queue",
			      (json_int_t)s->recv_queue, "send_queue", (json_int_t)s->send_queue);

	json_address(n, o, "local", s, &s->local);
	if (diag_socket_connected(s))
		json_address(n, o, "foreign", s, &s->foreign);
	json_object_set_new(o, "state", json_string(diag_socket_state(s)));
	json_object_set_new(o, "net", json_string(row->stack ? row->stack->device : "host"));
	json_object_set_new(o, "uid", json_integer(s->uid));
	if (row->stack)
		json_object_set_new(o, "net_addresses", json_addresses(row->stack));
	else
		json_object_set_new(o, "inode", json_integer(s->inode));
	if (row->owner.pid) {
		json_object_set_new(o, "pid", json_integer(row->owner.pid));
		json_object_set_new(o, "program", json_string(row->owner.name));
	}
	if (row->service)
		json_object_set_new(o, "service", json_string(row->service));
	if (row->conn) {
		json_object_set_new(o, "number", json_integer((json_int_t)row->conn->number));
		json_object_set_new(o, "bytes_in", json_integer((json_int_t)row->conn->bytes_in));
		json_object_set_new(o, "bytes_out", json_integer((json_int_t)row->conn->bytes_out));
		json_object_set_new(o, "seconds", json_real(row->conn->seconds));
	}
	return o;
}

static bool print_json(struct netstat *n)
{
	json_t *all = json_array();
	bool ok = true;

	for (size_t i = 0; ok && i < n->count; i++)
		ok = json_array_append_new(all, json_row(n, &n->rows[i])) == 0;
	/* That a write failed is said in the end, as of a table. */
	ok = ok && (json_dumpf(all, stdout, JSON_INDENT(2)) == 0 || ferror(stdout));
	putchar('\n');
	json_decref(all);
	return ok;
}

static void take_option(struct netstat *n, int id)
{
	const struct {
		int id;
		bool *flag;
	} flags[] = {
		{'a',       &n->all      },
                { 'l',      &n->listening},
                { 't',      &n->tcp      },
                { 'u',      &n->udp      },
		{ '4',      &n->v4       },
                { '6',      &n->v6       },
                { 'n',      &n->numbers  },
                { 'r',      &n->resolve  },
		{ 'p',      &n->programs },
                { OPT_JSON, &n->json     },
	};

	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		if (flags[i].id == id)
			*flags[i].flag = true;
}

/* As the column Net shows it; what --net of other commands has behind the name is not looked at. */
static bool take_net(struct netstat *n, const char *value)
{
	static const char *const kinds[] = { [NET_HOST] = "host", [NET_TAP] = "tap:", [NET_TUN] = "tun:" };
	struct net_spec spec;
	char error[256];

	if (!net_spec_parse_name(&spec, value, error, sizeof error)) {
		command_usage(n->command, "--net: %s", error);
		return false;
	}
	snprintf(n->net, sizeof n->net, "%s%s", kinds[spec.kind], spec.name);
	return true;
}

static int netstat_run(const struct command *self, int argc, char **argv)
{
	struct netstat n = { .command = self };
	struct options o;
	int id;

	options_init(&o, self, argc, argv);
	while ((id = options_next(&o)) > 0)
		if (id != OPT_NET)
			take_option(&n, id);
		else if (!take_net(&n, o.value))
			return EXIT_USAGE;
	if (id < 0)
		return id == OPTIONS_HELP ? EXIT_DONE : EXIT_USAGE;
	if (o.rest < argc)
		return command_usage(self, "takes no argument, but there is '%s'", argv[o.rest]);
	int code = collect(&n);
	if (code == EXIT_DONE && !(n.json ? print_json(&n) : print_table(&n)))
		code = command_fail(self, EXIT_FAILED, "out of memory");
	if (code == EXIT_DONE && (fflush(stdout) != 0 || ferror(stdout)))
		code = command_fail(self, EXIT_FAILED, "cannot write to standard output");
	free(n.rows);
	free(n.stack_sockets);
	hostnames_free(&n.hostnames);
	registry_free(&n.registry);
	owner_map_free(&n.owners);
	served_free(&n.served);
	diag_list_free(&n.sockets);
	return code;
}

static const struct cli_option netstat_options[] = {
	{'a',   "all", NULL, "all sockets: connected, listening and merely bound", 'a' },
	{ 'l', "listening", NULL, "those that wait for somebody to call", 'l' },
	{ 't',  "tcp", NULL, "TCP only", 't' },
	{ 'u',  "udp", NULL, "UDP only", 'u' },
	{ '4', NULL, NULL, "IPv4 only", '4' },
	{ '6',  NULL, NULL, "IPv6 only", '6' },
	{ 'n',  "numeric", NULL, "ports as numbers, not names of services", 'n' },
	{ 'r', "resolve", NULL, "addresses as host names", 'r' },
	{ 'p',  "programs", NULL, "the process that holds it (root sees all)", 'p' },
	{ 0,  "net", "NET", "those on one network only: host, tap:NAME or tun:NAME", OPT_NET },
	{ 0, "json", NULL, "a JSON array of objects, for programs", OPT_JSON },
	{ 0 },
};

static const struct cli_example netstat_examples[] = {
	{"packetboat netstat",                         "who is connected to whom" },
	{ "packetboat netstat -ltpn",					   "which program listens on which TCP port" },
	{ "packetboat netstat -an","everything, TIME-WAIT and UDP too, with numbers" },
	{ "packetboat netstat -a --net tap:pb0",                    "the sockets of servers on a stack of ours" },
	{ "packetboat netstat -a --json",					   "the same for a program to read" },
	{ NULL},
};

const struct command command_netstat = {
	.name = "netstat",
	.summary = "show the sockets of this machine: who talks to whom",
	.synopsis = "[-altu46nrp] [--net NET] [--json]",
	.about = "A TCP connection is known by its two ends, each an address and a port, so\n"
		 "one port of a server serves any number of clients. Shown are connected sockets\n"
		 "unless -a or -l asks for others. States are RFC 9293's: LISTEN waits for calls;\n"
		 "CLOSE-WAIT: the other end is done, this program has yet to close; TIME-WAIT:\n"
		 "closed, and kept for a minute to catch late segments. Queues are bytes: Recv-Q\n"
		 "come but not read, Send-Q sent but not acknowledged; of a listener, connections\n"
		 "waiting and how many may. Connections of running Packetboat servers have their\n"
		 "number (#) as in the server's log, and the bytes that went In and Out.\n"
		 "Servers that run on a TCP/IP of our own (serve --net tap:...) have sockets of\n"
		 "which the kernel knows nothing; they are shown, too, and the column Net says\n"
		 "which network a socket is on: host, the kernel's, or DEVICE (pid N). --net shows\n"
		 "those of one only.\n",
	.options = netstat_options,
	.examples = netstat_examples,
	.run = netstat_run,
};
