/* The command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "options.h"

#include "proto/log.h"

#include <fcntl.h>
#include <unistd.h>

#define ARGS_MAX   16
#define OUTPUT_MAX 4096

/* What the last call of parse() wrote. */
static char out[OUTPUT_MAX];
static char err[OUTPUT_MAX];

/* Point fd at an empty file; returns what it was before. */
static int
capture(int fd, FILE *file)
{
	int saved = dup(fd);

	assert_int_not_equal(dup2(fileno(file), fd), -1);
	return saved;
}

static void
release(int fd, int saved, FILE *file, char *text)
{
	size_t n;

	assert_int_not_equal(dup2(saved, fd), -1);
	close(saved);
	rewind(file);
	n = fread(text, 1, OUTPUT_MAX - 1, file);
	text[n] = '\0';
	fclose(file);
}

/* Parse the words of line. */
static int
parse(struct options *opt, const char *line, int *status)
{
	static char words[256];
	static char *argv[ARGS_MAX + 1];
	FILE *files[2] = { tmpfile(), tmpfile() };
	int saved[2];
	int argc = 0;
	int result;
	char *at = words;

	strlcpy(words, line, sizeof(words));
	argv[argc++] = (char[]){ "mcp-gatewayd" };
	while (at != NULL && argc < ARGS_MAX)
		argv[argc++] = strsep(&at, " ");
	if (*words == '\0')
		argc = 1;
	argv[argc] = NULL;
	fflush(NULL);
	saved[0] = capture(STDOUT_FILENO, files[0]);
	saved[1] = capture(STDERR_FILENO, files[1]);
	result = options_parse(opt, argc, argv, status);
	fflush(NULL);
	release(STDOUT_FILENO, saved[0], files[0], out);
	release(STDERR_FILENO, saved[1], files[1], err);
	return result;
}

static void
nothing_given_leaves_the_file_to_decide(void **state)
{
	struct options opt;
	int status = 99;

	(void)state;
	assert_int_equal(parse(&opt, "", &status), 0);
	assert_string_equal(opt.config, "config.json");
	assert_null(opt.host);
	assert_int_equal(opt.port, -1);
	assert_int_equal(opt.log_level, -1);
	assert_false(opt.test);
	assert_false(opt.insecure);
	assert_false(opt.daemon);
	assert_null(opt.pidfile);
	assert_string_equal(out, "");
	assert_string_equal(err, "");
}

static void
every_option_is_taken(void **state)
{
	struct options opt;
	int status;

	(void)state;
	assert_int_equal(parse(&opt,
			     "--config /x/y --host ::1 --port=65535 "
			     "--log-level warning --test --insecure "
			     "--daemon --pidfile /run/x.pid",
			     &status),
	    0);
	assert_string_equal(opt.config, "/x/y");
	assert_string_equal(opt.host, "::1");
	assert_int_equal(opt.port, 65535);
	assert_int_equal(opt.log_level, LOG_LEVEL_WARNING);
	assert_true(opt.test);
	assert_true(opt.insecure);
	assert_true(opt.daemon);
	assert_string_equal(opt.pidfile, "/run/x.pid");
	assert_string_equal(err, "");
	assert_int_equal(parse(&opt, "-d", &status), 0);
	assert_true(opt.daemon);
}

static void
the_last_of_two_counts(void **state)
{
	struct options opt;
	int status;

	(void)state;
	assert_int_equal(parse(&opt, "--port 1 --port 0", &status), 0);
	assert_int_equal(opt.port, 0);
	assert_int_equal(parse(&opt, "--host=a --host b", &status), 0);
	assert_string_equal(opt.host, "b");
}

static void
every_level_has_its_name(void **state)
{
	static const char *const names[] = { "debug", "info", "warning",
		"error", "critical" };
	struct options opt;
	char line[64];
	int status;

	(void)state;
	for (int i = 0; i < 5; i++) {
		snprintf(line, sizeof(line), "--log-level %s", names[i]);
		assert_int_equal(parse(&opt, line, &status), 0);
		assert_int_equal(opt.log_level, i);
	}
}

