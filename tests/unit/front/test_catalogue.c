/* test_catalogue.c: lists, names and routes over several backends. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "catalogue.h"

#define NOBODY SIZE_MAX

static struct catalogue *cat;

static char *none[] = { NULL };

/* Everything, with slashes. */
static const struct catalogue_lens all;

/* A catalogue with these backends in the slots 0, 1, …, all of which serve. */
static struct catalogue *
make(char *const *names, size_t n)
{
	static struct policy_audience everybody = { none, none };
	static const size_t slots[] = { 0, 1, 2 };
	struct policy_backend backends[3];
	struct policy policy = { .audience_count = 1,
		.audiences = &everybody,
		.backend_count = n,
		.backends = backends };
	struct catalogue *made = catalogue_new();

	assert_non_null(made);
	for (size_t i = 0; i < n; i++) {
		backends[i] = (struct policy_backend){ .number = i,
			.name = names[i],
			.allow = none,
			.deny = none };
		assert_int_equal(catalogue_add(made, i, names[i]), 0);
	}
	assert_int_equal(catalogue_arrange(made, &policy, slots), 0);
	return made;
}

static int
setup(void **state)
{
	static char bash[] = "bash", one[] = "Git_Hub", two[] = "git-hub";
	char *const names[] = { bash, one, two };

	(void)state;
	cat = make(names, 3);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	catalogue_free(&cat);
	assert_null(cat);
	return 0;
}

/* Set from memory of exactly that size, and forget it. */
static size_t
set(size_t backend, enum catalog_kind kind, const char *json)
{
	size_t len = strlen(json), skipped = NOBODY;
	char *copy = malloc(len);

	assert_non_null(copy);
	memcpy(copy, json, len);
	assert_int_equal(
	    catalogue_set(cat, backend, kind, copy, len, &skipped), 0);
	free(copy);
	return skipped;
}

static void
assert_list(enum catalog_kind kind, const char *want)
{
	struct catalogue_text *text = catalogue_list(cat, &all, kind);

	if (text->len != strlen(want) ||
	    memcmp(text->data, want, text->len) != 0)
		fail_msg("list is %.*s", (int)text->len, text->data);
	catalogue_text_release(text);
}

static struct json_span
span(const char *json)
{
	return (struct json_span){ json, strlen(json) };
}

static void
assert_route(int ret, const struct catalogue_route *route, size_t backend,
    const char *name)
{
	if (backend == NOBODY) {
		assert_int_equal(ret, -1);
		return;
	}
	assert_int_equal(ret, 0);
	assert_int_equal(route->slot, backend);
	if (name == NULL) {
		assert_null(route->name.at);
		return;
	}
	assert_non_null(route->name.at);
	assert_int_equal(route->name.len, strlen(name));
	assert_memory_equal(route->name.at, name, strlen(name));
}

/* name NULL: nothing is to be spliced. */
static void
assert_tool(const char *json, size_t backend, const char *name)
{
	struct catalogue_route route;
	int ret =
	    catalogue_find_name(cat, &all, CATALOG_TOOLS, span(json), &route);

	assert_route(ret, &route, backend, name);
}

static void
assert_uri(const char *json, size_t backend, const char *name)
{
	struct catalogue_route route;
	int ret = catalogue_find_uri(cat, &all, span(json), &route);

	assert_route(ret, &route, backend, name);
}

static void
assert_template(const char *json, size_t backend, const char *name)
{
	struct catalogue_route route;
	int ret = catalogue_find_template(cat, &all, span(json), &route);

	assert_route(ret, &route, backend, name);
}

static void
a_new_catalogue_lists_nothing(void **state)
{
	(void)state;
	assert_list(CATALOG_TOOLS, "{\"tools\":[]}");
	assert_list(CATALOG_RESOURCES, "{\"resources\":[]}");
	assert_list(CATALOG_TEMPLATES, "{\"resourceTemplates\":[]}");
	assert_list(CATALOG_PROMPTS, "{\"prompts\":[]}");
	assert_int_equal(catalogue_render(cat), 0);
	assert_int_equal(catalogue_count(cat, CATALOG_TOOLS), 0);
	assert_tool("\"bash/bash\"", NOBODY, NULL);
	assert_uri("\"test://x\"", NOBODY, NULL);
	assert_template("\"test://{x}\"", NOBODY, NULL);
}

