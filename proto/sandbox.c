#include "proto/sandbox.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <nss.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/sandbox_landlock.h"
#include "proto/sandbox_seccomp.h"

#ifndef MCPGW_SANITIZE

/*
 * What a process may add to a file: none is open but standard error, where that
 * is one, and libraries and assertions write their last words there.
 */
#define LAST_WORDS_MAX (64 << 10)

/* Both limits, to this or to the one that is there already. */
static int
limit(int what, rlim_t value)
{
	struct rlimit both;

	if (getrlimit((__rlimit_resource_t)what, &both) == -1)
		return -1;
	if (value < both.rlim_max)
		both.rlim_max = value;
	both.rlim_cur = both.rlim_max;
	return setrlimit((__rlimit_resource_t)what, &both);
}

/* In bytes; a limit of the kernel's is where a write may end. */
static rlim_t
file_limit(void)
{
	struct stat st;

	if (fstat(STDERR_FILENO, &st) == -1 || !S_ISREG(st.st_mode))
		return 0;
	return (rlim_t)st.st_size + LAST_WORDS_MAX;
}

/* What none of us needs, as far down as it goes. */
static int
set_limits(enum sandbox sandbox)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };

	if (limit(RLIMIT_CORE, 0) == -1 || limit(RLIMIT_MEMLOCK, 0) == -1 ||
	    limit(RLIMIT_MSGQUEUE, 0) == -1)
		return -1;
	/* Threads count as processes. */
	if (sandbox != SANDBOX_WORKER_HTTP && limit(RLIMIT_NPROC, 0) == -1)
		return -1;
	/* A write beyond it fails instead. */
	if (sigaction(SIGXFSZ, &ignore, NULL) == -1)
		return -1;
	return limit(RLIMIT_FSIZE, file_limit());
}

/* The folder in which resolv.conf is, behind its links: "/run/…"; NULL when
 * there is none.  The caller frees it. */
static char *
resolver_folder(void)
{
	char *path = realpath("/etc/resolv.conf", NULL);
	char *end;

	if (path == NULL)
		return NULL;
	end = strrchr(path, '/');
	if (end == path) {
		free(path);
		return NULL;
	}
	*end = '\0';
	return path;
}

static int
enter_landlock(bool http, bool *missing)
{
	char *resolver = http ? resolver_folder() : NULL;
	/* What looking up names and checking certificates reads; resolv.conf
	 * and the like are links on some systems. */
	const char *const readable[] = { "/etc", "/usr/lib/ssl",
		"/usr/share/ca-certificates",
		"/usr/local/share/ca-certificates", resolver, NULL };
	const struct sandbox_landlock left = {
		.readable = http ? readable : NULL,
		.connect = http,
	};
	int result = sandbox_landlock_enter(&left, missing);

	free(resolver);
	return result;
}

#endif

/*
 * Names are looked up in /etc/hosts and by DNS only, both of which are part of
 * the C library: other sources are libraries, loaded when they are first asked,
 * and speak to daemons of the machine.
 */
static int
settle_resolver(void)
{
	return __nss_configure_lookup("hosts", "files dns");
}

int
sandbox_enter(enum sandbox sandbox, const char **missing)
{
	const bool http = sandbox == SANDBOX_WORKER_HTTP;
	bool no_landlock = false, no_seccomp = false;

	*missing = NULL;
	if (http && settle_resolver() == -1)
		return -1;
#ifndef MCPGW_SANITIZE
	/* Sanitizers read /proc, start processes and write long reports. */
	if (set_limits(sandbox) == -1 ||
	    enter_landlock(http, &no_landlock) == -1 ||
	    sandbox_seccomp_enter(sandbox, &no_seccomp) == -1)
		return -1;
#endif
	if (no_landlock)
		*missing = no_seccomp ? "seccomp and no Landlock" : "Landlock";
	else if (no_seccomp)
		*missing = "seccomp";
	return 0;
}
