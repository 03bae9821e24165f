/* ${NAME} and ${file:/path}. */
#include "config_test.h"

#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

#include "config_expand.h"

#define MAX 64

static char folder[] = "/tmp/mcpgw-expand-XXXXXX";

/* Expand, and compare with wanted; NULL: it must be wrong for this reason. */
static void
expands_to(const char *text, const char *wanted, const char *reason)
{
	struct buf out = { 0 };
	char *why = NULL;
	enum config_expand_result result;

	assert_int_equal(buf_add_text(&out, "<"), 0);
	result = config_expand(&out, text, strlen(text), MAX, &why);
	if (wanted == NULL) {
		assert_int_equal(result, CONFIG_EXPAND_WRONG);
		if (strstr(why, reason) == NULL)
			fail_msg("%s: %s; wanted %s", text, why, reason);
	} else {
		if (result != CONFIG_EXPAND_OK)
			fail_msg("%s: %s", text, why == NULL ? "?" : why);
		assert_int_equal(buf_len(&out), strlen(wanted) + 1);
		assert_memory_equal(buf_data(&out) + 1, wanted, strlen(wanted));
	}
	free(why);
	buf_free(&out);
}

static void
what_is_no_reference_stays(void **state)
{
	static const char *const texts[] = { "", "a", "$", "$$", "a$b", "{}",
		"$(x)", "$NAME", "$}", "x$", "$ {A}", "\xc3\xbc$\xc3\xbc" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		expands_to(texts[i], texts[i], NULL);
}

static void
variables_are_put_in(void **state)
{
	(void)state;
	setenv("MCPGW_A", "one", 1);
	setenv("MCPGW_EMPTY", "", 1);
	setenv("MCPGW_AGAIN", "${MCPGW_A}", 1);
	expands_to("${MCPGW_A}", "one", NULL);
	expands_to("${env:MCPGW_A}", "one", NULL);
	expands_to("x${MCPGW_A}y${MCPGW_A}", "xoneyone", NULL);
	expands_to("${MCPGW_EMPTY}", "", NULL);
	expands_to("${MCPGW_AGAIN}", "${MCPGW_A}", NULL);
	expands_to("$${MCPGW_A}", "${MCPGW_A}", NULL);
	expands_to("$${${MCPGW_A}}", "${one}", NULL);
	expands_to("$$${MCPGW_A}", "$${MCPGW_A}", NULL);
}

static void
wrong_references_are_refused(void **state)
{
	(void)state;
	unsetenv("MCPGW_NOT");
	setenv("MCPGW_LATIN",
	    "s\xe4"
	    "cret",
	    1);
	expands_to("${MCPGW_NOT}", NULL, "uses ${MCPGW_NOT}, which is not set");
	expands_to("${MCPGW_LATIN}", NULL, "whose value is not UTF-8");
	expands_to("a${", NULL, "without a \"}\"");
	expands_to("a${B", NULL, "without a \"}\"");
	expands_to("${}", NULL, "uses ${}, which is none of");
	expands_to("${1A}", NULL, "none of");
	expands_to("${A-B}", NULL, "none of");
	expands_to("${A:-b}", NULL, "none of");
	expands_to("${input:x}", NULL, "uses ${input:x}, which is none of");
	expands_to("${env:}", NULL, "none of");
	expands_to("${${A}}", NULL, "none of");
	expands_to("${file:}", NULL, "not an absolute path");
	expands_to("${file:x}", NULL, "not an absolute path");
	expands_to("${file:/}", NULL, "not a regular file");
	expands_to("${file:/nonexistent/x}", NULL, "No such file");
}

/* Write a file and return "${file:…}" of it, in a static buffer. */
static const char *
secret(const char *name, const char *content, size_t len)
{
	static char reference[128];
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, content, len), (ssize_t)len);
	close(fd);
	snprintf(reference, sizeof(reference), "${file:%s}", path);
	return reference;
}

