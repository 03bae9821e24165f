/* change.c: what changes a running gateway, or would. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "answer.h"
#include "commands.h"
#include "config.h"
#include "page.h"
#include "proto/log.h"

static void
add_text(struct json_object *request, const char *key, const char *value)
{
	if (json_object_object_add(
		request, key, json_object_new_string(value)) == -1)
		err(EXIT_REFUSED, NULL);
}

/* A line of the gateway's, such as what a reload changed. */
static void
print_summary(struct json_object *answer, const char *fallback)
{
	const char *summary = answer_text(answer, "summary");
	char *safe =
	    page_safe(summary != NULL && *summary != '\0' ? summary : fallback);

	(void)puts(safe);
	free(safe);
}

static int
ask_summary(const struct options *opt, const char *verb, const char *fallback)
{
	struct json_object *answer;
	int status =
	    answer_ask(&answer, opt, answer_request(verb), ANSWER_RELOAD_MS);

	if (status != 0)
		return status;
	print_summary(answer, fallback);
	json_object_put(answer);
	return 0;
}

int
command_reload(const struct options *opt)
{
	return ask_summary(opt, "reload", "nothing changed");
}

static void
print_errors(const char *path, const struct config_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++) {
		const struct config_error *e = &errors->list[i];

		if (e->line == 0)
			fprintf(stderr, "%s: %s\n", path, e->text);
		else
			fprintf(stderr, "%s:%u:%u: %s\n", path, e->line,
			    e->column, e->text);
	}
	if (errors->count == 0)
		fputs("mcp-gatewayctl: out of memory\n", stderr);
}

/* Without a gateway: whether it would start with this file. */
static int
check_file(const char *path)
{
	struct config_errors errors = { 0, NULL };
	struct config *config;

	if (config_load(&config, path, &errors) == -1) {
		print_errors(path, &errors);
		config_errors_free(&errors);
		return EXIT_REFUSED;
	}
	(void)printf("%s: ok, %zu backend%s\n", path, config->backend_count,
	    config->backend_count == 1 ? "" : "s");
	config_free(&config);
	return 0;
}

int
command_check(const struct options *opt)
{
	if (opt->arg_count > 0)
		return check_file(opt->args[0]);
	return ask_summary(opt, "check", "nothing would change");
}

/* All are asked for, whatever becomes of the first. */
int
command_act(const struct options *opt)
{
	const char *verb = options_command_name(opt->command);
	int result = 0;

	for (size_t i = 0; i < opt->arg_count; i++) {
		struct json_object *request = answer_request(verb);
		struct json_object *answer = NULL;
		int status;

		add_text(request, "name", opt->args[i]);
		status = answer_ask(&answer, opt, request, ANSWER_MS);
		json_object_put(answer);
		if (status == EXIT_NOBODY)
			return status;
		if (status != 0)
			result = status;
	}
	return result;
}

int
command_log(const struct options *opt)
{
	struct json_object *request, *answer = NULL;
	int status;

	if (log_level_find(opt->args[0]) == -1) {
		warnx("there is no level '%s': debug, info, warning, error or "
		      "critical",
		    log_str(opt->args[0], strlen(opt->args[0])));
		return EXIT_USAGE;
	}
	request = answer_request("log");
	add_text(request, "level", opt->args[0]);
	status = answer_ask(&answer, opt, request, ANSWER_MS);
	json_object_put(answer);
	return status;
}
