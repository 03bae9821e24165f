/*
 * mcp-gateway-reaper: starts one job and ends everything that came from it.
 *
 * It is the job's child subreaper: whatever a process of the job leaves behind
 * becomes our child, in whatever session or group it is.  Killing all children
 * until there are none is therefore complete.  Where the job has a cgroup that
 * is killed as a whole, which is faster than anything that forks.
 */
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "confine.h"
#include "launch.h"
#include "obituary.h"
#include "proto/buf.h"
#include "proto/cgroup.h"
#include "proto/children.h"
#include "proto/clock.h"
#include "proto/json.h"
#include "proto/log.h"
#include "proto/role.h"
#include "spec.h"
#include "wire.h"

/* What a job leaves behind may end by itself, if it is about to. */
#define GRACE_MS 100
/* SIGKILL takes a few milliseconds; it is repeated for what appears meanwhile.
 */
#define KILL_EVERY_MS 20
/* What is still there then is not ours to kill: it took another user's id.  The
 * supervisor gets it when we exit. */
#define KILL_GIVE_UP_MS 4000
/* The supervisor's descriptors are closed one after the other when it dies: the
 * lock of its cgroup may outlive the channel for an instant. */
#define RECLAIM_TRIES   5
#define RECLAIM_WAIT_NS 10000000
/* No deadline of the supervisor's is longer. */
#define STOP_MAX_MS 600000

enum phase {
	PHASE_RUN,   /* until the job's main process ends */
	PHASE_WAIT,  /* STOP came: it may end by itself */
	PHASE_TERM,  /* it was sent SIGTERM */
	PHASE_GRACE, /* it ended: what it left behind may end by itself */
	PHASE_KILL,  /* everything is killed until nothing is left */
};

struct reaper {
	enum phase phase;
	uint64_t deadline; /* of the phase, 0: none */
	uint32_t term_ms;
	uint64_t give_up;
	pid_t job;
	bool main_ended;
	int status;         /* of the main process */
	bool orphaned;      /* the supervisor is gone, or wants us to be */
	const char *cgroup; /* the job's folder, borrowed, or NULL */
	struct buf in;
	int signals;
	int report;             /* of the launch, -1 when it is over */
	struct report launched; /* and what came of it */
	uint64_t memory;        /* its limit, or SPEC_UNLIMITED */
};

static void
enter(struct reaper *r, enum phase phase, uint64_t ms)
{
	r->phase = phase;
	r->deadline = ms != 0 ? mono_ms() + ms : 0;
}

static void
kill_everything(struct reaper *r)
{
	if (r->phase != PHASE_KILL)
		r->give_up = mono_ms() + KILL_GIVE_UP_MS;
	enter(r, PHASE_KILL, KILL_EVERY_MS);
	if (r->cgroup != NULL)
		(void)cgroup_kill(r->cgroup);
	/* Without /proc only the main process can be named. */
	if (children_kill(NULL, NULL) == -1 && !r->main_ended)
		(void)kill(-r->job, SIGKILL);
}

static void
terminate(struct reaper *r)
{
	enter(r, PHASE_TERM, r->term_ms);
	if (r->main_ended)
		return;
	if (kill(-r->job, SIGTERM) == -1)
		(void)kill(r->job, SIGTERM); /* it has no group yet */
	(void)kill(-r->job, SIGCONT);        /* a stopped one could not end */
}

/* What a phase does when its time is over. */
static void
on_deadline(struct reaper *r)
{
	switch (r->phase) {
	case PHASE_RUN:
		break;
	case PHASE_WAIT:
		terminate(r);
		break;
	case PHASE_TERM:
	case PHASE_GRACE:
	case PHASE_KILL:
		kill_everything(r);
		break;
	}
}

static bool
read_ms(struct json_span object, const char *key, uint32_t *ret)
{
	int64_t ms;

	if (json_integer(json_get(object, key), &ms) == -1 || ms < 0 ||
	    ms > STOP_MAX_MS)
		return false;
	*ret = (uint32_t)ms;
	return true;
}

static bool
on_stop(struct reaper *r, const char *json, size_t len)
{
	struct json_span object = { json, len };
	struct json_scan scan;
	uint32_t wait_ms, term_ms;

	if (json_scan(json, len, NULL, 0, NULL, &scan) == -1 ||
	    json_kind(object) != JSON_OBJECT ||
	    !read_ms(object, "wait_ms", &wait_ms) ||
	    !read_ms(object, "term_ms", &term_ms))
		return false;
	/* A second STOP may only hasten the end. */
	r->term_ms = term_ms;
	if (r->phase == PHASE_RUN || r->phase == PHASE_WAIT)
		enter(r, PHASE_WAIT, wait_ms);
	if (r->phase == PHASE_WAIT && wait_ms == 0)
		terminate(r);
	if (r->phase == PHASE_TERM && term_ms == 0)
		kill_everything(r);
	return true;
}

