#include "config_gateway.h"

#include <stdlib.h>
#include <string.h>

#include "config_form.h"
#include "config_string.h"
#include "config_tokens.h"

void
config_gateway_free(struct config *config)
{
	free(config->path);
	free(config->host);
	config_string_free_list(config->listen);
	free(config->socket_group);
	free(config->public_url);
	config_string_free_list(config->authorization_servers);
	config_tokens_free(config);
	free(config->control_socket);
	free(config->control_group);
	free(config->log_dir);
	free(config->job_user);
	free(config->job_uids);
	free(config->state_dir);
	free(config->user);
	free(config->worker_user);
	config_string_free_list(config->allowed_hosts);
	config_string_free_list(config->allowed_origins);
}

/* An address is said once: as host and port, or in the list. */
static void
check_listen(struct config_reader *rd, struct json_span object,
    const struct config *config)
{
	static const char *const instead[] = { "host", "port" };
	char *const *list = config->listen;

	if (list == NULL || *list == NULL)
		return;
	for (size_t i = 0; i < sizeof(instead) / sizeof(instead[0]); i++) {
		struct json_span value = json_get(object, instead[i]);

		if (value.at != NULL)
			config_report_add(rd->report, value.at,
			    "%s: \"%s\" means nothing beside \"listen\"; "
			    "remove \"%s\", or remove \"listen\"",
			    rd->where, instead[i], instead[i]);
	}
	for (size_t i = 0; list[i] != NULL; i++) {
		for (size_t j = 0; j < i; j++) {
			if (strcmp(list[i], list[j]) == 0)
				config_report_add(rd->report,
				    json_get(object, "listen").at,
				    "%s: \"listen\" has \"%s\" twice; keep one "
				    "of them",
				    rd->where,
				    log_str(list[i], strlen(list[i])));
		}
	}
}

/* Clients find them in the metadata of the public url (RFC 9728, 3). */
static void
check_servers(struct config_reader *rd, struct json_span object,
    const struct config *config)
{
	char *const *servers = config->authorization_servers;

	if (servers != NULL && *servers != NULL &&
	    json_get(object, "public_url").at == NULL)
		config_report_add(rd->report,
		    json_get(object, "authorization_servers").at,
		    "%s: \"authorization_servers\" needs the address under "
		    "which clients know the gateway; add \"public_url\": "
		    "\"https://mcp.example.com\"",
		    rd->where);
}

/* One client alone may use what is for all of them together, not more. */
static void
check_memory(
    struct config_reader *rd, struct json_span object, struct config *config)
{
	char needed[CONFIG_FORM_SIZE_MAX];
	struct config_limits *limits = &config->limits;
	uint64_t least = limits->queue_size + limits->body_size;
	struct json_span own = json_get(object, "limits");

	if (limits->rate > 0 && limits->burst == 0)
		limits->burst = 2 * limits->rate;
	if (own.at == NULL || limits->memory == 0 || limits->memory >= least)
		return;
	config_report_add(rd->report, own.at,
	    "%s, \"limits\": \"memory\" is for all clients together and must "
	    "hold one \"body_size\" and one \"queue_size\" at least; write "
	    "\"memory\": \"%s\" or more, or make those smaller",
	    rd->where, config_form_size(needed, (double)least));
}

void
config_gateway_check(
    struct config_reader *rd, struct json_span object, struct config *config)
{
	check_listen(rd, object, config);
	check_servers(rd, object, config);
	check_memory(rd, object, config);
}
