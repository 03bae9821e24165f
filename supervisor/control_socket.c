/* control_socket.c: the file of the control socket, and who is let in. */
#include <sys/socket.h>
#include <sys/stat.h>

#include <bsd/libutil.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control_socket.h"
#include "refusal.h"

/* As many as may be served, and as many that are told that they may not. */
#define BACKLOG (2 * CONTROL_PEERS_MAX)

/* Linux: a process has at most so many supplementary groups (NGROUPS_MAX). */
#define GROUPS_MAX 65536

/* Half a second, which a child needs at most until it executes its program. */
#define LOCK_TRIES    25
#define LOCK_RETRY_MS 20

#define ELSEWHERE                                                              \
	"name another in \"control_socket\", or \"\" for no control socket"

/* "/run/mcp-gateway" of "/run/mcp-gateway/control.sock"; -1: it has none. */
static int
folder_of(char *dst, size_t size, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (*path != '/' || slash == NULL || slash[1] == '\0')
		return -1;
	if (strlcpy(dst, path, size) >= size)
		return -1;
	dst[slash == path ? 1 : slash - path] = '\0';
	return 0;
}

/* Who may use the socket must be able to reach it. */
static mode_t
folder_mode(const struct control_socket *s)
{
	return 0700 | ((s->mode & S_IRWXG) != 0 ? 0050 : 0) |
	    ((s->mode & S_IRWXO) != 0 ? 0055 : 0);
}

static int
make_folder(const struct control_socket *s, const char *folder, char **error)
{
	if (mkdir(folder, 0700) == -1) {
		if (errno == EEXIST)
			return 0;
		return refuse(error,
		    "cannot make the folder %s of the control socket: %s; make "
		    "it, or " ELSEWHERE,
		    folder, strerror(errno));
	}
	/* Nobody else can have put anything else in its place. */
	if (chown(folder, (uid_t)-1, s->group) == -1 ||
	    chmod(folder, folder_mode(s)) == -1)
		return refuse(error,
		    "cannot give the folder %s of the control socket to its "
		    "group: %s; " ELSEWHERE,
		    folder, strerror(errno));
	return 0;
}

