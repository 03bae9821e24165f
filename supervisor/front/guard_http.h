/*
 * guard_http.h: what a client may send, judged byte by byte before evhttp sees
 * it: strict HTTP/1.1 framing, sizes, and headers that must stand once.
 */
#ifndef FRONT_GUARD_HTTP_H
#define FRONT_GUARD_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A request line and its headers; a bearer token may take 8 KiB of it. */
#define GUARD_HEAD_MAX 16384U
/* Browsers and proxies send some thirty. */
#define GUARD_HEADERS_MAX 100U
/* A request body; the official SDK's servers take 4 MB. */
#define GUARD_BODY_MAX (4U << 20)

/* A conversation of requests on one connection; zeroed: nothing came yet. */
struct guard_http {
	/* Public, read only. */
	uint32_t heads;    /* requests whose head is complete */
	uint32_t messages; /* requests that are complete */
	/* Public: the longest body, at most GUARD_BODY_MAX; 0: that. */
	uint32_t body_max;
	/* Private to guard_http.c follows. */
	uint64_t body_left;  /* of the body or of the chunk */
	uint32_t body_total; /* in chunks so far */
	uint32_t head_bytes;
	uint16_t target_len;
	uint16_t header_count;
	uint16_t seen; /* a bit for each header that must stand once */
	uint8_t state;
	uint8_t method;
	uint8_t header; /* whose value comes */
	uint8_t digits; /* of the chunk size */
	uint8_t text_len;
	char text[40]; /* the method, the version, a name or a value */
};

/* Why bytes were refused. */
struct guard_refusal {
	int status;         /* 400, 405, 413, 414, 417, 431, 501 or 505 */
	const char *reason; /* for the body and the log, a static text */
};

/*
 * Judge the next n bytes.  True when they are all right so far.  False once,
 * with *refusal set: the connection must then be ended, and nothing of these
 * bytes may reach evhttp.
 */
bool guard_http_feed(struct guard_http *g, const char *bytes, size_t n,
    struct guard_refusal *refusal);

/* True between requests: no byte of the next one came yet. */
bool guard_http_idle(const struct guard_http *g);

/* True while some bytes of a head came and not yet all. */
bool guard_http_in_head(const struct guard_http *g);

/* True in a body that comes in chunks; at_end: the data of one is here to its
 * last byte, and nothing behind it. */
bool guard_http_in_chunks(const struct guard_http *g, bool at_end);

#endif
