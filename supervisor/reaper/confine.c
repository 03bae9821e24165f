/* confine.c: what a job may use up, and which privileges it keeps. */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <linux/capability.h>

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "confine.h"
#include "report.h"

/* Capabilities that a kernel may know; the sets are 64 bits wide. */
#define CAPABILITIES 64

static int
limit(__rlimit_resource_t what, const char *name, uint64_t value)
{
	struct rlimit both;

	if (value == SPEC_UNLIMITED)
		return 0;
	both.rlim_cur = both.rlim_max = (rlim_t)value;
	if (setrlimit(what, &both) == 0)
		return 0;
	if (errno != EPERM || getrlimit(what, &both) == -1)
		return -1;
	report_note("its limit \"%s\" is %llu: that is what the gateway has "
		    "itself, which only root may raise",
	    name, (unsigned long long)both.rlim_max);
	both.rlim_cur = both.rlim_max;
	return setrlimit(what, &both);
}

/* The reaper gave up its own cores, softly. */
static int
allow_core(void)
{
	struct rlimit both;

	if (getrlimit(RLIMIT_CORE, &both) == -1)
		return -1;
	both.rlim_cur = both.rlim_max;
	return setrlimit(RLIMIT_CORE, &both);
}

int
confine_limits(const struct spec *spec)
{
	const struct spec_limits *limits = &spec->limits;

	if (limits->core_size == SPEC_UNLIMITED && allow_core() == -1)
		return -1;
	if (limit(RLIMIT_CORE, "core_size", limits->core_size) == -1 ||
	    limit(RLIMIT_NOFILE, "open_files", limits->open_files) == -1 ||
	    limit(RLIMIT_FSIZE, "file_size", limits->file_size) == -1)
		return -1;
	return limit(RLIMIT_NPROC, "processes", limits->user_processes);
}

bool
confine_is_tight(const struct spec *spec)
{
	return !spec->new_privileges || spec->sandbox.set;
}

static int
get_capabilities(struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3])
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};

	return (int)syscall(SYS_capget, &header, sets);
}

static int
set_capabilities(
    const struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3])
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};

	return (int)syscall(SYS_capset, &header, sets);
}

/* Best effort, which not every container lets us do: no_new_privs keeps a
 * set-uid program from getting any. */
static void
drop_bounding_set(void)
{
	for (unsigned long cap = 0; cap < CAPABILITIES; cap++)
		(void)prctl(PR_CAPBSET_DROP, cap, 0L, 0L, 0L);
}

int
confine_capabilities(const struct spec *spec)
{
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

	if (prctl(PR_CAP_AMBIENT, (unsigned long)PR_CAP_AMBIENT_CLEAR_ALL, 0L,
		0L, 0L) == -1 ||
	    get_capabilities(sets) == -1)
		return -1;
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		sets[i].inheritable = 0;
	if (set_capabilities(sets) == -1)
		return -1;
	/* A set-uid program that shall work needs its privileges. */
	if (spec->has_user && spec->uid != 0 && confine_is_tight(spec))
		drop_bounding_set();
	return 0;
}

/* False with errno EPERM when something of root is left or can be regained. */
static bool
is_user_for_good(const struct spec *spec)
{
	uid_t uid[3];
	gid_t gid[3];

	errno = EPERM;
	if (getresuid(&uid[0], &uid[1], &uid[2]) == -1 ||
	    getresgid(&gid[0], &gid[1], &gid[2]) == -1)
		return false;
	for (int i = 0; i < 3; i++) {
		if (uid[i] != spec->uid || gid[i] != spec->gid)
			return false;
	}
	if (spec->uid != 0 &&
	    (setresuid(-1U, 0, -1U) != -1 || setresuid(0, -1U, -1U) != -1)) {
		errno = EPERM;
		return false;
	}
	return true;
}

int
confine_user(const struct spec *spec)
{
	int result;

	if (!spec->has_user)
		return 0;
	result = spec->user != NULL ? initgroups(spec->user, spec->gid)
				    : setgroups(0, NULL);
	if (result == -1 || setresgid(spec->gid, spec->gid, spec->gid) == -1 ||
	    setresuid(spec->uid, spec->uid, spec->uid) == -1)
		return -1;
	return is_user_for_good(spec) ? 0 : -1;
}

/* What is two folders above, where the gateway's is to be removed when it died.
 */
static bool
is_closed_to_its_owner(const char *cgroup)
{
	char path[PATH_MAX];
	struct stat st;

	return cgroup != NULL &&
	    snprintf(path, sizeof(path), "%s/../..", cgroup) <
	    (int)sizeof(path) &&
	    stat(path, &st) == 0 && (st.st_mode & S_IWUSR) == 0;
}

int
confine_reaper(const char *cgroup)
{
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
	uint32_t kept = 1U << CAP_KILL;

	if (is_closed_to_its_owner(cgroup))
		kept |= 1U << CAP_DAC_OVERRIDE;
	if (get_capabilities(sets) == -1)
		return -1;
	drop_bounding_set();
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		sets[i].permitted &= i == 0 ? kept : 0;
		sets[i].effective = sets[i].permitted;
		sets[i].inheritable = 0;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == -1)
		return -1;
	return set_capabilities(sets);
}
