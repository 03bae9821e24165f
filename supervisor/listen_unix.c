/* listen_unix.c: a Unix socket that clients connect to, and its path. */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"
#include "listen_unix.h"
#include "refusal.h"

/* 0, or -1 with *error. */
static int
find_group(gid_t *ret, const char *name, char **error)
{
	const struct group *group;

	*ret = (gid_t)-1; /* as it is */
	if (name == NULL)
		return 0;
	if ((group = getgrnam(name)) == NULL)
		return refuse(error,
		    "there is no group \"%s\" for Unix sockets; make it with "
		    "\"groupadd --system %s\", or change \"socket_group\"",
		    name, name);
	*ret = group->gr_gid;
	return 0;
}

int
listen_unix_permit(const char *path, const struct config *config, char **error)
{
	gid_t gid;

	if (find_group(&gid, config->socket_group, error) == -1)
		return -1;
	if (gid != (gid_t)-1 && lchown(path, (uid_t)-1, gid) == -1)
		return refuse(error,
		    "cannot give %s to group \"%s\": %s; be a member of it, "
		    "or change \"socket_group\"",
		    path, config->socket_group, strerror(errno));
	/* It is ours in a folder in which nobody else can replace it. */
	if (chmod(path, (mode_t)config->socket_mode) == -1)
		return refuse(error, "cannot change the mode of %s: %s", path,
		    strerror(errno));
	return 0;
}

/* A socket to which nobody listens any more: 0; else -1 with errno. */
static int
check_stale(const struct sockaddr_un *address)
{
	struct stat st;
	int fd, result, saved;

	if (lstat(address->sun_path, &st) == -1)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
	result =
	    connect(fd, (const struct sockaddr *)address, sizeof(*address));
	saved = errno;
	(void)close(fd);
	if (result == -1 && (saved == ECONNREFUSED || saved == ENOENT))
		return 0;
	/* EAGAIN: it is there, and has much to do. */
	errno = result == 0 || saved == EAGAIN ? EADDRINUSE : saved;
	return -1;
}

/* With no right for anybody, until it has those of the configuration. */
static int
bind_closed(int fd, const struct sockaddr_un *address)
{
	mode_t before = umask(0777);
	int result =
	    bind(fd, (const struct sockaddr *)address, sizeof(*address));
	int saved = errno;

	(void)umask(before);
	errno = saved;
	return result;
}

static int
bind_path(int fd, const struct sockaddr_un *address)
{
	if (bind_closed(fd, address) == 0)
		return 0;
	if (errno != EADDRINUSE || check_stale(address) == -1)
		return -1;
	if (unlink(address->sun_path) == -1 && errno != ENOENT)
		return -1;
	return bind_closed(fd, address);
}

static const char *
remedy(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "another program listens there (ss -lxp shows which): "
		       "stop it, or choose another path";
	case EEXIST:
		return "what is there is no socket: remove it, or choose "
		       "another path";
	case EACCES:
	case EPERM:
	case EROFS:
		return "make the folder writable for this user, or choose "
		       "another path";
	default:
		return "choose another path";
	}
}

/* The path exists by now; fd is listened on when this returns 0. */
static int
finish(struct listener *ret, int fd, const char *path,
    const struct config *config, char **error)
{
	struct stat st;

	if (listen_unix_permit(path, config, error) == -1)
		return -1;
	if (lstat(path, &st) == -1 || listen(fd, LISTEN_BACKLOG) == -1)
		return refuse(error, "cannot listen on %s: %s; %s", path,
		    strerror(errno), remedy(errno));
	ret->fd = fd;
	ret->device = st.st_dev;
	ret->inode = st.st_ino;
	return 0;
}

int
listen_unix_open(struct listener *ret, const char *path,
    const struct config *config, char **error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char *fault = NULL;
	int fd;

	if (strlcpy(address.sun_path, path, sizeof(address.sun_path)) >=
	    sizeof(address.sun_path))
		return refuse(error,
		    "cannot listen on %s: a path of a socket has at most %zu "
		    "bytes; choose a shorter one",
		    path, sizeof(address.sun_path) - 1);
	if (folder_check(path, true, &fault) == -1) {
		(void)refuse(error, "cannot listen on %s: %s", path,
		    fault != NULL ? fault : "out of memory");
		free(fault);
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1 || bind_path(fd, &address) == -1) {
		(void)refuse(error, "cannot listen on %s: %s; %s", path,
		    strerror(errno), remedy(errno));
		if (fd != -1)
			(void)close(fd);
		return -1;
	}
	if (finish(ret, fd, path, config, error) == 0)
		return 0;
	(void)unlink(path);
	(void)close(fd);
	return -1;
}

bool
listen_unix_is_there(const struct listener *listener)
{
	struct stat st;

	return lstat(listener->address, &st) == 0 &&
	    st.st_dev == listener->device && st.st_ino == listener->inode;
}

void
listen_unix_remove(const struct listener *listener)
{
	if (listen_unix_is_there(listener))
		(void)unlink(listener->address);
}
