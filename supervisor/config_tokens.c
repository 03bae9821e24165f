#include "config_tokens.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_rules.h"
#include "config_string.h"

static void
token_free(struct config_token *token)
{
	free(token->name);
	free(token->hash);
	config_string_free_list(token->backends);
	config_string_free_list(token->tools);
}

void
config_tokens_free(struct config *config)
{
	for (size_t i = 0; i < config->token_count; i++)
		token_free(&config->tokens[i]);
	free(config->tokens);
	config->tokens = NULL;
	config->token_count = 0;
}

/* What is wrong with a token's name, or NULL. */
static const char *
name_fault(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->token_count; i++) {
		if (strcmp(config->tokens[i].name, name) == 0)
			return "there is another token of this name; give each "
			       "its own";
	}
	return config_rules_name_fault(name);
}

/* Whoever reads it later need not think of upper case. */
static void
lower(char *hash)
{
	for (; *hash != '\0'; hash++)
		*hash = (char)tolower((unsigned char)*hash);
}

/* Two names for one token: nobody could tell who called. */
static void
check_hash(struct config_reader *rd, struct json_span name,
    struct json_span object, const struct config_token *token)
{
	const struct config *config = rd->fields;

	if (json_get(object, "hash").at == NULL)
		config_report_add(rd->report, name.at,
		    "%s, token \"%s\": \"hash\" is missing; write the one "
		    "that \"mcp-gatewayctl token\" prints",
		    rd->where, log_str(token->name, strlen(token->name)));
	if (token->hash == NULL)
		return;
	lower(token->hash);
	for (size_t i = 0; i < config->token_count; i++) {
		const struct config_token *other = &config->tokens[i];

		if (other != token && other->hash != NULL &&
		    strcmp(other->hash, token->hash) == 0)
			config_report_add(rd->report,
			    json_get(object, "hash").at,
			    "%s: this token is that of \"%s\" too; remove one "
			    "of them, or make another with \"mcp-gatewayctl "
			    "token\"",
			    rd->where,
			    log_str(other->name, strlen(other->name)));
	}
}

static void
read_token(struct config_reader *rd, struct json_span name,
    struct json_span value, struct config_token *token)
{
	char where[CONFIG_WHERE_MAX];
	struct config_reader nested = *rd;

	(void)snprintf(where, sizeof(where), "%s, token \"%s\"", rd->where,
	    log_str(token->name, strlen(token->name)));
	if (json_kind(value) != JSON_OBJECT) {
		config_report_add(rd->report, value.at,
		    "%s must be an object, not %s; write {\"hash\": "
		    "\"sha256:…\"}",
		    where, config_value_type(value));
		return;
	}
	nested.section = CONFIG_TOKEN;
	nested.where = where;
	nested.fields = token;
	config_value_members(&nested, value);
	check_hash(rd, name, value, token);
}

/* The names count as strings do.  False: reported. */
static bool
take_room(struct config_reader *rd, struct json_span at, const char *name)
{
	size_t n = strlen(name);

	if (n <= rd->room->left) {
		rd->room->left -= n;
		return true;
	}
	config_report_add(rd->report, at.at,
	    "%s: the strings of %s may have %zu bytes together; leave some "
	    "tokens out",
	    rd->where, rd->room->of, rd->room->max);
	return false;
}

/* Takes name. */
static void
add_token(struct config_reader *rd, struct json_span key,
    struct json_span value, char *name)
{
	struct config *config = rd->fields;
	struct config_token unnamed = { .name = name };
	const char *fault = name_fault(config, name);

	if (fault == NULL && take_room(rd, key, name)) {
		config->tokens[config->token_count].name = name;
		read_token(
		    rd, key, value, &config->tokens[config->token_count++]);
		return;
	}
	/* All of it is checked, but it is not kept. */
	if (fault != NULL)
		config_report_add(rd->report, key.at, "%s, token \"%s\": %s",
		    rd->where, log_str(name, strlen(name)), fault);
	read_token(rd, key, value, &unnamed);
	token_free(&unnamed);
}

void
config_tokens_read(struct config_reader *rd, const struct config_key *key,
    struct json_span value)
{
	struct config *config = rd->fields;
	struct config_room room = { "\"tokens\"", CONFIG_TOKEN_STRINGS_MAX,
		CONFIG_TOKEN_STRINGS_MAX };
	struct config_reader nested = *rd;
	struct json_span name, token;
	struct json_iter it;
	char *text;

	if (json_kind(value) != JSON_OBJECT) {
		config_value_wrong_type(rd, key, value);
		return;
	}
	nested.room = &room;
	json_iter_init(&it, value);
	while (json_iter_member(&it, &name, &token)) {
		if (config->token_count == CONFIG_TOKENS_MAX) {
			config_report_add(rd->report, name.at,
			    "%s: there are more than %d tokens; leave some out",
			    rd->where, CONFIG_TOKENS_MAX);
			return;
		}
		if (config->tokens == NULL)
			config->tokens =
			    calloc(CONFIG_TOKENS_MAX, sizeof(*config->tokens));
		if (config->tokens == NULL) {
			config_report_no_memory(rd->report);
			return;
		}
		text = config_value_key(rd->report, rd->where, name);
		if (text != NULL)
			add_token(&nested, name, token, text);
	}
}
