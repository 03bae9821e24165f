/* startup.h: what people and the service manager are told while the gateway
 * starts. */
#ifndef SUPERVISOR_STARTUP_H
#define SUPERVISOR_STARTUP_H

#include "proto/log.h"
#include "proto/role.h"

struct gateway;

/* Nothing is started yet: say where we listen, and what is not as it should be.
 */
void startup_begin(struct gateway *gateway);

/* Something changed: the summary is shown once, when every backend has settled;
 * and then the service manager is told. */
void startup_look(struct gateway *gateway);

/* It takes too long: the summary is shown as things are. */
void startup_give_up_waiting(struct gateway *gateway);

/* The front said HELLO. */
void startup_front_is_there(struct gateway *gateway);

/* What a service has to say; the summary says the same in a better shape. */
void startup_tell(
    struct gateway *gateway, enum log_level level, const char *text);

/* What a child logs. */
void startup_record(struct gateway *gateway, enum role role,
    enum log_level level, const char *text);

/* Other machines can reach us, and nobody asks who they are. */
void startup_warn(const struct gateway *gateway);

/* Tell the service manager that we serve, and how many backends are ready; not
 * before the summary was shown and the front is there. */
void startup_notify(const struct gateway *gateway);

#endif
