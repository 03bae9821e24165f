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
#include "config_keys.h"

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

/* Members that a backend with this key needs, or that "gateway" does. */
static inline const char *
config_beside(const struct config_key *key)
{
	if (strcmp(key->name, "command") == 0 || strcmp(key->name, "url") == 0)
		return "";
	if (key->type == CONFIG_PEM)
		return "\"url\": \"https://x\", \"disabled\": true, ";
	if (key->type == CONFIG_HEADERS ||
	    strcmp(key->name, "private_network") == 0)
		return "\"url\": \"http://x\", ";
	if (strcmp(key->name, "max_instances") == 0 ||
	    strncmp(key->name, "instance_", 9) == 0)
		return "\"command\": \"x\", \"session\": \"auto\", ";
	return "\"command\": \"x\", ";
}

#define TEST_HASH                                                              \
	"sha256:"                                                              \
	"1111111111111111111111111111111111111111111111111111111111111111"

/*
 * A file in which a key of this section has a value, and all else that it
 * needs; without the key where value is NULL.  Into dst, returned.
 */
static inline const char *
config_with(char *dst, size_t cap, enum config_section section,
    const struct config_key *key, const char *value)
{
	char member[256] = "";

	if (value != NULL)
		snprintf(
		    member, sizeof(member), "\"%s\": %s", key->name, value);
	switch (section) {
	case CONFIG_TOP:
		break;
	case CONFIG_GATEWAY:
		/* Issuers need an address; it is no other one without them. */
		snprintf(dst, cap, "{\"gateway\": {%s%s}}",
		    strcmp(key->name, "authorization_servers") == 0
			? "\"public_url\": \"https://x\", "
			: "",
		    member);
		break;
	case CONFIG_TOKEN:
		snprintf(dst, cap,
		    "{\"gateway\": {\"tokens\": {\"t\": {%s%s}}}}",
		    value != NULL && strcmp(key->name, "hash") == 0
			? ""
			: "\"hash\": \"" TEST_HASH "\", ",
		    member);
		break;
	case CONFIG_LIMITS:
		snprintf(dst, cap, "{\"gateway\": {\"limits\": {%s}}}", member);
		break;
	case CONFIG_BACKEND:
		snprintf(dst, cap, "{\"b\": {%s%s}}",
		    value == NULL && *config_beside(key) == '\0'
			? "\"command\": \"none\""
			: config_beside(key),
		    member);
		break;
	case CONFIG_JOB_LIMITS:
		snprintf(dst, cap,
		    "{\"b\": {\"command\": \"x\", \"limits\": {%s}}}", member);
		break;
	case CONFIG_SANDBOX:
		snprintf(dst, cap,
		    "{\"b\": {\"command\": \"x\", \"sandbox\": {%s}}}", member);
		break;
	case CONFIG_TOOLS:
		snprintf(dst, cap,
		    "{\"b\": {\"command\": \"x\", \"tools\": {%s}}}", member);
		break;
	}
	return dst;
}

#endif
