/* cgroup.c: where this gateway keeps the cgroups of its jobs. */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"

/* A gateway that starts at the same time may take ours for one that nobody
 * keeps, in the instant before it is locked. */
#define MAKE_TRIES 10

/* Where we are ourselves while the folder that we were in hands controllers
 * down: a name that no gateway takes for a folder of jobs. */
#define OWN_FOLDER "mcp-gatewayd."

struct cgroup {
	char *folder;
	int lock;
	unsigned int limits; /* bits of enum cgroup_limit */
	char *own;           /* where we went ourselves, or NULL */
};

/* The controllers that keep them. */
static const char *const controllers[CGROUP_LIMITS] = {
	[CGROUP_MEMORY] = "memory",
	[CGROUP_PROCESSES] = "pids",
	[CGROUP_CPU] = "cpu",
};

/* The fields of a line of proc_pid_mountinfo(5) that matter. */
struct mount {
	char *root;
	char *point;
	char *options;
	char *type;
};

/* Blanks in names are written as three octal digits. */
static void
unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; from++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' &&
		    from[2] >= '0' && from[2] <= '7' && from[3] >= '0' &&
		    from[3] <= '7') {
			*to++ = (char)(((from[1] - '0') << 6) |
			    ((from[2] - '0') << 3) | (from[3] - '0'));
			from += 3;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

static bool
mount_parse(struct mount *mount, char *line)
{
	char *field[6], *word;

	for (int i = 0; i < 6; i++) {
		if ((field[i] = strsep(&line, " ")) == NULL)
			return false;
	}
	while ((word = strsep(&line, " ")) != NULL && strcmp(word, "-") != 0)
		continue;
	*mount = (struct mount){ .root = field[3],
		.point = field[4],
		.options = field[5],
		.type = strsep(&line, " ") };
	unescape(mount->root);
	unescape(mount->point);
	return mount->type != NULL;
}

static bool
is_writable(const char *options)
{
	return strcmp(options, "rw") == 0 || strncmp(options, "rw,", 3) == 0;
}

/* What comes after the mount's root in our path; NULL when it is outside. */
static const char *
below(const char *root, const char *own)
{
	size_t len = strlen(root);

	if (strcmp(root, "/") == 0)
		len = 0;
	if (strncmp(own, root, len) != 0 ||
	    (own[len] != '/' && own[len] != '\0'))
		return NULL;
	return strcmp(own + len, "/") == 0 ? "" : own + len;
}

/* Our path in the one hierarchy of version 2; the caller's, or NULL. */
static char *
own_path(FILE *self)
{
	char *line = NULL, *path = NULL;
	size_t size = 0;

	while (path == NULL && getline(&line, &size, self) != -1) {
		line[strcspn(line, "\n")] = '\0';
		/* "/.." is outside what this namespace may see. */
		if (strncmp(line, "0::/", 4) == 0 &&
		    strncmp(line, "0::/..", 6) != 0)
			path = strdup(line + 3);
	}
	free(line);
	return path;
}

char *
cgroup_find(FILE *mountinfo, FILE *self)
{
	char *own = own_path(self), *line = NULL, *place = NULL;
	struct mount mount;
	const char *rest;
	size_t size = 0;

	while (own != NULL && place == NULL &&
	    getline(&line, &size, mountinfo) != -1) {
		line[strcspn(line, "\n")] = '\0';
		if (!mount_parse(&mount, line) ||
		    strcmp(mount.type, "cgroup2") != 0 ||
		    !is_writable(mount.options) ||
		    (rest = below(mount.root, own)) == NULL)
			continue;
		if (asprintf(&place, "%s%s", mount.point, rest) == -1) {
			place = NULL;
			break;
		}
	}
	free(line);
	free(own);
	if (place == NULL)
		errno = ENOENT;
	return place;
}

/* It is called prefix and a number. */
static bool
is_numbered(const char *name, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(name, prefix, len) == 0 && name[len] != '\0' &&
	    strspn(name + len, "0123456789") == strlen(name + len);
}

/* A gateway's number may be another process' today, or come from another
 * namespace; but the lock is held exactly as long as it lives. */
static void
reclaim_all(const char *place)
{
	DIR *dir = opendir(place);
	char path[PATH_MAX];
	struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		if (snprintf(path, sizeof(path), "%s/%s", place,
			entry->d_name) >= (int)sizeof(path))
			continue;
		if (is_numbered(entry->d_name, CGROUP_GATEWAY))
			(void)cgroup_reclaim(path);
		else if (is_numbered(entry->d_name, OWN_FOLDER))
			(void)rmdir(path); /* nobody is in it */
	}
	(void)closedir(dir);
}

