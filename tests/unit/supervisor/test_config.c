/* What a good configuration means. */
#include "config_test.h"

static const char full[] =
    "{\"gateway\": {\"host\": \"::1\", \"port\": 0, \"log_level\": \"error\","
    " \"socket_mode\": \"0660\", \"socket_group\": \"g\", \"insecure\": true,"
    " \"public_url\": \"https://a.example:8443\","
    " \"authorization_servers\": [\"https://login.example/x\"],"
    " \"tokens\": {\"t\": {\"hash\": \"" TEST_HASH "\"}},"
    " \"limits\": {\"connections\": 1, \"connections_per_address\": 2,"
    " \"sessions\": 3, \"session_idle\": 1.5, \"session_lifetime\": 0,"
    " \"requests_per_session\": 4,"
    " \"requests_per_backend\": 5, \"requests_per_second\": 6, \"burst\": 7,"
    " \"body_size\": \"64K\", \"queue_size\": 65536, \"memory\": \"1G\"},"
    " \"names\": \"safe\","
    " \"drain_timeout\": 0.5, \"control_socket\": \"/c\","
    " \"control_mode\": \"777\", \"control_group\": \"cg\","
    " \"log\": \"none\", \"log_format\": \"json\", \"job_user\": \"j\","
    " \"job_uids\": \"2000-2001\", \"state_dir\": \"/s\","
    " \"log_dir\": \"/var/log/x\", \"user\": \"front\","
    " \"worker_user\": \"w-1\", \"allowed_hosts\": [\"a.example\", \"b\"],"
    " \"allowed_origins\": [\"https://a.example:8443\"]},\n"
    "\"mcpServers\": {\"one\": {\"type\": \"stdio\", \"command\": \"npx\","
    " \"args\": [\"-y\", \"\", \"\\u00fc\\ud83c\\udfb5\"],"
    " \"env\": {\"A\": \"1\", \"B\": \"\"}, \"cwd\": \"/tmp\","
    " \"user\": \"nobody\", \"disabled\": false, \"clear_env\": true,"
    " \"group\": \"bg\", \"home\": \"/h\", \"new_privileges\": true,"
    " \"limits\": {\"memory\": \"2m\", \"processes\": 2, \"cpu_percent\": 3,"
    " \"open_files\": 16, \"file_size\": 5, \"core_size\": \"unlimited\"},"
    " \"sandbox\": {\"read\": [\"/r\"], \"write\": [\"/w\"],"
    " \"connect\": [443, \"80\", \"*\"], \"network\": \"none\"},"
    " \"tools\": {\"allow\": [\"a*\"], \"deny\": [\"b\"]},"
    " \"requests\": 9, \"message_size\": \"1K\","
    " \"session\": \"per-client\", \"max_instances\": 256,"
    " \"instance_wait\": 0.1, \"instance_idle\": 0,"
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
	assert_int_equal(c->socket_mode, 0660);
	assert_string_equal(c->socket_group, "g");
	assert_true(c->insecure);
	assert_string_equal(c->public_url, "https://a.example:8443");
	assert_string_equal(
	    c->authorization_servers[0], "https://login.example/x");
	assert_int_equal(c->token_count, 1);
	assert_int_equal(c->names, CONFIG_NAMES_SAFE);
	assert_int_equal(c->drain_timeout_ms, 500);
	assert_string_equal(c->control_socket, "/c");
	assert_int_equal(c->control_mode, 0777);
	assert_string_equal(c->control_group, "cg");
	assert_int_equal(c->log, CONFIG_LOG_NONE);
	assert_int_equal(c->log_format, CONFIG_LOG_JSON);
	assert_string_equal(c->job_user, "j");
	assert_string_equal(c->job_uids, "2000-2001");
	assert_string_equal(c->state_dir, "/s");
	config_free(&c);
	assert_null(c);
}

