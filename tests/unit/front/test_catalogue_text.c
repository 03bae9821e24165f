/* test_catalogue_text.c: texts that many send, and who keeps them alive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "catalogue.h"

static struct catalogue *cat;
static size_t left;
static const struct catalogue_lens all;

static int
set_up(void **state)
{
	(void)state;
	left = 0;
	cat = catalogue_new();
	return cat != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	catalogue_free(&cat);
	return 0;
}

static void
what_the_catalogue_has_does_not_count(void **state)
{
	struct catalogue_text *text = catalogue_list(cat, &all, CATALOG_TOOLS);

	(void)state;
	catalogue_text_queue(text, &left);
	catalogue_text_queue(text, &left);
	catalogue_text_release(text);
	assert_int_equal(left, 0);
	catalogue_text_unqueue(text);
	catalogue_text_unqueue(text);
	assert_int_equal(left, 0);
}

static void
what_only_queues_have_counts_once(void **state)
{
	struct catalogue_text *text = catalogue_list(cat, &all, CATALOG_TOOLS);
	size_t len = text->len;

	(void)state;
	catalogue_text_queue(text, &left);
	catalogue_text_queue(text, &left);
	catalogue_text_release(text);
	catalogue_free(&cat);
	assert_int_equal(left, len);
	catalogue_text_unqueue(text);
	assert_int_equal(left, len);
	catalogue_text_unqueue(text);
	assert_int_equal(left, 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_the_catalogue_has_does_not_count),
		TEST(what_only_queues_have_counts_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