static void
items_keep_every_byte_but_the_name(void **state)
{
	(void)state;
	assert_int_equal(
	    set(1, CATALOG_TOOLS,
		" [ {\"x\": 1.50e+400 , \"name\" : \"a\\u0062\\/c\", "
		"\"inputSchema\":{\"name\":\"z\",\"n\":12345678901234567890}}"
		" ,{\"name\":\"t\"}] "),
	    0);
	assert_int_equal(
	    set(0, CATALOG_TOOLS, "[{\"title\":\"]}\",\"name\":\"bash\"}]"), 0);
	assert_int_equal(catalogue_render(cat), 1 << CATALOG_TOOLS);
	assert_list(CATALOG_TOOLS,
	    "{\"tools\":[{\"title\":\"]}\",\"name\":\"bash/bash\"},"
	    "{\"x\": 1.50e+400 , \"name\" : \"Git_Hub/a\\u0062\\/c\", "
	    "\"inputSchema\":{\"name\":\"z\",\"n\":12345678901234567890}},"
	    "{\"name\":\"Git_Hub/t\"}]}");
	assert_int_equal(catalogue_count(cat, CATALOG_TOOLS), 3);
	assert_tool("\"Git_Hub/ab/c\"", 1, "\"a\\u0062\\/c\"");
	assert_tool("\"Git_Hub\\/ab\\u002fc\"", 1, "\"a\\u0062\\/c\"");
}

static void
every_spelling_finds_the_tool(void **state)
{
	(void)state;
	set(0, CATALOG_TOOLS, "[{\"name\":\"bash\"},{\"name\":\"same\"}]");
	set(1, CATALOG_TOOLS, "[{\"name\":\"same\"},{\"name\":\"get me\"}]");
	assert_tool("\"bash/bash\"", 0, "\"bash\"");
	assert_tool("\"bash__bash\"", 0, "\"bash\"");
	assert_tool("\"bash\"", 0, NULL);
	assert_tool("\"b\\u0061sh\"", 0, NULL);
	assert_tool("\"bash/same\"", 0, "\"same\"");
	assert_tool("\"Git_Hub__same\"", 1, "\"same\"");
	/* sha256("Git_Hub/get me") */
	assert_tool("\"Git_Hub__get_me_c671e5\"", 1, "\"get me\"");
	assert_tool("\"Git_Hub__get_me\"", NOBODY, NULL);
	assert_tool("\"get me\"", 1, NULL);
	assert_tool("\"same\"", NOBODY, NULL);
	assert_int_equal(errno, ENOTUNIQ);
	assert_tool("\"other\"", NOBODY, NULL);
	assert_int_equal(errno, ENOENT);
	assert_tool("\"git-hub/same\"", NOBODY, NULL);
	assert_tool("\"bash/same\\u0000\"", NOBODY, NULL);
	assert_tool("\"\"", NOBODY, NULL);
	assert_tool("12", NOBODY, NULL);
	assert_tool("\"\\ud800\"", NOBODY, NULL);
	catalogue_clear(cat, 1);
	assert_tool("\"same\"", 0, NULL);
	assert_tool("\"Git_Hub__same\"", NOBODY, NULL);
}

static void
tools_and_prompts_are_apart(void **state)
{
	struct catalogue_route route;

	(void)state;
	set(0, CATALOG_TOOLS, "[{\"name\":\"x\"}]");
	set(1, CATALOG_PROMPTS, "[{\"name\":\"x\"}]");
	assert_tool("\"x\"", 0, NULL);
	assert_int_equal(catalogue_find_name(
			     cat, &all, CATALOG_PROMPTS, span("\"x\""), &route),
	    0);
	assert_int_equal(route.slot, 1);
	assert_int_equal(
	    catalogue_render(cat), 1 << CATALOG_TOOLS | 1 << CATALOG_PROMPTS);
	assert_list(
	    CATALOG_PROMPTS, "{\"prompts\":[{\"name\":\"Git_Hub/x\"}]}");
}

