#include "proto/socket.h"

#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* Aligned room for the control message that passes n descriptors. */
#define CONTROL(n)                                                             \
	union {                                                                \
		struct cmsghdr align;                                          \
		char bytes[CMSG_SPACE(sizeof(int) * (n))];                     \
	}

int
socket_prepare(int fd)
{
	int flags;

	if ((flags = fcntl(fd, F_GETFL)) == -1 ||
	    fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
		return -1;
	return fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* Copy the descriptors of a message to fds; the number of them. */
static size_t
take_fds(struct msghdr *msg, int fds[SOCKET_FDS_MAX])
{
	size_t count = 0;

	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL;
	     cmsg = CMSG_NXTHDR(msg, cmsg)) {
		size_t len = cmsg->cmsg_len - CMSG_LEN(0);

		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(fds + count, CMSG_DATA(cmsg), len);
		count += len / sizeof(int);
	}
	return count;
}

ssize_t
socket_read(
    int fd, void *bytes, size_t n, int fds[SOCKET_FDS_MAX], size_t *count)
{
	CONTROL(SOCKET_FDS_MAX) control;
	struct iovec iov = { .iov_base = bytes, .iov_len = n };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	ssize_t got;

	*count = 0;
	do {
		got = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (got == -1 && errno == EINTR);
	if (got == -1)
		return -1;
	if (msg.msg_controllen > 0)
		*count = take_fds(&msg, fds);
	if ((msg.msg_flags & MSG_CTRUNC) != 0) {
		errno = EBADMSG;
		return -1;
	}
	return got;
}

ssize_t
socket_write(int fd, const void *bytes, size_t n, int pass)
{
	CONTROL(1) control;
	struct iovec iov = { .iov_len = n };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t sent;

	/* Only the structure wants it writable, not sendmsg(2). */
	memcpy(&iov.iov_base, &bytes, sizeof(bytes));
	if (pass != -1) {
		struct cmsghdr *cmsg;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(pass));
		memcpy(CMSG_DATA(cmsg), &pass, sizeof(pass));
	}
	do {
		sent = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (sent == -1 && errno == EINTR);
	return sent;
}
