/* What a running gateway must do when a key changes. */
#include "config_test.h"

#include <fcntl.h>
#include <unistd.h>

#include "config_diff.h"

/* Values of keys whose example is their default. */
static const struct {
	const char *name;
	const char *value;
} others[] = {
	{ "host", "\"::1\"" },
	{ "port", "1" },
	{ "drain_timeout", "21" },
	{ "log_level", "\"error\"" },
	{ "log_dir", "\"x\"" },
	{ "user", "\"x\"" },
	{ "worker_user", "\"x\"" },
	{ "job_uids", "\"2000-2001\"" },
	{ "state_dir", "\"/x\"" },
	{ "startup_timeout", "61" },
	{ "request_timeout", "61" },
};

/* A value that is not the default. */
static const char *
other_value(const struct config_key *key)
{
	if (key->fallback == NULL || strcmp(key->fallback, key->example) != 0)
		return key->example;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (strcmp(others[i].name, key->name) == 0)
			return others[i].value;
	}
	fail_msg("no other value of %s", key->name);
	return NULL;
}

/* config_diff_backend() of the first backends of two texts, freed. */
static enum config_change
change_of(const char *one, const char *other)
{
	struct config *a = must_parse(one);
	struct config *b = must_parse(other);
	enum config_change change =
	    config_diff_backend(&a->backends[0], &b->backends[0]);

	assert_int_equal(
	    config_diff_backend(&b->backends[0], &a->backends[0]), change);
	config_free(&a);
	config_free(&b);
	return change;
}

static void
gateway_must_agree(
    const struct config_key *key, const char *without, const char *with)
{
	struct config *a = must_parse(without);
	struct config *b = must_parse(with);
	const char *fixed = config_diff_fixed(a, b);

	print_message("%s: %s\n", key->name, fixed == NULL ? "" : fixed);
	if (key->needs == CONFIG_NEEDS_RESTART)
		assert_string_equal(fixed, key->name);
	else
		assert_null(fixed);
	assert_int_equal(
	    config_diff_jobs(a, b), key->needs == CONFIG_NEEDS_JOBS);
	config_free(&a);
	config_free(&b);
}

static void
backend_must_agree(
    const struct config_key *key, const char *without, const char *with)
{
	print_message("%s\n", key->name);
	assert_int_equal(change_of(with, with), CONFIG_SAME);
	assert_int_equal(change_of(without, with),
	    key->needs == CONFIG_NEEDS_NOTHING ? CONFIG_RULES
					       : CONFIG_REPLACED);
}

static void
every_key_needs_what_the_table_says(void **state)
{
	char without[512], with[512];

	(void)state;
	for (unsigned int s = CONFIG_GATEWAY; s < CONFIG_SECTIONS; s++) {
		size_t n;
		const struct config_key *keys = config_keys(s, &n);

		for (size_t i = 0; i < n; i++) {
			const struct config_key *key = &keys[i];

			/* These have tests of their own. */
			if (key->type == CONFIG_IGNORED ||
			    key->type == CONFIG_TRANSPORT ||
			    key->type == CONFIG_PEM)
				continue;
			config_with(without, sizeof(without), s, key, NULL);
			config_with(
			    with, sizeof(with), s, key, other_value(key));
			if (s < CONFIG_BACKEND)
				gateway_must_agree(key, without, with);
			else
				backend_must_agree(key, without, with);
		}
	}
}

static void
the_transport_is_part_of_a_backend(void **state)
{
	static const char found_out[] = "{\"b\": {\"url\": \"http://x\"}}";
	static const char sse[] =
	    "{\"b\": {\"type\": \"sse\", \"url\": \"http://x\"}}";

	(void)state;
	assert_int_equal(change_of(found_out, sse), CONFIG_REPLACED);
	assert_int_equal(change_of(sse, sse), CONFIG_SAME);
	/* The same thing under two names. */
	assert_int_equal(
	    change_of("{\"b\": {\"type\": \"http\", \"url\": \"http://x\"}}",
		"{\"b\": {\"type\": \"streamable-http\","
		" \"url\": \"http://x\"}}"),
	    CONFIG_SAME);
	assert_int_equal(change_of("{\"b\": {\"command\": \"x\"}}",
			     "{\"b\": {\"command\": \"x\","
			     " \"type\": \"stdio\", \"version\": \"2\"}}"),
	    CONFIG_SAME);
}

