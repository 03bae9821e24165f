/*
 * fake_transport.h: a transport that the test drives over a socket: what is
 * sent comes out as lines, with "agreed REVISION" and "close" among them; what
 * goes in is a message, or "about ID MESSAGE", "failed ID OUTCOME WHY", "renew
 * WHY", "lost WHY", "take ON" (whether messages can be taken back from now on).
 */
#ifndef TESTS_FAKE_TRANSPORT_H
#define TESTS_FAKE_TRANSPORT_H

#include <event2/event.h>

#include "proto/loop.h"
#include "transport.h"
#include "worker_fixture.h"

int __wrap_sandbox_enter(enum sandbox sandbox, const char **missing);

/* The worker is in this program, which shall not be confined. */
int
__wrap_sandbox_enter(enum sandbox sandbox, const char **missing)
{
	(void)sandbox;
	*missing = NULL;
	return 0;
}

struct fake {
	struct transport transport; /* first */
	const struct transport_events *events;
	void *arg;
	struct event *readable;
	uint64_t position;
	bool takes_back;
	char text[1 << 16];
	size_t len;
};

/* The worker's end, made before it is started. */
static int fake_socket = -1;

static inline void
fake_write(const char *text, size_t len)
{
	write_steps(fake_socket, text, len, SIZE_MAX);
	write_steps(fake_socket, "\n", 1, 1);
}

static inline int
fake_send(struct transport *t, const char *text, size_t len, int64_t id)
{
	struct fake *fake = (struct fake *)t;
	char want[32];

	/* In the worker's process a failed assertion is seen as its end. */
	(void)snprintf(want, sizeof(want), "\"id\":%" PRId64 ",", id);
	if (id != 0 && memmem(text, len, want, strlen(want)) == NULL)
		abort();
	fake_write(text, len);
	fake->position += len;
	return 0;
}

static inline uint64_t
fake_position(const struct transport *t)
{
	return ((const struct fake *)t)->position;
}

static inline bool
fake_withdraw(struct transport *t, uint64_t position)
{
	(void)position;
	return ((struct fake *)t)->takes_back;
}

static inline void
fake_set_reading(struct transport *t, bool on)
{
	struct fake *fake = (struct fake *)t;

	if (on)
		event_add(fake->readable, NULL);
	else
		event_del(fake->readable);
}

static inline void
fake_agreed(struct transport *t, const struct mcp_revision *revision)
{
	char text[64];

	(void)t;
	(void)snprintf(text, sizeof(text), "agreed %s", revision->name);
	fake_write(text, strlen(text));
}

static inline bool
fake_close(struct transport *t)
{
	(void)t;
	fake_write("close", 5);
	return true;
}

static inline void
fake_free(struct transport *t)
{
	struct fake *fake = (struct fake *)t;

	event_free(fake->readable);
	free(fake);
}

static const struct transport_ops fake_ops = {
	.send = fake_send,
	.position = fake_position,
	.withdraw = fake_withdraw,
	.set_reading = fake_set_reading,
	.agreed = fake_agreed,
	.close = fake_close,
	.free = fake_free,
};

static inline void
fake_obey(struct fake *fake, char *line, size_t len)
{
	int outcome, at = 0;
	int64_t id;

	line[len] = '\0';
	if (line[0] == '{')
		fake->events->message(fake->arg, line, len, 0);
	else if (sscanf(line, "about %" SCNd64 " %n", &id, &at) == 1)
		fake->events->message(
		    fake->arg, line + at, len - (size_t)at, id);
	else if (sscanf(line, "failed %" SCNd64 " %d %n", &id, &outcome, &at) ==
	    2)
		fake->events->failed(
		    fake->arg, id, (enum transport_outcome)outcome, line + at);
	else if (strncmp(line, "renew ", 6) == 0)
		fake->events->renew(fake->arg, line + 6);
	else if (strncmp(line, "lost ", 5) == 0)
		fake->events->lost(fake->arg, line + 5);
	else if (strncmp(line, "take ", 5) == 0)
		fake->takes_back = line[5] == '1';
	else
		abort();
}

