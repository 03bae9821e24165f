/* http_message.c: what requests that carry messages have, and what they may. */
#include <string.h>
#include <strings.h>

#include <event2/buffer.h>
#include <event2/http.h>

#include "proto/clock.h"
#include "proto/jsonrpc.h"

#include "catalogue.h"
#include "dispatch.h"
#include "front.h"
#include "http_parts.h"
#include "policy.h"
#include "principal.h"
#include "session.h"

bool
http_has_json(const struct http_exchange *x)
{
	static const char json[] = "application/json";
	const char *type = x->content_type;
	size_t n = sizeof(json) - 1;

	return type != NULL && strncasecmp(type, json, n) == 0 &&
	    (type[n] == '\0' || type[n] == ';' || type[n] == ' ' ||
		type[n] == '\t');
}

/* What a media range has of what we send. */
static unsigned int
accepted_by(const char *range, size_t len)
{
	static const struct {
		const char *name;
		unsigned int set;
	} ranges[] = {
		{ "*/*", HTTP_ACCEPTS_ALL },
		{ "application/json", HTTP_ACCEPTS_JSON },
		{ "application/*", HTTP_ACCEPTS_JSON },
		{ "text/event-stream", HTTP_ACCEPTS_EVENTS },
		{ "text/*", HTTP_ACCEPTS_EVENTS },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (strlen(ranges[i].name) == len &&
		    strncasecmp(range, ranges[i].name, len) == 0)
			return ranges[i].set;
	return 0;
}

/* Are there parameters, up to a comma, that say "not at all": q=0? */
static bool
is_refused(const char *at)
{
	while (*at != ',' && *at != '\0') {
		at += strspn(at, "; \t");
		if (strncasecmp(at, "q=0", 3) == 0) {
			at += 3;
			at += strspn(at, ".0");
			return *at < '1' || *at > '9';
		}
		at += strcspn(at, ";,");
	}
	return false;
}

unsigned int
http_accepts(const char *accept)
{
	unsigned int set = HTTP_ACCEPTS_OTHER;

	/* What the SDKs send. */
	if (strcmp(accept, "application/json, text/event-stream") == 0)
		return HTTP_ACCEPTS_ALL;
	while (*accept != '\0') {
		size_t len;

		accept += strspn(accept, ", \t");
		len = strcspn(accept, ",; \t");
		if (!is_refused(accept + len))
			set |= accepted_by(accept, len);
		accept += len;
		accept += strcspn(accept, ",");
	}
	return set;
}

const char *
http_body(struct http_exchange *x, size_t *len)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(x->req);
	const char *text;

	*len = evbuffer_get_length(body);
	if (*len == 0)
		return "";
	if ((text = (const char *)evbuffer_pullup(body, -1)) != NULL)
		return text;
	*len = 0; /* out of memory: it is then no JSON */
	return "";
}

const char *
http_query_value(const char *query, const char *name, size_t *len)
{
	size_t name_len = strlen(name);

	while (*query != '\0') {
		size_t part;

		query++; /* '?' or '&' */
		part = strcspn(query, "&");
		if (part > name_len && query[name_len] == '=' &&
		    strncmp(query, name, name_len) == 0) {
			*len = part - name_len - 1;
			return query + name_len + 1;
		}
		query += part;
	}
	return NULL;
}

/* A number as we write it, and what ends it; NULL: it is none. */
static const char *
read_number(const char *text, char end, uint32_t *ret)
{
	uint64_t number = 0;

	if (*text < '0' || *text > '9' ||
	    (*text == '0' && text[1] >= '0' && text[1] <= '9'))
		return NULL;
	for (; *text >= '0' && *text <= '9'; text++) {
		number = number * 10 + (uint64_t)(*text - '0');
		if (number > UINT32_MAX)
			return NULL;
	}
	if (*text != end)
		return NULL;
	*ret = (uint32_t)number;
	return text;
}

bool
http_event_id(const char *text, uint32_t *stream, uint32_t *event)
{
	return (text = read_number(text, '-', stream)) != NULL &&
	    read_number(text + 1, '\0', event) != NULL;
}

