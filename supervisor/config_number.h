/* config_number.h: reads truth values, numbers, sizes and modes. */
#ifndef SUPERVISOR_CONFIG_NUMBER_H
#define SUPERVISOR_CONFIG_NUMBER_H

#include "proto/json.h"

#include "config_value.h"

/*
 * Each reads value as key wants it into field, whose type config_keys.h names
 * beside the key's.  What is wrong goes into the report, and field stays as it
 * is.
 */
void config_number_boolean(struct config_reader *rd,
    const struct config_key *key, struct json_span value, void *field);
void config_number_port(struct config_reader *rd, const struct config_key *key,
    struct json_span value, void *field);
void config_number_seconds(struct config_reader *rd,
    const struct config_key *key, struct json_span value, void *field);
void config_number_count(struct config_reader *rd, const struct config_key *key,
    struct json_span value, void *field);
void config_number_rate(struct config_reader *rd, const struct config_key *key,
    struct json_span value, void *field);
void config_number_size(struct config_reader *rd, const struct config_key *key,
    struct json_span value, void *field);
void config_number_mode(struct config_reader *rd, const struct config_key *key,
    struct json_span value, void *field);

#endif
