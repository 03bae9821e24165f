/* children.c: counting and ending what fell to a child subreaper. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/children.h"

/*
 * Threads whose children are looked for in one count: each costs fifteen
 * microseconds, and the count is asked for every second.
 */
#define THREADS_MAX 4096

/* proc(5): the children of a thread, numbers with a space after each. */
static FILE *
children_open(void)
{
	char path[64];

	(void)snprintf(
	    path, sizeof(path), "/proc/self/task/%ld/children", (long)getpid());
	return fopen(path, "re");
}

int
children_kill(bool (*spare)(void *arg, pid_t pid), void *arg)
{
	FILE *file = children_open();
	long pid;
	int count = 0;

	if (file == NULL)
		return -1;
	while (fscanf(file, "%ld", &pid) == 1) {
		if (pid <= 1 || (spare != NULL && spare(arg, (pid_t)pid)))
			continue;
		(void)kill((pid_t)pid, SIGKILL);
		count++;
	}
	(void)fclose(file);
	return count;
}

/* Processes found so far; those behind next have not been looked at. */
struct found {
	pid_t *pids;
	int count;
	int room;
	int next;
	unsigned int threads;
};

static int
found_add(struct found *found, pid_t pid)
{
	int room = found->room != 0 ? 2 * found->room : 64;
	pid_t *more;

	if (found->count == found->room) {
		more = reallocarray(found->pids, (size_t)room, sizeof(*more));
		if (more == NULL)
			return -1;
		found->pids = more;
		found->room = room;
	}
	found->pids[found->count++] = pid;
	return 0;
}

/* Takes file. */
static int
found_read(struct found *found, FILE *file)
{
	int result = 0;
	long pid;

	while (result == 0 && found->count < CHILDREN_COUNT_MAX &&
	    fscanf(file, "%ld", &pid) == 1)
		result = found_add(found, (pid_t)pid);
	(void)fclose(file);
	return result;
}

static int
found_look_at_thread(struct found *found, int tasks, const char *name)
{
	char path[sizeof(((struct dirent *)NULL)->d_name) + 16];
	FILE *file;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/children", name);
	if ((fd = openat(tasks, path, O_RDONLY | O_CLOEXEC)) == -1)
		return 0; /* it ended */
	if ((file = fdopen(fd, "r")) == NULL) {
		(void)close(fd);
		return -1;
	}
	return found_read(found, file);
}

/* Every thread may have children of its own. */
static int
found_look_at(struct found *found, pid_t pid)
{
	char path[64];
	struct dirent *entry;
	int result = 0;
	DIR *tasks;

	(void)snprintf(path, sizeof(path), "/proc/%ld/task", (long)pid);
	if ((tasks = opendir(path)) == NULL)
		return 0; /* it ended, or is hidden from us */
	while (result == 0 && found->threads < THREADS_MAX &&
	    (entry = readdir(tasks)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		found->threads++;
		result =
		    found_look_at_thread(found, dirfd(tasks), entry->d_name);
	}
	(void)closedir(tasks);
	return result;
}

int
children_count(void)
{
	struct found found = { .pids = NULL };
	FILE *file = children_open();
	int result, saved;

	if (file == NULL)
		return -1;
	result = found_read(&found, file);
	while (result == 0 && found.next < found.count &&
	    found.threads < THREADS_MAX)
		result = found_look_at(&found, found.pids[found.next++]);
	saved = errno;
	free(found.pids);
	errno = saved;
	return result == 0 ? found.count : -1;
}
