/* packetboat ports: what a port number is registered for, which class it is of, and who listens there now. */
#include "cli/command.h"
#include "cli/table.h"
#include "kernel/owner.h"
#include "kernel/registry.h"
#include "kernel/sockdiag.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPT_JSON 256

/* A socket that takes calls, or datagrams from anybody. */
struct listening {
	struct diag_socket socket;
	struct owner owner; /* pid 0: not seen */
};

struct ports {
	const struct command *command;
	const char *what; /* the argument; NULL: an overview */
	bool by_name, json;
	struct port_range range; /* asked for, unless by name */
	struct registry registry;
	struct diag_list sockets;
	struct owner_map owners;
	size_t entry_count;          /* of the registry, that are asked for */
	struct listening *listening; /* at the ports asked for */
	size_t listening_count;
};

/* NUMBER or FIRST-LAST. False: neither, so it is a name; names with a hyphen are no numbers on both sides. */
static bool read_range(struct port_range *range, const char *text)
{
	char first[8];
	const char *hyphen = strchr(text, '-');

	if (!hyphen) {
		bool ok = registry_number(text, &range->first);
		range->last = range->first;
		return ok;
	}
	if ((size_t)(hyphen - text) >= sizeof first)
		return false;
	memcpy(first, text, (size_t)(hyphen - text));
	first[hyphen - text] = '\0';
	return registry_number(first, &range->first) && registry_number(hyphen + 1, &range->last);
}

static bool in_range(struct port_range range, uint16_t port)
{
	return port >= range.first && port <= range.last;
}

static bool entry_wanted(const struct ports *p, const struct registry_entry *e)
{
	if (!p->what)
		return false;
	return p->by_name ? registry_entry_is_called(e, p->what) : in_range(p->range, e->port);
}

/* By name: at a port and protocol that the name is registered for. */
static bool listening_wanted(const struct ports *p, const struct diag_socket *s)
{
	uint16_t port = pb_addr_port(&s->local);

	if (!diag_socket_listens(s) || port == 0)
		return false;
	if (!p->by_name)
		return in_range(p->range, port);
	for (size_t i = 0; i < p->registry.count; i++) {
		const struct registry_entry *e = &p->registry.entries[i];
		if (e->port == port && strcmp(e->proto, diag_type_proto(s->type)) == 0 && entry_wanted(p, e))
			return true;
	}
	return false;
}

static int by_place(const void *a, const void *b)
{
	const struct diag_socket *x = &((const struct listening *)a)->socket;
	const struct diag_socket *y = &((const struct listening *)b)->socket;
	int order = (int)pb_addr_port(&x->local) - (int)pb_addr_port(&y->local);

	return order ? order : diag_socket_order(x, y);
}

/* Who listens is told as far as it can be seen: the registry's answer is good without it. */
static void read_sockets(struct ports *p)
{
	int rc = sockdiag_read(&p->sockets, 0);

	if (rc < 0)
		command_fail(p->command, EXIT_DONE, "cannot see who listens: %s", strerror(-rc));
	if ((rc = owner_map_read(&p->owners)) < 0)
		command_fail(p->command, EXIT_DONE, "cannot see which programs listen: %s", strerror(-rc));
}

static int collect(struct ports *p)
{
	int rc = registry_read(&p->registry, REGISTRY_FILE);

	if (rc < 0)
		return command_fail(p->command, EXIT_FAILED, "cannot read %s: %s", REGISTRY_FILE,
				    strerror(-rc));
	read_sockets(p);
	p->listening = calloc(p->sockets.count + 1, sizeof *p->listening);
	if (!p->listening)
		return command_fail(p->command, EXIT_FAILED, "out of memory");
	for (size_t i = 0; i < p->registry.count; i++)
		p->entry_count += entry_wanted(p, &p->registry.entries[i]);
	if (p->by_name && p->entry_count == 0)
		return command_fail(p->command, EXIT_NOT_FOUND,
				    "no port is registered as '%s' in %s; give a number or another name",
				    p->what, REGISTRY_FILE);
	for (size_t i = 0; i < p->sockets.count; i++) {
		const struct diag_socket *s = &p->sockets.sockets[i];
		struct listening *l = &p->listening[p->listening_count];
		if (!listening_wanted(p, s))
			continue;
		l->socket = *s;
		owner_of_inode(&p->owners, s->inode, &l->owner);
		p->listening_count++;
	}
	qsort(p->listening, p->listening_count, sizeof *p->listening, by_place);
	return EXIT_DONE;
}

