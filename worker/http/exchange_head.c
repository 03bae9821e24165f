/* exchange_head.c: what the header lines of a response mean to us. */
#include <assert.h>
#include <string.h>
#include <strings.h>

#include "exchange_head.h"

struct field {
	const char *value; /* without white space around it */
	size_t len;
};

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The value of a line with this name. */
static bool
field_named(const char *line, size_t n, const char *name, struct field *ret)
{
	size_t len = strlen(name);

	if (n <= len || line[len] != ':' || strncasecmp(line, name, len) != 0)
		return false;
	line += len + 1;
	n -= len + 1;
	while (n > 0 && is_space(line[0])) {
		line++;
		n--;
	}
	while (n > 0 && is_space(line[n - 1]))
		n--;
	*ret = (struct field){ line, n };
	return true;
}

static bool
field_is(struct field f, const char *value)
{
	return f.len == strlen(value) &&
	    strncasecmp(f.value, value, f.len) == 0;
}

/* The first counts. */
static void
note_type(struct head *h, struct field f)
{
	size_t n = 0;

	if (h->has_type)
		return;
	h->has_type = true;
	for (; n < f.len && n < HEAD_TYPE_MAX; n++) {
		char c = f.value[n];

		if (c == ';' || c == ',' || is_space(c))
			break;
		h->type[n] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
	}
	h->type[n] = '\0';
}

/* Two that differ are as bad as one that must not be used. */
static void
note_session(struct head *h, struct field f)
{
	bool good = f.len > 0 && f.len <= EXCHANGE_TOKEN_MAX;

	for (size_t i = 0; good && i < f.len; i++)
		good = f.value[i] > ' ' && f.value[i] <= '~';
	if (h->has_session)
		good = good && strlen(h->session) == f.len &&
		    memcmp(h->session, f.value, f.len) == 0;
	h->has_session = true;
	if (!good) {
		h->bad_session = true;
		return;
	}
	memcpy(h->session, f.value, f.len);
	h->session[f.len] = '\0';
}

static int
note_field(struct head *h, const char *line, size_t n)
{
	struct field f;

	if (field_named(line, n, "Content-Type", &f)) {
		note_type(h, f);
	} else if (field_named(line, n, "Mcp-Session-Id", &f)) {
		note_session(h, f);
	} else if (field_named(line, n, "Content-Encoding", &f)) {
		if (f.len > 0 && !field_is(f, "identity"))
			h->encoded = true;
	} else if (field_named(line, n, "Location", &f)) {
		h->has_location = true;
		(void)log_escape(
		    h->location, sizeof(h->location), f.value, f.len);
	} else if (field_named(line, n, "Transfer-Encoding", &f)) {
		/* libcurl would unpack it, whatever comes out. */
		if (!field_is(f, "chunked") && !field_is(f, "identity")) {
			h->fault = "used a transfer coding that it was not "
				   "asked for";
			return -1;
		}
	}
	return 0;
}

int
head_line(struct head *h, const char *line, size_t n, bool *ended)
{
	*ended = false;
	h->bytes += n;
	if (h->bytes > EXCHANGE_HEAD_MAX) {
		h->fault = "sent more than 64 KiB of headers";
		return -1;
	}
	if (h->is_complete || n == 0)
		return 0;
	if (line[0] == '\r' || line[0] == '\n') {
		*ended = true;
		return 0;
	}
	if (h->in_fields)
		return note_field(h, line, n);
	h->in_fields = true;
	return 0;
}

static const char *
reason(long status)
{
	static const struct {
		long status;
		const char *reason;
	} reasons[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 301, "Moved Permanently" },
		{ 302, "Found" },
		{ 303, "See Other" },
		{ 307, "Temporary Redirect" },
		{ 308, "Permanent Redirect" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 402, "Payment Required" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 406, "Not Acceptable" },
		{ 407, "Proxy Authentication Required" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 410, "Gone" },
		{ 411, "Length Required" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 421, "Misdirected Request" },
		{ 422, "Unprocessable Content" },
		{ 426, "Upgrade Required" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
	};
	static const char *const classes[] = { "Success", "Redirection",
		"Client Error", "Server Error" };

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	if (status >= 200 && status < 600)
		return classes[status / 100 - 2];
	return "Unknown";
}

int
head_end(struct head *h, long status, struct exchange_head *ret)
{
	if (status == 101) {
		h->fault = "switched to another protocol, which nobody asked "
			   "for";
		return -1;
	}
	if (status >= 100 && status < 200) {
		size_t bytes = h->bytes;

		*h = (struct head){ .bytes = bytes };
		return 0;
	}
	h->is_complete = true;
	*ret = (struct exchange_head){
		.status = status,
		.reason = reason(status),
		.type = h->type,
		.session =
		    h->has_session && !h->bad_session ? h->session : NULL,
		.bad_session = h->bad_session,
		.encoded = h->encoded,
	};
	if (h->has_location && status >= 300 && status < 400)
		ret->location = h->location;
	return 1;
}
