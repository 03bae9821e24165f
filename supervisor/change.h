/*
 * change.h: what a new configuration changes, worked out and made possible
 * before anything is changed.
 */
#ifndef SUPERVISOR_CHANGE_H
#define SUPERVISOR_CHANGE_H

#include <stdbool.h>

#include "config.h"
#include "listen.h"

struct gateway;
struct change;

/* For people. */
struct change_counts {
	unsigned int replaced;
	unsigned int added;
	unsigned int removed;
	unsigned int addresses; /* that are listened on, or no more */
	bool rules;
};

/*
 * Read the configuration and make all that it needs and does not have: users,
 * backends that are not started yet and, unless it is only a question, sockets.
 * NULL with *errors, of which there are none only when memory ran out; nothing
 * has changed then.
 */
struct change *change_prepare(
    struct gateway *gateway, bool only_ask, struct config_errors *errors);

/* What was made and is not used any more; *change becomes NULL, NULL is
 * accepted. */
void change_free(struct change **change);

/* What it would change or has changed. */
const struct change_counts *change_counts(const struct change *change);

/*
 * Make the new configuration the gateway's: rules apply at once, what is new of
 * the backends is started, marked fresh, on standby where there is one that
 * serves.
 */
void change_apply(struct change *change, struct gateway *gateway);

/* Let those serve that can, those that nobody else serves for, and those leave
 * that are in the configuration no more: what clients see of the change. */
void change_switch(struct gateway *gateway);

/* Let those on standby serve whose lists are there, or that are given up.  True
 * when there was one; the front is not told yet. */
bool change_promote(struct gateway *gateway);

/* Other machines may not reach us without a word said about it.  0, or -1 with
 * *error, the caller's. */
int change_check_beyond(const struct config *config,
    const struct listeners *listeners, char **error);

/* One error that is not at a place of the file; text may be NULL and is taken.
 * Always -1. */
int change_refuse(struct config_errors *errors, const char *path, char *text);

#endif
