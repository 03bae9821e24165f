/* server.c: lines in, lines out, the handshake, requests in flight. */
#include "server.h"

#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/msg.h"

/* One read of standard input: the size of a pipe. */
#define READ_SIZE ((size_t)64 << 10)
/* An idle server keeps no more than this of a large message's memory. */
#define KEEP_SIZE ((size_t)64 << 10)

struct server {
	const struct server_program *program;
	void *arg;
	struct loop *loop;
	struct event *readable;
	struct event *writable;
	struct event *sigterm;
	struct event *sigint;
	struct event *drain_limit;
	struct deferred flush;
	struct buf in;
	struct buf out;
	size_t searched; /* bytes of in that hold no line feed */
	const struct mcp_revision *revision; /* NULL before initialize */
	LIST_HEAD(call_list, server_call) calls;
	int in_flags; /* of the descriptors, as we found them */
	int out_flags;
	bool in_polls; /* false: a file or device that is always ready */
	bool skipping; /* inside a line that is too long */
	bool paused;   /* the client does not read our answers */
	bool deaf;     /* server_stop_reading() */
	bool mute;     /* standard output is closed */
	bool ended;
	bool stopping;
};

static void
start_reading(struct server *server)
{
	if (server->in_polls)
		event_add(server->readable, NULL);
	else
		event_active(server->readable, EV_READ, 0);
}

/* Once: there is nobody to serve, or we are told to end. */
static void
server_end(struct server *server)
{
	if (server->ended)
		return;
	server->ended = true;
	event_del(server->readable);
	if (server->program->end != NULL)
		server->program->end(server->arg);
	else
		server_stop(server);
}

/* Sending. */

static void
server_flush(void *arg)
{
	struct server *server = arg;

	while (buf_len(&server->out) > 0) {
		ssize_t n = write(STDOUT_FILENO, buf_data(&server->out),
		    buf_len(&server->out));

		if (n >= 0) {
			buf_consume(&server->out, (size_t)n);
		} else if (errno == EAGAIN) {
			event_add(server->writable, NULL);
			break;
		} else if (errno != EINTR) {
			server->mute = true; /* the client is gone */
			buf_free(&server->out);
			server_end(server);
		}
	}
	if (server->paused && !server->ended &&
	    buf_len(&server->out) < SERVER_QUEUE_MAX / 2) {
		server->paused = false;
		start_reading(server);
	}
	if (buf_len(&server->out) == 0) {
		buf_trim(&server->out, KEEP_SIZE);
		if (server->stopping)
			loop_stop(server->loop);
	}
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	server_flush(arg);
}

void
server_write(struct server *server, const void *bytes, size_t n)
{
	if (server->mute)
		return;
	if (buf_add(&server->out, bytes, n) == -1)
		err(1, "answer");
	deferred_queue(server->loop, &server->flush);
}

void
server_send(struct server *server, const char *line, size_t n)
{
	if (server->program->send != NULL)
		server->program->send(server->arg, line, n);
	else
		server_write(server, line, n);
}

/* Requests that are answered later. */

int
server_call_begin(struct server *server, struct server_call *call,
    const struct rpc_message *msg, void (*cancelled)(struct server_call *call))
{
	struct json_span token = msg->meta_progress_token;
	struct server_call *other;

	LIST_FOREACH (other, &server->calls, link) {
		if (json_scalar_equal(other->id, msg->id)) {
			server_error(server, msg->id, RPC_INVALID_REQUEST,
			    "a request with this id is in progress");
			return -1;
		}
	}
	memcpy(call->bytes, msg->id.at, msg->id.len);
	call->id = (struct json_span){ call->bytes, msg->id.len };
	call->token = (struct json_span){ NULL, 0 };
	if (token.at != NULL && token.len <= RPC_ID_MAX) {
		memcpy(call->bytes + RPC_ID_MAX, token.at, token.len);
		call->token =
		    (struct json_span){ call->bytes + RPC_ID_MAX, token.len };
	}
	call->cancelled = cancelled;
	LIST_INSERT_HEAD(&server->calls, call, link);
	return 0;
}

void
server_call_end(struct server_call *call)
{
	LIST_REMOVE(call, link);
}

static void
on_cancelled(struct server *server, const struct rpc_message *msg)
{
	struct server_call *call;

	if (msg->request_id.at == NULL)
		return;
	LIST_FOREACH (call, &server->calls, link) {
		if (json_scalar_equal(call->id, msg->request_id)) {
			server_call_end(call);
			call->cancelled(call);
			return;
		}
	}
	/* Answered already, or never seen: both are races, and legal. */
}

/* Receiving. */

