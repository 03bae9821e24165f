/* exchange.c: one HTTP request and its response, over libcurl. */
#include <sys/queue.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "exchange.h"
#include "exchange_fault.h"
#include "exchange_handles.h"
#include "exchange_head.h"
#include "exchange_options.h"
#include "multi.h"
#include "origin.h"
#include "proto/clock.h"
#include "proto/loop.h"

/* Bytes sent that the other side does not acknowledge: the same as the time for
 * a status. */
#define USER_TIMEOUT_MS 30000

/* A shorter body goes out together with the headers, in one write, and is kept
 * until the end; a longer one is read by libcurl in pieces. */
#define LONG_BODY ((size_t)64 << 10)

/* Of one request: four of its own and Content-Type. */
#define OWN_HEADERS 5U

struct exchange {
	TAILQ_ENTRY(exchange) link;
	struct http *http;
	struct handle handle;
	const struct exchange_handlers *handlers; /* NULL: cancelled */
	void *arg;
	struct deferred resume;
	char *body; /* NULL when a long one was handed over */
	size_t body_len;
	size_t body_at;
	struct curl_slist headers[OWN_HEADERS]; /* end in those of http */
	char *texts;                            /* theirs */
	uint32_t timeout_ms;
	bool has_body;
	bool begun;   /* a connection was ours */
	bool sent;    /* when it was over */
	bool paused;  /* body() shall not be called */
	bool held;    /* libcurl holds bytes because of that */
	bool stopped; /* body() returned false */
	bool address_private;
	bool address_tried;
	char address[INET6_ADDRSTRLEN]; /* the last that was refused */
	char error[CURL_ERROR_SIZE];
	struct head head;
};

struct http {
	struct loop *loop;
	const struct setup_remote *remote;
	struct multi *multi;
	struct handles *handles;
	struct curl_slist *headers; /* of every request */
	char *host;
	bool private_allowed;
	uint64_t heard_ms; /* when the server last said something, or 0 */
	TAILQ_HEAD(, exchange) exchanges;
	TAILQ_HEAD(, exchange) cancelled;
	struct deferred sweep;
};

/* ---- what libcurl calls ---- */

/* Bytes of this request that a socket took. */
static bool
is_written(const struct exchange *ex)
{
	long bytes = 0;

	/* Until then libcurl tells of the one before. */
	if (!ex->begun)
		return false;
	(void)curl_easy_getinfo(ex->handle.easy, CURLINFO_REQUEST_SIZE, &bytes);
	return bytes > 0;
}

/* It was made for this request, so that the server is there. */
static bool
is_new_connection(const struct exchange *ex)
{
	long made = 0;

	(void)curl_easy_getinfo(ex->handle.easy, CURLINFO_NUM_CONNECTS, &made);
	return made > 0;
}

/*
 * A connection is ours, the request comes next.  libcurl tries another one when
 * a kept connection breaks; that must not happen once anything was written.
 */
static int
on_begin(void *arg, char *peer, char *local, int peer_port, int local_port)
{
	struct exchange *ex = arg;

	(void)peer;
	(void)local;
	(void)peer_port;
	(void)local_port;
	if (is_written(ex))
		return CURL_PREREQFUNC_ABORT;
	ex->begun = true;
	if (is_new_connection(ex))
		ex->http->heard_ms = mono_ms();
	if (ex->handlers != NULL && ex->handlers->begun != NULL)
		ex->handlers->begun(ex->arg);
	return CURL_PREREQFUNC_OK;
}

static size_t
on_read(char *to, size_t size, size_t count, void *arg)
{
	struct exchange *ex = arg;
	size_t n = ex->body_len - ex->body_at;

	if (n > size * count)
		n = size * count;
	if (n == 0)
		return 0;
	memcpy(to, ex->body + ex->body_at, n);
	ex->body_at += n;
	if (ex->body_at == ex->body_len) {
		free(ex->body); /* an answer may take hours */
		ex->body = NULL;
	}
	return n;
}

/* Never from the beginning again. */
static int
on_seek(void *arg, curl_off_t offset, int origin)
{
	(void)arg;
	(void)offset;
	(void)origin;
	return CURL_SEEKFUNC_CANTSEEK;
}