/* The lock, or -1 with errno.  Nobody else may read the folder, and so nobody
 * else can lock it, but a job may look for its own limits below. */
static int
make_locked(const char *path)
{
	int fd;

	for (int i = 0; i < MAKE_TRIES; i++) {
		if (mkdir(path, 0711) == -1)
			return -1;
		if ((fd = cgroup_lock(path)) != -1)
			return fd;
		(void)rmdir(path);
	}
	errno = EAGAIN;
	return -1;
}

/* An old kernel has no cgroup.kill, and another file system neither. */
static bool
is_useful(int folder)
{
	return faccessat(folder, "cgroup.kill", W_OK, AT_EACCESS) == 0 &&
	    faccessat(folder, "cgroup.procs", W_OK, AT_EACCESS) == 0;
}

/* Who moves a process must be allowed to write to where its old and its new
 * place meet: to ours. */
static bool
may_move(const char *place)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/cgroup.procs", place) >=
	    (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return false;
	}
	return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0;
}

/* Hand a controller down to what is in the folder. */
static int
hand_down(const char *folder, const char *controller)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "+%s", controller);
	return cgroup_write(folder, "cgroup.subtree_control", text);
}

/* Which of our controllers a file names, as bits. */
static unsigned int
named_in(const char *folder, const char *file)
{
	char path[PATH_MAX], word[32];
	unsigned int found = 0;
	FILE *names;

	if (snprintf(path, sizeof(path), "%s/%s", folder, file) >=
		(int)sizeof(path) ||
	    (names = fopen(path, "re")) == NULL)
		return 0;
	while (fscanf(names, "%31s", word) == 1) {
		for (unsigned int i = 0; i < CGROUP_LIMITS; i++) {
			if (strcmp(word, controllers[i]) == 0)
				found |= 1U << i;
		}
	}
	(void)fclose(names);
	return found;
}

/* Hand down those of wanted that can be; they and those that were before. */
static unsigned int
hand_down_all(const char *folder, unsigned int wanted)
{
	for (unsigned int i = 0; i < CGROUP_LIMITS; i++) {
		if ((wanted & 1U << i) != 0)
			(void)hand_down(folder, controllers[i]);
	}
	return named_in(folder, "cgroup.subtree_control");
}

/* Back to where we were.  Nothing may be handed down there then. */
static void
step_back(const char *place, const char *own)
{
	(void)cgroup_write(place, "cgroup.procs", "0");
	(void)rmdir(own);
}

/*
 * A folder with processes in it hands nothing down (but the first of all), so
 * we go into one beside the jobs'.  When there are others too, who are not ours
 * to move, we come back.
 */
static unsigned int
step_aside(struct cgroup *cgroup, const char *place, unsigned int wanted)
{
	unsigned int got = 0;

	if (asprintf(&cgroup->own, "%s/" OWN_FOLDER "%ld", place,
		(long)getpid()) == -1) {
		cgroup->own = NULL;
		return 0;
	}
	if (mkdir(cgroup->own, 0755) == 0) {
		if (cgroup_write(cgroup->own, "cgroup.procs", "0") == 0)
			got = hand_down_all(place, wanted);
		if ((got & wanted) != 0)
			return got;
		step_back(place, cgroup->own);
	}
	free(cgroup->own);
	cgroup->own = NULL;
	return got;
}

