/* memory.c: how much memory processes of ours use, from proc(5). */
#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"
#include "proto/clock.h"

/* 4,096 processes of 20 microseconds are less than the tenth of a second that
 * nobody notices. */
#define PROCESSES_MAX 4096
#define EXACT_MS      50U

/* A job has fewer; of a larger one the sum is not known. */
#define DESCENDANTS_MAX 512
/* Threads whose children are looked for, of one job. */
#define THREADS_MAX 2048

void
memory_begin(struct memory_budget *budget)
{
	budget->processes = PROCESSES_MAX;
	budget->exact_until = mono_ms() + EXACT_MS;
}

static FILE *
open_file(pid_t pid, const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
	return fopen(path, "re");
}

/* "Pss:  1234 kB" */
static uint64_t
proportional(pid_t pid)
{
	FILE *file = open_file(pid, "smaps_rollup");
	uint64_t ret = MEMORY_UNKNOWN, kib;
	char line[256];

	if (file == NULL)
		return MEMORY_UNKNOWN;
	while (ret == MEMORY_UNKNOWN && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "Pss: %" SCNu64 " kB", &kib) == 1)
			ret = kib << 10;
	(void)fclose(file);
	return ret;
}

static uint64_t
resident(pid_t pid)
{
	FILE *file = open_file(pid, "statm");
	uint64_t pages;
	int got;

	if (file == NULL)
		return MEMORY_UNKNOWN;
	got = fscanf(file, "%*u %" SCNu64, &pages);
	(void)fclose(file);
	return got == 1 ? pages * (uint64_t)sysconf(_SC_PAGESIZE)
			: MEMORY_UNKNOWN;
}

uint64_t
memory_of_process(struct memory_budget *budget, pid_t pid)
{
	uint64_t exact;

	if (pid < 1)
		return 0;
	if (budget->processes == 0)
		return MEMORY_UNKNOWN;
	budget->processes--;
	if (mono_ms() < budget->exact_until &&
	    (exact = proportional(pid)) != MEMORY_UNKNOWN)
		return exact;
	return resident(pid);
}

/* Processes found so far; those behind next have not been looked at. */
struct found {
	pid_t pids[DESCENDANTS_MAX];
	unsigned int count;
	unsigned int next;
	unsigned int threads;
	bool overflow;
};

static void
add_children(struct found *found, pid_t pid, const char *thread)
{
	char name[sizeof(((struct dirent *)NULL)->d_name) + 16];
	FILE *file;
	long child;

	(void)snprintf(name, sizeof(name), "task/%s/children", thread);
	if ((file = open_file(pid, name)) == NULL)
		return; /* it ended */
	while (!found->overflow && fscanf(file, "%ld", &child) == 1) {
		if (found->count == DESCENDANTS_MAX)
			found->overflow = true;
		else
			found->pids[found->count++] = (pid_t)child;
	}
	(void)fclose(file);
}

/* Every thread may have children of its own. */
static void
look_at(struct found *found, pid_t pid)
{
	struct dirent *entry;
	char path[64];
	DIR *tasks;

	(void)snprintf(path, sizeof(path), "/proc/%ld/task", (long)pid);
	if ((tasks = opendir(path)) == NULL)
		return;
	while (!found->overflow && (entry = readdir(tasks)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (++found->threads > THREADS_MAX)
			found->overflow = true;
		else
			add_children(found, pid, entry->d_name);
	}
	(void)closedir(tasks);
}

uint64_t
memory_of_descendants(struct memory_budget *budget, pid_t pid)
{
	struct found found = { .count = 0 };
	uint64_t sum = 0, one;

	if (pid < 1)
		return 0;
	look_at(&found, pid);
	while (!found.overflow && found.next < found.count)
		look_at(&found, found.pids[found.next++]);
	if (found.overflow || found.count > budget->processes)
		return MEMORY_UNKNOWN;
	for (unsigned int i = 0; i < found.count; i++) {
		one = memory_of_process(budget, found.pids[i]);
		if (one != MEMORY_UNKNOWN) /* else it ended meanwhile */
			sum += one;
	}
	return sum;
}
