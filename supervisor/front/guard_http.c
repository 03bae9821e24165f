/*
 * guard_http.c: a state machine over the bytes of a connection.
 *
 * evhttp 2.1.12 accepts a dozen malformed requests that others frame in
 * another way: whoever is first in the chain and whoever is second then
 * disagree where a request ends, which is request smuggling.  This machine
 * knows one way only to write a request and refuses the rest.
 *
 * Every state takes as many bytes as it can at once and goes on to the next
 * by itself within a header line.  Values and targets are judged in words of
 * eight bytes, bodies are skipped.
 */
#include <string.h>

#include "guard_http.h"
#include "http_words.h"

/* A target of more is answered 414; ours are below 200 bytes. */
#define TARGET_MAX 8192U
/* Longer than every method in the IANA registry. */
#define METHOD_MAX 32U
/* "HTTP/1.1", and room to tell another version from garbage. */
#define VERSION_MAX 24U
/* Fifteen digits are below 2^53: no reader of them overflows. */
#define LENGTH_DIGITS_MAX 15U
/* Eight hexadecimal digits fill 32 bits. */
#define CHUNK_DIGITS_MAX 8U

enum state {
	START, /* between requests; must be 0 */
	METHOD,
	TARGET_FIRST,
	TARGET_SECOND,
	TARGET,
	VERSION,
	LINE_LF,
	LINE, /* at the start of a header line */
	NAME,
	SPACE, /* between the colon and the value */
	VALUE,
	END_LF,
	/* The head ends here. */
	BODY,
	CHUNK_SIZE,
	CHUNK_SIZE_LF,
	CHUNK_DATA,
	CHUNK_CR,
	CHUNK_LF,
	LAST_CR,
	LAST_LF,
	REFUSED,
};

/* A bit for each header that may stand once. */
#define SEEN(header) (1U << (header))
_Static_assert(HTTP_HEADERS <= 16, "struct guard_http.seen has 16 bits");
_Static_assert(
    sizeof(struct guard_http) <= 112, "one for each of 20,000 connections");

/* The bytes not yet judged, and of which connection they are. */
struct input {
	const char *at;
	const char *end;
	struct guard_http *g;
	struct guard_refusal *refusal;
};

static bool
refuse(struct input *in, int status, const char *reason)
{
	in->g->state = REFUSED;
	in->refusal->status = status;
	in->refusal->reason = reason;
	return false;
}

/* Take one byte that must be this one. */
static bool
expect(struct input *in, char byte, enum state next, const char *reason)
{
	if (*in->at != byte)
		return refuse(in, 400, reason);
	in->at++;
	in->g->state = (uint8_t)next;
	return true;
}

static bool
kept(const struct guard_http *g, const char *word, size_t len)
{
	return g->text_len == len && http_words_equal(g->text, word, len);
}

/* Collect n bytes; text_len beyond the room says that they were too many. */
static void
keep(struct guard_http *g, const char *at, size_t n)
{
	size_t room = sizeof(g->text) - g->text_len;

	if (g->text_len > sizeof(g->text))
		return;
	memcpy(g->text + g->text_len, at, n < room ? n : room);
	if (n > room)
		n = room + 1;
	g->text_len = (uint8_t)(g->text_len + n);
}

static bool
on_start(struct input *in)
{
	struct guard_http *g = in->g;

	g->body_left = 0;
	g->body_total = 0;
	g->header_count = 0;
	g->seen = 0;
	g->text_len = 0;
	g->state = METHOD;
	return true;
}

static bool
on_method(struct input *in)
{
	struct guard_http *g = in->g;
	const char *at = http_words_skip_token(in->at, in->end);

	keep(g, in->at, (size_t)(at - in->at));
	in->at = at;
	if (g->text_len > METHOD_MAX)
		return refuse(in, 400, "method too long");
	if (at == in->end)
		return true;
	if (*at != ' ' || g->text_len == 0)
		return refuse(in, 400, "malformed request line");
	g->method = (uint8_t)http_words_method(g->text, g->text_len);
	if (g->method == HTTP_METHOD_OTHER)
		return refuse(in, 405, "method not allowed");
	in->at++;
	g->state = TARGET_FIRST;
	return true;
}

