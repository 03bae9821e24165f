/* verbs_status.c: the answer to "status". */
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"
#include "proto/json.h"
#include "status.h"
#include "verbs_status.h"

struct page {
	struct buf *out;
	struct gateway *gateway;
	struct memory_budget budget;
	uint64_t memory; /* of all backends so far */
	bool any;        /* of a list before this one */
	bool failed;
};

int
verbs_add_text(struct buf *out, const char *text)
{
	if (text == NULL)
		return buf_add_text(out, "null");
	return json_add_string(out, text, strlen(text));
}

static void
put(struct page *page, const char *text)
{
	if (buf_add_text(page->out, text) == -1)
		page->failed = true;
}

static void
put_text(struct page *page, const char *key, const char *value)
{
	if (buf_add_format(page->out, "\"%s\":", key) == -1 ||
	    verbs_add_text(page->out, value) == -1)
		page->failed = true;
}

static void
put_value(struct page *page, const char *key, bool known, uint64_t value)
{
	int result = known
	    ? buf_add_format(page->out, "\"%s\":%" PRIu64, key, value)
	    : buf_add_format(page->out, "\"%s\":null", key);

	if (result == -1)
		page->failed = true;
}

/* Behind another member. */
static void
put_known(struct page *page, const char *key, bool known, uint64_t value)
{
	put(page, ",");
	put_value(page, key, known, value);
}

static void
put_number(struct page *page, const char *key, uint64_t value)
{
	put_known(page, key, true, value);
}

static uint64_t
sum(uint64_t a, uint64_t b)
{
	return a == MEMORY_UNKNOWN || b == MEMORY_UNKNOWN ? MEMORY_UNKNOWN
							  : a + b;
}

static uint64_t
memory_of(struct page *page, const struct status_backend *be)
{
	uint64_t bytes = memory_of_process(&page->budget, be->worker);

	bytes = sum(bytes, memory_of_process(&page->budget, be->reaper));
	bytes = sum(bytes, memory_of_descendants(&page->budget, be->reaper));
	if (bytes != MEMORY_UNKNOWN) /* else one of them is just ending */
		page->memory += bytes;
	return bytes;
}

/* Seconds until the next try, so that 0.4 s is not now. */
static uint64_t
retry_seconds(const struct status_backend *be)
{
	return ((uint64_t)be->retry_ms + 999) / 1000;
}

/* What is so of every run; another member is before it. */
static void
put_run(struct page *page, const struct status_backend *be)
{
	uint64_t bytes = memory_of(page, be);

	put(page, ",");
	put_text(page, "part", be->part);
	put(page, ",");
	put_text(page, "state", backend_state_name(be->state));
	put_number(page, "uptime_seconds", be->for_ms / 1000);
	put_known(page, "processes", be->has_job, be->processes);
	put_known(page, "worker_pid", be->worker > 0, (uint64_t)be->worker);
	put_known(page, "reaper_pid", be->reaper > 0, (uint64_t)be->reaper);
	put(page, ",");
	put_text(page, "reason", be->reason);
	put_known(page, "memory_bytes", bytes != MEMORY_UNKNOWN, bytes);
}

static void
put_instance(void *arg, const struct status_backend *be)
{
	struct page *page = arg;

	put(page, page->any ? ",{" : "{");
	page->any = true;
	put_value(page, "number", true, be->number);
	put_run(page, be);
	put(page, "}");
}

static void
put_instances(struct page *page, const struct status_backend *be)
{
	put(page, ",");
	put_text(page, "session", be->session);
	put(page, ",\"instances\":[");
	page->any = false;
	gateway_each_instance(page->gateway, be->number, put_instance, page);
	put(page, "]");
}

static void
put_backend(void *arg, const struct status_backend *be)
{
	struct page *page = arg;

	put(page, page->any ? ",{" : "{");
	put_text(page, "name", be->name);
	put_number(page, "number", be->number);
	put_run(page, be);
	put(page, be->disabled ? ",\"disabled\":true" : ",\"disabled\":false");
	put_number(page, "tools", be->tools);
	put_number(page, "resources", be->resources);
	put_number(page, "templates", be->templates);
	put_number(page, "prompts", be->prompts);
	put(page, ",");
	put_text(page, "revision", be->revision);
	put(page, ",");
	put_text(page, "server", be->server);
	put_number(page, "starts", be->starts);
	put(page, ",");
	put_text(page, "user", be->user);
	put_known(page, "retry_seconds", be->retry_ms >= 0,
	    be->retry_ms >= 0 ? retry_seconds(be) : 0);
	put_instances(page, be);
	put(page, "}");
	page->any = true;
}

static void
put_addresses(struct page *page, char *const *addresses)
{
	put(page, ",\"addresses\":[");
	for (size_t i = 0; addresses != NULL && addresses[i] != NULL; i++) {
		put(page, i > 0 ? "," : "");
		if (verbs_add_text(page->out, addresses[i]) == -1)
			page->failed = true;
	}
	put(page, "]");
}

static void
put_memory(struct page *page, const struct status_gateway *gateway)
{
	uint64_t own = memory_of_process(&page->budget, gateway->pid);
	uint64_t front = gateway->front > 0
	    ? memory_of_process(&page->budget, gateway->front)
	    : MEMORY_UNKNOWN;

	put(page, ",\"memory\":{");
	put_value(page, "supervisor", own != MEMORY_UNKNOWN, own);
	put(page, ",");
	put_value(page, "front", front != MEMORY_UNKNOWN, front);
	put(page, ",");
	put_value(page, "backends", page->budget.processes > 0, page->memory);
	put(page, "}");
}

static void
put_gateway(struct page *page, const struct status_gateway *gateway)
{
	put(page, ",\"gateway\":{");
	put_text(page, "version", gateway->version);
	put_number(page, "pid", (uint64_t)gateway->pid);
	put_number(page, "uptime_seconds", gateway->for_ms / 1000);
	put(page, ",");
	put_text(page, "state", gateway->state);
	put(page, ",");
	put_text(page, "config", gateway->config);
	put(page, ",");
	put_text(page, "log", gateway->log);
	put_addresses(page, gateway->addresses);
	put_number(page, "reloads", gateway->reloads);
	put(page, ",");
	put_text(page, "reload_error", gateway->reload_error);
	put_memory(page, gateway);
	put(page, "}");
}

int
verbs_status(
    struct buf *out, struct gateway *gateway, const char *front, size_t len)
{
	struct page page = { .out = out, .gateway = gateway };
	struct status_gateway status;

	memory_begin(&page.budget);
	gateway_status(gateway, &status);
	put(&page, "{\"ok\":true,\"backends\":[");
	gateway_each(gateway, put_backend, &page);
	put(&page, "]");
	put_gateway(&page, &status);
	put(&page, ",\"front\":");
	if (front == NULL)
		put(&page, "null");
	else if (buf_add(out, front, len) == -1)
		page.failed = true;
	put(&page, "}");
	return page.failed ? -1 : 0;
}
