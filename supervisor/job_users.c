/* job_users.c: whom the job of each backend runs as. */
#include <errno.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_rules.h"
#include "homes.h"
#include "job_users.h"
#include "refusal.h"

struct job_users {
	const struct config *config;
	bool root;
	struct job_user *at; /* by place */
	uint32_t first;      /* of job_uids */
	uint32_t last;
	uid_t *taken; /* of that range: owners of folders, and new ones */
	size_t taken_count;
	bool failed; /* no memory for another one */
};

const char *
job_users_state_dir(const struct config *config)
{
	return config->state_dir != NULL ? config->state_dir : HOMES_STATE_DIR;
}

/* Names the backend whose problem it is; takes problem.  Returns -1. */
static int
refuse_backend(const struct job_users *users, const struct config_backend *be,
    char *problem, char **error)
{
	if (problem == NULL) {
		*error = NULL;
		return -1;
	}
	(void)refuse(error, "%s: backend \"%s\": %s", users->config->path,
	    be->name, problem);
	free(problem);
	return -1;
}

static int
find_named(const struct job_users *users, const struct config_backend *be,
    const char *name, struct job_user *ret, char **problem)
{
	struct job_user user = { .other = true };

	if (identity_find_user(&user.as, name, problem) == -1)
		return -1;
	if (be->group != NULL &&
	    identity_find_group(&user.as.gid, be->group, problem) == -1) {
		identity_user_free(&user.as);
		return -1;
	}
	user.other = user.as.uid != geteuid();
	if (users->root) {
		*ret = user;
		return 0;
	}
	identity_user_free(&user.as);
	if (!user.other && be->group == NULL)
		return 0; /* that is us */
	return refuse(problem,
	    "\"%s\" needs a gateway that is started as root; start it as "
	    "root or remove \"%s\"",
	    be->user != NULL ? "user" : "job_user",
	    be->user != NULL ? "user" : "job_user");
}

static bool
is_in_range(const struct job_users *users, uid_t uid)
{
	return uid >= users->first && uid <= users->last;
}

static bool
is_taken(const struct job_users *users, uid_t uid)
{
	for (size_t i = 0; i < users->taken_count; i++) {
		if (users->taken[i] == uid)
			return true;
	}
	return false;
}

static void
take(struct job_users *users, uid_t uid)
{
	uid_t *more =
	    reallocarray(users->taken, users->taken_count + 1, sizeof(*more));

	if (more == NULL) {
		users->failed = true;
		return;
	}
	users->taken = more;
	users->taken[users->taken_count++] = uid;
}

/* Also of backends that are gone: their files are still theirs. */
static void
on_folder(void *arg, const char *name, uid_t owner)
{
	struct job_users *users = arg;

	(void)name;
	if (is_in_range(users, owner) && !is_taken(users, owner))
		take(users, owner);
}

static bool
is_of_another(const struct job_users *users, size_t place, uid_t uid)
{
	for (size_t i = 0; i < users->config->backend_count; i++) {
		if (i != place && users->at[i].own &&
		    users->at[i].as.uid == uid)
			return true;
	}
	return false;
}

/* The lowest that nobody has; 0 when there is none. */
static uid_t
lowest_free(const struct job_users *users)
{
	for (uid_t uid = users->first;; uid++) {
		if (!is_taken(users, uid) && getpwuid(uid) == NULL)
			return uid;
		if (uid == users->last)
			return 0;
	}
}

/* The owner of its folder, 0 when it has none yet; -1 with *problem, the
 * caller's. */
static int
remembered(
    const struct job_users *users, size_t place, uid_t *ret, char **problem)
{
	const struct config_backend *be = &users->config->backends[place];
	const char *dir = job_users_state_dir(users->config);
	char name[HOMES_NAME_MAX];

	homes_name(name, be->name);
	if (homes_owner(dir, be->name, ret) == -1)
		return refuse(problem, "%s/%s: %s; correct \"state_dir\"", dir,
		    name, strerror(errno));
	if (*ret == 0 || /* root's: it was not given away yet */
	    (is_in_range(users, *ret) && !is_of_another(users, place, *ret)))
		return 0;
	return refuse(problem,
	    "%s/%s belongs to user %lu, who %s; chown -R it to a free one of "
	    "\"job_uids\" (%u-%u), move it away, or set \"user\"",
	    dir, name, (unsigned long)*ret,
	    is_in_range(users, *ret) ? "is another backend's"
				     : "is not one of \"job_uids\"",
	    users->first, users->last);
}