static bool
head_ended(struct exchange *ex)
{
	struct exchange_head head;
	long status = 0;
	int final;

	(void)curl_easy_getinfo(
	    ex->handle.easy, CURLINFO_RESPONSE_CODE, &status);
	final = head_end(&ex->head, status, &head);
	if (final == 1 && ex->handlers != NULL && ex->handlers->head != NULL)
		ex->handlers->head(ex->arg, &head);
	return final != -1;
}

static size_t
on_header(char *line, size_t size, size_t count, void *arg)
{
	struct exchange *ex = arg;
	size_t n = size * count;
	bool ended;

	ex->http->heard_ms = mono_ms();
	if (ex->handlers == NULL ||
	    head_line(&ex->head, line, n, &ended) == -1 ||
	    (ended && !head_ended(ex)))
		return 0; /* not n: ends the transfer; n is never 0 */
	return n;
}

static size_t
on_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct exchange *ex = arg;
	size_t n = size * count;

	ex->http->heard_ms = mono_ms();
	if (ex->handlers == NULL)
		return 0;
	if (ex->paused) {
		ex->held = true;
		return CURL_WRITEFUNC_PAUSE; /* it comes again */
	}
	if (ex->handlers->body(ex->arg, bytes, n))
		return n;
	ex->stopped = true;
	return 0;
}

static void
refuse_address(struct exchange *ex, const struct sockaddr *sa, bool private)
{
	union {
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} copy;
	const void *at = &copy.in.sin_addr;
	socklen_t len = sizeof(copy.in);

	if (sa->sa_family == AF_INET6) {
		at = &copy.in6.sin6_addr;
		len = sizeof(copy.in6);
	}
	memcpy(&copy, sa, len);
	if (inet_ntop(sa->sa_family, at, ex->address, sizeof(ex->address)) ==
	    NULL)
		strlcpy(ex->address, "of another kind", sizeof(ex->address));
	ex->address_private = private;
}

/* A socket for this address, which was looked up a moment ago. */
static curl_socket_t
on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct exchange *ex = arg;
	enum address_kind kind = address_kind(&address->addr, address->addrlen);
	const int timeout = USER_TIMEOUT_MS;
	int fd;

	(void)purpose;
	if (is_written(ex))
		return CURL_SOCKET_BAD; /* as in on_begin(), but earlier */
	if (kind == ADDRESS_FORBIDDEN ||
	    (kind == ADDRESS_PRIVATE && !ex->http->private_allowed)) {
		refuse_address(ex, &address->addr, kind == ADDRESS_PRIVATE);
		return CURL_SOCKET_BAD;
	}
	ex->address_tried = true;
	fd = socket(address->family,
	    address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    address->protocol);
	if (fd != -1)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout,
		    sizeof(timeout));
	return fd == -1 ? CURL_SOCKET_BAD : fd;
}

/* ---- one exchange ---- */

/* What points into the exchange. */
static int
exchange_bind(struct exchange *ex)
{
	CURL *easy = ex->handle.easy;
	bool ok = true;

#define SET(option, value)                                                     \
	ok = curl_easy_setopt(easy, option, value) == CURLE_OK && ok
	SET(CURLOPT_HTTPHEADER, ex->headers);
	SET(CURLOPT_TIMEOUT_MS, (long)ex->timeout_ms);
	SET(CURLOPT_PRIVATE, ex);
	SET(CURLOPT_ERRORBUFFER, ex->error);
	SET(CURLOPT_PREREQDATA, ex);
	SET(CURLOPT_READDATA, ex);
	SET(CURLOPT_HEADERDATA, ex);
	SET(CURLOPT_WRITEDATA, ex);
	SET(CURLOPT_OPENSOCKETDATA, ex);
	if (ex->has_body) {
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)ex->body_len);
		SET(CURLOPT_POSTFIELDS,
		    ex->body_len < LONG_BODY ? ex->body : NULL);
	}
#undef SET
	return ok ? 0 : -1;
}

/* Free what is no longer known to the multi handle. */
static void
exchange_free(struct exchange *ex)
{
	deferred_cancel(&ex->resume);
	if (ex->handle.easy != NULL)
		handles_give(ex->http->handles, &ex->handle);
	free(ex->body);
	free(ex->texts);
	free(ex);
}

/* The server was there a moment ago. */
static bool
is_heard(const struct http *http)
{
	return http->heard_ms != 0 &&
	    mono_ms() - http->heard_ms <= EXCHANGE_HEARD_MS;
}

