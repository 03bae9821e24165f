/* landlock.c: the files and ports that a job may reach. */
#include <sys/stat.h>
#include <sys/syscall.h>

#include <linux/landlock.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "landlock.h"
#include "ours.h"
#include "report.h"

/* Newer than the headers of Debian 12; see landlock(7). */
#define ACCESS_TRUNCATE            ((uint64_t)1 << 14)
#define ACCESS_IOCTL_DEV           ((uint64_t)1 << 15)
#define ACCESS_CONNECT_TCP         ((uint64_t)1 << 1)
#define SCOPE_ABSTRACT_UNIX_SOCKET ((uint64_t)1 << 0)
#define SCOPE_SIGNAL               ((uint64_t)1 << 1)
#define RULE_PORT                  2

#define READ                                                                   \
	((uint64_t)LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | \
	    LANDLOCK_ACCESS_FS_READ_DIR)
/* What a rule about a file, and not a folder, may say. */
#define OF_FILES                                                               \
	((uint64_t)LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | \
	    LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE |                  \
	    ACCESS_IOCTL_DEV)
#define WRITE UINT64_MAX

/* struct landlock_ruleset_attr as it is today; an older kernel takes it while
 * what it does not know is zero. */
struct attributes {
	uint64_t files;
	uint64_t ports;
	uint64_t scoped;
};

/* struct landlock_net_port_attr. */
struct port_rule {
	uint64_t allowed;
	uint64_t port;
};

struct ruleset {
	int fd;
	struct attributes handled;
};

/*
 * What every program needs.  All of /etc, because a file there that is replaced
 * would not be the one that was allowed; what is secret in it is kept by its
 * mode.
 */
static const char *const readable[] = { "/usr", "/bin", "/sbin", "/lib",
	"/lib32", "/lib64", "/libx32", "/etc", "/proc",
	"/sys/devices/system/cpu", "/sys/fs/cgroup",
	"/sys/kernel/mm/transparent_hugepage", "/run/systemd/resolve",
	"/run/resolvconf" };
static const char *const devices[] = { "/dev/null", "/dev/zero", "/dev/full",
	"/dev/random", "/dev/urandom" };

/* What has no function in glibc. */

static int
create_ruleset(const struct attributes *handled, size_t size, uint32_t flags)
{
	return (int)syscall(
	    SYS_landlock_create_ruleset, handled, size, (unsigned long)flags);
}

static int
add_rule(const struct ruleset *ruleset, int type, const void *rule)
{
	return (int)syscall(
	    SYS_landlock_add_rule, (long)ruleset->fd, (long)type, rule, 0L);
}

static bool
allows_all_ports(const struct spec_sandbox *sandbox)
{
	for (char **p = sandbox->connect; *p != NULL; p++) {
		if (strcmp(*p, "*") == 0)
			return true;
	}
	return false;
}

/* All that this version of Landlock can keep from it. */
static struct attributes
handled_by(int version, const struct spec_sandbox *sandbox)
{
	struct attributes handled = {
		/* Execute is the lowest, make symbolic links the highest. */
		.files = LANDLOCK_ACCESS_FS_MAKE_SYM |
		    (LANDLOCK_ACCESS_FS_MAKE_SYM - 1),
	};

	if (version >= 2)
		handled.files |= LANDLOCK_ACCESS_FS_REFER;
	if (version >= 3)
		handled.files |= ACCESS_TRUNCATE;
	if (version >= 4 && !allows_all_ports(sandbox))
		handled.ports = ACCESS_CONNECT_TCP;
	if (version >= 5)
		handled.files |= ACCESS_IOCTL_DEV;
	if (version >= 6)
		handled.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
	return handled;
}

/* A path with all below it; -1 with errno, which for one that cannot be reached
 * is ENOENT or the like. */
static int
allow(const struct ruleset *ruleset, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr rule = { .parent_fd = -1 };
	struct stat st;
	int result = -1, saved;

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd == -1)
		return -1;
	if (fstat(rule.parent_fd, &st) == 0) {
		rule.allowed_access = access & ruleset->handled.files;
		if (!S_ISDIR(st.st_mode))
			rule.allowed_access &= OF_FILES;
		result = add_rule(ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule);
	}
	saved = errno;
	(void)close(rule.parent_fd);
	errno = saved;
	return result;
}

