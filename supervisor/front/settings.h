/* settings.h: what the front is told once, at its start. */
#ifndef FRONT_SETTINGS_H
#define FRONT_SETTINGS_H

#include <stddef.h>

#include "proto/log.h"
#include "proto/role.h"

struct settings {
	enum log_level log_level;
	struct role_identity identity;
	char *chroot;
};

/*
 * Read a SETUP payload (ARCHITECTURE.md, "Frames").  The caller owns the
 * result; NULL with errno EINVAL when it is not what the table says, or ENOMEM.
 */
struct settings *settings_parse(const char *json, size_t len);
void settings_free(struct settings **settings);

#endif
