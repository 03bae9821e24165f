/*
 * server.h: what every MCP server of ours on stdio shares: lines in, lines out,
 * the handshake, and requests that are answered later or cancelled.
 */
#ifndef SERVERS_SERVER_H
#define SERVERS_SERVER_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>

#include "proto/buf.h"
#include "proto/jsonrpc.h"
#include "proto/loop.h"

/*
 * Bytes of answers that wait for a client that does not read, before no more
 * requests are read from it.
 */
#define SERVER_QUEUE_MAX ((size_t)4 << 20)

/* How long unsent answers are kept after the end, in milliseconds. */
#define SERVER_DRAIN_MS 1000

struct server;

/* What a program is.  Members that may be NULL say so. */
struct server_program {
	const char *name;         /* serverInfo.name */
	const char *capabilities; /* the JSON object */
	const char *instructions; /* may be NULL */

	/*
	 * A request that the server does not answer itself (initialize, ping)
	 * and whose params passed rpc_check_params().  It is answered now, with
	 * server_result() or server_error(), or kept with server_call_begin().
	 */
	void (*request)(void *arg, const struct rpc_message *msg);

	/*
	 * Sees every message before anything else is done with it; true when it
	 * has been dealt with.  May be NULL.
	 */
	bool (*intercept)(void *arg, const struct rpc_message *msg);

	/*
	 * Takes over the sending of lines (each with its line end), usually
	 * through server_write().  May be NULL.
	 */
	void (*send)(void *arg, const char *line, size_t len);

	/*
	 * Standard input ended, or SIGTERM or SIGINT came: end what runs and
	 * call server_stop().  May be NULL: the server stops at once.
	 */
	void (*end)(void *arg);
};

/*
 * A server on standard input and output; exits the process when the system
 * refuses what it needs.  program and arg are borrowed for its whole life.
 */
struct server *server_new(const struct server_program *program, void *arg);
void server_free(struct server **server);

/* Serve until server_stop(); afterwards the process should exit with 0. */
void server_run(struct server *server);

/* End server_run() as soon as what is queued has been written. */
void server_stop(struct server *server);

/* The loop, for events of the program's own. */
struct loop *server_loop(const struct server *server);

/* Read no more messages from standard input, for ever. */
void server_stop_reading(struct server *server);

/* Answer a request with this result, JSON text in one line. */
void server_result(
    struct server *server, struct json_span id, const char *result, size_t len);

/* Answer a request with an error (RPC_INVALID_PARAMS, …). */
void server_error(
    struct server *server, struct json_span id, int code, const char *text);

/* The same with data, JSON in one line. */
void server_error_data(struct server *server, struct json_span id, int code,
    const char *text, struct json_span data);

/*
 * Answer tools/call with one text; is_error marks a failure of the tool, which
 * is a result and not an error of the protocol (MCP tools, "Error Handling").
 */
void server_tool_text(struct server *server, struct json_span id,
    const char *text, size_t len, bool is_error);

/* Send a notification; params is JSON text, or NULL for none. */
void server_notify(
    struct server *server, const char *method, const char *params);

/* Send one whole line: n bytes that end with a line feed. */
void server_send(struct server *server, const char *line, size_t n);

/* Queue bytes as they are, past the program's send(). */
void server_write(struct server *server, const void *bytes, size_t n);

/*
 * A request that is answered later, embedded in the program's own record of
 * it.  Ended by server_call_end(), or by the client: then cancelled is called
 * when the call is no longer known, and no answer may follow.
 */
struct server_call {
	LIST_ENTRY(server_call) link;
	void (*cancelled)(struct server_call *call);
	struct json_span id;    /* copies, below */
	struct json_span token; /* the progress token, or absent */
	char bytes[2 * RPC_ID_MAX];
};

/*
 * Keep a request.  0, or -1 when one with the same id is in flight already;
 * it has then been answered with an error.
 */
int server_call_begin(struct server *server, struct server_call *call,
    const struct rpc_message *msg, void (*cancelled)(struct server_call *call));

/* Forget the call: before or after it was answered, not once cancelled. */
void server_call_end(struct server_call *call);

/* Append formatted JSON; a lack of memory ends the process. */
void server_format(struct buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Append text as a JSON string; a lack of memory ends the process. */
void server_quote(struct buf *b, const char *text, size_t len);

#endif
