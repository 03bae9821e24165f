/* status.c: the state of everything in words. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "status.h"

static void __attribute__((format(printf, 2, 3)))
append(char dst[STATUS_TEXT_MAX], const char *format, ...)
{
	size_t len = strlen(dst);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(dst + len, STATUS_TEXT_MAX - len, format, args);
	va_end(args);
}

/* ", 2 processes" */
static void
append_count(char *dst, unsigned int count, const char *one, const char *many)
{
	append(dst, ", %u %s", count, count == 1 ? one : many);
}

static void
append_time(char *dst, const char *state, uint64_t ms)
{
	append(dst, "%s for %" PRIu64 " s", state, ms / 1000);
}

/* "failed: exited with status 3; next try in 14 s" */
static void
append_trouble(char *dst, const char *state, const struct status_backend *be)
{
	append(dst, "%s", state);
	if (be->reason != NULL)
		append(dst, ": %s", be->reason);
	if (be->retry_ms >= 0) /* 0.4 s is not now */
		append(dst, "; next try in %" PRId64 " s",
		    (be->retry_ms + 999) / 1000);
	else
		append(dst, "; not tried again");
}

static void
append_running(char *dst, const char *state, const struct status_backend *be)
{
	append_time(dst, state, be->for_ms);
	if (be->state == BACKEND_READY)
		append_count(dst, be->tools, "tool", "tools");
	if (be->has_job)
		append_count(dst, be->processes, "process", "processes");
}

const char *
status_backend_text(char dst[STATUS_TEXT_MAX], const struct status_backend *be)
{
	(void)snprintf(dst, STATUS_TEXT_MAX, "backend %s: ", be->name);
	switch (be->state) {
	case BACKEND_DOWN:
		append(dst, "%s", be->disabled ? "disabled" : "down");
		break;
	case BACKEND_STARTING:
	case BACKEND_SETUP:
		append_running(dst, "starting", be);
		break;
	case BACKEND_READY:
	case BACKEND_STOPPING:
		append_running(dst, backend_state_name(be->state), be);
		break;
	case BACKEND_BACKOFF:
	case BACKEND_FAILED:
		append_trouble(dst, backend_state_name(be->state), be);
		break;
	}
	if (be->instances > 0)
		append_count(dst, be->instances, "instance", "instances");
	append_count(dst, be->starts, "start", "starts");
	return dst;
}

const char *
status_front_text(char dst[STATUS_TEXT_MAX], const struct status_front *front)
{
	(void)strlcpy(dst, "front: ", STATUS_TEXT_MAX);
	if (front->pid != -1) {
		append_time(dst, "running", front->for_ms);
		append(dst, ", pid %ld", (long)front->pid);
	} else {
		append(dst, "not running");
	}
	append_count(dst, front->starts, "start", "starts");
	return dst;
}
