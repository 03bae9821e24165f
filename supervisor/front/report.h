/*
 * report.h: what people ask the front, through the supervisor.  The payload of
 * a REPORT is one JSON object:
 *
 * status: {"connections":N,"sessions":N,"requests":N (in flight),
 *   "backends":[{"number":N,"in_flight":N,"calls":N,"errors":N,"refused":N}],
 *   "tokens":[{"name":"alice","sessions":N,"in_flight":N,"requests":N,
 *   "refused":N}],"held_bytes":N}
 * tools: {"tools":[{"name":"bash/bash","backend":"bash","title":"…" or null,
 *   "description":"…", cut}]}
 * calls, call: {"calls":[{"call":"N","ago_ms":N,"session":N,"token":"…" or
 *   null,"backend":"bash" or null (it is gone),"method":"tools/call",
 *   "name":"bash/bash","state":"in_flight" or "done","end":"answered" or null,
 *   "outcome":"unknown" or null,"ms":N,"request_bytes":N,
 *   "response_bytes":N}]}, the latest first
 */
#ifndef FRONT_REPORT_H
#define FRONT_REPORT_H

#include <stddef.h>
#include <stdint.h>

struct front;

/* Answer the QUERY id with a REPORT; {"error":"…"} where the question makes no
 * sense.  Nothing when there is no memory: the supervisor does not wait for
 * ever. */
void report_answer(
    struct front *front, uint64_t id, const char *json, size_t len);

#endif
