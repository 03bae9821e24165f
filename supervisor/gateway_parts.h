/* gateway_parts.h: what the modules of the supervisor as a whole share; all
 * others include gateway.h. */
#ifndef SUPERVISOR_GATEWAY_PARTS_H
#define SUPERVISOR_GATEWAY_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "cgroup.h"
#include "config.h"
#include "console.h"
#include "front.h"
#include "gateway.h"
#include "listen.h"
#include "logfile.h"
#include "plan.h"
#include "process.h"
#include "proto/loop.h"
#include "queries.h"
#include "reload.h"
#include "roster.h"
#include "verbs.h"

struct event;

enum gateway_signal {
	ON_TERM,
	ON_INT,
	ON_HUP,
	ON_USR1,
	ON_USR2,
};
#define GATEWAY_SIGNALS 5

/* From one to the next only. */
enum gateway_phase {
	GATEWAY_RUNS,
	GATEWAY_DRAINS, /* no new work; what is in flight may finish */
	GATEWAY_STOPS,  /* all processes are asked to end */
	GATEWAY_KILLS,  /* and then made to */
};

struct gateway {
	struct config *config; /* of the last reload that succeeded */
	struct plan *plan;     /* for it */
	struct gateway_source source;
	struct cgroup *cgroup; /* of all plans; NULL where we may make none */
	int cgroup_error;      /* why */
	struct loop *loop;
	struct console *console;
	struct logfile *logfile;
	struct listeners listeners;
	char **urls; /* of the listeners; NULL-terminated, never empty */
	struct processes *processes;
	struct front *front;
	struct roster *roster;
	struct reload *reload;
	struct queries *queries;
	struct verbs *verbs;
	struct event *signals[GATEWAY_SIGNALS];
	struct event *summary_timer;
	struct event *end_timer; /* of the phase */
	struct event *watchdog;
	enum gateway_phase phase;
	uint64_t started_ms;
	bool front_said_hello;
	bool summary_shown;
	bool gave_up; /* on what is in flight */
	int status;
};

#endif
