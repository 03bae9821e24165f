/* cgroup.c: folders of cgroup v2. */
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proto/cgroup.h"

/* A job that runs containers nests three or four; recursion must end. */
#define DEPTH_MAX 16

/* Folders that are looked into for one count, so that it takes milliseconds. */
#define FOLDERS_MAX 1024

/* What was killed is out of its folder in a few milliseconds. */
#define BUSY_TRIES   40
#define BUSY_WAIT_NS 5000000

/* Called for each folder within one, parent open as fd; -1 ends the walk. */
typedef int (*visitor)(int fd, const char *name, unsigned int depth, void *arg);

static int
open_folder(int parent, const char *name)
{
	return openat(
	    parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Takes fd. */
static int
each_folder(int fd, unsigned int depth, visitor visit, void *arg)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	int result = 0, saved;

	if (dir == NULL) {
		saved = errno;
		(void)close(fd);
		errno = saved;
		return -1;
	}
	while (result == 0 && (entry = readdir(dir)) != NULL) {
		if (entry->d_type == DT_DIR &&
		    strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			result =
			    visit(dirfd(dir), entry->d_name, depth + 1, arg);
	}
	saved = errno;
	(void)closedir(dir);
	errno = saved;
	return result;
}

int
cgroup_write(const char *path, const char *file, const char *text)
{
	char name[PATH_MAX];
	ssize_t n;
	int fd, saved;

	if (snprintf(name, sizeof(name), "%s/%s", path, file) >=
	    (int)sizeof(name)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if ((fd = open(name, O_WRONLY | O_CLOEXEC)) == -1)
		return -1;
	n = write(fd, text, strlen(text));
	saved = errno;
	(void)close(fd);
	errno = saved;
	return n == -1 ? -1 : 0;
}

/* The unit of cpu.max: a process may have so much of each. */
#define CPU_PERIOD_US 100000

int
cgroup_set_limit(const char *path, enum cgroup_limit limit, uint64_t value)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	switch (limit) {
	case CGROUP_MEMORY:
		if (cgroup_write(path, "memory.max", text) == -1)
			return -1;
		/* One that lost a part of itself is of no use.  Linux 4.19. */
		(void)cgroup_write(path, "memory.oom.group", "1");
		return 0;
	case CGROUP_PROCESSES:
		return cgroup_write(path, "pids.max", text);
	case CGROUP_CPU:
		(void)snprintf(text, sizeof(text), "%" PRIu64 " %d",
		    value * (CPU_PERIOD_US / 100), CPU_PERIOD_US);
		return cgroup_write(path, "cpu.max", text);
	}
	errno = EINVAL;
	return -1;
}

int64_t
cgroup_memory_kills(const char *path)
{
	char name[PATH_MAX], word[32];
	int64_t value, kills = -1;
	FILE *file;

	if (snprintf(name, sizeof(name), "%s/memory.events", path) >=
		(int)sizeof(name) ||
	    (file = fopen(name, "re")) == NULL)
		return -1;
	while (fscanf(file, "%31s %" SCNd64, word, &value) == 2) {
		if (strcmp(word, "oom_kill") == 0)
			kills = value;
	}
	(void)fclose(file);
	return kills;
}

int
cgroup_make(const char *path)
{
	if (mkdir(path, 0755) == 0)
		return 0;
	/*
	 * Somebody killed what was in it, and since Linux 6.14 that also kills
	 * what is cloned into it at any later time: it must not be used again.
	 */
	if (errno != EEXIST || cgroup_remove(path) == -1)
		return -1;
	return mkdir(path, 0755);
}

int
cgroup_join(const char *path)
{
	return cgroup_write(path, "cgroup.procs", "0");
}

/* fork(2) into the folder; -1 with errno also when that is not possible. */
static pid_t
fork_into(const char *path)
{
	struct clone_args args = { .flags = CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD };
	int fd = open_folder(AT_FDCWD, path);
	pid_t pid;
	int saved;

	if (fd == -1)
		return -1;
	args.cgroup = (unsigned int)fd;
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	saved = errno;
	(void)close(fd);
	errno = saved;
	return pid;
}

pid_t
cgroup_fork(const char *path)
{
	pid_t pid;

	if (path == NULL)
		return fork();
	if ((pid = fork_into(path)) == -1 && (pid = fork()) == 0)
		(void)cgroup_join(path);
	return pid;
}

int
cgroup_kill(const char *path)
{
	return cgroup_write(path, "cgroup.kill", "1");
}

struct count {
	int processes;
	unsigned int folders;
};

static void
count_lines(int folder, struct count *count)
{
	int fd = openat(folder, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	char text[4096];
	ssize_t n;

	if (fd == -1)
		return;
	while (count->processes < CGROUP_COUNT_MAX &&
	    (n = read(fd, text, sizeof(text))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			count->processes += text[i] == '\n';
	}
	if (count->processes > CGROUP_COUNT_MAX)
		count->processes = CGROUP_COUNT_MAX;
	(void)close(fd);
}

/* One that vanished, or that is threaded, has no processes of its own. */
static int
count_folder(int parent, const char *name, unsigned int depth, void *arg)
{
	struct count *count = arg;
	int fd;

	if (depth > DEPTH_MAX || count->folders++ >= FOLDERS_MAX)
		return 0;
	if ((fd = open_folder(parent, name)) == -1)
		return depth == 0 ? -1 : 0;
	count_lines(fd, count);
	return each_folder(fd, depth, count_folder, count);
}

int
cgroup_count(const char *path)
{
	struct count count = { 0, 0 };

	if (count_folder(AT_FDCWD, path, 0, &count) == -1)
		return -1;
	return count.processes;
}

/* Only folders are ever removed: on any other file system it fails. */
static int
remove_folder(int parent, const char *name, unsigned int depth, void *arg)
{
	int fd = open_folder(parent, name);

	if (fd == -1)
		return errno == ENOENT ? 0 : -1;
	if (depth < DEPTH_MAX) {
		if (each_folder(fd, depth, remove_folder, arg) == -1)
			return -1;
	} else {
		(void)close(fd);
	}
	if (unlinkat(parent, name, AT_REMOVEDIR) == -1 && errno != ENOENT)
		return -1;
	return 0;
}

int
cgroup_remove(const char *path)
{
	const struct timespec wait = { .tv_nsec = BUSY_WAIT_NS };

	for (int i = 0; i < BUSY_TRIES; i++) {
		if (remove_folder(AT_FDCWD, path, 0, NULL) == 0)
			return 0;
		if (errno != EBUSY)
			return -1;
		(void)nanosleep(&wait, NULL);
		errno = EBUSY;
	}
	return -1;
}

/* A lock of a folder that was removed meanwhile is worth nothing, and another
 * one of that name is not ours to kill. */
static int
check_there(int fd, const char *path)
{
	struct stat ours, there;

	if (fstat(fd, &ours) == -1 || stat(path, &there) == -1)
		return -1;
	if (ours.st_ino == there.st_ino && ours.st_dev == there.st_dev)
		return 0;
	errno = ESTALE;
	return -1;
}

int
cgroup_lock(const char *path)
{
	int fd = open_folder(AT_FDCWD, path), saved;

	if (fd == -1)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && check_there(fd, path) == 0)
		return fd;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

int
cgroup_reclaim(const char *path)
{
	const char *name = strrchr(path, '/');
	int fd, result, saved;

	if (name == NULL ||
	    strncmp(name + 1, CGROUP_GATEWAY, strlen(CGROUP_GATEWAY)) != 0) {
		errno = EINVAL;
		return -1;
	}
	if ((fd = cgroup_lock(path)) == -1)
		return -1;
	(void)cgroup_kill(path);
	result = cgroup_remove(path);
	saved = errno;
	(void)close(fd);
	errno = saved;
	return result;
}
