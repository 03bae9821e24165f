/* What a good configuration means, and how it is read. */
#include "config_test.h"

#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

static const char full[] =
    "{\"gateway\": {\"host\": \"::1\", \"port\": 0, \"log_level\": \"error\","
    " \"log_dir\": \"/var/log/x\", \"user\": \"front\","
    " \"worker_user\": \"w-1\", \"allowed_hosts\": [\"a.example\", \"b\"],"
    " \"allowed_origins\": [\"https://a.example:8443\"]},\n"
    "\"mcpServers\": {\"one\": {\"type\": \"stdio\", \"command\": \"npx\","
    " \"args\": [\"-y\", \"\", \"\\u00fc\\ud83c\\udfb5\"],"
    " \"env\": {\"A\": \"1\", \"B\": \"\"}, \"cwd\": \"/tmp\","
    " \"user\": \"nobody\", \"disabled\": false,"
    " \"startup_timeout\": 0.1, \"request_timeout\": 86400,"
    " \"ping_interval\": 1.5},"
    " \"two\": {\"command\": \"two\", \"ping_interval\": 0},"
    " \"three\": {\"type\": \"http\", \"url\": \"https://x/y?z=1\","
    " \"headers\": {\"X-Key\": \"a: b\", \"x\": \"\u00fc\"},"
    " \"private_network\": true}}}";

static void
every_key_of_the_gateway_is_read(void **state)
{
	struct config *c = must_parse(full);

	(void)state;
	assert_string_equal(c->path, "test.json");
	assert_string_equal(c->host, "::1");
	assert_int_equal(c->port, 0);
	assert_int_equal(c->log_level, LOG_LEVEL_ERROR);
	assert_string_equal(c->log_dir, "/var/log/x");
	assert_string_equal(c->user, "front");
	assert_string_equal(c->worker_user, "w-1");
	assert_string_equal(c->allowed_hosts[0], "a.example");
	assert_string_equal(c->allowed_hosts[1], "b");
	assert_null(c->allowed_hosts[2]);
	assert_string_equal(c->allowed_origins[0], "https://a.example:8443");
	assert_null(c->allowed_origins[1]);
	config_free(&c);
	assert_null(c);
}

static void
every_key_of_a_backend_is_read(void **state)
{
	struct config *c = must_parse(full);
	const struct config_backend *one = &c->backends[0];

	(void)state;
	assert_int_equal(c->backend_count, 3);
	assert_string_equal(one->name, "one");
	assert_int_equal(one->transport, CONFIG_STDIO);
	assert_string_equal(one->command, "npx");
	assert_string_equal(one->args[0], "-y");
	assert_string_equal(one->args[1], "");
	assert_string_equal(one->args[2], "\xc3\xbc\xf0\x9f\x8e\xb5");
	assert_null(one->args[3]);
	assert_string_equal(one->env[0], "A=1");
	assert_string_equal(one->env[1], "B=");
	assert_null(one->env[2]);
	assert_string_equal(one->cwd, "/tmp");
	assert_string_equal(one->user, "nobody");
	assert_false(one->disabled);
	assert_int_equal(one->startup_timeout_ms, 100);
	assert_int_equal(one->request_timeout_ms, 86400000);
	assert_int_equal(one->ping_interval_ms, 1500);
	assert_null(one->url);
	assert_string_equal(c->backends[1].name, "two");
	assert_int_equal(c->backends[1].ping_interval_ms, 0);
	config_free(&c);
}

static void
every_key_of_a_backend_elsewhere_is_read(void **state)
{
	struct config *c = must_parse(full);
	const struct config_backend *three = &c->backends[2];

	(void)state;
	assert_string_equal(three->name, "three");
	assert_int_equal(three->transport, CONFIG_HTTP);
	assert_string_equal(three->url, "https://x/y?z=1");
	assert_string_equal(three->headers[0], "X-Key: a: b");
	assert_string_equal(three->headers[1], "x: \xc3\xbc");
	assert_null(three->headers[2]);
	assert_true(three->private_network);
	assert_null(three->command);
	assert_null(three->args[0]);
	assert_null(three->env[0]);
	config_free(&c);
}

