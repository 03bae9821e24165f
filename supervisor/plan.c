/* plan.c: what each process is started with. */

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "environment.h"
#include "homes.h"
#include "identity.h"
#include "job_users.h"
#include "plan.h"
#include "proto/mcp.h"
#include "refusal.h"
#include "setup.h"
#include "shortfall.h"

/*
 * A pipe of 1 MiB takes the largest usual message in one write.  The kernel
 * bounds what all pipes of one user may have (pipe-user-pages-soft, 64 MiB) and
 * gives next to nothing beyond it, so that many backends share half of that.
 */
#define PIPE_MAX   ((size_t)1 << 20)
#define PIPE_MIN   ((size_t)64 << 10)
#define PIPE_TOTAL ((size_t)32 << 20)

struct plan {
	unsigned int references;
	const struct config *config;
	bool root;
	char *bindir;
	struct role_identity front;
	struct role_identity worker;
	struct job_users *users;
	struct cgroup *cgroup; /* borrowed; NULL where we may make none */
	int cgroup_error;      /* why */
	int landlock;          /* its version */
	bool only_ask;         /* nothing is made */
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

/* What would do nothing, or not work, whoever it runs as. */
static int
check_sandbox(
    const struct plan *plan, const struct config_backend *be, char **error)
{
	const char *fault = NULL;

	if (be->disabled || be->command == NULL || !be->sandbox.set)
		return 0;
	if (be->url != NULL && be->sandbox.private_network)
		fault = "\"network\": \"none\" keeps the gateway from its "
			"\"url\" too";
	else if (be->new_privileges)
		fault = "\"new_privileges\" does nothing in a \"sandbox\", "
			"which set-uid programs would leave";
	if (fault == NULL)
		return 0;
	return refuse(error, "%s: backend \"%s\": %s; remove one of them",
	    plan->config->path, be->name, fault);
}

static int
check_sandboxes(const struct plan *plan, char **error)
{
	for (size_t i = 0; i < plan->config->backend_count; i++) {
		if (check_sandbox(plan, &plan->config->backends[i], error) ==
		    -1)
			return -1;
	}
	return 0;
}

struct plan *
plan_new(const struct config *config, struct cgroup *cgroup, int cgroup_error,
    char **error)
{
	struct plan *plan = calloc(1, sizeof(*plan));

	*error = NULL;
	if (plan == NULL)
		return NULL;
	plan->references = 1;
	plan->config = config;
	plan->root = geteuid() == 0;
	plan->cgroup = cgroup;
	plan->cgroup_error = cgroup_error;
	plan->landlock = shortfall_landlock();
	if (check_sandboxes(plan, error) == 0 &&
	    find_bindir(plan, error) == 0 && find_roles(plan, error) == 0 &&
	    (plan->users = job_users_new(config, plan->root, error)) != NULL)
		return plan;
	plan_free(&plan);
	return NULL;
}

struct plan *
plan_ref(struct plan *plan)
{
	plan->references++;
	return plan;
}

void
plan_free(struct plan **plan)
{
	struct plan *p = *plan;

	if (p == NULL)
		return;
	*plan = NULL;
	if (--p->references > 0)
		return;
	job_users_free(&p->users);
	free(p->bindir);
	free(p);
}

void
plan_only_ask(struct plan *plan)
{
	plan->only_ask = true;
}

const char *
plan_bindir(const struct plan *plan)
{
	return plan->bindir;
}

static bool
has_job(const struct config_backend *be)
{
	return be->command != NULL && !be->disabled;
}

static void
tell_of_roots(const struct plan *plan)
{
	char names[512] = "";
	size_t len = 0;

	for (size_t i = 0; i < plan->config->backend_count; i++) {
		const struct config_backend *be = &plan->config->backends[i];

		if (!has_job(be) || job_users_at(plan->users, i)->as.uid != 0)
			continue;
		(void)snprintf(names + len, sizeof(names) - len, "%s%s",
		    len > 0 ? ", " : "", be->name);
		len = strlen(names);
	}
	if (len > 0)
		log_warning("gateway: these backends run as root, because "
			    "\"user\" or \"job_user\" says so: %s",
		    names);
}

static struct shortfall_means
means_of(const struct plan *plan, size_t place)
{
	const struct job_user *user = job_users_at(plan->users, place);

	return (struct shortfall_means){
		.cgroup = cgroup_limits(plan->cgroup),
		.own_user = user->own,
		.landlock = plan->landlock,
	};
}

void
plan_tell(const struct plan *plan)
{
	if (plan->cgroup == NULL)
		log_info("gateway: no cgroup v2 can be written to (%s): jobs "
			 "are ended process by process",
		    strerror(plan->cgroup_error));
	for (size_t i = 0; i < plan->config->backend_count; i++) {
		const struct config_backend *be = &plan->config->backends[i];
		struct shortfall_means means = means_of(plan, i);

		if (has_job(be))
			shortfall_tell(be, &means);
	}
	if (!plan->root) {
		log_info("gateway: not started as root: front and workers keep "
			 "the rights of this user, without chroot");
		return;
	}
	tell_of_roots(plan);
}

char *
plan_front(const struct plan *plan, enum log_level level, char **error)
{
	char *setup = setup_front(level, &plan->front);

	if (setup == NULL)
		*error = NULL; /* it is short: there is no memory */
	return setup;
}

/* Its own files, which TLS and the names of hosts need, are there only without
 * chroot. */
static char *
worker_setup(const struct plan *plan, size_t place, enum log_level level,
    unsigned int capabilities)
{
	const struct config_backend *be = &plan->config->backends[place];
	struct role_identity identity = plan->worker;

	if (be->url != NULL)
		identity.chroot = NULL;
	return setup_worker(be, level, &identity, capabilities);
}

/* What a backend is told that its clients can.  The one run of a "per-client"
 * backend that is for its lists alone is told everything, so that they are what
 * any client could be offered. */
static unsigned int
capabilities_of(const struct config_backend *be)
{
	return be->session == CONFIG_PER_CLIENT ? MCP_CAPABILITIES_ALL
						: MCP_CAPABILITIES_SHARED;
}

static char **
job_environment(const struct plan *plan, size_t place, const char *tmp)
{
	const struct config_backend *be = &plan->config->backends[place];
	const struct job_user *user = job_users_at(plan->users, place);
	const char *const dirs[] = { plan->bindir, MCPGW_LIBEXECDIR, NULL };
	const struct environment from = {
		.own = environ,
		.user = user->as.name != NULL ? &user->as : NULL,
		.home = be->home,
		.tmp = tmp,
		.other = user->other,
		.clear = be->clear_env,
		.extra = be->env,
		.dirs = dirs,
	};

	return environment_make(&from);
}

/* The folder for its temporary files of one with a user of its own: others
 * could read what it leaves in /tmp.  NULL with ENOMEM. */
static char *
own_tmp(const struct job_user *user)
{
	char *tmp;

	return asprintf(&tmp, "%s/tmp", user->as.home) != -1 ? tmp : NULL;
}

static char *
reaper_setup(const struct plan *plan, size_t place, enum log_level level,
    const char *cgroup)
{
	const struct config_backend *be = &plan->config->backends[place];
	const struct job_user *user = job_users_at(plan->users, place);
	const char *home = be->home != NULL ? be->home : user->as.home;
	const struct shortfall_means means = means_of(plan, place);
	char *tmp = user->own ? own_tmp(user) : NULL;
	char **env = job_environment(plan, place, tmp), *setup = NULL;
	const struct setup_job job = {
		.env = env,
		.user = { .set = user->as.name != NULL,
		    .name = user->own ? NULL : user->as.name,
		    .uid = user->as.uid,
		    .gid = user->as.gid },
		.cwd = be->cwd == NULL && user->own ? home : be->cwd,
		.home = user->other ? home : NULL,
		.tmp = tmp,
		.cgroup = cgroup,
		.limits = shortfall_limits(be, &means),
	};

	if (env != NULL && (tmp != NULL || !user->own))
		setup = setup_reaper(be, level, &job);
	environment_free(&env);
	free(tmp);
	return setup;
}

/* Whom people see it run as; NULL when there is no memory. */
static char *
user_text(const struct job_user *user)
{
	char *text;

	if (!user->own)
		return strdup(user->as.name);
	if (asprintf(&text, "%lu", (unsigned long)user->as.uid) == -1)
		return NULL;
	return text;
}

static int
pipe_size(const struct plan *plan)
{
	const struct config *config = plan->config;
	size_t runs = config->backend_count, share, size = PIPE_MAX;

	for (size_t i = 0; i < config->backend_count; i++) {
		const struct config_backend *be = &config->backends[i];

		if (be->session != CONFIG_SHARED)
			runs += be->max_instances;
	}
	assert(runs > 0); /* it is asked for one of them */
	share = PIPE_TOTAL / (2 * runs);
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

static void
free_texts(struct service_spec *spec)
{
	if (spec->worker_setup != NULL)
		freezero(spec->worker_setup, strlen(spec->worker_setup));
	free(spec->cgroup);
	free(spec->user);
}

/* What is about the job of a service.  0, or -1 with *error. */
static int
add_job(const struct plan *plan, size_t place, enum log_level level,
    struct service_spec *spec, char **error)
{
	const struct config_backend *be = &plan->config->backends[place];
	const struct job_user *user = job_users_at(plan->users, place);

	*error = NULL;
	if (user->own && !plan->only_ask &&
	    homes_make(job_users_state_dir(plan->config), be->name,
		user->as.uid, user->as.gid, error) == -1)
		return -1;
	if (user->as.name != NULL && (spec->user = user_text(user)) == NULL)
		return -1;
	spec->cgroup = cgroup_path(plan->cgroup, spec->number, be->name);
	spec->reaper_setup = reaper_setup(plan, place, level, spec->cgroup);
	if (spec->reaper_setup == NULL)
		return too_long(
		    plan, be, "its arguments and environment", error);
	return 0;
}

int
plan_service(const struct plan *plan, size_t place, uint64_t number,
    enum log_level level, struct service_spec *ret, char **error)
{
	return plan_instance(plan, place, number,
	    capabilities_of(&plan->config->backends[place]), level, ret, error);
}

int
plan_instance(const struct plan *plan, size_t place, uint64_t number,
    unsigned int capabilities, enum log_level level, struct service_spec *ret,
    char **error)
{
	const struct config_backend *be = &plan->config->backends[place];
	struct service_spec spec = { .number = number,
		.config = be,
		.remote = be->url != NULL,
		.pipe_size = pipe_size(plan) };

	if (be->disabled) { /* it is listed, and never started */
		*ret = spec;
		return 0;
	}
	spec.worker_setup = worker_setup(plan, place, level, capabilities);
	if (spec.worker_setup == NULL)
		return too_long(plan, be,
		    "its \"url\", \"headers\" and certificates", error);
	if (be->command != NULL &&
	    add_job(plan, place, level, &spec, error) == -1) {
		free_texts(&spec);
		return -1;
	}
	*ret = spec;
	return 0;
}
