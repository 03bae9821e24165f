/*
 * notify.h: what a service manager is told, as sd_notify(3) says it, where
 * NOTIFY_SOCKET is set; elsewhere all of these do nothing.
 */
#ifndef SUPERVISOR_NOTIFY_H
#define SUPERVISOR_NOTIFY_H

#include <stdint.h>

/* Take NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment:
 * once, before anything is started. */
void notify_begin(void);

/* Clients are served; status is one line for people. */
void notify_ready(const char *status);
/* A reload begins; notify_ready() ends it. */
void notify_reloading(void);
/* The end begins; stopping may take this long. */
void notify_stopping(uint64_t timeout_ms);
/* Everything critical is alive. */
void notify_watchdog(void);

/* How often notify_watchdog() must be called, in milliseconds: half of what the
 * service manager waits.  0: never. */
uint64_t notify_watchdog_ms(void);

#endif
