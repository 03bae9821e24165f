/* test_catalogue_page.c: large lists, page by page. */
#include "catalogue_fixture.h"

static struct fixture f;

static int
setup(void **state)
{
	static const char *const names[] = { "a", "b", "c" };

	(void)state;
	fixture_begin(&f, 3, names);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fixture_end(&f);
	return 0;
}

/* The backend offers n tools "FIRST", "FIRST+1", … of so many bytes. */
static void
offer(size_t slot, size_t first, size_t n, size_t bytes)
{
	const size_t size = n * (bytes + 64) + 3;
	char *json = malloc(size), *at = json;

	assert_non_null(json);
	*at++ = '[';
	for (size_t i = first; i < first + n; i++) {
		int len = snprintf(at, 64, "%s{\"name\":\"%zu\",\"d\":\"",
		    i > first ? "," : "", i);

		memset(at + len, 'x', bytes);
		at += (size_t)len + bytes;
		at += snprintf(at, 4, "\"}");
	}
	*at++ = ']';
	*at = '\0';
	fixture_set(&f, slot, CATALOG_TOOLS, json);
	free(json);
}

static int
page(const struct catalogue_lens *lens, const char *cursor,
    struct catalogue_text **text)
{
	struct json_span span = { cursor, cursor == NULL ? 0 : strlen(cursor) };

	return catalogue_page(f.cat, lens, CATALOG_TOOLS, span, text);
}

static void
assert_refused(const struct catalogue_lens *lens, const char *cursor)
{
	struct catalogue_text *text = NULL;

	errno = 0;
	assert_int_equal(page(lens, cursor, &text), -1);
	assert_int_equal(errno, EINVAL);
	assert_null(text);
}

/* Read a page: how many tools, the last of which has this name; the cursor of
 * the next one with its quotes, or "". */
static size_t
read_page(const struct catalogue_text *text, const char *last, char next[64])
{
	struct json_span all = { text->data, text->len }, tool, cursor;
	struct json_span name = { NULL, 0 };
	struct json_scan scan;
	struct json_iter it;
	size_t n = 0;

	assert_int_equal(
	    json_scan(text->data, text->len, NULL, 0, NULL, &scan), 0);
	assert_int_equal(strncmp(text->data, "{\"tools\":[", 10), 0);
	json_iter_init(&it, json_get(all, "tools"));
	while (json_iter_element(&it, &tool)) {
		name = json_get(tool, "name");
		n++;
	}
	if (last != NULL)
		assert_true(json_string_is(name, last));
	cursor = json_get(all, "nextCursor");
	(void)snprintf(next, 64, "%.*s", (int)cursor.len,
	    cursor.at == NULL ? "" : cursor.at);
	return n;
}

static void
what_gateways_have_is_on_one_page(void **state)
{
	struct catalogue_text *text, *again;
	char next[64];

	(void)state;
	offer(0, 0, 401, 900);
	offer(1, 0, 599, 900);
	(void)catalogue_render(f.cat);
	assert_int_equal(page(SLASH, NULL, &text), 0);
	assert_int_equal(read_page(text, "b/598", next), 1000);
	assert_string_equal(next, "");
	again = catalogue_list(f.cat, SLASH, CATALOG_TOOLS);
	assert_ptr_equal(text, again);
	catalogue_text_release(again);
	/* As clients write "none" that have no optional members. */
	assert_int_equal(page(SLASH, "null", &again), 0);
	assert_ptr_equal(text, again);
	catalogue_text_release(again);
	catalogue_text_release(text);
}

static void
no_cursor_but_ours_is_accepted(void **state)
{
	char cursor[64];
	const uint32_t version = fixture_version(&f, SLASH, CATALOG_TOOLS);

	(void)state;
	assert_refused(SLASH, "\"\"");
	assert_refused(SLASH, "\"x\"");
	assert_refused(SLASH, "1");
	assert_refused(SLASH, "true");
	assert_refused(SLASH, "{}");
	assert_refused(SLASH, "[]");
	(void)snprintf(cursor, sizeof(cursor), "\"%08x.0\"", version);
	assert_refused(SLASH, cursor);
	(void)snprintf(cursor, sizeof(cursor), "\"%08x.1\"", version);
	assert_refused(SLASH, cursor);
}