static enum exchange_outcome
judge(const struct exchange *ex, CURLcode code, char *why)
{
	const struct fault fault = {
		.easy = ex->handle.easy,
		.code = code,
		.text = ex->error,
		.host = ex->http->host,
		.address = ex->address,
		.address_private = ex->address_private,
		.address_tried = ex->address_tried,
		.sent = exchange_is_sent(ex),
		.answered = ex->head.is_complete,
		.heard = is_heard(ex->http),
		.own_ca = ex->http->remote->ca != NULL,
		.own_certificate = ex->http->remote->certificate != NULL,
		.timeout_ms = ex->timeout_ms,
	};

	why[0] = '\0';
	/* libcurl accepts the end of the connection inside the head. */
	if (code == CURLE_OK && ex->head.is_complete)
		return EXCHANGE_DONE;
	if (ex->stopped) {
		strlcpy(why, "sent an answer that is of no use", FAULT_WHY_MAX);
		return EXCHANGE_STOPPED;
	}
	if (ex->head.fault != NULL) {
		strlcpy(why, ex->head.fault, FAULT_WHY_MAX);
		return EXCHANGE_BROKEN;
	}
	return fault_judge(&fault, why);
}

/* It is over, and the multi handle has forgotten it. */
static void
finish(struct exchange *ex, CURLcode code)
{
	struct http *http = ex->http;
	char why[FAULT_WHY_MAX];
	enum exchange_outcome outcome;

	if (ex->handlers == NULL) {
		TAILQ_REMOVE(&http->cancelled, ex, link);
		exchange_free(ex);
		return;
	}
	ex->sent = is_written(ex);
	outcome = judge(ex, code, why);
	TAILQ_REMOVE(&http->exchanges, ex, link);
	deferred_cancel(&ex->resume);
	/* done() may end http, which must not be touched any more then. */
	handles_give(http->handles, &ex->handle);
	ex->handlers->done(ex->arg, outcome, why);
	exchange_free(ex);
}

static void
on_finished(void *private, CURLcode code)
{
	finish(private, code);
}

/* Let libcurl hand out what it held, and read on. */
static void
run_resume(void *arg)
{
	struct exchange *ex = arg;
	CURLcode code;

	if (ex->paused || !ex->held)
		return;
	ex->held = false;
	code = curl_easy_pause(ex->handle.easy, CURLPAUSE_CONT);
	/* The other error means that it has ended: finish() is on its way. */
	if (code == CURLE_OK || code == CURLE_BAD_FUNCTION_ARGUMENT)
		return;
	multi_remove(ex->http->multi, ex->handle.easy);
	finish(ex, code);
}

static bool
has_control(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return true;
	return false;
}

/* The headers of this request, in front of those of every request. */
static int
exchange_set_headers(
    struct exchange *ex, const struct exchange_request *request)
{
	const struct {
		const char *name;
		const char *value;
	} own[OWN_HEADERS] = {
		{ "Content-Type: ", ex->has_body ? "application/json" : NULL },
		{ "Accept: ", request->accept },
		{ "Mcp-Session-Id: ", request->session },
		{ "MCP-Protocol-Version: ", request->revision },
		{ "Last-Event-ID: ", request->last_event_id },
	};
	size_t size = 0, count = 0;
	char *at;

	for (size_t i = 0; i < OWN_HEADERS; i++) {
		if (own[i].value == NULL)
			continue;
		if (has_control(own[i].value)) {
			errno = EINVAL;
			return -1;
		}
		size += strlen(own[i].name) + strlen(own[i].value) + 1;
	}
	at = ex->texts = malloc(size + 1);
	if (at == NULL)
		return -1;
	for (size_t i = 0; i < OWN_HEADERS; i++) {
		struct curl_slist *header = &ex->headers[count];

		if (own[i].value == NULL)
			continue;
		header->data = at;
		at = stpcpy(stpcpy(at, own[i].name), own[i].value) + 1;
		header->next = &ex->headers[++count];
	}
	assert(count > 0); /* a GET or DELETE has Accept */
	ex->headers[count - 1].next = ex->http->headers;
	return 0;
}

