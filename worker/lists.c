/* lists.c: all pages of what a backend offers. */
#include <event2/event.h>

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lists.h"
#include "proto/log.h"
#include "proto/loop.h"
#include "proto/mcp.h"

enum list_state {
	LIST_IDLE,
	LIST_WAITING, /* for further changes, before it is fetched again */
	LIST_RUNNING, /* a page was asked for */
};

struct list {
	struct lists *all;
	enum catalog_kind kind;
	enum list_state state;
	bool known;       /* a run has ended well */
	bool first;       /* the run that complete() waits for */
	bool begun;       /* that one has ended */
	bool again;       /* it changed during this run */
	uint32_t id;      /* of the page asked for */
	struct buf items; /* of the last run, complete */
	size_t count;
	struct buf next; /* of this run, "[…" without its end */
	size_t next_count;
	size_t pages;
	uint64_t cursors[LISTS_PAGES_MAX]; /* hashes */
	struct event *timer; /* WAITING: the debounce; RUNNING: the timeout */
};

struct lists {
	struct list list[CATALOG_KINDS];
	const char *name;
	uint32_t timeout_ms;
	const struct lists_handlers *handlers;
	void *arg;
	size_t outstanding; /* first runs that have not ended */
	bool complete;
	unsigned int differing; /* kinds, until then */
	struct buf request;
};

static const struct list_kind {
	enum mcp_method method;
	const char *member; /* of the result */
} list_kinds[CATALOG_KINDS] = {
	[CATALOG_TOOLS] = { MCP_TOOLS_LIST, "tools" },
	[CATALOG_RESOURCES] = { MCP_RESOURCES_LIST, "resources" },
	[CATALOG_TEMPLATES] = { MCP_RESOURCES_TEMPLATES_LIST,
	    "resourceTemplates" },
	[CATALOG_PROMPTS] = { MCP_PROMPTS_LIST, "prompts" },
};

static void on_timer(evutil_socket_t fd, short what, void *arg);

struct lists *
lists_new(struct loop *loop, const char *name, uint32_t timeout_ms,
    const struct lists_handlers *handlers, void *arg)
{
	struct lists *lists = calloc(1, sizeof(*lists));
	struct list *list;
	unsigned int i;

	if (lists == NULL)
		return NULL;
	lists->name = name;
	lists->timeout_ms = timeout_ms;
	lists->handlers = handlers;
	lists->arg = arg;
	for (i = 0; i < CATALOG_KINDS; i++) {
		list = &lists->list[i];
		list->all = lists;
		list->kind = (enum catalog_kind)i;
		list->timer = evtimer_new(loop_base(loop), on_timer, list);
		if (list->timer == NULL)
			lists_free(&lists);
		if (lists == NULL)
			return NULL;
	}
	return lists;
}

void
lists_free(struct lists **lists)
{
	struct list *list;
	unsigned int i;

	if (*lists == NULL)
		return;
	for (i = 0; i < CATALOG_KINDS; i++) {
		list = &(*lists)->list[i];
		if (list->timer != NULL)
			event_free(list->timer);
		buf_free(&list->items);
		buf_free(&list->next);
	}
	buf_free(&(*lists)->request);
	free(*lists);
	*lists = NULL;
}

static const char *
method_of(const struct list *list)
{
	return mcp_method_name(list_kinds[list->kind].method);
}

static void
set_timer(struct list *list, uint32_t ms)
{
	struct timeval tv = { ms / 1000, (suseconds_t)(ms % 1000) * 1000 };

	event_add(list->timer, &tv);
}

