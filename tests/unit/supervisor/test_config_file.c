/* How a configuration file is read. */
#include "config_test.h"

#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

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
	static const char text[] = "{\"a\": {\"command\": \"x\"}}";
	const char *path = file_of(text, strlen(text));
	struct config *c;
	struct config_errors errors;

	(void)state;
	assert_int_equal(config_load(&c, path, &errors), 0);
	assert_string_equal(c->path, path);
	assert_int_equal(c->backend_count, 1);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_loaded),
		cmocka_unit_test(a_file_that_cannot_be_had_is_named),
		cmocka_unit_test(a_fifo_does_not_hold_us),
		cmocka_unit_test(a_file_of_the_greatest_size_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
