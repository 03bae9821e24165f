/* front.h: what the modules of the front share: one of each, for its life. */
#ifndef FRONT_FRONT_H
#define FRONT_FRONT_H

#include <sys/queue.h>

#include <stddef.h>
#include <stdint.h>

#include "proto/chan.h"
#include "proto/loop.h"

#include "catalogue.h"
#include "instances.h"

struct asks;
struct calls;
struct drain;
struct guard;
struct http_server;
struct link;
struct lists;
struct policy;
struct principals;
struct requests;
struct sessions;
struct settings;
struct subscriptions;

/*
 * The front process.  main.c makes and owns everything; the others borrow.
 * Backends have numbers for the supervisor and slots here, which are used again
 * (backends.h).
 */
struct front {
	struct loop *loop;
	struct chan *supervisor;
	struct settings *settings;
	struct policy *policy; /* the last one; NULL before the first */
	struct catalogue *catalogue;
	struct lists *lists;
	struct link *links[CATALOGUE_SLOTS];   /* by slot; NULL: free */
	struct link *instances[INSTANCES_MAX]; /* in no order; NULL: free */
	uint32_t last_key;                     /* of a WANT */
	size_t held_bytes; /* of requests that wait for their instances */
	LIST_HEAD(, lost_instance) lost_instances; /* to be released */
	size_t slots;          /* those from here on were never used */
	uint32_t requests_max; /* in flight, of one session */
	struct drain *drain;
	struct requests *requests;
	struct calls *calls;
	struct asks *asks;
	struct principals *principals;
	struct sessions *sessions;
	struct subscriptions *subscriptions;
	struct guard *guard;
	struct http_server *http;
};

#endif