/* "//host/path" would be an authority to some. */
static bool
on_target_second(struct input *in)
{
	struct guard_http *g = in->g;

	if (*in->at == '/')
		return refuse(in, 400, "target starts with //");
	g->state = TARGET;
	g->target_len = 1;
	return true;
}

static bool
on_target(struct input *in)
{
	struct guard_http *g = in->g;
	const char *at = http_words_skip_visible(in->at, in->end, 0x21);
	size_t n = (size_t)(at - in->at);

	if (n > TARGET_MAX - g->target_len)
		return refuse(in, 414, "target too long");
	g->target_len = (uint16_t)(g->target_len + n);
	in->at = at;
	if (at == in->end)
		return true;
	g->text_len = 0;
	return expect(in, ' ', VERSION, "malformed target");
}

static bool
on_version(struct input *in)
{
	struct guard_http *g = in->g;
	const char *at = http_words_skip_visible(in->at, in->end, 0x21);

	keep(g, in->at, (size_t)(at - in->at));
	in->at = at;
	if (g->text_len > VERSION_MAX)
		return refuse(in, 400, "malformed request line");
	if (at == in->end)
		return true;
	if (*at != '\r')
		return refuse(in, 400, "malformed request line");
	if (g->text_len < 5 || memcmp(g->text, "HTTP/", 5) != 0)
		return refuse(in, 400, "malformed request line");
	if (g->text_len != 8 || memcmp(g->text, "HTTP/1.1", 8) != 0)
		return refuse(in, 505, "only HTTP/1.1 is spoken here");
	in->at++;
	g->state = LINE_LF;
	return true;
}

/* 1 to 15 digits and nothing else: no sign, no list, no space between. */
static bool
check_length(struct input *in)
{
	struct guard_http *g = in->g;
	size_t i;

	if (g->text_len == 0 || g->text_len > LENGTH_DIGITS_MAX)
		return refuse(in, 400, "malformed Content-Length");
	for (i = 0; i < g->text_len; i++) {
		if (g->text[i] < '0' || g->text[i] > '9')
			return refuse(in, 400, "malformed Content-Length");
		g->body_left = g->body_left * 10 + (uint64_t)(g->text[i] - '0');
	}
	return true;
}

/* The value is complete; only of three headers was it collected. */
static bool
check_value(struct input *in)
{
	struct guard_http *g = in->g;

	while (g->text_len > 0 && g->text_len <= sizeof(g->text) &&
	    (g->text[g->text_len - 1] == ' ' ||
		g->text[g->text_len - 1] == '\t'))
		g->text_len--;
	if (g->header == HTTP_HEADER_CONTENT_LENGTH)
		return check_length(in);
	if (g->header == HTTP_HEADER_TRANSFER_ENCODING &&
	    !kept(g, "chunked", 7))
		return refuse(in, 501, "Transfer-Encoding not known");
	if (g->header == HTTP_HEADER_EXPECT && !kept(g, "100-continue", 12))
		return refuse(in, 417, "expectation not known");
	return true;
}

static bool
is_collected(enum http_header header)
{
	return header == HTTP_HEADER_CONTENT_LENGTH ||
	    header == HTTP_HEADER_TRANSFER_ENCODING ||
	    header == HTTP_HEADER_EXPECT;
}

static bool
on_line_lf(struct input *in)
{
	return expect(in, '\n', LINE, "bare CR");
}

static bool
on_value(struct input *in)
{
	struct guard_http *g = in->g;
	const bool collected = is_collected(g->header);
	const char *at = in->at;

	for (;;) {
		at = http_words_skip_visible(at, in->end, 0x20);
		if (at == in->end || *at != '\t')
			break;
		at++;
	}
	if (collected)
		keep(g, in->at, (size_t)(at - in->at));
	in->at = at;
	if (at == in->end)
		return true;
	if (*at != '\r')
		return refuse(in, 400, "malformed header value");
	if (collected && !check_value(in))
		return false;
	in->at++;
	g->state = LINE_LF;
	return in->at == in->end || on_line_lf(in);
}

/*
 * evhttp skips spaces only and would keep a tab as part of the value; a
 * "\tchunked" is then no chunked body to it.
 */
