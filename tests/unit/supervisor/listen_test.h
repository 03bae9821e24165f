/* listen_test.h: configurations with addresses, and what comes of them. */
#ifndef TESTS_SUPERVISOR_LISTEN_TEST_H
#define TESTS_SUPERVISOR_LISTEN_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "listen.h"

static char dir[] = "/tmp/test_listen.XXXXXX";

static inline int
make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static inline int
remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

static inline char *
path_in_dir(const char *name)
{
	static char paths[4][64];
	static unsigned int next;
	char *path = paths[next++ % 4];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

/* A configuration with host and port alone. */
static inline struct config
config_host(const char *host, uint16_t port)
{
	static char name[128];
	static char *none[] = { NULL };

	(void)strlcpy(name, host, sizeof(name));
	return (struct config){
		.host = name, .port = port, .listen = none, .socket_mode = 0660
	};
}

/* One with a list of addresses that ends with NULL. */
static inline struct config
config_list(char **list)
{
	struct config config = config_host("127.0.0.1", 9);

	config.listen = list;
	return config;
}

static inline void
open_config(
    struct listeners *ret, const struct config *config, struct listeners *old)
{
	char *error = NULL;

	if (listen_open(ret, config, old, &error) == -1)
		fail_msg("%s", error);
	assert_null(error);
}

static inline void
open_host(struct listeners *ret, const char *host, uint16_t port)
{
	struct config config = config_host(host, port);

	open_config(ret, &config, NULL);
}

/* The text why it cannot be; in one buffer. */
static inline const char *
refusal(const struct config *config, struct listeners *old)
{
	static char text[1024];
	struct listeners all;
	char *error = NULL;

	assert_int_equal(listen_open(&all, config, old, &error), -1);
	assert_non_null(error);
	(void)strlcpy(text, error, sizeof(text));
	free(error);
	return text;
}

#endif
