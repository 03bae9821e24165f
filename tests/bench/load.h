/* load.h: mcpload's clients, their connections, and what was counted. */
#ifndef LOAD_H
#define LOAD_H

#include <netinet/in.h>

#include "buf.h"
#include "stats.h"
#include <signal.h>
#include <stddef.h>
#include <stdint.h>

enum mode {
	MODE_CALL,
	MODE_HOLD,
	MODE_PROBE,
};

struct options {
	enum mode mode;
	struct sockaddr_in addr;
	char host[64];
	char path[256];
	int sse;
	int no_stream; /* hold: sessions without a stream or a connection */
	int clients;
	double seconds, warmup, setup_timeout;
	uint64_t max_requests;
	const char *method;
	const char *tool;
	const char *version;
	size_t arg_bytes;
	long blob_bytes; /* > 0: call the blob tool instead of echo */
	int sources;     /* spread clients over 127.0.0.2 .. */
	int window;      /* handshakes in progress at a time */
	uint64_t since_ns;
	const char *expect; /* what a good answer holds, or NULL */
};
extern struct options opt;

enum body_kind {
	BODY_NONE,
	BODY_LENGTH,
	BODY_CHUNKED,
	BODY_EOF,
};

struct client;

struct conn {
	struct client *cl;
	int fd;
	int connecting;
	int closing; /* the server announced Connection: close */
	struct buf in, out;
	size_t out_done;
	/* the answer being read */
	int in_body, status, is_sse;
	enum body_kind kind;
	uint64_t left;   /* bytes left in the body or chunk */
	int chunk_state; /* 0 size line, 1 data, 2 CRLF after data, 3 trailer */
	struct buf body;
	uint32_t events;
};

enum phase {
	PH_NEW,
	PH_STREAM,
	PH_INIT,
	PH_NOTIFY,
	PH_GET,
	PH_READY,
	PH_RUN,
	PH_HELD,
	PH_DEAD,
};

struct client {
	struct conn post, stream;
	enum phase phase;
	char session[200];
	char post_path[300];
	uint64_t id; /* of the request in flight */
	uint64_t sent_at, done_at;
	int got_reply, got_http;
	int errors_in_row;
	int source;
};

struct load {
	struct client *clients;
	int epfd, in_handshake, ready, dead, next_client;
	int measuring, stopping;
	struct samples lat;
	uint64_t errors, strays, reconnects, issued;
	uint64_t measure_from, measure_until;
	uint64_t bytes_in;
	char first_error[200];
	char *arg_text;
	volatile sig_atomic_t interrupted;
};
extern struct load load;

/* load_http.c: connections and HTTP. */

/* Count an error; the first one's text is kept for the report. */
void note_error(const char *what, const char *text, size_t n);
/* Queue and send a request, opening the connection when there is none. */
void conn_send(
    struct conn *c, const char *head, size_t hn, const char *body, size_t bn);
void conn_flush(struct conn *c);
void conn_close(struct conn *c);
void conn_readable(struct conn *c);
/* The client takes no further part. */
void client_dead(struct client *cl);

/* load_client.c: MCP, and the course of a client. */

void send_request(struct client *cl);
/* One JSON-RPC message arrived for this client. */
void on_message(struct client *cl, const char *text, size_t n);
/* Take whole events out of the body buffer of an event stream. */
void on_sse_bytes(struct conn *c);
/* What is awaited has come: go on. */
void client_step(struct client *cl);

#endif
