/* test_salvage.c: which call a refused message was the answer to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "salvage.h"

static void
finds(const char *text, int64_t want)
{
	int64_t id = -1;

	if (salvage_id(text, strlen(text), &id) == -1)
		id = -1;
	if (id != want)
		fail_msg("%s gives %lld", text, (long long)id);
}

static void
ends_with(const char *text, int64_t want)
{
	int64_t id = -1;

	if (salvage_id_at_end(text, strlen(text), &id) == -1)
		id = -1;
	if (id != want)
		fail_msg("%s gives %lld", text, (long long)id);
}

static void
the_id_of_a_broken_response_is_found(void **state)
{
	(void)state;
	finds("{\"id\":70000,\"result\":{\"x\":NaN}}", 70000);
	finds(" {\"result\":{\"id\":1,\"x\":\xff},\"id\" : 70000 }", 70000);
	finds("{\"result\":[\"}\\\"]\",{\"id\":5}],\"id\":70000}", 70000);
	finds("{\"id\":70000,\"result\":{\"x\":\"cut off", 70000);
	finds("{\"x\":\"id\",\"id\":70000,\"error\":", 70000);
}

static void
nothing_else_is_taken_for_one(void **state)
{
	(void)state;
	finds("", -1);
	finds("{", -1);
	finds("npm WARN {\"id\":70000}", -1);
	finds("[{\"id\":70000}]", -1);
	finds("{\"result\":{\"id\":70000}}", -1);
	finds("{\"result\":\"\\\"id\\\":70000,\"}", -1);
	finds("{\"id\":\"70000\"}", -1);
	finds("{\"id\":70000.0}", -1);
	finds("{\"id\":7000e1}", -1);
	finds("{\"id\":-70000}", -1);
	finds("{\"id\":7000", -1);
	finds("{\"id\":70000000000000000000000000}", -1);
	finds("{\"id\"", -1);
	finds("{\"id\":", -1);
	finds("{\"a\":\"\\", -1);
	/* A request's id is the backend's own. */
	finds("{\"id\":70000,\"method\":\"ping\",", -1);
	finds("{\"method\":\"ping\",\"id\":70000,", -1);
}

static void
an_id_at_the_end_is_found(void **state)
{
	(void)state;
	ends_with("xxx\"]}},\"jsonrpc\":\"2.0\",\"id\":70000}", 70000);
	ends_with("xxx\"}},\"id\" : 70000 }\r", 70000);
	ends_with("\"id\":1}},\"id\":70000}", 70000);
	ends_with("xxx\"},\"id\":70000,\"jsonrpc\":\"2.0\"}", -1);
	ends_with("{\"id\":70000}}", -1);
	ends_with("xxx \\\"id\\\":70000}\"}}", -1);
	ends_with("\"id\":70000", -1);
	ends_with("\"id\":7.5}", -1);
	ends_with("\"id\"", -1);
	ends_with("", -1);
	ends_with("00}", -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_id_of_a_broken_response_is_found),
		cmocka_unit_test(nothing_else_is_taken_for_one),
		cmocka_unit_test(an_id_at_the_end_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
