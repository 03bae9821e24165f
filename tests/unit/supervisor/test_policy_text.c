/* test_policy_text.c: what the front is told of rules and backends. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy_text.h"
#include "proto/json.h"
#include "proto/msg.h"

#define LIMITS                                                                 \
	"\"limits\":{\"connections\":1,\"connections_per_address\":2,"         \
	"\"sessions\":3,\"requests_per_session\":4,\"rate\":5,\"burst\":6,"    \
	"\"body_size\":7,\"queue_size\":8,\"memory\":9,"                       \
	"\"session_idle_ms\":10,\"session_lifetime_ms\":11}"

/* What is so of one whose clients have instances of their own. */
#define OWN                                                                    \
	"\"session\":\"per-client\",\"instances\":6,"                          \
	"\"instance_wait_ms\":7,\"instance_idle_ms\":8"

static char *none[] = { NULL };
static char host[] = "localhost";

static struct config
plain_config(void)
{
	return (struct config){
		.host = host,
		.listen = none,
		.allowed_hosts = none,
		.allowed_origins = none,
		.authorization_servers = none,
		.limits = { .connections = 1,
		    .connections_per_address = 2,
		    .sessions = 3,
		    .requests_per_session = 4,
		    .requests_per_backend = 100,
		    .rate = 5,
		    .burst = 6,
		    .body_size = 7,
		    .queue_size = 8,
		    .memory = 9,
		    .session_idle_ms = 10,
		    .session_lifetime_ms = 11 },
		.names = CONFIG_NAMES_BY_ENDPOINT,
	};
}

static void
assert_policy(const struct config *config,
    const struct policy_text_backend *backends, size_t count,
    const char *expected)
{
	char *text = policy_text(config, backends, count);
	struct json_scan scan;

	assert_non_null(text);
	assert_string_equal(text, expected);
	assert_int_equal(
	    json_scan(text, strlen(text), NULL, 0, NULL, &scan), 0);
	free(text);
}

static void
a_plain_gateway_is_open_and_has_all_limits(void **state)
{
	struct config config = plain_config();

	(void)state;
	assert_policy(&config, NULL, 0,
	    "{\"hosts\":[\"localhost\"],\"origins\":[],\"open\":true,"
	    "\"public_url\":null,\"authorization_servers\":[],\"names\":null," LIMITS
	    ",\"tokens\":[],\"backends\":[]}");
}

static void
every_name_by_which_clients_may_call_us_is_a_host(void **state)
{
	static char first[] = "a", second[] = "b:80", path[] = "/run/x.sock",
		    name[] = "gw.example:9000", v6[] = "[::1]:9000",
		    v4[] = "10.0.0.1:1", url[] = "https://mcp.example.com/";
	char *hosts[] = { first, second, NULL };
	char *listens[] = { path, name, v6, v4, NULL };
	struct config config = plain_config();

	(void)state;
	config.allowed_hosts = hosts;
	config.listen = listens;
	config.public_url = url;
	assert_policy(&config, NULL, 0,
	    "{\"hosts\":[\"a\",\"b:80\",\"gw.example\","
	    "\"mcp.example.com\"],\"origins\":[],\"open\":true,"
	    "\"public_url\":\"https://mcp.example.com/\","
	    "\"authorization_servers\":[],\"names\":null," LIMITS
	    ",\"tokens\":[],\"backends\":[]}");
}

static void
a_token_goes_as_its_hash_and_closes_the_gateway(void **state)
{
	static char name[] = "al\"ice", hash[] = "sha256:00ff", all[] = "*",
		    tool[] = "bash/run";
	char *backends[] = { all, NULL }, *tools[] = { tool, NULL };
	struct config_token tokens[] = {
		{ name, hash, backends, tools, 10, 2 },
		{ name, hash, none, none, 0, 0 },
	};
	struct config config = plain_config();

	(void)state;
	config.tokens = tokens;
	config.token_count = 2;
	assert_policy(&config, NULL, 0,
	    "{\"hosts\":[\"localhost\"],\"origins\":[],\"open\":false,"
	    "\"public_url\":null,\"authorization_servers\":[],\"names\":null," LIMITS
	    ",\"tokens\":[{\"name\":\"al\\\"ice\",\"sha256\":\"00ff\","
	    "\"backends\":[\"*\"],\"tools\":[\"bash/run\"],\"rate\":10,"
	    "\"concurrent\":2},{\"name\":\"al\\\"ice\",\"sha256\":\"00ff\","
	    "\"backends\":[],\"tools\":[],\"rate\":0,\"concurrent\":0}],"
	    "\"backends\":[]}");
}