static void
files_are_put_in_without_their_last_line_feed(void **state)
{
	static const struct {
		const char *content;
		const char *wanted;
	} cases[] = { { "", "" }, { "\n", "" }, { "abc", "abc" },
		{ "abc\n", "abc" }, { "abc\n\n", "abc\n" },
		{ "a\nb\n", "a\nb" }, { "${X}", "${X}" } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expands_to(
		    secret("s", cases[i].content, strlen(cases[i].content)),
		    cases[i].wanted, NULL);
}

static void
files_that_are_not_text_are_refused(void **state)
{
	static char large[CONFIG_SECRET_MAX + 1];

	(void)state;
	expands_to(secret("s", "a\0b", 3), NULL, "without NUL bytes");
	expands_to(secret("s", "\xff\xfe", 2), NULL, "not UTF-8 text");
	memset(large, 'x', sizeof(large));
	expands_to(
	    secret("s", large, sizeof(large)), NULL, "more than 65536 bytes");
}

static void
the_result_has_a_limit(void **state)
{
	char text[MAX + 2];
	struct buf out = { 0 };
	char *why = NULL;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[MAX] = '\0';
	expands_to(text, text, NULL);
	assert_int_equal(config_expand(&out, text, MAX, MAX - 1, &why),
	    CONFIG_EXPAND_TOO_LONG);
	assert_null(why);
	setenv("MCPGW_LONG", text, 1);
	expands_to("${MCPGW_LONG}", text, NULL);
	assert_int_equal(config_expand(&out, "x${MCPGW_LONG}", 14, MAX, &why),
	    CONFIG_EXPAND_TOO_LONG);
	buf_free(&out);
}

static void
no_message_holds_a_value(void **state)
{
	static const char *const texts[] = {
		"{\"a\": {\"command\": \"${MCPGW_SECRET}\", \"cwd\":"
		" \"${MCPGW_SECRET}\", \"user\": \"${MCPGW_SECRET}\","
		" \"args\": [\"${MCPGW_SECRET}\", \"${MCPGW_NOT}\"],"
		" \"env\": {\"A\": \"${MCPGW_SECRET}\", \"A\": \"\","
		" \"B\": \"x${MCPGW_SECRET}${MCPGW_NOT}\"}}}",
		"{\"gateway\": {\"log_dir\": \"${MCPGW_NOTHING}\","
		" \"host\": \"${MCPGW_SECRET}\"}}",
	};
	struct config_errors errors;
	struct config *c;

	(void)state;
	setenv("MCPGW_SECRET", "hunter2", 1);
	setenv("MCPGW_NOTHING", "", 1);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(
		    config_parse(&c, "x", texts[i], strlen(texts[i]), &errors),
		    -1);
		assert_true(errors.count >= 2);
		for (size_t j = 0; j < errors.count; j++)
			assert_null(strstr(errors.list[j].text, "hunter2"));
		config_errors_free(&errors);
	}
}

static void
strings_of_the_configuration_are_expanded(void **state)
{
	struct config *c;

	(void)state;
	setenv("MCPGW_A", "/one", 1);
	c = must_parse("{\"gateway\": {\"log_dir\": \"${MCPGW_A}/logs\"},"
		       " \"mcpServers\": {\"a\": {\"command\":"
		       " \"${MCPGW_A}/x\", \"args\": [\"-${MCPGW_A}\","
		       " \"$${B}\"], \"env\": {\"K\": \"=${MCPGW_A}\"},"
		       " \"cwd\": \"${MCPGW_A}\"}}}");
	assert_string_equal(c->log_dir, "/one/logs");
	assert_string_equal(c->backends[0].command, "/one/x");
	assert_string_equal(c->backends[0].args[0], "-/one");
	assert_string_equal(c->backends[0].args[1], "${B}");
	assert_string_equal(c->backends[0].env[0], "K==/one");
	assert_string_equal(c->backends[0].cwd, "/one");
	config_free(&c);
}

static int
make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int
remove_folder(void **state)
{
	char path[96];

	(void)state;
	snprintf(path, sizeof(path), "%s/s", folder);
	(void)unlink(path);
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_reference_stays),
		cmocka_unit_test(variables_are_put_in),
		cmocka_unit_test(wrong_references_are_refused),
		cmocka_unit_test(files_are_put_in_without_their_last_line_feed),
		cmocka_unit_test(files_that_are_not_text_are_refused),
		cmocka_unit_test(the_result_has_a_limit),
		cmocka_unit_test(no_message_holds_a_value),
		cmocka_unit_test(strings_of_the_configuration_are_expanded),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
