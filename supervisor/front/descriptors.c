#include "descriptors.h"

#include <sys/resource.h>

#include <stdint.h>

#include "guard.h"

size_t
descriptors_for_clients(size_t links)
{
	const size_t reserved = GUARD_RESERVED_FDS + links;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return GUARD_CONNECTIONS_MAX;
	/* Once, at the start: the sandbox does not let it be changed. */
	if (limit.rlim_cur != limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur > GUARD_CONNECTIONS_MAX + reserved)
		return GUARD_CONNECTIONS_MAX;
	if (limit.rlim_cur <= 2 * reserved)
		return (size_t)limit.rlim_cur / 2;
	return (size_t)limit.rlim_cur - reserved;
}

size_t
descriptors_for_instances(size_t backends, size_t instances)
{
	const size_t reserved = GUARD_RESERVED_FDS + backends;
	struct rlimit limit;
	size_t left;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1 ||
	    limit.rlim_cur > 2 * (reserved + instances))
		return SIZE_MAX;
	left = (size_t)(limit.rlim_cur - limit.rlim_cur / 2);
	return left > reserved ? left - reserved : 0;
}
