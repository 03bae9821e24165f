/* children.c: ending what fell to a child subreaper. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "proto/children.h"

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
