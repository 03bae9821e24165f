/* Server-Sent Events: what the standard says of lines and fields, at every
 * split, and the limits that are ours. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/buf.h"
#include "proto/sse.h"

#define EVENT_MAX 64

/* Append "type|id|data;" for every event; "-" for an event without data. */
static void
record(void *arg, const struct sse_event *event)
{
	struct buf *b = arg;

	assert_true(event->has_data || event->data_len == 0);
	assert_int_equal(
	    buf_add_format(b, "%s|%s|", event->type, event->id), 0);
	if (event->has_data)
		assert_int_equal(buf_add(b, event->data, event->data_len), 0);
	else
		assert_int_equal(buf_add_text(b, "-"), 0);
	assert_int_equal(buf_add_text(b, ";"), 0);
}

#define S(text) text, sizeof(text) - 1

static const struct {
	const char *in;
	size_t len;
	const char *events;
} streams[] = {
	{ S(""), "" },
	{ S("data: a\n\n"), "message||a;" },
	{ S("data: a\r\n\r\n"), "message||a;" },
	{ S("data: a\r\r"), "message||a;" },
	{ S("data: a\r\n\ndata: b\n\r\n"), "message||a;message||b;" },
	{ S("data: a\r\ndata: b\rdata: c\n\r"), "message||a\nb\nc;" },
	{ S("data: a\n\r\r\n\n"), "message||a;" },
	{ S("data:a\n\n"), "message||a;" },
	{ S("data:  a \n\n"), "message|| a ;" },
	{ S("data\n\n"), "message||;" },
	{ S("data:\n\n"), "message||;" },
	{ S("data: \n\n"), "message||;" },
	{ S("data\ndata\n\n"), "message||\n;" },
	{ S("data:a:b\n\n"), "message||a:b;" },
	{ S("data: x\n"), "" }, /* no blank line: not an event */
	{ S("data: x"), "" },
	{ S("\n\n\n"), "" },
	{ S("event: endpoint\ndata: /x\n\n"), "endpoint||/x;" },
	{ S("event: a\n\ndata: x\n\n"), "message||x;" },
	{ S("event: a\nevent: b\ndata: x\n\n"), "b||x;" },
	{ S("event: a\nevent\ndata: x\n\n"), "message||x;" },
	{ S("id: 1\ndata: x\n\ndata: y\n\n"), "message|1|x;message|1|y;" },
	{ S("id: 1\n\ndata: y\n\n"), "message|1|-;message|1|y;" },
	{ S("id: 1\ndata: x\n\nid\ndata: y\n\n"), "message|1|x;message||y;" },
	{ S("id: 1\nid: a\0b\ndata: x\n\n"), "message|1|x;" },
	{ S("id: a\0b\n\n"), "" },
	{ S(": a comment\n\n"), "" },
	{ S(":\ndata: a\n: in it\ndata: b\n\n"), "message||a\nb;" },
	{ S("unknown: a\nDATA: b\n data: c\ndata : d\n\n"), "" },
	{ S("\xef\xbb\xbf"
	    "data: a\n\n"),
	    "message||a;" },
	{ S("\xef\xbb\xbf: a\ndata: b\n\n"), "message||b;" },
	{ S("\xef\xbb\xbf\xef\xbb\xbf"
	    "data: a\n\n"),
	    "" },
	{ S("\xef\xbb"
	    "data: a\n\ndata: b\n\n"),
	    "message||b;" },
	{ S("\n\xef\xbb\xbf"
	    "data: a\n\n"),
	    "" },
	{ S("data: {\"a\":\"\xc3\xa9\"}\n\n"),
	    "message||{\"a\":\"\xc3\xa9\"};" },
};
#define STREAMS (sizeof(streams) / sizeof(streams[0]))

static void
assert_events(struct buf *got, const char *expected)
{
	assert_int_equal(buf_add(got, "", 1), 0);
	assert_string_equal(buf_data(got), expected);
	buf_free(got);
}

/* Feed a copy of exactly n bytes, so that a sanitizer sees a read beyond. */
static int
feed(struct sse_parser *parser, const char *bytes, size_t n, struct buf *got)
{
	char *copy = malloc(n + 1);
	int result;

	assert_non_null(copy);
	if (n > 0)
		memcpy(copy + 1, bytes, n);
	result = sse_parser_feed(parser, copy + 1, n, record, got);
	free(copy);
	return result;
}

