/*
 * test_catalogue_policy.c: backends that come and go, filters, and who sees
 * what.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "catalogue.h"

#define MAX 4

/* Lists of patterns, by their number of elements. */
#define ONE(a)    ((char *[]){ (char[]){ a }, NULL })
#define TWO(a, b) ((char *[]){ (char[]){ a }, (char[]){ b }, NULL })

static struct catalogue *cat;
static struct policy policy;
static struct policy_backend backends[MAX];
static struct policy_audience audiences[MAX];
static char *none[] = { NULL };

/* All that an audience sees, with slashes. */
#define LENS(of) (&(const struct catalogue_lens){ .audience = (of) })
static size_t slots[MAX];

/* The next backend of the policy. */
static struct policy_backend *
say(size_t slot, char *name, enum policy_part part)
{
	struct policy_backend *b = &backends[policy.backend_count];

	slots[policy.backend_count++] = slot;
	*b = (struct policy_backend){
		.number = slot, .name = name, .part = part
	};
	b->allow = b->deny = none;
	return b;
}

static size_t
say_audience(char **of_backends, char **of_tools)
{
	audiences[policy.audience_count] =
	    (struct policy_audience){ of_backends, of_tools };
	return policy.audience_count++;
}

/* A new policy begins; audience 0 sees all. */
static void
begin(void)
{
	policy =
	    (struct policy){ .backends = backends, .audiences = audiences };
	(void)say_audience(none, none);
}

static void
arrange(void)
{
	assert_int_equal(catalogue_arrange(cat, &policy, slots), 0);
}

static void
set(size_t slot, enum catalog_kind kind, const char *json)
{
	size_t skipped;

	assert_int_equal(
	    catalogue_set(cat, slot, kind, json, strlen(json), &skipped), 0);
	assert_int_equal(skipped, 0);
}

static void
assert_list(size_t audience, enum catalog_kind kind, const char *want)
{
	struct catalogue_text *text = catalogue_list(cat, LENS(audience), kind);
	const char *at = strchr(text->data, '[');
	size_t len = text->len - (size_t)(at - text->data);

	if (len != strlen(want) || memcmp(at, want, len) != 0)
		fail_msg("list is %.*s", (int)text->len, text->data);
	catalogue_text_release(text);
}

static uint32_t
version(size_t audience, enum catalog_kind kind)
{
	struct catalogue_text *text = catalogue_list(cat, LENS(audience), kind);
	uint32_t found = text->version;

	catalogue_text_release(text);
	return found;
}

/* The slot of a tool, or -1. */
static int
tool(size_t audience, const char *json)
{
	struct json_span name = { json, strlen(json) };
	struct catalogue_route route;

	errno = 0;
	if (catalogue_find_name(
		cat, LENS(audience), CATALOG_TOOLS, name, &route) == -1)
		return -1;
	return (int)route.slot;
}

static int
resource(size_t audience, const char *json)
{
	struct json_span uri = { json, strlen(json) };
	struct catalogue_route route;

	if (catalogue_find_uri(cat, LENS(audience), uri, &route) == -1)
		return -1;
	return (int)route.slot;
}

static int
setup(void **state)
{
	(void)state;
	cat = catalogue_new();
	begin();
	return cat == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	catalogue_free(&cat);
	assert_null(cat);
	catalogue_free(&cat);
	return 0;
}

static char name_a[] = "a", name_b[] = "b";

