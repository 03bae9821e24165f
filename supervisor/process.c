/* process.c: the gateway's own processes. */
#include <sys/socket.h>
#include <sys/wait.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "processes.h"
#include "proto/clock.h"
#include "proto/log.h"
#include "proto/role.h"
#include "setup.h"
#include "subject.h"

/* Something else may hold the far end of a dead process' channel for an instant
 * (a child between fork and exec); then we stop waiting for end of file. */
#define CLOSED_WAIT_MS 1000

/* The PING that was just sent, and one more on a busy machine. */
#define ALIVE_MISSED_MAX 2

/* The front may be busy while several POLICYs are sent to it. */
#define FRONT_QUEUE_MAX ((size_t)4 * MSG_POLICY_MAX)

void
process_kill(struct process *p, const char *why)
{
	assert(p->pid > 1); /* kill(2) takes others for many processes */
	if (p->killed == NULL)
		p->killed = why;
	if (!p->reaped)
		(void)kill(p->pid, SIGKILL);
}

/* Reaped and silent: nothing more can come. */
static void
process_check_finished(struct process *p)
{
	if (!p->reaped)
		return;
	if (p->chan == NULL)
		deferred_queue(p->table->loop, &p->finish);
	else
		loop_arm(p->timer, CLOSED_WAIT_MS);
}

void
process_reaped(struct process *p, int status)
{
	p->reaped = true;
	p->status = status;
	process_check_finished(p);
}

void
process_close(struct process *p)
{
	if (p->chan != NULL)
		chan_flush(p->chan);
	chan_free(&p->chan);
	(void)event_del(p->timer);
	process_check_finished(p);
}

static void
process_on_closed(void *arg, const char *why)
{
	struct process *p = arg;

	/* Its exit status is settled before its descriptors are closed, so that
	 * this changes nothing for one that is just ending. */
	if (!p->reaped && strcmp(why, "closed") != 0)
		log_error("%s: %s; killed", p->subject, why);
	process_kill(p,
	    strcmp(why, "closed") == 0 ? p->killed : "broke the frame rules");
	process_close(p);
}

static void
process_on_hello(struct process *p, const char *payload, size_t len)
{
	const struct frame ping = { .type = MSG_PING };
	const char *problem =
	    setup_check_hello(payload, len, p->role, MCPGW_VERSION);

	if (p->hello || problem != NULL) {
		log_error("%s: %s; killed", p->subject,
		    problem != NULL ? problem : "says HELLO twice");
		process_kill(p, problem != NULL ? problem : "said HELLO twice");
		return;
	}
	p->hello = true;
	p->watch.missed = 0;
	if (p->handlers->hello != NULL)
		p->handlers->hello(p->arg);
	if (p->handlers->alive != NULL) /* who waits for it waits now */
		process_send(p, &ping, NULL);
}

static void
process_record(
    struct process *p, unsigned int level, const char *text, size_t len)
{
	char line[MSG_LOG_MAX + 512];

	p->table->record(p->table->record_arg, p->role, (enum log_level)level,
	    subject_record(line, sizeof(line), p->subject, p->role, text, len));
}

/* Say what was dropped before. */
static void
process_report_dropped(struct process *p)
{
	if (p->dropped == 0)
		return;
	log_warning("%s: %lu records dropped: it says too much", p->subject,
	    p->dropped);
	p->dropped = 0;
}

static void
process_on_log(
    struct process *p, unsigned int level, const char *text, size_t len)
{
	if (!budget_spend(&p->budget, len, mono_ms())) {
		p->dropped++;
		return;
	}
	process_report_dropped(p);
	process_record(p, level, text, len);
}

static void
process_on_pong(struct process *p, unsigned int flags)
{
	p->pong = flags;
	if (p->hello && watch_pong(&p->watch, mono_ms())) {
		if (!p->alive && p->handlers->alive != NULL)
			p->handlers->alive(p->arg);
		p->alive = true;
		return;
	}
	log_error("%s: %s; killed", p->subject,
	    p->hello ? "sends PONG without end" : "sent PONG before HELLO");
	process_kill(p, "broke the frame rules");
}

