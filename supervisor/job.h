/* job.h: the process tree of one backend, kept by a reaper of its own. */
#ifndef SUPERVISOR_JOB_H
#define SUPERVISOR_JOB_H

#include <stdbool.h>

#include "process.h"
#include "setup.h"

struct job;

/* Our ends of the job's pipes, for its worker. */
struct job_pipes {
	int input; /* write end of its stdin; -1 without one */
	int output;
	int error;
};

struct job_handlers {
	/* The job ended, or could not be started; everything of it is gone. */
	void (*ended)(void *arg, const struct setup_job_end *end);
	/* The reaper is gone; called once, after ended() or instead of it with
	 * a text that says why.  The struct job is freed when this returns. */
	void (*gone)(void *arg, const char *why);
};

/* What a job is started with; all of it is borrowed for the call, but cgroup
 * for as long as the job. */
struct job_spec {
	const char *subject; /* "reaper NAME" */
	const char *setup;   /* see setup_reaper() */
	int pipe_size;       /* asked of the kernel for stdin and stdout */
	bool no_input;       /* its stdin is /dev/null */
	const char *cgroup;  /* its folder, as setup says, or NULL */
};

/*
 * Start a reaper and send it its setup.  NULL with errno, else *pipes are the
 * caller's, non-blocking and close-on-exec.
 */
struct job *job_start(struct processes *processes, const struct job_spec *spec,
    struct job_pipes *pipes, const struct job_handlers *handlers, void *arg);

/* How many processes it has, as its reaper said within the last second or so;
 * 0 when that is not known yet. */
unsigned int job_processes(const struct job *job);

/* The number of its reaper. */
pid_t job_reaper(const struct job *job);

/* End it: wait for it to end by itself, then SIGTERM, wait, then SIGKILL.  A
 * second call may only hasten that: with 0 and 0 everything is killed. */
void job_stop(struct job *job, unsigned int wait_ms, unsigned int term_ms);

/* Kill the reaper itself, which did not do its work; its job falls to us. */
void job_kill_reaper(struct job *job, const char *why);

/* After processes_free(), which tells nobody that the reaper is gone. */
void job_free(struct job **job);

/* Close those that are open; they become -1. */
void job_pipes_close(struct job_pipes *pipes);

#endif
