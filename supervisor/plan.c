/* plan.c: what each process is started with. */
#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "environment.h"
#include "identity.h"
#include "plan.h"
#include "refusal.h"
#include "setup.h"

/*
 * A pipe of 1 MiB takes the largest usual message in one write.  The kernel
 * bounds what all pipes of one user may have (pipe-user-pages-soft, 64 MiB) and
 * gives next to nothing beyond it, so that many backends share half of that.
 */
#define PIPE_MAX   ((size_t)1 << 20)
#define PIPE_MIN   ((size_t)64 << 10)
#define PIPE_TOTAL ((size_t)32 << 20)

struct plan {
	const struct config *config;
	bool root;
	char *bindir;
	struct role_identity front;
	struct role_identity worker;
	struct identity_user *users; /* of the jobs, by number */
	struct cgroup *cgroup;       /* NULL where we may make none */
	int cgroup_error;            /* why */
};

static int
find_bindir(struct plan *plan, char **error)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (n == -1)
		return refuse(error, "/proc/self/exe: %s; /proc is needed",
		    strerror(errno));
	path[n] = '\0';
	if ((slash = strrchr(path, '/')) != NULL)
		*slash = '\0';
	plan->bindir = strdup(path);
	return plan->bindir != NULL ? 0 : -1;
}

static int
find_roles(struct plan *plan, char **error)
{
	const struct config *config = plan->config;

	if (!plan->root)
		return 0;
	if (identity_find_role(&plan->front, config->user, error) == -1 ||
	    identity_find_role(&plan->worker, config->worker_user, error) == -1)
		return -1;
	return identity_prepare_chroot(error);
}

/* Whom a job runs as; a user stays empty when that is ourselves. */
static int
find_job_user(struct plan *plan, size_t number, char **error)
{
	const struct config_backend *be = &plan->config->backends[number];
	char *problem = NULL;

	if (be->user == NULL || be->disabled)
		return 0;
	if (!plan->root)
		return refuse(error,
		    "%s: backend \"%s\": \"user\" needs a gateway that is "
		    "started as root; start it as root or remove \"user\"",
		    plan->config->path, be->name);
	if (identity_find_user(&plan->users[number], be->user, &problem) == 0)
		return 0;
	(void)refuse(error, "%s: backend \"%s\": %s", plan->config->path,
	    be->name, problem != NULL ? problem : "out of memory");
	free(problem);
	return -1;
}

struct plan *
plan_new(const struct config *config, char **error)
{
	struct plan *plan = calloc(1, sizeof(*plan));

	*error = NULL;
	if (plan == NULL)
		return NULL;
	plan->config = config;
	plan->root = geteuid() == 0;
	plan->users = calloc(config->backend_count + 1, sizeof(*plan->users));
	if (plan->users == NULL || find_bindir(plan, error) == -1 ||
	    find_roles(plan, error) == -1)
		goto fail;
	for (size_t i = 0; i < config->backend_count; i++) {
		if (find_job_user(plan, i, error) == -1)
			goto fail;
	}
	if ((plan->cgroup = cgroup_new()) == NULL)
		plan->cgroup_error = errno;
	return plan;
fail:
	plan_free(&plan);
	return NULL;
}

void
plan_free(struct plan **plan)
{
	struct plan *p = *plan;

	if (p == NULL)
		return;
	for (size_t i = 0; p->users != NULL && i < p->config->backend_count;
	     i++)
		identity_user_free(&p->users[i]);
	free(p->users);
	cgroup_free(&p->cgroup);
	free(p->bindir);
	free(p);
	*plan = NULL;
}

const char *
plan_bindir(const struct plan *plan)
{
	return plan->bindir;
}

/* Who may write the configuration of a root's gateway may run anything as root.
 */
static void
tell_of_writers(const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1)
		return;
	if (st.st_uid != 0)
		log_warning("gateway: %s belongs to another user, who thereby "
			    "can run programs as root; chown root it",
		    path);
	else if ((st.st_mode & S_IWGRP) != 0 && st.st_gid != 0)
		log_warning("gateway: %s can be written by its group, which "
			    "thereby can run programs as root; chmod g-w it",
		    path);
}