static void
what_is_left_out_has_its_default(void **state)
{
	struct config *c = must_parse("{\"x\": {\"command\": \"y\"}}");
	const struct config_backend *x = &c->backends[0];

	(void)state;
	assert_string_equal(c->host, "127.0.0.1");
	assert_int_equal(c->port, 9000);
	assert_int_equal(c->log_level, LOG_LEVEL_INFO);
	assert_string_equal(c->log_dir, "logs");
	assert_string_equal(c->user, "_mcpgw");
	assert_string_equal(c->worker_user, "_mcpgw-w");
	assert_null(c->allowed_hosts[0]);
	assert_null(c->allowed_origins[0]);
	assert_null(x->args[0]);
	assert_null(x->env[0]);
	assert_int_equal(x->transport, CONFIG_STDIO);
	assert_null(x->url);
	assert_null(x->headers[0]);
	assert_null(x->ca);
	assert_null(x->certificate);
	assert_null(x->key);
	assert_false(x->private_network);
	assert_int_equal(x->ping_interval_ms, 0);
	assert_null(x->cwd);
	assert_null(x->user);
	assert_false(x->disabled);
	assert_int_equal(x->startup_timeout_ms, 60000);
	assert_int_equal(x->request_timeout_ms, 60000);
	config_free(&c);
}

static void
both_shapes_are_told_apart(void **state)
{
	static const struct {
		const char *text;
		size_t backends;
		const char *first;
	} cases[] = {
		{ "{}", 0, NULL },
		{ " \n{ }\n", 0, NULL },
		{ "{\"gateway\": {}}", 0, NULL },
		{ "{\"mcpServers\": {}}", 0, NULL },
		{ "{\"$schema\": \"x\"}", 0, NULL },
		{ "{\"mcpServers\": {\"a\": {\"command\": \"x\"}}}", 1, "a" },
		{ "{\"servers\": {\"a\": {\"command\": \"x\"}},"
		  " \"inputs\": [{}]}",
		    1, "a" },
		{ "{\"servers\": {\"a\": {\"command\": \"x\"}},"
		  " \"mcpServers\": {\"b\": {\"command\": \"x\"}}}",
		    2, "a" },
		{ "{\"$schema\": \"x\", \"a\": {\"command\": \"x\"},"
		  " \"inputs\": 1}",
		    1, "a" },
		{ "{\"gateway\": {\"command\": \"x\"}}", 1, "gateway" },
		{ "{\"servers\": {\"command\": \"x\"},"
		  " \"mcpServers\": {\"command\": \"x\"}}",
		    2, "servers" },
		{ "{\"mcpServers\": {\"command\": {\"command\": \"x\"}}}", 1,
		    "command" },
		{ "{\"inputs\": {\"command\": \"x\"}}", 1, "inputs" },
		{ "{\"globalShortcut\": \"Ctrl+Space\","
		  " \"mcpServers\": {\"a\": {\"command\": \"x\"}},"
		  " \"preferences\": {\"x\": true}}",
		    1, "a" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config *c = must_parse(cases[i].text);

		assert_int_equal(c->backend_count, cases[i].backends);
		if (cases[i].first != NULL)
			assert_string_equal(
			    c->backends[0].name, cases[i].first);
		assert_int_equal(c->port, 9000);
		config_free(&c);
	}
}

static void
what_other_programs_write_is_ignored(void **state)
{
	struct config *c = must_parse(
	    "{\"mcpServers\": {\"a\": {\"command\": \"x\","
	    " \"description\": 1, \"autoApprove\": [], \"alwaysAllow\": {},"
	    " \"gallery\": true, \"version\": \"1\"}}}");

	(void)state;
	assert_int_equal(c->backend_count, 1);
	config_free(&c);
}

static void
a_disabled_backend_may_have_a_url(void **state)
{
	static const char *const types[] = { "", "\"type\": \"sse\",",
		"\"type\": \"http\",", "\"type\": \"streamable-http\",",
		"\"type\": \"streamableHttp\",", "\"type\": \"stdio\"," };
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct config *c;

		snprintf(text, sizeof(text),
		    "{\"a\": {%s \"url\": \"http://x/${Y}\","
		    " \"disabled\": true}}",
		    types[i]);
		c = must_parse(text);
		assert_true(c->backends[0].disabled);
		assert_null(c->backends[0].command);
		config_free(&c);
	}
}

