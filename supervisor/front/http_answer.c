/* http_answer.c: answers that are whole: texts, errors, redirects. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include "front.h"
#include "guard_http.h"
#include "http_parts.h"
#include "http_words.h"

/* "Sun, 06 Nov 1994 08:49:37 GMT", RFC 9110 5.6.7, made once a second. */
static const char *
http_date(struct http_server *http)
{
	struct timeval now;
	struct tm tm;

	event_base_gettimeofday_cached(loop_base(http->front->loop), &now);
	if (now.tv_sec != http->date_at) {
		http->date_at = now.tv_sec;
		gmtime_r(&now.tv_sec, &tm);
		strftime(http->date, sizeof(http->date),
		    "%a, %d %b %Y %H:%M:%S GMT", &tm);
	}
	return http->date;
}

void
http_add_header(struct http_exchange *x, const char *name, const char *value)
{
	evhttp_add_header(
	    evhttp_request_get_output_headers(x->req), name, value);
}

/* evhttp would print Date and Content-Length for each answer by itself, at the
 * price of half of it. */
void
http_answer_as(struct http_exchange *x, int status, const char *type,
    const char *text, size_t len)
{
	struct evbuffer *body = evhttp_request_get_output_buffer(x->req);
	char length[24];
	char *digit = length + sizeof(length);
	size_t n = len;

	*--digit = '\0';
	do
		*--digit = (char)('0' + n % 10);
	while (n /= 10);
	http_add_header(x, "Content-Type", type);
	http_add_header(x, "Date", http_date(x->http));
	http_add_header(x, "Content-Length", digit);
	if (x->method != EVHTTP_REQ_HEAD)
		evbuffer_add(body, text, len);
	evhttp_send_reply(x->req, status, http_words_reason(status), NULL);
}

void
http_answer(struct http_exchange *x, int status, const char *text)
{
	http_answer_as(
	    x, status, "text/plain; charset=utf-8", text, strlen(text));
}

void
http_answer_json(
    struct http_exchange *x, int status, const char *json, size_t len)
{
	http_answer_as(x, status, "application/json", json, len);
}

void
http_refuse(
    struct http_exchange *x, int status, uint32_t retry_s, const char *why)
{
	char body[HTTP_ERROR_MAX];
	char seconds[16];
	size_t len = http_words_error(body, why);

	if (retry_s > 0) {
		snprintf(seconds, sizeof(seconds), "%u", (unsigned int)retry_s);
		http_add_header(x, "Retry-After", seconds);
	}
	http_answer_json(x, status, body, len);
}

void
http_answer_method(struct http_exchange *x, const char *allow)
{
	http_add_header(x, "Allow", allow);
	http_answer(x, 405, "Method Not Allowed");
}

/* The target is printable ASCII without spaces: the guard has seen to it. */
void
http_answer_redirect(
    struct http_exchange *x, const char *path, const char *query)
{
	char location[GUARD_HEAD_MAX];

	snprintf(location, sizeof(location), "%s%s", path, query);
	http_add_header(x, "Location", location);
	http_answer(x, 307, "");
}
