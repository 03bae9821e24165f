/*
 * worker.h: the process around one backend: the channel to the supervisor, the
 * ends of the job's pipes, and how it all ends.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include <stdbool.h>

#include "proto/sandbox.h"
#include "setup.h"
#include "transport.h"

struct loop;

/*
 * After the connection to the job is lost, standard error is read for this
 * long: it says why.
 */
#define WORKER_LAST_WORDS_MS 50

/* How long the last frames may take to be written. */
#define WORKER_FLUSH_MS 500

/*
 * How long a transport may take to say goodbye when the supervisor has closed
 * the channel; it kills us after 500 ms.
 */
#define WORKER_GOODBYE_MS 300

/* What the two programs, mcp-gateway-worker and -worker-http, differ in. */
struct worker_kind {
	/* What it may do once it knows its backend. */
	enum sandbox sandbox;

	/*
	 * The standard input and output of the job carry the messages; without
	 * it the output is drained like the standard error, where there is a
	 * job.
	 */
	bool talks_to_job;

	/*
	 * Make the transport.  setup is borrowed for the life of the transport;
	 * *in and *out are the job's ends (taken, set to -1), -1 without
	 * talks_to_job; events and arg as in pipes_new().  NULL with errno,
	 * EINVAL for what is configured wrong, and *why, a static text that
	 * continues "the backend …", or NULL where errno says it all.
	 */
	struct transport *(*open)(struct loop *loop, const struct setup *setup,
	    int *in, int *out, const struct transport_events *events, void *arg,
	    const char **why);
};

/* Serve the channel on this descriptor; returns an exit code (enum role_exit).
 */
int worker_main(int channel_fd, const struct worker_kind *kind);

#endif
