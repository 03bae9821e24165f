/* test_catalogue_lens.c: spellings, and one server without prefixes. */
#include "catalogue_fixture.h"

static struct fixture f;

static int
setup(void **state)
{
	static const char *const names[] = { "bash", "Git_Hub", "enscan" };

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

/* ---- spellings -------------------------------------------------------- */

static void
each_lens_lists_its_spelling(void **state)
{
	(void)state;
	fixture_set(&f, 0, CATALOG_TOOLS, "[{\"name\":\"bash\",\"x\":1}]");
	fixture_set(&f, 1, CATALOG_TOOLS, "[{\"y\":2, \"name\" : \"get_me\"}]");
	fixture_set(&f, 1, CATALOG_PROMPTS, "[{\"name\":\"ask\"}]");
	(void)catalogue_render(f.cat);
	fixture_assert_list(&f, SLASH, CATALOG_TOOLS,
	    "[{\"name\":\"bash/bash\",\"x\":1},"
	    "{\"y\":2, \"name\" : \"Git_Hub/get_me\"}]");
	fixture_assert_list(&f, SAFE, CATALOG_TOOLS,
	    "[{\"name\":\"bash__bash\",\"x\":1},"
	    "{\"y\":2, \"name\" : \"Git_Hub__get_me\"}]");
	fixture_assert_list(&f, ONE("Git_Hub"), CATALOG_TOOLS,
	    "[{\"y\":2, \"name\" : \"get_me\"}]");
	fixture_assert_list(
	    &f, SLASH, CATALOG_PROMPTS, "[{\"name\":\"Git_Hub/ask\"}]");
	fixture_assert_list(
	    &f, SAFE, CATALOG_PROMPTS, "[{\"name\":\"Git_Hub__ask\"}]");
	fixture_assert_list(
	    &f, ONE("Git_Hub"), CATALOG_PROMPTS, "[{\"name\":\"ask\"}]");
	fixture_assert_list(&f, ONE("bash"), CATALOG_PROMPTS, "[]");
}

static void
every_spelling_is_accepted_through_every_lens(void **state)
{
	static const char *const spellings[] = { "\"Git_Hub/get me\"",
		"\"Git_Hub__get_me_c671e5\"", "\"get me\"" };
	const struct catalogue_lens *lenses[] = { SLASH, SAFE, ONE("Git_Hub") };

	(void)state;
	fixture_set(&f, 1, CATALOG_TOOLS, "[{\"name\":\"get me\"}]");
	for (size_t i = 0; i < 3; i++)
		for (size_t j = 0; j < 3; j++)
			assert_string_equal(
			    fixture_tool(&f, lenses[i], spellings[j]),
			    "1 \"get me\"");
	for (size_t j = 0; j < 3; j++)
		assert_string_equal(
		    fixture_tool(&f, ONE("bash"), spellings[j]), "none");
}

static void
an_exact_name_goes_before_a_bare_one(void **state)
{
	(void)state;
	fixture_set(&f, 0, CATALOG_TOOLS, "[{\"name\":\"x\"}]");
	fixture_set(&f, 1, CATALOG_TOOLS,
	    "[{\"name\":\"bash/x\"},{\"name\":\"bash__x\"}]");
	assert_string_equal(fixture_tool(&f, SLASH, "\"bash/x\""), "0 \"x\"");
	assert_string_equal(fixture_tool(&f, SAFE, "\"bash__x\""), "0 \"x\"");
	assert_string_equal(
	    fixture_tool(&f, SLASH, "\"Git_Hub/bash/x\""), "1 \"bash/x\"");
	/* Of one server its own names go before. */
	assert_string_equal(
	    fixture_tool(&f, ONE("Git_Hub"), "\"bash/x\""), "1 \"bash/x\"");
	assert_string_equal(
	    fixture_tool(&f, ONE("Git_Hub"), "\"bash__x\""), "1 \"bash__x\"");
}

static void
names_that_are_not_safe_can_be_used_and_read(void **state)
{
	(void)state;
	/* The digits are those of printf %s enscan/NAME | sha256sum. */
	fixture_set(&f, 2, CATALOG_TOOLS,
	    "[{\"name\":\"\346\237\245\350\257\242\"},"
	    "{\"name\":\"\\u4f01\\u4e1a\",\"title\":\"Company\"},"
	    "{\"name\":\"a.b\",\"annotations\":{\"title\":\"A\"}},"
	    "{\"name\":\"a.c\",\"annotations\":{\"title\":1},\"z\":0},"
	    "{\"name\":\"plain\"}]");
	fixture_set(&f, 2, CATALOG_PROMPTS,
	    "[{\"name\":\"\346\237\245\350\257\242\"},"
	    "{\"name\":\"q.r\",\"annotations\":{\"title\":\"A\"}}]");
	fixture_assert_list(&f, SAFE, CATALOG_TOOLS,
	    "[{\"name\":\"enscan____f229ed\","
	    "\"title\":\"\346\237\245\350\257\242\"},"
	    "{\"name\":\"enscan____492ce8\",\"title\":\"Company\"},"
	    "{\"name\":\"enscan__a_b_cbc291\","
	    "\"annotations\":{\"title\":\"A\"}},"
	    "{\"name\":\"enscan__a_c_97b061\",\"title\":\"a.c\","
	    "\"annotations\":{\"title\":1},\"z\":0},"
	    "{\"name\":\"enscan__plain\"}]");
	fixture_assert_list(&f, SAFE, CATALOG_PROMPTS,
	    "[{\"name\":\"enscan____f229ed\","
	    "\"title\":\"\346\237\245\350\257\242\"},"
	    "{\"name\":\"enscan__q_r_bf06c8\",\"title\":\"q.r\","
	    "\"annotations\":{\"title\":\"A\"}}]");
	assert_string_equal(fixture_tool(&f, SAFE, "\"enscan____f229ed\""),
	    "2 \"\346\237\245\350\257\242\"");
	assert_string_equal(fixture_tool(&f, SLASH, "\"enscan____492ce8\""),
	    "2 \"\\u4f01\\u4e1a\"");
}

static void
equal_safe_spellings_go_by_the_order_of_the_configuration(void **state)
{
	static const char *const names[] = { "a", "a__b" };
	struct fixture g;

	(void)state;
	fixture_begin(&g, 2, names);
	fixture_set(&g, 0, CATALOG_TOOLS, "[{\"name\":\"b__c\"}]");
	fixture_set(&g, 1, CATALOG_TOOLS, "[{\"name\":\"c\"}]");
	fixture_assert_list(&g, SAFE, CATALOG_TOOLS,
	    "[{\"name\":\"a__b__c\"},"
	    "{\"name\":\"a__b__c_e6f836\",\"title\":\"c\"}]");
	assert_string_equal(
	    fixture_tool(&g, SAFE, "\"a__b__c\""), "0 \"b__c\"");
	assert_string_equal(
	    fixture_tool(&g, SAFE, "\"a__b__c_e6f836\""), "1 \"c\"");
	/* The server's own lens has the spelling that all lists show. */
	assert_string_equal(
	    fixture_tool(&g, ONE("a__b"), "\"a__b__c_e6f836\""), "1 \"c\"");
	assert_string_equal(
	    fixture_tool(&g, ONE("a__b"), "\"a__b__c\""), "none");
	fixture_reverse(&g);
	(void)catalogue_render(g.cat);
	fixture_assert_list(&g, SAFE, CATALOG_TOOLS,
	    "[{\"name\":\"a__b__c\"},"
	    "{\"name\":\"a__b__c_bbed50\",\"title\":\"b__c\"}]");
	fixture_end(&g);
}

/* ---- one server ------------------------------------------------------- */

static void
a_server_alone_is_shown_byte_for_byte(void **state)
{
	static const char tools[] =
	    "[{ \"name\" : \"a\\u0062\\/c\" , \"n\":1.50e+400},"
	    "{\"name\":\"\346\237\245\"}]";
	static const char resources[] =
	    "[{\"uri\":\"t://x\",\"name\":\"\"},{\"uri\":\"git-hub+t://x\"}]";
	static const char templates[] = "[{\"uriTemplate\":\"t://{id}\"}]";

	(void)state;
	fixture_set(&f, 0, CATALOG_RESOURCES, resources);
	fixture_set(&f, 0, CATALOG_TEMPLATES, templates);
	fixture_set(&f, 1, CATALOG_TOOLS, tools);
	fixture_set(&f, 1, CATALOG_RESOURCES, resources);
	fixture_set(&f, 1, CATALOG_TEMPLATES, templates);
	fixture_assert_list(&f, ONE("Git_Hub"), CATALOG_TOOLS, tools);
	fixture_assert_list(&f, ONE("Git_Hub"), CATALOG_RESOURCES, resources);
	fixture_assert_list(&f, ONE("Git_Hub"), CATALOG_TEMPLATES, templates);
	assert_true(catalogue_sees(f.cat, ONE("Git_Hub"), 1));
	assert_false(catalogue_sees(f.cat, ONE("Git_Hub"), 0));
	assert_false(catalogue_sees(f.cat, ONE("none"), 0));
	assert_true(catalogue_collides(f.cat, SLASH));
	assert_false(catalogue_collides(f.cat, ONE("Git_Hub")));
}

static void
a_server_has_its_own_uris_and_no_others(void **state)
{
	const struct catalogue_lens *lens = ONE("Git_Hub");

	(void)state;
	fixture_set(&f, 0, CATALOG_RESOURCES,
	    "[{\"uri\":\"t://x\"},{\"uri\":\"u://x\"}]");
	fixture_set(&f, 1, CATALOG_RESOURCES, "[{\"uri\":\"t://Host\"}]");
	fixture_set(
	    &f, 1, CATALOG_TEMPLATES, "[{\"uriTemplate\":\"v://{id}\"}]");
	assert_string_equal(
	    fixture_uri(&f, lens, "\"t://Host\""), "1 \"t://Host\"");
	assert_string_equal(
	    fixture_uri(&f, lens, "\"t://host/\""), "1 \"t://Host\"");
	assert_string_equal(fixture_uri(&f, lens, "\"t://x\""), "1 \"t://x\"");
	assert_string_equal(fixture_uri(&f, lens, "\"u://x\""), "1 \"u://x\"");
	assert_string_equal(fixture_uri(&f, lens, "\"none\""), "1 \"none\"");
	assert_string_equal(
	    fixture_uri(&f, lens, "\"git-hub+t://host/\""), "1 \"t://Host\"");
	assert_string_equal(
	    fixture_uri(&f, lens, "\"git-hub+w://y\""), "1 \"w://y\"");
	/* Another's prefix means nothing here. */
	assert_string_equal(
	    fixture_uri(&f, lens, "\"bash+t://x\""), "1 \"bash+t://x\"");
	assert_string_equal(
	    fixture_template(&f, lens, "\"v://{id}\""), "1 \"v://{id}\"");
	assert_string_equal(fixture_template(&f, lens, "\"git-hub+v://{id}\""),
	    "1 \"v://{id}\"");
	assert_string_equal(fixture_uri(&f, lens, "\"a\\u0000\""), "none");
	assert_string_equal(fixture_uri(&f, lens, "1"), "none");
}

static void
a_scheme_of_a_server_may_begin_like_its_prefix(void **state)
{
	const struct catalogue_lens *lens = ONE("bash");

	(void)state;
	fixture_set(&f, 0, CATALOG_RESOURCES, "[{\"uri\":\"bash+t://x\"}]");
	fixture_assert_list(
	    &f, lens, CATALOG_RESOURCES, "[{\"uri\":\"bash+t://x\"}]");
	assert_string_equal(
	    fixture_uri(&f, lens, "\"bash+t://y\""), "0 \"bash+t://y\"");
	assert_string_equal(
	    fixture_uri(&f, lens, "\"bash+u://y\""), "0 \"u://y\"");
}

static void
servers_that_are_not_seen_show_nothing(void **state)
{
	static char only[] = "bash";
	static char *patterns[] = { only, NULL };
	const struct catalogue_lens hidden = { .audience = 1,
		.server = "Git_Hub" };
	const struct catalogue_lens seen = { .audience = 1, .server = "bash" };
	size_t slot = 99;

	(void)state;
	f.audiences[f.audience_count++] =
	    (struct policy_audience){ patterns, fixture_none };
	fixture_arrange(&f);
	for (size_t i = 0; i < 2; i++) {
		fixture_set(&f, i, CATALOG_TOOLS, "[{\"name\":\"t\"}]");
		fixture_set(&f, i, CATALOG_RESOURCES, "[{\"uri\":\"t:x\"}]");
	}
	assert_true(catalogue_has_server(f.cat, 0, "Git_Hub", &slot));
	assert_int_equal(slot, 1);
	assert_true(catalogue_has_server(f.cat, 1, "bash", &slot));
	assert_int_equal(slot, 0);
	assert_false(catalogue_has_server(f.cat, 1, "Git_Hub", &slot));
	assert_false(catalogue_has_server(f.cat, 0, "git_hub", &slot));
	assert_false(catalogue_has_server(f.cat, 0, "", &slot));
	assert_false(catalogue_has_server(f.cat, 99, "bash", &slot));
	assert_int_equal(slot, 0);
	fixture_assert_list(&f, &hidden, CATALOG_TOOLS, "[]");
	assert_string_equal(fixture_tool(&f, &hidden, "\"t\""), "none");
	assert_string_equal(fixture_tool(&f, &hidden, "\"Git_Hub/t\""), "none");
	assert_string_equal(fixture_uri(&f, &hidden, "\"t:x\""), "none");
	assert_false(catalogue_sees(f.cat, &hidden, 1));
	catalogue_use(f.cat, &hidden);
	(void)catalogue_render(f.cat);
	fixture_assert_list(&f, &seen, CATALOG_TOOLS, "[{\"name\":\"t\"}]");
	assert_string_equal(fixture_tool(&f, &seen, "\"bash/t\""), "0 \"t\"");
	assert_string_equal(fixture_tool(&f, &seen, "\"Git_Hub/t\""), "none");
}

static void
filters_hold_for_a_server_too(void **state)
{
	static char only[] = "bash/get*";
	static char *patterns[] = { only, NULL };
	const struct catalogue_lens lens = { .audience = 1, .server = "bash" };

	(void)state;
	f.audiences[f.audience_count++] =
	    (struct policy_audience){ fixture_none, patterns };
	fixture_arrange(&f);
	fixture_set(
	    &f, 0, CATALOG_TOOLS, "[{\"name\":\"get\"},{\"name\":\"put\"}]");
	fixture_assert_list(&f, &lens, CATALOG_TOOLS, "[{\"name\":\"get\"}]");
	assert_string_equal(fixture_tool(&f, &lens, "\"get\""), "0 \"get\"");
	assert_string_equal(fixture_tool(&f, &lens, "\"put\""), "none");
	assert_string_equal(fixture_tool(&f, &lens, "\"bash/put\""), "none");
	assert_string_equal(fixture_tool(&f, &lens, "\"bash__put\""), "none");
}

static void
a_replaced_server_goes_on(void **state)
{
	const struct catalogue_lens *lens = ONE("bash");
	uint32_t version;

	(void)state;
	fixture_set(&f, 0, CATALOG_TOOLS, "[{\"name\":\"t\"}]");
	version = fixture_version(&f, lens, CATALOG_TOOLS);
	assert_int_equal(catalogue_add(f.cat, 9, "bash"), 0);
	fixture_set(&f, 9, CATALOG_TOOLS, "[{\"name\":\"t\"}]");
	f.slots[0] = 9;
	fixture_arrange(&f);
	catalogue_remove(f.cat, 0);
	catalogue_use(f.cat, lens);
	(void)catalogue_render(f.cat);
	assert_int_equal(fixture_version(&f, lens, CATALOG_TOOLS), version);
	assert_string_equal(fixture_tool(&f, lens, "\"t\""), "9 \"t\"");
	assert_true(catalogue_sees(f.cat, lens, 9));
	fixture_set(&f, 9, CATALOG_TOOLS, "[{\"name\":\"u\"}]");
	catalogue_use(f.cat, lens);
	assert_true(catalogue_render(f.cat) & 1U << CATALOG_TOOLS);
	fixture_assert_list(&f, lens, CATALOG_TOOLS, "[{\"name\":\"u\"}]");
	assert_int_not_equal(fixture_version(&f, lens, CATALOG_TOOLS), version);
	/* Gone, and back. */
	f.count = 0;
	fixture_arrange(&f);
	catalogue_use(f.cat, lens);
	(void)catalogue_render(f.cat);
	fixture_assert_list(&f, lens, CATALOG_TOOLS, "[]");
	assert_string_equal(fixture_tool(&f, lens, "\"u\""), "none");
	f.count = 3;
	f.slots[1] = 1;
	fixture_arrange(&f);
	fixture_assert_list(&f, lens, CATALOG_TOOLS, "[{\"name\":\"u\"}]");
}

/* ---- what is kept ----------------------------------------------------- */

static void
lists_in_use_follow_and_others_are_forgotten(void **state)
{
	const struct catalogue_lens *one = ONE("bash");
	uint32_t safe, alone;

	(void)state;
	fixture_set(&f, 0, CATALOG_TOOLS, "[{\"name\":\"t\"}]");
	safe = fixture_version(&f, SAFE, CATALOG_TOOLS);
	alone = fixture_version(&f, one, CATALOG_TOOLS);
	assert_int_not_equal(safe, alone);
	/* Another server's change is none of this one's. */
	fixture_set(&f, 1, CATALOG_TOOLS, "[{\"name\":\"t\"}]");
	catalogue_use(f.cat, SAFE);
	catalogue_use(f.cat, one);
	assert_true(catalogue_render(f.cat) & 1U << CATALOG_TOOLS);
	assert_int_equal(fixture_version(&f, one, CATALOG_TOOLS), alone);
	assert_int_not_equal(fixture_version(&f, SAFE, CATALOG_TOOLS), safe);
	safe = fixture_version(&f, SAFE, CATALOG_TOOLS);
	catalogue_use(f.cat, SAFE);
	catalogue_use(f.cat, one);
	assert_int_equal(catalogue_render(f.cat), 0);
	assert_int_equal(fixture_version(&f, SAFE, CATALOG_TOOLS), safe);
	assert_int_equal(fixture_version(&f, one, CATALOG_TOOLS), alone);
	/* Nobody's: made again when asked for, as something new. */
	assert_int_equal(catalogue_render(f.cat), 0);
	assert_int_not_equal(fixture_version(&f, SAFE, CATALOG_TOOLS), safe);
	assert_int_not_equal(fixture_version(&f, one, CATALOG_TOOLS), alone);
	fixture_assert_list(&f, one, CATALOG_TOOLS, "[{\"name\":\"t\"}]");
}

static void
lists_without_names_are_the_same_in_both_spellings(void **state)
{
	(void)state;
	fixture_set(&f, 0, CATALOG_RESOURCES, "[{\"uri\":\"t:x\"}]");
	(void)catalogue_render(f.cat);
	assert_int_equal(fixture_version(&f, SLASH, CATALOG_RESOURCES),
	    fixture_version(&f, SAFE, CATALOG_RESOURCES));
	/* Nothing is prefixed, so that a server alone has the same. */
	assert_int_equal(fixture_version(&f, SLASH, CATALOG_RESOURCES),
	    fixture_version(&f, ONE("bash"), CATALOG_RESOURCES));
	assert_int_equal(fixture_version(&f, SLASH, CATALOG_TEMPLATES),
	    fixture_version(&f, ONE("enscan"), CATALOG_TEMPLATES));
	assert_int_not_equal(fixture_version(&f, SLASH, CATALOG_TEMPLATES),
	    fixture_version(&f, SLASH, CATALOG_PROMPTS));
}

/* More lenses than are kept at a time. */
static void
a_lens_that_was_forgotten_shows_the_same_again(void **state)
{
	enum {
		AUDIENCES = 600
	};
	static struct policy_audience audiences[AUDIENCES];
	static char patterns[AUDIENCES][16];
	static char *lists[AUDIENCES][2];
	struct policy_backend backends[2];
	struct policy policy = { .audience_count = AUDIENCES,
		.audiences = audiences,
		.backend_count = 2,
		.backends = backends };
	struct catalogue_lens lens = { .server = "bash" };

	(void)state;
	for (size_t i = 0; i < 2; i++)
		backends[i] = (struct policy_backend){ .name = f.names[i],
			.allow = fixture_none,
			.deny = fixture_none };
	for (size_t i = 0; i < AUDIENCES; i++) {
		(void)snprintf(patterns[i], 16, "*/t%zu", i);
		lists[i][0] = patterns[i];
		audiences[i] =
		    (struct policy_audience){ fixture_none, lists[i] };
	}
	audiences[0].tools = fixture_none;
	assert_int_equal(catalogue_arrange(f.cat, &policy, f.slots), 0);
	fixture_set(&f, 0, CATALOG_TOOLS, "[{\"name\":\"t7\"}]");
	fixture_set(&f, 1, CATALOG_TOOLS, "[{\"name\":\"t8\"}]");
	for (size_t round = 0; round < 2; round++)
		for (size_t i = 0; i < AUDIENCES; i++) {
			lens.audience = i;
			lens.server = "bash";
			fixture_assert_list(&f, &lens, CATALOG_TOOLS,
			    i == 0 || i == 7 ? "[{\"name\":\"t7\"}]" : "[]");
			lens.server = "Git_Hub";
			fixture_assert_list(&f, &lens, CATALOG_TOOLS,
			    i == 0 || i == 8 ? "[{\"name\":\"t8\"}]" : "[]");
		}
}

/* ---- what clients do not understand ----------------------------------- */

static void
tools_are_shown_as_clients_understand_them(void **state)
{
	(void)state;
	fixture_set(&f, 0, CATALOG_TOOLS,
	    "[{\"name\":\"a\",\"execution\":{\"taskSupport\":\"optional\"}},"
	    "{\"outputSchema\":{\"type\":\"object\", \"x\":1},\"name\":\"b\"},"
	    "{\"execution\":{},\"name\":\"\\u0063\",\"d\":[ 1 ]}]");
	fixture_set(
	    &f, 0, CATALOG_PROMPTS, "[{\"name\":\"p\",\"execution\":{}}]");
	(void)catalogue_render(f.cat);
	fixture_assert_list(&f, SLASH, CATALOG_TOOLS,
	    "[{\"name\":\"bash/a\"},"
	    "{\"outputSchema\":{\"type\":\"object\", \"x\":1},"
	    "\"name\":\"bash/b\"},"
	    "{\"name\":\"bash/\\u0063\",\"d\":[ 1 ]}]");
	fixture_assert_list(&f, SAFE, CATALOG_TOOLS,
	    "[{\"name\":\"bash__a\"},"
	    "{\"outputSchema\":{\"type\":\"object\", \"x\":1},"
	    "\"name\":\"bash__b\"},"
	    "{\"name\":\"bash__c\",\"d\":[ 1 ]}]");
	fixture_assert_list(&f, ONE("bash"), CATALOG_TOOLS,
	    "[{\"name\":\"a\"},"
	    "{\"outputSchema\":{\"type\":\"object\", \"x\":1},"
	    "\"name\":\"b\"},"
	    "{\"name\":\"\\u0063\",\"d\":[ 1 ]}]");
	fixture_assert_list(&f, SLASH, CATALOG_PROMPTS,
	    "[{\"name\":\"bash/p\",\"execution\":{}}]");
}

static void
the_schema_of_no_object_becomes_one_of_an_object(void **state)
{
	static const char *const schemas[] = { "{\"type\":\"array\"}",
		"{\"anyOf\":[]}", "true" };
	char text[256];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct catalogue_text *list;
		struct json_span schema = { NULL, 0 }, tool;
		struct json_iter it;

		(void)snprintf(text, sizeof(text),
		    "[{\"name\":\"a\",\"outputSchema\":%s}]", schemas[i]);
		fixture_set(&f, 0, CATALOG_TOOLS, text);
		(void)catalogue_render(f.cat);
		list = catalogue_list(f.cat, SLASH, CATALOG_TOOLS);
		json_iter_init(&it,
		    json_get(
			(struct json_span){ list->data, list->len }, "tools"));
		assert_true(json_iter_element(&it, &tool));
		assert_true(json_string_is(json_get(tool, "name"), "bash/a"));
		schema = json_get(tool, "outputSchema");
		assert_int_equal(json_kind(schema), JSON_OBJECT);
		assert_true(json_string_is(json_get(schema, "type"), "object"));
		catalogue_text_release(list);
	}
}

