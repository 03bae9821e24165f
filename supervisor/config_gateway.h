/* config_gateway.h: "gateway" of the configuration as a whole. */
#ifndef SUPERVISOR_CONFIG_GATEWAY_H
#define SUPERVISOR_CONFIG_GATEWAY_H

#include "proto/json.h"

#include "config.h"
#include "config_value.h"

/* Report what its keys are not beside each other, and work out the ones that
 * follow from others.  object holds its members, which are read. */
void config_gateway_check(
    struct config_reader *rd, struct json_span object, struct config *config);

/* Free all that the configuration points to, except its backends. */
void config_gateway_free(struct config *config);

#endif