/* A folder is empty when the job could not be moved into it. */
static uint16_t
count_processes(const struct reaper *r)
{
	int count = r->cgroup != NULL ? cgroup_count(r->cgroup) : 0;

	if (count <= 0)
		count = children_count();
	if (count <= 0)
		return 0;
	return count < UINT16_MAX ? (uint16_t)count : UINT16_MAX;
}

/* False when the supervisor is gone. */
static bool
on_ping(const struct reaper *r)
{
	return wire_send(MSG_PONG, count_processes(r), "") == 0;
}

/* False when the supervisor broke the rules. */
static bool
on_frame(struct reaper *r, const struct frame *frame)
{
	if (frame->type == MSG_PING)
		return on_ping(r);
	if (frame->type == MSG_STOP)
		return on_stop(r, buf_data(&r->in), frame->length);
	return frame->type != MSG_SETUP; /* which comes once */
}

static bool
on_frames(struct reaper *r)
{
	struct frame frame;
	int result;

	while ((result = wire_next(&r->in, &frame)) == 1) {
		if (!on_frame(r, &frame))
			return false;
		buf_consume(&r->in, frame.length);
	}
	return result == 0;
}

static void
on_lost(struct reaper *r)
{
	r->orphaned = true;
	kill_everything(r);
}

static void
on_channel(struct reaper *r)
{
	if (wire_fill(&r->in) != 1 || !on_frames(r))
		on_lost(r);
}

/* True while there are children. */
static bool
reap(struct reaper *r)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != r->job || r->main_ended)
			continue;
		r->main_ended = true;
		r->status = status;
		if (r->phase != PHASE_KILL)
			enter(r, PHASE_GRACE, GRACE_MS);
	}
	return pid != -1 || errno != ECHILD;
}

static void
on_signal(struct reaper *r)
{
	struct signalfd_siginfo info;

	while (read(r->signals, &info, sizeof(info)) > 0)
		continue;
	if (r->phase == PHASE_KILL)
		kill_everything(r);
}

/* The job's pipes shall close with the job. */
static int
let_go_of_pipes(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd == -1)
		return -1;
	for (int i = 0; i < 3; i++) {
		if (dup2(fd, i) == -1)
			return -1;
	}
	return close(fd);
}

/* For the log; the supervisor adds whose reaper we are. */
static void __attribute__((format(printf, 1, 2))) tell(const char *format, ...)
{
	char text[LOG_STR_MAX + REPORT_TEXT_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	(void)wire_send(MSG_LOG, LOG_LEVEL_WARNING, text);
}

static void
on_launched(struct reaper *r)
{
	if (launch_news(&r->report, &r->launched)) {
		char text[LOG_STR_MAX];

		(void)log_escape(text, sizeof(text), r->launched.text,
		    strlen(r->launched.text));
		tell("%s", text);
		return;
	}
	if (let_go_of_pipes() == -1)
		kill_everything(r);
}

static int
wait_ms(const struct reaper *r)
{
	uint64_t now = mono_ms();

	if (r->deadline == 0)
		return -1;
	return r->deadline <= now ? 0 : (int)(r->deadline - now);
}

/* Until no process of the job is left; false when some cannot be killed. */
static bool
run(struct reaper *r)
{
	struct pollfd pfd[3] = {
		{ .fd = r->signals, .events = POLLIN },
		{ .fd = ROLE_CHANNEL_FD, .events = POLLIN },
		{ .fd = r->report, .events = POLLIN },
	};

	if (!on_frames(r)) /* those that came together with SETUP */
		on_lost(r);
	while (reap(r)) {
		if (r->phase == PHASE_KILL && mono_ms() >= r->give_up)
			return false;
		pfd[1].fd = r->orphaned ? -1 : ROLE_CHANNEL_FD;
		pfd[2].fd = r->report;
		if (poll(pfd, 3, wait_ms(r)) == -1) {
			if (errno != EINTR)
				exit(ROLE_EXIT_OSERR);
			continue;
		}
		if (pfd[0].revents != 0)
			on_signal(r);
		if (pfd[1].revents != 0)
			on_channel(r);
		if (pfd[2].revents != 0)
			on_launched(r);
		if (r->deadline != 0 && mono_ms() >= r->deadline)
			on_deadline(r);
	}
	return true;
}

/* Of a job whose folder is still there: -1, or what "no_memory" says. */
static int64_t
memory_it_lacked(const struct reaper *r)
{
	if (r->cgroup == NULL || cgroup_memory_kills(r->cgroup) <= 0)
		return -1;
	return r->memory > INT64_MAX ? 0 : (int64_t)r->memory;
}

/* The first frame is SETUP.  ROLE_EXIT_OK, or why there is none. */
static int
read_setup(struct reaper *r, struct spec *spec)
{
	struct pollfd pfd = { .fd = ROLE_CHANNEL_FD, .events = POLLIN };
	struct frame frame;
	int result;

	while ((result = wire_next(&r->in, &frame)) == 0 ||
	    (result == 1 && frame.type == MSG_PING)) {
		if (result == 1) {
			if (!on_ping(r))
				return ROLE_EXIT_PARENT_GONE;
			continue;
		}
		if (poll(&pfd, 1, -1) == -1 && errno != EINTR)
			return ROLE_EXIT_OSERR;
		if (wire_fill(&r->in) != 1)
			return ROLE_EXIT_PARENT_GONE;
	}
	if (result == -1 || frame.type != MSG_SETUP ||
	    spec_parse(spec, buf_data(&r->in), frame.length) == -1)
		return ROLE_EXIT_PROTOCOL;
	explicit_bzero(buf_data(&r->in), frame.length); /* there are secrets */
	buf_consume(&r->in, frame.length);
	return ROLE_EXIT_OK;
}

static int
begin(struct reaper *r)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == -1 ||
	    (r->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) ==
		-1 ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L) == -1)
		return -1;
	return 0;
}

