/* test_catalogue_uri.c: URIs of several backends, as clients read them back. */
/* wrap: template_match */
#include "catalogue_fixture.h"
#include "template.h"
#include "uri.h"

static struct fixture f;
static size_t matches; /* that were tried */

ssize_t __real_template_match(
    const char *template, const char *uri, size_t *work);
ssize_t __wrap_template_match(
    const char *template, const char *uri, size_t *work);

ssize_t
__wrap_template_match(const char *template, const char *uri, size_t *work)
{
	matches++;
	return __real_template_match(template, uri, work);
}

static int
setup(void **state)
{
	static const char *const names[] = { "bash", "Git_Hub", "git" };

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

/* What a client is told instead of the URI of this backend; NULL: nothing. */
static const char *
shown_to(const struct catalogue_lens *lens, size_t slot, const char *uri)
{
	static char text[8192];
	const size_t len = strlen(uri);
	size_t work = CATALOGUE_SHOWN_WORK;
	struct buf out = { 0 };
	char *copy = malloc(len + 1);
	bool other;

	assert_non_null(copy);
	memcpy(copy, uri, len);
	other = catalogue_shown_uri(f.cat, lens, slot, copy, len, &out, &work);
	assert_int_equal(other, buf_len(&out) > 0);
	(void)snprintf(text, sizeof(text), "%.*s", (int)buf_len(&out),
	    other ? buf_data(&out) : "");
	buf_free(&out);
	free(copy);
	return other ? text : NULL;
}

static const char *
shown(size_t slot, const char *uri)
{
	return shown_to(SLASH, slot, uri);
}

static void
every_prefix_is_understood_at_any_time(void **state)
{
	(void)state;
	fixture_set(&f, 0, CATALOG_RESOURCES, "[{\"uri\":\"t://Host\"}]");
	fixture_set(&f, 1, CATALOG_RESOURCES, "[{\"uri\":\"u://x\"}]");
	fixture_set(
	    &f, 0, CATALOG_TEMPLATES, "[{\"uriTemplate\":\"v://{id}\"}]");
	assert_false(catalogue_collides(f.cat, SLASH));
	assert_string_equal(
	    fixture_uri(&f, SLASH, "\"bash+t://Host\""), "0 \"t://Host\"");
	assert_string_equal(
	    fixture_uri(&f, SLASH, "\"BASH+t://host/\""), "0 \"t://Host\"");
	assert_string_equal(
	    fixture_uri(&f, SAFE, "\"git-hub+u://x\""), "1 \"u://x\"");
	/* What is not listed, and what another backend lists. */
	assert_string_equal(
	    fixture_uri(&f, SLASH, "\"bash+u://x\""), "0 \"u://x\"");
	assert_string_equal(
	    fixture_uri(&f, SLASH, "\"git+\\\"\""), "2 \"\\\"\"");
	assert_string_equal(fixture_uri(&f, SLASH, "\"git+\""), "2 \"\"");
	assert_string_equal(
	    fixture_uri(&f, SLASH, "\"bash+v://7\""), "0 \"v://7\"");
	assert_string_equal(
	    fixture_template(&f, SLASH, "\"bash+v://{id}\""), "0 \"v://{id}\"");
	assert_string_equal(fixture_uri(&f, SLASH, "\"none+u://x\""), "none");
}

static void
a_prefix_is_understood_by_who_sees_the_backend(void **state)
{
	static char only[] = "bash";
	static char *patterns[] = { only, NULL };
	const struct catalogue_lens lens = { .audience = 1 };

	(void)state;
	f.audiences[f.audience_count++] =
	    (struct policy_audience){ patterns, fixture_none };
	fixture_arrange(&f);
	fixture_set(&f, 0, CATALOG_RESOURCES, "[{\"uri\":\"git+t://x\"}]");
	fixture_set(&f, 2, CATALOG_RESOURCES, "[{\"uri\":\"t://x\"}]");
	(void)catalogue_render(f.cat);
	assert_string_equal(
	    fixture_uri(&f, &lens, "\"git+t://y\""), "0 \"git+t://y\"");
	assert_string_equal(
	    fixture_uri(&f, &lens, "\"bash+t://y\""), "0 \"t://y\"");
	assert_false(catalogue_collides(f.cat, &lens));
	fixture_assert_list(
	    &f, &lens, CATALOG_RESOURCES, "[{\"uri\":\"git+t://x\"}]");
	/* For who sees both, a scheme that begins like a prefix has its own. */
	assert_true(catalogue_collides(f.cat, SLASH));
	fixture_assert_list(&f, SLASH, CATALOG_RESOURCES,
	    "[{\"uri\":\"bash+git+t://x\"},{\"uri\":\"t://x\"}]");
	assert_string_equal(
	    fixture_uri(&f, SLASH, "\"git+t://x\""), "2 \"t://x\"");
	assert_string_equal(
	    fixture_uri(&f, SLASH, "\"bash+git+t://x\""), "0 \"git+t://x\"");
	assert_string_equal(shown(0, "git+t://y"), "bash+git+t://y");
	assert_string_equal(shown(2, "git+t://y"), "git+git+t://y");
	assert_null(shown_to(&lens, 0, "git+t://y"));
	assert_null(shown_to(&lens, 2, "t://x"));
}

static void
backends_apart_do_not_collide(void **state)
{
	(void)state;
	assert_false(catalogue_collides(f.cat, SLASH));
	fixture_set(&f, 0, CATALOG_RESOURCES,
	    "[{\"uri\":\"t://x\"},{\"uri\":\"https://a/\"}]");
	fixture_set(&f, 0, CATALOG_TEMPLATES,
	    "[{\"uriTemplate\":\"t://{id}\"},{\"uriTemplate\":\"z:{id}\"}]");
	fixture_set(&f, 1, CATALOG_RESOURCES,
	    "[{\"uri\":\"u://x\"},{\"uri\":\"https://b/\"}]");
	fixture_set(
	    &f, 1, CATALOG_TEMPLATES, "[{\"uriTemplate\":\"https://{id}\"}]");
	assert_false(catalogue_collides(f.cat, SLASH));
	assert_false(catalogue_collides(f.cat, SAFE));
	assert_null(shown(0, "t://x"));
	assert_null(shown(0, "t://y"));
	assert_null(shown(1, "u://y"));
	assert_null(shown(1, "https://a/b"));
}

static void
whatever_several_have_collides(void **state)
{
	static const struct {
		enum catalog_kind kind[2];
		const char *json[2];
	} cases[] = {
		/* A URI, also in another spelling. */
		{ { CATALOG_RESOURCES, CATALOG_RESOURCES },
		    { "[{\"uri\":\"x\"}]", "[{\"uri\":\"x\"}]" } },
		{ { CATALOG_RESOURCES, CATALOG_RESOURCES },
		    { "[{\"uri\":\"https://X\"}]",
			"[{\"uri\":\"https://x/\"}]" } },
		/* A template. */
		{ { CATALOG_TEMPLATES, CATALOG_TEMPLATES },
		    { "[{\"uriTemplate\":\"https://{x}\"}]",
			"[{\"uriTemplate\":\"https://{x}\"}]" } },
		{ { CATALOG_TEMPLATES, CATALOG_PROMPTS },
		    { "[{\"uriTemplate\":\"{x}:y\"}]", "[]" } },
		/* A scheme. */
		{ { CATALOG_RESOURCES, CATALOG_RESOURCES },
		    { "[{\"uri\":\"t:a\"}]", "[{\"uri\":\"T:b\"}]" } },
		{ { CATALOG_RESOURCES, CATALOG_TEMPLATES },
		    { "[{\"uri\":\"t:a\"}]",
			"[{\"uriTemplate\":\"t://{b}\"}]" } },
		{ { CATALOG_TEMPLATES, CATALOG_TEMPLATES },
		    { "[{\"uriTemplate\":\"t:{a}\"}]",
			"[{\"uriTemplate\":\"t:{b}\"}]" } },
		/* A prefix. */
		{ { CATALOG_RESOURCES, CATALOG_PROMPTS },
		    { "[{\"uri\":\"git+t:a\"}]", "[]" } },
		{ { CATALOG_TEMPLATES, CATALOG_PROMPTS },
		    { "[{\"uriTemplate\":\"git-hub+t:{a}\"}]", "[]" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t j = 0; j < 2; j++)
			fixture_set(&f, j, cases[i].kind[j], cases[i].json[j]);
		if (!catalogue_collides(f.cat, SLASH))
			fail_msg("case %zu does not collide", i);
		assert_false(catalogue_collides(f.cat, ONE("bash")));
		catalogue_clear(f.cat, 0);
		assert_false(catalogue_collides(f.cat, SLASH));
		catalogue_clear(f.cat, 1);
	}
}

static void
uris_that_reach_another_backend_are_shown_otherwise(void **state)
{
	(void)state;
	fixture_set(&f, 0, CATALOG_RESOURCES,
	    "[{\"uri\":\"t://x\"},{\"uri\":\"https://Example.com\"}]");
	fixture_set(&f, 1, CATALOG_RESOURCES,
	    "[{\"uri\":\"t://x\"},{\"uri\":\"t://y\"},"
	    "{\"uri\":\"https://example.com/\"},{\"uri\":\"https://b\"}]");
	fixture_set(
	    &f, 2, CATALOG_TEMPLATES, "[{\"uriTemplate\":\"t://z/{id}\"}]");
	(void)catalogue_render(f.cat);
	fixture_assert_list(&f, SLASH, CATALOG_RESOURCES,
	    "[{\"uri\":\"t://x\"},{\"uri\":\"https://Example.com\"},"
	    "{\"uri\":\"git-hub+t://x\"},{\"uri\":\"t://y\"},"
	    "{\"uri\":\"git-hub+https://example.com/\"},"
	    "{\"uri\":\"https://b\"}]");
	assert_null(shown(0, "t://x"));
	assert_string_equal(shown(1, "t://x"), "git-hub+t://x");
	assert_null(shown(1, "t://y"));
	assert_string_equal(shown(2, "t://y"), "git+t://y");
	/* In no list: by template, or behind the prefix. */
	assert_null(shown(2, "t://z/7"));
	assert_string_equal(shown(1, "t://z/7"), "git-hub+t://z/7");
	assert_string_equal(shown(2, "t://w"), "git+t://w");
	assert_string_equal(shown(2, "new:w"), "git+new:w");
	assert_string_equal(shown(2, "no URI"), "git+no URI");
	/* Of the web: where two are equal. */
	assert_null(shown(0, "https://Example.com"));
	assert_null(shown(0, "https://example.com/"));
	assert_string_equal(
	    shown(1, "https://example.com/"), "git-hub+https://example.com/");
	assert_string_equal(shown(2, "https://b"), "git+https://b");
	assert_null(shown(0, "https://other"));
	assert_null(shown(0, "HTTP://other"));
	assert_null(shown(0, "data:,x"));
	/* Of one server, and of none that is seen. */
	assert_null(shown_to(ONE("git"), 2, "t://y"));
	assert_null(shown(3, "t://y"));
	assert_null(shown(SIZE_MAX, "t://y"));
}

static void
what_is_no_uri_is_left_alone(void **state)
{
	char longest[URI_MAX + 2], json[2 * URI_MAX];
	size_t work = CATALOGUE_SHOWN_WORK;
	struct buf out = { 0 };

	(void)state;
	fixture_set(&f, 0, CATALOG_RESOURCES, "[{\"uri\":\"t://x\"}]");
	fixture_set(&f, 1, CATALOG_RESOURCES, "[{\"uri\":\"t://y\"}]");
	assert_null(shown(1, ""));
	assert_false(
	    catalogue_shown_uri(f.cat, SLASH, 1, "t:\0x", 4, &out, &work));
	memset(longest, 'a', sizeof(longest));
	memcpy(longest, "t:", 2);
	longest[URI_MAX + 1] = '\0';
	assert_null(shown(1, longest));
	longest[URI_MAX] = '\0';
	assert_non_null(shown(1, longest));
	/* What was shown can be read. */
	(void)snprintf(json, sizeof(json), "\"git-hub+%s\"", longest);
	assert_memory_equal(fixture_uri(&f, SLASH, json), "1 \"t:aaa", 8);
	(void)snprintf(json, sizeof(json), "\"git-hub+%sa\"", longest);
	assert_string_equal(fixture_uri(&f, SLASH, json), "none");
	(void)snprintf(json, sizeof(json), "\"%sa\"", longest);
	assert_string_equal(fixture_uri(&f, SLASH, json), "none");
	assert_string_equal(fixture_uri(&f, ONE("bash"), json), "none");
}

/* One template that matches nearly anything, slowly. */
static void
offer_hard_template(size_t slot, const char *begin)
{
	char json[8192];
	size_t len;

	len = (size_t)snprintf(
	    json, sizeof(json), "[{\"uriTemplate\":\"%s", begin);
	for (size_t i = 0; i < 500; i++)
		len += (size_t)snprintf(
		    json + len, sizeof(json) - len, "{+a%zu}", i);
	(void)snprintf(json + len, sizeof(json) - len, "\"}]");
	fixture_set(&f, slot, CATALOG_TEMPLATES, json);
}

/* Templates that take long to match cost a client's message nothing. */
static void
a_uri_that_is_hard_to_place_goes_behind_the_prefix(void **state)
{
	char uri[601];

	(void)state;
	memset(uri, 'a', sizeof(uri));
	memcpy(uri, "t:", 2);
	uri[sizeof(uri) - 1] = '\0';
	offer_hard_template(0, "t:aaa");
	fixture_set(&f, 1, CATALOG_RESOURCES, "[{\"uri\":\"t:\"}]");
	assert_memory_equal(shown(0, uri), "bash+t:", 7);
	assert_memory_equal(shown(1, uri), "git-hub+t:", 10);
	/* One that matches is no proof that no other one matches better. */
	fixture_set(&f, 2, CATALOG_TEMPLATES, "[{\"uriTemplate\":\"t:{+a}\"}]");
	fixture_reverse(&f);
	assert_null(shown(2, "t:x"));
	assert_memory_equal(shown(2, uri), "git+t:", 6);
	/* Nor is the scheme. */
	fixture_set(&f, 2, CATALOG_TEMPLATES, "[]");
	offer_hard_template(0, "{+a}");
	assert_memory_equal(shown(1, uri), "git-hub+t:", 10);
}

/* So many that each take some steps to be found wrong. */
static void
offer_templates(size_t slot, size_t count)
{
	struct buf json = { 0 };

	for (size_t i = 0; i < count; i++)
		assert_int_equal(buf_add_format(&json,
				     "%c{\"uriTemplate\":\"w://{a}b{a}%zu\"}",
				     i == 0 ? '[' : ',', i),
		    0);
	assert_int_equal(buf_add(&json, "]", 2), 0);
	fixture_set(&f, slot, CATALOG_TEMPLATES, buf_data(&json));
	buf_free(&json);
}

/* Whoever names very many URIs in one message shall not keep the front. */
static void
all_uris_of_a_message_have_a_limit(void **state)
{
	const size_t most = CATALOGUE_SHOWN_WORK;
	size_t work = most, right = 0;
	struct buf out = { 0 };

	(void)state;
	fixture_set(
	    &f, 1, CATALOG_TEMPLATES, "[{\"uriTemplate\":\"w://{id}\"}]");
	while (!catalogue_shown_uri(f.cat, SLASH, 1, "w://a", 5, &out, &work))
		assert_true(++right < most);
	/* Ordinary ones of an ordinary message are far from it. */
	assert_true(right > 100000);
	assert_int_equal(work, 0);
	assert_memory_equal(buf_data(&out), "git-hub+w://a", buf_len(&out));
	buf_free(&out);
}

/* What is left of them when the work is spent is not even looked at. */
static void
many_templates_take_no_more_than_some(void **state)
{
	(void)state;
	offer_templates(1, 9000);
	fixture_set(&f, 0, CATALOG_RESOURCES, "[{\"uri\":\"w://x\"}]");
	matches = 0;
	assert_non_null(shown(1, "w://bbbbbbbbbbbbbbbbbbbbbbbb"));
	assert_in_range(matches, 1, 1000);
}

static void
a_prefix_of_a_long_name_works(void **state)
{
	static const char name[] = "9234567890123456789012345678901234567890"
				   "123456789012345678901234";
	const char *const names[] = { "a", name };
	struct fixture g;
	char json[256], want[256];

	(void)state;
	fixture_begin(&g, 2, names);
	fixture_set(&g, 0, CATALOG_RESOURCES, "[{\"uri\":\"t://X\"}]");
	fixture_set(&g, 1, CATALOG_RESOURCES, "[{\"uri\":\"t://X\"}]");
	(void)catalogue_render(g.cat);
	(void)snprintf(want, sizeof(want),
	    "[{\"uri\":\"t://X\"},{\"uri\":\"x-%s+t://X\"}]", name);
	fixture_assert_list(&g, SLASH, CATALOG_RESOURCES, want);
	(void)snprintf(json, sizeof(json), "\"x-%s+t://x/\"", name);
	assert_string_equal(fixture_uri(&g, SLASH, json), "1 \"t://X\"");
	(void)snprintf(json, sizeof(json), "\"x-%s+u://y\"", name);
	assert_string_equal(fixture_uri(&g, SLASH, json), "1 \"u://y\"");
	fixture_end(&g);
}

/* ---- any URIs --------------------------------------------------------- */

static uint32_t seed;

static uint32_t
pick(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static const char *
some_uri(void)
{
	static const char *const schemes[] = { "t:", "t://", "T://", "u://",
		"git+t://", "git-hub+https://", "bash+bash+t:", "https://",
		"http://", "", "git+" };
	static const char *const rests[] = { "", "x", "X", "x/", "x y", "x/1",
		"y/1", "x%20y", "git+t://x" };
	static char uri[64];

	(void)snprintf(uri, sizeof(uri), "%s%s",
	    schemes[pick(sizeof(schemes) / sizeof(*schemes))],
	    rests[pick(sizeof(rests) / sizeof(*rests))]);
	return *uri == '\0' ? "x" : uri;
}

static void
offer_some(size_t slot, enum catalog_kind kind)
{
	static const char *const keys[CATALOG_KINDS] = {
		[CATALOG_RESOURCES] = "uri",
		[CATALOG_TEMPLATES] = "uriTemplate",
	};
	char json[1024];
	size_t len = 1, skipped;
	const uint32_t n = pick(5);

	json[0] = '[';
	for (uint32_t i = 0; i < n; i++)
		len += (size_t)snprintf(json + len, sizeof(json) - len,
		    "%s{\"%s\":\"%s%s\"}", i > 0 ? "," : "", keys[kind],
		    some_uri(), kind == CATALOG_TEMPLATES ? "{id}" : "");
	json[len++] = ']';
	assert_int_equal(
	    catalogue_set(f.cat, slot, kind, json, len, &skipped), 0);
}

static bool
is_web(const char *uri)
{
	char scheme[URI_SCHEME_MAX + 1];

	return uri_scheme(uri, scheme) > 0 && uri_scheme_is_web(scheme);
}

/* The client reads what it was shown: the backend gets its own URI, or what
 * the backend lists as the same. */
static void
assert_read_back(size_t slot, const char *uri)
{
	char mine[URI_NORMAL_MAX], theirs[URI_NORMAL_MAX], own[256];
	const char *text = shown(slot, uri);
	struct catalogue_route route;
	struct json_span span;
	char *json;

	if (text == NULL && is_web(uri))
		return;
	json = fixture_json(text == NULL ? uri : text);
	span = (struct json_span){ json, strlen(json) };
	if (catalogue_find_uri(f.cat, SLASH, span, &route) == -1)
		fail_msg("seed %u: %s is not found", seed, json);
	if (route.name.at == NULL)
		route.name = span;
	assert_true(json_string_decode(route.name, own, sizeof(own)) >= 0);
	uri_normalise(uri, mine);
	uri_normalise(own, theirs);
	if (route.slot != slot || strcmp(mine, theirs) != 0)
		fail_msg("seed %u: %s of %zu is shown as %s, which is %s of "
			 "%zu",
		    seed, uri, slot, json, own, route.slot);
	free(json);
}

static void
assert_listed_are_read_back(enum catalog_kind kind)
{
	static const char *const keys[CATALOG_KINDS] = {
		[CATALOG_RESOURCES] = "uri",
		[CATALOG_TEMPLATES] = "uriTemplate",
	};
	struct catalogue_text *text = catalogue_list(f.cat, SLASH, kind);
	struct json_span all = { text->data, text->len }, item;
	struct catalogue_route route;
	struct json_iter it;
	size_t n = 0;

	json_iter_init(&it,
	    json_get(all,
		kind == CATALOG_RESOURCES ? "resources" : "resourceTemplates"));
	while (json_iter_element(&it, &item)) {
		struct json_span uri = json_get(item, keys[kind]);

		n++;
		assert_int_equal(kind == CATALOG_RESOURCES
			? catalogue_find_uri(f.cat, SLASH, uri, &route)
			: catalogue_find_template(f.cat, SLASH, uri, &route),
		    0);
	}
	assert_int_equal(n, catalogue_count(f.cat, kind));
	catalogue_text_release(text);
}

static void
whatever_is_shown_can_be_read_back(void **state)
{
	(void)state;
	for (size_t round = 0; round < 400; round++) {
		for (size_t slot = 0; slot < 3; slot++) {
			offer_some(slot, CATALOG_RESOURCES);
			offer_some(slot, CATALOG_TEMPLATES);
		}
		(void)catalogue_render(f.cat);
		assert_listed_are_read_back(CATALOG_RESOURCES);
		assert_listed_are_read_back(CATALOG_TEMPLATES);
		for (size_t i = 0; i < 100; i++)
			assert_read_back(pick(3), some_uri());
	}
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(every_prefix_is_understood_at_any_time),
		T(a_prefix_is_understood_by_who_sees_the_backend),
		T(backends_apart_do_not_collide),
		T(whatever_several_have_collides),
		T(uris_that_reach_another_backend_are_shown_otherwise),
		T(what_is_no_uri_is_left_alone),
		T(a_uri_that_is_hard_to_place_goes_behind_the_prefix),
		T(all_uris_of_a_message_have_a_limit),
		T(many_templates_take_no_more_than_some),
		T(a_prefix_of_a_long_name_works),
		T(whatever_is_shown_can_be_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
