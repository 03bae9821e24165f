#include "proto/sse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "retry" and a space; the longest name before a value that we keep. */
#define NAME_MAX_LEN 7

/* Digits of a retry value that surely fit into 63 bits. */
#define RETRY_DIGITS_MAX 18

/* Memory kept between events. */
#define KEEP ((size_t)64 << 10)

static const char bom[] = "\xef\xbb\xbf";
#define BOM_LEN (sizeof(bom) - 1)

struct sse_parser {
	size_t event_max;
	size_t bom_seen; /* bytes of a byte order mark; BOM_LEN: past it */
	bool skip_lf;    /* the last line ended with CR */
	bool in_comment; /* a comment goes on, none of it is kept */
	struct buf line; /* the start of a line that is not complete */
	struct buf data; /* of the event, each line with a \n behind it */
	bool has_data;
	bool has_id; /* this event set an id */
	struct buf type;
	struct buf id; /* outlives the event */
	int64_t retry;
};

/* One feed: what to call, and the next line ends, each looked for once. */
struct feed {
	const char *at;
	const char *end;
	const char *cr;
	const char *lf;
	void (*event)(void *arg, const struct sse_event *event);
	void *arg;
};

struct sse_parser *
sse_parser_new(size_t event_max)
{
	struct sse_parser *parser;

	if ((parser = calloc(1, sizeof(*parser))) == NULL)
		return NULL;
	parser->event_max = event_max;
	parser->retry = -1;
	return parser;
}

void
sse_parser_free(struct sse_parser **parser)
{
	if (*parser == NULL)
		return;
	buf_free(&(*parser)->line);
	buf_free(&(*parser)->data);
	buf_free(&(*parser)->type);
	buf_free(&(*parser)->id);
	free(*parser);
	*parser = NULL;
}

size_t
sse_parser_held(const struct sse_parser *parser)
{
	return buf_len(&parser->line) + buf_len(&parser->data);
}

int64_t
sse_parser_retry(const struct sse_parser *parser)
{
	return parser->retry;
}

static int
too_big(void)
{
	errno = EMSGSIZE;
	return -1;
}

/* Replace what b holds by text and a NUL. */
static int
field_set(struct buf *b, const char *text, size_t n)
{
	if (n > SSE_FIELD_MAX)
		return too_big();
	buf_consume(b, buf_len(b));
	if (buf_add(b, text, n) == -1)
		return -1;
	return buf_add(b, "", 1);
}

static const char *
field_text(const struct buf *b)
{
	return buf_len(b) == 0 ? "" : buf_data(b);
}

static int
on_data(struct sse_parser *parser, const char *value, size_t n)
{
	/* A line break stands before every line but the first. */
	if (n > parser->event_max ||
	    buf_len(&parser->data) > parser->event_max - n)
		return too_big();
	parser->has_data = true;
	if (buf_add(&parser->data, value, n) == -1)
		return -1;
	return buf_add(&parser->data, "\n", 1);
}

static void
on_retry(struct sse_parser *parser, const char *value, size_t n)
{
	int64_t ms = 0;

	if (n == 0 || n > RETRY_DIGITS_MAX)
		return;
	for (size_t i = 0; i < n; i++) {
		if (value[i] < '0' || value[i] > '9')
			return;
		ms = ms * 10 + (value[i] - '0');
	}
	parser->retry = ms;
}

static int
on_field(struct sse_parser *parser, const char *name, size_t name_len,
    const char *value, size_t n)
{
#define IS(field)                                                              \
	(name_len == sizeof(field) - 1 &&                                      \
	    memcmp(name, field, sizeof(field) - 1) == 0)
	if (IS("data"))
		return on_data(parser, value, n);
	if (IS("event"))
		return field_set(&parser->type, value, n);
	if (IS("id") && (n == 0 || memchr(value, '\0', n) == NULL)) {
		parser->has_id = true;
		return field_set(&parser->id, value, n);
	}
	if (IS("retry"))
		on_retry(parser, value, n);
	return 0;
#undef IS
}

/* The blank line behind an event. */
static void
on_blank_line(struct sse_parser *parser, const struct feed *feed)
{
	char empty[1] = "";
	struct sse_event event = { .type = field_text(&parser->type),
		.has_data = parser->has_data,
		.data = empty,
		.id = field_text(&parser->id) };

	if (event.type[0] == '\0')
		event.type = "message";
	if (parser->has_data) {
		event.data = buf_data(&parser->data);
		event.data_len = buf_len(&parser->data) - 1;
	}
	if (parser->has_data || parser->has_id)
		feed->event(feed->arg, &event);
	parser->has_data = parser->has_id = false;
	buf_consume(&parser->data, buf_len(&parser->data));
	buf_consume(&parser->type, buf_len(&parser->type));
	buf_trim(&parser->data, KEEP);
}

