/* link: supervisor */
/* A configuration of any bytes is read, or refused with places and reasons. */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "config_diff.h"

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

/* NULL-terminated lists are there, and what they hold is not empty. */
static void
check_patterns(char *const *list)
{
	assert(list != NULL);
	for (; *list != NULL; list++)
		assert(**list != '\0' && strlen(*list) <= 256);
}

/* What a program that we start may use. */
static void
check_job(const struct config_backend *b)
{
	const struct config_job_limits *l = &b->limits;

	check_patterns(b->tools.allow);
	check_patterns(b->tools.deny);
	assert(b->sandbox.read != NULL && b->sandbox.write != NULL &&
	    b->sandbox.connect != NULL);
	assert(b->sandbox.set ||
	    (*b->sandbox.read == NULL && *b->sandbox.connect == NULL));
	for (char **port = b->sandbox.connect; *port != NULL; port++)
		assert(strcmp(*port, "*") == 0 ||
		    (strtol(*port, NULL, 10) > 0 &&
			strtol(*port, NULL, 10) <= UINT16_MAX));
	assert(l->memory >= 1U << 20 && l->processes > 0 && l->cpu_percent > 0);
	assert(l->open_files >= 16);
	assert(b->requests <= 16384);
	assert(b->message_size >= 1024 && b->message_size <= 64U << 20);
	assert(b->disabled || b->session == CONFIG_SHARED || b->url == NULL ||
	    b->command == NULL);
	assert(
	    b->max_instances >= 1 && b->max_instances <= CONFIG_INSTANCES_MAX);
}

static void
check_tokens(const struct config *c)
{
	assert(c->token_count <= CONFIG_TOKENS_MAX);
	for (size_t i = 0; i < c->token_count; i++) {
		const struct config_token *t = &c->tokens[i];

		assert(*t->name != '\0' && strlen(t->name) <= CONFIG_NAME_MAX);
		assert(strlen(t->hash) == strlen("sha256:") + 64);
		check_patterns(t->backends);
		check_patterns(t->tools);
		for (size_t j = 0; j < i; j++)
			assert(strcmp(t->name, c->tokens[j].name) != 0 &&
			    strcmp(t->hash, c->tokens[j].hash) != 0);
	}
}

static void
check_gateway(const struct config *c)
{
	const struct config_limits *l = &c->limits;
	size_t n = 0;

	assert(c->host != NULL && c->log_dir != NULL && c->user != NULL &&
	    c->worker_user != NULL && c->allowed_hosts != NULL &&
	    c->allowed_origins != NULL && c->job_uids != NULL &&
	    c->state_dir != NULL);
	while (c->listen[n] != NULL)
		n++;
	assert(n <= CONFIG_LISTEN_MAX);
	assert(*c->authorization_servers == NULL || c->public_url != NULL);
	assert(c->socket_mode <= 0777 && c->control_mode <= 0777);
	assert(l->sessions > 0 && l->requests_per_session > 0 &&
	    l->requests_per_backend > 0);
	assert(l->body_size >= 64 && l->body_size <= 4U << 20);
	assert(l->memory >= l->body_size + l->queue_size);
	assert(l->rate == 0 || l->burst > 0);
	assert(l->session_idle_ms >= 1000);
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
	check_job(b);
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
	check_gateway(c);
	check_tokens(c);
	for (size_t i = 0; i < c->backend_count; i++)
		check_backend(c, i);
	/* It is no change of itself. */
	assert(config_diff_fixed(c, c) == NULL && !config_diff_jobs(c, c));
	for (size_t i = 0; i < c->backend_count; i++)
		assert(config_diff_backend(&c->backends[i], &c->backends[i]) ==
		    CONFIG_SAME);
	config_free(&c);
	return 0;
}
