/* reload.c: one reload at a time. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "change.h"
#include "gateway_parts.h"
#include "notify.h"
#include "proto/clock.h"
#include "startup.h"

/* So many backends that are not ready are named, with the beginning of the
 * reason; "mcp-gatewayctl status" has the rest. */
#define TROUBLES_MAX 5
#define SUMMARY_MAX  (512 + TROUBLES_MAX * (CONFIG_NAME_MAX + LOG_STR_MAX + 80))

struct waiter {
	gateway_reloaded *done;
	void *arg;
};

struct waiters {
	size_t count;
	struct waiter list[RELOAD_WAITERS_MAX];
};

struct reload {
	struct gateway *gateway;
	struct event *timer; /* of the next begin, or of what is waited for */
	bool waiting;        /* applied: for what is new to settle */
	bool wanted;         /* one more, soon or after this one */
	bool abandoned;
	uint64_t began_ms; /* 0: never */
	uint64_t count;
	char *error;
	struct change_counts counts; /* of the one under way */
	struct waiters now;          /* for the one under way */
	struct waiters next;         /* for the one after it */
};

/* ---- texts ---- */

static void __attribute__((format(printf, 2, 3)))
append(char text[SUMMARY_MAX], const char *format, ...)
{
	size_t len = strlen(text);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text + len, SUMMARY_MAX - len, format, args);
	va_end(args);
}

/* "2 backends replaced" and then ", 1 added" */
static void
append_count(char text[SUMMARY_MAX], unsigned int n, const char *what)
{
	if (n == 0)
		return;
	if (text[0] != '\0')
		append(text, ", %u %s", n, what);
	else
		append(text, "%u backend%s %s", n, n == 1 ? "" : "s", what);
}

static void
append_also(char text[SUMMARY_MAX], const char *what)
{
	append(text, "%s%s", text[0] != '\0' ? ", " : "", what);
}

static void
make_summary(char text[SUMMARY_MAX], const struct change_counts *counts)
{
	text[0] = '\0';
	append_count(text, counts->replaced, "replaced");
	append_count(text, counts->added, "added");
	append_count(text, counts->removed, "removed");
	if (counts->addresses > 0)
		append_also(text, "other addresses");
	if (counts->rules)
		append_also(text, "other rules");
	if (text[0] == '\0')
		append(text, "nothing has changed");
}

/* What is new, now or since an earlier reload, and not as it should be. */
static void
append_troubles(char text[SUMMARY_MAX], const struct roster *roster)
{
	const struct member *m;
	unsigned int n = 0;

	TAILQ_FOREACH (m, roster_members(roster), link) {
		const char *reason = service_reason(m->service);

		if ((!m->fresh && m->part != PART_STANDBY) ||
		    m->part == PART_LEAVING || m->listed ||
		    service_is_disabled(m->service) || ++n > TROUBLES_MAX)
			continue;
		append(text, "; %s is not ready yet%s%s%s",
		    service_name(m->service), reason != NULL ? ": " : "",
		    reason != NULL ? log_str(reason, strlen(reason)) : "",
		    m->part == PART_STANDBY
			? " (the one before it serves until it is)"
			: "");
	}
	if (n > TROUBLES_MAX)
		append(text, "; nor are %u others", n - TROUBLES_MAX);
}

static void
keep_error(
    struct reload *reload, const char *path, const struct config_error *error)
{
	free(reload->error);
	if (asprintf(&reload->error, "%s:%u:%u: %s", path, error->line,
		error->column, error->text) == -1)
		reload->error = NULL;
	if (reload->error != NULL && error->line == 0) {
		free(reload->error);
		if (asprintf(&reload->error, "%s: %s", path, error->text) == -1)
			reload->error = NULL;
	}
}

static void
log_errors(const char *path, const struct config_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++) {
		const struct config_error *e = &errors->list[i];

		if (e->line == 0)
			log_error("reload: %s: %s", path, e->text);
		else
			log_error("reload: %s:%u:%u: %s", path, e->line,
			    e->column, e->text);
	}
	log_error("reload: %s; the running configuration stays in use",
	    errors->count > 0 ? "nothing was changed" : "out of memory");
}

/* ---- who waits ---- */

static void
tell(struct waiters *waiters, const struct config_errors *errors,
    const char *summary)
{
	struct waiters told = *waiters;

	waiters->count = 0;
	for (size_t i = 0; i < told.count; i++)
		told.list[i].done(told.list[i].arg, errors, summary);
}

/* Tell one, or all, that there is no reload, for a reason of our own. */
static void
refuse_all(struct waiters *waiters, const char *path, const char *why)
{
	struct config_errors errors;

	(void)change_refuse(&errors, path, strdup(why));
	tell(waiters, &errors, NULL);
	config_errors_free(&errors);
}

/* ---- from begin to end ---- */

static void
reload_schedule(struct reload *reload)
{
	uint64_t now = mono_ms(), due = reload->began_ms + RELOAD_EVERY_MS;

	if (!reload->wanted || reload->waiting || reload->abandoned ||
	    event_pending(reload->timer, EV_TIMEOUT, NULL))
		return;
	loop_arm(
	    reload->timer, reload->began_ms == 0 || due <= now ? 0 : due - now);
}

