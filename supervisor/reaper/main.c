/*
 * mcp-gateway-reaper: starts one job and ends everything that came from it.
 *
 * It is the job's child subreaper: whatever a process of the job leaves behind
 * becomes our child, in whatever session or group it is.  Killing all children
 * until there are none is therefore complete.
 */
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launch.h"
#include "proto/buf.h"
#include "proto/children.h"
#include "proto/clock.h"
#include "proto/json.h"
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
	int status;    /* of the main process */
	bool orphaned; /* the supervisor is gone */
	struct buf in;
	int signals;
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
	(void)kill(-r->job, SIGTERM);
	(void)kill(-r->job, SIGCONT); /* a stopped one could not end */
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

/* False when the supervisor broke the rules. */
static bool
on_frames(struct reaper *r)
{
	struct frame frame;
	int result;

	while ((result = wire_next(&r->in, &frame)) == 1) {
		if (frame.type == MSG_SETUP ||
		    (frame.type == MSG_STOP &&
			!on_stop(r, buf_data(&r->in), frame.length)))
			return false;
		buf_consume(&r->in, frame.length);
	}
	return result == 0;
}

static void
on_channel(struct reaper *r)
{
	if (wire_fill(&r->in) == 1 && on_frames(r))
		return;
	r->orphaned = true;
	kill_everything(r);
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
	struct pollfd pfd[2] = {
		{ .fd = r->signals, .events = POLLIN },
		{ .fd = ROLE_CHANNEL_FD, .events = POLLIN },
	};

	while (reap(r)) {
		if (r->phase == PHASE_KILL && mono_ms() >= r->give_up)
			return false;
		pfd[1].fd = r->orphaned ? -1 : ROLE_CHANNEL_FD;
		if (poll(pfd, 2, wait_ms(r)) == -1 && errno != EINTR)
			exit(ROLE_EXIT_OSERR);
		if (pfd[0].revents != 0)
			on_signal(r);
		if (pfd[1].revents != 0)
			on_channel(r);
		if (r->deadline != 0 && mono_ms() >= r->deadline)
			on_deadline(r);
	}
	return true;
}

static int
report_end(const struct reaper *r)
{
	char json[64];

	if (r->orphaned)
		return ROLE_EXIT_PARENT_GONE;
	if (WIFSIGNALED(r->status))
		(void)snprintf(
		    json, sizeof(json), "{\"signal\":%d}", WTERMSIG(r->status));
	else
		(void)snprintf(json, sizeof(json), "{\"exit\":%d}",
		    WEXITSTATUS(r->status));
	return wire_send(MSG_OBITUARY, json) == 0 ? ROLE_EXIT_OK
						  : ROLE_EXIT_PARENT_GONE;
}

/* The command is a user's text: it must be quoted before it is JSON. */
static int
report_launch(const struct spec *spec, const char *what, int error)
{
	struct buf json = { .mem = NULL };
	char text[512];
	int n;

	n = snprintf(text, sizeof(text), "%s %s", what,
	    strcmp(what, "chdir") == 0                ? spec->cwd
		: strcmp(what, "change to user") == 0 ? spec->user
						      : spec->argv[0]);
	if (n >= (int)sizeof(text))
		n = sizeof(text) - 1;
	if (buf_add_format(&json, "{\"spawn_errno\":%d,\"what\":", error) ==
		-1 ||
	    json_add_string(&json, text, (size_t)n) == -1 ||
	    buf_add(&json, "}", sizeof("}")) == -1) {
		buf_free(&json);
		return ROLE_EXIT_MEMORY;
	}
	(void)wire_send(MSG_OBITUARY, buf_data(&json));
	buf_free(&json);
	return ROLE_EXIT_OK;
}

/* The first frame is SETUP.  ROLE_EXIT_OK, or why there is none. */
static int
read_setup(struct reaper *r, struct spec *spec)
{
	struct pollfd pfd = { .fd = ROLE_CHANNEL_FD, .events = POLLIN };
	struct frame frame;
	int result;

	while ((result = wire_next(&r->in, &frame)) == 0) {
		if (poll(&pfd, 1, -1) == -1 && errno != EINTR)
			return ROLE_EXIT_OSERR;
		if (wire_fill(&r->in) != 1)
			return ROLE_EXIT_PARENT_GONE;
	}
	if (result == -1 || frame.type != MSG_SETUP ||
	    spec_parse(spec, buf_data(&r->in), frame.length) == -1)
		return ROLE_EXIT_PROTOCOL;
	buf_consume(&r->in, frame.length);
	return ROLE_EXIT_OK;
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

/* From SETUP to the last process of the job.  An enum role_exit. */
static int
serve(struct reaper *r, struct spec *spec)
{
	const char *what;
	int status;

	if ((status = read_setup(r, spec)) != ROLE_EXIT_OK)
		return status;
	role_title(spec->name);
	r->job = launch(spec, &what);
	if (r->job == -1)
		return report_launch(spec, what, errno);
	if (let_go_of_pipes() == -1)
		kill_everything(r);
	if (!run(r))
		return ROLE_EXIT_OSERR; /* the supervisor sweeps after us */
	return report_end(r);
}

int
main(int argc, char **argv)
{
	struct reaper r = { .phase = PHASE_RUN };
	struct spec spec = { .name = NULL };
	int status;

	role_begin(argc, argv);
	role_title(NULL);
	if (begin(&r) == -1 ||
	    wire_send(MSG_HELLO,
		"{\"role\":\"reaper\",\"version\":\"" MCPGW_VERSION
		"\"}") == -1)
		return ROLE_EXIT_OSERR;
	status = serve(&r, &spec);
	spec_free(&spec);
	buf_free(&r.in);
	return status;
}