/* Best effort: what cannot be limited is told of by who was asked to. */
static void
switch_on(struct cgroup *cgroup, const char *place)
{
	unsigned int wanted = named_in(place, "cgroup.controllers");
	unsigned int got = named_in(place, "cgroup.subtree_control");

	if ((wanted & ~got) != 0)
		got = hand_down_all(place, wanted & ~got);
	if ((wanted & ~got) != 0)
		got |= step_aside(cgroup, place, wanted & ~got);
	cgroup->limits = hand_down_all(cgroup->folder, got);
}

/* When there are others in our own folder it stays: the next gateway, or the
 * service manager, removes it. */
static void
switch_off(const struct cgroup *cgroup)
{
	char *place = strdup(cgroup->folder);
	char text[32];

	if (place == NULL)
		return;
	*strrchr(place, '/') = '\0';
	for (unsigned int i = 0; i < CGROUP_LIMITS; i++) {
		(void)snprintf(text, sizeof(text), "-%s", controllers[i]);
		(void)cgroup_write(place, "cgroup.subtree_control", text);
	}
	step_back(place, cgroup->own);
	free(place);
}

struct cgroup *
cgroup_new_at(const char *place)
{
	struct cgroup *cgroup;
	int saved;

	if (!may_move(place) || (cgroup = calloc(1, sizeof(*cgroup))) == NULL)
		return NULL;
	reclaim_all(place);
	cgroup->lock = -1;
	if (asprintf(&cgroup->folder, "%s/" CGROUP_GATEWAY "%ld", place,
		(long)getpid()) == -1)
		cgroup->folder = NULL;
	else
		cgroup->lock = make_locked(cgroup->folder);
	if (cgroup->lock != -1 && is_useful(cgroup->lock)) {
		switch_on(cgroup, place);
		return cgroup;
	}
	saved = errno;
	cgroup_free(&cgroup);
	errno = saved;
	return NULL;
}

struct cgroup *
cgroup_new(void)
{
	FILE *mountinfo = fopen("/proc/self/mountinfo", "re");
	FILE *self = fopen("/proc/self/cgroup", "re");
	struct cgroup *cgroup = NULL;
	char *place = NULL;
	int saved;

	if (mountinfo != NULL && self != NULL &&
	    (place = cgroup_find(mountinfo, self)) != NULL)
		cgroup = cgroup_new_at(place);
	saved = errno;
	free(place);
	if (mountinfo != NULL)
		(void)fclose(mountinfo);
	if (self != NULL)
		(void)fclose(self);
	errno = saved;
	return cgroup;
}

void
cgroup_free(struct cgroup **cgroup)
{
	struct cgroup *c = *cgroup;

	if (c == NULL)
		return;
	if (c->lock != -1) { /* else the folder is not ours */
		(void)cgroup_kill(c->folder);
		(void)cgroup_remove(c->folder);
		(void)close(c->lock);
	}
	if (c->own != NULL && c->folder != NULL)
		switch_off(c);
	free(c->own);
	free(c->folder);
	free(c);
	*cgroup = NULL;
}

unsigned int
cgroup_limits(const struct cgroup *cgroup)
{
	return cgroup != NULL ? cgroup->limits : 0;
}

void
cgroup_name(char dst[CGROUP_NAME_MAX], uint64_t number, const char *name)
{
	int n = snprintf(dst, CGROUP_NAME_MAX, "%" PRIu64 "-%s", number, name);

	if (n < 0)
		dst[0] = '\0';
	for (char *p = dst; *p != '\0'; p++) {
		if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			(*p >= '0' && *p <= '9') || *p == '-'))
			*p = '_';
	}
}

char *
cgroup_path(const struct cgroup *cgroup, uint64_t number, const char *name)
{
	char folder[CGROUP_NAME_MAX], *path;

	if (cgroup == NULL)
		return NULL;
	cgroup_name(folder, number, name);
	if (asprintf(&path, "%s/%s", cgroup->folder, folder) == -1)
		return NULL;
	return path;
}
