/*
 * sandbox.h: what our own processes may still do once they work: a list of
 * system calls (seccomp) outside of which they die, files that they may open
 * (Landlock), and what they may use up (setrlimit).
 */
#ifndef PROTO_SANDBOX_H
#define PROTO_SANDBOX_H

enum sandbox {
	SANDBOX_FRONT,       /* accept, read, write; no open, socket or exec */
	SANDBOX_WORKER,      /* read and write */
	SANDBOX_WORKER_HTTP, /* also socket, connect, the resolver's files and
				threads */
};

/*
 * Enter the sandbox for good: the last step before a process hears of anything
 * that strangers say, after role_drop() and after all sockets and files that it
 * needs are there.  What a kernel does not have is left out, and named in a
 * static text *missing ("Landlock"), which is NULL when all is in place.  0, or
 * -1 with errno; the process must then exit with ROLE_EXIT_PRIVILEGE.
 */
int sandbox_enter(enum sandbox sandbox, const char **missing);

#endif
