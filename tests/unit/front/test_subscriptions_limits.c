/* test_subscriptions_limits.c: how many there may be, and what is over it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/msg.h"

#include "session.h"
#include "subscriptions_parts.h"
#include "uri.h"

#define SESSIONS 80

static struct subscriptions *all;
static struct session sessions[SESSIONS];
static size_t tellings;

static int
tell(void *arg, size_t backend, bool subscribe, struct json_span uri)
{
	(void)arg;
	(void)subscribe;
	assert_int_equal(backend, 0);
	assert_true(uri.len <= MSG_URI_MAX);
	tellings++;
	return 0;
}

static int
set_up(void **state)
{
	(void)state;
	memset(sessions, 0, sizeof(sessions));
	for (size_t i = 0; i < SESSIONS; i++)
		TAILQ_INIT(&sessions[i].requests);
	tellings = 0;
	all = subscriptions_new(1, tell, NULL);
	return all == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < SESSIONS; i++)
		subscriptions_leave_all(&sessions[i]);
	assert_int_equal(subscriptions_count(all), 0);
	subscriptions_free(&all);
	return 0;
}

static void
count(void *arg, struct session *session, const char *shown, size_t len)
{
	size_t *n = arg;

	(void)session;
	(void)shown;
	(void)len;
	(*n)++;
}

static void
assert_hearers(const char *uri, size_t expected)
{
	size_t n = 0;

	subscriptions_updated(all, 0, uri, strlen(uri), count, &n);
	assert_int_equal(n, expected);
}

/* 0, or the errno of the refusal. */
static int
try_join(size_t session, const char *uri)
{
	struct subscription_change *change;

	errno = 0;
	if (subscriptions_join(all, &sessions[session], 0, uri, uri, &change) ==
	    -1)
		return errno;
	if (change != NULL)
		subscription_end(&change, SUBSCRIPTION_ACCEPTED);
	return 0;
}

static void
a_session_has_only_so_many(void **state)
{
	char uri[64];

	(void)state;
	for (unsigned int i = 0; i < SUBSCRIPTIONS_SESSION_MAX; i++) {
		snprintf(uri, sizeof(uri), "test://%u", i);
		assert_int_equal(try_join(0, uri), 0);
	}
	assert_int_equal(try_join(0, "test://more"), EDQUOT);
	assert_int_equal(try_join(1, "test://more"), 0);
	assert_int_equal(
	    subscriptions_count(all), SUBSCRIPTIONS_SESSION_MAX + 1);
	subscriptions_leave(all, &sessions[0], 0, "test://0", NULL);
	assert_int_equal(try_join(0, "test://more"), 0);
	assert_hearers("test://17", 1);
	assert_hearers("test://0", 0);
	tellings = 0;
	subscriptions_renew(all, 0);
	assert_int_equal(tellings, SUBSCRIPTIONS_SESSION_MAX);
}

static void
all_have_only_so_many(void **state)
{
	const size_t full = SUBSCRIPTIONS_MAX / SUBSCRIPTIONS_SESSION_MAX;
	char uri[64];

	(void)state;
	assert_true(full < SESSIONS);
	for (size_t i = 0; i < SUBSCRIPTIONS_MAX; i++) {
		snprintf(uri, sizeof(uri), "test://%zu", i);
		assert_int_equal(
		    try_join(i / SUBSCRIPTIONS_SESSION_MAX, uri), 0);
	}
	assert_int_equal(try_join(full, "test://0"), ENOSPC);
	assert_int_equal(try_join(full, "test://new"), ENOSPC);
	assert_hearers("test://65535", 1);
	subscriptions_leave_all(&sessions[0]);
	assert_int_equal(try_join(full, "test://new"), 0);
}

static void
uris_have_only_so_many_bytes(void **state)
{
	const size_t fit = SUBSCRIPTIONS_BYTES_MAX /
	    (sizeof(struct resource) + sizeof(struct subscription) + URI_MAX);
	char uri[URI_MAX + 2];

	(void)state;
	memset(uri, 'x', sizeof(uri) - 1);
	uri[sizeof(uri) - 1] = '\0';
	assert_int_equal(try_join(0, uri), EMSGSIZE);
	uri[URI_MAX] = '\0';
	for (size_t i = 0; i < fit; i++) {
		snprintf(uri, 16, "%015zu", i);
		uri[15] = 'x';
		assert_int_equal(
		    try_join(i / SUBSCRIPTIONS_SESSION_MAX, uri), 0);
	}
	uri[0] = 'y';
	assert_int_equal(try_join(70, uri), ENOSPC);
	subscriptions_leave_all(&sessions[0]);
	assert_int_equal(try_join(70, uri), 0);
	subscriptions_limit(all, 1000);
	assert_int_equal(try_join(70, "y"), ENOSPC);
	/* As a JSON string it would be longer than a frame. */
	memset(uri, '\1', URI_MAX);
	assert_int_equal(try_join(71, uri), EMSGSIZE);
	assert_int_equal(sessions[71].subscription_count, 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_session_has_only_so_many),
		TEST(all_have_only_so_many),
		TEST(uris_have_only_so_many_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
