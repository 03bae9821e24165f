/* gateway.h: the supervisor as a whole: it owns everything. */
#ifndef SUPERVISOR_GATEWAY_H
#define SUPERVISOR_GATEWAY_H

#include "config.h"

struct gateway;

/*
 * Everything that can fail before a process is started: users, log, sockets.
 * config is borrowed.  NULL with *error, the caller's, or NULL when memory ran
 * out.
 */
struct gateway *gateway_new(const struct config *config, char **error);
void gateway_free(struct gateway **gateway);

/* Serve until a signal says to stop.  The exit status. */
int gateway_run(struct gateway *gateway);

#endif
