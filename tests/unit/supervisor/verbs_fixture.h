/* verbs_fixture.h: the gateway and the socket that the verbs are between. */
/* wrap: gateway_reload */
/* wrap: gateway_check */
/* wrap: gateway_act */
/* wrap: gateway_set_log_level */
/* wrap: gateway_each */
/* wrap: gateway_each_instance */
/* wrap: gateway_status */
/* wrap: gateway_query */
/* wrap: control_new */
/* wrap: control_free */
/* wrap: control_answer */
#ifndef TEST_VERBS_FIXTURE_H
#define TEST_VERBS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "control.h"
#include "proto/json.h"
#include "proto/log.h"
#include "verbs.h"

/* The gateway and the socket that the verbs are between. */
static struct {
	control_asked *asked;
	void *arg;
	char *no_socket; /* why there is none */
	struct control_options options;
	char *answer; /* the last one */
	struct control_request to;
	unsigned int answers;
	char query[512];
	gateway_answered *answered;
	void *answered_arg[VERBS_PENDING_MAX + 1];
	unsigned int queries;
	gateway_reloaded *reloaded;
	void *reloaded_arg;
	bool check;
	char name[128];
	enum gateway_act act;
	const char *act_error;
	int level;
	const struct status_backend *backends;
	size_t backend_count;
	const struct status_backend *instances; /* of the first of them */
	size_t instance_count;
	char log[1024];
} fake;

struct control *
__wrap_control_new(struct loop *loop, const struct control_options *options,
    control_asked *asked, void *arg, char **error)
{
	(void)loop;
	fake.options = *options;
	fake.asked = asked;
	fake.arg = arg;
	if (fake.no_socket == NULL)
		return (struct control *)&fake;
	*error = strdup(fake.no_socket);
	return NULL;
}

void
__wrap_control_free(struct control **control)
{
	*control = NULL;
}

void
__wrap_control_answer(struct control *control,
    const struct control_request *request, const char *json, size_t len)
{
	struct json_scan scan;

	assert_non_null(control);
	assert_int_equal(json_scan(json, len, NULL, 0, NULL, &scan), 0);
	free(fake.answer);
	fake.answer = strndup(json, len);
	fake.to = *request;
	fake.answers++;
}

void
__wrap_gateway_reload(
    struct gateway *gateway, gateway_reloaded *done, void *arg)
{
	(void)gateway;
	fake.check = false;
	fake.reloaded = done;
	fake.reloaded_arg = arg;
}

void
__wrap_gateway_check(struct gateway *gateway, gateway_reloaded *done, void *arg)
{
	(void)gateway;
	fake.check = true;
	fake.reloaded = done;
	fake.reloaded_arg = arg;
}

int
__wrap_gateway_act(struct gateway *gateway, const char *name,
    enum gateway_act act, char **error)
{
	(void)gateway;
	(void)strlcpy(fake.name, name, sizeof(fake.name));
	fake.act = act;
	if (fake.act_error == NULL)
		return 0;
	*error = strdup(fake.act_error);
	return -1;
}

void
__wrap_gateway_set_log_level(struct gateway *gateway, enum log_level level)
{
	(void)gateway;
	fake.level = (int)level;
}

void
__wrap_gateway_each(struct gateway *gateway,
    void (*each)(void *arg, const struct status_backend *backend), void *arg)
{
	(void)gateway;
	for (size_t i = 0; i < fake.backend_count; i++)
		each(arg, &fake.backends[i]);
}

void
__wrap_gateway_each_instance(struct gateway *gateway, uint64_t number,
    void (*each)(void *arg, const struct status_backend *instance), void *arg)
{
	(void)gateway;
	for (size_t i = 0; i < fake.instance_count; i++) {
		if (number == fake.backends[0].number)
			each(arg, &fake.instances[i]);
	}
}

void
__wrap_gateway_status(const struct gateway *gateway, struct status_gateway *ret)
{
	static char one[] = "http://127.0.0.1:9000/sse", two[] = "/run/\"x";
	static char *const addresses[] = { one, two, NULL };

	(void)gateway;
	*ret = (struct status_gateway){ .version = "1.2.3",
		.config = "/etc/c.json",
		.log = "syslog",
		.state = "running",
		.pid = getpid(),
		.front = -1,
		.for_ms = 61999,
		.reloads = 2,
		.addresses = addresses };
}

void
__wrap_gateway_query(struct gateway *gateway, const char *query,
    gateway_answered *answered, void *arg)
{
	(void)gateway;
	(void)strlcpy(fake.query, query, sizeof(fake.query));
	fake.answered = answered;
	fake.answered_arg[fake.queries++] = arg;
}

static void
keep_log(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	(void)level;
	(void)strlcpy(fake.log, text, sizeof(fake.log));
}

struct fixture {
	struct config config;
	struct verbs *verbs;
};

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	static char path[] = "/run/x/control.sock";
	char *error;

	memset(&fake, 0, sizeof(fake));
	fake.level = -1;
	log_set_sink(keep_log, NULL);
	f->config.control_socket = path;
	f->config.control_mode = 0660;
	f->verbs = verbs_new(NULL, NULL, &f->config, &error);
	assert_non_null(f->verbs);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	verbs_free(&f->verbs);
	free(fake.answer);
	free(f);
	return 0;
}

/* The answer, or NULL when it is still owed. */
static const char *
ask(const char *json)
{
	static uint64_t id;
	const struct control_request request = { .peer = 7, .id = ++id };
	unsigned int before = fake.answers;

	fake.asked(fake.arg, &request, 1000, json, strlen(json));
	if (fake.answers == before)
		return NULL;
	assert_int_equal(fake.answers, before + 1);
	assert_int_equal(fake.to.id, id);
	return fake.answer;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