static void
every_limit_of_the_gateway_is_read(void **state)
{
	struct config *c = must_parse(full);

	(void)state;
	assert_int_equal(c->limits.connections, 1);
	assert_int_equal(c->limits.connections_per_address, 2);
	assert_int_equal(c->limits.sessions, 3);
	assert_int_equal(c->limits.session_idle_ms, 1500);
	assert_int_equal(c->limits.session_lifetime_ms, 0);
	assert_int_equal(c->limits.requests_per_session, 4);
	assert_int_equal(c->limits.requests_per_backend, 5);
	assert_int_equal(c->limits.rate, 6);
	assert_int_equal(c->limits.burst, 7);
	assert_int_equal(c->limits.body_size, 65536);
	assert_int_equal(c->limits.queue_size, 65536);
	assert_int_equal(c->limits.memory, 1 << 30);
	config_free(&c);
}

static void
what_a_job_may_use_is_read(void **state)
{
	struct config *c = must_parse(full);
	const struct config_backend *one = &c->backends[0];

	(void)state;
	assert_true(one->clear_env);
	assert_string_equal(one->group, "bg");
	assert_string_equal(one->home, "/h");
	assert_true(one->new_privileges);
	assert_int_equal(one->limits.memory, 2 << 20);
	assert_int_equal(one->limits.processes, 2);
	assert_int_equal(one->limits.cpu_percent, 3);
	assert_int_equal(one->limits.open_files, 16);
	assert_int_equal(one->limits.file_size, 5);
	assert_true(one->limits.core_size == CONFIG_UNLIMITED);
	assert_true(one->sandbox.set);
	assert_string_equal(one->sandbox.read[0], "/r");
	assert_string_equal(one->sandbox.write[0], "/w");
	assert_string_equal(one->sandbox.connect[0], "443");
	assert_string_equal(one->sandbox.connect[1], "80");
	assert_string_equal(one->sandbox.connect[2], "*");
	assert_null(one->sandbox.connect[3]);
	assert_true(one->sandbox.private_network);
	assert_false(one->private_network);
	assert_string_equal(one->tools.allow[0], "a*");
	assert_string_equal(one->tools.deny[0], "b");
	assert_int_equal(one->requests, 9);
	assert_int_equal(one->message_size, 1024);
	config_free(&c);
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
	assert_int_equal(one->session, CONFIG_PER_CLIENT);
	assert_int_equal(one->max_instances, 256);
	assert_int_equal(one->instance_wait_ms, 100);
	assert_int_equal(one->instance_idle_ms, 0);
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
	assert_int_equal(x->session, CONFIG_SHARED);
	assert_int_equal(c->names, CONFIG_NAMES_BY_ENDPOINT);
	config_free(&c);
}

static void
what_is_left_out_of_sessions_has_its_default(void **state)
{
	struct config *c = must_parse("{\"gateway\": {}, \"servers\": {\"x\":"
				      " {\"command\": \"y\","
				      " \"session\": \"auto\"}}}");
	const struct config_backend *x = &c->backends[0];

	(void)state;
	assert_int_equal(x->session, CONFIG_SESSION_AUTO);
	assert_int_equal(x->max_instances, 16);
	assert_int_equal(x->instance_wait_ms, 30000);
	assert_int_equal(x->instance_idle_ms, 600000);
	assert_int_equal(c->names, CONFIG_NAMES_BY_ENDPOINT);
	assert_int_equal(c->limits.session_idle_ms, 1800000);
	assert_int_equal(c->limits.session_lifetime_ms, 86400000);
	config_free(&c);
}

static void
what_is_left_out_of_the_gateway_has_its_default(void **state)
{
	struct config *c = must_parse("{}");

	(void)state;
	assert_null(c->listen[0]);
	assert_int_equal(c->socket_mode, 0600);
	assert_null(c->socket_group);
	assert_false(c->insecure);
	assert_null(c->public_url);
	assert_null(c->authorization_servers[0]);
	assert_int_equal(c->token_count, 0);
	assert_int_equal(c->limits.connections, 0);
	assert_int_equal(c->limits.connections_per_address, 0);
	assert_int_equal(c->limits.sessions, 10000);
	assert_int_equal(c->limits.requests_per_session, 1024);
	assert_int_equal(c->limits.requests_per_backend, 16384);
	assert_int_equal(c->limits.rate, 0);
	assert_int_equal(c->limits.burst, 0);
	assert_int_equal(c->limits.body_size, 4 << 20);
	assert_int_equal(c->limits.queue_size, 8 << 20);
	assert_int_equal(c->limits.memory, 320 << 20);
	assert_int_equal(c->drain_timeout_ms, 20000);
	assert_null(c->control_socket);
	assert_int_equal(c->control_mode, 0600);
	assert_null(c->control_group);
	assert_int_equal(c->log, CONFIG_LOG_FILE);
	assert_int_equal(c->log_format, CONFIG_LOG_TEXT);
	assert_null(c->job_user);
	assert_string_equal(c->job_uids, "60578-61183");
	assert_string_equal(c->state_dir, "/var/lib/mcp-gateway");
	config_free(&c);
}