/* A user that no system knows. */
static int
set_own(struct job_users *users, size_t place, uid_t uid, char **problem)
{
	const struct config_backend *be = &users->config->backends[place];
	struct job_user *user = &users->at[place];
	char name[HOMES_NAME_MAX];

	homes_name(name, be->name);
	user->as.uid = uid;
	user->as.gid = (gid_t)uid;
	user->as.name = strdup(name);
	user->as.home =
	    homes_path(job_users_state_dir(users->config), be->name);
	user->as.shell = strdup("/bin/sh");
	user->other = user->own = true;
	*problem = NULL;
	if (user->as.name == NULL || user->as.home == NULL ||
	    user->as.shell == NULL)
		return -1;
	return be->group == NULL
	    ? 0
	    : identity_find_group(&user->as.gid, be->group, problem);
}

static int
find_new(struct job_users *users, size_t place, char **problem)
{
	uid_t uid = lowest_free(users);

	if (uid == 0)
		return refuse(problem,
		    "all user ids of \"job_uids\" (%u-%u) are taken; remove "
		    "the folders of backends that are gone from %s, make the "
		    "range wider, or set \"user\"",
		    users->first, users->last,
		    job_users_state_dir(users->config));
	take(users, uid);
	*problem = NULL;
	return users->failed ? -1 : set_own(users, place, uid, problem);
}

static const char *
user_name(const struct job_users *users, const struct config_backend *be)
{
	return be->user != NULL ? be->user : users->config->job_user;
}

static bool
has_job(const struct config_backend *be)
{
	return be->command != NULL && !be->disabled;
}

/* Those who have a name, and those whose folder says who they are: first, so
 * that what is new finds what they have. */
static int
find_known(struct job_users *users, size_t place, char **problem)
{
	const struct config_backend *be = &users->config->backends[place];
	const char *name = user_name(users, be);
	uid_t uid = 0;

	*problem = NULL;
	if (name != NULL)
		return find_named(users, be, name, &users->at[place], problem);
	if (!users->root)
		return be->group == NULL
		    ? 0
		    : refuse(problem,
			  "\"group\" needs a gateway that is started as root; "
			  "start it as root or remove \"group\"");
	if (remembered(users, place, &uid, problem) == -1)
		return -1;
	return uid == 0 ? 0 : set_own(users, place, uid, problem);
}

static int
find_all(struct job_users *users,
    int (*find)(struct job_users *users, size_t place, char **problem),
    char **error)
{
	char *problem;

	for (size_t i = 0; i < users->config->backend_count; i++) {
		const struct config_backend *be = &users->config->backends[i];

		if (!has_job(be) || users->at[i].as.name != NULL)
			continue;
		if (find(users, i, &problem) == -1)
			return refuse_backend(users, be, problem, error);
	}
	return 0;
}

/* What is taken is known before anything is given away. */
static int
find_own(struct job_users *users, char **error)
{
	(void)homes_each(job_users_state_dir(users->config), on_folder, users);
	if (users->failed) {
		*error = NULL;
		return -1;
	}
	return find_all(users, find_new, error);
}

static int
read_range(struct job_users *users, char **error)
{
	const char *range = users->config->job_uids != NULL
	    ? users->config->job_uids
	    : JOB_USERS_RANGE;

	if (config_rules_uids(range, &users->first, &users->last) == 0)
		return 0;
	return refuse(error, "%s: \"job_uids\" %s", users->config->path,
	    config_rules_uids_fault(range));
}

struct job_users *
job_users_new(const struct config *config, bool root, char **error)
{
	struct job_users *users = calloc(1, sizeof(*users));

	*error = NULL;
	if (users == NULL)
		return NULL;
	users->config = config;
	users->root = root;
	users->at = calloc(config->backend_count + 1, sizeof(*users->at));
	if (users->at != NULL && read_range(users, error) == 0 &&
	    find_all(users, find_known, error) == 0 &&
	    (!root || find_own(users, error) == 0))
		return users;
	job_users_free(&users);
	return NULL;
}

void
job_users_free(struct job_users **users)
{
	struct job_users *u = *users;

	if (u == NULL)
		return;
	for (size_t i = 0; u->at != NULL && i < u->config->backend_count; i++)
		identity_user_free(&u->at[i].as);
	free(u->at);
	free(u->taken);
	free(u);
	*users = NULL;
}

const struct job_user *
job_users_at(const struct job_users *users, size_t place)
{
	return &users->at[place];
}
