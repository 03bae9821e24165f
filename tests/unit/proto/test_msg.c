/* Who may say what to whom: all types in all directions, against a table that
 * is written here once more, by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/log.h"
#include "proto/mcp.h"
#include "proto/msg.h"

#define CONTROL (1U << 20)
#define JSON    (64U << 20)

static const struct row {
	unsigned int type;
	const char *name;
	const char *ways; /* pairs of initials: "sf" is supervisor to front */
	uint32_t length_max;
	uint16_t flags_max;
	bool has_fd;
} rows[] = {
	{ MSG_HELLO, "HELLO", "fs ws rs", CONTROL, 0, false },
	{ MSG_SETUP, "SETUP", "sf sw sr", CONTROL, 0, false },
	{ MSG_READY, "READY", "ws", CONTROL, 0, false },
	{ MSG_LOG, "LOG", "fs ws rs", 4096, 4, false },
	{ MSG_OBITUARY, "OBITUARY", "ws rs", CONTROL, 0, false },
	{ MSG_LOGLEVEL, "LOGLEVEL", "sf sw sr", 0, 4, false },
	{ MSG_LISTEN, "LISTEN", "sf", CONTROL, 0, true },
	{ MSG_UNLISTEN, "UNLISTEN", "sf", 0, 0, false },
	{ MSG_POLICY, "POLICY", "sf", 8 << 20, 0, false },
	{ MSG_BACKEND, "BACKEND", "sf", CONTROL, 0, false },
	{ MSG_LINK, "LINK", "sf sw", 0, 0, true },
	{ MSG_JOB_STDIN, "JOB_STDIN", "sw", 0, 0, true },
	{ MSG_JOB_STDOUT, "JOB_STDOUT", "sw", 0, 0, true },
	{ MSG_JOB_STDERR, "JOB_STDERR", "sw", 0, 0, true },
	{ MSG_STOP, "STOP", "sr sw", CONTROL, 0, false },
	{ MSG_GREETING, "GREETING", "wf", JSON, 0, false },
	{ MSG_CATALOG, "CATALOG", "wf", JSON, 3, false },
	{ MSG_REQUEST, "REQUEST", "fw", JSON, 0, false },
	{ MSG_RESPONSE, "RESPONSE", "wf", JSON, 0, false },
	{ MSG_EVENT, "EVENT", "wf", JSON, 0, false },
	{ MSG_NOTIFY, "NOTIFY", "wf", JSON, 0, false },
	{ MSG_CANCEL, "CANCEL", "fw", 4096, 0, false },
	{ MSG_FAIL, "FAIL", "wf", JSON, 0, false },
	{ MSG_CLIENT_LEVEL, "CLIENT_LEVEL", "fw", 0, 7, false },
	{ MSG_SUBSCRIBE, "SUBSCRIBE", "fw", 8192, 0, false },
	{ MSG_UNSUBSCRIBE, "UNSUBSCRIBE", "fw", 8192, 0, false },
	{ MSG_PING, "PING", "sf sw sr", 0, 0, false },
	{ MSG_PONG, "PONG", "fs ws rs", 0, 65535, false },
	{ MSG_LISTED, "LISTED", "fs", 0, 0, false },
	{ MSG_DRAIN, "DRAIN", "sf", 0, 0, false },
	{ MSG_DRAINED, "DRAINED", "fs", 0, 1, false },
	{ MSG_QUERY, "QUERY", "sf", CONTROL, 0, false },
	{ MSG_REPORT, "REPORT", "fs", 4 << 20, 0, false },
	{ MSG_CONTROL, "CONTROL", "cs", 4096, 0, false },
	{ MSG_RESULT, "RESULT", "sc", 6 << 20, 0, false },
	{ MSG_ASK, "ASK", "wf", JSON, 0, false },
	{ MSG_ANSWER, "ANSWER", "fw", JSON, 0, false },
	{ MSG_RETRACT, "RETRACT", "wf", 4096, 0, false },
	{ MSG_ASK_PROGRESS, "ASK_PROGRESS", "fw", JSON, 0, false },
	{ MSG_ROOTS_CHANGED, "ROOTS_CHANGED", "fw", 0, 0, false },
	{ MSG_WANT, "WANT", "fs", 0, 0x7f, false },
	{ MSG_INSTANCE, "INSTANCE", "sf", CONTROL, 0, false },
	{ MSG_RELEASE, "RELEASE", "fs", 0, 0, false },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const char initials[ROLE_COUNT] = { [ROLE_SUPERVISOR] = 's',
	[ROLE_FRONT] = 'f',
	[ROLE_WORKER] = 'w',
	[ROLE_REAPER] = 'r',
	[ROLE_CONTROL] = 'c' };

static bool
may(const struct row *row, unsigned int from, unsigned int to)
{
	const char way[] = { initials[from], initials[to], '\0' };

	return strstr(row->ways, way) != NULL;
}

static void
every_type_has_a_row(void **state)
{
	(void)state;
	assert_int_equal(ROWS, MSG_TYPE_MAX);
	for (size_t i = 0; i < ROWS; i++)
		assert_int_equal(rows[i].type, i + 1);
	assert_int_equal(LOG_LEVEL_CRITICAL, 4);
	assert_int_equal(MCP_LEVELS, 8);
	assert_int_equal(CATALOG_KINDS, 4);
}

static void
only_the_listed_directions_are_allowed(void **state)
{
	unsigned int allowed = 0;

	(void)state;
	for (size_t i = 0; i < ROWS; i++)
		for (unsigned int from = 0; from < ROLE_COUNT; from++)
			for (unsigned int to = 0; to < ROLE_COUNT; to++) {
				struct frame frame = {
					.type = (uint16_t)rows[i].type
				};
				const char *wrong = msg_check(
				    &frame, (enum role)from, (enum role)to);

				if (may(&rows[i], from, to)) {
					assert_null(wrong);
					allowed++;
				} else {
					assert_string_equal(wrong,
					    "message in a wrong direction");
				}
			}
	assert_int_equal(allowed, 58);
}

/* Judge with the first direction that the row allows. */
static const char *
check(const struct row *row, uint32_t length, uint16_t flags)
{
	struct frame frame = {
		.type = (uint16_t)row->type, .length = length, .flags = flags
	};

	for (unsigned int from = 0; from < ROLE_COUNT; from++)
		for (unsigned int to = 0; to < ROLE_COUNT; to++)
			if (may(row, from, to))
				return msg_check(
				    &frame, (enum role)from, (enum role)to);
	fail();
	return NULL;
}

static void
lengths_are_bounded_by_type(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		uint32_t max = rows[i].length_max;

		assert_int_equal(msg_length_max(rows[i].type), max);
		assert_null(check(&rows[i], max, 0));
		assert_string_equal(
		    check(&rows[i], max + 1, 0), "message too long");
		assert_string_equal(
		    check(&rows[i], UINT32_MAX, 0), "message too long");
	}
}