static inline void
fake_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct fake *fake = arg;
	char *end;
	ssize_t n;

	(void)what;
	n = read(fd, fake->text + fake->len, sizeof(fake->text) - fake->len);
	if (n <= 0) {
		event_del(fake->readable);
		return;
	}
	fake->len += (size_t)n;
	while ((end = memchr(fake->text, '\n', fake->len)) != NULL) {
		n = end + 1 - fake->text;
		fake_obey(fake, fake->text, (size_t)n - 1);
		fake->len -= (size_t)n;
		memmove(fake->text, end + 1, fake->len);
	}
}

static inline struct transport *
fake_open(struct loop *loop, const struct setup *setup, int *in, int *out,
    const struct transport_events *events, void *arg, const char **why)
{
	struct fake *fake = calloc(1, sizeof(*fake));

	if (fake == NULL || *in != -1 || *out != -1 ||
	    setup->remote.url == NULL)
		abort();
	if (strcmp(setup->remote.url, "http://bad") == 0) {
		free(fake);
		*why = "has a URL that is bad";
		errno = EINVAL;
		return NULL;
	}
	fake->transport.ops = &fake_ops;
	fake->events = events;
	fake->arg = arg;
	fake->readable = event_new(loop_base(loop), fake_socket,
	    EV_READ | EV_PERSIST, fake_on_readable, fake);
	if (fake->readable == NULL || event_add(fake->readable, NULL) == -1)
		abort();
	return &fake->transport;
}

static const struct worker_kind fake_kind = {
	.talks_to_job = false,
	.open = fake_open,
};

/* A worker of that kind, with no SETUP yet. */
static inline struct world *
begin_fake(void)
{
	struct world *w = calloc(1, sizeof(*w));
	int fds[2];

	assert_non_null(w);
	w->kind = &fake_kind;
	w->front = w->err = -1;
	pair(fds);
	fake_socket = fds[1];
	w->in = fds[0];
	w->out = dup(fds[0]);
	assert_int_not_equal(w->out, -1);
	spawn(w);
	close_fd(&fake_socket);
	return w;
}

struct remote_setup {
	const char *url;
	unsigned int timeout_ms;
	unsigned int startup_ms;
	unsigned int ping_ms;
	bool has_job;
};

static inline void
send_setup(struct world *w, struct remote_setup setup)
{
	char text[512];

	(void)snprintf(text, sizeof(text),
	    SETUP_UNTIL_REMOTE
	    "{\"type\":\"auto\",\"url\":\"%s\",\"headers\":[],\"ca\":null,"
	    "\"certificate\":null,\"key\":null,\"private_network\":false,"
	    "\"has_job\":%s}}",
	    setup.timeout_ms == 0 ? 60000 : setup.timeout_ms,
	    setup.startup_ms == 0 ? 5000 : setup.startup_ms, setup.ping_ms,
	    setup.url == NULL ? "http://h/mcp" : setup.url,
	    setup.has_job ? "true" : "false");
	send_frame(w->control, MSG_SETUP, 0, 0, text, -1);
}

/* Its greeting, up to the first list. */
static inline void
greet(struct world *w, const char *capabilities)
{
	answer_initialize(w, "2025-06-18", capabilities);
	assert_string_equal(hear(w), "agreed 2025-06-18");
	assert_null(strstr(hear(w), "\"id\""));
}

/* A worker of that kind that is ready, with one tool. */
static inline struct world *
begin_fake_ready(struct remote_setup setup)
{
	struct world *w = begin_fake();

	send_setup(w, setup);
	open_link(w);
	greet(w, "{\"tools\":{},\"logging\":{},\"resources\":{}}");
	answer_tools(w, "[{\"name\":\"t\"}]");
	for (int i = 0; i < 2; i++)
		answer(w,
		    "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
		    ",\"error\":{\"code\":-32601,\"message\":\"no\"}}",
		    hear_with(w, "resources/"));
	expect_catalogs(w, "[{\"name\":\"t\"}]");
	expect_control(w, MSG_READY);
	return w;
}

#endif
