/* metrics.c: counters in Prometheus' text format, version 0.0.4. */
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "proto/buf.h"

#include "catalogue.h"
#include "front.h"
#include "guard.h"
#include "http_parts.h"
#include "instances.h"
#include "link.h"
#include "policy.h"
#include "principal.h"
#include "request.h"
#include "session.h"

#define PREFIX "mcp_gateway_"

/* No line is longer, names of backends and tokens apart, which are added by the
 * byte. */
#define TEXT_MAX 256

static const char *const results[REQUEST_END_KINDS] = {
	[REQUEST_ANSWERED] = "answered",
	[REQUEST_BACKEND_ERROR] = "backend_error",
	[REQUEST_FAILED] = "failed",
	[REQUEST_UNSENT] = "not_sent",
	[REQUEST_CANCELLED] = "cancelled",
	[REQUEST_CLIENT_GONE] = "client_gone",
	[REQUEST_LINK_LOST] = "backend_lost",
};

/* The text that is being written; whether all of it could be is asked at its
 * end. */
struct metrics {
	const struct front *front;
	const struct principal *reader;
	struct buf text;
	bool failed;
};

static void __attribute__((format(printf, 2, 3)))
add(struct metrics *m, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	assert(n >= 0 && n < TEXT_MAX);
	if (buf_add(&m->text, text, (size_t)n) == -1)
		m->failed = true;
}

static void
head(struct metrics *m, const char *name, const char *type, const char *help)
{
	add(m, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help,
	    name, type);
}

/* The value of a label: a backslash, a quote and a line feed are escaped. */
static void
add_label(struct metrics *m, const char *name, const char *value)
{
	add(m, "%s=\"", name);
	for (; *value != '\0'; value++) {
		if (*value == '\n')
			add(m, "\\n");
		else
			add(m, "%s%c",
			    *value == '"' || *value == '\\' ? "\\" : "",
			    *value);
	}
	add(m, "\"");
}

static void
gauge(struct metrics *m, const char *name, const char *help, uint64_t value)
{
	head(m, name, "gauge", help);
	add(m, PREFIX "%s %" PRIu64 "\n", name, value);
}

/* ---- backends --------------------------------------------------------- */

/* "name{backend="x"" of one in the lists, without its end. */
static void
begin_sample(struct metrics *m, const char *name, const struct link *link)
{
	add(m, PREFIX "%s{", name);
	add_label(m, "backend", link_name(link));
}

static void
add_up(struct metrics *m, const struct link *link)
{
	begin_sample(m, "backend_up", link);
	add(m, "} %d\n", link_is_up(link));
}

static void
add_in_flight(struct metrics *m, const struct link *link)
{
	begin_sample(m, "backend_requests_in_flight", link);
	add(m, "} %zu\n", link_in_flight(link));
}

static void
add_instances(struct metrics *m, const struct link *link)
{
	begin_sample(m, "backend_instances", link);
	add(m, "} %zu\n", instances_count(link));
}

static void
add_requests(struct metrics *m, const struct link *link)
{
	const struct link_count *count = link_count(link);

	for (size_t i = 0; i < REQUEST_END_KINDS; i++) {
		begin_sample(m, "backend_requests_total", link);
		add(m, ",result=\"%s\"} %" PRIu64 "\n", results[i],
		    count->ended[i]);
	}
	begin_sample(m, "backend_requests_total", link);
	add(m, ",result=\"refused\"} %" PRIu64 "\n", count->refused);
}

static void
add_times(struct metrics *m, const struct link *link)
{
	static const char name[] = "backend_request_duration_seconds";
	const struct link_count *count = link_count(link);
	uint64_t sum = 0;
	char series[64];

	(void)snprintf(series, sizeof(series), "%s_bucket", name);
	for (size_t i = 0; i < LINK_TIMES; i++) {
		sum += count->took[i];
		begin_sample(m, series, link);
		add(m, ",le=\"%g\"} %" PRIu64 "\n", link_times[i] / 1000.0,
		    sum);
	}
	sum += count->took[LINK_TIMES];
	begin_sample(m, series, link);
	add(m, ",le=\"+Inf\"} %" PRIu64 "\n", sum);
	(void)snprintf(series, sizeof(series), "%s_sum", name);
	begin_sample(m, series, link);
	add(m, "} %g\n", (double)count->took_ms / 1000.0);
	(void)snprintf(series, sizeof(series), "%s_count", name);
	begin_sample(m, series, link);
	add(m, "} %" PRIu64 "\n", sum);
}