static void
unusable_items_are_left_out(void **state)
{
	size_t skipped;

	(void)state;
	assert_int_equal(
	    set(0, CATALOG_TOOLS,
		"[1,null,[],\"x\",{},{\"name\":1},{\"name\":\"\"},"
		"{\"Name\":\"x\"},{\"name\":\"\\u001b[2J\"},"
		"{\"name\":\"a\\u0000\"},{\"name\":\"\\u202e\"},"
		"{\"name\":\"\\ud800\"},{\"name\":\"ok\"},"
		"{\"name\":\"o\\u006b\",\"second\":true},"
		"{\"name\":\"one\",\"name\":\"two\"},"
		"{\"name\":\"one\",\"n\\u0061me\":\"two\"},{\"a\":{}}]"),
	    16);
	assert_int_equal(catalogue_count(cat, CATALOG_TOOLS), 1);
	catalogue_render(cat);
	assert_list(CATALOG_TOOLS, "{\"tools\":[{\"name\":\"bash/ok\"}]}");
	/* The same bytes again are counted the same. */
	assert_int_equal(set(0, CATALOG_TOOLS, "[1]"), 1);
	assert_int_equal(set(0, CATALOG_TOOLS, "[1]"), 1);
	assert_int_equal(
	    catalogue_set(cat, 0, CATALOG_TOOLS, "[", 1, &skipped), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(
	    catalogue_set(cat, 0, CATALOG_TOOLS, "{}", 2, &skipped), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(
	    catalogue_set(cat, 0, CATALOG_TOOLS, "", 0, &skipped), -1);
	assert_int_equal(errno, EINVAL);
}

static void
only_lists_that_differ_are_reported(void **state)
{
	(void)state;
	set(0, CATALOG_TOOLS, "[{\"name\":\"a\"}]");
	set(0, CATALOG_RESOURCES, "[{\"uri\":\"t://a\"}]");
	assert_int_equal(
	    catalogue_render(cat), 1 << CATALOG_TOOLS | 1 << CATALOG_RESOURCES);
	assert_int_equal(catalogue_render(cat), 0);
	set(0, CATALOG_TOOLS, "[{\"name\":\"a\"}]");
	assert_int_equal(catalogue_render(cat), 0);
	set(0, CATALOG_TOOLS, "[ {\"name\":\"a\"} ]");
	assert_int_equal(catalogue_render(cat), 0);
	set(1, CATALOG_PROMPTS, "[]");
	assert_int_equal(catalogue_render(cat), 0);
	/* Gone and back within a turn. */
	catalogue_clear(cat, 0);
	set(0, CATALOG_TOOLS, "[{\"name\":\"a\"}]");
	assert_int_equal(catalogue_render(cat), 1 << CATALOG_RESOURCES);
	catalogue_clear(cat, 0);
	catalogue_clear(cat, 1);
	assert_int_equal(catalogue_render(cat), 1 << CATALOG_TOOLS);
	assert_list(CATALOG_TOOLS, "{\"tools\":[]}");
}

static void
a_released_list_lives_while_it_is_sent(void **state)
{
	struct catalogue_text *old, *again;

	(void)state;
	set(0, CATALOG_TOOLS, "[{\"name\":\"a\"}]");
	catalogue_render(cat);
	old = catalogue_list(cat, &all, CATALOG_TOOLS);
	again = catalogue_list(cat, &all, CATALOG_TOOLS);
	assert_ptr_equal(old, again);
	catalogue_text_release(again);
	catalogue_clear(cat, 0);
	catalogue_render(cat);
	assert_list(CATALOG_TOOLS, "{\"tools\":[]}");
	assert_int_equal(old->len, 29);
	assert_memory_equal(
	    old->data, "{\"tools\":[{\"name\":\"bash/a\"}]}", old->len);
	catalogue_text_release(old);
}

static void
line_ends_do_not_reach_an_event(void **state)
{
	(void)state;
	set(0, CATALOG_TOOLS, "[\r\n{\"name\":\r\"a\",\n\"x\":\"\\n\"}\n]");
	catalogue_render(cat);
	assert_list(CATALOG_TOOLS,
	    "{\"tools\":[{\"name\": \"bash/a\", \"x\":\"\\n\"}]}");
}

static void
spellings_that_collide_are_told_apart(void **state)
{
	char a[] = "a", b[] = "a/b", c[] = "a__b";
	char *const names[] = { a, b, c };
	struct catalogue *first = cat;

	(void)state;
	cat = make(names, 3);
	set(0, CATALOG_TOOLS, "[{\"name\":\"b/c\"},{\"name\":\"b__d\"}]");
	set(1, CATALOG_TOOLS, "[{\"name\":\"c\"}]");
	set(2, CATALOG_TOOLS, "[{\"name\":\"d\"}]");
	catalogue_render(cat);
	assert_list(CATALOG_TOOLS,
	    "{\"tools\":[{\"name\":\"a/b/c\"},{\"name\":\"a/b__d\"},"
	    "{\"name\":\"a/b/c_d76a7b\"},{\"name\":\"a__b/d\"}]}");
	assert_tool("\"a/b/c\"", 0, "\"b/c\"");
	assert_tool("\"a/b/c_d76a7b\"", 1, "\"c\"");
	assert_tool("\"a__b__d\"", 0, "\"b__d\"");
	assert_tool("\"a__b__d_fa409d\"", 2, "\"d\"");
	/* Both are replaced, so both have a hash, of the same text. */
	assert_tool("\"a__b_c_d76a7b\"", 0, "\"b/c\"");
	assert_tool("\"a_b__c_d76a7b\"", 1, "\"c\"");
	catalogue_free(&cat);
	cat = first;
}

static void
resources_are_found_as_listed_and_as_libraries_write_them(void **state)
{
	(void)state;
	set(0, CATALOG_RESOURCES,
	    "[{\"uri\":\"test://Static/A b\",\"name\":\"x\"},"
	    "{\"uri\":\"https://Example.com\"},{\"uri\":\"TEST://z\"}]");
	set(1, CATALOG_RESOURCES,
	    "[{\"uri\":\"https://Example.com\",\"name\":\"y\"},"
	    "{\"name\":\"no uri\"},{\"uri\":\"docs://m\"}]");
	catalogue_render(cat);
	assert_list(CATALOG_RESOURCES,
	    "{\"resources\":[{\"uri\":\"test://Static/A b\",\"name\":\"x\"},"
	    "{\"uri\":\"https://Example.com\"},{\"uri\":\"TEST://z\"},"
	    "{\"uri\":\"git-hub+https://Example.com\",\"name\":\"y\"},"
	    "{\"uri\":\"docs://m\"}]}");
	assert_uri("\"test://Static/A b\"", 0, NULL);
	assert_uri("\"test://static/A%20b\"", 0, "\"test://Static/A b\"");
	assert_uri("\"https://Example.com\"", 0, NULL);
	assert_uri("\"https:\\/\\/Example.com\"", 0, NULL);
	assert_uri("\"https://example.com/\"", 0, "\"https://Example.com\"");
	assert_uri("\"test://z\"", 0, "\"TEST://z\"");
	assert_uri(
	    "\"git-hub+https://Example.com\"", 1, "\"https://Example.com\"");
	assert_uri(
	    "\"git-hub+https://example.com/\"", 1, "\"https://Example.com\"");
	assert_uri("\"docs://m\"", 1, NULL);
	/* By the scheme, where one backend has it. */
	assert_uri("\"DOCS://other\"", 1, NULL);
	assert_uri("\"test://other\"", 0, NULL);
	assert_uri("\"https://other\"", NOBODY, NULL);
	assert_uri("\"none://other\"", NOBODY, NULL);
	assert_uri("\"no uri\"", NOBODY, NULL);
	assert_uri("\"\"", NOBODY, NULL);
	catalogue_clear(cat, 0);
	assert_uri("\"https://other\"", 1, NULL);
	assert_uri("\"https://Example.com\"", 1, NULL);
}

static void
three_owners_of_a_uri_are_all_reached(void **state)
{
	(void)state;
	set(0, CATALOG_RESOURCES, "[{\"uri\":\"t://x\"}]");
	set(1, CATALOG_RESOURCES, "[{\"uri\":\"t://x\"}]");
	set(2, CATALOG_RESOURCES, "[{\"uri\":\"t://x\"}]");
	catalogue_render(cat);
	assert_list(CATALOG_RESOURCES,
	    "{\"resources\":[{\"uri\":\"t://x\"},"
	    "{\"uri\":\"git-hub+t://x\"},{\"uri\":\"git-hub-50175d+t://x\"}]}");
	assert_uri("\"t://x\"", 0, NULL);
	assert_uri("\"git-hub+t://x\"", 1, "\"t://x\"");
	assert_uri("\"git-hub-50175d+t://x\"", 2, "\"t://x\"");
	assert_int_equal(catalogue_count(cat, CATALOG_RESOURCES), 3);
}

static void
templates_route_by_the_longest_literal(void **state)
{
	(void)state;
	set(0, CATALOG_TEMPLATES,
	    "[{\"uriTemplate\":\"t://{+any}\"},"
	    "{\"uriTemplate\":\"s://{id}\"}]");
	set(1, CATALOG_TEMPLATES,
	    "[{\"uriTemplate\":\"t://files/{name}\"},"
	    "{\"uriTemplate\":\"s://{id}\",\"x\":1},"
	    "{\"uriTemplate\":\"\\u0000\"}]");
	set(2, CATALOG_RESOURCES, "[{\"uri\":\"t://files/mine\"}]");
	catalogue_render(cat);
	assert_list(CATALOG_TEMPLATES,
	    "{\"resourceTemplates\":[{\"uriTemplate\":\"t://{+any}\"},"
	    "{\"uriTemplate\":\"s://{id}\"},"
	    "{\"uriTemplate\":\"t://files/{name}\"},"
	    "{\"uriTemplate\":\"git-hub+s://{id}\",\"x\":1}]}");
	assert_uri("\"t://files/a\"", 1, NULL);
	assert_uri("\"T://Files/a\"", 1, NULL);
	assert_uri("\"t://files/a/b\"", 0, NULL);
	assert_uri("\"t://files/mine\"", 2, NULL);
	assert_uri("\"s://7\"", 0, NULL);
	assert_uri("\"git-hub+s://7\\\"\"", 1, "\"s://7\\\"\"");
	assert_uri("\"git-hub+s://8\"", 1, "\"s://8\"");
	assert_uri("\"s://a/b\"", NOBODY, NULL);
	assert_template("\"s://{id}\"", 0, NULL);
	assert_template("\"git-hub+s://{id}\"", 1, "\"s://{id}\"");
	assert_template("\"t://files/{name}\"", 1, NULL);
	assert_template("\"t://files/mine\"", 2, NULL);
	assert_template("\"u://{id}\"", NOBODY, NULL);
}

static void
names_of_backends_are_escaped(void **state)
{
	char a[] = "a\"\\b", b[] = "9 lives";
	char *const names[] = { a, b };
	struct catalogue *first = cat;

	(void)state;
	cat = make(names, 2);
	set(0, CATALOG_TOOLS, "[{\"name\":\"t\"}]");
	set(0, CATALOG_RESOURCES, "[{\"uri\":\"t://x\"}]");
	set(1, CATALOG_RESOURCES, "[{\"uri\":\"t://x\"}]");
	catalogue_render(cat);
	assert_list(CATALOG_TOOLS, "{\"tools\":[{\"name\":\"a\\\"\\\\b/t\"}]}");
	assert_list(CATALOG_RESOURCES,
	    "{\"resources\":[{\"uri\":\"t://x\"},"
	    "{\"uri\":\"x-9-lives+t://x\"}]}");
	assert_tool("\"a\\\"\\\\b/t\"", 0, "\"t\"");
	catalogue_free(&cat);
	cat = first;
}

static void
too_many_items_are_cut(void **state)
{
	enum {
		N = 12000
	};
	char *json = malloc(N * 24), *at = json;
	size_t i;

	(void)state;
	assert_non_null(json);
	*at++ = '[';
	for (i = 0; i < N; i++)
		at += (size_t)snprintf(
		    at, 24, "%s{\"name\":\"%zu\"}", i > 0 ? "," : "", i);
	*at++ = ']';
	*at = '\0';
	assert_int_equal(set(0, CATALOG_TOOLS, json), 2000);
	assert_int_equal(catalogue_count(cat, CATALOG_TOOLS), 10000);
	assert_tool("\"bash/9999\"", 0, "\"9999\"");
	assert_tool("\"bash/10000\"", NOBODY, NULL);
	free(json);
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_new_catalogue_lists_nothing),
		T(items_keep_every_byte_but_the_name),
		T(every_spelling_finds_the_tool),
		T(tools_and_prompts_are_apart),
		T(unusable_items_are_left_out),
		T(only_lists_that_differ_are_reported),
		T(a_released_list_lives_while_it_is_sent),
		T(line_ends_do_not_reach_an_event),
		T(spellings_that_collide_are_told_apart),
		T(resources_are_found_as_listed_and_as_libraries_write_them),
		T(three_owners_of_a_uri_are_all_reached),
		T(templates_route_by_the_longest_literal),
		T(names_of_backends_are_escaped),
		T(too_many_items_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