static void
what_a_job_may_use_has_its_default(void **state)
{
	struct config *c = must_parse("{\"x\": {\"url\": \"http://y\"}}");
	const struct config_backend *x = &c->backends[0];

	(void)state;
	assert_null(x->group);
	assert_null(x->home);
	assert_false(x->clear_env);
	assert_false(x->new_privileges);
	assert_true(x->limits.memory == CONFIG_UNLIMITED);
	assert_true(x->limits.processes == CONFIG_UNLIMITED);
	assert_true(x->limits.cpu_percent == CONFIG_UNLIMITED);
	assert_true(x->limits.open_files == CONFIG_UNLIMITED);
	assert_true(x->limits.file_size == CONFIG_UNLIMITED);
	assert_int_equal(x->limits.core_size, 0);
	assert_false(x->sandbox.set);
	assert_null(x->sandbox.read[0]);
	assert_null(x->sandbox.write[0]);
	assert_null(x->sandbox.connect[0]);
	assert_false(x->sandbox.private_network);
	assert_null(x->tools.allow[0]);
	assert_null(x->tools.deny[0]);
	assert_int_equal(x->requests, 0);
	assert_int_equal(x->message_size, 64 << 20);
	config_free(&c);
}

/* An empty one denies everything; none at all denies nothing. */
static void
an_empty_sandbox_is_one(void **state)
{
	struct config *c =
	    must_parse("{\"x\": {\"command\": \"y\", \"sandbox\": {}}}");

	(void)state;
	assert_true(c->backends[0].sandbox.set);
	assert_null(c->backends[0].sandbox.read[0]);
	config_free(&c);
}

static void
a_configuration_lives_until_the_last_one_lets_it_go(void **state)
{
	struct config *c = must_parse(full);
	struct config *other = config_ref(c);

	(void)state;
	assert_ptr_equal(other, c);
	config_free(&c);
	assert_null(c);
	assert_string_equal(other->host, "::1");
	config_free(&other);
	assert_null(other);
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
		cmocka_unit_test(every_limit_of_the_gateway_is_read),
		cmocka_unit_test(every_key_of_a_backend_is_read),
		cmocka_unit_test(what_a_job_may_use_is_read),
		cmocka_unit_test(every_key_of_a_backend_elsewhere_is_read),
		cmocka_unit_test(what_is_left_out_has_its_default),
		cmocka_unit_test(what_is_left_out_of_sessions_has_its_default),
		cmocka_unit_test(
		    what_is_left_out_of_the_gateway_has_its_default),
		cmocka_unit_test(what_a_job_may_use_has_its_default),
		cmocka_unit_test(an_empty_sandbox_is_one),
		cmocka_unit_test(
		    a_configuration_lives_until_the_last_one_lets_it_go),
		cmocka_unit_test(both_shapes_are_told_apart),
		cmocka_unit_test(what_other_programs_write_is_ignored),
		cmocka_unit_test(a_disabled_backend_may_have_a_url),
		cmocka_unit_test(nothing_is_looked_up_for_a_disabled_backend),
		cmocka_unit_test(seconds_may_have_a_fraction_and_an_exponent),
		cmocka_unit_test(names_may_have_64_bytes_and_any_script),
		cmocka_unit_test(no_cut_of_a_file_is_fatal),
		cmocka_unit_test(free_takes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
