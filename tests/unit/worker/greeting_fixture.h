/* greeting_fixture.h: a greeting with a backend that a test scripts. */
#ifndef TESTS_GREETING_FIXTURE_H
#define TESTS_GREETING_FIXTURE_H

#include <event2/event.h>

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "greeting.h"
#include "lists.h"
#include "proto/clock.h"
#include "proto/log.h"
#include "proto/loop.h"

#define SENT_MAX 512
#define DECLARED (MCP_CAN_SAMPLE | MCP_CAN_ELICIT_FORM)

struct world {
	struct loop *loop;
	struct greeting *greeting;
	char *sent[SENT_MAX];
	size_t count;
	size_t read; /* of sent[], what the script has seen */
	uint32_t last_id;
	const char *agreed; /* with what count it came in agreed_at */
	size_t agreed_at;
	bool refuse;
	bool up;
	unsigned int kinds; /* of up() */
	unsigned int changed;
	char failed[600];
	char log[4096];
};

static inline int
on_send(void *arg, const char *text, size_t len, int64_t id)
{
	struct world *w = arg;
	char expected[32];

	if (w->refuse)
		return -1;
	/* The id is that in the text, and 0 for notifications. */
	(void)snprintf(expected, sizeof(expected), "\"id\":%" PRId64 ",", id);
	assert_int_equal(memmem(text, len, "\"id\":", 5) != NULL, id != 0);
	assert_true(
	    id == 0 || memmem(text, len, expected, strlen(expected)) != NULL);
	assert_in_range(w->count, 0, SENT_MAX - 1);
	assert_null(memchr(text, '\n', len));
	w->sent[w->count] = strndup(text, len);
	assert_non_null(w->sent[w->count++]);
	return 0;
}

static inline uint32_t
on_next_id(void *arg)
{
	return ++((struct world *)arg)->last_id;
}

static inline void
on_agreed(void *arg, const struct mcp_revision *revision)
{
	struct world *w = arg;

	w->agreed = revision->name;
	w->agreed_at = w->count;
}

static inline void
on_up(void *arg, unsigned int kinds)
{
	struct world *w = arg;

	w->up = true;
	w->kinds = kinds;
}

static inline void
on_changed(void *arg, enum catalog_kind kind)
{
	((struct world *)arg)->changed |= 1U << kind;
}

static inline void
on_failed(void *arg, const char *why)
{
	struct world *w = arg;

	(void)strlcpy(w->failed, why, sizeof(w->failed));
}

static inline void
sink(void *arg, enum log_level level, const char *text)
{
	struct world *w = arg;

	(void)level;
	(void)strlcpy(w->log, text, sizeof(w->log));
}

static const struct greeting_handlers handlers = {
	.send = on_send,
	.next_id = on_next_id,
	.agreed = on_agreed,
	.up = on_up,
	.changed = on_changed,
	.failed = on_failed,
};

static inline int
set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	if (w == NULL || (w->loop = loop_new(false)) == NULL)
		return -1;
	w->greeting =
	    greeting_new(w->loop, "b", 1000, 100, DECLARED, &handlers, w);
	log_set_sink(sink, w);
	*state = w;
	return w->greeting == NULL ? -1 : 0;
}

static inline int
tear_down(void **state)
{
	struct world *w = *state;

	log_set_sink(NULL, NULL);
	greeting_free(&w->greeting);
	loop_free(&w->loop);
	for (size_t i = 0; i < w->count; i++)
		free(w->sent[i]);
	free(w);
	return 0;
}

/* What was sent next has this in it; returns its id, or 0. */
static inline int64_t
hear(struct world *w, const char *text)
{
	const char *id;

	assert_true(w->read < w->count);
	if (strstr(w->sent[w->read], text) == NULL)
		fail_msg("%s is not in %s", text, w->sent[w->read]);
	id = strstr(w->sent[w->read++], "\"id\":");
	return id == NULL ? 0 : strtoll(id + 5, NULL, 10);
}

/* Answer with {…,MEMBER}; false when nobody waits for this id. */
static inline bool
answer(struct world *w, int64_t id, const char *member)
{
	struct rpc_problem problem;
	struct rpc_message msg;
	char *text;
	bool taken;
	int n;

	n = asprintf(
	    &text, "{\"jsonrpc\":\"2.0\",\"id\":%" PRId64 ",%s}", id, member);
	assert_true(n > 0);
	assert_int_equal(rpc_parse(&msg, text, (size_t)n, &problem), 0);
	taken = greeting_response(w->greeting, &msg, id);
	free(text);
	return taken;
}

static inline void
initialize(struct world *w, const char *capabilities)
{
	char text[512];

	greeting_start(w->greeting);
	(void)snprintf(text, sizeof(text),
	    "\"result\":{\"protocolVersion\":\"2025-06-18\"%s%s}",
	    capabilities[0] == '\0' ? "" : ",\"capabilities\":", capabilities);
	assert_true(answer(w, hear(w, "\"initialize\""), text));
	(void)hear(w, "notifications/initialized");
}

static inline void
expect_items(struct world *w, enum catalog_kind kind, const char *want)
{
	struct json_span items = greeting_items(w->greeting, kind);

	assert_int_equal(items.len, strlen(want));
	assert_memory_equal(items.at, want, items.len);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