static void
the_order_of_arguments_matters(void **state)
{
	(void)state;
	assert_int_equal(
	    change_of("{\"b\": {\"command\": \"x\", \"args\": [\"1\", \"2\"]}}",
		"{\"b\": {\"command\": \"x\", \"args\": [\"2\", \"1\"]}}"),
	    CONFIG_REPLACED);
	assert_int_equal(
	    change_of("{\"b\": {\"command\": \"x\", \"args\": [\"1\"]}}",
		"{\"b\": {\"command\": \"x\", \"args\": [\"1\", \"\"]}}"),
	    CONFIG_REPLACED);
}

static void
what_is_written_as_its_default_is_no_change(void **state)
{
	(void)state;
	assert_int_equal(
	    change_of("{\"b\": {\"command\": \"x\"}}",
		"{\"b\": {\"command\": \"x\", \"args\": [], \"limits\": {},"
		" \"tools\": {}, \"request_timeout\": 60.0,"
		" \"message_size\": 67108864}}"),
	    CONFIG_SAME);
	/* But this one denies everything. */
	assert_int_equal(change_of("{\"b\": {\"command\": \"x\"}}",
			     "{\"b\": {\"command\": \"x\", \"sandbox\": {}}}"),
	    CONFIG_REPLACED);
}

static void
the_greater_of_two_changes_counts(void **state)
{
	(void)state;
	assert_int_equal(
	    change_of("{\"b\": {\"command\": \"x\", \"requests\": 1}}",
		"{\"b\": {\"command\": \"y\", \"requests\": 2}}"),
	    CONFIG_REPLACED);
}

static void
put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/* Replace one of three files between two readings of one text. */
static void
content_must_count(const char *text, const char *path, const char *good)
{
	struct config *a = must_parse(text);
	struct config *b;
	char changed[256];

	snprintf(changed, sizeof(changed), "%s\n# another one\n", good);
	put(path, changed);
	b = must_parse(text);
	assert_int_equal(config_diff_backend(&a->backends[0], &b->backends[0]),
	    CONFIG_REPLACED);
	config_free(&b);
	put(path, good);
	b = must_parse(text);
	assert_int_equal(
	    config_diff_backend(&a->backends[0], &b->backends[0]), CONFIG_SAME);
	config_free(&b);
	config_free(&a);
}

static void
what_a_file_holds_is_part_of_the_value(void **state)
{
	static const char good[] =
	    "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n";
	char paths[4][40];
	char text[512];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		int fd;

		strlcpy(paths[i], "/tmp/mcpgw-diff-XXXXXX", sizeof(paths[i]));
		fd = mkostemp(paths[i], O_CLOEXEC);
		assert_int_not_equal(fd, -1);
		close(fd);
		put(paths[i], i < 3 ? good : "secret");
	}
	snprintf(text, sizeof(text),
	    "{\"b\": {\"url\": \"https://x\", \"ca_file\": \"%s\","
	    " \"cert_file\": \"%s\", \"key_file\": \"%s\","
	    " \"headers\": {\"A\": \"${file:%s}\"}}}",
	    paths[0], paths[1], paths[2], paths[3]);
	for (size_t i = 0; i < 3; i++)
		content_must_count(text, paths[i], good);
	put(paths[3], "secret ");
	{
		struct config *a = must_parse(text);
		struct config *b;

		put(paths[3], "another");
		b = must_parse(text);
		assert_int_equal(
		    config_diff_backend(&a->backends[0], &b->backends[0]),
		    CONFIG_REPLACED);
		config_free(&a);
		config_free(&b);
	}
	for (size_t i = 0; i < 4; i++)
		(void)unlink(paths[i]);
}

static void
the_first_fixed_key_is_named(void **state)
{
	struct config *a = must_parse("{}");
	struct config *b =
	    must_parse("{\"gateway\": {\"worker_user\": \"x\", \"port\": 1,"
		       " \"job_user\": \"j\", \"log\": \"syslog\"}}");

	(void)state;
	assert_string_equal(config_diff_fixed(a, b), "log");
	assert_true(config_diff_jobs(a, b));
	assert_null(config_diff_fixed(a, a));
	assert_false(config_diff_jobs(b, b));
	config_free(&a);
	config_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_needs_what_the_table_says),
		cmocka_unit_test(the_transport_is_part_of_a_backend),
		cmocka_unit_test(the_order_of_arguments_matters),
		cmocka_unit_test(what_is_written_as_its_default_is_no_change),
		cmocka_unit_test(the_greater_of_two_changes_counts),
		cmocka_unit_test(what_a_file_holds_is_part_of_the_value),
		cmocka_unit_test(the_first_fixed_key_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
