#include "proto/sandbox_landlock.h"

#include <sys/syscall.h>

#include <linux/landlock.h>

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

/* Newer than the headers of Debian 12; see landlock(7). */
#define ACCESS_TRUNCATE            ((uint64_t)1 << 14)
#define ACCESS_IOCTL_DEV           ((uint64_t)1 << 15)
#define ACCESS_BIND_TCP            ((uint64_t)1 << 0)
#define ACCESS_CONNECT_TCP         ((uint64_t)1 << 1)
#define SCOPE_ABSTRACT_UNIX_SOCKET ((uint64_t)1 << 0)
#define SCOPE_SIGNAL               ((uint64_t)1 << 1)

/* struct landlock_ruleset_attr as it is today; an older kernel takes it while
 * what it does not know is zero. */
struct ruleset {
	uint64_t files;
	uint64_t ports;
	uint64_t scoped;
};

/* What has no system call in glibc; see landlock(7). */

static int
create_ruleset(const struct ruleset *ruleset, size_t size, uint32_t flags)
{
	return (int)syscall(
	    SYS_landlock_create_ruleset, ruleset, size, (uintptr_t)flags);
}

static int
add_folder(int ruleset, const struct landlock_path_beneath_attr *folder)
{
	return (int)syscall(SYS_landlock_add_rule, (long)ruleset,
	    (long)LANDLOCK_RULE_PATH_BENEATH, folder, (long)0);
}

static int
restrict_self(int ruleset)
{
	return (int)syscall(SYS_landlock_restrict_self, (long)ruleset, (long)0);
}

/* All that this version of Landlock can keep from us, but for what is left. */
static struct ruleset
make_ruleset(int version, const struct sandbox_landlock *left)
{
	struct ruleset ruleset = {
		/* Execute is the lowest, make symbolic links the highest. */
		.files = LANDLOCK_ACCESS_FS_MAKE_SYM |
		    (LANDLOCK_ACCESS_FS_MAKE_SYM - 1),
	};

	if (version >= 2)
		ruleset.files |= LANDLOCK_ACCESS_FS_REFER;
	if (version >= 3)
		ruleset.files |= ACCESS_TRUNCATE;
	if (version >= 4)
		ruleset.ports =
		    ACCESS_BIND_TCP | (left->connect ? 0 : ACCESS_CONNECT_TCP);
	if (version >= 5)
		ruleset.files |= ACCESS_IOCTL_DEV;
	if (version >= 6)
		ruleset.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
	return ruleset;
}

static int
allow_reading(int ruleset, const char *path)
{
	struct landlock_path_beneath_attr folder = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
	};
	int result, saved;

	folder.parent_fd = open(path, O_PATH | O_CLOEXEC | O_DIRECTORY);
	if (folder.parent_fd == -1)
		return errno == ENOENT || errno == EACCES ? 0 : -1;
	result = add_folder(ruleset, &folder);
	saved = errno;
	(void)close(folder.parent_fd);
	errno = saved;
	return result;
}

static int
enter(int ruleset, const struct sandbox_landlock *left)
{
	const char *const *path = left->readable;

	for (; path != NULL && *path != NULL; path++)
		if (allow_reading(ruleset, *path) == -1)
			return -1;
	return restrict_self(ruleset);
}

int
sandbox_landlock_enter(const struct sandbox_landlock *left, bool *missing)
{
	struct ruleset ruleset;
	int version, fd, result, saved;

	version = create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (version == -1) {
		/* Not built in, or not switched on when the system started. */
		if (errno != ENOSYS && errno != EOPNOTSUPP)
			return -1;
		*missing = true;
		return 0;
	}
	ruleset = make_ruleset(version, left);
	/* Close-on-exec by itself. */
	if ((fd = create_ruleset(&ruleset, sizeof(ruleset), 0)) == -1)
		return -1;
	result = enter(fd, left);
	saved = errno;
	(void)close(fd);
	errno = saved;
	return result;
}
