/* config_test.h: reads a text and expects it to be right, or wrong somewhere.
 */
#ifndef TESTS_SUPERVISOR_CONFIG_TEST_H
#define TESTS_SUPERVISOR_CONFIG_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config.h"

/* One expected error. */
struct expected {
	unsigned int line;
	unsigned int column;
	const char *part; /* of the text */
};

/* The configuration of a good text; the caller's. */
static inline struct config *
must_parse(const char *text)
{
	struct config *config = NULL;
	struct config_errors errors;

	if (config_parse(&config, "test.json", text, strlen(text), &errors) ==
	    -1)
		fail_msg("%s: %u:%u: %s", text, errors.list[0].line,
		    errors.list[0].column, errors.list[0].text);
	assert_non_null(config);
	assert_int_equal(errors.count, 0);
	return config;
}

static inline void
errors_must_be(const char *text, const struct config_errors *errors,
    const struct expected *expected, size_t n)
{
	for (size_t i = 0; i < errors->count; i++) {
		const struct config_error *e = &errors->list[i];

		if (i >= n)
			fail_msg("%s: surplus %u:%u: %s", text, e->line,
			    e->column, e->text);
		if (e->line != expected[i].line ||
		    e->column != expected[i].column ||
		    strstr(e->text, expected[i].part) == NULL)
			fail_msg("%s: got %u:%u: %s; wanted %u:%u: %s", text,
			    e->line, e->column, e->text, expected[i].line,
			    expected[i].column, expected[i].part);
	}
	if (errors->count < n)
		fail_msg(
		    "%s: %zu errors instead of %zu", text, errors->count, n);
}

/* The text has exactly these errors, in this order. */
static inline void
must_fail_with(const char *text, const struct expected *expected, size_t n)
{
	static struct config untouched;
	struct config *config = &untouched;
	struct config_errors errors;

	assert_int_equal(
	    config_parse(&config, "test.json", text, strlen(text), &errors),
	    -1);
	assert_ptr_equal(config, &untouched);
	errors_must_be(text, &errors, expected, n);
	config_errors_free(&errors);
	assert_int_equal(errors.count, 0);
}

/* The text has exactly this error. */
static inline void
must_fail(
    const char *text, unsigned int line, unsigned int column, const char *part)
{
	struct expected expected = { line, column, part };

	must_fail_with(text, &expected, 1);
}

#endif
