/* shortfall.c: what of a backend's limits and sandbox can be kept. */
#include <sys/syscall.h>

#include <linux/landlock.h>
#include <string.h>
#include <unistd.h>

#include "proto/cgroup.h"
#include "proto/log.h"
#include "shortfall.h"

/* TCP ports are kept from this version of Landlock on: Linux 6.7. */
#define LANDLOCK_WITH_PORTS 4

int
shortfall_landlock(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0UL,
	    (unsigned long)LANDLOCK_CREATE_RULESET_VERSION);

	return version > 0 ? (int)version : 0;
}

/* 0 stands for nothing in a backend that nobody wrote down. */
static bool
is_limit(uint64_t value)
{
	return value != 0 && value != CONFIG_UNLIMITED;
}

static uint64_t
kept_if(bool kept, uint64_t value)
{
	return kept && is_limit(value) ? value : CONFIG_UNLIMITED;
}

static bool
has(const struct shortfall_means *means, enum cgroup_limit limit)
{
	return (means->cgroup & 1U << limit) != 0;
}

struct setup_limits
shortfall_limits(
    const struct config_backend *backend, const struct shortfall_means *means)
{
	const struct config_job_limits *limits = &backend->limits;
	struct setup_limits kept = {
		.memory = kept_if(has(means, CGROUP_MEMORY), limits->memory),
		.processes =
		    kept_if(has(means, CGROUP_PROCESSES), limits->processes),
		.cpu_percent =
		    kept_if(has(means, CGROUP_CPU), limits->cpu_percent),
		.user_processes =
		    kept_if(!has(means, CGROUP_PROCESSES) && means->own_user,
			limits->processes),
		.open_files = kept_if(true, limits->open_files),
		.file_size = kept_if(true, limits->file_size),
		.core_size = limits->core_size,
	};

	/* There are two while one replaces the other, and all instances have
	 * one user. */
	if (kept.user_processes != CONFIG_UNLIMITED)
		kept.user_processes *= 2;
	if (kept.user_processes != CONFIG_UNLIMITED &&
	    backend->session != CONFIG_SHARED)
		kept.user_processes *= 1 + backend->max_instances;
	return kept;
}

static void
tell_of_limit(
    const struct config_backend *backend, const char *key, const char *more)
{
	log_warning("backend %s: its limit \"%s\" is not kept: no cgroup v2 "
		    "can be written to that has the controller for it; run the "
		    "gateway as a service of systemd's with Delegate=yes%s",
	    backend->name, key, more);
}

static bool
allows_all_ports(const struct config_sandbox *sandbox)
{
	for (char *const *p = sandbox->connect; p != NULL && *p != NULL; p++) {
		if (strcmp(*p, "*") == 0)
			return true;
	}
	return false;
}

static void
tell_of_sandbox(const struct config_backend *backend, int landlock)
{
	if (!backend->sandbox.set)
		return;
	if (landlock == 0)
		log_warning(
		    "backend %s: of its sandbox \"read\", \"write\" "
		    "and \"connect\" are not kept: this kernel has no "
		    "Landlock; switch it on (lsm=landlock,… at boot) or "
		    "use a newer one",
		    backend->name);
	else if (landlock < LANDLOCK_WITH_PORTS &&
	    !backend->sandbox.private_network &&
	    !allows_all_ports(&backend->sandbox))
		log_warning("backend %s: of its sandbox \"connect\" is not "
			    "kept: that needs Linux 6.7; use \"network\": "
			    "\"none\" where no port is needed",
		    backend->name);
}

void
shortfall_tell(
    const struct config_backend *backend, const struct shortfall_means *means)
{
	const struct config_job_limits *limits = &backend->limits;

	if (is_limit(limits->memory) && !has(means, CGROUP_MEMORY))
		tell_of_limit(backend, "memory", "");
	if (is_limit(limits->cpu_percent) && !has(means, CGROUP_CPU))
		tell_of_limit(backend, "cpu_percent", "");
	if (is_limit(limits->processes) && !has(means, CGROUP_PROCESSES) &&
	    !means->own_user)
		tell_of_limit(backend, "processes",
		    ", or give the backend a user of its own");
	tell_of_sandbox(backend, means->landlock);
}