static void
a_list_of_many_items_goes_on_where_the_page_ended(void **state)
{
	struct catalogue_text *text;
	char next[64], wrong[96];

	(void)state;
	offer(0, 0, 6000, 1);
	offer(1, 0, 6000, 1);
	(void)catalogue_render(f.cat);
	assert_int_equal(page(SLASH, NULL, &text), 0);
	assert_int_equal(read_page(text, "a/4999", next), 5000);
	catalogue_text_release(text);
	(void)snprintf(
	    wrong, sizeof(wrong), "%.*s0\"", (int)strlen(next) - 1, next);
	assert_refused(SLASH, wrong);
	(void)snprintf(wrong, sizeof(wrong), "\"0%s", next + 1);
	assert_refused(SLASH, wrong);
	(void)snprintf(
	    wrong, sizeof(wrong), "%.*s\\u0000\"", (int)strlen(next) - 1, next);
	assert_refused(SLASH, wrong);
	assert_int_equal(page(SLASH, next, &text), 0);
	assert_int_equal(read_page(text, "b/3999", next), 5000);
	assert_int_equal(
	    text->version, fixture_version(&f, SLASH, CATALOG_TOOLS));
	catalogue_text_release(text);
	assert_int_equal(page(SLASH, next, &text), 0);
	assert_int_equal(read_page(text, "b/5999", wrong), 2000);
	assert_string_equal(wrong, "");
	catalogue_text_release(text);
	/* Of a list in another spelling, and of another kind, it is none. */
	assert_refused(SAFE, next);
	assert_refused(ONE("a"), next);
	assert_int_equal(catalogue_page(f.cat, SLASH, CATALOG_PROMPTS,
			     (struct json_span){ next, strlen(next) }, &text),
	    -1);
}

static void
a_page_has_at_most_so_many_bytes(void **state)
{
	enum {
		BYTES = 300000
	};
	struct catalogue_text *text;
	char next[64] = "";
	size_t n = 0, pages = 0;

	(void)state;
	offer(0, 0, 10, BYTES);
	offer(1, 0, 1, CATALOGUE_PAGE_MAX + 1);
	offer(2, 0, 1, 1);
	(void)catalogue_render(f.cat);
	do {
		assert_int_equal(
		    page(SLASH, *next == '\0' ? NULL : next, &text), 0);
		n += read_page(text, NULL, next);
		/* Only one item may be larger. */
		if (text->len > CATALOGUE_PAGE_MAX)
			assert_int_equal(read_page(text, "b/0", next), 1);
		pages++;
		catalogue_text_release(text);
	} while (*next != '\0');
	assert_int_equal(n, 12);
	/* 6 and 4 of a's, b's alone, c's. */
	assert_int_equal(pages, 4);
}

static void
a_cursor_is_of_the_list_as_it_is(void **state)
{
	struct catalogue_text *text;
	char next[64], again[64];

	(void)state;
	offer(0, 0, 6000, 1);
	(void)catalogue_render(f.cat);
	assert_int_equal(page(SLASH, NULL, &text), 0);
	(void)read_page(text, "a/4999", next);
	catalogue_text_release(text);
	/* Nothing has changed but who offers it. */
	catalogue_clear(f.cat, 0);
	offer(0, 0, 6000, 1);
	assert_int_equal(catalogue_render(f.cat), 0);
	assert_int_equal(page(SLASH, next, &text), 0);
	assert_int_equal(read_page(text, "a/5999", again), 1000);
	catalogue_text_release(text);
	/* Something on another page has. */
	offer(0, 0, 6001, 1);
	/* Until the change is made known the cursor holds. */
	assert_int_equal(page(SLASH, next, &text), 0);
	assert_int_equal(catalogue_render(f.cat), 1 << CATALOG_TOOLS);
	assert_refused(SLASH, next);
	assert_int_equal(read_page(text, "a/5999", again), 1000);
	catalogue_text_release(text);
	/* And back: another list, which may be shown on other pages. */
	offer(0, 0, 6000, 1);
	(void)catalogue_render(f.cat);
	assert_refused(SLASH, next);
}

static void
pages_are_shared_by_all_who_see_the_same(void **state)
{
	static char pattern[] = "*";
	static char *patterns[] = { pattern, NULL };
	const struct catalogue_lens other = { .audience = 1 };
	struct catalogue_text *one, *two;
	char next[64];

	(void)state;
	f.audiences[f.audience_count++] =
	    (struct policy_audience){ patterns, fixture_none };
	fixture_arrange(&f);
	offer(0, 0, 6000, 1);
	(void)catalogue_render(f.cat);
	assert_int_equal(page(SLASH, NULL, &one), 0);
	assert_int_equal(page(&other, NULL, &two), 0);
	assert_ptr_equal(one, two);
	(void)read_page(one, "a/4999", next);
	catalogue_text_release(one);
	catalogue_text_release(two);
	assert_int_equal(page(SLASH, next, &one), 0);
	assert_int_equal(page(&other, next, &two), 0);
	assert_ptr_equal(one, two);
	catalogue_text_release(one);
	catalogue_text_release(two);
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(what_gateways_have_is_on_one_page),
		T(no_cursor_but_ours_is_accepted),
		T(a_list_of_many_items_goes_on_where_the_page_ended),
		T(a_page_has_at_most_so_many_bytes),
		T(a_cursor_is_of_the_list_as_it_is),
		T(pages_are_shared_by_all_who_see_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