static void
what_is_on_standby_or_leaving_is_neither_listed_nor_found(void **state)
{
	(void)state;
	assert_int_equal(catalogue_add(cat, 0, "a"), 0);
	assert_int_equal(catalogue_add(cat, 7, "a"), 0);
	say(0, name_a, POLICY_SERVING);
	say(7, name_a, POLICY_STANDBY);
	arrange();
	set(0, CATALOG_TOOLS, "[{\"name\":\"old\"}]");
	set(7, CATALOG_TOOLS, "[{\"name\":\"new\"}]");
	assert_true(catalogue_render(cat) & 1U << CATALOG_TOOLS);
	assert_list(0, CATALOG_TOOLS, "[{\"name\":\"a/old\"}]}");
	assert_int_equal(tool(0, "\"a/old\""), 0);
	assert_int_equal(tool(0, "\"a/new\""), -1);
	assert_int_equal(tool(0, "\"new\""), -1);
	assert_true(catalogue_sees(cat, LENS(0), 0));
	assert_false(catalogue_sees(cat, LENS(0), 7));
	set(7, CATALOG_TOOLS, "[{\"name\":\"newer\"}]");
	assert_int_equal(catalogue_render(cat), 0);
	begin();
	say(7, name_a, POLICY_SERVING);
	say(0, name_a, POLICY_LEAVING);
	arrange();
	assert_int_equal(tool(0, "\"a/old\""), -1);
	assert_int_equal(tool(0, "\"a/newer\""), 7);
	assert_int_equal(catalogue_render(cat), 1U << CATALOG_TOOLS);
	assert_list(0, CATALOG_TOOLS, "[{\"name\":\"a/newer\"}]}");
	begin();
	say(7, name_a, POLICY_SERVING);
	arrange();
	catalogue_remove(cat, 0);
	assert_int_equal(catalogue_render(cat), 0);
	/* The slot is free for another. */
	assert_int_equal(catalogue_add(cat, 0, "b"), 0);
	set(0, CATALOG_TOOLS, "[{\"name\":\"x\"}]");
	assert_int_equal(tool(0, "\"x\""), -1);
	begin();
	say(0, name_b, POLICY_SERVING);
	say(7, name_a, POLICY_SERVING);
	arrange();
	catalogue_render(cat);
	assert_list(
	    0, CATALOG_TOOLS, "[{\"name\":\"b/x\"},{\"name\":\"a/newer\"}]}");
}

static void
a_swap_of_equal_lists_is_no_change(void **state)
{
	(void)state;
	assert_int_equal(catalogue_add(cat, 1, "a"), 0);
	assert_int_equal(catalogue_add(cat, 2, "a"), 0);
	say(1, name_a, POLICY_SERVING);
	say(2, name_a, POLICY_STANDBY);
	arrange();
	for (size_t slot = 1; slot <= 2; slot++) {
		set(slot, CATALOG_TOOLS, "[{\"name\":\"t\"}]");
		set(slot, CATALOG_RESOURCES, "[{\"uri\":\"u:r\"}]");
	}
	assert_true(catalogue_render(cat) != 0);
	begin();
	say(1, name_a, POLICY_LEAVING);
	say(2, name_a, POLICY_SERVING);
	arrange();
	assert_int_equal(catalogue_render(cat), 0);
	assert_int_equal(tool(0, "\"t\""), 2);
	assert_int_equal(resource(0, "\"u:r\""), 2);
	assert_int_equal(resource(0, "\"u:other\""), 2);
}

static void
one_that_has_offered_nothing_yet_may_have_the_others_place(void **state)
{
	(void)state;
	assert_int_equal(catalogue_add(cat, 1, "a"), 0);
	assert_int_equal(catalogue_add(cat, 2, "a"), 0);
	say(1, name_a, POLICY_SERVING);
	arrange();
	set(1, CATALOG_TOOLS, "[{\"name\":\"t\"}]");
	set(1, CATALOG_PROMPTS, "[{\"name\":\"p\"}]");
	set(2, CATALOG_PROMPTS, "[]");
	catalogue_render(cat);
	catalogue_copy(cat, 1, 2);
	begin();
	say(2, name_a, POLICY_SERVING);
	arrange();
	catalogue_remove(cat, 1);
	assert_int_equal(catalogue_render(cat), 1U << CATALOG_PROMPTS);
	assert_list(0, CATALOG_TOOLS, "[{\"name\":\"a/t\"}]}");
	assert_int_equal(tool(0, "\"a/t\""), 2);
}

