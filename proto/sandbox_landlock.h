/* sandbox_landlock.h: the files and ports that a process may still open. */
#ifndef PROTO_SANDBOX_LANDLOCK_H
#define PROTO_SANDBOX_LANDLOCK_H

#include <stdbool.h>

/* What is left to a process; all zero is nothing. */
struct sandbox_landlock {
	/*
	 * Folders below which files may be read, NULL-terminated, or NULL; one
	 * that is not there is passed over.  Folders, since a file that is
	 * replaced by another would not be the one that was allowed.
	 */
	const char *const *readable;
	bool connect; /* to TCP ports */
};

/*
 * Leave this thread, and those that it starts, no more than this.  What is open
 * stays open.  The newer the kernel the more is kept from it: files (5.13), TCP
 * ports (6.7), devices (6.10), signals to others and abstract Unix sockets
 * (6.12).  After no_new_privs.  *missing is set when the kernel has no Landlock
 * at all, and left alone otherwise.  0, or -1 with errno.
 */
int sandbox_landlock_enter(const struct sandbox_landlock *left, bool *missing);

#endif
