/* test_http_message.c: what requests that carry messages have: Accept, queries,
 * ids of events, batches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/buf.h"
#include "proto/mcp.h"

#include "http_parts.h"
#include "session.h"

/* ---- Accept ----------------------------------------------------------- */

static unsigned int
accepts(const char *text)
{
	unsigned int set = http_accepts(text);

	assert_int_not_equal(set, 0); /* which says that there is no header */
	return set & HTTP_ACCEPTS_ALL;
}

static void
what_the_sdks_send_accepts_both(void **state)
{
	static const char *const both[] = {
		"application/json, text/event-stream",
		"text/event-stream, application/json",
		"application/json,text/event-stream",
		"*/*",
		"text/html, application/xhtml+xml, */*;q=0.8",
		"application/*, text/*",
		"Application/JSON;charset=utf-8 , TEXT/Event-Stream;q=0.1",
		"application/json;q=1.000, text/event-stream;q=0.001",
		",, application/json,\t, text/event-stream,,",
		"application/json;q=0, */*",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++)
		assert_int_equal(accepts(both[i]), HTTP_ACCEPTS_ALL);
}

static void
one_type_alone_is_not_both(void **state)
{
	(void)state;
	assert_int_equal(accepts("application/json"), HTTP_ACCEPTS_JSON);
	assert_int_equal(accepts("application/*;q=0.5"), HTTP_ACCEPTS_JSON);
	assert_int_equal(accepts("text/event-stream"), HTTP_ACCEPTS_EVENTS);
	assert_int_equal(accepts("text/*"), HTTP_ACCEPTS_EVENTS);
	assert_int_equal(
	    accepts("application/json, text/plain"), HTTP_ACCEPTS_JSON);
}

static void
what_only_looks_like_a_type_is_none(void **state)
{
	static const char *const none[] = { "", " ", ",", ";", ",;,",
		"text/html", "application/jsonp", "application/json-seq",
		"xapplication/json", "text/event-streams", "json", "*",
		"text/plain;x=text/event-stream", "application /json",
		"x/*/*" };

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(accepts(none[i]), 0);
}

static void
a_weight_of_nothing_refuses(void **state)
{
	(void)state;
	assert_int_equal(accepts("application/json;q=0"), 0);
	assert_int_equal(accepts("*/*; q=0.000"), 0);
	assert_int_equal(accepts("*/*;a=b;Q=0."), 0);
	assert_int_equal(accepts("application/json;q=0,text/event-stream"),
	    HTTP_ACCEPTS_EVENTS);
	assert_int_equal(accepts("application/json;q=0.01"), HTTP_ACCEPTS_JSON);
	assert_int_equal(accepts("application/json;xq=0"), HTTP_ACCEPTS_JSON);
}

/* ---- Content-Type ----------------------------------------------------- */

static bool
has_json(const char *type)
{
	struct http_exchange x = { .content_type = type };

	return http_has_json(&x);
}

static void
json_may_have_parameters(void **state)
{
	(void)state;
	assert_true(has_json("application/json"));
	assert_true(has_json("application/json; charset=utf-8"));
	assert_true(has_json("APPLICATION/Json;x"));
	assert_true(has_json("application/json\t;x"));
	assert_false(has_json(NULL));
	assert_false(has_json(""));
	assert_false(has_json("application/jsonl"));
	assert_false(has_json("application/jso"));
	assert_false(has_json("text/plain; application/json"));
}

/* ---- queries ---------------------------------------------------------- */

static void
assert_value(const char *query, const char *name, const char *expected)
{
	size_t len = 0;
	const char *value = http_query_value(query, name, &len);

	if (expected == NULL) {
		assert_null(value);
		return;
	}
	assert_non_null(value);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(value, expected, len);
}

static void
a_query_s_values_are_found_by_their_whole_names(void **state)
{
	(void)state;
	assert_value("?a=b", "a", "b");
	assert_value("?a=b&c=d", "c", "d");
	assert_value("?a=b&a=d", "a", "b"); /* the first */
	assert_value("?a=", "a", "");
	assert_value("?a=b=c", "a", "b=c");
	assert_value("?&&a=1&", "a", "1");
	assert_value("?ba=1&xa=2", "a", NULL);
	assert_value("?a", "a", NULL);
	assert_value("?ab=1", "a", NULL);
	assert_value("?A=1", "a", NULL);
	assert_value("?", "a", NULL);
	assert_value("", "a", NULL);
}

/* ---- ids of events ---------------------------------------------------- */

