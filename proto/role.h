/*
 * role.h: the etiquette of our child processes: what each does before its own
 * work, so that nothing is inherited that was not meant to be.
 */
#ifndef PROTO_ROLE_H
#define PROTO_ROLE_H

#include <sys/types.h>

#include <stdbool.h>

#include "proto/msg.h"

/* Where every child finds its channel to the supervisor. */
#define ROLE_CHANNEL_FD 3

/* Exit codes, which tell the supervisor why a child ended. */
enum role_exit {
	ROLE_EXIT_OK = 0,
	ROLE_EXIT_USAGE = 2,
	ROLE_EXIT_PROTOCOL = 70, /* a peer process broke the frame rules */
	ROLE_EXIT_OSERR = 71,    /* the system refused something */
	ROLE_EXIT_MEMORY = 72,
	ROLE_EXIT_PRIVILEGE = 77,
	ROLE_EXIT_CONFIG = 78,
	ROLE_EXIT_PARENT_GONE = 79,
	ROLE_EXIT_GREETING = 80, /* the backend did not complete initialize */
	ROLE_EXIT_BACKEND = 81,  /* the connection to the backend was lost */
};

/*
 * First call of a child's main(): fd 3 must be a socket (else it says that this
 * program is started by mcp-gatewayd and exits ROLE_EXIT_USAGE); closes
 * everything above it, makes fd 3 close-on-exec and non-blocking, empties the
 * signal mask, ignores SIGPIPE, SIGHUP, SIGINT, SIGUSR1 and SIGUSR2, restores
 * all else, makes a crash leave no core (soft RLIMIT_CORE 0, not dumpable),
 * sets no_new_privs, keeps freed memory for the next large message, and
 * prepares setproctitle(3).  SIGTERM ends the process.
 */
void role_begin(int argc, char **argv);

/* The same without no_new_privs, which a job would inherit: one may be allowed
 * to use set-uid programs. */
void role_begin_reaper(int argc, char **argv);

/* "mcp-gateway-worker: github"; name may be NULL. */
void role_title(const char *name);

/* Who a role runs as; all zero when the supervisor is not root. */
struct role_identity {
	bool set;
	uid_t uid;
	gid_t gid;
	const char *chroot; /* an empty folder of root's, or NULL */
};

/*
 * chroot, chdir to /, drop all groups and take uid and gid for good, drop all
 * capabilities, verify that nothing of it can be regained, then not dumpable
 * again (a change of uid resets it) and a parent-death signal.  0, or -1 with
 * errno; the process must then exit with ROLE_EXIT_PRIVILEGE.  When
 * !identity->set, only the capabilities and the parent-death signal.  Not for
 * the reaper, which must outlive the supervisor for as long as it takes to end
 * its job.
 */
int role_drop(const struct role_identity *identity);

#endif
