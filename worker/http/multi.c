/* multi.c: libcurl's multi interface on our loop. */
#include <sys/time.h>

#include <event2/event.h>

#include <assert.h>
#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "exchange.h"
#include "multi.h"
#include "proto/loop.h"
#include "proto/role.h"

/*
 * libcurl must not be called from its own callbacks.  They only set events;
 * what calls it are the events and run(), at the end of a turn.
 */
struct multi {
	struct loop *loop;
	void (*finished)(void *private, CURLcode code);
	CURLM *curl;
	struct event *timer;
	struct deferred run;
	struct event **sockets; /* by descriptor; NULL where never needed */
	size_t sockets_len;
	CURL **waiting; /* to be added */
	size_t waiting_len;
	size_t waiting_cap;
	bool adding;      /* run() is; a timer that is due it will see to */
	bool due;         /* there is such a timer */
	bool handing_out; /* run() is, and will see to the end */
	bool ended;       /* multi_free() was called meanwhile */
	struct event *prune;
	CURL *pruner; /* NULL until it is needed */
	bool pruning; /* it is under way */
	bool used;    /* a connection was, since prune was armed */
};

/* Something happened: let libcurl see to it, and its results at the end. */
static void
act(struct multi *m, curl_socket_t fd, int what)
{
	int running;
	CURLMcode code = curl_multi_socket_action(m->curl, fd, what, &running);

	/* The only other cause would be a call from within a callback. */
	if (code != CURLM_OK && code != CURLM_BAD_SOCKET)
		errx(
		    ROLE_EXIT_MEMORY, "libcurl: %s", curl_multi_strerror(code));
	deferred_queue(m->loop, &m->run);
}

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	act(arg, fd,
	    ((what & EV_READ) != 0 ? CURL_CSELECT_IN : 0) |
		((what & EV_WRITE) != 0 ? CURL_CSELECT_OUT : 0));
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static void
set_timer(struct multi *m, long ms)
{
	const struct timeval wait = { ms / 1000, ms % 1000 * 1000 };

	if (event_add(m->timer, &wait) == -1)
		errx(ROLE_EXIT_MEMORY, "out of memory");
}

/* libcurl's: when it wants to be called again. */
static int
note_timer(CURLM *curl, long ms, void *arg)
{
	struct multi *m = arg;

	(void)curl;
	m->due = false;
	if (ms == 0 && m->adding) {
		m->due = true;
		ms = -1;
	}
	if (ms < 0)
		event_del(m->timer);
	else
		set_timer(m, ms);
	return 0;
}

/* The event of a descriptor, kept for the next socket with that number. */
static struct event *
socket_event(struct multi *m, evutil_socket_t fd)
{
	size_t at = (size_t)fd;

	if (at >= m->sockets_len) {
		size_t len = at + 16;
		struct event **more =
		    reallocarray(m->sockets, len, sizeof(*more));

		if (more == NULL)
			errx(ROLE_EXIT_MEMORY, "out of memory");
		for (size_t i = m->sockets_len; i < len; i++)
			more[i] = NULL;
		m->sockets = more;
		m->sockets_len = len;
	}
	if (m->sockets[at] == NULL)
		m->sockets[at] =
		    event_new(loop_base(m->loop), fd, 0, on_socket, m);
	if (m->sockets[at] == NULL)
		errx(ROLE_EXIT_MEMORY, "out of memory");
	return m->sockets[at];
}

/* libcurl's: what it waits for on a socket; said before it closes one, too. */
static int
note_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
	struct multi *m = arg;
	struct event *ev = socket_event(m, fd);
	short events = EV_PERSIST;

	(void)easy;
	(void)unused;
	if (event_initialized(ev) &&
	    event_pending(ev, EV_READ | EV_WRITE, NULL))
		event_del(ev);
	if (what == CURL_POLL_REMOVE || what == CURL_POLL_NONE)
		return 0;
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		events |= EV_READ;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		events |= EV_WRITE;
	if (event_assign(ev, loop_base(m->loop), fd, events, on_socket, m) ==
		-1 ||
	    event_add(ev, NULL) == -1)
		errx(ROLE_EXIT_MEMORY, "out of memory");
	return 0;
}

/* Start what was added; what libcurl wants to do at once it does now. */
static void
add_waiting(struct multi *m)
{
	if (m->waiting_len == 0)
		return;
	m->adding = true;
	for (size_t i = 0; i < m->waiting_len; i++)
		if (curl_multi_add_handle(m->curl, m->waiting[i]) != CURLM_OK)
			errx(ROLE_EXIT_MEMORY, "out of memory");
	m->waiting_len = 0;
	m->adding = false;
	if (m->due) {
		m->due = false;
		act(m, CURL_SOCKET_TIMEOUT, 0);
	}
}

/* ---- connections that are not used again ---- */

static curl_socket_t
refuse_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)arg;
	(void)purpose;
	(void)address;
	return CURL_SOCKET_BAD;
}

/* A transfer that ends before it has a socket, and contacts nobody. */
static CURL *
new_pruner(void)
{
	CURL *easy = curl_easy_init();
	bool ok = easy != NULL;

#define SET(option, value)                                                     \
	ok = ok && curl_easy_setopt(easy, option, value) == CURLE_OK
	SET(CURLOPT_URL, "http://127.0.0.1/");
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_FRESH_CONNECT, 1L);
	SET(CURLOPT_MAXAGE_CONN, EXCHANGE_IDLE_S);
	SET(CURLOPT_OPENSOCKETFUNCTION, refuse_socket);