/* The only place that writes list->state. */
static void
list_transition(struct list *list, enum list_state to)
{
	static const unsigned int may_become[] = {
		[LIST_IDLE] = 1U << LIST_WAITING | 1U << LIST_RUNNING,
		[LIST_WAITING] = 1U << LIST_RUNNING | 1U << LIST_IDLE,
		[LIST_RUNNING] = 1U << LIST_IDLE | 1U << LIST_WAITING,
	};

	assert(may_become[list->state] & 1U << to);
	event_del(list->timer);
	list->state = to;
	if (to == LIST_WAITING)
		set_timer(list,
		    LISTS_DEBOUNCE_MS +
			(uint32_t)(buf_len(&list->items) / LISTS_BYTES_PER_MS));
}

static void
tell_changed(struct list *list)
{
	struct lists *all = list->all;

	if (all->complete)
		all->handlers->changed(all->arg, list->kind);
	else
		all->differing |= 1U << list->kind;
}

/* Replace the known items by those of this run, if they differ. */
static void
adopt(struct list *list)
{
	struct json_span was = lists_items(list->all, list->kind);
	struct buf old = list->items;

	if (buf_len(&list->next) == 0 && buf_add_text(&list->next, "[") == -1)
		return;
	if (buf_add_text(&list->next, "]") == -1)
		return;
	list->known = true;
	if (was.len == buf_len(&list->next) &&
	    memcmp(was.at, buf_data(&list->next), was.len) == 0)
		return;
	list->items = list->next;
	list->count = list->next_count;
	list->next = old;
	tell_changed(list);
}

/* One of those that complete() waits for has ended. */
static void
one_less(struct lists *lists)
{
	unsigned int differing = lists->differing;

	if (--lists->outstanding > 0)
		return;
	lists->complete = true;
	lists->differing = 0;
	lists->handlers->complete(lists->arg, differing);
}

/* This run is over; adopted tells whether its items are to be used. */
static void
end_run(struct list *list, bool adopted)
{
	struct lists *all = list->all;
	bool first = list->first;

	if (adopted || !list->known)
		adopt(list);
	buf_free(&list->next);
	list->next_count = 0;
	list->id = 0;
	if (list->again)
		list_transition(list, LIST_WAITING);
	else
		list_transition(list, LIST_IDLE);
	list->again = false;
	list->first = false;
	list->begun = true;
	if (first)
		one_less(all);
}

/* Ask for a page; cursor is a JSON string, or absent for the first. */
static void
ask(struct list *list, struct json_span cursor)
{
	struct lists *all = list->all;
	struct buf *b = &all->request;
	int failed;

	list->id = all->handlers->next_id(all->arg);
	list->pages++;
	buf_consume(b, buf_len(b));
	failed = buf_add_format(b,
	    "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu32 ",\"method\":\"%s\"",
	    list->id, method_of(list));
	if (cursor.at != NULL)
		failed |= buf_add_text(b, ",\"params\":{\"cursor\":") |
		    buf_add(b, cursor.at, cursor.len) | buf_add_text(b, "}");
	failed |= buf_add_text(b, "}");
	if (failed != 0 ||
	    all->handlers->send(all->arg, buf_data(b), buf_len(b), list->id) ==
		-1) {
		log_warning("backend %s: %s could not be sent", all->name,
		    method_of(list));
		end_run(list, false);
		return;
	}
	if (!list->first)
		set_timer(list, all->timeout_ms);
}

static void
begin_run(struct list *list)
{
	list_transition(list, LIST_RUNNING);
	list->pages = 0;
	ask(list, (struct json_span){ NULL, 0 });
}

/* The backend has no such list, or no longer. */
static void
forget(struct list *list)
{
	if (list->count > 0)
		list->all->differing |= 1U << list->kind;
	buf_free(&list->items);
	list->count = 0;
	list->known = false;
}

void
lists_start(struct lists *lists, unsigned int kinds)
{
	unsigned int i;

	/* One more than there are, so that none completes them early. */
	lists->outstanding = 1;
	for (i = 0; i < CATALOG_KINDS; i++) {
		if ((kinds & 1U << i) == 0) {
			forget(&lists->list[i]);
			continue;
		}
		lists->outstanding++;
		lists->list[i].first = true;
		begin_run(&lists->list[i]);
	}
	one_less(lists);
}