static void
a_filtered_tool_has_no_name_at_all(void **state)
{
	struct policy_backend *b;

	(void)state;
	assert_int_equal(catalogue_add(cat, 0, "a"), 0);
	b = say(0, name_a, POLICY_SERVING);
	b->allow = TWO("get_*", "list");
	b->deny = ONE("*_secret");
	arrange();
	set(0, CATALOG_TOOLS,
	    "[{\"name\":\"get_x\"},{\"name\":\"get_secret\"},"
	    "{\"name\":\"list\"},{\"name\":\"lists\"}]");
	set(0, CATALOG_PROMPTS, "[{\"name\":\"get_secret\"}]");
	catalogue_render(cat);
	assert_list(0, CATALOG_TOOLS,
	    "[{\"name\":\"a/get_x\"},{\"name\":\"a/list\"}]}");
	/* Filters are of tools only. */
	assert_list(0, CATALOG_PROMPTS, "[{\"name\":\"a/get_secret\"}]}");
	assert_int_equal(tool(0, "\"a/get_x\""), 0);
	for (size_t i = 0; i < 2; i++) {
		static const char *const hidden[][3] = {
			{ "\"a/get_secret\"", "\"a__get_secret\"",
			    "\"get_secret\"" },
			{ "\"a/lists\"", "\"a__lists\"", "\"lists\"" },
		};

		for (size_t j = 0; j < 3; j++) {
			assert_int_equal(tool(0, hidden[i][j]), -1);
			assert_int_equal(errno, ENOENT);
		}
	}
	assert_int_equal(catalogue_count(cat, CATALOG_TOOLS), 2);
	/* Other filters, the same offer. */
	begin();
	b = say(0, name_a, POLICY_SERVING);
	b->deny = ONE("list");
	arrange();
	assert_int_equal(catalogue_render(cat), 1U << CATALOG_TOOLS);
	assert_list(0, CATALOG_TOOLS,
	    "[{\"name\":\"a/get_x\"},{\"name\":\"a/get_secret\"},"
	    "{\"name\":\"a/lists\"}]}");
	b->allow = ONE("[gl]*");
	arrange();
	assert_int_equal(catalogue_render(cat), 0);
}

static void
an_audience_sees_its_backends_and_tools_only(void **state)
{
	size_t only_b, gets;

	(void)state;
	assert_int_equal(catalogue_add(cat, 0, "a"), 0);
	assert_int_equal(catalogue_add(cat, 1, "b"), 0);
	say(0, name_a, POLICY_SERVING);
	say(1, name_b, POLICY_SERVING);
	only_b = say_audience(ONE("b*"), none);
	gets = say_audience(none, TWO("a/get*", "?/same"));
	arrange();
	set(0, CATALOG_TOOLS, "[{\"name\":\"get\"},{\"name\":\"same\"}]");
	set(1, CATALOG_TOOLS, "[{\"name\":\"get\"},{\"name\":\"same\"}]");
	set(0, CATALOG_RESOURCES, "[{\"uri\":\"u:a\"},{\"uri\":\"u:x\"}]");
	set(1, CATALOG_RESOURCES, "[{\"uri\":\"u:b\"},{\"uri\":\"u:x\"}]");
	set(0, CATALOG_TEMPLATES, "[{\"uriTemplate\":\"v://{x}\"}]");
	assert_list(only_b, CATALOG_TOOLS,
	    "[{\"name\":\"b/get\"},{\"name\":\"b/same\"}]}");
	assert_list(gets, CATALOG_TOOLS,
	    "[{\"name\":\"a/get\"},{\"name\":\"a/same\"},"
	    "{\"name\":\"b/same\"}]}");
	assert_list(only_b, CATALOG_TEMPLATES, "[]}");
	assert_int_equal(tool(only_b, "\"a/get\""), -1);
	assert_int_equal(errno, ENOENT);
	/* That another backend has it too is not told. */
	assert_int_equal(tool(only_b, "\"get\""), 1);
	assert_int_equal(tool(gets, "\"get\""), 0);
	assert_int_equal(tool(gets, "\"b/get\""), -1);
	assert_int_equal(tool(gets, "\"b__get\""), -1);
	assert_int_equal(tool(gets, "\"same\""), -1);
	assert_int_equal(errno, ENOTUNIQ);
	assert_int_equal(tool(0, "\"get\""), -1);
	assert_int_equal(errno, ENOTUNIQ);
	assert_int_equal(resource(only_b, "\"u:a\""), 1); /* by scheme */
	assert_int_equal(resource(only_b, "\"u:x\""), 1);
	assert_int_equal(resource(only_b, "\"v://1\""), -1);
	assert_int_equal(resource(0, "\"v://1\""), 0);
	assert_int_equal(resource(0, "\"u:x\""), 0);
	assert_false(catalogue_sees(cat, LENS(only_b), 0));
	assert_true(catalogue_sees(cat, LENS(only_b), 1));
	assert_true(catalogue_sees(cat, LENS(gets), 0));
}

static void
no_audience_sees_nothing(void **state)
{
	(void)state;
	assert_int_equal(catalogue_add(cat, 0, "a"), 0);
	say(0, name_a, POLICY_SERVING);
	arrange();
	set(0, CATALOG_TOOLS, "[{\"name\":\"t\"}]");
	catalogue_render(cat);
	assert_int_equal(tool(1, "\"a/t\""), -1);
	assert_false(catalogue_sees(cat, LENS(1), 0));
	assert_list(99, CATALOG_TOOLS, "[]}");
	catalogue_use(cat, LENS(99));
	catalogue_render(cat);
	assert_list(99, CATALOG_TOOLS, "[]}");
}

