/* instance_fixture.h: a gateway without processes (reload_fixture.h), one of
 * whose backends has instances for single clients. */
/* wrap: service_status */
/* wrap: service_kill */
#ifndef TEST_INSTANCE_FIXTURE_H
#define TEST_INSTANCE_FIXTURE_H

#include "instance.h"
#include "reload_fixture.h"
#include "roster_parts.h"

#define OWN(name, arg, more)                                                   \
	"\"" name "\":{\"command\":\"/bin/true\",\"args\":[\"" arg             \
	"\"],\"session\":\"per-client\"" more "}"
/* "a" has two instances at most, "b" is shared. */
#define A2B CONFIG("", OWN("a", "1", ",\"max_instances\":2") "," ONE("b", "1"))

static unsigned int kills;

void
__wrap_service_status(const struct service *s, struct status_backend *ret)
{
	*ret = (struct status_backend){
		.name = __wrap_service_name(s),
		.number = s->number,
		.state = s->state,
	};
}

void
__wrap_service_kill(struct service *s)
{
	(void)s;
	kills++;
}

/* ---- what happens ---- */

static struct roster *
roster(void)
{
	return f.gateway.roster;
}

static void
want(uint64_t number, uint32_t key)
{
	f.frames[0] = '\0';
	instance_want(roster(), number, key, 5);
	turn();
}

static void
release(uint64_t number)
{
	f.frames[0] = '\0';
	instance_release(roster(), number);
	turn();
}

/* The front was told this since it said something, and no more. */
static void
assert_told(const char *expected)
{
	assert_string_equal(f.frames, expected);
}

/* It was told that there is none, because of this. */
static void __attribute__((unused)) assert_none(const char *why)
{
	assert_int_equal(strncmp(f.frames, "none ", 5), 0);
	if (strstr(f.frames, why) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", why, f.frames);
	assert_null(strstr(f.frames, ";instance "));
	assert_null(strstr(f.frames, ";link "));
}

#define STATE(name) "{\"state\":\"" name "\",\"error\":null,\"retry_ms\":null};"

/* It becomes ready; the front does not have to say so. */
static void
comes_up(uint64_t number)
{
	assert_non_null(services[number]);
	become(services[number], BACKEND_SETUP);
	become(services[number], BACKEND_READY);
	turn();
}

/* It ends by itself. */
static void __attribute__((unused)) crashes(uint64_t number)
{
	assert_non_null(services[number]);
	become(services[number], BACKEND_STOPPING);
	__wrap_service_explain(services[number], "exited with status 3");
	become(services[number], BACKEND_FAILED);
	turn();
}

static void
both_are_ready(const char *text)
{
	serve(text);
	is_ready(1);
	is_ready(2);
}

#endif
