/* network.c: a network of the job's own. */
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "network.h"

static int
put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), saved;
	ssize_t n;

	if (fd == -1)
		return -1;
	n = write(fd, text, strlen(text));
	saved = errno;
	(void)close(fd);
	errno = saved;
	return n == -1 ? -1 : 0;
}

static int
map_ourselves(uid_t uid, gid_t gid)
{
	char line[64];

	if (put("/proc/self/setgroups", "deny") == -1 && errno != ENOENT)
		return -1;
	(void)snprintf(line, sizeof(line), "%lu %lu 1", (unsigned long)gid,
	    (unsigned long)gid);
	if (put("/proc/self/gid_map", line) == -1)
		return -1;
	(void)snprintf(line, sizeof(line), "%lu %lu 1", (unsigned long)uid,
	    (unsigned long)uid);
	return put("/proc/self/uid_map", line);
}

/* Files in /proc of what is not dumpable belong to root: we could not write to
 * our own. */
static int
leave_as_user(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int result;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) == -1 ||
	    prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L) == -1)
		return -1;
	result = map_ourselves(uid, gid);
	if (prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) == -1)
		return -1;
	return result;
}

/* Programs talk to themselves over it, and to each other. */
static int
start_loopback(void)
{
	struct ifreq lo = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), result, saved;

	if (fd == -1)
		return -1;
	if ((result = ioctl(fd, SIOCGIFFLAGS, &lo)) == 0) {
		lo.ifr_flags |= IFF_UP;
		result = ioctl(fd, SIOCSIFFLAGS, &lo);
	}
	saved = errno;
	(void)close(fd);
	errno = saved;
	return result;
}

int
network_leave(void)
{
	int result = geteuid() == 0 ? unshare(CLONE_NEWNET) : leave_as_user();

	return result == -1 ? -1 : start_loopback();
}
