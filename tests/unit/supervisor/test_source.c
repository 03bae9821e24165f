/* test_source.c: the command line over the file. */
/* wrap: config_load */
/* wrap: config_free */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "source.h"

/* What the file says. */
static struct config file;
static char loaded[4096];

int __wrap_config_load(
    struct config **ret, const char *path, struct config_errors *errors);
void __wrap_config_free(struct config **config);

int
__wrap_config_load(
    struct config **ret, const char *path, struct config_errors *errors)
{
	(void)errors;
	(void)strlcpy(loaded, path, sizeof(loaded));
	file = (struct config){ .host = strdup("127.0.0.1"),
		.port = 9000,
		.listen = calloc(3, sizeof(char *)),
		.log_level = LOG_LEVEL_INFO,
		.log_dir = strdup("logs") };
	file.listen[0] = strdup("127.0.0.1:1");
	file.listen[1] = strdup("/run/x.sock");
	*ret = &file;
	return 0;
}

void
__wrap_config_free(struct config **config)
{
	for (size_t i = 0; file.listen[i] != NULL; i++)
		free(file.listen[i]);
	free(file.listen);
	free(file.host);
	free(file.log_dir);
	*config = NULL;
}

static struct options
nothing(void)
{
	return (struct options){
		.config = "config.json", .port = -1, .log_level = -1
	};
}

static struct config *
load(struct source *source, const struct options *options)
{
	struct config_errors errors = { 0, NULL };
	struct config *config;
	char *error;

	assert_int_equal(source_init(source, options, &error), 0);
	assert_int_equal(source_load(source, &config, &errors), 0);
	return config;
}

static void
unload(struct source *source, struct config *config)
{
	__wrap_config_free(&config);
	source_free(source);
}

static void
nothing_given_leaves_the_file_as_it_is(void **state)
{
	struct options options = nothing();
	struct source source;
	struct config *config = load(&source, &options);

	(void)state;
	assert_string_equal(loaded, "config.json");
	assert_string_equal(config->host, "127.0.0.1");
	assert_int_equal(config->port, 9000);
	assert_string_equal(config->listen[1], "/run/x.sock");
	assert_int_equal(config->log_level, LOG_LEVEL_INFO);
	assert_string_equal(config->log_dir, "logs");
	assert_false(config->insecure);
	unload(&source, config);
}

static void
every_option_wins_over_the_file(void **state)
{
	struct options options = nothing();
	struct source source;
	struct config *config;

	(void)state;
	options.host = "::1";
	options.port = 0;
	options.log_level = LOG_LEVEL_DEBUG;
	options.insecure = true;
	config = load(&source, &options);
	assert_string_equal(config->host, "::1");
	assert_int_equal(config->port, 0);
	assert_null(config->listen[0]);
	assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
	assert_true(config->insecure);
	unload(&source, config);
}

static void
half_an_address_is_one_instead_of_the_list(void **state)
{
	struct options options = nothing();
	struct source source;
	struct config *config;

	(void)state;
	options.port = 7;
	config = load(&source, &options);
	assert_null(config->listen[0]);
	assert_string_equal(config->host, "127.0.0.1");
	assert_int_equal(config->port, 7);
	unload(&source, config);
	options = nothing();
	options.host = "localhost";
	config = load(&source, &options);
	assert_null(config->listen[0]);
	assert_int_equal(config->port, 9000);
	unload(&source, config);
}

static void
a_daemon_has_absolute_paths(void **state)
{
	struct options options = nothing();
	struct source source;
	struct config *config;
	char *path;

	(void)state;
	assert_int_equal(chdir("/usr"), 0);
	options.daemon = true;
	config = load(&source, &options);
	assert_string_equal(loaded, "/usr/config.json");
	assert_string_equal(config->log_dir, "/usr/logs");
	path = source_path(&source, "/etc/x");
	assert_string_equal(path, "/etc/x");
	free(path);
	/* A reload begins where the start began. */
	__wrap_config_free(&config);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(source_load(&source, &config, NULL), 0);
	assert_string_equal(loaded, "/usr/config.json");
	assert_string_equal(config->log_dir, "/usr/logs");
	unload(&source, config);
	config = load(&source, &options);
	assert_string_equal(loaded, "/config.json");
	unload(&source, config);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_given_leaves_the_file_as_it_is),
		cmocka_unit_test(every_option_wins_over_the_file),
		cmocka_unit_test(half_an_address_is_one_instead_of_the_list),
		cmocka_unit_test(a_daemon_has_absolute_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
