/* test_options.c: the command line of mcp-gatewayctl. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "options.h"

#define WORDS_MAX 8

/* Parse words that are separated by spaces; "''" is an empty one. */
static int
parse(struct options *opt, const char *line, int *status)
{
	static char copy[256];
	static char *argv[WORDS_MAX + 2];
	static char program[] = "mcp-gatewayctl", empty[] = "";
	char *rest = copy, *word;
	int argc = 0, null, out, err, result;

	(void)strlcpy(copy, line, sizeof(copy));
	argv[argc++] = program;
	while ((word = strsep(&rest, " ")) != NULL)
		if (*word != '\0')
			argv[argc++] = strcmp(word, "''") == 0 ? empty : word;
	argv[argc] = NULL;
	(void)fflush(stdout);
	(void)fflush(stderr);
	null = open("/dev/null", O_WRONLY);
	out = dup(STDOUT_FILENO);
	err = dup(STDERR_FILENO);
	(void)dup2(null, STDOUT_FILENO);
	(void)dup2(null, STDERR_FILENO);
	*status = -1;
	result = options_parse(opt, argc, argv, status);
	(void)fflush(stdout);
	(void)fflush(stderr);
	(void)dup2(out, STDOUT_FILENO);
	(void)dup2(err, STDERR_FILENO);
	(void)close(null);
	(void)close(out);
	(void)close(err);
	return result;
}

static void
good_lines_are_understood(void **state)
{
	struct options opt;
	int status;

	(void)state;
	assert_int_equal(parse(&opt, "status", &status), 0);
	assert_int_equal(opt.command, COMMAND_STATUS);
	assert_null(opt.socket);
	assert_int_equal(opt.timeout_ms, 0);
	assert_int_equal(opt.arg_count, 0);
	assert_false(opt.json);
	assert_int_equal(parse(&opt, "status bash --json", &status), 0);
	assert_true(opt.json);
	assert_int_equal(opt.arg_count, 1);
	assert_string_equal(opt.args[0], "bash");
	assert_int_equal(
	    parse(&opt, "--socket /x --timeout 3 restart a b c", &status), 0);
	assert_int_equal(opt.command, COMMAND_RESTART);
	assert_string_equal(opt.socket, "/x");
	assert_int_equal(opt.timeout_ms, 3000);
	assert_int_equal(opt.arg_count, 3);
	assert_string_equal(opt.args[2], "c");
	assert_int_equal(
	    parse(&opt, "calls --errors --backend=b --count 5 --json", &status),
	    0);
	assert_true(opt.errors);
	assert_string_equal(opt.backend, "b");
	assert_int_equal(opt.count, 5);
	assert_int_equal(parse(&opt, "token alice --hash", &status), 0);
	assert_true(opt.hash);
	assert_int_equal(parse(&opt, "tools --safe", &status), 0);
	assert_true(opt.safe);
	assert_int_equal(parse(&opt, "stop -- --json", &status), 0);
	assert_string_equal(opt.args[0], "--json");
}

static void
every_command_is_known_by_its_name(void **state)
{
	struct options opt;
	char line[64];
	int status;

	(void)state;
	for (unsigned int i = 0; i < COMMANDS; i++) {
		(void)snprintf(line, sizeof(line), "%s 1",
		    options_command_name((enum command)i));
		if (parse(&opt, line, &status) == -1) {
			*strchr(line, ' ') = '\0';
			assert_int_equal(parse(&opt, line, &status), 0);
		}
		assert_int_equal(opt.command, i);
	}
}

static void
help_and_version_are_no_errors(void **state)
{
	static const char *const lines[] = { "--help", "-h", "status -h",
		"--version", "reload --version" };
	struct options opt;
	int status;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(parse(&opt, lines[i], &status), -1);
		assert_int_equal(status, 0);
	}
}

static void
bad_lines_are_refused(void **state)
{
	static const char *const lines[] = { "", "nonsense", "--nonsense",
		"-x status", "--socket", "--socket '' status",
		"--timeout 0 status", "--timeout x status", "--timeout",
		"--timeout +5 status", "--timeout 86401 status", "status a b",
		"status --errors", "status --hash", "reload a", "reload --json",
		"check a b", "check --json", "stop", "start", "restart",
		"stop ''", "log", "log debug info", "tools a b",
		"tools --names", "status --safe", "calls a", "calls --count 0",
		"calls --count 10001", "calls --backend ''", "explain",
		"explain 1 2", "import", "import a b", "import a --errors",
		"token a b", "token --json" };
	struct options opt;
	int status;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (parse(&opt, lines[i], &status) != -1)
			fail_msg("\"%s\" is accepted", lines[i]);
		assert_int_equal(status, EXIT_USAGE);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_lines_are_understood),
		cmocka_unit_test(every_command_is_known_by_its_name),
		cmocka_unit_test(help_and_version_are_no_errors),
		cmocka_unit_test(bad_lines_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