static void
nothing_is_looked_up_for_a_disabled_backend(void **state)
{
	struct config *c = must_parse(
	    "{\"a\": {\"command\": \"${MCPGW_TEST_UNSET}\","
	    " \"cwd\": \"${MCPGW_TEST_UNSET}/x\","
	    " \"env\": {\"K\": \"${file:/nowhere}\"}, \"disabled\": true},"
	    " \"b\": {\"url\": \"${MCPGW_TEST_UNSET}\","
	    " \"headers\": {\"K\": \"${file:/nowhere}\"},"
	    " \"ca_file\": \"/nowhere\", \"key_file\": \"/nowhere\","
	    " \"cert_file\": \"${MCPGW_TEST_UNSET}\","
	    " \"disabled\": true}}");

	(void)state;
	assert_string_equal(c->backends[0].env[0], "K=${file:/nowhere}");
	assert_string_equal(c->backends[1].url, "${MCPGW_TEST_UNSET}");
	assert_string_equal(c->backends[1].headers[0], "K: ${file:/nowhere}");
	assert_null(c->backends[1].ca);
	assert_null(c->backends[1].certificate);
	assert_null(c->backends[1].key);
	config_free(&c);
}

static void
seconds_may_have_a_fraction_and_an_exponent(void **state)
{
	static const struct {
		const char *text;
		unsigned int ms;
	} cases[] = { { "0.1", 100 }, { "1.0005", 1001 }, { "2.5e1", 25000 },
		{ "3600", 3600000 }, { "3600.0", 3600000 }, { "1E0", 1000 } };
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config *c;

		snprintf(text, sizeof(text),
		    "{\"a\": {\"command\": \"x\", \"startup_timeout\": %s}}",
		    cases[i].text);
		c = must_parse(text);
		assert_int_equal(
		    c->backends[0].startup_timeout_ms, cases[i].ms);
		config_free(&c);
	}
}

static void
names_may_have_64_bytes_and_any_script(void **state)
{
	static const char longest[] = "1234567890123456789012345678901234567890"
				      "123456789012345678901234";
	static const char *const names[] = { longest,
		"\xe5\x85\xb3\xe9\x94\xae", "a b", "." };
	char text[256];

	(void)state;
	assert_int_equal(strlen(longest), CONFIG_NAME_MAX);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct config *c;

		snprintf(text, sizeof(text), "{\"%s\": {\"command\": \"x\"}}",
		    names[i]);
		c = must_parse(text);
		assert_string_equal(c->backends[0].name, names[i]);
		config_free(&c);
	}
}

/* A file of this content; its path is in a static buffer. */
static const char *
file_of(const char *content, size_t len)
{
	static char path[] = "/tmp/mcpgw-config-XXXXXX";
	int fd;

	memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
	fd = mkostemp(path, O_CLOEXEC);
	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, content, len), (ssize_t)len);
	close(fd);
	return path;
}

static void
a_file_is_loaded(void **state)
{
	const char *path = file_of(full, strlen(full));
	struct config *c;
	struct config_errors errors;

	(void)state;
	assert_int_equal(config_load(&c, path, &errors), 0);
	assert_string_equal(c->path, path);
	assert_int_equal(c->backend_count, 3);
	config_free(&c);
	unlink(path);
}