static int
check_folder(const char *folder, char **error)
{
	struct stat st;

	if (lstat(folder, &st) == -1)
		return refuse(error,
		    "cannot look at the folder %s: %s; " ELSEWHERE, folder,
		    strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return refuse(error,
		    "the control socket cannot lie in %s, which is no folder; " ELSEWHERE,
		    folder);
	if ((st.st_uid != 0 && st.st_uid != geteuid()) ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return refuse(error,
		    "other users can change the folder %s of the control "
		    "socket; take that away (chown, chmod go-w), or " ELSEWHERE,
		    folder);
	return 0;
}

/* Whether somebody serves the socket at this address; -1 with *error when what
 * is there is no socket. */
static int
is_served(const struct sockaddr_un *address, char **error)
{
	struct stat st;
	int fd, result;

	if (lstat(address->sun_path, &st) == -1)
		return 0; /* bind(2) will say what is wrong */
	if (!S_ISSOCK(st.st_mode))
		return refuse(error,
		    "%s is there and is no socket; remove it, or " ELSEWHERE,
		    address->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return refuse(error, "socket: %s", strerror(errno));
	/* EAGAIN: its backlog is full. */
	result = connect(fd, (const struct sockaddr *)address,
		     sizeof(*address)) == 0 ||
	    errno == EAGAIN;
	(void)close(fd);
	return result;
}

static int
refuse_served(const struct control_socket *s, char **error)
{
	return refuse(error,
	    "another gateway serves the control socket %s; stop that, or " ELSEWHERE,
	    s->path);
}

/*
 * The lock tells two gateways apart that start at the same time.  The children
 * of one that was killed may have it for an instant more.
 */
static int
take_lock(struct control_socket *s, char **error)
{
	char path[sizeof(s->path) + sizeof(CONTROL_LOCK_SUFFIX)];
	int tries = LOCK_TRIES;

	(void)snprintf(path, sizeof(path), "%s" CONTROL_LOCK_SUFFIX, s->path);
	do {
		s->lock = flopen(path,
		    O_RDWR | O_CREAT | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW,
		    0600);
		if (s->lock != -1)
			return 0;
		if (errno != EWOULDBLOCK)
			return refuse(error,
			    "cannot make the control socket's lock %s: "
			    "%s; " ELSEWHERE,
			    path, strerror(errno));
		(void)poll(NULL, 0, LOCK_RETRY_MS);
	} while (--tries > 0);
	return refuse_served(s, error);
}

/* Bind with nobody let in, then let in who may. */
static int
bind_at(struct control_socket *s, const struct sockaddr_un *address)
{
	struct stat st;
	mode_t mask = umask(0177);
	int result =
	    bind(s->fd, (const struct sockaddr *)address, sizeof(*address));
	int saved = errno;

	(void)umask(mask);
	errno = saved;
	if (result == -1 || lstat(s->path, &st) == -1)
		return -1;
	s->device = st.st_dev;
	s->inode = st.st_ino;
	if (lchown(s->path, (uid_t)-1, s->group) == -1 ||
	    chmod(s->path, s->mode) == -1)
		return -1;
	return listen(s->fd, BACKLOG);
}

static int
open_at(struct control_socket *s, char **error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int served;

	(void)strlcpy(address.sun_path, s->path, sizeof(address.sun_path));
	if ((served = is_served(&address, error)) != 0)
		return served == -1 ? -1 : refuse_served(s, error);
	if (take_lock(s, error) == -1)
		return -1;
	/* Somebody may have been faster. */
	if ((served = is_served(&address, error)) != 0)
		return served == -1 ? -1 : refuse_served(s, error);
	(void)unlink(s->path); /* a stale one; nobody else can make another */
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd == -1 || bind_at(s, &address) == -1)
		return refuse(error,
		    "cannot make the control socket %s: %s; " ELSEWHERE,
		    s->path, strerror(errno));
	return 0;
}

static int
find_group(gid_t *ret, const char *name, char **error)
{
	const struct group *group;

	*ret = getegid();
	if (name == NULL)
		return 0;
	errno = 0;
	if ((group = getgrnam(name)) == NULL)
		return refuse(error,
		    "the group \"%s\" of the control socket is not known%s%s; "
		    "make it (groupadd), or name another in \"control_group\"",
		    name, errno != 0 ? ": " : "",
		    errno != 0 ? strerror(errno) : "");
	*ret = group->gr_gid;
	return 0;
}

int
control_socket_open(struct control_socket *ret,
    const struct control_options *options, char **error)
{
	char folder[sizeof(ret->path)];

	*ret = (struct control_socket){
		.fd = -1, .lock = -1, .mode = options->mode & 0777
	};
	if (strlcpy(ret->path, options->path, sizeof(ret->path)) >=
	    sizeof(ret->path))
		return refuse(error,
		    "the path of the control socket, %s, has more than %zu "
		    "bytes; " ELSEWHERE,
		    options->path, sizeof(ret->path) - 1);
	if (folder_of(folder, sizeof(folder), ret->path) == -1)
		return refuse(error,
		    "the control socket %s is no absolute path of a file; " ELSEWHERE,
		    ret->path);
	if (find_group(&ret->group, options->group, error) == -1 ||
	    make_folder(ret, folder, error) == -1 ||
	    check_folder(folder, error) == -1)
		return -1;
	return open_at(ret, error);
}

void
control_socket_close(struct control_socket *s)
{
	char lock[sizeof(s->path) + sizeof(CONTROL_LOCK_SUFFIX)];
	struct stat st;

	if (s->inode != 0 && lstat(s->path, &st) == 0 &&
	    st.st_dev == s->device && st.st_ino == s->inode)
		(void)unlink(s->path);
	s->inode = 0;
	if (s->fd != -1)
		(void)close(s->fd);
	s->fd = -1;
	if (s->lock == -1)
		return;
	(void)snprintf(lock, sizeof(lock), "%s" CONTROL_LOCK_SUFFIX, s->path);
	(void)unlink(lock); /* whoever waits for it looks whether it is there */
	(void)close(s->lock);
	s->lock = -1;
}

/* Whether the process at the other end of fd has the group besides its own. */
static bool
has_group(int fd, gid_t group)
{
	gid_t *groups;
	socklen_t len = GROUPS_MAX * sizeof(*groups);
	bool found = false;

	if ((groups = malloc(len)) == NULL)
		return false;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) == 0) {
		for (size_t i = 0; i < len / sizeof(*groups) && !found; i++)
			found = groups[i] == group;
	}
	free(groups);
	return found;
}

bool
control_socket_admits(const struct control_socket *s, int fd, uid_t *uid)
{
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t len = sizeof(peer);

	*uid = (uid_t)-1;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1)
		return false;
	*uid = peer.uid;
	if (peer.uid == 0 || peer.uid == geteuid() || (s->mode & S_IWOTH) != 0)
		return true;
	return (s->mode & S_IWGRP) != 0 &&
	    (peer.gid == s->group || has_group(fd, s->group));
}

const char *
control_default_path(char *dst, size_t size)
{
	static const char name[] = "/mcp-gateway/control.sock";
	const char *folder =
	    geteuid() == 0 ? "/run" : getenv("XDG_RUNTIME_DIR");

	if (folder == NULL || *folder != '/' ||
	    snprintf(dst, size, "%s%s", folder, name) >= (int)size)
		(void)strlcpy(dst, "", size);
	return dst;
}
