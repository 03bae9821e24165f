/*
 * exchange_head.h: what the header lines of a response mean to us.  Only
 * exchange.c uses what is declared here.
 */
#ifndef WORKER_HTTP_EXCHANGE_HEAD_H
#define WORKER_HTTP_EXCHANGE_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "exchange.h"
#include "proto/log.h"

/* Longer than any media type that we know; what is over is not looked at. */
#define HEAD_TYPE_MAX 63U

/* All zero at first. */
struct head {
	size_t bytes;     /* of all header lines so far */
	bool in_fields;   /* the status line has been seen */
	bool is_complete; /* what comes now are trailers */
	bool has_type;
	bool has_session;
	bool bad_session;
	bool encoded;
	bool has_location;
	char type[HEAD_TYPE_MAX + 1];
	char session[EXCHANGE_TOKEN_MAX + 1];
	char location[LOG_STR_MAX];
	const char *fault; /* why the response is refused, continues "the
			      backend …" */
};

/*
 * A line with its end.  0, or -1 with h->fault, a static text.  *ended: it was
 * the empty one behind the fields.
 */
int head_line(struct head *h, const char *line, size_t n, bool *ended);

/*
 * The fields have ended and this was the status: true when it is the final one,
 * which fills *ret, pointing into h.  After 1xx the next status line is
 * expected.  -1 with h->fault for 101.
 */
int head_end(struct head *h, long status, struct exchange_head *ret);

#endif
