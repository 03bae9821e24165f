/*
 * exchange.h: one HTTP request and its response, over libcurl: never sent
 * twice, never redirected, only to addresses that are allowed, never waited for
 * without end, and paused when its reader is slow.
 */
#ifndef WORKER_HTTP_EXCHANGE_H
#define WORKER_HTTP_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "setup.h"

struct exchange;
struct http;
struct loop;

/* From the name to the end of the TLS handshake. */
#define EXCHANGE_CONNECT_MS 5000L
/*
 * A connection that takes longer means a server that is not there, unless it
 * has said something within this time: then it is one with too much to do, and
 * only what needed that connection fails.  Twice the above, so that one who
 * answered when the connection was begun is known by its end.
 */
#define EXCHANGE_HEARD_MS 10000U
/* An answer that expects nothing but a status must come within this time. */
#define EXCHANGE_STATUS_MS 30000L
/* A kept connection that was idle for longer is not used again: many servers
 * close it after 5 s, and a request on its way then is lost. */
#define EXCHANGE_IDLE_S 3L
/* Bytes of all headers of a response. */
#define EXCHANGE_HEAD_MAX ((size_t)64 << 10)
/* A session id or an event id; MCP names no limit, a header line has one. */
#define EXCHANGE_TOKEN_MAX 1024U

enum exchange_method {
	EXCHANGE_GET,
	EXCHANGE_POST,
	EXCHANGE_DELETE,
};

/* Texts are copied unless said otherwise; NULL: no such header. */
struct exchange_request {
	enum exchange_method method;
	const char *url;
	const char *accept;
	const char *session;       /* Mcp-Session-Id */
	const char *revision;      /* MCP-Protocol-Version */
	const char *last_event_id; /* Last-Event-ID */
	const char *body;          /* of a POST */
	size_t body_len;
	uint32_t timeout_ms; /* for all of it; 0: none, as for a stream */
};

/* The final status line and the headers that mean something to us. */
struct exchange_head {
	long status;
	const char *reason; /* "Not Found": a fixed text, never the peer's */
	const char *type;   /* Content-Type in lower case without parameters, ""
			       when there is none */
	const char *session; /* Mcp-Session-Id, or NULL */
	bool bad_session; /* there is one, which must not be used: longer than
			     EXCHANGE_TOKEN_MAX or not visible ASCII */
	bool encoded;     /* a Content-Encoding that we did not ask for */
	const char *location; /* of a redirect, escaped for a log, or NULL */
};

enum exchange_outcome {
	EXCHANGE_DONE,        /* the response came whole */
	EXCHANGE_UNREACHABLE, /* no connection: nothing of the request left */
	EXCHANGE_UNTRUSTED,   /* the same: certificate or address refused */
	EXCHANGE_NOT_SENT,    /* it broke before the body was handed over, or
				 others have the server's connections */
	EXCHANGE_BROKEN,      /* it broke later: the server may have got it */
	EXCHANGE_STOPPED,     /* body() returned false */
};

struct exchange_handlers {
	/* It has a connection; from within libcurl.  May be NULL. */
	void (*begun)(void *arg);
	/* The head is complete.  May be NULL. */
	void (*head)(void *arg, const struct exchange_head *head);
	/*
	 * Bytes of the body.  False ends the exchange with EXCHANGE_STOPPED;
	 * exchange_pause() works from here.
	 */
	bool (*body)(void *arg, const char *bytes, size_t n);
	/*
	 * It is over; called once, at the end of a turn, never from within
	 * exchange_start().  why continues "the backend …" ("refused the
	 * connection", "closed the connection before its answer was whole"),
	 * "" for EXCHANGE_DONE.  The exchange is freed when this returns.
	 */
	void (*done)(void *arg, enum exchange_outcome outcome, const char *why);
};

/*
 * The exchanges of one backend; remote is borrowed (headers, certificates).
 * NULL with *why, a static text that continues "the backend …" ("has a ca_file
 * without a certificate in it"), and errno EINVAL or ENOMEM.
 */
struct http *http_new(
    struct loop *loop, const struct setup_remote *remote, const char **why);
/* Ends all of them without done(). */
void http_free(struct http **http);

/*
 * Start one; handlers and arg are borrowed until done().  A header value with a
 * control character is refused: NULL with errno EINVAL; or ENOMEM.
 */
struct exchange *exchange_start(struct http *http,
    const struct exchange_request *request,
    const struct exchange_handlers *handlers, void *arg);

/* The server may have got the request's body, or part of it. */
bool exchange_is_sent(const struct exchange *exchange);

/* Stop or resume body(); nothing is lost, the server has to wait. */
void exchange_pause(struct exchange *exchange, bool on);

/* End it without done(); *exchange becomes NULL, NULL is accepted.  Not from
 * within its own callbacks. */
void exchange_cancel(struct exchange **exchange);

#endif
