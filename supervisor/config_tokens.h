/* config_tokens.h: reads "tokens", who may call the gateway. */
#ifndef SUPERVISOR_CONFIG_TOKENS_H
#define SUPERVISOR_CONFIG_TOKENS_H

#include "proto/json.h"

#include "config.h"
#include "config_value.h"

/*
 * Read the object of all tokens into rd->fields, a struct config.  What is
 * wrong goes into the report; what was good is there, for config_tokens_free().
 */
void config_tokens_read(struct config_reader *rd, const struct config_key *key,
    struct json_span value);

/* Free all that they point to, and the list. */
void config_tokens_free(struct config *config);

#endif
