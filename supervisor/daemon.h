/*
 * daemon.h: a process of its own, whose start is waited for: the caller gets
 * the exit status and the errors as if it had stayed in the foreground.
 */
#ifndef SUPERVISOR_DAEMON_H
#define SUPERVISOR_DAEMON_H

#include <sys/types.h>

#include <stdint.h>

/* A gateway serves within a second.  One that does not is not worth a boot that
 * hangs. */
#define DAEMON_START_MS 60000

/*
 * Fork twice.  0 in the daemon: a session of its own without a terminal, "/" as
 * its folder, umask 027, standard input and error /dev/null, and standard
 * output a pipe to the caller, which never blocks, until daemon_up().  In the
 * caller the daemon's process group, with the pipe in *from; -1 with errno.
 */
pid_t daemon_fork(int *from);

/*
 * In the caller: wait for what the daemon says, and close from.  What it
 * printed goes to our standard output when it is up, and to standard error with
 * the reason when it is not; a daemon that dies or is not up after timeout_ms
 * is one that is not, and is stopped.  The exit status.
 */
int daemon_wait(pid_t group, int from, int timeout_ms);

/* In the daemon: it serves; standard output becomes /dev/null.  -1 when nobody
 * waits for it any more. */
int daemon_up(void);

/* In the daemon: it could not serve; text says why, and status is the caller's
 * exit status, from 1 to 9. */
void daemon_failed(int status, const char *text);

#endif