void
plan_tell(const struct plan *plan)
{
	char names[512] = "";
	size_t len = 0;

	if (plan->cgroup == NULL)
		log_info("gateway: no cgroup v2 can be written to (%s): jobs "
			 "are ended process by process",
		    strerror(plan->cgroup_error));
	if (!plan->root) {
		log_info("gateway: not started as root: front and workers keep "
			 "the rights of this user, without chroot");
		return;
	}
	tell_of_writers(plan->config->path);
	for (size_t i = 0; i < plan->config->backend_count; i++) {
		const struct config_backend *be = &plan->config->backends[i];

		if (be->command == NULL || be->user != NULL || be->disabled)
			continue;
		(void)snprintf(names + len, sizeof(names) - len, "%s%s",
		    len > 0 ? ", " : "", be->name);
		len = strlen(names);
	}
	if (len > 0)
		log_warning("gateway: these backends run as root, because "
			    "\"user\" is not set for them: %s",
		    names);
}

char *
plan_front(const struct plan *plan, enum log_level level, char **error)
{
	char *setup = setup_front(plan->config, level, &plan->front);

	if (setup == NULL)
		(void)refuse(error, "%s: hosts and origins are too long: %s",
		    plan->config->path, strerror(errno));
	return setup;
}

/* Its own files, which TLS and the names of hosts need, are there only without
 * chroot. */
static char *
worker_setup(const struct plan *plan, size_t number, enum log_level level)
{
	const struct config_backend *be = &plan->config->backends[number];
	struct role_identity identity = plan->worker;

	if (be->url != NULL)
		identity.chroot = NULL;
	return setup_worker(be, level, &identity);
}

static char *
reaper_setup(const struct plan *plan, size_t number, enum log_level level,
    const char *cgroup)
{
	const struct config_backend *be = &plan->config->backends[number];
	const struct identity_user *user = &plan->users[number];
	const char *const dirs[] = { plan->bindir, MCPGW_LIBEXECDIR, NULL };
	const struct setup_user as = { user->name, user->uid, user->gid };
	char **env = environment_make(
	    environ, user->name != NULL ? user : NULL, be->env, dirs);
	char *setup;

	if (env == NULL)
		return NULL;
	setup = setup_reaper(be, level, env, &as, cgroup);
	environment_free(&env);
	return setup;
}

static int
pipe_size(const struct plan *plan)
{
	size_t share = PIPE_TOTAL / (2 * plan->config->backend_count);
	size_t size = PIPE_MAX;

	while (size > share && size > PIPE_MIN)
		size /= 2;
	return (int)size;
}

/* One of the texts of a service could not be made: errno says why.  Returns
 * -1. */
static int
too_long(const struct plan *plan, const struct config_backend *be,
    const char *what, char **error)
{
	if (errno != E2BIG) {
		*error = NULL;
		return -1;
	}
	return refuse(error,
	    "%s: backend \"%s\": %s have more than %u bytes together in the "
	    "message that carries them; shorten them",
	    plan->config->path, be->name, what, MSG_CONTROL_MAX);
}

int
plan_service(const struct plan *plan, size_t number, enum log_level level,
    struct service_spec *ret, char **error)
{
	const struct config_backend *be = &plan->config->backends[number];
	struct service_spec spec = { .number = number,
		.config = be,
		.remote = be->url != NULL,
		.pipe_size = pipe_size(plan) };

	if (be->disabled) { /* it is listed, and never started */
		*ret = spec;
		return 0;
	}
	spec.worker_setup = worker_setup(plan, number, level);
	if (spec.worker_setup == NULL)
		return too_long(plan, be,
		    "its \"url\", \"headers\" and certificates", error);
	if (be->command != NULL) {
		spec.cgroup = cgroup_path(plan->cgroup, number, be->name);
		spec.reaper_setup =
		    reaper_setup(plan, number, level, spec.cgroup);
		if (spec.reaper_setup == NULL) {
			free(spec.cgroup);
			freezero(spec.worker_setup, strlen(spec.worker_setup));
			return too_long(
			    plan, be, "its arguments and environment", error);
		}
	}
	*ret = spec;
	return 0;
}
