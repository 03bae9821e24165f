/* logfile_test.h: a folder for logs, and logs in it. */
#ifndef TESTS_SUPERVISOR_LOGFILE_TEST_H
#define TESTS_SUPERVISOR_LOGFILE_TEST_H

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "logfile.h"

static char dir[] = "/tmp/test_logfile.XXXXXX";

static inline int
make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static inline int
remove_dir(void **state)
{
	char pattern[64];
	glob_t found;

	(void)state;
	(void)snprintf(pattern, sizeof(pattern), "%s/logs/*", dir);
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			(void)unlink(found.gl_pathv[i]);
		globfree(&found);
	}
	(void)snprintf(pattern, sizeof(pattern), "%s/logs", dir);
	(void)rmdir(pattern);
	return rmdir(dir);
}

/* A log as it is without any configuration. */
static inline struct config
config_of(char *path, enum log_level level)
{
	return (struct config){ .log = CONFIG_LOG_FILE,
		.log_format = CONFIG_LOG_TEXT,
		.log_level = level,
		.log_dir = path };
}

static inline struct logfile *
open_as(const struct config *config, struct console *console)
{
	char *error = NULL;
	struct logfile *lf = logfile_open(config, console, &error);

	assert_non_null(lf);
	assert_null(error);
	return lf;
}

#endif