static void
backends_keep_their_order_and_leaving_ones_need_no_filters(void **state)
{
	static char name[] = "x", pattern[] = "get_*", other[] = "rm";
	char *allow[] = { pattern, NULL }, *deny[] = { other, NULL };
	struct config_backend filtered = {
		.name = name,
		.tools = { allow, deny },
		.requests = 5,
		.max_instances = 6,
		.instance_wait_ms = 7,
		.instance_idle_ms = 8,
	};
	struct config_backend plain = { .name = name,
		.tools = { none, none },
		.max_instances = 16,
		.instance_wait_ms = 30000,
		.instance_idle_ms = 600000 };
	struct config_backend many = {
		.name = name,
		.tools = { none, none },
		.requests = 1000000,
		.max_instances = 9,
	};
	const struct policy_text_backend backends[] = {
		{ 18446744073709551615U, PART_SERVING, CONFIG_PER_CLIENT,
		    &filtered },
		{ 2, PART_STANDBY, CONFIG_SHARED, &plain },
		/* While it is replaced its rules are another one's. */
		{ 3, PART_LEAVING, CONFIG_SHARED, &filtered },
		{ 4, PART_SERVING, CONFIG_SESSION_AUTO, &many },
	};
	struct config config = plain_config();

	(void)state;
	assert_policy(&config, backends, 4,
	    "{\"hosts\":[\"localhost\"],\"origins\":[],\"open\":true,"
	    "\"public_url\":null,\"authorization_servers\":[],\"names\":null," LIMITS
	    ",\"tokens\":[],\"backends\":["
	    "{\"number\":18446744073709551615,\"name\":\"x\","
	    "\"part\":\"serving\",\"allow\":[\"get_*\"],\"deny\":[\"rm\"],"
	    "\"requests\":5," OWN "},"
	    "{\"number\":2,\"name\":\"x\",\"part\":\"standby\",\"allow\":[],"
	    "\"deny\":[],\"requests\":100,\"session\":\"shared\","
	    "\"instances\":0,\"instance_wait_ms\":30000,"
	    "\"instance_idle_ms\":600000},"
	    "{\"number\":3,\"name\":\"x\",\"part\":\"leaving\",\"allow\":[],"
	    "\"deny\":[],\"requests\":5,\"session\":\"shared\","
	    "\"instances\":0,\"instance_wait_ms\":7,"
	    "\"instance_idle_ms\":8},"
	    "{\"number\":4,\"name\":\"x\",\"part\":\"serving\",\"allow\":[],"
	    "\"deny\":[],\"requests\":16384,\"session\":\"auto\","
	    "\"instances\":9,\"instance_wait_ms\":0,"
	    "\"instance_idle_ms\":0}]}");
}

static void
names_go_as_they_are_configured(void **state)
{
	static const struct {
		enum config_names names;
		const char *text;
	} cases[] = {
		{ CONFIG_NAMES_BY_ENDPOINT, "\"names\":null," },
		{ CONFIG_NAMES_SLASH, "\"names\":\"slash\"," },
		{ CONFIG_NAMES_SAFE, "\"names\":\"safe\"," },
	};
	struct config config = plain_config();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text;

		config.names = cases[i].names;
		text = policy_text(&config, NULL, 0);
		assert_non_null(text);
		assert_non_null(strstr(text, cases[i].text));
		free(text);
	}
}

static void
what_is_too_long_for_the_front_is_refused(void **state)
{
	struct config config = plain_config();
	char *long_one = malloc(MSG_POLICY_MAX + 1);
	char *origins[] = { long_one, NULL };

	(void)state;
	assert_non_null(long_one);
	memset(long_one, 'x', MSG_POLICY_MAX);
	long_one[MSG_POLICY_MAX] = '\0';
	config.allowed_origins = origins;
	errno = 0;
	assert_null(policy_text(&config, NULL, 0));
	assert_int_equal(errno, E2BIG);
	free(long_one);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_gateway_is_open_and_has_all_limits),
		cmocka_unit_test(
		    every_name_by_which_clients_may_call_us_is_a_host),
		cmocka_unit_test(
		    a_token_goes_as_its_hash_and_closes_the_gateway),
		cmocka_unit_test(
		    backends_keep_their_order_and_leaving_ones_need_no_filters),
		cmocka_unit_test(names_go_as_they_are_configured),
		cmocka_unit_test(what_is_too_long_for_the_front_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