static void
answer_initialize(struct server *server, const struct rpc_message *msg)
{
	const struct server_program *program = server->program;
	struct buf result = { 0 };

	if (json_kind(msg->protocol_version) != JSON_STRING) {
		server_error(server, msg->id, RPC_INVALID_PARAMS,
		    "params.protocolVersion must be a string");
		return;
	}
	server->revision = mcp_revision_negotiate(msg->protocol_version);
	server_format(&result,
	    "{\"protocolVersion\":\"%s\",\"capabilities\":%s,"
	    "\"serverInfo\":{\"name\":\"%s\",\"version\":\"" MCPGW_VERSION
	    "\"}",
	    server->revision->name, program->capabilities, program->name);
	if (program->instructions != NULL) {
		server_format(&result, ",\"instructions\":");
		server_quote(&result, program->instructions,
		    strlen(program->instructions));
	}
	server_format(&result, "}");
	server_result(server, msg->id, buf_data(&result), buf_len(&result));
	buf_free(&result);
}

static void
on_request(struct server *server, const struct rpc_message *msg)
{
	const char *wrong;

	if (msg->method == MCP_UNKNOWN)
		server_error(
		    server, msg->id, RPC_METHOD_NOT_FOUND, "Method not found");
	else if (msg->method == MCP_PING)
		server_result(server, msg->id, "{}", 2);
	else if (msg->method == MCP_INITIALIZE)
		answer_initialize(server, msg);
	else if ((wrong = rpc_check_params(msg)) != NULL)
		server_error(server, msg->id, RPC_INVALID_PARAMS, wrong);
	else
		server->program->request(server->arg, msg);
}

static void on_batch(struct server *server, const char *text, size_t len);

/* in_batch: a batch inside a batch is not one, so that this goes no deeper. */
static void
on_message(/* NOLINT(misc-no-recursion) */
    struct server *server, const char *text, size_t len, bool in_batch)
{
	const struct server_program *program = server->program;
	struct rpc_problem problem;
	struct rpc_message msg;

	if (rpc_parse(&msg, text, len, &problem) == -1) {
		if (problem.is_array && !in_batch && server->revision != NULL &&
		    server->revision->batches)
			on_batch(server, text, len);
		else
			server_error(
			    server, problem.id, problem.code, problem.text);
		return;
	}
	if (program->intercept != NULL && program->intercept(server->arg, &msg))
		return;
	if (msg.kind == RPC_REQUEST)
		on_request(server, &msg);
	else if (msg.kind == RPC_NOTIFICATION && msg.method == MCP_CANCELLED)
		on_cancelled(server, &msg);
}

/*
 * The members of a batch are served like single messages and answered one by
 * one: their answers are ready at different times, and a client that sends
 * batches reads single messages too.  JSON-RPC 2.0 section 6, MCP 2025-03-26.
 */
static void
on_batch(/* NOLINT(misc-no-recursion) */
    struct server *server, const char *text, size_t len)
{
	struct json_span none = { NULL, 0 };
	struct json_span batch;
	struct json_span member;
	struct json_iter members;
	struct json_scan scan;
	bool any = false;

	if (json_scan(text, len, NULL, 0, NULL, &scan) == -1) {
		server_error(server, none, RPC_PARSE_ERROR, scan.error);
		return;
	}
	while (len > 0 && *text != '[') {
		text++;
		len--;
	}
	batch = (struct json_span){ text, len };
	json_iter_init(&members, batch);
	while (json_iter_element(&members, &member)) {
		any = true;
		on_message(server, member.at, member.len, true);
	}
	if (!any)
		server_error(
		    server, none, RPC_INVALID_REQUEST, "the batch is empty");
}

static void
on_line(struct server *server, const char *line, size_t len)
{
	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (len > 0)
		on_message(server, line, len, false);
}

/* A line longer than any message is skipped up to its end. */
static void
skip_long_line(struct server *server)
{
	struct json_span none = { NULL, 0 };

	if (buf_len(&server->in) <= MSG_JSON_MAX)
		return;
	if (!server->skipping)
		server_error(server, none, RPC_PARSE_ERROR,
		    "the message is longer than 64 MiB");
	server->skipping = true;
	buf_consume(&server->in, buf_len(&server->in));
	server->searched = 0;
}