static bool
on_space(struct input *in)
{
	struct guard_http *g = in->g;

	while (in->at < in->end && *in->at == ' ')
		in->at++;
	if (in->at == in->end)
		return true;
	if (*in->at == '\t')
		return refuse(in, 400, "tab before a header value");
	if (*in->at == '\r' && g->header == HTTP_HEADER_HOST)
		return refuse(in, 400, "empty Host");
	g->state = VALUE;
	return on_value(in);
}

static bool
note_header(struct input *in, enum http_header header)
{
	struct guard_http *g = in->g;

	g->header = (uint8_t)header;
	if (header == HTTP_HEADER_OTHER || header == HTTP_HEADER_ACCEPT)
		return true;
	if ((g->seen & SEEN(header)) != 0)
		return refuse(in, 400, "header stands twice");
	g->seen = (uint16_t)(g->seen | SEEN(header));
	return true;
}

/* A name that is here as a whole is looked up where it lies. */
static bool
on_name(struct input *in)
{
	struct guard_http *g = in->g;
	const char *name = in->at;
	const char *at = http_words_skip_token(in->at, in->end);
	size_t len = (size_t)(at - in->at);

	if (g->text_len > 0 || at == in->end) {
		keep(g, in->at, len);
		name = g->text;
		len = g->text_len;
	}
	in->at = at;
	if (at == in->end)
		return true;
	if (*at != ':' || len == 0)
		return refuse(in, 400, "malformed header name");
	in->at++;
	if (!note_header(in, http_words_header(name, len)))
		return false;
	g->text_len = 0;
	g->state = SPACE;
	return in->at == in->end || on_space(in);
}

static bool
on_line(struct input *in)
{
	struct guard_http *g = in->g;

	if (*in->at == '\r') {
		in->at++;
		g->state = END_LF;
		return true;
	}
	if (*in->at == ' ' || *in->at == '\t')
		return refuse(in, 400, "folded header");
	if (g->header_count++ == GUARD_HEADERS_MAX)
		return refuse(in, 431, "too many headers");
	g->text_len = 0;
	g->state = NAME;
	return on_name(in);
}

static bool
message_done(struct guard_http *g)
{
	g->messages++;
	g->head_bytes = 0;
	g->state = START;
	return true;
}

static uint32_t
body_max(const struct guard_http *g)
{
	return g->body_max > 0 ? g->body_max : GUARD_BODY_MAX;
}

/* The head is complete and right byte for byte: does it make sense? */
static bool
head_done(struct input *in)
{
	struct guard_http *g = in->g;
	const bool chunked =
	    (g->seen & SEEN(HTTP_HEADER_TRANSFER_ENCODING)) != 0;

	if ((g->seen & SEEN(HTTP_HEADER_HOST)) == 0)
		return refuse(in, 400, "no Host");
	if (chunked && (g->seen & SEEN(HTTP_HEADER_CONTENT_LENGTH)) != 0)
		return refuse(
		    in, 400, "both Content-Length and Transfer-Encoding");
	if (g->method != HTTP_METHOD_POST && (chunked || g->body_left != 0))
		return refuse(in, 400, "only a POST has a body here");
	if (g->body_left > body_max(g))
		return refuse(in, 413, "body too long");
	g->heads++;
	g->digits = 0;
	if (chunked)
		g->state = CHUNK_SIZE;
	else if (g->body_left > 0)
		g->state = BODY;
	else
		return message_done(g);
	return true;
}

