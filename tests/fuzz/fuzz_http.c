/*
 * fuzz_http.c: what strangers say in targets, headers and bodies of HTTP, each
 * behind the guard: targets, queries, Accept, Last-Event-ID, Host and Origin,
 * batches, and what they are told of a target that wants a token.
 *
 * Input: a byte that chooses what the rest is.
 */
/* link: front */
#include <event2/http.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_origin.h"
#include "http_parts.h"
#include "http_target.h"
#include "policy.h"
#include "proto/buf.h"
#include "proto/jsonrpc.h"
#include "session.h"
#include "wellknown.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
insist(int condition)
{
	if (!condition)
		abort();
}

/* ---- targets ---------------------------------------------------------- */

static bool
lies_in(const char *at, const char *text)
{
	return at >= text && at <= text + strlen(text);
}

/* No token, and no server that exists, is needed to be told this. */
static void
try_wellknown(const char *path, size_t len)
{
	static char url[] = "https://gw.example/a";
	static const struct policy policy = { .public_url = url };
	struct buf b = { 0 };
	struct json_scan scan;

	if (wellknown_add_metadata(&b, &policy, path, len) == 0) {
		insist(json_scan(buf_data(&b), buf_len(&b), NULL, 0, NULL,
			   &scan) == 0);
		insist(buf_len(&b) < 2 * HTTP_ENDPOINT_MAX + 256);
	} else {
		insist(errno == ENOENT && buf_len(&b) == 0);
	}
	buf_free(&b);
}

/* A quoted string ends where it shall. */
static void
try_challenge(const struct http_target *target)
{
	static char url[] = "https://gw.example";
	static const struct policy policy = { .public_url = url };
	struct buf b = { 0 };
	size_t quotes = 0;

	insist(wellknown_add_challenge(&b, &policy, WELLKNOWN_INVALID_TOKEN,
		   target->path, target->path_len) == 0);
	for (size_t i = 0; i < buf_len(&b); i++) {
		quotes += buf_data(&b)[i] == '"';
		insist(buf_data(&b)[i] != '\\');
	}
	insist(quotes == 6 && buf_data(&b)[buf_len(&b) - 1] == '"');
	buf_free(&b);
}

static void
try_target(const char *text)
{
	struct http_target target;
	bool endpoint;

	for (const char *at = text; *at != '\0'; at++)
		if (*at <= ' ' || *at > '~')
			return; /* which the guard refuses */
	http_target_read(&target, text);
	endpoint =
	    target.route == HTTP_ROUTE_MCP || target.route == HTTP_ROUTE_SSE;
	insist(lies_in(target.query, text));
	insist(*target.query == '\0' || *target.query == '?');
	insist(strlen(target.server) <= HTTP_SERVER_MAX);
	insist(target.server[0] == '\0' || endpoint);
	if (target.route == HTTP_ROUTE_METADATA) {
		insist(target.path + target.path_len == target.query);
		try_wellknown(target.path, target.path_len);
		return;
	}
	insist(target.path_len <= HTTP_ENDPOINT_MAX);
	if (endpoint) {
		insist(target.path == text);
		insist(target.path + target.path_len == target.query);
	}
	insist(http_target_is_endpoint(target.path, target.path_len) ==
	    (endpoint || target.route == HTTP_ROUTE_MESSAGES));
	try_wellknown(target.path, target.path_len);
	try_challenge(&target);
}

static void
try_query(const char *text)
{
	static const char name[] = "names";
	const char *query = text + strcspn(text, "?");
	const char *value;
	size_t len;

	if ((value = http_query_value(query, name, &len)) == NULL)
		return;
	insist(lies_in(value, query) && lies_in(value + len, query));
	insist(memchr(value, '&', len) == NULL);
	insist(value[len] == '\0' || value[len] == '&');
	insist(strncmp(value - sizeof(name), name, sizeof(name) - 1) == 0 &&
	    value[-1] == '=');
}

/* ---- headers ---------------------------------------------------------- */

