/*
 * syslog_socket.h: records for syslog.  syslog(3) waits for a daemon that does
 * not read; this never does.
 */
#ifndef SUPERVISOR_SYSLOG_SOCKET_H
#define SUPERVISOR_SYSLOG_SOCKET_H

#include <stddef.h>

#define SYSLOG_SOCKET_PATH "/dev/log"

/* How often a daemon that is not there is looked for: twice a second. */
#define SYSLOG_SOCKET_RETRY_MS 500

struct syslog_socket;

/* path is copied.  Nobody need listen there yet.  NULL with ENOMEM. */
struct syslog_socket *syslog_socket_new(const char *path);
void syslog_socket_free(struct syslog_socket **syslog);

/* Send one record; never waits.  0, or -1 with errno: EAGAIN (the daemon does
 * not keep up), or why it cannot be reached. */
int syslog_socket_send(
    struct syslog_socket *syslog, const char *record, size_t len);

/* Connect again with the next record. */
void syslog_socket_reconnect(struct syslog_socket *syslog);

#endif
