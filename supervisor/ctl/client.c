/* client.c: one question to a running gateway, over its control socket. */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "client.h"
#include "control.h"
#include "proto/clock.h"
#include "proto/frame.h"
#include "proto/json.h"
#include "proto/log.h"
#include "proto/msg.h"

#define SYSTEM_PATH "/run/mcp-gateway/control.sock"

/* A backlog that is full empties within milliseconds. */
#define RETRY_MS 20

struct client {
	int fd;
	const char *path;
	unsigned int timeout_ms;
	uint64_t deadline;
};

static const char *
shown(const char *text)
{
	return log_str(text, strlen(text));
}

static enum client_result
nobody(const char *path, const char *why, const char *remedy)
{
	fprintf(stderr, "mcp-gatewayctl: no gateway answers on %s: %s; %s\n",
	    shown(path), why, remedy);
	return CLIENT_NOBODY;
}

static void __attribute__((format(printf, 1, 2)))
complain(const char *format, ...)
{
	va_list args;

	fputs("mcp-gatewayctl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

const char *
client_path(char *dst, size_t size, const char *path)
{
	if (path != NULL) {
		(void)strlcpy(dst, path, size);
		return dst;
	}
	if (*control_default_path(dst, size) == '\0' || access(dst, F_OK) == -1)
		(void)strlcpy(dst, SYSTEM_PATH, size);
	return dst;
}

static const char *
connect_remedy(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return "only root, its own user and the group of the socket "
		       "may ask it";
	case ECONNREFUSED:
		return "it has ended: start it (mcp-gatewayd)";
	default:
		return "start it (mcp-gatewayd), or name its socket with "
		       "--socket";
	}
}

/* Wait until the socket is ready for events; false when time is over. */
static bool
wait_for(const struct client *client, short events)
{
	struct pollfd pfd = { .fd = client->fd, .events = events };
	uint64_t now;
	int n;

	do {
		if ((now = mono_ms()) >= client->deadline)
			return false;
		n = poll(&pfd, 1, (int)(client->deadline - now));
	} while (n == -1 && errno == EINTR);
	return n == 1;
}

static enum client_result
make_connection(struct client *client)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlcpy(address.sun_path, client->path, sizeof(address.sun_path)) >=
	    sizeof(address.sun_path))
		return nobody(client->path, "the path is too long",
		    "name its socket with --socket");
	client->fd =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (client->fd == -1) {
		complain("socket: %s", strerror(errno));
		return CLIENT_FAILED;
	}
	while (connect(client->fd, (const struct sockaddr *)&address,
		   sizeof(address)) == -1) {
		if (errno != EAGAIN)
			return nobody(client->path, strerror(errno),
			    connect_remedy(errno));
		if (mono_ms() >= client->deadline)
			return nobody(client->path,
			    "too many others want to ask it",
			    "try again later");
		(void)poll(NULL, 0, RETRY_MS);
	}
	return CLIENT_OK;
}

/* Both give false with errno, ETIMEDOUT among them. */
static bool
write_all(const struct client *client, const void *bytes, size_t len)
{
	const char *at = bytes;
	ssize_t n;

	while (len > 0) {
		n = send(client->fd, at, len, MSG_NOSIGNAL);
		if (n == -1 && errno == EAGAIN) {
			if (!wait_for(client, POLLOUT)) {
				errno = ETIMEDOUT;
				return false;
			}
			continue;
		}
		if (n == -1)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static bool
read_all(const struct client *client, void *bytes, size_t len)
{
	char *at = bytes;
	ssize_t n;

	while (len > 0) {
		n = recv(client->fd, at, len, 0);
		if (n == -1 && errno == EAGAIN) {
			if (!wait_for(client, POLLIN)) {
				errno = ETIMEDOUT;
				return false;
			}
			continue;
		}
		if (n == 0)
			errno = ECONNRESET;
		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

/* The caller's text of *len bytes and a NUL, or NULL with errno. */
static char *
read_answer(const struct client *client, size_t *len)
{
	unsigned char header[FRAME_HEADER_LEN];
	struct frame frame;
	char *text;

	if (!read_all(client, header, sizeof(header)))
		return NULL;
	if (frame_decode(&frame, header, sizeof(header)) != 1 ||
	    msg_check(&frame, ROLE_SUPERVISOR, ROLE_CONTROL) != NULL) {
		errno = EBADMSG;
		return NULL;
	}
	if ((text = malloc((size_t)frame.length + 1)) == NULL)
		return NULL;
	if (!read_all(client, text, frame.length)) {
		int saved = errno;

		free(text);
		errno = saved;
		return NULL;
	}
	text[frame.length] = '\0';
	*len = frame.length;
	return text;
}

static enum client_result
parse(struct json_object **ret, const char *text, size_t len)
{
	struct json_scan scan;
	struct json_object *root = NULL;

	/* json-c alone takes what is no JSON. */
	if (json_scan(text, len, NULL, 0, NULL, &scan) == 0)
		root = json_tokener_parse(text);
	if (!json_object_is_type(root, json_type_object)) {
		json_object_put(root);
		complain("what the gateway answers is no JSON object");
		return CLIENT_FAILED;
	}
	*ret = root;
	return CLIENT_OK;
}

/* errno says why there is no answer. */
static enum client_result
no_answer(const struct client *client)
{
	switch (errno) {
	case ETIMEDOUT:
		complain("the gateway did not answer within %u s; wait longer "
			 "with --timeout, and look at its log",
		    client->timeout_ms / 1000);
		return CLIENT_NOBODY;
	case EPIPE:
	case ECONNRESET:
		complain("the gateway hung up without an answer: it ended, or "
			 "speaks another version; look at its log");
		return CLIENT_NOBODY;
	case EBADMSG:
		complain(
		    "what answers on %s is no gateway", shown(client->path));
		return CLIENT_NOBODY;
	default:
		complain("cannot ask the gateway: %s", strerror(errno));
		return CLIENT_FAILED;
	}
}

enum client_result
client_ask(struct json_object **ret, const char *path, const char *request,
    unsigned int timeout_ms)
{
	struct client client = { .fd = -1,
		.path = path,
		.timeout_ms = timeout_ms,
		.deadline = mono_ms() + timeout_ms };
	struct frame frame = { .type = MSG_CONTROL,
		.length = (uint32_t)strlen(request) };
	unsigned char header[FRAME_HEADER_LEN];
	enum client_result result = make_connection(&client);
	char *text = NULL;
	size_t len = 0;

	frame_encode(header, &frame);
	if (result == CLIENT_OK) {
		/* Who was turned away is told why, and hears no question. */
		(void)(write_all(&client, header, sizeof(header)) &&
		    write_all(&client, request, frame.length));
		text = read_answer(&client, &len);
		result =
		    text != NULL ? parse(ret, text, len) : no_answer(&client);
	}
	free(text);
	if (client.fd != -1)
		(void)close(client.fd);
	return result;
}