static void range_row(struct table *t, struct port_range range, const char *name, const char *what)
{
	char text[16];

	snprintf(text, sizeof text, "%u-%u", range.first, range.last);
	table_cell(t, text);
	table_cell(t, name);
	table_cell(t, what);
}

static bool print_classes(void)
{
	static const char *const what[] = {
		[PORT_WELL_KNOWN] = "standard services; listening takes a privilege",
		[PORT_REGISTERED] = "services registered with IANA, for any program",
		[PORT_DYNAMIC] = "registered for nobody: private and ephemeral ports",
	};
	struct port_range ephemeral;
	struct table t;

	table_init(&t, 3);
	for (enum port_class c = PORT_WELL_KNOWN; c <= PORT_DYNAMIC; c++)
		range_row(&t, port_class_range(c), port_class_name(c), what[c]);
	if (registry_ephemeral(&ephemeral))
		range_row(&t, ephemeral, "ephemeral", "what this host gives to a client that asks for none");
	return table_print(&t, stdout);
}

static bool print_entries(const struct ports *p)
{
	struct table t;
	char text[32];

	if (p->entry_count == 0) {
		if (p->range.first == p->range.last)
			printf("Port %u is %s and registered for no service.\n", p->range.first,
			       port_class_name(port_class_of(p->range.first)));
		else
			printf("No service is registered for ports %u to %u.\n", p->range.first,
			       p->range.last);
		return true;
	}
	table_init(&t, 4);
	table_cell(&t, "Service");
	table_cell(&t, "Port");
	table_cell(&t, "Class");
	table_cell(&t, "Aliases");
	for (size_t i = 0; i < p->registry.count; i++) {
		const struct registry_entry *e = &p->registry.entries[i];
		if (!entry_wanted(p, e))
			continue;
		table_cell(&t, e->name);
		snprintf(text, sizeof text, "%u/%.16s", e->port, e->proto);
		table_cell(&t, text);
		table_cell(&t, port_class_name(port_class_of(e->port)));
		table_cell(&t, e->aliases);
	}
	return table_print(&t, stdout);
}

static bool print_listening(const struct ports *p)
{
	char text[PB_ADDR_TEXT + 8];
	struct table t;

	if (p->listening_count == 0) {
		printf("\nNobody listens there now.\n");
		return true;
	}
	printf("\n");
	table_init(&t, 4);
	table_cell(&t, "Listening");
	table_cell(&t, "Proto");
	table_cell(&t, "Service");
	table_cell(&t, "PID/Program");
	for (size_t i = 0; i < p->listening_count; i++) {
		const struct listening *l = &p->listening[i];
		const char *proto = diag_type_proto(l->socket.type);
		const struct registry_entry *e =
			registry_by_port(&p->registry, pb_addr_port(&l->socket.local), proto);
		table_cell(&t, pb_addr_text(&l->socket.local, text));
		table_cell(&t, proto);
		table_cell(&t, e ? e->name : "-");
		snprintf(text, sizeof text, "%d/%s", (int)l->owner.pid, l->owner.name);
		table_cell(&t, l->owner.pid ? text : "-");
	}
	return table_print(&t, stdout);
}

static json_t *json_range(struct port_range range)
{
	return json_pack("{s:i, s:i}", "first", range.first, "last", range.last);
}

static json_t *json_entry(const struct registry_entry *e)
{
	json_t *aliases = json_array();

	for (const char *alias = e->aliases; *alias;) {
		size_t n = strcspn(alias, " ");
		json_array_append_new(aliases, json_stringn(alias, n));
		alias += n + (alias[n] == ' ');
	}
	return json_pack("{s:s, s:i, s:s, s:s, s:o}", "name", e->name, "port", e->port, "proto", e->proto,
			 "class", port_class_name(port_class_of(e->port)), "aliases", aliases);
}

static json_t *json_listening(const struct listening *l)
{
	char host[PB_ADDR_TEXT];
	json_t *o = json_pack("{s:s, s:s, s:i}", "proto", diag_type_proto(l->socket.type), "address",
			      pb_addr_host(&l->socket.local, host), "port", pb_addr_port(&l->socket.local));

	if (l->owner.pid) {
		json_object_set_new(o, "pid", json_integer(l->owner.pid));
		json_object_set_new(o, "program", json_string(l->owner.name));
	}
	return o;
}

