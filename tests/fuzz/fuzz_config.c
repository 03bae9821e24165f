/* link: supervisor */
/* A configuration of any bytes is read, or refused with places and reasons. */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_errors(const struct config_errors *errors)
{
	assert(errors->count > 0 && errors->count <= CONFIG_ERRORS_MAX + 1);
	for (size_t i = 0; i < errors->count; i++) {
		const struct config_error *e = &errors->list[i];

		assert(e->text != NULL && *e->text != '\0');
		/* Only "N more errors" has no place. */
		if (i == CONFIG_ERRORS_MAX) {
			assert(e->line == 0 && e->column == 0);
			continue;
		}
		assert(e->line > 0 && e->column > 0);
		assert(i == 0 || e[-1].line < e->line ||
		    (e[-1].line == e->line && e[-1].column <= e->column));
	}
}

/* The transport of a backend that is started has what it needs. */
static void
check_remote(const struct config_backend *b)
{
	bool tls = b->url != NULL && strncmp(b->url, "https://", 8) == 0;

	assert((b->transport == CONFIG_STDIO) == (b->url == NULL));
	assert(b->url == NULL || tls || strncmp(b->url, "http://", 7) == 0);
	assert(b->url == NULL || strlen(b->url) <= CONFIG_URL_MAX);
	assert(b->url != NULL || (*b->headers == NULL && !b->private_network));
	assert(tls || (b->ca == NULL && b->certificate == NULL));
	assert((b->certificate == NULL) == (b->key == NULL));
	for (char **header = b->headers; *header != NULL; header++) {
		assert(strstr(*header, ": ") > *header);
		assert(strpbrk(*header, "\r\n") == NULL);
	}
	assert(b->ping_interval_ms == 0 || b->ping_interval_ms >= 1000);
}

static void
check_backend(const struct config *c, size_t i)
{
	const struct config_backend *b = &c->backends[i];

	assert(b->command != NULL || b->url != NULL);
	assert(b->command == NULL || *b->command != '\0');
	assert(b->args != NULL && b->env != NULL && b->headers != NULL);
	if (!b->disabled)
		check_remote(b);
	for (char **env = b->env; *env != NULL; env++)
		assert(strchr(*env, '=') > *env);
	assert(b->startup_timeout_ms >= 100 && b->request_timeout_ms >= 100);
	assert(*b->name != '\0' && strlen(b->name) <= CONFIG_NAME_MAX);
	for (size_t j = 0; j < i; j++)
		assert(strcmp(b->name, c->backends[j].name) != 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_errors errors;
	struct config *c;

	if (config_parse(&c, "fuzz", (const char *)data, size, &errors) == -1) {
		check_errors(&errors);
		config_errors_free(&errors);
		return 0;
	}
	assert(errors.count == 0);
	assert(c->host != NULL && c->log_dir != NULL && c->user != NULL &&
	    c->worker_user != NULL && c->allowed_hosts != NULL &&
	    c->allowed_origins != NULL);
	for (size_t i = 0; i < c->backend_count; i++)
		check_backend(c, i);
	config_free(&c);
	return 0;
}