/* What ends requests is let through. */
bool
http_has_room(struct http_exchange *x, const struct session *session)
{
	const struct policy_limits *limits = &x->http->front->policy->limits;
	struct principal *principal = session->principal;

	if (session->request_count >= limits->requests_per_session) {
		http_refuse(x, 429, HTTP_RETRY_SOON_S,
		    "Too many requests of this session are in flight");
	} else if (principal->concurrent > 0 &&
	    principal->in_flight >= principal->concurrent) {
		http_refuse(x, 429, HTTP_RETRY_SOON_S,
		    "Too many requests with this token are in flight");
	} else {
		return true;
	}
	principal->refused++;
	return false;
}

/* ---- endpoints -------------------------------------------------------- */

bool
http_endpoint_check(struct http_exchange *x, const struct principal *principal,
    struct session_endpoint *endpoint, const char *query)
{
	const struct front *front = x->http->front;
	const char *names;
	size_t slot;
	size_t len;

	if (endpoint->server != NULL &&
	    !catalogue_has_server(front->catalogue, principal->audience,
		endpoint->server, &slot)) {
		http_refuse(x, 404, 0, "There is no such server");
		return false;
	}
	if (front->policy->names != POLICY_NAMES_BY_ENDPOINT)
		endpoint->spelling = front->policy->names == POLICY_NAMES_SLASH
		    ? NAMES_SLASH
		    : NAMES_SAFE;
	if (*query == '\0' ||
	    (names = http_query_value(query, "names", &len)) == NULL)
		return true;
	if (len == 5 && strncmp(names, "slash", len) == 0) {
		endpoint->spelling = NAMES_SLASH;
	} else if (len == 4 && strncmp(names, "safe", len) == 0) {
		endpoint->spelling = NAMES_SAFE;
	} else {
		http_refuse(x, 400, 0, "names must be slash or safe");
		return false;
	}
	return true;
}

bool
http_endpoint_matches(
    const struct session_endpoint *endpoint, const struct session *session)
{
	if (endpoint->server == NULL || session->server == NULL)
		return endpoint->server == session->server;
	return strcmp(endpoint->server, session->server) == 0;
}

/* ---- batches ---------------------------------------------------------- */

bool
http_batch_read(struct http_batch *batch, const struct session *session,
    const char *text, size_t len)
{
	struct json_span element;
	size_t n = 0;

	if (!session->revision->batches)
		return false;
	while (len > 0 && *text != '[') { /* white space before it */
		text++;
		len--;
	}
	while (len > 0 && text[len - 1] != ']')
		len--;
	json_iter_init(&batch->elements, (struct json_span){ text, len });
	while (n <= HTTP_BATCH_MAX &&
	    json_iter_element(&batch->elements, &element))
		n++;
	json_iter_init(&batch->elements, (struct json_span){ text, len });
	return n > 0 && n <= HTTP_BATCH_MAX;
}

/* Why a request of a batch may not be made now, or NULL. */
static const char *
refusal(struct http_exchange *x, struct principal *principal, bool first,
    uint64_t until_ms)
{
	const char *why = first ? NULL : http_auth_again(x, principal);

	if (why == NULL && mono_ms() > until_ms)
		why = "The batch takes too long; send what is left again";
	else if (why == NULL && principal->concurrent > 0 &&
	    principal->in_flight >= principal->concurrent) {
		principal->refused++;
		why = "Too many requests with this token are in flight";
	}
	return why;
}

void
http_batch_run(struct http_exchange *x, struct http_batch *batch,
    struct session *session, struct stream *stream)
{
	static const struct json_span absent = { NULL, 0 };
	struct json_span element;
	struct rpc_problem problem;
	struct rpc_message msg;
	const uint64_t until_ms = mono_ms() + HTTP_BATCH_MS;
	const char *why = NULL;
	bool first = true;

	while (json_iter_element(&batch->elements, &element)) {
		if (rpc_parse(&msg, element.at, element.len, &problem) == -1) {
			stream_answer_error(stream, problem.id, problem.code,
			    problem.text, absent);
			continue;
		}
		if (msg.kind != RPC_REQUEST) {
			dispatch_other(session, &msg);
			continue;
		}
		if (why == NULL) /* else neither may the rest */
			why = refusal(x, session->principal, first, until_ms);
		first = false;
		if (why == NULL)
			dispatch_request(stream, &msg);
		else
			stream_answer_error(
			    stream, msg.id, RPC_INTERNAL_ERROR, why, absent);
	}
}
