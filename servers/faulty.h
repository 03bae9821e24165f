/* faulty.h: mcp-server-faulty's server and its table of faults. */
#ifndef SERVERS_FAULTY_H
#define SERVERS_FAULTY_H

#include <stdbool.h>
#include <stddef.h>

#include "server.h"

struct faulty {
	struct server *server; /* NULL before AT_READY */
	long long calls;       /* tools/call seen */
	unsigned int version;  /* of the list of tools */
	struct event *flood;
	struct event *change;
	LIST_HEAD(sleeper_list, sleeper) sleepers;
};

/* When a fault happens. */
enum moment {
	AT_START,       /* of the process */
	AT_READY,       /* to read the first message */
	ON_INITIALIZE,  /* the request */
	ON_INITIALIZED, /* the notification */
	ON_LIST,        /* tools/list */
	ON_CALL,        /* tools/call, before the tool runs */
	ON_ANSWER,      /* to tools/call */
	ON_RESPONSE,    /* to a request of ours */
	ON_SEND,        /* of any line */
	ON_END,         /* of standard input */
};

/* What there is to see at that moment; the rest is empty. */
struct occasion {
	const struct rpc_message *msg;
	struct json_span id; /* of the request to answer */
	const char *text;    /* the line, or the result */
	size_t len;
};

/*
 * Let the faults that were asked for happen.  True when one of them has dealt
 * with the matter, so that nothing more is to be done about it.
 */
bool fault_happens(
    struct faulty *faulty, enum moment moment, const struct occasion *occasion);

/* Ask for the faults of the command line; exits on a wrong one. */
void fault_options(int argc, char **argv);

/* Write to standard output, however long it takes. */
void faulty_write(const char *bytes, size_t n);

#endif
