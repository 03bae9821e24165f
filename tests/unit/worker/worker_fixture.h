/*
 * worker_fixture.h: the worker's program between a supervisor, a front and a
 * job that a test plays.
 */
#ifndef TESTS_WORKER_FIXTURE_H
#define TESTS_WORKER_FIXTURE_H

#include <sys/socket.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/frame.h"
#include "proto/log.h"
#include "proto/mcp.h"
#include "proto/msg.h"
#include "proto/role.h"
#include "worker.h"

/* Nothing here takes long; over this a test has failed. */
#define PATIENCE_MS 10000

/* What the clients can, for SETUP; a test may choose. */
#ifndef CAPABILITIES
#define CAPABILITIES "0"
#endif

/* The first id that the front may use. */
#define FIRST 65536

struct world {
	pid_t pid;
	const struct worker_kind *kind; /* NULL: the real program */
	int control;
	int front;
	int in;  /* the job's standard input, read by the test */
	int out; /* the job's standard output */
	int err;
	char line[1 << 20];
	size_t line_len; /* bytes in line[] behind the last one returned */
	char *payload;
	struct frame frame;
};

static inline void
read_all(int fd, void *to, size_t n)
{
	char *at = to;

	while (n > 0) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t got;

		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		got = read(fd, at, n);
		assert_true(got > 0);
		at += got;
		n -= (size_t)got;
	}
}

/* Write all, in pieces of at most step bytes. */
static inline void
write_steps(int fd, const char *text, size_t n, size_t step)
{
	while (n > 0) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		ssize_t put;

		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		put = write(fd, text, n < step ? n : step);
		assert_true(put > 0);
		text += put;
		n -= (size_t)put;
	}
}

static inline void
say(struct world *w, const char *text)
{
	write_steps(w->out, text, strlen(text), SIZE_MAX);
}

__attribute__((format(printf, 2, 3))) static inline void
answer(struct world *w, const char *format, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	assert_true(n >= 0);
	say(w, text);
	say(w, "\n");
	free(text);
}

static inline void
send_frame(int socket, enum msg_type type, uint16_t flags, uint64_t id,
    const char *text, int fd)
{
	struct frame frame = { .length = (uint32_t)strlen(text),
		.type = (uint16_t)type,
		.flags = flags,
		.id = id };
	unsigned char header[FRAME_HEADER_LEN];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { header, sizeof(header) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	frame_encode(header, &frame);
	if (fd != -1) {
		struct cmsghdr *cmsg;

		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	}
	assert_int_equal(sendmsg(socket, &msg, MSG_NOSIGNAL), FRAME_HEADER_LEN);
	if (fd != -1)
		close(fd);
	write_steps(socket, text, strlen(text), SIZE_MAX);
}

/* The next frame; its payload is NUL-terminated. */
static inline void
get_frame(struct world *w, int socket)
{
	unsigned char header[FRAME_HEADER_LEN];

	read_all(socket, header, sizeof(header));
	assert_int_equal(frame_decode(&w->frame, header, sizeof(header)), 1);
	free(w->payload);
	w->payload = malloc((size_t)w->frame.length + 1);
	assert_non_null(w->payload);
	read_all(socket, w->payload, w->frame.length);
	w->payload[w->frame.length] = '\0';
}

/* The next frame from the worker to the front must be this one. */
static inline void
expect(struct world *w, enum msg_type type, uint64_t id)
{
	get_frame(w, w->front);
	assert_string_equal(msg_name(w->frame.type), msg_name(type));
	assert_int_equal(w->frame.id, id);
}

static inline void
expect_text(struct world *w, enum msg_type type, uint64_t id, const char *text)
{
	expect(w, type, id);
	assert_string_equal(w->payload, text);
}

/* The next frame to the supervisor that is not a log record. */
static inline void
expect_control(struct world *w, enum msg_type type)
{
	do
		get_frame(w, w->control);
	while (w->frame.type == MSG_LOG && type != MSG_LOG);
	assert_string_equal(msg_name(w->frame.type), msg_name(type));
}

/* Log records until one has this text. */
static inline void
expect_log(struct world *w, const char *text)
{
	do
		expect_control(w, MSG_LOG);
	while (strstr(w->payload, text) == NULL);
}

/* The next line that the job reads, valid until the next call. */
static inline char *
hear(struct world *w)
{
	static char line[sizeof(w->line)];
	char *end;

	while ((end = memchr(w->line, '\n', w->line_len)) == NULL) {
		struct pollfd p = { .fd = w->in, .events = POLLIN };
		ssize_t n;

		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		n = read(w->in, w->line + w->line_len,
		    sizeof(w->line) - w->line_len);
		assert_true(n > 0);
		w->line_len += (size_t)n;
	}
	*end = '\0';
	memcpy(line, w->line, (size_t)(end - w->line) + 1);
	w->line_len -= (size_t)(end - w->line) + 1;
	memmove(w->line, end + 1, w->line_len);
	return line;
}

/* The next line has this in it; returns its id, or 0 without one. */
static inline uint64_t
hear_with(struct world *w, const char *text)
{
	const char *line = hear(w);
	const char *id = strstr(line, "\"id\":");

	if (strstr(line, text) == NULL)
		fail_msg("%s is not in %s", text, line);
	return id == NULL ? 0 : strtoull(id + 5, NULL, 10);
}

static inline void
pair(int fds[2])
{
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

static inline void
open_link(struct world *w)
{
	int fds[2];

	pair(fds);
	if (w->front != -1)
		close(w->front);
	w->front = fds[0];
	send_frame(w->control, MSG_LINK, 0, 0, "", fds[1]);
}

static inline void
exec_worker(int channel)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 64);
	char *slash;

	if (n == -1)
		_exit(1);
	path[n] = '\0';
	for (int i = 0; i < 3; i++) {
		slash = strrchr(path, '/');
		if (slash == NULL)
			_exit(1);
		*slash = '\0';
	}
	(void)strlcat(path, "/mcp-gateway-worker", sizeof(path));
	if (dup2(channel, ROLE_CHANNEL_FD) == -1)
		_exit(1);
	if (channel == ROLE_CHANNEL_FD)
		(void)fcntl(channel, F_SETFD, 0);
	execl(path, path, (char *)NULL);
	_exit(1);
}

