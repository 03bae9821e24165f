/* spawn.c: our programs. */
#include <sys/resource.h>

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/role.h"
#include "spawn.h"

/*
 * What a program of ours gets of our environment, in which there may be every
 * backend's credentials: only what decides whether it starts at all.
 */
static const char *const passed_on[] = {
	"LD_LIBRARY_PATH",
#ifdef MCPGW_SANITIZE
	"ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS",
	"PATH", /* where the symboliser is */
#endif
};
#define PASSED_ON (sizeof(passed_on) / sizeof(passed_on[0]))

/* setproctitle(3) writes over argv and the environment: room for the longest
 * name of a backend. */
#define TITLE_ROOM                                                             \
	"TITLE_ROOM="                                                          \
	"                                                                "     \
	"                                                                "

static const struct {
	const char *name;
	enum role role;
} programs[PROGRAM_COUNT] = {
	[PROGRAM_FRONT] = { "mcp-gateway-front", ROLE_FRONT },
	[PROGRAM_WORKER] = { "mcp-gateway-worker", ROLE_WORKER },
	[PROGRAM_WORKER_HTTP] = { "mcp-gateway-worker-http", ROLE_WORKER },
	[PROGRAM_REAPER] = { "mcp-gateway-reaper", ROLE_REAPER },
};

const char *
spawn_name(enum program program)
{
	return programs[program].name;
}

enum role
spawn_role(enum program program)
{
	return programs[program].role;
}

char *
spawn_find(const char *bindir, enum program program, char **error)
{
	const char *const dirs[] = { bindir, MCPGW_LIBEXECDIR };
	const char *name = spawn_name(program);
	char *path;

	*error = NULL;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		if (asprintf(&path, "%s/%s", dirs[i], name) == -1)
			return NULL;
		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	if (asprintf(error,
		"%s is neither in %s nor in %s; install all programs of the "
		"gateway together",
		name, bindir, MCPGW_LIBEXECDIR) == -1)
		*error = NULL;
	return NULL;
}

static bool
has_name(const char *entry, const char *name)
{
	size_t len = strlen(name);

	return strncmp(entry, name, len) == 0 && entry[len] == '=';
}

/* Into ret, NULL-terminated; the texts stay ours. */
static void
make_environment(char *ret[PASSED_ON + 2])
{
	static char room[] = TITLE_ROOM;
	size_t n = 0;

	for (size_t i = 0; i < PASSED_ON; i++) {
		for (char **e = environ; *e != NULL; e++) {
			if (has_name(*e, passed_on[i])) {
				ret[n++] = *e;
				break;
			}
		}
	}
	ret[n++] = room;
	ret[n] = NULL;
}

/* A session of its own: no terminal of ours is its terminal (TIOCSTI). */
static int
set_attributes(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	int error;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	error = posix_spawnattr_setflags(attr,
	    POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
		POSIX_SPAWN_SETSID);
	if (error == 0)
		error = posix_spawnattr_setsigmask(attr, &none);
	if (error == 0)
		error = posix_spawnattr_setsigdefault(attr, &all);
	return error;
}

static int
set_descriptors(
    posix_spawn_file_actions_t *actions, const int stdio[3], int channel)
{
	int error = 0;

	for (int i = 0; i < 3 && error == 0; i++)
		error = posix_spawn_file_actions_adddup2(actions, stdio[i], i);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(
		    actions, channel, ROLE_CHANNEL_FD);
	return error;
}

/* posix_spawn(3) reports why exec failed, and copies none of our memory. */
int
spawn(pid_t *pid, char *path, const int stdio[3], int channel)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	char *argv[2] = { path, NULL }, *env[PASSED_ON + 2];
	int error;

	make_environment(env);
	if ((error = posix_spawnattr_init(&attr)) != 0)
		return error;
	if ((error = posix_spawn_file_actions_init(&actions)) != 0) {
		(void)posix_spawnattr_destroy(&attr);
		return error;
	}
	if ((error = set_attributes(&attr)) == 0 &&
	    (error = set_descriptors(&actions, stdio, channel)) == 0)
		error = posix_spawn(pid, path, &actions, &attr, argv, env);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attr);
	return error;
}

rlim_t
spawn_raise_files(void)
{
	struct rlimit limit;
	rlim_t before;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return RLIM_INFINITY;
	before = limit.rlim_cur;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	return before;
}

void
spawn_limit_files(pid_t pid, rlim_t files)
{
	struct rlimit limit;

	if (prlimit(pid, RLIMIT_NOFILE, NULL, &limit) == -1 ||
	    limit.rlim_cur <= files)
		return;
	limit.rlim_cur = files;
	(void)prlimit(pid, RLIMIT_NOFILE, &limit, NULL);
}
