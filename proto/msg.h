/* msg.h: what may be said, by whom, to whom, how long, and with a descriptor.
 */
#ifndef PROTO_MSG_H
#define PROTO_MSG_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/frame.h"

enum role {
	ROLE_SUPERVISOR,
	ROLE_FRONT,
	ROLE_WORKER,
	ROLE_REAPER,
	ROLE_CONTROL, /* mcp-gatewayctl, over the control socket */
};
#define ROLE_COUNT 5

/* Payloads are JSON text in UTF-8 unless said otherwise; see ARCHITECTURE.md.
 */
enum msg_type {
	MSG_HELLO = 1, /* child -> supervisor: first words */
	MSG_SETUP,     /* supervisor -> child: its slice of the configuration */
	MSG_READY,     /* worker -> supervisor: counts, whenever they change */
	MSG_LOG,       /* child -> supervisor: flags = level, payload = text */
	MSG_OBITUARY,  /* child -> supervisor: why it ends */
	MSG_LOGLEVEL,  /* supervisor -> child: flags = level, no payload */
	MSG_LISTEN,    /* supervisor -> front: id = listener; address; fd */
	MSG_UNLISTEN,  /* supervisor -> front: id = listener: accept no more */
	MSG_POLICY,  /* supervisor -> front: rules and backends, all of them */
	MSG_BACKEND, /* supervisor -> front: id = backend; its state */
	MSG_LINK,    /* supervisor -> front, worker: id = backend,
			client = generation; fd = end of the data link */
	MSG_JOB_STDIN,  /* supervisor -> worker: fd = write end */
	MSG_JOB_STDOUT, /* supervisor -> worker: fd = read end */
	MSG_JOB_STDERR, /* supervisor -> worker: fd = read end */
	MSG_STOP,     /* supervisor -> reaper: end the job, ladder of deadlines;
			 -> worker, no payload: the job has ended */
	MSG_GREETING, /* worker -> front: result of the backend's initialize */
	MSG_CATALOG, /* worker -> front: flags = enum catalog_kind; all items */
	MSG_REQUEST, /* front -> worker: JSON-RPC request, its id = frame id */
	MSG_RESPONSE, /* worker -> front: JSON-RPC response, last of its id */
	MSG_EVENT,    /* worker -> front: a notification that belongs to id */
	MSG_NOTIFY,   /* worker -> front: notification of the whole backend */
	MSG_CANCEL,   /* front -> worker: id; payload = reason (JSON string)
			 or empty */
	MSG_FAIL,     /* worker -> front: JSON-RPC error object for id */
	MSG_CLIENT_LEVEL, /* front -> worker: flags = enum mcp_level wanted */
	MSG_SUBSCRIBE,    /* front -> worker: a resource's URI, JSON string */
	MSG_UNSUBSCRIBE,  /* front -> worker: the same */
	MSG_PING,         /* supervisor -> child: are you there? */
	MSG_PONG,         /* child -> supervisor: flags = processes of the job,
			     from a reaper; 0 from others */
	MSG_LISTED,  /* front -> supervisor: id = backend, client = generation
			of the LINK over which its lists came: all are here */
	MSG_DRAIN,   /* supervisor -> front: take no new work at all */
	MSG_DRAINED, /* front -> supervisor: flags = enum drained; no request is
			in flight any more */
	MSG_QUERY,   /* supervisor -> front: id; what is asked */
	MSG_REPORT,  /* front -> supervisor: id of the QUERY; its answer */
	MSG_CONTROL, /* control -> supervisor: a verb */
	MSG_RESULT,  /* supervisor -> control: what became of it */
	MSG_ASK,     /* worker -> front: id = the request that it belongs to, or
			0; client = number of the ask; the backend's request */
	MSG_ANSWER, /* front -> worker: client = number of the ask; the JSON-RPC
		       response of the client, or ours in its place */
	MSG_RETRACT,      /* worker -> front: client = number of an ask that the
			     backend has cancelled; reason as CANCEL */
	MSG_ASK_PROGRESS, /* front -> worker: client = number of the ask; the
			     client's notifications/progress */
	MSG_ROOTS_CHANGED, /* front -> worker: its client's roots did */
	MSG_WANT, /* front -> supervisor: id = backend, client = key; flags =
		     what its client can, enum mcp_capability: an instance */
	MSG_INSTANCE, /* supervisor -> front: client = key of the WANT; id =
			 number of the instance, 0: there is none, and why */
	MSG_RELEASE,  /* front -> supervisor: id = instance: nobody needs it */
};
#define MSG_TYPE_MAX MSG_RELEASE

/* What is drained. */
enum drained {
	DRAINED_BACKEND, /* the leaving backend of this id */
	DRAINED_ALL,     /* everything: answer to DRAIN */
};

enum catalog_kind {
	CATALOG_TOOLS,
	CATALOG_RESOURCES,
	CATALOG_TEMPLATES,
	CATALOG_PROMPTS,
};
#define CATALOG_KINDS 4

/*
 * One JSON-RPC message, on a line or in a frame.  A 16 MB result is real
 * (a file read as base64 and again as structured content); 64 MiB leaves room
 * and bounds what one peer can make us hold.
 */
#define MSG_JSON_MAX (64U << 20)

/* Set-up and reports; the configuration of one role. */
#define MSG_CONTROL_MAX (1U << 20)

/* All rules and backends: 256 backends and 1,024 tokens with lists of each. */
#define MSG_POLICY_MAX (8U << 20)

/* What the front tells a person who asks: 1,000 tools with a line each are
 * 200 KB. */
#define MSG_REPORT_MAX (4U << 20)

/* The answer to a person: a report, and the state of all backends around it. */
#define MSG_RESULT_MAX (6U << 20)

/* One log record, cut by its sender. */
#define MSG_LOG_MAX 4096U

/* Why a client cancels: a sentence for people. */
#define MSG_CANCEL_MAX 4096U

/* The URI of a resource that somebody subscribes to, as a JSON string: it is
 * kept for as long as the subscription lasts. */
#define MSG_URI_MAX 8192U

/* The name of a type ("REQUEST"), or "unknown". */
const char *msg_name(unsigned int type);

/* The name of a role ("front"). */
const char *role_name(enum role role);

/* The greatest length of a payload of this type, 0 for an unknown one. */
uint32_t msg_length_max(unsigned int type);

/* True when messages of this type carry exactly one descriptor. */
bool msg_has_fd(unsigned int type);

/*
 * Judge a header that came from a process of role from to one of role to,
 * before anything is allocated for it.  NULL when it is allowed, otherwise a
 * static text that says what is wrong with it.
 */
const char *msg_check(const struct frame *frame, enum role from, enum role to);

#endif