static struct sse_parser *
parser_new(size_t max)
{
	struct sse_parser *parser = sse_parser_new(max);

	assert_non_null(parser);
	return parser;
}

static void
streams_mean_the_same_at_every_split(void **state)
{
	(void)state;
	for (size_t i = 0; i < STREAMS; i++)
		for (size_t split = 0; split <= streams[i].len; split++) {
			struct sse_parser *parser = parser_new(EVENT_MAX);
			struct buf got = { 0 };
			size_t rest = streams[i].len - split;

			assert_int_equal(
			    feed(parser, streams[i].in, split, &got), 0);
			assert_int_equal(
			    feed(parser, streams[i].in + split, rest, &got), 0);
			assert_events(&got, streams[i].events);
			sse_parser_free(&parser);
			assert_null(parser);
		}
}

static void
streams_mean_the_same_byte_by_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < STREAMS; i++) {
		struct sse_parser *parser = parser_new(EVENT_MAX);
		struct buf got = { 0 };

		for (size_t at = 0; at < streams[i].len; at++)
			assert_int_equal(
			    feed(parser, streams[i].in + at, 1, &got), 0);
		assert_events(&got, streams[i].events);
		sse_parser_free(&parser);
	}
	sse_parser_free(&(struct sse_parser *){ NULL });
}

