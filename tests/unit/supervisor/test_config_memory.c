/* Lack of memory at any place is an error, without a crash or a leak. */
/* wrap: malloc */
/* wrap: calloc */
/* wrap: realloc */
/* wrap: reallocarray */
/* wrap: strdup */
/* wrap: strndup */
/* wrap: vasprintf */
#include "config_test.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t n, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t n);
int __real_vasprintf(char **ret, const char *format, va_list ap);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t n, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t n);
int __wrap_vasprintf(char **ret, const char *format, va_list ap);

/* The call that fails, counted from 1; 0: none. */
static unsigned int failing;
static unsigned int calls;

static int
fails(void)
{
	if (++calls != failing)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *
__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

void *
__wrap_reallocarray(void *old, size_t n, size_t size)
{
	return fails() ? NULL : __real_reallocarray(old, n, size);
}

char *
__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

char *
__wrap_strndup(const char *text, size_t n)
{
	return fails() ? NULL : __real_strndup(text, n);
}

int
__wrap_vasprintf(char **ret, const char *format, va_list ap)
{
	return fails() ? -1 : __real_vasprintf(ret, format, ap);
}

/* Parse with every call failing once; the text is good or wrong. */
static void
survives(const char *text, int wanted)
{
	struct config_errors errors;
	struct config *c = NULL;
	unsigned int total;
	int result;

	failing = 0;
	calls = 0;
	result = config_parse(&c, "x", text, strlen(text), &errors);
	total = calls;
	assert_int_equal(result, wanted);
	config_free(&c);
	config_errors_free(&errors);
	assert_true(total > 10);
	for (unsigned int n = 1; n <= total; n++) {
		failing = n;
		calls = 0;
		result = config_parse(&c, "x", text, strlen(text), &errors);
		failing = 0;
		assert_int_equal(result, -1);
		assert_null(c);
		config_errors_free(&errors);
	}
}

static void
a_good_configuration_is_refused_whole(void **state)
{
	static const char pem[] = "-----BEGIN CERTIFICATE-----\n";
	char path[] = "/tmp/mcpgw-memory-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	(void)state;
	setenv("MCPGW_A", "x", 1);
	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, pem, sizeof(pem) - 1), sizeof(pem) - 1);
	close(fd);
	setenv("MCPGW_PEM", path, 1);
	survives("{\"gateway\": {\"allowed_hosts\": [\"a\", \"b\"],"
		 " \"listen\": [\"/x\"], \"tokens\": {\"t\": {\"hash\":"
		 " \"" TEST_HASH "\", \"tools\": [\"*\"]}},"
		 " \"limits\": {\"memory\": \"64M\"}},"
		 " \"mcpServers\": {\"a\": {\"command\": \"${MCPGW_A}\","
		 " \"args\": [\"1\", \"$${\"], \"env\": {\"K\": \"v\","
		 " \"L\": \"${file:/proc/self/nothing}\"}, \"cwd\": \"/\","
		 " \"user\": \"u\", \"disabled\": true},"
		 " \"b\": {\"command\": \"${MCPGW_A}\","
		 " \"env\": {\"K\": \"${MCPGW_A}\"},"
		 " \"sandbox\": {\"read\": [\"/a\"], \"connect\": [443]},"
		 " \"tools\": {\"deny\": [\"*\"]}},"
		 " \"c\": {\"url\": \"https://${MCPGW_A}\","
		 " \"headers\": {\"K\": \"${MCPGW_A}\", \"L\": \"v\"},"
		 " \"ca_file\": \"${MCPGW_PEM}\"}}}",
	    0);
	unlink(path);
}

static void
a_wrong_configuration_stays_wrong(void **state)
{
	(void)state;
	survives("{\"gateway\": {\"hots\": 1, \"port\": \"\", \"tokens\":"
		 " {\"t\": {}, \"t\": {\"hash\": \"x\"}},"
		 " \"limits\": {\"x\": 1}}, \"mcpServers\":"
		 " {\"a\": {\"args\": [1, \"${MCPGW_NOT}\", \"\\u0000\"],"
		 " \"env\": {\"K\": 1, \"K\": \"\", \"=\": \"\"}},"
		 " \"a\": {\"command\": \"\", \"cwd\": \".\"},"
		 " \"b\": {\"url\": \"x\", \"headers\": {\"A\": \"\","
		 " \"a\": \"\", \"Expect\": \"x\"}, \"key_file\": \"/\"}},"
		 " \"x\": 1}",
	    -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_configuration_is_refused_whole),
		cmocka_unit_test(a_wrong_configuration_stays_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