void
lists_stop(struct lists *lists)
{
	struct list *list;
	unsigned int i;

	lists->complete = false;
	for (i = 0; i < CATALOG_KINDS; i++) {
		list = &lists->list[i];
		if (list->state != LIST_IDLE)
			list_transition(list, LIST_IDLE);
		buf_free(&list->next);
		list->next_count = 0;
		list->id = 0;
		list->again = list->first = list->begun = false;
	}
}

void
lists_changed(struct lists *lists, enum catalog_kind kind)
{
	struct list *list = &lists->list[kind];

	switch (list->state) {
	case LIST_IDLE:
		/* Before its first run it is yet to be asked for. */
		if (lists->complete || list->begun)
			list_transition(list, LIST_WAITING);
		break;
	case LIST_WAITING:
		break;
	case LIST_RUNNING:
		list->again = true;
		break;
	}
}

/* No answer to the page asked for will be used. */
static void
cancel(struct list *list)
{
	struct lists *all = list->all;
	struct buf *b = &all->request;

	buf_consume(b, buf_len(b));
	if (buf_add_format(b,
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\","
		"\"params\":{\"requestId\":%" PRIu32
		",\"reason\":\"timed out\"}}",
		list->id) == 0)
		(void)all->handlers->send(all->arg, buf_data(b), buf_len(b), 0);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct list *list = arg;

	(void)fd;
	(void)what;
	if (list->state == LIST_WAITING) {
		begin_run(list);
		return;
	}
	log_warning("backend %s: %s was not answered within %" PRIu32 " ms",
	    list->all->name, method_of(list), list->all->timeout_ms);
	cancel(list);
	end_run(list, false);
}

/* FNV-1a: only to recognise a cursor that came before in the same run. */
static uint64_t
hash(struct json_span text)
{
	uint64_t h = 14695981039346656037U;
	size_t i;

	for (i = 0; i < text.len; i++)
		h = (h ^ (unsigned char)text.at[i]) * 1099511628211U;
	return h;
}

/* Bytes that all lists hold now, or will when their runs have ended. */
static size_t
bytes_held(const struct lists *lists)
{
	const struct list *list;
	size_t sum = 0;
	unsigned int i;

	for (i = 0; i < CATALOG_KINDS; i++) {
		list = &lists->list[i];
		sum += list->state == LIST_RUNNING ? buf_len(&list->next)
						   : buf_len(&list->items);
	}
	return sum;
}

/* Append the elements of one page.  0, or a text that says what is wrong. */
static const char *
add_page(struct list *list, struct json_span array)
{
	struct json_span element;
	struct json_iter it;
	size_t count = 0;

	json_iter_init(&it, array);
	while (json_iter_element(&it, &element))
		count++;
	if (count == 0)
		return NULL;
	/* The brackets go, a comma and the closing bracket come. */
	if (bytes_held(list->all) + array.len > LISTS_BYTES_MAX)
		return "is larger than 64 MiB";
	if (buf_add_text(&list->next, list->next_count == 0 ? "[" : ",") ==
		-1 ||
	    buf_add(&list->next, array.at + 1, array.len - 2) == -1)
		return "does not fit into memory";
	list->next_count += count;
	return NULL;
}

/*
 * Where the next page is: 0 with *cursor absent at the end, else a text that
 * says why it is not asked for.  Some servers end with an empty cursor.
 */