/* The same process in a copy of this one, with another transport. */
static inline void
run_worker(struct world *w, int fds[2])
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };

	close(fds[0]);
	if (sigaction(SIGPIPE, &ignore, NULL) == -1 ||
	    fcntl(fds[1], F_SETFL, O_NONBLOCK) == -1)
		_exit(1);
	exit(
	    worker_main(fds[1], w->kind)); /* not _exit: leaks are looked for */
}

static inline void
spawn(struct world *w)
{
	int fds[2];

	pair(fds);
	(void)fflush(NULL); /* once, not by both */
	w->pid = fork();
	assert_int_not_equal(w->pid, -1);
	if (w->pid == 0 && w->kind != NULL)
		run_worker(w, fds);
	if (w->pid == 0)
		exec_worker(fds[1]);
	close(fds[1]);
	w->control = fds[0];
	expect_control(w, MSG_HELLO);
	assert_non_null(strstr(w->payload, "\"role\":\"worker\""));
}

static inline void
give_pipes(struct world *w)
{
	int in[2], out[2], err[2];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	w->in = in[0];
	w->out = out[1];
	w->err = err[1];
	send_frame(w->control, MSG_JOB_STDIN, 0, 0, "", in[1]);
	send_frame(w->control, MSG_JOB_STDOUT, 0, 0, "", out[0]);
	send_frame(w->control, MSG_JOB_STDERR, 0, 0, "", err[0]);
}

#define SETUP_UNTIL_REMOTE                                                     \
	"{\"log_level\":\"debug\",\"identity\":null,\"name\":\"b\","           \
	"\"request_timeout_ms\":%u,\"startup_timeout_ms\":%u,"                 \
	"\"ping_interval_ms\":%u,\"message_size\":67108864,"                   \
	"\"capabilities\":" CAPABILITIES ",\"remote\":"

