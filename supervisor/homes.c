/* homes.c: the folders of jobs that have a user id of their own. */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "homes.h"
#include "refusal.h"

static bool
is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

void
homes_name(char dst[HOMES_NAME_MAX], const char *backend)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t n = 0;

	for (const char *p = backend; *p != '\0' && n + 3 < HOMES_NAME_MAX;
	     p++) {
		/* A dot at the beginning would hide it, or mean another. */
		if (is_plain(*p) && (*p != '.' || p != backend)) {
			dst[n++] = *p;
			continue;
		}
		dst[n++] = '%';
		dst[n++] = digits[(unsigned char)*p >> 4];
		dst[n++] = digits[(unsigned char)*p & 0xf];
	}
	dst[n] = '\0';
}

char *
homes_path(const char *state_dir, const char *backend)
{
	char name[HOMES_NAME_MAX], *path;

	homes_name(name, backend);
	if (asprintf(&path, "%s/%s", state_dir, name) == -1)
		return NULL;
	return path;
}

int
homes_owner(const char *state_dir, const char *backend, uid_t *ret)
{
	char *path = homes_path(state_dir, backend);
	struct stat st = { .st_uid = 0 };
	int result, saved;

	if (path == NULL)
		return -1;
	result = lstat(path, &st);
	saved = errno;
	free(path);
	errno = saved;
	if (result == -1 && errno != ENOENT)
		return -1;
	*ret = result == 0 ? st.st_uid : 0;
	return 0;
}

int
homes_each(const char *state_dir,
    void (*each)(void *arg, const char *name, uid_t owner), void *arg)
{
	DIR *dir = opendir(state_dir);
	struct dirent *entry;
	struct stat st;

	if (dir == NULL)
		return errno == ENOENT ? 0 : -1;
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0 ||
		    fstatat(dirfd(dir), entry->d_name, &st,
			AT_SYMLINK_NOFOLLOW) == -1 ||
		    !S_ISDIR(st.st_mode))
			continue;
		each(arg, entry->d_name, st.st_uid);
	}
	(void)closedir(dir);
	return 0;
}

/* Only root, or we, can put something else in the place of what is in it.  What
 * has the sticky bit may be written to by others: names stay their owners'. */
static bool
is_safe(const struct stat *st, bool inner)
{
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return false;
	return (st->st_mode & (S_IWGRP | S_IWOTH)) == 0 ||
	    (!inner && (st->st_mode & S_ISVTX) != 0);
}

/* The folder and all above it; takes fd.  False with errno EPERM. */
static bool
is_safe_up_to_root(int fd)
{
	struct stat st, before = { .st_ino = 0 };
	bool safe = true, inner = true;
	int above;

	for (;;) {
		if (fstat(fd, &st) == -1 || !(safe = is_safe(&st, inner)) ||
		    (st.st_ino == before.st_ino && st.st_dev == before.st_dev))
			break;
		before = st;
		inner = false;
		above = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		(void)close(fd);
		if ((fd = above) == -1)
			return false;
	}
	(void)close(fd);
	if (!safe)
		errno = EPERM;
	return safe;
}

/* state_dir, made where it is missing.  A descriptor, or -1 with errno. */
static int
open_state_dir(const char *state_dir)
{
	int fd, copy;

	/* The jobs go through it, and cannot list it. */
	if (mkdir(state_dir, 0711) == 0)
		(void)chmod(state_dir, 0711); /* whatever the umask is */
	else if (errno != EEXIST)
		return -1;
	fd = open(state_dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return -1;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy != -1 && is_safe_up_to_root(copy))
		return fd;
	(void)close(fd);
	errno = EPERM;
	return -1;
}

static int
refuse_state_dir(const char *state_dir, char **error)
{
	if (errno == EPERM)
		return refuse(error,
		    "folder %s, where jobs have their files, or one above it "
		    "can be changed by other users than root; chown root it "
		    "and chmod go-w it, or correct \"state_dir\"",
		    state_dir);
	return refuse(error,
	    "folder %s, where jobs have their files, cannot be used: %s; make "
	    "it, or correct \"state_dir\"",
	    state_dir, strerror(errno));
}

/* One that was not given away, because we died just then, is empty. */
static bool
make_again(int dir, const char *name)
{
	return unlinkat(dir, name, AT_REMOVEDIR) == 0 &&
	    mkdirat(dir, name, 0700) == 0;
}

/* 0, 1 when something else is in its place (*owner has it), -1 with errno. */
static int
make(int dir, const char *name, uid_t uid, gid_t gid, uid_t *owner)
{
	struct stat st;

	if (mkdirat(dir, name, 0700) == -1) {
		if (errno != EEXIST ||
		    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
			return -1;
		if (S_ISDIR(st.st_mode) && st.st_uid == uid)
			return 0;
		*owner = st.st_uid;
		if (!S_ISDIR(st.st_mode) || !make_again(dir, name))
			return 1;
	}
	return fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW);
}

int
homes_make(const char *state_dir, const char *backend, uid_t uid, gid_t gid,
    char **error)
{
	char name[HOMES_NAME_MAX];
	int fd = open_state_dir(state_dir), result;
	uid_t owner = 0;

	if (fd == -1)
		return refuse_state_dir(state_dir, error);
	homes_name(name, backend);
	result = make(fd, name, uid, gid, &owner);
	if (result == -1)
		(void)refuse(error,
		    "folder %s/%s cannot be made: %s; correct \"state_dir\"",
		    state_dir, name, strerror(errno));
	else if (result == 1)
		(void)refuse(error,
		    "%s/%s belongs to user %lu and not to %lu, who shall live "
		    "there; chown -R it, or move it away",
		    state_dir, name, (unsigned long)owner, (unsigned long)uid);
	(void)close(fd);
	return result == 0 ? 0 : -1;
}
