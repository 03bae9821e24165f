/* config_backend.h: one backend of the configuration as a whole. */
#ifndef SUPERVISOR_CONFIG_BACKEND_H
#define SUPERVISOR_CONFIG_BACKEND_H

#include "proto/json.h"

#include "config.h"
#include "config_value.h"

/*
 * Decide how the backend is reached and report what its keys are not without
 * each other.  object holds its members, which are read; name is its key.
 */
void config_backend_check(struct config_reader *rd, struct json_span name,
    struct json_span object, struct config_backend *backend);

/* Wipe and free all that it points to. */
void config_backend_free(struct config_backend *backend);

#endif
