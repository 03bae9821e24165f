/* folder.c: whether others could put something else in our file's place. */
#include <sys/stat.h>

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"
#include "refusal.h"

static int
judge(const char *folder, const struct stat *st, bool sticky, char **error)
{
	bool open_to_others = (st->st_mode & (S_IWGRP | S_IWOTH)) != 0;

	if (!S_ISDIR(st->st_mode))
		return refuse(error, "%s is no folder", folder);
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return refuse(error,
		    "folder %s belongs to another user (uid %u), who could "
		    "replace what is in it; use a folder of your own",
		    folder, (unsigned int)st->st_uid);
	if (open_to_others && !(sticky && (st->st_mode & S_ISVTX) != 0))
		return refuse(error,
		    "other users can write to folder %s (mode %04o) and could "
		    "replace what is in it; run \"chmod go-w %s\", or use "
		    "another folder",
		    folder, (unsigned int)st->st_mode & 07777, folder);
	return 0;
}

int
folder_check(const char *path, bool sticky, char **error)
{
	char copy[PATH_MAX];
	const char *folder;
	struct stat st;

	if (strlcpy(copy, path, sizeof(copy)) >= sizeof(copy))
		return refuse(error, "the path is too long");
	folder = dirname(copy);
	if (stat(folder, &st) == -1)
		return refuse(error,
		    "folder %s: %s; make it with \"mkdir -p "
		    "%s\", or use another one",
		    folder, strerror(errno), folder);
	return judge(folder, &st, sticky, error);
}
