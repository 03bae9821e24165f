#include "config_access.h"

#include <sys/stat.h>

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/log.h"

/* As many as the kernel follows: path_resolution(7). */
#define LINKS_MAX 40

#define NAME_SIZE 64

/* The way from the root folder to a file. */
struct way {
	char done[PATH_MAX]; /* what is behind us, without links; "" is "/" */
	char rest[PATH_MAX]; /* what is ahead */
	unsigned int links;  /* that were followed */
	struct stat st;      /* of done */
	char *why;
};

/* Say what is wrong with the place at path, and how to cure it. */
static int
refuse(char *why, const char *path, const char *is, const char *remedy)
{
	const char *shown = log_str(path, strlen(path));

	(void)snprintf(why, CONFIG_TEXT_WHY_MAX,
	    "can be changed by others than %s: %s %s; run \"%s %s\", or put "
	    "the file where only %s can change it",
	    geteuid() == 0 ? "root" : "its owner", shown, is, remedy, shown,
	    geteuid() == 0 ? "root" : "you");
	return -1;
}

static int
refuse_owner(char *why, const char *path, uid_t owner)
{
	char is[NAME_SIZE + 32];
	const struct passwd *pw = getpwuid(owner);
	const char *name = pw != NULL ? pw->pw_name : "unknown";

	(void)snprintf(is, sizeof(is), "belongs to user %ju (%.*s)",
	    (uintmax_t)owner, NAME_SIZE, name);
	if (geteuid() == 0)
		return refuse(why, path, is, "chown root");
	(void)snprintf(why, CONFIG_TEXT_WHY_MAX,
	    "%s, who can change it; make a copy of your own and name that", is);
	return -1;
}

static int
refuse_group(char *why, const char *path, const struct stat *st)
{
	char is[NAME_SIZE + 64];
	const struct group *gr = getgrgid(st->st_gid);
	const char *name = gr != NULL ? gr->gr_name : "unknown";

	(void)snprintf(is, sizeof(is),
	    "can be written by group %ju (%.*s), its mode being %04o",
	    (uintmax_t)st->st_gid, NAME_SIZE, name,
	    (unsigned int)st->st_mode & 07777);
	return refuse(why, path, is, "chmod g-w");
}

static int
refuse_others(char *why, const char *path, const struct stat *st)
{
	char is[NAME_SIZE];

	(void)snprintf(is, sizeof(is),
	    "can be written by anyone, its mode being %04o",
	    (unsigned int)st->st_mode & 07777);
	return refuse(why, path, is, "chmod o-w");
}

/* A folder, a link or the file on the way of root's gateway; what lies in it
 * and is not root's is refused in its turn. */
static int
check_place(const struct way *way)
{
	const struct stat *st = &way->st;
	const char *path = *way->done == '\0' ? "/" : way->done;

	if (st->st_uid != 0)
		return refuse_owner(way->why, path, st->st_uid);
	if (S_ISLNK(st->st_mode))
		return 0; /* its mode means nothing */
	if (S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) != 0)
		return 0;
	if ((st->st_mode & S_IWOTH) != 0)
		return refuse_others(way->why, path, st);
	if ((st->st_mode & S_IWGRP) != 0 && st->st_gid != 0)
		return refuse_group(way->why, path, st);
	return 0;
}

static int
fail(const struct way *way, int error)
{
	(void)snprintf(way->why, CONFIG_TEXT_WHY_MAX,
	    "cannot be checked for who may change it: %s; give its path "
	    "without links",
	    strerror(error));
	return -1;
}

/* Put what the link at done says before what is ahead. */
static int
follow(struct way *way)
{
	char target[PATH_MAX];
	char rest[PATH_MAX];
	ssize_t n = readlink(way->done, target, sizeof(target) - 1);

	if (n == -1)
		return fail(way, errno);
	target[n] = '\0';
	if (++way->links > LINKS_MAX)
		return fail(way, ELOOP);
	if ((size_t)snprintf(rest, sizeof(rest), "%s/%s", target, way->rest) >=
	    sizeof(rest))
		return fail(way, ENAMETOOLONG);
	(void)strlcpy(way->rest, rest, sizeof(way->rest));
	*strrchr(way->done, '/') = '\0'; /* it is relative to its folder */
	if (*target == '/')
		*way->done = '\0';
	return 0;
}

/* Take the next part of the path, which is n bytes long at part. */
static int
enter(struct way *way, const char *part, size_t n)
{
	size_t len = strlen(way->done);

	if (n == 2 && strncmp(part, "..", 2) == 0) {
		if (len > 0) /* done has no links: this is its folder */
			*strrchr(way->done, '/') = '\0';
		return 0;
	}
	if (len + 1 + n >= sizeof(way->done))
		return fail(way, ENAMETOOLONG);
	way->done[len] = '/';
	memcpy(way->done + len + 1, part, n);
	way->done[len + 1 + n] = '\0';
	if (lstat(way->done, &way->st) == -1)
		return fail(way, errno);
	if (check_place(way) == -1)
		return -1;
	return S_ISLNK(way->st.st_mode) ? follow(way) : 0;
}

/* Walk to the end of the path; way->st is then the file's. */
static int
walk(struct way *way)
{
	char part[PATH_MAX];

	if (lstat("/", &way->st) == -1)
		return fail(way, errno);
	if (check_place(way) == -1)
		return -1;
	while (way->rest[strspn(way->rest, "/")] != '\0') {
		const char *at = way->rest + strspn(way->rest, "/");
		size_t n = strcspn(at, "/");

		memcpy(part, at, n);
		memmove(way->rest, at + n, strlen(at + n) + 1);
		if (n == 1 && *part == '.')
			continue;
		if (enter(way, part, n) == -1)
			return -1;
	}
	return 0;
}

static int
check_way(const char *path, const struct stat *opened, char *why)
{
	struct way way = { .why = why };
	char here[PATH_MAX] = "";
	int n;

	if (*path != '/' && getcwd(here, sizeof(here)) == NULL)
		return fail(&way, errno);
	n = snprintf(way.rest, sizeof(way.rest), "%s/%s", here, path);
	if ((size_t)n >= sizeof(way.rest))
		return fail(&way, ENAMETOOLONG);
	if (walk(&way) == -1)
		return -1;
	if (way.st.st_dev == opened->st_dev && way.st.st_ino == opened->st_ino)
		return 0;
	(void)strlcpy(why, "was replaced while it was read; try again",
	    CONFIG_TEXT_WHY_MAX);
	return -1;
}

int
config_access_check(int fd, const char *path, enum config_trust trust,
    char why[CONFIG_TEXT_WHY_MAX])
{
	uid_t self = geteuid();
	struct stat st;

	if (trust == CONFIG_TRUST_ANY)
		return 0;
	if (fstat(fd, &st) == -1) {
		(void)snprintf(why, CONFIG_TEXT_WHY_MAX, "cannot be read: %s",
		    strerror(errno));
		return -1;
	}
	if (trust == CONFIG_TRUST_SECRET && (st.st_mode & S_IROTH) != 0) {
		(void)snprintf(why, CONFIG_TEXT_WHY_MAX,
		    "can be read by anyone, its mode being %04o; run \"chmod "
		    "o-r\" on it",
		    (unsigned int)st.st_mode & 07777);
		return -1;
	}
	if (self == 0)
		return check_way(path, &st, why);
	if (st.st_uid != 0 && st.st_uid != self)
		return refuse_owner(why, path, st.st_uid);
	if ((st.st_mode & S_IWOTH) != 0)
		return refuse_others(why, path, &st);
	return 0;
}