static const char *
next_cursor(struct list *list, struct json_span value, struct json_span *cursor)
{
	uint64_t h = hash(value);
	size_t i;

	*cursor = (struct json_span){ NULL, 0 };
	if (json_kind(value) == JSON_NONE || json_kind(value) == JSON_NULL)
		return NULL;
	if (json_kind(value) != JSON_STRING)
		return "has a nextCursor that is not a string";
	if (json_string_is(value, ""))
		return NULL;
	if (value.len > LISTS_CURSOR_MAX)
		return "has a nextCursor that is too long";
	for (i = 0; i + 1 < list->pages; i++)
		if (list->cursors[i] == h)
			return "repeats a nextCursor";
	if (list->pages == LISTS_PAGES_MAX)
		return "has more than 100 pages";
	list->cursors[list->pages - 1] = h;
	*cursor = value;
	return NULL;
}

static void
on_page(struct list *list, struct json_span result)
{
	const char *member = list_kinds[list->kind].member;
	struct json_span items = { NULL, 0 };
	struct json_span cursor = { NULL, 0 };
	const char *wrong = NULL;

	if (json_kind(result) == JSON_OBJECT)
		items = json_get(result, member);
	/* null: a Go server's empty list. */
	if (json_kind(items) == JSON_ARRAY)
		wrong = add_page(list, items);
	else if (json_kind(items) != JSON_NULL)
		wrong = "has no list in it";
	if (wrong == NULL && json_kind(result) == JSON_OBJECT)
		wrong =
		    next_cursor(list, json_get(result, "nextCursor"), &cursor);
	if (wrong != NULL)
		log_warning(
		    "backend %s: page %zu of %s %s; the list ends before it",
		    list->all->name, list->pages, method_of(list), wrong);
	if (cursor.at != NULL)
		ask(list, cursor);
	else
		end_run(list, true);
}

static void
on_error(struct list *list, struct json_span error)
{
	struct json_span code = { NULL, 0 };
	int64_t number = 0;

	if (json_kind(error) == JSON_OBJECT)
		code = json_get(error, "code");
	if (code.at != NULL && json_integer(code, &number) == 0 &&
	    number == RPC_METHOD_NOT_FOUND) {
		log_debug(
		    "backend %s: has no %s", list->all->name, method_of(list));
		end_run(list, true);
		return;
	}
	log_warning("backend %s: %s failed: %s", list->all->name,
	    method_of(list), log_str(error.at, error.len));
	end_run(list, false);
}

static struct list *
find(struct lists *lists, int64_t id)
{
	unsigned int i;

	for (i = 0; i < CATALOG_KINDS; i++)
		if (lists->list[i].id != 0 && lists->list[i].id == id)
			return &lists->list[i];
	return NULL;
}

bool
lists_response(struct lists *lists, const struct rpc_message *msg, int64_t id)
{
	struct list *list = find(lists, id);

	if (list == NULL)
		return false;
	if (msg->kind == RPC_RESULT)
		on_page(list, msg->result);
	else
		on_error(list, msg->error);
	return true;
}

bool
lists_failed(struct lists *lists, int64_t id, const char *why)
{
	struct list *list = find(lists, id);

	if (list == NULL)
		return false;
	log_warning("backend %s: page %zu of %s failed: %s", lists->name,
	    list->pages, method_of(list), why);
	end_run(list, false);
	return true;
}

bool
lists_await(const struct lists *lists, int64_t id)
{
	unsigned int i;

	for (i = 0; i < CATALOG_KINDS; i++)
		if (lists->list[i].id != 0 && lists->list[i].id == id)
			return true;
	return false;
}

bool
lists_busy(const struct lists *lists)
{
	unsigned int i;

	for (i = 0; i < CATALOG_KINDS; i++)
		if (lists->list[i].state == LIST_RUNNING)
			return true;
	return false;
}

struct json_span
lists_items(const struct lists *lists, enum catalog_kind kind)
{
	const struct buf *items = &lists->list[kind].items;

	if (buf_len(items) == 0)
		return (struct json_span){ "[]", 2 };
	return (struct json_span){ buf_data(items), buf_len(items) };
}

size_t
lists_count(const struct lists *lists, enum catalog_kind kind)
{
	return lists->list[kind].count;
}
