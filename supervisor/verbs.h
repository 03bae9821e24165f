/*
 * verbs.h: what mcp-gatewayctl can ask for, and what it is told.
 *
 * A request is {"verb":"…"} with the members below; others are refused.  Every
 * answer is {"ok":true,…}, or {"ok":false,"errors":[{"line":N,"column":N,
 * "text":"…"},…]}, with line 0 where the error is not in the configuration;
 * "config" then names that file when one of them is.
 *
 * status   "gateway":{"version":"…","pid":N,"uptime_seconds":N,"state":"…",
 *          "config":"…","log":"…","addresses":["…",…],"reloads":N,
 *          "reload_error":"…"|null,"memory":{"supervisor":N|null,
 *          "front":N|null,"backends":N|null}},
 *          "backends":[{"name":"…","number":N,"part":"…","state":"…",
 *          "disabled":bool,"uptime_seconds":N,"tools":N,"resources":N,
 *          "templates":N,"prompts":N,"revision":"…"|null,"server":"…"|null,
 *          "starts":N,"processes":N|null,"worker_pid":N|null,
 *          "reaper_pid":N|null,"user":"…"|null,"reason":"…"|null,
 *          "retry_seconds":N|null,"memory_bytes":N|null},…],
 *          "front":{…}|null, the REPORT of {"what":"status"}
 * reload   "summary":"…", when what is new has settled
 * check    "summary":"…", what a reload would do
 * start, stop, restart   "name":"…"; nothing more
 * log      "level":"debug"; nothing more
 * tools    "report":{…}, as the three below the front's REPORT
 * calls    "count":N, "backend":"…"|null, "errors":bool, each may be left out
 * call     "call":"N"
 */
#ifndef SUPERVISOR_VERBS_H
#define SUPERVISOR_VERBS_H

#include "config.h"
#include "gateway.h"
#include "proto/loop.h"

struct verbs;

/* The calls that are told of unless another count is asked for, and the most:
 * more than the front keeps. */
#define VERBS_CALLS     20
#define VERBS_CALLS_MAX 10000
/* A call's id, a number below 2^64. */
#define VERBS_CALL_ID_MAX 20

/* Answers that the gateway still owes: one for each peer, and some whose peers
 * have hung up. */
#define VERBS_PENDING_MAX 64

/*
 * Make the control socket that config names, or the default one, and serve it
 * from now on; gateway and loop are borrowed.  Where the default one cannot be
 * had there is none, and one record says so.  NULL with *error, the caller's,
 * or NULL when memory ran out.
 */
struct verbs *verbs_new(struct gateway *gateway, struct loop *loop,
    const struct config *config, char **error);

/* Hang up on all, and remove the socket.  What the gateway still answers goes
 * nowhere. */
void verbs_free(struct verbs **verbs);

#endif
