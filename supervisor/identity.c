/* identity.c: who the children run as. */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "identity.h"
#include "refusal.h"

int
identity_find_user(struct identity_user *ret, const char *name, char **error)
{
	struct identity_user user = { .name = NULL };
	struct passwd *pw;

	errno = 0;
	if ((pw = getpwnam(name)) == NULL)
		return refuse(error,
		    "user %s does not exist; run scripts/setup (or: useradd "
		    "--system --no-create-home --shell /usr/sbin/nologin %s)",
		    name, name);
	user.uid = pw->pw_uid;
	user.gid = pw->pw_gid;
	user.name = strdup(pw->pw_name);
	user.home = strdup(pw->pw_dir);
	user.shell = strdup(pw->pw_shell);
	if (user.name == NULL || user.home == NULL || user.shell == NULL) {
		identity_user_free(&user);
		return refuse(error, "out of memory");
	}
	*ret = user;
	return 0;
}

void
identity_user_free(struct identity_user *user)
{
	free(user->name);
	free(user->home);
	free(user->shell);
	memset(user, 0, sizeof(*user));
}

int
identity_find_group(gid_t *ret, const char *name, char **error)
{
	const struct group *group = getgrnam(name);

	if (group == NULL)
		return refuse(error,
		    "group %s does not exist; make it (groupadd --system %s), "
		    "or correct \"group\"",
		    name, name);
	*ret = group->gr_gid;
	return 0;
}

int
identity_find_role(struct role_identity *ret, const char *name, char **error)
{
	struct identity_user user;

	if (identity_find_user(&user, name, error) == -1)
		return -1;
	ret->set = true;
	ret->uid = user.uid;
	ret->gid = user.gid;
	ret->chroot = IDENTITY_CHROOT;
	identity_user_free(&user);
	if (ret->uid == 0 || ret->gid == 0)
		return refuse(error,
		    "user %s is root or in root's group: front and workers "
		    "need a user without rights of its own",
		    name);
	return 0;
}

/* One step of the way, made where it is missing.  The descriptor, or -1. */
static int
walk(int parent, const char *name, bool make)
{
	struct stat st;
	int fd;

	if (make && mkdirat(parent, name, 0755) == -1 && errno != EEXIST)
		return -1;
	fd = openat(
	    parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == 0 && st.st_uid == 0 &&
	    (st.st_mode & (S_IWGRP | S_IWOTH)) == 0)
		return fd;
	(void)close(fd);
	errno = EPERM;
	return -1;
}

/* Takes fd. */
static bool
is_empty(int fd)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	bool empty = true;

	if (dir == NULL) {
		(void)close(fd);
		return false;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			empty = false;
	}
	(void)closedir(dir);
	return empty;
}

int
identity_prepare_chroot(char **error)
{
	char way[] = IDENTITY_CHROOT;
	char *name, *rest = NULL;
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), next;
	mode_t mask = umask(022);

	for (name = strtok_r(way, "/", &rest); name != NULL && fd != -1;
	     name = strtok_r(NULL, "/", &rest)) {
		next = walk(fd, name, strcmp(name, "run") != 0);
		(void)close(fd);
		fd = next;
	}
	(void)umask(mask);
	if (fd == -1)
		return refuse(error,
		    "folder %s cannot be used: %s; it and the folders above it "
		    "must belong to root and be writable by root alone",
		    IDENTITY_CHROOT, strerror(errno));
	if (!is_empty(fd))
		return refuse(error,
		    "folder %s is not empty; remove what is in it",
		    IDENTITY_CHROOT);
	return 0;
}