static void
process_on_frame(
    void *arg, const struct frame *frame, const char *payload, int *fd)
{
	struct process *p = arg;
	bool good = true;

	(void)fd; /* no child sends us one; chan closes it */
	if (p->killed != NULL)
		return;
	if (frame->type == MSG_HELLO) {
		process_on_hello(p, payload, frame->length);
		return;
	}
	/* LOG and OBITUARY may come first: a child that cannot even start
	 * shall be able to say why. */
	if (frame->type == MSG_LOG) {
		process_on_log(p, frame->flags, payload, frame->length);
		return;
	}
	if (frame->type == MSG_PONG) {
		process_on_pong(p, frame->flags);
		return;
	}
	if (frame->type == MSG_OBITUARY) {
		good = !p->obituary;
		p->obituary = true;
	} else {
		/* Each of them may become a record of ours, however many
		 * records of its own it has sent. */
		good = p->hello && budget_spend(&p->frames, 0, mono_ms());
	}
	if (good && p->handlers->frame(p->arg, frame, payload))
		return;
	log_error("%s: sent %s at a wrong time or with a wrong content; killed",
	    p->subject, msg_name(frame->type));
	process_kill(p, "broke the frame rules");
}

static const struct chan_handlers channel_handlers = {
	.frame = process_on_frame,
	.closed = process_on_closed,
};

static void
process_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct process *p = arg;

	(void)fd;
	(void)what;
	if (p->chan != NULL)
		process_close(p);
	else
		deferred_queue(p->table->loop, &p->finish);
}

/*
 * A reaper that was killed leaves its job to us, and so would a worker in a
 * stranger's hands that forked.  True when nothing of it is left, or nothing
 * more can be done.
 */
static bool
process_swept(struct process *p)
{
	int left;

	if (p->handlers->lost != NULL)
		p->handlers->lost(p->arg);
	processes_reap(p->table);
	left = processes_kill_strays(p->table);
	if (left == 0)
		p->empty_rounds++;
	else
		p->empty_rounds = 0;
	if (left != -1 && p->empty_rounds < SWEEP_EMPTY_ROUNDS &&
	    ++p->rounds < SWEEP_ROUNDS_MAX) {
		loop_arm(p->timer, SWEEP_EVERY_MS);
		return false;
	}
	if (left == -1)
		log_error("%s: what it left behind cannot be found: /proc: %s",
		    p->subject, strerror(errno));
	else if (left > 0)
		log_error("%s: left %d processes behind that cannot be killed",
		    p->subject, left);
	return true;
}

void
process_free(struct process **process)
{
	struct process *p = *process;

	LIST_REMOVE(p, link);
	if (--p->table->count == 0 && p->table->idle != NULL)
		p->table->idle(p->table->idle_arg);
	deferred_cancel(&p->finish);
	chan_free(&p->chan);
	if (p->timer != NULL)
		event_free(p->timer);
	free(p->subject);
	free(p);
	*process = NULL;
}

/* At the end of a turn: the last thing that happens to a process. */
static void
process_finish(void *arg)
{
	struct process *p = arg;
	struct process_end end = {
		.status = p->status,
		.said_obituary = p->obituary,
		.killed = p->killed,
	};

	/* A reaper says what became of its job when nothing is left of it. */
	if (!(p->role == ROLE_REAPER && p->obituary) && !process_swept(p))
		return;
	process_report_dropped(p);
	p->handlers->gone(p->arg, &end);
	process_free(&p);
}

static struct process *
process_new(struct processes *ps, enum role role, const char *subject,
    const struct process_handlers *handlers, void *arg)
{
	struct process *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->table = ps;
	p->role = role;
	p->handlers = handlers;
	p->arg = arg;
	p->pid = -1;
	deferred_init(&p->finish, process_finish, p);
	LIST_INSERT_HEAD(&ps->list, p, link);
	ps->count++;
	p->subject = strdup(subject);
	p->timer = event_new(loop_base(ps->loop), -1, 0, process_on_timer, p);
	if (p->subject == NULL || p->timer == NULL) {
		process_free(&p);
		errno = ENOMEM;
		return NULL;
	}
	return p;
}

/* Both ends of a new channel: ours in p->chan, the other in *theirs. */
static int
process_open_channel(struct process *p, int *theirs)
{
	int sv[2], saved;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == -1)
		return -1;
	*theirs = sv[1];
	/* Each end has a state of its own: the child makes its end as it needs
	 * it. */
	if (fcntl(sv[0], F_SETFL, O_NONBLOCK) != -1)
		p->chan = chan_new(p->table->loop, &sv[0], ROLE_SUPERVISOR,
		    p->role, &channel_handlers, p);
	if (p->chan != NULL)
		return 0;
	saved = errno;
	(void)close(sv[0]);
	errno = saved;
	return -1;
}