static int
on_line(struct sse_parser *parser, const struct feed *feed, const char *line,
    size_t n)
{
	const char *colon, *value;

	if (n == 0) {
		on_blank_line(parser, feed);
		return 0;
	}
	if (line[0] == ':')
		return 0;
	if (n > NAME_MAX_LEN && n - NAME_MAX_LEN > parser->event_max)
		return too_big();
	if ((colon = memchr(line, ':', n)) == NULL)
		return on_field(parser, line, n, line + n, 0);
	value = colon + 1;
	if (value < line + n && *value == ' ')
		value++;
	return on_field(parser, line, (size_t)(colon - line), value,
	    (size_t)(line + n - value));
}

/* The first CR or LF at or behind feed->at, or the end. */
static const char *
line_end(struct feed *feed)
{
	if (feed->cr == NULL || feed->cr < feed->at) {
		feed->cr =
		    memchr(feed->at, '\r', (size_t)(feed->end - feed->at));
		if (feed->cr == NULL)
			feed->cr = feed->end;
	}
	if (feed->lf == NULL || feed->lf < feed->at) {
		feed->lf =
		    memchr(feed->at, '\n', (size_t)(feed->end - feed->at));
		if (feed->lf == NULL)
			feed->lf = feed->end;
	}
	return feed->cr < feed->lf ? feed->cr : feed->lf;
}

/* Keep a piece of a line for later. */
static int
keep_piece(struct sse_parser *parser, const char *piece, size_t n)
{
	size_t have = buf_len(&parser->line);

	if (parser->in_comment || n == 0)
		return 0;
	if (have == 0 && piece[0] == ':') {
		parser->in_comment = true;
		return 0;
	}
	if (have + n > NAME_MAX_LEN &&
	    have + n - NAME_MAX_LEN > parser->event_max)
		return too_big();
	return buf_add(&parser->line, piece, n);
}

/* A line ends behind this piece of it. */
static int
end_line(struct sse_parser *parser, const struct feed *feed, const char *piece,
    size_t n)
{
	int result;

	if (parser->in_comment) {
		parser->in_comment = false;
		return 0;
	}
	if (buf_len(&parser->line) == 0)
		return on_line(parser, feed, piece, n);
	if (keep_piece(parser, piece, n) == -1)
		return -1;
	result = on_line(
	    parser, feed, buf_data(&parser->line), buf_len(&parser->line));
	buf_consume(&parser->line, buf_len(&parser->line));
	buf_trim(&parser->line, KEEP);
	return result;
}

/* Skip a byte order mark at the start of the stream, which may be split. */
static int
skip_bom(struct sse_parser *parser, struct feed *feed)
{
	while (parser->bom_seen < BOM_LEN && feed->at < feed->end) {
		size_t seen = parser->bom_seen;

		if (*feed->at != bom[seen]) {
			/* It was none: the bytes begin the first line. */
			parser->bom_seen = BOM_LEN;
			return keep_piece(parser, bom, seen);
		}
		parser->bom_seen++;
		feed->at++;
	}
	return 0;
}

int
sse_parser_feed(struct sse_parser *parser, const char *bytes, size_t n,
    void (*event)(void *arg, const struct sse_event *event), void *arg)
{
	struct feed feed = {
		.at = bytes, .end = bytes + n, .event = event, .arg = arg
	};

	if (skip_bom(parser, &feed) == -1)
		return -1;
	while (feed.at < feed.end) {
		const char *stop;

		if (parser->skip_lf) {
			parser->skip_lf = false;
			if (*feed.at == '\n') {
				feed.at++;
				continue;
			}
		}
		if ((stop = line_end(&feed)) == feed.end)
			return keep_piece(
			    parser, feed.at, (size_t)(stop - feed.at));
		if (end_line(
			parser, &feed, feed.at, (size_t)(stop - feed.at)) == -1)
			return -1;
		parser->skip_lf = *stop == '\r';
		feed.at = stop + 1;
	}
	return 0;
}

int
sse_add_event(
    struct buf *b, const char *type, const char *data, size_t data_len)
{
	static const char event[] = "event: ", middle[] = "\r\ndata: ",
			  end[] = "\r\n\r\n";
	size_t type_len = strlen(type);
	size_t fixed = sizeof(event) + sizeof(middle) + sizeof(end) - 3;
	char *at;

	if (data_len > SIZE_MAX / 4) {
		errno = ENOMEM;
		return -1;
	}
	if ((at = buf_reserve(b, fixed + type_len + data_len)) == NULL)
		return -1;
	at = mempcpy(at, event, sizeof(event) - 1);
	at = mempcpy(at, type, type_len);
	at = mempcpy(at, middle, sizeof(middle) - 1);
	if (data_len > 0)
		at = mempcpy(at, data, data_len);
	memcpy(at, end, sizeof(end) - 1);
	buf_commit(b, fixed + type_len + data_len);
	return 0;
}

int
sse_add_comment(struct buf *b, const char *text)
{
	return buf_add_format(b, ": %s\r\n\r\n", text);
}
