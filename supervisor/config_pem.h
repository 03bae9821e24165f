/* config_pem.h: certificates and keys that the configuration names. */
#ifndef SUPERVISOR_CONFIG_PEM_H
#define SUPERVISOR_CONFIG_PEM_H

#include "proto/json.h"

#include "config_value.h"

/*
 * Read the file whose path value is into field (char **), unless the reader
 * takes strings literally.  What is wrong goes into the report; never what the
 * file holds.
 */
void config_pem_read(struct config_reader *rd, const struct config_key *key,
    struct json_span value, void *field);

#endif