struct process *
process_start(struct processes *ps, enum program program, const char *subject,
    const int *stdio, const struct process_handlers *handlers, void *arg)
{
	const int ours[3] = { ps->null, ps->null, ps->errors };
	struct process *p;
	int theirs = -1, error;

	assert(ps->path[program] != NULL);
	p = process_new(ps, spawn_role(program), subject, handlers, arg);

	if (p == NULL)
		return NULL;
	if (process_open_channel(p, &theirs) == -1)
		error = errno;
	else
		error = spawn(&p->pid, ps->path[program],
		    stdio != NULL ? stdio : ours, theirs);
	if (theirs != -1)
		(void)close(theirs);
	if (error != 0) {
		process_free(&p);
		errno = error;
		return NULL;
	}
	/* The front has a descriptor for each client.  Programs of others may
	 * still use select(2), so that only the front gets all there are. */
	if (program == PROGRAM_FRONT)
		chan_set_queue_max(p->chan, FRONT_QUEUE_MAX);
	else
		spawn_limit_files(p->pid, ps->files);
	return p;
}

/* What could not be sent: a dead process is no news, a deaf one is killed. */
static void
process_send_failed(struct process *p, const struct frame *frame)
{
	if (errno == EPIPE)
		return;
	log_error("%s: cannot send %s: %s; killed", p->subject,
	    msg_name(frame->type), strerror(errno));
	process_kill(p, "did not read what it was told");
}

static void
process_send_frame(
    struct process *p, const struct frame *head, const char *json)
{
	struct frame frame = *head;

	if (p->chan == NULL)
		return;
	frame.length = json != NULL ? (uint32_t)strlen(json) : 0;
	if (chan_send(p->chan, &frame, json) == -1)
		process_send_failed(p, &frame);
	else
		chan_flush(p->chan);
}

void
process_send_level(struct process *p)
{
	struct frame frame = { .type = MSG_LOGLEVEL };

	if (p->table->level == -1)
		return;
	frame.flags = (uint16_t)p->table->level;
	process_send_frame(p, &frame, NULL);
}

void
process_send(struct process *p, const struct frame *frame, const char *json)
{
	process_send_frame(p, frame, json);
	if (frame->type == MSG_SETUP)
		process_send_level(p); /* SETUP may be older than that */
}

void
process_send_fd(
    struct process *p, const struct frame *head, const char *json, int *fd)
{
	struct frame frame = *head;

	frame.length = json != NULL ? (uint32_t)strlen(json) : 0;
	if (p->chan != NULL) {
		if (chan_send_fd(p->chan, &frame, json, fd) == -1)
			process_send_failed(p, &frame);
		else
			chan_flush(p->chan);
	}
	if (*fd != -1)
		(void)close(*fd);
	*fd = -1;
}

void
process_ping(struct process *p)
{
	const struct frame ping = { .type = MSG_PING };

	if (p->reaped || p->killed != NULL || p->chan == NULL)
		return;
	if (watch_tick(&p->watch)) {
		if (p->hello)
			process_send(p, &ping, NULL);
		return;
	}
	log_error("%s: %s %d s; killed", p->subject,
	    p->hello ? "did not answer for" : "no HELLO within",
	    WATCH_MISSED_MAX * WATCH_TICK_MS / 1000);
	process_kill(p,
	    p->hello ? "did not answer for 5 s" : "did not say HELLO in time");
}

bool
process_is_alive(const struct process *p)
{
	return p->hello && !p->reaped && p->killed == NULL &&
	    p->watch.missed <= ALIVE_MISSED_MAX;
}

pid_t
process_pid(const struct process *p)
{
	return p->pid;
}

unsigned int
process_pong(const struct process *p)
{
	return p->pong;
}

const char *
process_end_text(const struct process_end *end, char *dst, size_t size)
{
	if (end->killed != NULL)
		(void)snprintf(dst, size, "%s", end->killed);
	else if (WIFSIGNALED(end->status))
		(void)snprintf(dst, size, "was killed by signal %d (%s)",
		    WTERMSIG(end->status), strsignal(WTERMSIG(end->status)));
	else
		(void)snprintf(dst, size, "exited with status %d",
		    WEXITSTATUS(end->status));
	return dst;
}
