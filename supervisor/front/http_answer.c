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
static void
send_reply(struct http_server *http, struct evhttp_request *request, int status,
    size_t length)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	char text[24];
	char *digit = text + sizeof(text);

	*--digit = '\0';
	do
		*--digit = (char)('0' + length % 10);
	while (length /= 10);
	evhttp_add_header(headers, "Date", http_date(http));
	evhttp_add_header(headers, "Content-Length", digit);
	evhttp_send_reply(request, status, http_words_reason(status), NULL);
}

void
http_send_body(struct http_server *http, struct evhttp_request *request,
    int status, const char *type)
{
	evhttp_add_header(
	    evhttp_request_get_output_headers(request), "Content-Type", type);
	send_reply(http, request, status,
	    evbuffer_get_length(evhttp_request_get_output_buffer(request)));
}

void
http_answer_as(struct http_exchange *x, int status, const char *type,
    const char *text, size_t len)
{
	struct evbuffer *body = evhttp_request_get_output_buffer(x->req);

	http_add_header(x, "Content-Type", type);
	if (x->method != EVHTTP_REQ_HEAD)
		evbuffer_add(body, text, len);
	send_reply(x->http, x->req, status, len);
}

void
http_answer_empty(struct http_exchange *x, int status)
{
	send_reply(x->http, x->req, status, 0);
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