static void
try_accept(const char *text)
{
	char copy[4096];
	unsigned int set = http_accepts(text);

	insist(set != 0);
	insist((set & ~(HTTP_ACCEPTS_OTHER | HTTP_ACCEPTS_ALL)) == 0);
	/* What is added is taken as well. */
	if (strlen(text) < sizeof(copy) - 32) {
		snprintf(copy, sizeof(copy), "%s, text/event-stream", text);
		insist(http_accepts(copy) & HTTP_ACCEPTS_EVENTS);
		insist((http_accepts(copy) & set & HTTP_ACCEPTS_ALL) ==
		    (set & HTTP_ACCEPTS_ALL));
	}
}

/* One spelling of each id, and nothing else. */
static void
try_event_id(const char *text)
{
	uint32_t stream, event;
	char again[STREAM_EVENT_ID_MAX];

	if (!http_event_id(text, &stream, &event))
		return;
	snprintf(again, sizeof(again), "%u-%u", (unsigned int)stream,
	    (unsigned int)event);
	insist(strcmp(text, again) == 0);
}

/* Names that are not ours, with anything before, behind or in them. */
static void
try_host(const char *text)
{
	static const char *const hosts[] = { "gw.example", NULL };
	static const char *const origins[] = { "https://app.example", NULL };
	static const struct origin_rules rules = { .hosts = hosts,
		.origins = origins };
	const char *host = text + strcspn(text, "\n");
	char first[512];
	const size_t len = (size_t)(host - text);

	if (len >= sizeof(first) || *host == '\0')
		return;
	memcpy(first, text, len);
	first[len] = '\0';
	host++;
	if (origin_allowed(first, host, &rules) &&
	    !origin_listed(first, &rules)) {
		insist(origin_host_allowed(host, &rules));
		insist(strncmp(first, "http://", 7) == 0 ||
		    strncmp(first, "https://", 8) == 0);
	}
	insist(!origin_listed(first, &rules) || strcmp(first, origins[0]) == 0);
	if (origin_host_allowed(host, &rules)) {
		insist(strpbrk(host, "/@?# \t\\") == NULL);
		insist(!origin_allowed("null", host, &rules));
	}
}

static void
try_content_type(const char *text)
{
	struct http_exchange x = { .content_type = text };

	/* Else a page could send it without asking (Fetch, 2.2.2). */
	if (http_has_json(&x))
		insist(strncasecmp(text, "application/json", 16) == 0);
}

/* ---- bodies ----------------------------------------------------------- */

static void
try_batch(const char *text, size_t len)
{
	const struct mcp_revision *revision =
	    mcp_revision_find("2025-03-26", 10);
	struct session session = { .revision = revision };
	struct http_batch batch;
	struct rpc_problem problem;
	struct rpc_message msg;
	struct json_span element;
	const char *end = text;
	size_t n = 0;

	insist(revision != NULL && revision->batches);
	if (rpc_parse(&msg, text, len, &problem) == 0 || !problem.is_array ||
	    !http_batch_read(&batch, &session, text, len))
		return;
	while (json_iter_element(&batch.elements, &element)) {
		insist(element.at > end && element.len > 0);
		end = element.at + element.len;
		insist(end < text + len);
		if (rpc_parse(&msg, element.at, element.len, &problem) == -1)
			insist(problem.text != NULL);
		n++;
	}
	insist(n > 0 && n <= HTTP_BATCH_MAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size < 1)
		return 0;
	/* As evhttp has it, of exactly its size. */
	text = malloc(size);
	insist(text != NULL);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	switch (data[0] % 7) {
	case 0:
		try_target(text);
		break;
	case 1:
		try_query(text);
		break;
	case 2:
		try_accept(text);
		break;
	case 3:
		try_event_id(text);
		break;
	case 4:
		try_host(text);
		break;
	case 5:
		try_content_type(text);
		break;
	case 6:
		try_batch((const char *)data + 1, size - 1);
		break;
	}
	free(text);
	return 0;
}
