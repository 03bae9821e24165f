/* job.c: the process tree of one backend. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "job.h"
#include "proto/cgroup.h"
#include "proto/log.h"

struct job {
	struct process *reaper;
	const char *cgroup;
	const struct job_handlers *handlers;
	void *arg;
};

static void
close_fd(int *fd)
{
	if (*fd != -1)
		(void)close(*fd);
	*fd = -1;
}

void
job_pipes_close(struct job_pipes *pipes)
{
	close_fd(&pipes->input);
	close_fd(&pipes->output);
	close_fd(&pipes->error);
}

static bool
job_on_frame(void *arg, const struct frame *frame, const char *payload)
{
	struct job *job = arg;
	struct setup_job_end end;

	if (frame->type != MSG_OBITUARY ||
	    setup_parse_job_end(&end, payload, frame->length) == -1)
		return false;
	job->handlers->ended(job->arg, &end);
	return true;
}

/* What forks faster than it is swept up is killed as a whole. */
static void
job_on_lost(void *arg)
{
	const struct job *job = arg;

	if (job->cgroup != NULL)
		(void)cgroup_kill(job->cgroup);
}

static void
job_on_gone(void *arg, const struct process_end *end)
{
	struct job *job = arg;
	char why[LOG_STR_MAX];

	job->handlers->gone(job->arg, process_end_text(end, why, sizeof(why)));
	free(job);
}

static const struct process_handlers reaper_handlers = {
	.frame = job_on_frame,
	.lost = job_on_lost,
	.gone = job_on_gone,
};

/* One pipe of the job, of which theirs is one end: the one to read from or the
 * other. */
static int
make_pipe(int *theirs, int *ours, bool they_read)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) == -1)
		return -1;
	*theirs = fds[they_read ? 0 : 1];
	*ours = fds[they_read ? 1 : 0];
	return fcntl(*ours, F_SETFL, O_NONBLOCK);
}

/* theirs[i] becomes the job's descriptor i; ours do not block. */
static int
make_pipes(int theirs[3], struct job_pipes *ours, const struct job_spec *spec)
{
	if (spec->no_input)
		theirs[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	else if (make_pipe(&theirs[0], &ours->input, true) == 0)
		(void)fcntl(ours->input, F_SETPIPE_SZ, spec->pipe_size);
	else
		return -1;
	if (theirs[0] == -1 ||
	    make_pipe(&theirs[1], &ours->output, false) == -1 ||
	    make_pipe(&theirs[2], &ours->error, false) == -1)
		return -1;
	(void)fcntl(ours->output, F_SETPIPE_SZ, spec->pipe_size);
	return 0;
}

struct job *
job_start(struct processes *processes, const struct job_spec *spec,
    struct job_pipes *pipes, const struct job_handlers *handlers, void *arg)
{
	struct frame frame = { .type = MSG_SETUP };
	struct job *job = calloc(1, sizeof(*job));
	struct job_pipes ours = { -1, -1, -1 };
	int theirs[3] = { -1, -1, -1 };
	int saved;

	if (job == NULL)
		return NULL;
	job->cgroup = spec->cgroup;
	job->handlers = handlers;
	job->arg = arg;
	if (make_pipes(theirs, &ours, spec) == 0)
		job->reaper = process_start(processes, PROGRAM_REAPER,
		    spec->subject, theirs, &reaper_handlers, job);
	saved = errno;
	for (int i = 0; i < 3; i++)
		close_fd(&theirs[i]);
	if (job->reaper == NULL) {
		job_pipes_close(&ours);
		free(job);
		errno = saved;
		return NULL;
	}
	process_send(job->reaper, &frame, spec->setup);
	*pipes = ours;
	return job;
}

unsigned int
job_processes(const struct job *job)
{
	return process_pong(job->reaper);
}

pid_t
job_reaper(const struct job *job)
{
	return process_pid(job->reaper);
}

void
job_stop(struct job *job, unsigned int wait_ms, unsigned int term_ms)
{
	struct frame frame = { .type = MSG_STOP };
	char *json = setup_stop(wait_ms, term_ms);

	if (json == NULL)
		job_kill_reaper(job, "could not be told: out of memory");
	else
		process_send(job->reaper, &frame, json);
	free(json);
}

void
job_kill_reaper(struct job *job, const char *why)
{
	process_kill(job->reaper, why);
}

void
job_free(struct job **job)
{
	free(*job);
	*job = NULL;
}