static void
a_tool_names_its_resource_as_clients_read_it(void **state)
{
	static const char tool[] =
	    "[{\"name\":\"t\",\"_meta\":{\"ui\":{\"resourceUri\":\"ui://x\"},"
	    "\"ui/resourceUri\":\"ui://x\"}}]";
	static const char bash[] =
	    "{\"name\":\"bash/t\",\"_meta\":{\"ui\":{\"resourceUri\":"
	    "\"ui://x\"},\"ui/resourceUri\":\"ui://x\"}}";
	char list[512];

	(void)state;
	fixture_set(&f, 0, CATALOG_TOOLS, tool);
	fixture_set(&f, 1, CATALOG_TOOLS, tool);
	fixture_set(&f, 0, CATALOG_RESOURCES, "[{\"uri\":\"ui://x\"}]");
	(void)catalogue_render(f.cat);
	(void)snprintf(list, sizeof(list),
	    "[%s,{\"name\":\"Git_Hub/t\",\"_meta\":{\"ui\":{\"resourceUri\":"
	    "\"ui://x\"},\"ui/resourceUri\":\"ui://x\"}}]",
	    bash);
	fixture_assert_list(&f, SLASH, CATALOG_TOOLS, list);
	/* Only a resource has changed, and with it how it is named. */
	fixture_set(&f, 1, CATALOG_RESOURCES, "[{\"uri\":\"ui://x\"}]");
	assert_int_equal(catalogue_render(f.cat),
	    1 << CATALOG_TOOLS | 1 << CATALOG_RESOURCES);
	(void)snprintf(list, sizeof(list),
	    "[%s,{\"name\":\"Git_Hub/t\",\"_meta\":{\"ui\":{\"resourceUri\":"
	    "\"git-hub+ui://x\"},\"ui/resourceUri\":\"git-hub+ui://x\"}}]",
	    bash);
	fixture_assert_list(&f, SLASH, CATALOG_TOOLS, list);
	fixture_assert_list(&f, ONE("Git_Hub"), CATALOG_TOOLS, tool);
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(each_lens_lists_its_spelling),
		T(every_spelling_is_accepted_through_every_lens),
		T(an_exact_name_goes_before_a_bare_one),
		T(names_that_are_not_safe_can_be_used_and_read),
		T(equal_safe_spellings_go_by_the_order_of_the_configuration),
		T(a_server_alone_is_shown_byte_for_byte),
		T(a_server_has_its_own_uris_and_no_others),
		T(a_scheme_of_a_server_may_begin_like_its_prefix),
		T(servers_that_are_not_seen_show_nothing),
		T(filters_hold_for_a_server_too),
		T(a_replaced_server_goes_on),
		T(lists_in_use_follow_and_others_are_forgotten),
		T(lists_without_names_are_the_same_in_both_spellings),
		T(a_lens_that_was_forgotten_shows_the_same_again),
		T(tools_are_shown_as_clients_understand_them),
		T(the_schema_of_no_object_becomes_one_of_an_object),
		T(a_tool_names_its_resource_as_clients_read_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