static void
split_lines(struct server *server)
{
	for (;;) {
		size_t have = buf_len(&server->in);
		const char *data = have > 0 ? buf_data(&server->in) : "";
		const char *end = memchr(
		    data + server->searched, '\n', have - server->searched);

		if (end == NULL) {
			server->searched = have;
			break;
		}
		if (!server->skipping && !server->deaf)
			on_line(server, data, (size_t)(end - data));
		server->skipping = false;
		server->searched = 0;
		buf_consume(&server->in, (size_t)(end - data) + 1);
	}
	skip_long_line(server);
	if (buf_len(&server->in) == 0)
		buf_trim(&server->in, KEEP_SIZE);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;
	char *room = buf_reserve(&server->in, READ_SIZE);
	ssize_t n;

	(void)what;
	if (room == NULL)
		err(1, "request");
	n = read(fd, room, READ_SIZE);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		server_end(server);
		return;
	}
	buf_commit(&server->in, (size_t)n);
	split_lines(server);
	if (server->ended || server->deaf)
		return;
	if (buf_len(&server->out) > SERVER_QUEUE_MAX) {
		server->paused = true;
		event_del(server->readable);
	} else if (!server->in_polls) {
		start_reading(server);
	}
}

static void
on_signal(evutil_socket_t number, short what, void *arg)
{
	(void)number;
	(void)what;
	server_end(arg);
}

static void
on_drain_limit(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;

	(void)fd;
	(void)what;
	loop_stop(server->loop);
}

/* Life and death. */

void
server_stop_reading(struct server *server)
{
	server->deaf = true;
	event_del(server->readable);
}

void
server_stop(struct server *server)
{
	struct timeval limit = { .tv_sec = SERVER_DRAIN_MS / 1000,
		.tv_usec = SERVER_DRAIN_MS % 1000 * 1000 };

	server->stopping = true;
	event_add(server->drain_limit, &limit);
	deferred_queue(server->loop, &server->flush);
}

/*
 * A descriptor that is not open would be the next pipe that we make; it is
 * /dev/null instead.
 */
static void
open_standard_descriptors(void)
{
	int fd;

	do {
		if ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) == -1)
			err(1, "/dev/null");
	} while (fd <= STDERR_FILENO);
	close(fd);
}

/* Terminals are shared with a shell that expects them to block. */
static int
set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags == -1 || isatty(fd) == 1)
		return -1;
	(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	return flags;
}

/* epoll(7) refuses what never blocks: files, and devices like /dev/null. */
static bool
can_poll(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 &&
	    (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || isatty(fd) == 1);
}

struct server *
server_new(const struct server_program *program, void *arg)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct server *server = calloc(1, sizeof(*server));
	struct event_base *base;

	open_standard_descriptors();
	if (server == NULL || (server->loop = loop_new(false)) == NULL)
		err(1, "event loop");
	sigaction(SIGPIPE, &ignore, NULL);
	server->program = program;
	server->arg = arg;
	LIST_INIT(&server->calls);
	server->in_flags = set_nonblocking(STDIN_FILENO);
	server->out_flags = set_nonblocking(STDOUT_FILENO);
	server->in_polls = can_poll(STDIN_FILENO);
	base = loop_base(server->loop);
	server->readable = event_new(
	    base, STDIN_FILENO, EV_READ | EV_PERSIST, on_readable, server);
	server->writable =
	    event_new(base, STDOUT_FILENO, EV_WRITE, on_writable, server);
	server->sigterm = evsignal_new(base, SIGTERM, on_signal, server);
	server->sigint = evsignal_new(base, SIGINT, on_signal, server);
	server->drain_limit = evtimer_new(base, on_drain_limit, server);
	if (server->readable == NULL || server->writable == NULL ||
	    server->sigterm == NULL || server->sigint == NULL ||
	    server->drain_limit == NULL)
		err(1, "events");
	deferred_init(&server->flush, server_flush, server);
	return server;
}

void
server_free(struct server **serverp)
{
	struct server *server = *serverp;

	if (server == NULL)
		return;
	deferred_cancel(&server->flush);
	event_free(server->readable);
	event_free(server->writable);
	event_free(server->sigterm);
	event_free(server->sigint);
	event_free(server->drain_limit);
	loop_free(&server->loop);
	buf_free(&server->in);
	buf_free(&server->out);
	free(server);
	*serverp = NULL;
}

void
server_run(struct server *server)
{
	start_reading(server);
	evsignal_add(server->sigterm, NULL);
	evsignal_add(server->sigint, NULL);
	server_flush(server); /* what was said before the loop turns */
	loop_run(server->loop);
	if (server->in_flags != -1)
		(void)fcntl(STDIN_FILENO, F_SETFL, server->in_flags);
	if (server->out_flags != -1)
		(void)fcntl(STDOUT_FILENO, F_SETFL, server->out_flags);
}

struct loop *
server_loop(const struct server *server)
{
	return server->loop;
}
