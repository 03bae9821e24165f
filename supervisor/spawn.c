/* spawn.c: from a role to a running program of ours. */
#include <sys/resource.h>

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proto/role.h"
#include "spawn.h"

char *
spawn_find(const char *bindir, enum role role, char **error)
{
	const char *const dirs[] = { bindir, MCPGW_LIBEXECDIR };
	char *path;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		if (asprintf(&path, "%s/mcp-gateway-%s", dirs[i],
			role_name(role)) == -1)
			return NULL;
		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	if (asprintf(error,
		"mcp-gateway-%s is neither in %s nor in %s; install all "
		"programs of the gateway together",
		role_name(role), bindir, MCPGW_LIBEXECDIR) == -1)
		*error = NULL;
	return NULL;
}

static int
set_attributes(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	int error;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	error = posix_spawnattr_setflags(
	    attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
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
spawn(pid_t *pid, char *program, const int stdio[3], int channel)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	char *argv[2] = { program, NULL };
	int error;

	if ((error = posix_spawnattr_init(&attr)) != 0)
		return error;
	if ((error = posix_spawn_file_actions_init(&actions)) != 0) {
		(void)posix_spawnattr_destroy(&attr);
		return error;
	}
	if ((error = set_attributes(&attr)) == 0 &&
	    (error = set_descriptors(&actions, stdio, channel)) == 0)
		error =
		    posix_spawn(pid, program, &actions, &attr, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attr);
	return error;
}

void
spawn_raise_files(pid_t pid)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)prlimit(pid, RLIMIT_NOFILE, &limit, NULL);
}
