/* pid_file.h: one gateway at a time: pidfile(3bsd), without its traps. */
#ifndef SUPERVISOR_PID_FILE_H
#define SUPERVISOR_PID_FILE_H

struct pidfh;

/* Where root's daemon has it unless it is told otherwise. */
#define PID_FILE_DEFAULT "/run/mcp-gateway/mcp-gatewayd.pid"

/*
 * Lock the file at path, an absolute one, and make it where it is missing.  No
 * program that we start keeps the lock (close-on-exec), and a file that a dead
 * gateway left is taken over.  The folder of PID_FILE_DEFAULT is made too.
 *
 * The caller's, for pidfile_write() in the process that shall have it,
 * pidfile_close() in all others, and pidfile_remove() at the end.  NULL with
 * *error, the caller's, or NULL when memory ran out: who runs already, or what
 * is wrong and a remedy.
 */
struct pidfh *pid_file_take(const char *path, char **error);

#endif
