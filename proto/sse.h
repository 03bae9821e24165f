/* sse.h: Server-Sent Events, WHATWG HTML "9.2 Server-sent events". */
#ifndef PROTO_SSE_H
#define PROTO_SSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/buf.h"

struct sse_parser;

struct sse_event {
	const char *type; /* "message" unless the stream named another */
	char *data;       /* not NUL-terminated; may be empty, and changed
			     in place */
	size_t data_len;
	bool has_data;  /* false: the event only set an id */
	const char *id; /* the last event id, "" when there is none */
};

/* An event name or id longer than this is refused; both are kept in memory. */
#define SSE_FIELD_MAX 4096U

/*
 * A parser that refuses events of more than event_max bytes of data, lines of
 * unknown fields longer than that, and names and ids over SSE_FIELD_MAX.
 * Comments may be of any length.  NULL with ENOMEM.
 */
struct sse_parser *sse_parser_new(size_t event_max);
void sse_parser_free(struct sse_parser **parser);

/*
 * Read bytes, split anywhere, and call event for every whole event; CR, LF and
 * CRLF end lines, a byte order mark at the start is skipped, an event without
 * data lines is not dispatched unless it set an id ("priming event", then
 * data_len is 0 and has_data false).  0, or -1 with errno EMSGSIZE (an event
 * over the limit) or ENOMEM; the parser is then useless.  What *event borrows
 * is valid until the callback returns, which must not free the parser.
 */
int sse_parser_feed(struct sse_parser *parser, const char *bytes, size_t n,
    void (*event)(void *arg, const struct sse_event *event), void *arg);

/* Bytes that are kept of an event that has not come whole. */
size_t sse_parser_held(const struct sse_parser *parser);

/* Milliseconds of the last valid "retry:" field, or -1. */
int64_t sse_parser_retry(const struct sse_parser *parser);

/*
 * Append one event of one data line, as the original product writes it: CRLF
 * line ends.  data has no CR or LF.  0, or -1 with ENOMEM.
 */
int sse_add_event(
    struct buf *b, const char *type, const char *data, size_t data_len);

/* Append a comment line and a blank line. */
int sse_add_comment(struct buf *b, const char *text);

#endif
