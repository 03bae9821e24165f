/*
 * process.h: the gateway's own processes: started from their binaries, spoken
 * to over a channel, and reaped.
 */
#ifndef SUPERVISOR_PROCESS_H
#define SUPERVISOR_PROCESS_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/frame.h"
#include "proto/log.h"
#include "proto/loop.h"
#include "proto/msg.h"
#include "spawn.h"

struct processes;
struct process;

/* How a process ended. */
struct process_end {
	int status;         /* of waitpid(2) */
	bool said_obituary; /* it sent an OBITUARY */
	const char *killed; /* why the supervisor killed it, or NULL */
};

struct process_handlers {
	/* It said HELLO with our version.  May be NULL. */
	void (*hello)(void *arg);
	/* It answered for the first time, and has thus taken all that it was
	 * sent with its SETUP.  May be NULL. */
	void (*alive)(void *arg);
	/* A frame other than HELLO, LOG and PONG came; see chan.h.  False when
	 * it means nothing now, which ends the process. */
	bool (*frame)(
	    void *arg, const struct frame *frame, const char *payload);
	/* It is reaped without the OBITUARY that says that nothing of it is
	 * left: called before each look for what it left.  May be NULL. */
	void (*lost)(void *arg);
	/* It is reaped and has said all it had to say; called once, at the end
	 * of a turn.  The struct process is freed when this returns. */
	void (*gone)(void *arg, const struct process_end *end);
};

/*
 * A table of processes on this loop, which also becomes the reaper of all that
 * its children leave behind.  The programs are looked for in bindir and then in
 * the libexec folder: front, worker and reaper must be there.  NULL with *error
 * set to a text of the caller's, or to NULL without memory.
 *
 * From its HELLO on each process is sent a PING every second; one that says no
 * HELLO, or does not answer (see watch.h), is killed.
 *
 * Each needs descriptors of ours, so that our limit becomes the highest that we
 * may have; of them only the front gets that, and the others what we had.
 */
struct processes *processes_new(
    struct loop *loop, const char *bindir, char **error);

/* Frees the table; what is still there, and all that it left behind, is killed
 * before this returns. */
void processes_free(struct processes **processes);

/* Look for a program that not every gateway needs, before it is started.  0, or
 * -1 with *error as above. */
int processes_find(
    struct processes *processes, enum program program, char **error);

/* How many have not ended yet. */
size_t processes_count(const struct processes *processes);

/* Call idle whenever the last one has ended; arg is borrowed. */
void processes_on_idle(
    struct processes *processes, void (*idle)(void *arg), void *arg);

/* Where the log records of children go, escaped and with their subject; without
 * this call to our own log.  arg is borrowed. */
typedef void (*process_recorder)(
    void *arg, enum role role, enum log_level level, const char *text);
void processes_on_record(
    struct processes *processes, process_recorder record, void *arg);

/* Children log from this level on, those that are there and those to come,
 * whatever their SETUP says. */
void processes_set_level(struct processes *processes, enum log_level level);

/*
 * Start a program that was found.  subject ("worker bash") is copied; stdio are
 * the three descriptors that become its 0, 1 and 2, borrowed, or NULL for
 * /dev/null and our own standard error, unless that is root's terminal.
 * handlers and arg are borrowed until gone(). The process belongs to the table.
 * NULL with errno.
 */
struct process *process_start(struct processes *processes, enum program program,
    const char *subject, const int *stdio,
    const struct process_handlers *handlers, void *arg);

/* Send a frame with a JSON text, or with none (NULL).  A process that does not
 * take it is killed; a closed one is let go in peace. */
void process_send(
    struct process *process, const struct frame *frame, const char *json);

/* The same with a descriptor, which is taken or closed in any case. */
void process_send_fd(struct process *process, const struct frame *frame,
    const char *json, int *fd);

/* Close the channel: the process sees that nobody needs it, and ends. */
void process_close(struct process *process);

/* Kill it; why is a static text for process_end.killed, the first one stays. */
void process_kill(struct process *process, const char *why);

/* Its number, until gone() returns. */
pid_t process_pid(const struct process *process);

/* True when it said HELLO and answered one of its last PINGs. */
bool process_is_alive(const struct process *process);

/* What its last PONG said (flags), 0 before that: from a reaper how many
 * processes its job has. */
unsigned int process_pong(const struct process *process);

/* "exited with status 3", "was killed by signal 9 (Killed)": into dst. */
const char *process_end_text(
    const struct process_end *end, char *dst, size_t size);

#endif
