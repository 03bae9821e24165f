/* setup.h: the worker's slice of the configuration, as SETUP brings it. */
#ifndef WORKER_SETUP_H
#define WORKER_SETUP_H

#include <stddef.h>
#include <stdint.h>

#include "proto/log.h"
#include "proto/role.h"

/* All zero is nothing; free with setup_free(). */
struct setup {
	enum log_level log_level;
	struct role_identity identity; /* its chroot is ours */
	char *name;
	uint32_t request_timeout_ms;
};

/* Read SETUP's payload.  0, or -1 with errno EINVAL or ENOMEM. */
int setup_parse(struct setup *setup, const char *text, size_t len);

void setup_free(struct setup *setup);

#endif
