/* gateway.h: the supervisor as a whole: it owns everything. */
#ifndef SUPERVISOR_GATEWAY_H
#define SUPERVISOR_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "proto/log.h"
#include "status.h"

struct gateway;

/* Where configurations come from, and who wants to hear what becomes of it. */
struct gateway_source {
	/* Read the file, with the command line over it; as config_load(). */
	int (*load)(
	    void *arg, struct config **ret, struct config_errors *errors);
	/* The front serves for the first time.  May be NULL. */
	void (*up)(void *arg);
	void *arg;
};

/*
 * Everything that can fail before a process is started: users, log, sockets.
 * config is taken over (config_ref()), source is copied.  NULL with *error, the
 * caller's, or NULL when memory ran out.
 */
struct gateway *gateway_new(
    struct config *config, const struct gateway_source *source, char **error);
void gateway_free(struct gateway **gateway);

/* Serve until a signal says to stop.  The exit status. */
int gateway_run(struct gateway *gateway);

/* ---- what mcp-gatewayctl asks for (verbs.c) ---- */

/*
 * Read the configuration again and apply it, as SIGHUP does.  done is called
 * once, possibly before this returns: with errors and nothing changed, or with
 * none and a line for people ("2 backends replaced, 1 added"), when what is new
 * has settled.  Several that come while one is under way are one.
 */
typedef void gateway_reloaded(
    void *arg, const struct config_errors *errors, const char *summary);
void gateway_reload(struct gateway *gateway, gateway_reloaded *done, void *arg);

/* Read the configuration, and tell what is wrong with it or what it would
 * change; nothing is applied.  As gateway_reload(), at once. */
void gateway_check(struct gateway *gateway, gateway_reloaded *done, void *arg);

enum gateway_act {
	GATEWAY_START,   /* a stopped one, or one that failed: now */
	GATEWAY_STOP,    /* drained, then ended, until GATEWAY_START or a reload
			    that changes it */
	GATEWAY_RESTART, /* another one is started, then this one drained and
			    ended */
};
/* 0, or -1 with *error, the caller's: there is no such backend, and the like.
 * It is under way when this returns. */
int gateway_act(struct gateway *gateway, const char *name, enum gateway_act act,
    char **error);

/* Log from this level on, everywhere, until a reload says otherwise. */
void gateway_set_log_level(struct gateway *gateway, enum log_level level);

/* Call each for every backend in the configuration's order (leaving ones come
 * last), with texts that last for the call. */
void gateway_each(struct gateway *gateway,
    void (*each)(void *arg, const struct status_backend *backend), void *arg);

/* The same for every instance that the backend of this number has for single
 * clients, the oldest first; see instance.h. */
void gateway_each_instance(struct gateway *gateway, uint64_t number,
    void (*each)(void *arg, const struct status_backend *instance), void *arg);
void gateway_status(const struct gateway *gateway, struct status_gateway *ret);

/*
 * Ask the front (QUERY); answered is called once, possibly before this returns,
 * with its REPORT of len bytes, JSON that nobody has checked, or with NULL when
 * it does not answer in time.
 */
typedef void gateway_answered(void *arg, const char *json, size_t len);
void gateway_query(struct gateway *gateway, const char *query,
    gateway_answered *answered, void *arg);

#endif