static void
an_event_s_id_is_read_as_it_is_written(void **state)
{
	uint32_t stream = 9;
	uint32_t event = 9;

	(void)state;
	assert_true(http_event_id("0-0", &stream, &event));
	assert_int_equal(stream, 0);
	assert_int_equal(event, 0);
	assert_true(http_event_id("4294967295-10", &stream, &event));
	assert_int_equal(stream, UINT32_MAX);
	assert_int_equal(event, 10);
}

static void
what_we_never_write_is_no_id(void **state)
{
	static const char *const none[] = { "", "-", "1", "1-", "-1", "1-2-",
		"1-2-3", " 1-2", "1-2 ", "+1-2", "1-+2", "-1-2", "01-2", "1-02",
		"00-0", "4294967296-0", "0-4294967296",
		"99999999999999999999999-1", "1.0-2", "0x1-2", "a-b", "1_2" };
	uint32_t stream, event;

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(http_event_id(none[i], &stream, &event));
}

/* ---- endpoints -------------------------------------------------------- */

static void
a_session_is_found_where_it_was_opened(void **state)
{
	char name[] = "a";
	struct session whole = { 0 };
	struct session one = { .server = name };
	const struct session_endpoint all = { .streamable = true };
	const struct session_endpoint a = { .server = "a" };
	const struct session_endpoint b = { .server = "b" };

	(void)state;
	assert_true(http_endpoint_matches(&all, &whole));
	assert_true(http_endpoint_matches(&a, &one));
	assert_false(http_endpoint_matches(&b, &one));
	assert_false(http_endpoint_matches(&a, &whole));
	assert_false(http_endpoint_matches(&all, &one));
}

/* ---- batches ---------------------------------------------------------- */

/* How many messages a client of this revision sends with that; 0: none. */
static size_t
count(const char *revision, const char *text, size_t len)
{
	struct session session = {
		.revision = mcp_revision_find(revision, strlen(revision)),
	};
	struct http_batch batch;
	struct json_span element;
	size_t n = 0;

	assert_non_null(session.revision);
	if (!http_batch_read(&batch, &session, text, len))
		return 0;
	while (json_iter_element(&batch.elements, &element))
		n++;
	return n;
}

static size_t
count_text(const char *revision, const char *text)
{
	return count(revision, text, strlen(text));
}

static void
only_older_revisions_have_batches(void **state)
{
	(void)state;
	assert_int_equal(count_text("2024-10-07", "[1]"), 1);
	assert_int_equal(count_text("2024-11-05", "[1]"), 1);
	assert_int_equal(count_text("2025-03-26", "[1]"), 1);
	assert_int_equal(count_text("2025-06-18", "[1]"), 0);
	assert_int_equal(count_text("2025-11-25", "[1]"), 0);
}

static void
an_empty_batch_is_none(void **state)
{
	(void)state;
	assert_int_equal(count_text("2025-03-26", "[]"), 0);
	assert_int_equal(count_text("2025-03-26", " [ \r\n ] "), 0);
}

static void
white_space_around_it_does_no_harm(void **state)
{
	(void)state;
	assert_int_equal(
	    count_text("2025-03-26", "\r\n [ {\"a\":[1,2]} ,\t[],\"]\" ] \n"),
	    3);
}

static void
a_batch_has_a_greatest_length(void **state)
{
	struct buf text = { 0 };

	(void)state;
	assert_int_equal(buf_add_text(&text, "[1"), 0);
	for (unsigned int i = 1; i < HTTP_BATCH_MAX; i++)
		assert_int_equal(buf_add_text(&text, ",1"), 0);
	assert_int_equal(buf_add_text(&text, "]"), 0);
	assert_int_equal(count("2025-03-26", buf_data(&text), buf_len(&text)),
	    HTTP_BATCH_MAX);
	buf_data(&text)[buf_len(&text) - 1] = ',';
	assert_int_equal(buf_add_text(&text, "1]"), 0);
	assert_int_equal(
	    count("2025-03-26", buf_data(&text), buf_len(&text)), 0);
	buf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_sdks_send_accepts_both),
		cmocka_unit_test(one_type_alone_is_not_both),
		cmocka_unit_test(what_only_looks_like_a_type_is_none),
		cmocka_unit_test(a_weight_of_nothing_refuses),
		cmocka_unit_test(json_may_have_parameters),
		cmocka_unit_test(
		    a_query_s_values_are_found_by_their_whole_names),
		cmocka_unit_test(an_event_s_id_is_read_as_it_is_written),
		cmocka_unit_test(what_we_never_write_is_no_id),
		cmocka_unit_test(a_session_is_found_where_it_was_opened),
		cmocka_unit_test(only_older_revisions_have_batches),
		cmocka_unit_test(an_empty_batch_is_none),
		cmocka_unit_test(white_space_around_it_does_no_harm),
		cmocka_unit_test(a_batch_has_a_greatest_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