static struct exchange *
exchange_new(struct http *http, const struct exchange_request *request)
{
	struct exchange *ex = calloc(1, sizeof(*ex));

	if (ex == NULL)
		return NULL;
	ex->http = http;
	ex->has_body = request->method == EXCHANGE_POST;
	ex->timeout_ms = request->timeout_ms;
	deferred_init(&ex->resume, run_resume, ex);
	if (exchange_set_headers(ex, request) == -1) {
		exchange_free(ex);
		return NULL;
	}
	if (ex->has_body) {
		ex->body_len = request->body_len;
		ex->body = malloc(request->body_len + 1);
	}
	if ((ex->has_body && ex->body == NULL) ||
	    handles_take(http->handles, &ex->handle, request->method,
		request->url) == -1 ||
	    exchange_bind(ex) == -1) {
		exchange_free(ex);
		errno = ENOMEM;
		return NULL;
	}
	if (ex->has_body && ex->body_len > 0)
		memcpy(ex->body, request->body, request->body_len);
	return ex;
}

struct exchange *
exchange_start(struct http *http, const struct exchange_request *request,
    const struct exchange_handlers *handlers, void *arg)
{
	struct exchange *ex = exchange_new(http, request);

	if (ex == NULL)
		return NULL;
	ex->handlers = handlers;
	ex->arg = arg;
	if (multi_add(http->multi, ex->handle.easy) == -1) {
		exchange_free(ex);
		errno = ENOMEM;
		return NULL;
	}
	TAILQ_INSERT_TAIL(&http->exchanges, ex, link);
	return ex;
}

bool
exchange_is_sent(const struct exchange *ex)
{
	return ex->handle.easy == NULL ? ex->sent : is_written(ex);
}

void
exchange_pause(struct exchange *ex, bool on)
{
	ex->paused = on;
	if (!on && ex->held)
		deferred_queue(ex->http->loop, &ex->resume);
}

void
exchange_cancel(struct exchange **exchange)
{
	struct exchange *ex = *exchange;

	if (ex == NULL)
		return;
	*exchange = NULL;
	/* This may be called by another one's body(), inside of libcurl. */
	ex->handlers = NULL;
	deferred_cancel(&ex->resume);
	TAILQ_REMOVE(&ex->http->exchanges, ex, link);
	TAILQ_INSERT_TAIL(&ex->http->cancelled, ex, link);
	deferred_queue(ex->http->loop, &ex->http->sweep);
}

/* ---- all of them ---- */

static void
run_sweep(void *arg)
{
	struct http *http = arg;
	struct exchange *ex;

	while ((ex = TAILQ_FIRST(&http->cancelled)) != NULL) {
		TAILQ_REMOVE(&http->cancelled, ex, link);
		multi_remove(http->multi, ex->handle.easy);
		exchange_free(ex);
	}
}

struct http *
http_new(struct loop *loop, const struct setup_remote *remote, const char **why)
{
	static const struct options_callbacks callbacks = {
		.begin = on_begin,
		.read = on_read,
		.seek = on_seek,
		.header = on_header,
		.body = on_body,
		.open = on_open,
	};
	struct http *http = calloc(1, sizeof(*http));
	int error = ENOMEM;

	*why = "cannot be connected to: out of memory";
	if (http == NULL)
		return NULL;
	error = EINVAL;
	http->loop = loop;
	http->remote = remote;
	TAILQ_INIT(&http->exchanges);
	TAILQ_INIT(&http->cancelled);
	deferred_init(&http->sweep, run_sweep, http);
	if (options_check(remote, why) == -1)
		goto fail;
	http->headers = options_headers(remote, why);
	if (http->headers == NULL) {
		error = errno;
		goto fail;
	}
	http->host = origin_host(remote->url);
	if (http->host == NULL) {
		if ((error = errno) == EINVAL)
			*why = "has a URL that cannot be used";
		goto fail;
	}
	error = ENOMEM;
	http->private_allowed =
	    remote->private_network || address_name_is_private(http->host);
	http->multi = multi_new(loop, on_finished);
	http->handles = handles_new(remote, &callbacks);
	if (http->multi == NULL || http->handles == NULL)
		goto fail;
	return http;
fail:
	http_free(&http);
	errno = error;
	return NULL;
}

void
http_free(struct http **http)
{
	struct http *h = *http;
	struct exchange *ex;

	if (h == NULL)
		return;
	*http = NULL;
	while ((ex = TAILQ_FIRST(&h->exchanges)) != NULL)
		exchange_cancel(&ex);
	run_sweep(h);
	deferred_cancel(&h->sweep);
	multi_free(&h->multi);
	handles_free(&h->handles);
	options_headers_free(h->headers);
	free(h->host);
	free(h);
}
