/* http_answer.c: answers that are whole: texts, errors, redirects. */
#include <sys/socket.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/keyvalq_struct.h>

#include "proto/splice.h"

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

/* ---- heads ------------------------------------------------------------ */

/*
 * May we write the head of an answer ourselves?  evhttp, which prints each line
 * of it, needs four times as many instructions.  What it would add to other
 * answers is its own to know; and it confuses chunks of a request with those of
 * its answer.
 */
static bool
is_plain(struct evhttp_request *request)
{
	const struct evkeyval *header;

	if (!TAILQ_EMPTY(evhttp_request_get_output_headers(request)))
		return false;
	TAILQ_FOREACH (
	    header, evhttp_request_get_input_headers(request), next) {
		char first = (char)(header->key[0] | 0x20);

		if ((first == 'c' &&
			strcasecmp(header->key, "Connection") == 0 &&
			strcasecmp(header->value, "keep-alive") != 0) ||
		    (first == 't' &&
			strcasecmp(header->key, "Transfer-Encoding") == 0))
			return false;
	}
	return true;
}

static char *
put_text(char *at, const char *text)
{
	return mempcpy(at, text, strlen(text));
}

/* Returns the first of the digits that end before end. */
static char *
put_digits(char *end, size_t number)
{
	do
		*--end = (char)('0' + number % 10);
	while (number /= 10);
	return end;
}

/* At most HTTP_HEAD_MAX bytes; type: NULL, none is named.  Returns their end.
 */
static char *
put_head(struct http_server *http, char *at, int status, const char *type,
    size_t length)
{
	char digits[20];
	char *end = digits + sizeof(digits);
	char *first;

	at = put_text(at, "HTTP/1.1 ");
	first = put_digits(end, (size_t)status);
	at = mempcpy(at, first, (size_t)(end - first));
	*at++ = ' ';
	at = put_text(at, http_words_reason(status));
	if (type != NULL) {
		at = put_text(at, "\r\nContent-Type: ");
		at = put_text(at, type);
	}
	at = put_text(at, "\r\nDate: ");
	at = put_text(at, http_date(http));
	at = put_text(at, "\r\nContent-Length: ");
	first = put_digits(end, length);
	at = mempcpy(at, first, (size_t)(end - first));
	return put_text(at, "\r\n\r\n");
}

static struct bufferevent *
bufferevent_of(struct evhttp_request *request)
{
	return evhttp_connection_get_bufferevent(
	    evhttp_request_get_connection(request));
}

/* All of an answer is in the connection's output.  evhttp has the request once
 * it is written; until then it only looks whether the client goes away. */
static void
finish_later(struct evhttp_request *request)
{
	struct bufferevent *bev = bufferevent_of(request);
	bufferevent_data_cb on_write;
	bufferevent_event_cb on_event;
	void *arg;

	bufferevent_getcb(bev, NULL, &on_write, &on_event, &arg);
	bufferevent_setcb(bev, NULL, on_write, on_event, arg);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
	evhttp_send_reply_end(request);
}

/* Date and Content-Length are cheaper by us than by evhttp in any case. */
static void
send_by_evhttp(struct http_server *http, struct evhttp_request *request,
    int status, const char *type, size_t length)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	char text[21];

	text[sizeof(text) - 1] = '\0';
	if (type != NULL)
		evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "Date", http_date(http));
	evhttp_add_header(headers, "Content-Length",
	    put_digits(text + sizeof(text) - 1, length));
	evhttp_send_reply(request, status, http_words_reason(status), NULL);
}

/* Its body is in the request's output buffer. */
static void
send_reply(struct http_server *http, struct evhttp_request *request, int status,
    const char *type, size_t length)
{
	struct evbuffer *output;
	char *end;

	if (!is_plain(request)) {
		send_by_evhttp(http, request, status, type, length);
		return;
	}
	output = bufferevent_get_output(bufferevent_of(request));
	end = put_head(http, http->text, status, type, length);
	evbuffer_add(output, http->text, (size_t)(end - http->text));
	evbuffer_add_buffer(output, evhttp_request_get_output_buffer(request));
	finish_later(request);
}

void
http_send_body(struct http_server *http, struct evhttp_request *request,
    int status, const char *type)
{
	send_reply(http, request, status, type,
	    evbuffer_get_length(evhttp_request_get_output_buffer(request)));
}

void
http_send_short(struct http_server *http, struct evhttp_request *request,
    const struct splice *json)
{
	struct bufferevent *bev = bufferevent_of(request);
	struct evbuffer *output = bufferevent_get_output(bev);
	size_t len = splice_length(json);
	char *at = http->text;
	size_t n;
	ssize_t sent = 0;

	if (!is_plain(request) || evbuffer_get_length(output) > 0) {
		splice_write(json, at);
		evbuffer_add(
		    evhttp_request_get_output_buffer(request), at, len);
		send_by_evhttp(http, request, 200, "application/json", len);
		return;
	}
	at = put_head(http, at, 200, "application/json", len);
	splice_write(json, at);
	n = (size_t)(at - http->text) + len;
	sent = send(
	    bufferevent_getfd(bev), http->text, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent == (ssize_t)n) {
		evhttp_send_reply_end(request); /* it is free now */
		return;
	}
	if (sent == -1)
		sent = 0; /* evhttp will meet what is wrong, too */
	evbuffer_add(output, http->text + sent, n - (size_t)sent);
	finish_later(request);
}

/* ---- answers ---------------------------------------------------------- */

void
http_answer_as(struct http_exchange *x, int status, const char *type,
    const char *text, size_t len)
{
	struct evbuffer *body = evhttp_request_get_output_buffer(x->req);

	if (x->method != EVHTTP_REQ_HEAD)
		evbuffer_add(body, text, len);
	send_reply(x->http, x->req, status, type, len);
}

void
http_answer_empty(struct http_exchange *x, int status)
{
	send_reply(x->http, x->req, status, NULL, 0);
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
