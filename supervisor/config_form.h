/* config_form.h: what the value of a key must be, in words. */
#ifndef SUPERVISOR_CONFIG_FORM_H
#define SUPERVISOR_CONFIG_FORM_H

#include <stddef.h>

#include "config_keys.h"

#define CONFIG_FORM_MAX 256

/* "a whole number from 0 to 65535", into dst; returns dst. */
const char *config_form(
    char dst[CONFIG_FORM_MAX], const struct config_key *key);

#define CONFIG_FORM_SIZE_MAX 32
/* Bytes as people write them, "64M", into dst; returns dst. */
const char *config_form_size(char dst[CONFIG_FORM_SIZE_MAX], double bytes);

#endif
