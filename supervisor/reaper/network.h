/* network.h: a network of the job's own. */
#ifndef REAPER_NETWORK_H
#define REAPER_NETWORK_H

/*
 * Leave the machine's network for one that has a loopback interface only.  Who
 * is not root gets a user namespace for it, in which it is who it was.  0, or
 * -1 with errno.
 */
int network_leave(void);

#endif
