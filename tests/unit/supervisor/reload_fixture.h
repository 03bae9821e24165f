/*
 * reload_fixture.h: a gateway without processes (reload_parts_fixture.h), whose
 * clock stands still.
 */
#ifndef TEST_RELOAD_FIXTURE_H
#define TEST_RELOAD_FIXTURE_H

#include "reload_parts_fixture.h"

#define ONE(name, arg)                                                         \
	"\"" name "\":{\"command\":\"/bin/true\",\"args\":[\"" arg "\"]}"
#define PORT(name, arg)                                                        \
	"\"" name "\":{\"command\":\"/bin/true\",\"args\":[\"" arg             \
	"\"],\"url\":\"http://127.0.0.1:8000/mcp\"}"
#define CONFIG(gateway, servers)                                               \
	"{\"gateway\":{" gateway "},\"mcpServers\":{" servers "}}"
#define AB CONFIG("", ONE("a", "1") "," ONE("b", "1"))

/* ---- time ---- */

uint64_t
__wrap_mono_ms(void)
{
	return f.now;
}

int __real_event_add(struct event *event, const struct timeval *wait);

/* What waits is run by hand, and the rest at once. */
int
__wrap_event_add(struct event *event, const struct timeval *wait)
{
	if (wait == NULL || (wait->tv_sec == 0 && wait->tv_usec == 0))
		return __real_event_add(event, wait);
	assert_in_range(f.timer_count, 0, 2047);
	f.timers[f.timer_count].event = event;
	f.timers[f.timer_count++].ms =
	    (uint64_t)wait->tv_sec * 1000 + (uint64_t)wait->tv_usec / 1000;
	return __real_event_add(event, wait);
}

static void
stop_turning(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	loop_stop(arg);
}

/* Let everything happen that can without time going by. */
static void
turn(void)
{
	struct event *event =
	    event_new(loop_base(f.loop), -1, 0, stop_turning, f.loop);

	for (int i = 0; i < 4; i++) {
		event_active(event, EV_TIMEOUT, 1);
		loop_run(f.loop);
	}
	event_free(event);
}

/* So much, and what waited for it last is due. */
static void __attribute__((unused)) time_goes_by(uint64_t ms)
{
	size_t i = f.timer_count;

	while (i > 0 && f.timers[i - 1].ms != ms)
		i--;
	assert_int_not_equal(i, 0);
	assert_true(event_pending(f.timers[i - 1].event, EV_TIMEOUT, NULL));
	f.now += ms;
	f.timers[i - 1].ms = 0;
	(void)event_del(f.timers[i - 1].event);
	event_active(f.timers[i - 1].event, EV_TIMEOUT, 1);
	turn();
}

/* ---- the gateway ---- */

static int
load(void *arg, struct config **ret, struct config_errors *errors)
{
	(void)arg;
	f.loads++;
	return config_parse(ret, "/c.json", f.text, strlen(f.text), errors);
}

static void
roster_on_changed(void *arg)
{
	(void)arg;
	reload_look(f.gateway.reload);
}

static void
roster_on_tell(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	(void)level;
	(void)text;
}

static void
drop_record(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	(void)level;
	(void)text;
}

/* Everything of a gateway that serves this configuration, all of it ready. */
static void
serve(const char *text)
{
	static const struct roster_handlers handlers = {
		.changed = roster_on_changed,
		.tell = roster_on_tell,
		.note = roster_on_tell,
	};
	struct gateway *gw = &f.gateway;
	struct config_errors errors;
	char *error = NULL;

	f.text = text;
	gw->source = (struct gateway_source){ .load = load };
	if (load(NULL, &gw->config, &errors) == -1)
		fail_msg("%s", errors.list[0].text);
	f.loads = 0;
	gw->loop = f.loop;
	gw->plan = __wrap_plan_new(gw->config, NULL, 0, &error);
	assert_int_equal(
	    __wrap_listen_open(&gw->listeners, gw->config, NULL, &error), 0);
	gw->roster = roster_new(f.loop, NULL, NULL, &handlers, NULL);
	gw->reload = reload_new(gw);
	gw->summary_shown = gw->front_said_hello = true;
	f.front = true;
	for (size_t i = 0; i < gw->config->backend_count; i++) {
		struct member *m =
		    roster_make(gw->roster, gw->plan, gw->config, i, &error);

		assert_non_null(m);
		roster_add(m, PART_SERVING);
	}
	roster_publish(gw->roster, gw->config);
	for (uint64_t i = 1; i <= gw->config->backend_count; i++)
		__wrap_service_start(services[i]);
}

/* The front says that it has the lists of the worker that runs. */
static void
is_listed(uint64_t number)
{
	roster_listed(f.gateway.roster, number, services[number]->generation);
}

/* It greeted and was listed; the front says so too. */
static void
is_ready(uint64_t number)
{
	assert_non_null(services[number]);
	become(services[number], BACKEND_SETUP);
	services[number]->tried = true;
	become(services[number], BACKEND_READY);
	is_listed(number);
	turn();
}

static void __attribute__((unused))
has_failed(uint64_t number, enum backend_state state)
{
	assert_non_null(services[number]);
	services[number]->tried = true;
	become(services[number], state);
	turn();
}

static void __attribute__((unused)) is_gone(uint64_t number)
{
	assert_non_null(services[number]);
	assert_int_equal(services[number]->state, BACKEND_STOPPING);
	become(services[number], BACKEND_DOWN);
	turn();
	assert_null(services[number]);
}

static void
on_done(void *arg, const struct config_errors *errors, const char *summary)
{
	(void)arg;
	f.done++;
	f.summary[0] = f.error[0] = '\0';
	if (summary != NULL)
		(void)strlcpy(f.summary, summary, sizeof(f.summary));
	if (errors != NULL && errors->count > 0)
		(void)strlcpy(f.error, errors->list[0].text, sizeof(f.error));
	assert_true((errors == NULL) == (summary != NULL));
}

static void
reload(const char *text)
{
	f.now += RELOAD_EVERY_MS;
	f.text = text;
	gateway_reload(&f.gateway, on_done, NULL);
	turn();
}

/* The last POLICY has exactly these: "a1 serving, b2 leaving". */
static void __attribute__((unused)) assert_parts(const char *expected)
{
	char parts[1024] = "";
	const char *at = f.policy;

	while ((at = strstr(at, "{\"number\":")) != NULL) {
		unsigned long long number = 0;
		char name[32], part[32];
		size_t len = strlen(parts);

		assert_int_equal(sscanf(at,
				     "{\"number\":%llu,\"name\":\"%31[^\"]\","
				     "\"part\":\"%31[^\"]\"",
				     &number, name, part),
		    3);
		(void)snprintf(parts + len, sizeof(parts) - len, "%s%s%llu %s",
		    len > 0 ? ", " : "", name, number, part);
		at++;
	}
	assert_string_equal(parts, expected);
}

static int
set_up(void **state)
{
	(void)state;
	memset(&f, 0, sizeof(f));
	memset(services, 0, sizeof(services));
	f.now = 1000000;
	f.level = LOG_LEVEL_INFO;
	log_set_sink(drop_record, NULL);
	f.loop = loop_new(false);
	return f.loop == NULL;
}

static int
tear_down(void **state)
{
	struct gateway *gw = &f.gateway;

	(void)state;
	reload_abandon(gw->reload);
	reload_free(&gw->reload);
	roster_free(&gw->roster);
	plan_free(&gw->plan);
	where_free(&gw->urls);
	config_free(&gw->config);
	loop_free(&f.loop);
	for (size_t i = 0; i < SERVICES; i++)
		assert_null(services[i]);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
