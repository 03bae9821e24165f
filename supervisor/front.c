/* front.c: the one front process, kept running. */
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "front.h"
#include "proto/backoff.h"
#include "proto/clock.h"
#include "proto/log.h"
#include "proto/role.h"
#include "setup.h"

/* Without a front nobody is served, so that a longer wait only helps whoever
 * found a way to end it. */
#define RETRY_MAX_MS 1000U

struct front {
	struct loop *loop;
	struct processes *processes;
	char *setup;
	const struct front_handlers *handlers;
	void *arg;
	struct process *process; /* NULL between two runs */
	struct event *retry;
	struct backoff backoff;
	uint64_t started_ms;
	unsigned int starts;
	bool wanted;
	bool worked; /* some run could serve */
};

/* Nobody is served until it is back: after a run that proved that it can work
 * it gets no time at all. */
static uint32_t
front_delay(struct front *front, uint64_t run_ms)
{
	uint32_t delay;

	if (run_ms >= BACKOFF_STABLE_MS) {
		memset(&front->backoff, 0, sizeof(front->backoff));
		return 0;
	}
	delay = backoff_fail(&front->backoff, run_ms, arc4random());
	return delay < RETRY_MAX_MS ? delay : RETRY_MAX_MS;
}

static void
front_retry(struct front *front, uint64_t run_ms, const char *why)
{
	uint32_t ms = front_delay(front, run_ms);

	log_error("front: %s; started again in %.1f s", why, ms / 1000.0);
	loop_arm(front->retry, ms);
}

static void
front_on_alive(void *arg)
{
	struct front *front = arg;

	/* It follows what it was sent before the first PING. */
	front->worked = true;
	front->handlers->hello(front->arg);
}

static bool
front_on_frame(void *arg, const struct frame *frame, const char *payload)
{
	struct front *front = arg;

	switch (frame->type) {
	case MSG_LISTED:
		front->handlers->listed(front->arg, frame->id, frame->client);
		return true;
	case MSG_DRAINED:
		front->handlers->drained(
		    front->arg, (enum drained)frame->flags, frame->id);
		return true;
	case MSG_WANT:
		front->handlers->want(
		    front->arg, frame->id, frame->client, frame->flags);
		return true;
	case MSG_RELEASE:
		front->handlers->release(front->arg, frame->id);
		return true;
	case MSG_REPORT:
		front->handlers->report(
		    front->arg, frame->id, payload, frame->length);
		return true;
	default:
		return false;
	}
}

/* What another try cannot change: no right to drop privileges, wrong use. */
static bool
is_permanent(int status)
{
	return WIFEXITED(status) &&
	    (WEXITSTATUS(status) == ROLE_EXIT_PRIVILEGE ||
		WEXITSTATUS(status) == ROLE_EXIT_CONFIG ||
		WEXITSTATUS(status) == ROLE_EXIT_USAGE);
}

static void
front_on_gone(void *arg, const struct process_end *end)
{
	struct front *front = arg;
	char why[LOG_STR_MAX];
	uint64_t run_ms;

	front->process = NULL;
	front->handlers->gone(front->arg);
	if (!front->wanted)
		return;
	run_ms = mono_ms() - front->started_ms;
	(void)process_end_text(end, why, sizeof(why));
	if (!front->worked && is_permanent(end->status)) {
		log_critical("front: %s before it could serve", why);
		front->wanted = false;
		front->handlers->useless(front->arg);
		return;
	}
	front_retry(front, run_ms, why);
}

static const struct process_handlers process_handlers = {
	.alive = front_on_alive,
	.frame = front_on_frame,
	.gone = front_on_gone,
};

static void
front_spawn(struct front *front)
{
	struct frame frame = { .type = MSG_SETUP };

	front->started_ms = mono_ms();
	front->starts++;
	front->process = process_start(front->processes, PROGRAM_FRONT, "front",
	    NULL, &process_handlers, front);
	if (front->process == NULL) {
		front_retry(front, 0, strerror(errno));
		return;
	}
	process_send(front->process, &frame, front->setup);
	front->handlers->started(front->arg);
}

