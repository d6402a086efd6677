#include "service/workers.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A worker that does not live so long is started again only after this pause, so that a crash at start is no storm. */
#define RESTART_PAUSE PB_MSEC(200)

struct worker {
	pid_t pid; /* 0: not running */
	pb_time started;
};

struct supervisor {
	unsigned count;
	struct server *server;
	struct log *log;
	worker_fn *fn;
	struct worker *workers;
	bool stopping;
	int status;
};

static pb_time monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return PB_SEC(t.tv_sec) + t.tv_nsec;
}

static sigset_t supervised_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	return set;
}

/* In the child: be a worker. It stops when the supervisor is gone, since nobody would stop it otherwise. */
static void work(struct supervisor *s, unsigned i, pid_t parent)
{
	sigset_t set = supervised_signals();

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	sigdelset(&set, SIGTERM); /* stays blocked until the worker listens for it: none may be lost */
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	int status = s->fn(s->server, s->log, i);
	log_flush(s->log);
	_exit(status);
}

static bool start(struct supervisor *s, unsigned i)
{
	pid_t parent = getpid();

	log_flush(s->log);
	pid_t pid = fork();
	if (pid == 0)
		work(s, i, parent);
	if (pid < 0) {
		log_say(s->log, "cannot start worker %u: %s", i, strerror(errno));
		return false;
	}
	s->workers[i] = (struct worker){ pid, monotonic() };
	return true;
}

static void stop_all(struct supervisor *s)
{
	s->stopping = true;
	server_stop_listening(s->server);
	for (unsigned i = 0; i < s->count; i++)
		if (s->workers[i].pid)
			kill(s->workers[i].pid, SIGTERM);
}

static void log_death(struct supervisor *s, unsigned i, pid_t pid, int status)
{
	const char *then = s->stopping ? "" : "; starting another";

	if (WIFSIGNALED(status))
		log_say(s->log, "worker %u (pid %d) was killed by signal %d (%s)%s", i, (int)pid,
			WTERMSIG(status), strsignal(WTERMSIG(status)), then);
	else if (!s->stopping || WEXITSTATUS(status))
		log_say(s->log, "worker %u (pid %d) ended with status %d%s", i, (int)pid, WEXITSTATUS(status),
			then);
	if (s->stopping && status)
		s->status = EXIT_FAILURE;
}

static void reap(struct supervisor *s)
{
	int status;

	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
		for (unsigned i = 0; i < s->count; i++) {
			if (s->workers[i].pid != pid)
				continue;
			s->workers[i].pid = 0;
			log_death(s, i, pid, status);
		}
	}
}

/* Start those that are not running and whose pause is over. Returns how long until the next one's is. */
static pb_time restart(struct supervisor *s)
{
	pb_time now = monotonic(), wait = PB_NEVER;

	for (unsigned i = 0; i < s->count && !s->stopping; i++) {
		struct worker *w = &s->workers[i];
		if (w->pid)
			continue;
		pb_time due = w->started ? w->started + RESTART_PAUSE : now;
		if (due <= now && start(s, i))
			continue;
		if (due <= now)
			due = (w->started = now) + RESTART_PAUSE;
		wait = due - now < wait ? due - now : wait;
	}
	return wait;
}

static bool any_running(const struct supervisor *s)
{
	for (unsigned i = 0; i < s->count; i++)
		if (s->workers[i].pid)
			return true;
	return false;
}

static void supervise(struct supervisor *s)
{
	sigset_t set = supervised_signals();

	while (!s->stopping || any_running(s)) {
		pb_time wait = restart(s);
		struct timespec t = { .tv_sec = wait / PB_SEC(1), .tv_nsec = wait % PB_SEC(1) };
		int sig = wait == PB_NEVER ? sigwaitinfo(&set, NULL) : sigtimedwait(&set, NULL, &t);
		if (sig == SIGTERM || sig == SIGINT)
			stop_all(s);
		reap(s);
	}
}

int workers_run(unsigned count, struct server *server, struct log *log, worker_fn *fn)
{
	struct supervisor s = { .count = count, .server = server, .log = log, .fn = fn };
	sigset_t set = supervised_signals();

	s.workers = calloc(count, sizeof *s.workers);
	if (!s.workers) {
		log_say(log, "out of memory");
		return EXIT_FAILURE;
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
	supervise(&s);
	free(s.workers);
	return s.status;
}