/* Those in the lists of who reads it: no two of them have one name, which would
 * be one series twice. */
static void
each_backend(
    struct metrics *m, void (*each)(struct metrics *m, const struct link *link))
{
	const struct front *front = m->front;
	const struct catalogue_lens lens = { .audience = m->reader->audience };

	for (size_t i = 0; i < front->slots; i++) {
		if (catalogue_sees(front->catalogue, &lens, i))
			each(m, front->links[i]);
	}
}

static void
add_backends(struct metrics *m)
{
	head(m, "backend_up", "gauge", "Whether the backend can be called.");
	each_backend(m, add_up);
	head(m, "backend_requests_in_flight", "gauge",
	    "Requests that the backend has not answered yet.");
	each_backend(m, add_in_flight);
	head(m, "backend_instances", "gauge",
	    "Instances of the backend that serve one client each.");
	each_backend(m, add_instances);
	head(m, "backend_requests_total", "counter",
	    "Requests to the backend, by how they ended.");
	each_backend(m, add_requests);
	head(m, "backend_request_duration_seconds", "histogram",
	    "How long requests to the backend took.");
	each_backend(m, add_times);
}

/* ---- clients ---------------------------------------------------------- */

static uint64_t
requests_of(const struct principal *principal)
{
	return principal->requests;
}

static uint64_t
refused_of(const struct principal *principal)
{
	return principal->refused;
}

static uint64_t
sessions_of(const struct principal *principal)
{
	return principal->sessions;
}

/* Who does not see every backend reads of no other client. */
static void
add_clients(struct metrics *m, const char *name,
    uint64_t (*value)(const struct principal *principal))
{
	const struct policy *policy = m->front->policy;
	const bool all =
	    policy->audiences[m->reader->audience].backends[0] == NULL;
	const struct principal *p = NULL;

	while ((p = principals_next(m->front->principals, p)) != NULL) {
		if (!all && p != m->reader)
			continue;
		add(m, PREFIX "%s{", name);
		add_label(m, "client", p->name);
		add(m, "} %" PRIu64 "\n", value(p));
	}
}

static void
write_metrics(struct metrics *m)
{
	const struct front *front = m->front;

	head(m, "info", "gauge", "The version that runs.");
	add(m, PREFIX "info{version=\"" MCPGW_VERSION "\"} 1\n");
	gauge(m, "connections", "Connections of clients.",
	    guard_connections(front->guard));
	gauge(m, "sessions", "Sessions of clients.",
	    sessions_count(front->sessions));
	gauge(m, "requests_in_flight", "Requests that no backend has answered.",
	    requests_count(front->requests));
	gauge(m, "held_bytes",
	    "Bytes of requests that are not whole yet, beyond 16 KiB each.",
	    guard_held(front->guard));
	gauge(m, "tools", "Tools of all backends.",
	    catalogue_count(front->catalogue, CATALOG_TOOLS));
	add_backends(m);
	head(m, "client_requests_total", "counter",
	    "HTTP requests of a token's bearer, or of a local user.");
	add_clients(m, "client_requests_total", requests_of);
	head(m, "client_refused_total", "counter",
	    "Those of them that went over a limit.");
	add_clients(m, "client_refused_total", refused_of);
	head(m, "client_sessions", "gauge", "Sessions that are open.");
	add_clients(m, "client_sessions", sessions_of);
}

void
http_metrics(struct http_exchange *x)
{
	struct metrics m = { .front = x->http->front };

	if ((m.reader = http_auth_principal(x)) == NULL)
		return;
	if (x->method != EVHTTP_REQ_GET && x->method != EVHTTP_REQ_HEAD) {
		http_answer_method(x, "GET, HEAD");
		return;
	}
	write_metrics(&m);
	if (m.failed)
		http_answer(x, 500, "Out of memory");
	else
		http_answer_as(x, 200,
		    "text/plain; version=0.0.4; charset=utf-8",
		    buf_data(&m.text), buf_len(&m.text));
	buf_free(&m.text);
}