static void
front_on_retry(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	front_spawn(arg);
}

struct front *
front_new(struct loop *loop, struct processes *processes, char *setup,
    const struct front_handlers *handlers, void *arg)
{
	struct front *front = calloc(1, sizeof(*front));

	if (front == NULL) {
		free(setup);
		return NULL;
	}
	front->loop = loop;
	front->processes = processes;
	front->setup = setup;
	front->handlers = handlers;
	front->arg = arg;
	front->retry = event_new(loop_base(loop), -1, 0, front_on_retry, front);
	if (front->setup == NULL || front->retry == NULL)
		front_free(&front);
	return front;
}

void
front_free(struct front **front)
{
	if (*front == NULL)
		return;
	if ((*front)->retry != NULL)
		event_free((*front)->retry);
	free((*front)->setup);
	free(*front);
	*front = NULL;
}

void
front_start(struct front *front)
{
	front->wanted = true;
	front_spawn(front);
}

void
front_stop(struct front *front)
{
	front->wanted = false;
	(void)event_del(front->retry);
	if (front->process != NULL)
		process_close(front->process);
}

bool
front_drain(struct front *front)
{
	struct frame frame = { .type = MSG_DRAIN };

	front->wanted = false;
	(void)event_del(front->retry);
	if (front->process == NULL)
		return false;
	process_send(front->process, &frame, NULL);
	return true;
}

void
front_kill(struct front *front)
{
	front->wanted = false;
	(void)event_del(front->retry);
	if (front->process != NULL)
		process_kill(front->process, "killed with the gateway");
}

bool
front_is_running(const struct front *front)
{
	return front->process != NULL;
}

bool
front_is_alive(const struct front *front)
{
	return front->process != NULL && process_is_alive(front->process);
}

void
front_status(const struct front *front, struct status_front *ret)
{
	*ret = (struct status_front){
		.pid =
		    front->process != NULL ? process_pid(front->process) : -1,
		.for_ms = mono_ms() - front->started_ms,
		.starts = front->starts,
	};
}

static void
front_send(struct front *front, const struct frame *frame, const char *json)
{
	if (front->process != NULL)
		process_send(front->process, frame, json);
}

void
front_send_policy(struct front *front, const char *json)
{
	struct frame frame = { .type = MSG_POLICY };

	front_send(front, &frame, json);
}

void
front_send_listen(struct front *front, const struct listener *listener)
{
	struct frame frame = { .type = MSG_LISTEN, .id = listener->number };
	char *json;
	int fd;

	if (front->process == NULL)
		return;
	json = setup_listen(listener->address, listener->local);
	fd = fcntl(listener->fd, F_DUPFD_CLOEXEC, 3);
	if (json != NULL && fd != -1) {
		process_send_fd(front->process, &frame, json, &fd);
	} else {
		process_kill(front->process, "got no socket");
		if (fd != -1)
			(void)close(fd);
	}
	free(json);
}

void
front_send_unlisten(struct front *front, uint32_t number)
{
	struct frame frame = { .type = MSG_UNLISTEN, .id = number };

	front_send(front, &frame, NULL);
}

void
front_send_backend(struct front *front, uint64_t number, const char *json)
{
	struct frame frame = { .type = MSG_BACKEND, .id = number };

	front_send(front, &frame, json);
}

void
front_send_instance(
    struct front *front, uint32_t key, uint64_t number, const char *json)
{
	struct frame frame = {
		.type = MSG_INSTANCE, .id = number, .client = key
	};

	front_send(front, &frame, json);
}

void
front_send_link(
    struct front *front, uint64_t number, uint32_t generation, int *fd)
{
	struct frame frame = {
		.type = MSG_LINK, .id = number, .client = generation
	};

	if (front->process != NULL)
		process_send_fd(front->process, &frame, NULL, fd);
	if (*fd != -1)
		(void)close(*fd);
	*fd = -1;
}

bool
front_send_query(struct front *front, uint64_t id, const char *json)
{
	struct frame frame = { .type = MSG_QUERY, .id = id };

	if (!front_is_alive(front))
		return false;
	process_send(front->process, &frame, json);
	return true;
}
