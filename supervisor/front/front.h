/* front.h: what the modules of the front share: one of each, for its life. */
#ifndef FRONT_FRONT_H
#define FRONT_FRONT_H

#include <stddef.h>

#include "proto/chan.h"
#include "proto/loop.h"

struct catalogue;
struct guard;
struct http_server;
struct link;
struct lists;
struct requests;
struct sessions;
struct settings;
struct subscriptions;

/*
 * The front process.  main.c makes and owns everything; the others borrow.
 * Backends are numbered by their place in the configuration.
 */
struct front {
	struct loop *loop;
	struct chan *supervisor;
	struct settings *settings;
	struct catalogue *catalogue;
	struct lists *lists;
	struct link **links; /* one for each backend */
	size_t backends;
	struct requests *requests;
	struct sessions *sessions;
	struct subscriptions *subscriptions;
	struct guard *guard;
	struct http_server *http;
};

#endif