static void
only_digits_set_the_retry_time(void **state)
{
	static const struct {
		const char *in;
		int64_t retry;
	} cases[] = { { "retry: 10\n", 10 }, { "retry:0\n", 0 },
		{ "retry: 007\n", 7 },
		{ "retry: 999999999999999999\n", 999999999999999999 },
		{ "retry: 1000000000000000000\n", -1 }, { "retry:\n", -1 },
		{ "retry\n", -1 }, { "retry: 1x\n", -1 }, { "retry: -1\n", -1 },
		{ "retry:  1\n", -1 }, { "retry: 1\nretry: x\n", 1 },
		{ "retry: 1\nretry: 2\n", 2 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sse_parser *parser = parser_new(EVENT_MAX);
		struct buf got = { 0 };

		assert_true(sse_parser_retry(parser) == -1);
		assert_int_equal(
		    feed(parser, cases[i].in, strlen(cases[i].in), &got), 0);
		assert_true(sse_parser_retry(parser) == cases[i].retry);
		assert_events(&got, "");
		sse_parser_free(&parser);
	}
}

/* What a whole feed and a feed byte by byte return for head, n times x, tail;
 * both must agree. */
static int
feed_long(const char *head, size_t n, const char *tail)
{
	struct buf in = { 0 }, got = { 0 };
	int results[2] = { 0, 0 };

	assert_int_equal(buf_add_text(&in, head), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(buf_add(&in, "x", 1), 0);
	assert_int_equal(buf_add_text(&in, tail), 0);
	for (size_t step = 0; step < 2; step++) {
		struct sse_parser *parser = parser_new(EVENT_MAX);
		size_t piece = step == 0 ? buf_len(&in) : 1;

		for (size_t at = 0; at < buf_len(&in); at += piece) {
			errno = 0;
			results[step] =
			    feed(parser, buf_data(&in) + at, piece, &got);
			if (results[step] == -1)
				break;
		}
		if (results[step] == -1)
			assert_int_equal(errno, EMSGSIZE);
		sse_parser_free(&parser);
	}
	assert_int_equal(results[0], results[1]);
	buf_free(&in);
	buf_free(&got);
	return results[0];
}

static void
events_at_the_limit_pass_and_one_byte_more_does_not(void **state)
{
	(void)state;
	assert_int_equal(feed_long("data: ", EVENT_MAX, "\n\n"), 0);
	assert_int_equal(feed_long("data: ", EVENT_MAX + 1, "\n\n"), -1);
	assert_int_equal(feed_long("data:", EVENT_MAX, "\n\n"), 0);
	assert_int_equal(feed_long("data:", EVENT_MAX + 1, "\n\n"), -1);
	/* Joined by a line break, which counts. */
	assert_int_equal(
	    feed_long("data: ab\ndata: ", EVENT_MAX - 3, "\n\n"), 0);
	assert_int_equal(
	    feed_long("data: ab\ndata: ", EVENT_MAX - 2, "\n\n"), -1);
	assert_int_equal(
	    feed_long("data: ", EVENT_MAX, "\n\ndata: next\n\n"), 0);
	assert_int_equal(feed_long("data: ", EVENT_MAX, "\ndata\n"), -1);
}

static void
lines_without_an_end_are_bounded_but_comments_are_not(void **state)
{
	(void)state;
	assert_int_equal(feed_long("", EVENT_MAX + 7, ""), 0);
	assert_int_equal(feed_long("", EVENT_MAX + 8, ""), -1);
	assert_int_equal(feed_long("", EVENT_MAX + 8, "\n"), -1);
	assert_int_equal(feed_long(":", 100000, "\ndata: x\n\n"), 0);
	assert_int_equal(feed_long("\xef\xbb\xbf:", 100000, ""), 0);
}

static void
names_and_ids_are_bounded(void **state)
{
	static const char *const fields[] = { "id:", "event:" };
	char text[SSE_FIELD_MAX + 1];

	(void)state;
	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < 2; i++)
		for (size_t n = SSE_FIELD_MAX; n < SSE_FIELD_MAX + 2; n++) {
			struct sse_parser *parser = parser_new(1 << 20);
			struct buf got = { 0 };
			int expected = n > SSE_FIELD_MAX ? -1 : 0;

			assert_int_equal(
			    feed(parser, fields[i], strlen(fields[i]), &got),
			    0);
			assert_int_equal(feed(parser, text, n, &got), 0);
			assert_int_equal(feed(parser, "\n", 1, &got), expected);
			buf_free(&got);
			sse_parser_free(&parser);
		}
}

static void
what_is_written_reads_back(void **state)
{
	struct sse_parser *parser = parser_new(EVENT_MAX);
	struct buf out = { 0 }, got = { 0 };
	static const char expected[] =
	    "event: message\r\ndata: {\"a\":1}\r\n\r\n"
	    ": ping\r\n\r\n"
	    "event: endpoint\r\ndata: \r\n\r\n";

	(void)state;
	assert_int_equal(sse_add_event(&out, "message", "{\"a\":1}", 7), 0);
	assert_int_equal(sse_add_comment(&out, "ping"), 0);
	assert_int_equal(sse_add_event(&out, "endpoint", NULL, 0), 0);
	assert_int_equal(buf_len(&out), sizeof(expected) - 1);
	assert_memory_equal(buf_data(&out), expected, sizeof(expected) - 1);
	assert_int_equal(feed(parser, buf_data(&out), buf_len(&out), &got), 0);
	assert_events(&got, "message||{\"a\":1};endpoint||;");
	errno = 0;
	assert_int_equal(sse_add_event(&out, "message", "", SIZE_MAX), -1);
	assert_int_equal(errno, ENOMEM);
	buf_free(&out);
	sse_parser_free(&parser);
}

static void
a_large_event_in_many_pieces_is_whole(void **state)
{
	const size_t large = (size_t)3 << 20;
	struct sse_parser *parser = parser_new(large);
	struct buf got = { 0 };
	char piece[4096];

	(void)state;
	memset(piece, 'x', sizeof(piece));
	assert_int_equal(feed(parser, "data: ", 6, &got), 0);
	for (size_t n = 0; n < large; n += sizeof(piece))
		assert_int_equal(feed(parser, piece, sizeof(piece), &got), 0);
	assert_int_equal(feed(parser, "\n\n", 2, &got), 0);
	assert_int_equal(buf_len(&got), large + strlen("message||;"));
	buf_free(&got);
	sse_parser_free(&parser);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_mean_the_same_at_every_split),
		cmocka_unit_test(streams_mean_the_same_byte_by_byte),
		cmocka_unit_test(only_digits_set_the_retry_time),
		cmocka_unit_test(
		    events_at_the_limit_pass_and_one_byte_more_does_not),
		cmocka_unit_test(
		    lines_without_an_end_are_bounded_but_comments_are_not),
		cmocka_unit_test(names_and_ids_are_bounded),
		cmocka_unit_test(what_is_written_reads_back),
		cmocka_unit_test(a_large_event_in_many_pieces_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