static bool
on_end(struct input *in)
{
	if (*in->at != '\n')
		return refuse(in, 400, "bare CR");
	in->at++;
	return head_done(in);
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Digits only: evhttp would take "0x5", "+5" and "-0". */
static bool
on_chunk_size(struct input *in)
{
	struct guard_http *g = in->g;
	int digit;

	for (; in->at < in->end; in->at++) {
		if ((digit = hex_digit(*in->at)) == -1)
			break;
		if (g->digits++ == CHUNK_DIGITS_MAX)
			return refuse(in, 400, "malformed chunk size");
		g->body_left = g->body_left << 4 | (unsigned int)digit;
	}
	if (in->at == in->end)
		return true;
	if (g->digits == 0)
		return refuse(in, 400, "malformed chunk size");
	return expect(in, '\r', CHUNK_SIZE_LF, "malformed chunk size");
}

static bool
on_chunk_size_lf(struct input *in)
{
	struct guard_http *g = in->g;

	if (!expect(in, '\n', CHUNK_DATA, "malformed chunk size"))
		return false;
	if (g->body_total > body_max(g) ||
	    g->body_left > body_max(g) - g->body_total)
		return refuse(in, 413, "body too long");
	g->body_total += (uint32_t)g->body_left;
	g->digits = 0;
	if (g->body_left == 0)
		g->state = LAST_CR;
	return true;
}

/* Skip what is here of a body or of a chunk. */
static bool
on_data(struct input *in)
{
	struct guard_http *g = in->g;
	size_t n = (size_t)(in->end - in->at);

	if (n > g->body_left)
		n = (size_t)g->body_left;
	in->at += n;
	g->body_left -= n;
	if (g->body_left > 0)
		return true;
	if (g->state == BODY)
		return message_done(g);
	g->state = CHUNK_CR;
	return true;
}

static bool
on_target_first(struct input *in)
{
	return expect(in, '/', TARGET_SECOND, "target does not start with /");
}

static bool
on_chunk_cr(struct input *in)
{
	return expect(in, '\r', CHUNK_LF, "malformed chunk");
}

static bool
on_chunk_lf(struct input *in)
{
	return expect(in, '\n', CHUNK_SIZE, "malformed chunk");
}

static bool
on_last_cr(struct input *in)
{
	return expect(in, '\r', LAST_LF, "trailers are refused");
}

static bool
on_last_lf(struct input *in)
{
	return expect(in, '\n', START, "malformed chunk") &&
	    message_done(in->g);
}

static bool
on_refused(struct input *in)
{
	return refuse(in, 400, "refused before");
}

/* What takes bytes in a state; each is called with one byte at least. */
static bool (*const steps[])(struct input *) = {
	[START] = on_start,
	[METHOD] = on_method,
	[TARGET_FIRST] = on_target_first,
	[TARGET_SECOND] = on_target_second,
	[TARGET] = on_target,
	[VERSION] = on_version,
	[LINE_LF] = on_line_lf,
	[LINE] = on_line,
	[NAME] = on_name,
	[SPACE] = on_space,
	[VALUE] = on_value,
	[END_LF] = on_end,
	[BODY] = on_data,
	[CHUNK_SIZE] = on_chunk_size,
	[CHUNK_SIZE_LF] = on_chunk_size_lf,
	[CHUNK_DATA] = on_data,
	[CHUNK_CR] = on_chunk_cr,
	[CHUNK_LF] = on_chunk_lf,
	[LAST_CR] = on_last_cr,
	[LAST_LF] = on_last_lf,
	[REFUSED] = on_refused,
};

/* Take no more bytes than one head may have, and no further than its end. */
static bool
feed_head(struct input *in)
{
	struct guard_http *g = in->g;
	struct input head = *in;
	size_t room = GUARD_HEAD_MAX - g->head_bytes;
	bool ok;

	if (room == 0)
		return refuse(in, 431, "head too long");
	if ((size_t)(head.end - head.at) > room)
		head.end = head.at + room;
	do
		ok = steps[g->state](&head);
	while (ok && head.at < head.end && guard_http_in_head(g));
	if (guard_http_in_head(g))
		g->head_bytes += (uint32_t)(head.at - in->at);
	in->at = head.at;
	return ok;
}

bool
guard_http_feed(struct guard_http *g, const char *bytes, size_t n,
    struct guard_refusal *refusal)
{
	struct input in = { bytes, bytes + n, g, refusal };
	bool ok = true;

	while (ok && in.at < in.end)
		ok = g->state < BODY ? feed_head(&in) : steps[g->state](&in);
	return ok;
}

bool
guard_http_idle(const struct guard_http *g)
{
	return g->state == START;
}

bool
guard_http_in_head(const struct guard_http *g)
{
	return g->state != START && g->state < BODY;
}

bool
guard_http_in_chunks(const struct guard_http *g, bool at_end)
{
	return at_end ? g->state == CHUNK_CR : g->state >= CHUNK_SIZE;
}