static void
reload_fail(struct reload *reload, struct config_errors *errors)
{
	const char *path = reload->gateway->config->path;

	log_errors(path, errors);
	if (errors->count > 0)
		keep_error(reload, path, &errors->list[0]);
	startup_notify(reload->gateway);
	tell(&reload->now, errors, NULL);
	reload_schedule(reload);
}

static void
reload_finish(struct reload *reload)
{
	struct gateway *gw = reload->gateway;
	char summary[SUMMARY_MAX];
	struct member *m;

	(void)event_del(reload->timer);
	reload->waiting = false;
	make_summary(summary, &reload->counts);
	append_troubles(summary, gw->roster);
	TAILQ_FOREACH (m, roster_members(gw->roster), link)
		m->fresh = false;
	reload->count++;
	log_info("reload: %s", summary);
	startup_notify(gw);
	tell(&reload->now, NULL, summary);
	reload_schedule(reload);
}

static bool
has_settled(const struct roster *roster)
{
	const struct member *m;

	TAILQ_FOREACH (m, roster_members(roster), link) {
		if ((m->part == PART_STANDBY ||
			(m->part == PART_SERVING && m->fresh)) &&
		    !roster_is_settled(m))
			return false;
	}
	return true;
}

/* Everything is new that could be made so in time. */
static void
reload_switch(struct reload *reload)
{
	change_switch(reload->gateway);
	reload_finish(reload);
}

static void
reload_begin(struct reload *reload)
{
	struct gateway *gw = reload->gateway;
	struct config_errors errors;
	struct change *change;

	reload->wanted = false;
	reload->began_ms = mono_ms();
	reload->now = reload->next;
	reload->next.count = 0;
	notify_reloading();
	change = change_prepare(gw, false, &errors);
	if (change == NULL) {
		reload_fail(reload, &errors);
		config_errors_free(&errors);
		return;
	}
	free(reload->error);
	reload->error = NULL;
	reload->counts = *change_counts(change);
	change_apply(change, gw);
	change_free(&change);
	startup_warn(gw);
	reload->waiting = true;
	loop_arm(reload->timer, RELOAD_WAIT_MS);
	reload_look(reload);
}

static void
reload_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct reload *reload = arg;

	(void)fd;
	(void)what;
	if (reload->waiting)
		reload_switch(reload);
	else
		reload_begin(reload);
}

void
reload_look(struct reload *reload)
{
	struct gateway *gw = reload->gateway;

	if (reload->abandoned)
		return;
	if (reload->waiting) {
		if (has_settled(gw->roster))
			reload_switch(reload);
	} else if (change_promote(gw)) {
		roster_publish(gw->roster, gw->config);
	}
}

void
reload_request(struct reload *reload, gateway_reloaded *done, void *arg)
{
	struct waiters refused = { .count = 1, .list = { { done, arg } } };
	const char *path = reload->gateway->config->path;

	if (reload->abandoned) {
		if (done != NULL)
			refuse_all(&refused, path, "the gateway is stopping");
		return;
	}
	if (done != NULL && reload->next.count == RELOAD_WAITERS_MAX) {
		refuse_all(
		    &refused, path, "too many wait for a reload; try again");
		return;
	}
	if (done != NULL)
		reload->next.list[reload->next.count++] = refused.list[0];
	reload->wanted = true;
	reload_schedule(reload);
}

void
reload_check(struct gateway *gw, gateway_reloaded *done, void *arg)
{
	struct config_errors errors;
	char summary[SUMMARY_MAX];
	struct change *change = change_prepare(gw, true, &errors);

	if (change == NULL) {
		done(arg, &errors, NULL);
		config_errors_free(&errors);
		return;
	}
	make_summary(summary, change_counts(change));
	change_free(&change);
	done(arg, NULL, summary);
}

void
reload_abandon(struct reload *reload)
{
	const char *path = reload->gateway->config->path;

	if (reload->abandoned)
		return;
	reload->abandoned = true;
	reload->waiting = false;
	reload->wanted = false;
	(void)event_del(reload->timer);
	refuse_all(&reload->now, path, "the gateway is stopping");
	refuse_all(&reload->next, path, "the gateway is stopping");
}

bool
reload_is_under_way(const struct reload *reload)
{
	return reload->waiting;
}

uint64_t
reload_count(const struct reload *reload)
{
	return reload->count;
}

const char *
reload_error(const struct reload *reload)
{
	return reload->error;
}

struct reload *
reload_new(struct gateway *gw)
{
	struct reload *reload = calloc(1, sizeof(*reload));

	if (reload == NULL)
		return NULL;
	reload->gateway = gw;
	reload->timer =
	    event_new(loop_base(gw->loop), -1, 0, reload_on_timer, reload);
	if (reload->timer == NULL) {
		free(reload);
		return NULL;
	}
	return reload;
}

void
reload_free(struct reload **reload)
{
	if (*reload == NULL)
		return;
	event_free((*reload)->timer);
	free((*reload)->error);
	free(*reload);
	*reload = NULL;
}