static void
lists_of_an_audience_change_only_with_what_it_sees(void **state)
{
	size_t only_b, same_b;
	uint32_t all, of_b;

	(void)state;
	assert_int_equal(catalogue_add(cat, 0, "a"), 0);
	assert_int_equal(catalogue_add(cat, 1, "b"), 0);
	say(0, name_a, POLICY_SERVING);
	say(1, name_b, POLICY_SERVING);
	only_b = say_audience(ONE("b"), none);
	same_b = say_audience(ONE("b*"), none);
	arrange();
	set(1, CATALOG_TOOLS, "[{\"name\":\"t\"}]");
	catalogue_use(cat, LENS(only_b));
	catalogue_render(cat);
	/* Only b has tools: all see the same, and share it. */
	all = version(0, CATALOG_TOOLS);
	of_b = version(only_b, CATALOG_TOOLS);
	assert_int_equal(all, of_b);
	set(0, CATALOG_TOOLS, "[{\"name\":\"t\"}]");
	catalogue_use(cat, LENS(only_b));
	assert_int_equal(catalogue_render(cat), 1U << CATALOG_TOOLS);
	assert_int_not_equal(version(0, CATALOG_TOOLS), all);
	assert_int_equal(version(only_b, CATALOG_TOOLS), of_b);
	assert_int_equal(version(same_b, CATALOG_TOOLS), of_b);
	/* Another policy with other places for the same rules. */
	begin();
	say(0, name_a, POLICY_SERVING);
	say(1, name_b, POLICY_SERVING);
	(void)say_audience(ONE("none"), none);
	only_b = say_audience(ONE("b"), none);
	arrange();
	catalogue_use(cat, LENS(only_b));
	assert_int_equal(catalogue_render(cat), 0);
	assert_int_equal(version(only_b, CATALOG_TOOLS), of_b);
	assert_int_equal(catalogue_audiences(cat), 3);
	/* Nobody uses it: forgotten, and made again when asked for. */
	assert_int_equal(catalogue_render(cat), 0);
	assert_list(only_b, CATALOG_TOOLS, "[{\"name\":\"b/t\"}]}");
	assert_int_not_equal(version(only_b, CATALOG_TOOLS), of_b);
}

static void
all_slots_can_be_replaced_at_once(void **state)
{
	static struct policy_backend many[POLICY_BACKENDS_MAX];
	static size_t places[POLICY_BACKENDS_MAX];
	static char names[POLICY_BACKENDS_MAX][16];

	(void)state;
	policy.backends = many;
	policy.backend_count = POLICY_BACKENDS_MAX;
	for (size_t round = 0; round < 2; round++) {
		for (size_t i = 0; i < POLICY_BACKENDS_MAX; i++) {
			snprintf(names[i], sizeof(names[i]), "b%zu", i);
			places[i] = round * POLICY_BACKENDS_MAX + i;
			many[i] = (struct policy_backend){ .number = places[i],
				.name = names[i],
				.allow = none,
				.deny = none };
			assert_int_equal(
			    catalogue_add(cat, places[i], names[i]), 0);
			set(places[i], CATALOG_TOOLS, "[{\"name\":\"t\"}]");
		}
		assert_int_equal(catalogue_arrange(cat, &policy, places), 0);
		assert_int_equal(catalogue_render(cat), round == 0 ? 1U : 0U);
	}
	for (size_t i = 0; i < POLICY_BACKENDS_MAX; i++)
		catalogue_remove(cat, i);
	assert_int_equal(tool(0, "\"b511/t\""), 1023);
	assert_int_equal(catalogue_count(cat, CATALOG_TOOLS), 512);
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(what_is_on_standby_or_leaving_is_neither_listed_nor_found),
		T(a_swap_of_equal_lists_is_no_change),
		T(one_that_has_offered_nothing_yet_may_have_the_others_place),
		T(a_filtered_tool_has_no_name_at_all),
		T(an_audience_sees_its_backends_and_tools_only),
		T(no_audience_sees_nothing),
		T(lists_of_an_audience_change_only_with_what_it_sees),
		T(all_slots_can_be_replaced_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
