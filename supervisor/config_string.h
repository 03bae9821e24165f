/* config_string.h: reads strings, lists of them and objects. */
#ifndef SUPERVISOR_CONFIG_STRING_H
#define SUPERVISOR_CONFIG_STRING_H

#include "proto/json.h"

#include "config_value.h"

/*
 * Each reads value as key wants it into field (char **, char ***; for a single
 * string also NULL: only checked).  What is wrong goes into the report; field
 * then holds what was good, which config_free() frees.
 */
void config_string_read(struct config_reader *rd, const struct config_key *key,
    struct json_span value, void *field);
void config_string_list(struct config_reader *rd, const struct config_key *key,
    struct json_span value, void *field);
/* Members become "NAME=value", or "Name: value" where they are headers. */
void config_string_members(struct config_reader *rd,
    const struct config_key *key, struct json_span value, void *field);

/* Wipe and free a NULL-terminated list and its strings; NULL is nothing. */
void config_string_free_list(char **list);

#endif