#undef SET
	if (ok)
		return easy;
	curl_easy_cleanup(easy);
	return NULL;
}

static void
arm_prune(struct multi *m)
{
	static const struct timeval wait = { MULTI_PRUNE_MS / 1000,
		MULTI_PRUNE_MS % 1000 * 1000 };

	m->used = false;
	event_add(m->prune, &wait);
}

/* libcurl looks for idle connections only when a transfer begins. */
static void
on_prune(evutil_socket_t fd, short what, void *arg)
{
	struct multi *m = arg;

	(void)fd;
	(void)what;
	if (m->used)
		arm_prune(m);
	if (m->pruner == NULL)
		m->pruner = new_pruner();
	if (m->pruner == NULL || m->pruning)
		return; /* without memory they stay until the next transfer */
	m->pruning = curl_multi_add_handle(m->curl, m->pruner) == CURLM_OK;
}

/* Some connection was used just now, and may be idle from now on. */
static void
note_use(struct multi *m)
{
	m->used = true;
	if (!event_pending(m->prune, EV_TIMEOUT, NULL))
		arm_prune(m);
}

/* ---- results ---- */

static void
destroy(struct multi *m)
{
	if (m->pruning)
		(void)curl_multi_remove_handle(m->curl, m->pruner);
	curl_easy_cleanup(m->pruner);
	if (m->prune != NULL)
		event_free(m->prune);
	/* This closes connections, and says so to the callbacks. */
	if (m->curl != NULL)
		(void)curl_multi_cleanup(m->curl);
	deferred_cancel(&m->run);
	for (size_t i = 0; i < m->sockets_len; i++)
		if (m->sockets[i] != NULL)
			event_free(m->sockets[i]);
	if (m->timer != NULL)
		event_free(m->timer);
	free(m->sockets);
	free(m->waiting);
	free(m);
}

/* Hand out the results.  finished() may do anything. */
static void
run(void *arg)
{
	struct multi *m = arg;
	CURLMsg *message;
	int left;

	add_waiting(m);
	m->handing_out = true;
	while (!m->ended &&
	    (message = curl_multi_info_read(m->curl, &left)) != NULL) {
		CURL *easy = message->easy_handle;
		CURLcode code = message->data.result;
		void *private = NULL;

		assert(message->msg == CURLMSG_DONE);
		(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
		(void)curl_multi_remove_handle(m->curl, easy);
		if (easy == m->pruner) {
			m->pruning = false;
			continue;
		}
		note_use(m);
		m->finished(private, code);
	}
	m->handing_out = false;
	if (m->ended)
		destroy(m);
}

static bool
configure(struct multi *m)
{
	CURLM *c = m->curl;
	bool ok = true;

#define SET(option, value)                                                     \
	ok = curl_multi_setopt(c, option, value) == CURLM_OK && ok
	SET(CURLMOPT_SOCKETFUNCTION, note_socket);
	SET(CURLMOPT_SOCKETDATA, m);
	SET(CURLMOPT_TIMERFUNCTION, note_timer);
	SET(CURLMOPT_TIMERDATA, m);
	SET(CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	SET(CURLMOPT_MAX_TOTAL_CONNECTIONS, MULTI_CONNECTIONS_MAX);
	SET(CURLMOPT_MAX_HOST_CONNECTIONS, MULTI_CONNECTIONS_MAX);
	SET(CURLMOPT_MAXCONNECTS, MULTI_CONNECTIONS_MAX);
#undef SET
	return ok;
}

struct multi *
multi_new(struct loop *loop, void (*finished)(void *private, CURLcode code))
{
	struct multi *m;

	/* Counted, and never taken back: a thread may still look up a name. */
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
	    (m = calloc(1, sizeof(*m))) == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	m->loop = loop;
	m->finished = finished;
	deferred_init(&m->run, run, m);
	m->timer = evtimer_new(loop_base(loop), on_timer, m);
	m->prune = evtimer_new(loop_base(loop), on_prune, m);
	m->curl = curl_multi_init();
	if (m->timer == NULL || m->prune == NULL || m->curl == NULL ||
	    !configure(m)) {
		multi_free(&m);
		errno = ENOMEM;
	}
	return m;
}

void
multi_free(struct multi **multi)
{
	struct multi *m = *multi;

	if (m == NULL)
		return;
	*multi = NULL;
	m->ended = true;
	if (!m->handing_out)
		destroy(m);
}

int
multi_add(struct multi *m, CURL *easy)
{
	if (m->waiting_len == m->waiting_cap) {
		size_t cap = m->waiting_cap == 0 ? 16 : m->waiting_cap * 2;
		CURL **more = reallocarray(m->waiting, cap, sizeof(*more));

		if (more == NULL)
			return -1;
		m->waiting = more;
		m->waiting_cap = cap;
	}
	m->waiting[m->waiting_len++] = easy;
	deferred_queue(m->loop, &m->run);
	return 0;
}

void
multi_remove(struct multi *m, CURL *easy)
{
	CURLMcode code;

	for (size_t i = 0; i < m->waiting_len; i++) {
		if (m->waiting[i] != easy)
			continue;
		m->waiting_len--;
		for (; i < m->waiting_len; i++)
			m->waiting[i] = m->waiting[i + 1];
		return;
	}
	code = curl_multi_remove_handle(m->curl, easy);
	assert(code == CURLM_OK);
	note_use(m);
}
