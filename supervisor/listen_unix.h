/* listen_unix.h: a Unix socket that clients connect to, and its path. */
#ifndef SUPERVISOR_LISTEN_UNIX_H
#define SUPERVISOR_LISTEN_UNIX_H

#include "listen.h"

/*
 * Bind and listen at path, with the mode and the group that the configuration
 * has for sockets; there is no moment at which anybody else could connect.  A
 * socket that nobody serves any more is replaced.  0 with fd, device and inode
 * of *ret set; or -1 with *error, the caller's, which names the path, the
 * reason and a remedy.
 */
int listen_unix_open(struct listener *ret, const char *path,
    const struct config *config, char **error);

/* Give the path the mode and group of this configuration.  The same. */
int listen_unix_permit(
    const char *path, const struct config *config, char **error);

/* Its path is still the one that we made; while its fd is open. */
bool listen_unix_is_there(const struct listener *listener);

/* Remove the path unless something else is there by now.  The same. */
void listen_unix_remove(const struct listener *listener);

#endif
