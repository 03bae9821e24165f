/* ours.c: the servers that come with the gateway. */
#include <sys/stat.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ours.h"

static int
open_own_folder(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (n == -1)
		return -1;
	path[n] = '\0';
	if ((slash = strrchr(path, '/')) == NULL)
		return -1;
	slash[1] = '\0'; /* of "/x" the root folder is left */
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static bool
has_file(int folder, const char *name)
{
	struct stat st;

	return fstatat(folder, name, &st, 0) == 0 && S_ISREG(st.st_mode);
}

void
ours_open(const struct spec *spec)
{
	const char *command = spec->argv[0];
	int folder;

	(void)close(OURS_FD); /* what the reaper may have there */
	if (strchr(command, '/') != NULL || (folder = open_own_folder()) == -1)
		return;
	if (folder == OURS_FD && has_file(folder, command))
		return;
	if (has_file(folder, command))
		(void)dup3(folder, OURS_FD, O_CLOEXEC);
	(void)close(folder);
}

const char *
ours_path(const struct spec *spec, char path[PATH_MAX])
{
	if (fcntl(OURS_FD, F_GETFD) == -1 ||
	    snprintf(path, PATH_MAX, "/proc/self/fd/%d/%s", OURS_FD,
		spec->argv[0]) >= PATH_MAX)
		return NULL;
	return path;
}
