/* wire.c: frames to and from the supervisor. */
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "proto/role.h"
#include "wire.h"

#define READ_SIZE 16384

/* The supervisor reads at once; one that is stopped shall not stop us too. */
#define SEND_WAIT_MS 1000

int
wire_fill(struct buf *in)
{
	char *room = buf_reserve(in, READ_SIZE);
	ssize_t n;

	if (room == NULL)
		return -1;
	n = read(ROLE_CHANNEL_FD, room, READ_SIZE);
	if (n == -1)
		return errno == EAGAIN || errno == EINTR;
	buf_commit(in, (size_t)n);
	return n > 0;
}

int
wire_next(struct buf *in, struct frame *frame)
{
	int result = 0;

	if (buf_len(in) >= FRAME_HEADER_LEN)
		result = frame_decode(frame, buf_data(in), buf_len(in));
	if (result != 1)
		return result;
	if (msg_check(frame, ROLE_SUPERVISOR, ROLE_REAPER) != NULL) {
		errno = EBADMSG;
		return -1;
	}
	if (buf_len(in) < (size_t)FRAME_HEADER_LEN + frame->length)
		return 0;
	buf_consume(in, FRAME_HEADER_LEN);
	return 1;
}

int
wire_send(enum msg_type type, uint16_t flags, const char *json)
{
	struct frame frame = { .type = (uint16_t)type,
		.flags = flags,
		.length = (uint32_t)strlen(json) };
	unsigned char bytes[FRAME_HEADER_LEN + MSG_LOG_MAX];
	struct pollfd pfd = { .fd = ROLE_CHANNEL_FD, .events = POLLOUT };
	size_t done = 0, len = FRAME_HEADER_LEN + frame.length;
	ssize_t n;

	if (len > sizeof(bytes)) {
		errno = EMSGSIZE;
		return -1;
	}
	frame_encode(bytes, &frame);
	memcpy(bytes + FRAME_HEADER_LEN, json, frame.length);
	while (done < len) {
		n = send(
		    ROLE_CHANNEL_FD, bytes + done, len - done, MSG_NOSIGNAL);
		if (n >= 0)
			done += (size_t)n;
		else if (errno != EAGAIN && errno != EINTR)
			return -1;
		else if (poll(&pfd, 1, SEND_WAIT_MS) == 0)
			return -1;
	}
	return 0;
}