/*
 * A gateway that died shall leave no folder, and no job of a reaper that died
 * with it.  As long as it lives its folder is locked.
 */
static void
reclaim_gateway(const char *cgroup)
{
	const struct timespec wait = { .tv_nsec = RECLAIM_WAIT_NS };
	char *folder = strdup(cgroup), *slash;

	if (folder == NULL)
		return;
	if ((slash = strrchr(folder, '/')) != NULL)
		*slash = '\0';
	for (int i = 0; i < RECLAIM_TRIES; i++) {
		if (cgroup_reclaim(folder) == 0 || errno != EWOULDBLOCK)
			break;
		(void)nanosleep(&wait, NULL);
	}
	free(folder);
}

/* Everything of the job is gone, or we give up on it.  An enum role_exit. */
static int
finish(struct reaper *r, const struct spec *spec, bool all_gone)
{
	int64_t no_memory = memory_it_lacked(r);

	while (all_gone && r->report != -1) /* before we could read that */
		on_launched(r);
	if (r->cgroup != NULL)
		(void)cgroup_remove(r->cgroup);
	if (r->cgroup != NULL && r->orphaned)
		reclaim_gateway(r->cgroup);
	if (!all_gone)
		return ROLE_EXIT_OSERR; /* the supervisor sweeps after us */
	if (r->orphaned)
		return ROLE_EXIT_PARENT_GONE;
	if (r->launched.step == REPORT_NOTE)
		return obituary_of_end(r->status, no_memory);
	return obituary_of_launch(spec, &r->launched);
}

/* From the first process of the job to the last.  An enum role_exit. */
static int
serve(struct reaper *r, struct spec *spec)
{
	r->job = launch(spec, &r->report);
	if (r->job == -1) {
		r->launched =
		    (struct report){ .step = REPORT_FORK, .error = errno };
		return obituary_of_launch(spec, &r->launched);
	}
	spec_forget_environment(spec);
	if (confine_reaper(r->cgroup) == -1) {
		kill_everything(r);
		r->launched = (struct report){ .step = REPORT_PRIVILEGES,
			.error = errno };
	}
	return finish(r, spec, run(r));
}

/* Those that the supervisor asks for can be kept, as far as it knows. */
static void
limit(const struct spec *spec)
{
	const struct {
		const char *name;
		uint64_t value;
	} limits[CGROUP_LIMITS] = {
		[CGROUP_MEMORY] = { "memory", spec->limits.memory },
		[CGROUP_PROCESSES] = { "processes", spec->limits.processes },
		[CGROUP_CPU] = { "cpu_percent", spec->limits.cpu_percent },
	};

	for (unsigned int i = 0; i < CGROUP_LIMITS; i++) {
		if (limits[i].value == SPEC_UNLIMITED)
			continue;
		if (spec->cgroup == NULL)
			errno = ENOENT;
		else if (cgroup_set_limit(spec->cgroup, i, limits[i].value) ==
		    0)
			continue;
		tell("its limit \"%s\" is not kept: its cgroup: %s",
		    limits[i].name, strerror(errno));
	}
}

/* Read what to do, and do it.  An enum role_exit. */
static int
work(struct reaper *r, struct spec *spec)
{
	int status;

	if ((status = read_setup(r, spec)) != ROLE_EXIT_OK)
		return status;
	role_title(spec->name);
	if (spec->cgroup != NULL && cgroup_make(spec->cgroup) == -1) {
		free(spec->cgroup); /* it goes without */
		spec->cgroup = NULL;
	}
	limit(spec);
	r->cgroup = spec->cgroup;
	r->memory = spec->limits.memory;
	return serve(r, spec);
}

int
main(int argc, char **argv)
{
	struct reaper r = { .phase = PHASE_RUN, .report = -1 };
	struct spec spec = { .name = NULL };
	int status;

	role_begin_reaper(argc, argv);
	role_title(NULL);
	if (begin(&r) == -1 ||
	    wire_send(MSG_HELLO, 0,
		"{\"role\":\"reaper\",\"version\":\"" MCPGW_VERSION
		"\"}") == -1)
		return ROLE_EXIT_OSERR;
	status = work(&r, &spec);
	spec_free(&spec);
	buf_free(&r.in);
	return status;
}
