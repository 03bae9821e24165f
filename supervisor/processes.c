/* processes.c: the table of our processes. */
#include <sys/wait.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "processes.h"
#include "proto/log.h"
#include "strays.h"

/* A zombie is a child like any other until it is waited for. */
void
processes_reap(struct processes *ps)
{
	struct process *p;
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		LIST_FOREACH (p, &ps->list, link) {
			if (p->pid == pid && !p->reaped)
				break;
		}
		if (p != NULL)
			process_reaped(p, status);
		else
			strays_forget(ps->strays, pid);
	}
}

static void
processes_on_sigchld(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	processes_reap(arg);
}

static bool
processes_knows(void *arg, pid_t pid)
{
	struct processes *ps = arg;
	struct process *p;

	LIST_FOREACH (p, &ps->list, link) {
		if (p->pid == pid && !p->reaped)
			return true;
	}
	return false;
}

int
processes_kill_strays(struct processes *ps)
{
	return strays_kill(ps->strays, processes_knows, ps);
}

void
processes_tick(struct processes *ps)
{
	struct process *p;

	LIST_FOREACH (p, &ps->list, link)
		process_ping(p);
}

static void
processes_on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	processes_tick(arg);
}

/* Without a receiver of its own: our log. */
static void
record_plainly(
    void *arg, enum role role, enum log_level level, const char *text)
{
	(void)arg;
	(void)role;
	log_record(level, text);
}

/* What is needed from the start on; its loop is there. */
static int
open_all(struct processes *ps, char **error)
{
	static const struct timeval second = { WATCH_TICK_MS / 1000,
		WATCH_TICK_MS % 1000 * 1000 };

	if ((ps->null = open("/dev/null", O_RDWR | O_CLOEXEC)) == -1)
		return -1;
	if (processes_find(ps, PROGRAM_FRONT, error) == -1 ||
	    processes_find(ps, PROGRAM_WORKER, error) == -1 ||
	    processes_find(ps, PROGRAM_REAPER, error) == -1)
		return -1;
	/* Who gave up root shall not read or write root's terminal. */
	ps->errors = geteuid() == 0 && isatty(STDERR_FILENO) == 1
	    ? ps->null
	    : STDERR_FILENO;
	if ((ps->strays = strays_new()) == NULL)
		return -1;
	ps->sigchld = evsignal_new(
	    loop_base(ps->loop), SIGCHLD, processes_on_sigchld, ps);
	/* Late ticks are not made up for: libevent counts on from now. */
	ps->tick = event_new(
	    loop_base(ps->loop), -1, EV_PERSIST, processes_on_tick, ps);
	if (ps->sigchld == NULL || event_add(ps->sigchld, NULL) == -1 ||
	    ps->tick == NULL || event_add(ps->tick, &second) == -1)
		return -1;
	return 0;
}

struct processes *
processes_new(struct loop *loop, const char *bindir, char **error)
{
	struct processes *ps = calloc(1, sizeof(*ps));

	*error = NULL;
	if (ps == NULL)
		return NULL;
	LIST_INIT(&ps->list);
	ps->loop = loop;
	ps->files = spawn_raise_files();
	ps->null = -1;
	ps->level = -1;
	ps->record = record_plainly;
	ps->bindir = strdup(bindir);
	if (ps->bindir == NULL || open_all(ps, error) == -1)
		processes_free(&ps);
	return ps;
}

int
processes_find(struct processes *ps, enum program program, char **error)
{
	*error = NULL;
	if (ps->path[program] == NULL)
		ps->path[program] = spawn_find(ps->bindir, program, error);
	return ps->path[program] != NULL ? 0 : -1;
}

size_t
processes_count(const struct processes *ps)
{
	return ps->count;
}

void
processes_on_idle(struct processes *ps, void (*idle)(void *arg), void *arg)
{
	ps->idle = idle;
	ps->idle_arg = arg;
}

void
processes_on_record(struct processes *ps, process_recorder record, void *arg)
{
	ps->record = record;
	ps->record_arg = arg;
}

void
processes_set_level(struct processes *ps, enum log_level level)
{
	struct process *p;

	ps->level = (int)level;
	LIST_FOREACH (p, &ps->list, link)
		process_send_level(p);
}

/* At the very end, without the loop: nothing of ours shall outlive us. */
static void
processes_end_all(struct processes *ps)
{
	struct process *p;
	unsigned int empty = 0;

	LIST_FOREACH (p, &ps->list, link)
		process_kill(p, "the gateway ends");
	for (int i = 0; i < SWEEP_ROUNDS_MAX && empty < SWEEP_EMPTY_ROUNDS;
	     i++) {
		processes_reap(ps);
		empty =
		    strays_kill(ps->strays, NULL, NULL) == 0 ? empty + 1 : 0;
		(void)poll(NULL, 0, SWEEP_EVERY_MS);
	}
}

void
processes_free(struct processes **processes)
{
	struct processes *ps = *processes;
	struct process *p;

	if (ps == NULL)
		return;
	if (!LIST_EMPTY(&ps->list))
		processes_end_all(ps);
	while ((p = LIST_FIRST(&ps->list)) != NULL)
		process_free(&p);
	if (ps->sigchld != NULL)
		event_free(ps->sigchld);
	if (ps->tick != NULL)
		event_free(ps->tick);
	if (ps->null != -1)
		(void)close(ps->null);
	for (size_t i = 0; i < PROGRAM_COUNT; i++)
		free(ps->path[i]);
	free(ps->bindir);
	strays_free(&ps->strays);
	free(ps);
	*processes = NULL;
}
