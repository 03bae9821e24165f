/* policy_text.h: the payload of POLICY: the rules of the front and the backends
 * that it shall have; ARCHITECTURE.md, "Frames". */
#ifndef SUPERVISOR_POLICY_TEXT_H
#define SUPERVISOR_POLICY_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "config.h"

enum part {
	PART_SERVING,
	PART_STANDBY,
	PART_LEAVING, /* its filters do not matter any more and are left out
		       */
};

/* One backend of the front. */
struct policy_text_backend {
	uint64_t number;
	enum part part;
	enum config_session session;        /* what it was started as */
	const struct config_backend *rules; /* name, filters, limits; borrowed
					     */
};

/* "serving": as POLICY and the status have it. */
const char *policy_text_part(enum part part);

/* "per-client": as the configuration has it. */
const char *policy_text_session(enum config_session session);

/*
 * The text, the caller's, for these backends in this order.  NULL with errno
 * ENOMEM, or E2BIG when it is longer than MSG_POLICY_MAX.
 */
char *policy_text(const struct config *config,
    const struct policy_text_backend *backends, size_t count);

#endif
