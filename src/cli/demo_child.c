#include "cli/demo_child.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_TIME_MS 5000

/* In the child. It dies with us, whatever becomes of us. */
static void become_server(const char *spec, int log)
{
	char *const argv[] = { "packetboat", "serve", (char *)spec, NULL };
	char path[PATH_MAX]; /* by its own name, which is what others are told of it */
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(log, STDERR_FILENO);
	if (n > 0) {
		path[n] = '\0';
		execv(path, argv);
	}
	_exit(127);
}

static unsigned count_lines(const char *text, const char *start)
{
	unsigned n = 0;

	for (const char *p = strstr(text, start); p; p = strstr(p + 1, start))
		n++;
	return n;
}

/* Read its log until it listens on so many sockets. False: it ended, or took too long. */
static bool wait_until_listening(struct child *c, unsigned sockets, char *lines, size_t size)
{
	struct pollfd p = { .fd = c->log, .events = POLLIN };
	size_t len = 0;

	lines[0] = '\0';
	while (len + 1 < size && poll(&p, 1, START_TIME_MS) > 0) {
		ssize_t n = read(c->log, lines + len, size - len - 1);
		if (n <= 0)
			return false;
		len += (size_t)n;
		lines[len] = '\0';
		if (count_lines(lines, "listening on ") >= sockets && lines[len - 1] == '\n')
			return true;
	}
	return false;
}

bool child_start(struct child *c, const char *spec, unsigned sockets, uint16_t *port, char *lines,
		 size_t size)
{
	int log[2];

	*c = (struct child){ .log = -1 };
	snprintf(lines, size, "cannot start a server");
	if (pipe(log) < 0)
		return false;
	fflush(stdout);
	c->pid = fork();
	if (c->pid == 0)
		become_server(spec, log[1]);
	close(log[1]);
	c->log = log[0];
	if (c->pid < 0) {
		c->pid = 0;
		child_end(c, SIGTERM);
		return false;
	}
	if (!wait_until_listening(c, sockets, lines, size)) {
		child_end(c, SIGTERM);
		return false;
	}
	const char *slash = strstr(lines, "/tcp");
	const char *colon = slash;
	while (colon && colon > lines && *colon != ':')
		colon--;
	*port = colon ? (uint16_t)atoi(colon + 1) : 0;
	return true;
}

void child_end(struct child *c, int sig)
{
	if (c->pid > 0) {
		kill(c->pid, sig);
		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (c->log >= 0)
		close(c->log);
	*c = (struct child){ .log = -1 };
}
