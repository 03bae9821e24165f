/* test_summary.c: what the console shows once the gateway has started. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "summary.h"

static const struct summary_row rows[] = {
	{ "bash", BACKEND_READY, false, 1, NULL },
	{ "playwright", BACKEND_READY, false, 23, NULL },
	{ "broken", BACKEND_FAILED, false, 0,
	    "cannot start: exec nope: No such file or directory" },
	{ "slow", BACKEND_SETUP, false, 0, NULL },
	{ "off", BACKEND_DOWN, true, 0, NULL },
};

static char newer[] = "http://127.0.0.1:9000/mcp";
static char older[] = "http://127.0.0.1:9000/sse";
static char *const urls[] = { newer, older, NULL };

static const struct summary full = { "0.1.0", urls, "config.json",
	"logs/log_20261122_123456_INFO.log", 5, rows };

static char text[4096];

static const char *
render(const struct summary *s, bool colour, unsigned int width)
{
	struct buf out = { .mem = NULL };

	assert_int_equal(summary_render(&out, s, colour, width), 0);
	assert_true(buf_len(&out) < sizeof(text));
	memcpy(text, buf_data(&out), buf_len(&out));
	text[buf_len(&out)] = '\0';
	buf_free(&out);
	return text;
}

static void
it_looks_like_this_in_a_pipe(void **state)
{
	(void)state;
	assert_string_equal(render(&full, false, 0),
	    "\n"
	    "MCP Gateway 0.1.0\n"
	    "  address        http://127.0.0.1:9000/mcp\n"
	    "                 http://127.0.0.1:9000/sse\n"
	    "  configuration  config.json\n"
	    "  log file       logs/log_20261122_123456_INFO.log\n"
	    "\n"
	    "  backend     state      tools\n"
	    "  bash        ready          1\n"
	    "  playwright  ready         23\n"
	    "  broken      failed         -  "
	    "cannot start: exec nope: No such file or directory\n"
	    "  slow        starting       -\n"
	    "  off         disabled       -\n"
	    "\n"
	    "ready: 2 of 4 backends, 24 tools\n");
}

static void
no_line_is_wider_than_the_terminal(void **state)
{
	size_t width = 0;

	(void)state;
	for (const char *p = render(&full, false, 60); *p != '\0'; p++) {
		if (*p == '\n') {
			assert_true(width <= 60);
			width = 0;
		} else if ((*p & 0xc0) != 0x80) {
			width++;
		}
	}
	assert_non_null(strstr(text, "…\n"));
}

static void
a_narrow_terminal_still_gets_the_reason(void **state)
{
	(void)state;
	assert_non_null(strstr(render(&full, false, 20), "No such file"));
}

static void
colours_come_only_when_asked_for(void **state)
{
	(void)state;
	assert_null(strchr(render(&full, false, 80), '\033'));
	assert_non_null(strchr(render(&full, true, 80), '\033'));
}

static void
the_ready_line_begins_the_same_in_colour(void **state)
{
	(void)state;
	assert_non_null(strstr(render(&full, true, 80), "\nready: "));
	assert_null(strstr(strstr(text, "\nready: ") + 1, "ready: 2 of"));
}

static void
one_is_not_many(void **state)
{
	const struct summary one = { "0.1.0", urls, "c", "l", 1, rows };

	(void)state;
	assert_non_null(
	    strstr(render(&one, false, 0), "ready: 1 of 1 backend, 1 tool\n"));
}

static void
a_gateway_without_backends_says_so(void **state)
{
	const struct summary none = { "0.1.0", urls, "c", "l", 0, NULL };

	(void)state;
	assert_non_null(strstr(render(&none, false, 0), "no backends"));
	assert_non_null(strstr(text, "ready: 0 of 0 backends, 0 tools\n"));
}

static void
names_in_any_language_keep_the_columns(void **state)
{
	const struct summary_row two[] = {
		{ "gerät", BACKEND_READY, false, 1, NULL },
		{ "geraet", BACKEND_READY, false, 1, NULL },
	};
	const struct summary s = { "0.1.0", urls, "c", "l", 2, two };

	(void)state;
	assert_non_null(strstr(render(&s, false, 0),
	    "  gerät    ready          1\n"
	    "  geraet   ready          1\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_looks_like_this_in_a_pipe),
		cmocka_unit_test(no_line_is_wider_than_the_terminal),
		cmocka_unit_test(a_narrow_terminal_still_gets_the_reason),
		cmocka_unit_test(colours_come_only_when_asked_for),
		cmocka_unit_test(the_ready_line_begins_the_same_in_colour),
		cmocka_unit_test(one_is_not_many),
		cmocka_unit_test(a_gateway_without_backends_says_so),
		cmocka_unit_test(names_in_any_language_keep_the_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
