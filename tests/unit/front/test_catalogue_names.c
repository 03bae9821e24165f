/* test_catalogue_names.c: whatever backends and tools are called. */
#include "catalogue_fixture.h"
#include "names.h"

#define TOOLS_MAX 64

static struct fixture f;
static uint32_t seed;

/* What a list has, in its order. */
struct listed {
	size_t count;
	size_t slots[TOOLS_MAX];
	char shown[TOOLS_MAX][600];
	char own[TOOLS_MAX][300]; /* the backend's name */
};

static uint32_t
pick(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

/* Few parts, so that the same names come about in many ways. */
static const char *
some_name(void)
{
	static const char *const parts[] = { "a", "b", "b__", "b/", "_", "-",
		".", " ", "\346\237\245", "\303\251", "\"", "\\",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	static char name[NAMES_MAX + 1];
	const size_t n = 1 + pick(4);
	const uint32_t kinds =
	    pick(2) == 0 ? 4 : sizeof(parts) / sizeof(*parts);
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(
		    name + len, sizeof(name) - len, "%s", parts[pick(kinds)]);
	return name;
}

static void
offer_some(size_t slot)
{
	char json[16384];
	size_t len = 1, skipped;
	const uint32_t n = pick(TOOLS_MAX / 4);

	json[0] = '[';
	for (uint32_t i = 0; i < n; i++) {
		char *name = fixture_json(some_name());

		len += (size_t)snprintf(json + len, sizeof(json) - len,
		    "%s{\"name\":%s}", i > 0 ? "," : "", name);
		free(name);
	}
	json[len++] = ']';
	assert_int_equal(
	    catalogue_set(f.cat, slot, CATALOG_TOOLS, json, len, &skipped), 0);
}

/* Read the list, every name of which must be found through all lenses. */
static void
read_list(const struct catalogue_lens *lens, struct listed *to)
{
	const struct catalogue_lens *const lenses[] = { SLASH, SAFE };
	struct catalogue_text *text =
	    catalogue_list(f.cat, lens, CATALOG_TOOLS);
	struct json_span all = { text->data, text->len }, tool, name;
	struct catalogue_route route;
	struct json_iter it;

	to->count = 0;
	json_iter_init(&it, json_get(all, "tools"));
	while (json_iter_element(&it, &tool)) {
		const size_t i = to->count++;

		assert_in_range(i, 0, TOOLS_MAX - 1);
		name = json_get(tool, "name");
		assert_true(json_string_decode(
				name, to->shown[i], sizeof(to->shown[i])) > 0);
		for (size_t j = 0; j < 2; j++) {
			assert_int_equal(catalogue_find_name(f.cat, lenses[j],
					     CATALOG_TOOLS, name, &route),
			    0);
			if (route.name.at == NULL)
				route.name = name;
			to->slots[i] = route.slot;
			assert_true(json_string_decode(route.name, to->own[i],
					sizeof(to->own[i])) > 0);
		}
		assert_int_equal(
		    catalogue_find_name(f.cat, ONE(f.names[to->slots[i]]),
			CATALOG_TOOLS, name, &route),
		    0);
		assert_int_equal(route.slot, to->slots[i]);
	}
	catalogue_text_release(text);
}

static void
assert_unique(const struct listed *l)
{
	for (size_t i = 0; i < l->count; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(l->shown[i], l->shown[j]);
}

static void
assert_safe(const char *name)
{
	assert_in_range(strlen(name), 1, NAMES_SAFE_MAX);
	assert_int_not_equal(*name, '-');
	assert_int_equal(strlen(name),
	    strspn(name,
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789_-"));
}

/* A client of one server calls the tool by its own name. */
static void
assert_own(size_t slot, const char *own)
{
	char *json = fixture_json(own);
	struct json_span name = { json, strlen(json) };
	struct catalogue_route route;

	assert_int_equal(catalogue_find_name(f.cat, ONE(f.names[slot]),
			     CATALOG_TOOLS, name, &route),
	    0);
	assert_int_equal(route.slot, slot);
	assert_null(route.name.at);
	free(json);
}

static void
assert_round(void)
{
	static struct listed slash, safe;

	(void)catalogue_render(f.cat);
	read_list(SLASH, &slash);
	read_list(SAFE, &safe);
	assert_int_equal(slash.count, catalogue_count(f.cat, CATALOG_TOOLS));
	assert_int_equal(slash.count, safe.count);
	assert_unique(&slash);
	assert_unique(&safe);
	for (size_t i = 0; i < slash.count; i++) {
		assert_int_equal(slash.slots[i], safe.slots[i]);
		assert_string_equal(slash.own[i], safe.own[i]);
		assert_safe(safe.shown[i]);
		assert_own(slash.slots[i], slash.own[i]);
		/* Names of one backend stay in its order. */
		assert_true(i == 0 || slash.slots[i] >= slash.slots[i - 1]);
	}
}

static void
every_listed_name_is_one_tool(void **state)
{
	static const char *const servers[][3] = {
		{ "a", "a__b", "a_" },
		{ "a", "a/b", "a/b/a" },
		{ "a", "a.b", "a b" },
		{ "\346\237\245", "\303\251", "-a" },
		{ "1x", "a\"\\b",
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaa" },
	};

	(void)state;
	seed = 1;
	for (size_t i = 0; i < sizeof(servers) / sizeof(*servers); i++) {
		fixture_begin(&f, 3, servers[i]);
		for (size_t round = 0; round < 100; round++) {
			offer_some(pick(3));
			assert_round();
		}
		fixture_end(&f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_listed_name_is_one_tool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