static void
levels_and_kinds_are_bounded_by_type(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		uint16_t max = rows[i].flags_max;

		assert_null(check(&rows[i], 0, max));
		if (max == UINT16_MAX)
			continue;
		assert_string_equal(check(&rows[i], 0, (uint16_t)(max + 1)),
		    "message with wrong flags");
		assert_string_equal(
		    check(&rows[i], 0, UINT16_MAX), "message with wrong flags");
	}
}

static void
types_that_do_not_exist_are_refused(void **state)
{
	(void)state;
	for (unsigned int type = 0; type <= UINT16_MAX; type++) {
		struct frame frame = { .type = (uint16_t)type };

		if (type >= 1 && type <= MSG_TYPE_MAX)
			continue;
		assert_string_equal(
		    msg_check(&frame, ROLE_SUPERVISOR, ROLE_FRONT),
		    "unknown message type");
		assert_string_equal(msg_name(type), "unknown");
		assert_false(msg_has_fd(type));
		assert_int_equal(msg_length_max(type), 0);
	}
	assert_string_equal(msg_name(UINT32_MAX), "unknown");
}

static void
names_and_descriptors_are_those_of_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		assert_string_equal(msg_name(rows[i].type), rows[i].name);
		assert_int_equal(msg_has_fd(rows[i].type), rows[i].has_fd);
	}
	assert_string_equal(role_name(ROLE_SUPERVISOR), "supervisor");
	assert_string_equal(role_name(ROLE_FRONT), "front");
	assert_string_equal(role_name(ROLE_WORKER), "worker");
	assert_string_equal(role_name(ROLE_REAPER), "reaper");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_has_a_row),
		cmocka_unit_test(only_the_listed_directions_are_allowed),
		cmocka_unit_test(lengths_are_bounded_by_type),
		cmocka_unit_test(levels_and_kinds_are_bounded_by_type),
		cmocka_unit_test(types_that_do_not_exist_are_refused),
		cmocka_unit_test(names_and_descriptors_are_those_of_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