/* A worker whose initialize waits for its answer. */
static inline struct world *
begin(unsigned int timeout_ms)
{
	struct world *w = calloc(1, sizeof(*w));
	char setup[256];

	assert_non_null(w);
	w->front = -1;
	spawn(w);
	(void)snprintf(setup, sizeof(setup), SETUP_UNTIL_REMOTE "null}",
	    timeout_ms, 5000U, 0U);
	send_frame(w->control, MSG_SETUP, 0, 0, setup, -1);
	open_link(w);
	give_pipes(w);
	return w;
}

static inline void
answer_initialize(
    struct world *w, const char *revision, const char *capabilities)
{
	uint64_t id = hear_with(w, "\"method\":\"initialize\"");

	answer(w,
	    "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
	    ",\"result\":{\"protocolVersion\":\"%s\",\"capabilities\":%s,"
	    "\"serverInfo\":{\"name\":\"fake\",\"version\":\"1\"}}}",
	    id, revision, capabilities);
}

static inline void
answer_tools(struct world *w, const char *tools)
{
	uint64_t id = hear_with(w, "\"method\":\"tools/list\"");

	answer(w,
	    "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
	    ",\"result\":{\"tools\":%s}}",
	    id, tools);
}

static inline void
expect_catalogs(struct world *w, const char *tools)
{
	expect(w, MSG_GREETING, 0);
	assert_non_null(strstr(w->payload, "\"serverInfo\""));
	for (int seen = 0; seen != (1 << CATALOG_KINDS) - 1;
	     seen |= 1 << w->frame.flags) {
		expect(w, MSG_CATALOG, 0);
		assert_string_equal(
		    w->payload, w->frame.flags == CATALOG_TOOLS ? tools : "[]");
	}
}

/* A worker that is ready, with one tool. */
static inline struct world *
begin_ready_with(unsigned int timeout_ms, const char *revision)
{
	struct world *w = begin(timeout_ms);

	answer_initialize(w, revision, "{\"tools\":{},\"logging\":{}}");
	(void)hear_with(w, "\"notifications/initialized\"");
	answer_tools(w, "[{\"name\":\"t\"}]");
	expect_catalogs(w, "[{\"name\":\"t\"}]");
	expect_control(w, MSG_READY);
	return w;
}

static inline struct world *
begin_ready(void)
{
	return begin_ready_with(60000, "2025-11-25");
}

static inline void
close_fd(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

static inline void
expect_exit(struct world *w, int code)
{
	int status;

	assert_int_equal(waitpid(w->pid, &status, 0), w->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), code);
	w->pid = 0;
}

/* End it as a supervisor that is gone does. */
static inline void
end(struct world *w)
{
	close_fd(&w->control);
	if (w->pid != 0 && w->kind != NULL) {
		/* It waits for its transport to say goodbye. */
		while (strcmp(hear(w), "close") != 0)
			continue;
		say(w, "lost said goodbye\n");
	}
	if (w->pid != 0)
		expect_exit(w, ROLE_EXIT_PARENT_GONE);
	close_fd(&w->front);
	close_fd(&w->in);
	close_fd(&w->out);
	close_fd(&w->err);
	free(w->payload);
	free(w);
}

static inline void
request(struct world *w, uint64_t id)
{
	char text[128];

	(void)snprintf(text, sizeof(text),
	    "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
	    ",\"method\":\"tools/call\"}",
	    id);
	send_frame(w->front, MSG_REQUEST, 0, id, text, -1);
}

static inline void
call(struct world *w, uint64_t id)
{
	request(w, id);
	assert_int_equal(hear_with(w, "tools/call"), id);
}

#define RESULT "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{\"n\":%d}}"

static inline void
expect_result(struct world *w, int id, int n)
{
	char text[128];

	(void)snprintf(text, sizeof(text), RESULT, id, n);
	expect_text(w, MSG_RESPONSE, (uint64_t)id, text);
}

/* Everything that was said before has been handled when this returns. */
static inline void
settle(struct world *w)
{
	call(w, FIRST + 999);
	answer(w, RESULT, FIRST + 999, 0);
	expect_result(w, FIRST + 999, 0);
}

/* The worker must end with this code and say why. */
static inline void
expect_end(struct world *w, int code, const char *why)
{
	expect_control(w, MSG_OBITUARY);
	if (strstr(w->payload, why) == NULL)
		fail_msg("%s is not in %s", why, w->payload);
	expect_exit(w, code);
	end(w);
}

#endif