static bool
is_out_of_reach(int error)
{
	return error == ENOENT || error == ENOTDIR || error == EACCES ||
	    error == ELOOP || error == ENAMETOOLONG;
}

/* What need not be there.  0, or -1 with errno. */
static int
allow_if_there(const struct ruleset *ruleset, const char *path, uint64_t access)
{
	if (allow(ruleset, path, access) == 0 || is_out_of_reach(errno))
		return 0;
	return -1;
}

/* What somebody listed. */
static int
allow_list(const struct ruleset *ruleset, char *const *paths, const char *key,
    uint64_t access)
{
	for (; *paths != NULL; paths++) {
		if (allow(ruleset, *paths, access) == 0)
			continue;
		if (!is_out_of_reach(errno))
			return -1;
		report_note("of its sandbox's \"%s\" %s cannot be reached: %s; "
			    "make it, or correct the path, and restart the "
			    "backend",
		    key, *paths, strerror(errno));
	}
	return 0;
}

/* A HOME or TMPDIR that is everything would be no sandbox. */
static int
allow_own(const struct ruleset *ruleset, const char *path)
{
	if (path == NULL || *path != '/' || path[strspn(path, "/.")] == '\0')
		return 0;
	return allow_if_there(ruleset, path, WRITE);
}

/* Where the shell would find the command: its path, or NULL. */
static const char *
find_command(const struct spec *spec, char path[PATH_MAX])
{
	const char *dir = spec_variable(spec, "PATH");
	const char *command = spec->argv[0];

	if (strchr(command, '/') != NULL)
		return command;
	for (; dir != NULL; dir = *dir == ':' ? dir + 1 : NULL) {
		size_t len = strcspn(dir, ":");

		if (snprintf(path, PATH_MAX, "%.*s%s%s", (int)len, dir,
			len > 0 ? "/" : "", command) < PATH_MAX &&
		    access(path, X_OK) == 0)
			return path;
		dir += len;
	}
	return ours_path(spec, path);
}

static int
allow_what_all_need(const struct ruleset *ruleset, const struct spec *spec)
{
	const char *tmp = spec_variable(spec, "TMPDIR"), *command;
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(readable) / sizeof(readable[0]); i++) {
		if (allow_if_there(ruleset, readable[i], READ) == -1)
			return -1;
	}
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
		if (allow_if_there(ruleset, devices[i], WRITE) == -1)
			return -1;
	}
	command = find_command(spec, path);
	if (command != NULL && allow_if_there(ruleset, command, READ) == -1)
		return -1;
	if (spec->cwd != NULL && allow_if_there(ruleset, spec->cwd, READ) == -1)
		return -1;
	if (allow_own(ruleset, spec_variable(spec, "HOME")) == -1)
		return -1;
	return allow_own(ruleset, tmp != NULL ? tmp : "/tmp");
}

static int
allow_ports(const struct ruleset *ruleset, const struct spec_sandbox *sandbox)
{
	for (char **p = sandbox->connect;
	     ruleset->handled.ports != 0 && *p != NULL; p++) {
		const struct port_rule rule = { .allowed = ACCESS_CONNECT_TCP,
			.port = strtoul(*p, NULL, 10) };

		if (add_rule(ruleset, RULE_PORT, &rule) == -1)
			return -1;
	}
	return 0;
}

static int
enter(const struct ruleset *ruleset, const struct spec *spec)
{
	const struct spec_sandbox *sandbox = &spec->sandbox;

	if (allow_what_all_need(ruleset, spec) == -1 ||
	    allow_list(ruleset, sandbox->read, "read", READ) == -1 ||
	    allow_list(ruleset, sandbox->write, "write", WRITE) == -1 ||
	    allow_ports(ruleset, sandbox) == -1)
		return -1;
	return (int)syscall(SYS_landlock_restrict_self, (long)ruleset->fd, 0L);
}

int
landlock_enter(const struct spec *spec)
{
	struct ruleset ruleset;
	int version, result, saved;

	version = create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (version == -1)
		return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -1;
	ruleset.handled = handled_by(version, &spec->sandbox);
	ruleset.fd =
	    create_ruleset(&ruleset.handled, sizeof(ruleset.handled), 0);
	if (ruleset.fd == -1)
		return -1;
	result = enter(&ruleset, spec);
	saved = errno;
	(void)close(ruleset.fd);
	errno = saved;
	return result;
}