static bool print_json(const struct ports *p)
{
	json_t *all = json_object(), *classes = json_object(), *entries = json_array();
	json_t *listening = json_array();
	struct port_range ephemeral;

	for (enum port_class c = PORT_WELL_KNOWN; c <= PORT_DYNAMIC; c++)
		json_object_set_new(classes, port_class_name(c), json_range(port_class_range(c)));
	for (size_t i = 0; i < p->registry.count; i++)
		if (entry_wanted(p, &p->registry.entries[i]))
			json_array_append_new(entries, json_entry(&p->registry.entries[i]));
	for (size_t i = 0; i < p->listening_count; i++)
		json_array_append_new(listening, json_listening(&p->listening[i]));
	json_object_set_new(all, "classes", classes);
	if (registry_ephemeral(&ephemeral))
		json_object_set_new(all, "ephemeral", json_range(ephemeral));
	json_object_set_new(all, "entries", entries);
	json_object_set_new(all, "listening", listening);
	/* That a write failed is said in the end, as of a table. */
	bool ok = json_dumpf(all, stdout, JSON_INDENT(2)) == 0 || ferror(stdout);
	putchar('\n');
	json_decref(all);
	return ok;
}

static bool print(const struct ports *p)
{
	if (p->json)
		return print_json(p);
	return (p->what ? print_entries(p) : print_classes()) && print_listening(p);
}

/* EXIT_DONE, or it has been said what is wrong. */
static int take_argument(struct ports *p)
{
	p->range = (struct port_range){ 0, UINT16_MAX };
	if (!p->what)
		return EXIT_DONE;
	p->by_name = !read_range(&p->range, p->what);
	if (p->by_name && p->what[strspn(p->what, "0123456789-")] == '\0')
		return command_usage(p->command,
				     "'%s' is no port: they go from 0 to 65535, a range is 6000-6063",
				     p->what);
	if (!p->by_name && p->range.first > p->range.last)
		return command_usage(p->command, "'%s' ends before it begins; say %u-%u", p->what,
				     p->range.last, p->range.first);
	return EXIT_DONE;
}

static int ports_run(const struct command *self, int argc, char **argv)
{
	struct ports p = { .command = self };
	struct options o;
	int id;

	options_init(&o, self, argc, argv);
	while ((id = options_next(&o)) > 0)
		p.json = true; /* there is no other */
	if (id < 0)
		return id == OPTIONS_HELP ? EXIT_DONE : EXIT_USAGE;
	if (argc - o.rest > 1)
		return command_usage(self, "one name, number or range at a time; '%s' is too much",
				     argv[o.rest + 1]);
	p.what = argv[o.rest];
	int code = take_argument(&p);
	if (code == EXIT_DONE)
		code = collect(&p);
	if (code == EXIT_DONE && !print(&p))
		code = command_fail(self, EXIT_FAILED, "out of memory");
	if (code == EXIT_DONE && (fflush(stdout) != 0 || ferror(stdout)))
		code = command_fail(self, EXIT_FAILED, "cannot write to standard output");
	free(p.listening);
	owner_map_free(&p.owners);
	diag_list_free(&p.sockets);
	registry_free(&p.registry);
	return code;
}

static const struct cli_option ports_options[] = {
	{0,     "json", NULL, "a JSON object, for programs", OPT_JSON },
	{ 0},
};

static const struct cli_example ports_examples[] = {
	{"packetboat ports",                            "the classes of ports, and who listens on this machine" },
	{ "packetboat ports http",					    "which port http has, and who listens there" },
	{ "packetboat ports 53","what port 53 is registered for" },
	{ "packetboat ports 6000-6063",                        "all that is registered, and all who listen, in a range" },
	{ NULL					   },
};

const struct command command_ports = {
	.name = "ports",
	.summary = "look ports up: what they are registered for, and who listens",
	.synopsis = "[--json] [NAME | NUMBER | FIRST-LAST]",
	.about = "A server listens on a port its clients know: the one registered for its\n"
		 "service, as /etc/services lists them. A client needs no known port; it is given\n"
		 "an ephemeral one, and the server's reply goes to the port it finds in the\n"
		 "request. The classes are those of RFC 6335: well-known 0-1023, registered\n"
		 "1024-49151, dynamic 49152-65535. An unknown name is exit code 3.\n",
	.options = ports_options,
	.examples = ports_examples,
	.run = ports_run,
};