static void
must_not_load(const char *path, const char *part)
{
	struct expected expected = { 0, 0, part };
	struct config_errors errors;
	struct config *c;

	assert_int_equal(config_load(&c, path, &errors), -1);
	errors_must_be(path, &errors, &expected, 1);
	config_errors_free(&errors);
}

static void
a_file_that_cannot_be_had_is_named(void **state)
{
	char *large = malloc(CONFIG_FILE_MAX + 1);
	const char *path;

	(void)state;
	must_not_load("/nonexistent/config.json", "No such file");
	must_not_load("/", "not a regular file");
	must_not_load("/dev/null", "not a regular file");
	memset(large, ' ', CONFIG_FILE_MAX + 1);
	path = file_of(large, CONFIG_FILE_MAX + 1);
	must_not_load(path, "more than 1048576 bytes");
	unlink(path);
	free(large);
}

static void
a_fifo_does_not_hold_us(void **state)
{
	const char *path = file_of("", 0);

	(void)state;
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	must_not_load(path, "not a regular file");
	unlink(path);
}

static void
a_file_of_the_greatest_size_is_read(void **state)
{
	char *large = malloc(CONFIG_FILE_MAX);
	struct config_errors errors;
	const char *path;
	struct config *c;

	(void)state;
	memset(large, ' ', CONFIG_FILE_MAX);
	memcpy(large + CONFIG_FILE_MAX - 2, "{}", 2);
	path = file_of(large, CONFIG_FILE_MAX);
	assert_int_equal(config_load(&c, path, &errors), 0);
	config_free(&c);
	unlink(path);
	free(large);
}

static void
root_refuses_what_anyone_may_write(void **state)
{
	const char *path = file_of("{}", 2);
	struct config_errors errors;
	struct config *c;

	(void)state;
	assert_int_equal(chmod(path, 0666), 0);
	if (geteuid() == 0) {
		must_not_load(path, "may be written by anyone");
	} else {
		assert_int_equal(config_load(&c, path, &errors), 0);
		config_free(&c);
	}
	unlink(path);
}

static void
no_cut_of_a_file_is_fatal(void **state)
{
	struct config_errors errors;
	struct config *c;

	(void)state;
	for (size_t n = 0; n < strlen(full); n++) {
		/* A copy of exactly n bytes, for the address sanitizer. */
		char *cut = malloc(n + (n == 0));

		memcpy(cut, full, n);
		assert_int_equal(
		    config_parse(&c, "test.json", cut, n, &errors), -1);
		assert_int_equal(errors.count, 1);
		assert_int_not_equal(errors.list[0].line, 0);
		config_errors_free(&errors);
		free(cut);
	}
}

static void
free_takes_nothing(void **state)
{
	struct config *c = NULL;
	struct config_errors errors = { 0 };

	(void)state;
	config_free(&c);
	config_errors_free(&errors);
	assert_null(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_of_the_gateway_is_read),
		cmocka_unit_test(every_key_of_a_backend_is_read),
		cmocka_unit_test(every_key_of_a_backend_elsewhere_is_read),
		cmocka_unit_test(what_is_left_out_has_its_default),
		cmocka_unit_test(both_shapes_are_told_apart),
		cmocka_unit_test(what_other_programs_write_is_ignored),
		cmocka_unit_test(a_disabled_backend_may_have_a_url),
		cmocka_unit_test(nothing_is_looked_up_for_a_disabled_backend),
		cmocka_unit_test(seconds_may_have_a_fraction_and_an_exponent),
		cmocka_unit_test(names_may_have_64_bytes_and_any_script),
		cmocka_unit_test(a_file_is_loaded),
		cmocka_unit_test(a_file_that_cannot_be_had_is_named),
		cmocka_unit_test(a_fifo_does_not_hold_us),
		cmocka_unit_test(a_file_of_the_greatest_size_is_read),
		cmocka_unit_test(root_refuses_what_anyone_may_write),
		cmocka_unit_test(no_cut_of_a_file_is_fatal),
		cmocka_unit_test(free_takes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