static void
help_and_version_end_well(void **state)
{
	static const char *const names[] = { "--host HOST", "--port PORT",
		"--config FILE", "--test", "--version", "-h, --help",
		"--insecure", "-d, --daemon", "--pidfile FILE",
		"--log-level {debug,info,warning,error,critical}" };
	static const char *const asks[] = { "-h", "--help", "--test -h" };
	struct options opt;
	int status;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		status = 99;
		assert_int_equal(parse(&opt, asks[i], &status), -1);
		assert_int_equal(status, 0);
		assert_int_equal(
		    strncmp(out, "usage: mcp-gatewayd [-h]", 24), 0);
		for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++)
			assert_non_null(strstr(out, names[j]));
		assert_string_equal(err, "");
	}
	status = 99;
	assert_int_equal(parse(&opt, "--version", &status), -1);
	assert_int_equal(status, 0);
	assert_string_equal(out, "mcp-gatewayd " MCPGW_VERSION "\n");
	assert_string_equal(err, "");
}

static void
bad_usage_is_said_with_a_hint(void **state)
{
	static const struct {
		const char *line;
		const char *part;
	} cases[] = {
		{ "--nonsense", "unrecognized argument: --nonsense" },
		{ "--nonsense=5", "unrecognized argument: --nonsense=5" },
		{ "--h=5", "unrecognized argument: --h=5" },
		{ "--test=5", "unrecognized argument: --test=5" },
		{ "-x", "unrecognized argument: -x" },
		{ "-xh", "unrecognized argument: -x" },
		{ "extra", "unrecognized argument: extra" },
		{ "--test extra", "unrecognized argument: extra" },
		{ "-- extra", "unrecognized argument: extra" },
		{ "-", "unrecognized argument: -" },
		{ "--port", "argument --port: expected one argument" },
		{ "--host", "argument --host: expected one argument" },
		{ "--host=", "argument --host: must not be empty" },
		{ "--pidfile", "argument --pidfile: expected one argument" },
		{ "--pidfile=", "argument --pidfile: must not be empty" },
		{ "--daemon=yes", "unrecognized argument: --daemon=yes" },
		{ "--config=", "argument --config: must not be empty" },
		{ "--port 65536", "argument --port: invalid value: '65536'" },
		{ "--port -1", "argument --port: invalid value: '-1'" },
		{ "--port +1", "invalid value: '+1'" },
		{ "--port 1x", "invalid value: '1x'" },
		{ "--port=", "invalid value: ''" },
		{ "--port 99999999999999999999", "invalid value: '9999" },
		{ "--log-level bogus",
		    "argument --log-level: invalid choice: 'bogus' (choose "
		    "from debug, info, warning, error, critical)" },
		{ "--log-level INFO", "invalid choice: 'INFO'" },
		{ "--log-level \033[31m", "invalid choice: '\\x1b[31m'" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct options opt = { .port = 77 };
		int status = 99;

		assert_int_equal(parse(&opt, cases[i].line, &status), -1);
		assert_int_equal(status, 2);
		assert_int_equal(opt.port, 77);
		if (strstr(err, cases[i].part) == NULL)
			fail_msg("%s: %s", cases[i].line, err);
		assert_non_null(
		    strstr(err, "\nTry \"mcp-gatewayd --help\".\n"));
		assert_int_equal(strncmp(err, "mcp-gatewayd: error: ", 21), 0);
		assert_string_equal(out, "");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_given_leaves_the_file_to_decide),
		cmocka_unit_test(every_option_is_taken),
		cmocka_unit_test(the_last_of_two_counts),
		cmocka_unit_test(every_level_has_its_name),
		cmocka_unit_test(help_and_version_end_well),
		cmocka_unit_test(bad_usage_is_said_with_a_hint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
