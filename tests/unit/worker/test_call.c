/* test_call.c: the front's requests that are not answered. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "call.h"

#define TIMEOUT           1000
#define ID(slot, counter) ((uint64_t)(counter)*CALL_SLOTS + (slot))

static int
set_up(void **state)
{
	*state = call_table_new(TIMEOUT);
	return *state == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	struct call_table *ct = *state;

	call_table_free(&ct);
	return ct == NULL ? 0 : -1;
}

static void
refused(struct call_table *ct, uint64_t id, int why)
{
	errno = 0;
	assert_int_equal(call_add(ct, id, 0, 0), -1);
	assert_int_equal(errno, why);
}

static void
only_ids_of_the_front_are_taken(void **state)
{
	refused(*state, 0, EINVAL);
	refused(*state, CALL_ID_FIRST - 1, EINVAL);
	refused(*state, CALL_ID_MAX + 1, EINVAL);
	refused(*state, UINT64_MAX, EINVAL);
	assert_int_equal(call_add(*state, CALL_ID_FIRST, 0, 0), 0);
	assert_int_equal(call_add(*state, CALL_ID_MAX, 0, 0), 0);
	assert_int_equal(call_count(*state), 2);
}

static void
an_answer_is_taken_once(void **state)
{
	assert_int_equal(call_add(*state, ID(5, 1), 0, 0), 0);
	assert_int_equal(call_answer(*state, ID(5, 2)), CALL_NONE);
	assert_int_equal(call_answer(*state, ID(6, 1)), CALL_NONE);
	assert_int_equal(call_answer(*state, 5), CALL_NONE);
	assert_int_equal(call_answer(*state, ID(5, 1)), CALL_SENT);
	assert_int_equal(call_answer(*state, ID(5, 1)), CALL_NONE);
	assert_int_equal(call_count(*state), 0);
}

static void
a_slot_in_use_is_refused(void **state)
{
	assert_int_equal(call_add(*state, ID(5, 1), 0, 0), 0);
	refused(*state, ID(5, 1), EEXIST);
	refused(*state, ID(5, 2), EEXIST);
	assert_int_equal(call_answer(*state, ID(5, 1)), CALL_SENT);
	assert_int_equal(call_add(*state, ID(5, 2), 0, 0), 0);
}

static void
a_cancelled_call_keeps_its_id_until_its_late_answer(void **state)
{
	assert_int_equal(call_add(*state, ID(5, 1), 0, 0), 0);
	assert_true(call_cancel(*state, ID(5, 1)));
	assert_false(call_cancel(*state, ID(5, 1)));
	assert_int_equal(call_count(*state), 0);
	refused(*state, ID(5, 1), EEXIST);
	assert_false(call_progress(*state, ID(5, 1), 0));
	assert_int_equal(call_answer(*state, ID(5, 1)), CALL_CANCELLED);
	assert_int_equal(call_answer(*state, ID(5, 1)), CALL_NONE);
	assert_int_equal(call_add(*state, ID(5, 1), 0, 0), 0);
}

static void
a_cancelled_slot_may_be_used_by_another_id(void **state)
{
	assert_int_equal(call_add(*state, ID(5, 1), 0, 0), 0);
	assert_true(call_cancel(*state, ID(5, 1)));
	assert_int_equal(call_add(*state, ID(5, 2), 0, 0), 0);
	assert_int_equal(call_answer(*state, ID(5, 1)), CALL_NONE);
	assert_int_equal(call_answer(*state, ID(5, 2)), CALL_SENT);
}

static void
calls_expire_in_order_and_not_early(void **state)
{
	uint64_t id, at;

	assert_false(call_next_deadline(*state, &at));
	assert_false(call_expire(*state, UINT64_MAX, &id));
	assert_int_equal(call_add(*state, ID(1, 1), 0, 0), 0);
	assert_int_equal(call_add(*state, ID(2, 1), 0, 10), 0);
	assert_int_equal(call_add(*state, ID(3, 1), 0, 20), 0);
	assert_int_equal(call_answer(*state, ID(2, 1)), CALL_SENT);
	assert_true(call_next_deadline(*state, &at));
	assert_int_equal(at, TIMEOUT);
	assert_false(call_expire(*state, TIMEOUT - 1, &id));
	assert_true(call_expire(*state, TIMEOUT, &id));
	assert_int_equal(id, ID(1, 1));
	assert_false(call_expire(*state, TIMEOUT, &id));
	assert_true(call_next_deadline(*state, &at));
	assert_int_equal(at, TIMEOUT + 20);
	assert_int_equal(call_answer(*state, ID(1, 1)), CALL_EXPIRED);
	assert_int_equal(call_count(*state), 1);
}

static void
progress_puts_the_deadline_off(void **state)
{
	uint64_t id;

	assert_int_equal(call_add(*state, ID(1, 1), 0, 0), 0);
	assert_int_equal(call_add(*state, ID(2, 1), 0, 0), 0);
	assert_true(call_progress(*state, ID(1, 1), 500));
	assert_false(call_progress(*state, ID(1, 2), 500));
	assert_true(call_expire(*state, TIMEOUT, &id));
	assert_int_equal(id, ID(2, 1));
	assert_false(call_expire(*state, TIMEOUT + 499, &id));
	assert_true(call_expire(*state, TIMEOUT + 500, &id));
	assert_int_equal(id, ID(1, 1));
}

static void
progress_does_not_put_it_off_for_ever(void **state)
{
	uint64_t now, id;

	assert_int_equal(call_add(*state, ID(1, 1), 0, 0), 0);
	for (now = 0; !call_expire(*state, now, &id); now += TIMEOUT / 2) {
		assert_true(call_progress(*state, ID(1, 1), now));
		assert_true(now < 2 * CALL_PROGRESS_MAX_MS);
	}
	assert_in_range(
	    now, CALL_PROGRESS_MAX_MS, CALL_PROGRESS_MAX_MS + TIMEOUT);
}

static void
all_can_be_cancelled(void **state)
{
	uint64_t id, slot;

	for (slot = 0; slot < CALL_SLOTS; slot++)
		assert_int_equal(call_add(*state, ID(slot, 1), 0, slot), 0);
	assert_int_equal(call_count(*state), CALL_SLOTS);
	for (slot = 0; call_cancel_oldest(*state, &id); slot++)
		assert_int_equal(id, ID(slot, 1));
	assert_int_equal(slot, CALL_SLOTS);
	assert_int_equal(call_count(*state), 0);
}

/* The same operations on a table and on a list that is simply searched. */
static void
it_behaves_like_a_plain_list(void **state)
{
	struct {
		uint64_t id, deadline;
		enum call_state state;
	} model[8] = { 0 };
	uint64_t now = 0, id;
	unsigned int seed = 1;
	size_t live = 0;

	for (int i = 0; i < 200000; i++) {
		size_t k = (size_t)rand_r(&seed) % 8;
		bool sent = model[k].state == CALL_SENT;

		now += (uint64_t)rand_r(&seed) % 100;
		id = ID(k, 1 + rand_r(&seed) % 3);
		switch (rand_r(&seed) % 5) {
		case 0:
			if (call_add(*state, id, 0, now) == 0) {
				assert_false(sent);
				assert_true(model[k].state == CALL_NONE ||
				    model[k].id != id);
				model[k].id = id;
				model[k].deadline = now + TIMEOUT;
				model[k].state = CALL_SENT;
				live++;
			} else {
				assert_true(sent || model[k].id == id);
			}
			break;
		case 1:
			if (model[k].id != id)
				model[k].id = 0;
			assert_int_equal(call_answer(*state, id),
			    model[k].id == id ? model[k].state : CALL_NONE);
			if (model[k].id == id) {
				live -= sent;
				model[k].state = CALL_NONE;
			} else {
				/* Forget it in the table as well. */
				for (uint64_t c = 1; c < 4; c++)
					(void)call_answer(*state, ID(k, c));
				live -= sent;
				model[k].state = CALL_NONE;
			}
			break;
		case 2:
			sent = sent && model[k].id == id;
			assert_int_equal(call_cancel(*state, id), sent);
			if (sent) {
				model[k].state = CALL_CANCELLED;
				live--;
			}
			break;
		case 3:
			sent = sent && model[k].id == id;
			assert_int_equal(call_progress(*state, id, now), sent);
			if (sent && model[k].deadline < now + TIMEOUT)
				model[k].deadline = now + TIMEOUT;
			break;
		case 4:
			while (call_expire(*state, now, &id)) {
				k = id % CALL_SLOTS;
				assert_int_equal(model[k].id, id);
				assert_int_equal(model[k].state, CALL_SENT);
				model[k].state = CALL_EXPIRED;
				live--;
			}
			break;
		}
		assert_int_equal(call_count(*state), live);
	}
}

static void
no_call_expires_while_a_client_is_asked(void **state)
{
	uint64_t id, at;

	assert_int_equal(call_add(*state, ID(1, 1), 0, 0), 0);
	call_hold(*state, true, 500);
	assert_int_equal(call_add(*state, ID(2, 1), 0, 600), 0);
	assert_false(call_expire(*state, 100 * TIMEOUT, &id));
	call_hold(*state, false, 100 * TIMEOUT);
	/* Both have their whole time again. */
	assert_true(call_next_deadline(*state, &at));
	assert_int_equal(at, 101 * TIMEOUT);
	assert_false(call_expire(*state, 101 * TIMEOUT - 1, &id));
	assert_true(call_expire(*state, 101 * TIMEOUT, &id));
	assert_int_equal(id, ID(1, 1));
	assert_true(call_expire(*state, 101 * TIMEOUT, &id));
	assert_int_equal(id, ID(2, 1));
}

static void
a_call_that_comes_later_than_the_hold_has_its_own_time(void **state)
{
	uint64_t id, at;

	call_hold(*state, true, 0);
	call_hold(*state, false, 100);
	assert_int_equal(call_add(*state, ID(1, 1), 0, 5 * TIMEOUT), 0);
	assert_true(call_next_deadline(*state, &at));
	assert_int_equal(at, 6 * TIMEOUT);
	assert_false(call_expire(*state, 6 * TIMEOUT - 1, &id));
	assert_true(call_expire(*state, 6 * TIMEOUT, &id));
}

static void
nobody_is_asked_for_longer_than_an_hour(void **state)
{
	uint64_t id, at;

	assert_int_equal(call_add(*state, ID(1, 1), 0, 0), 0);
	call_hold(*state, true, 1);
	assert_true(call_next_deadline(*state, &at));
	assert_int_equal(at, CALL_PROGRESS_MAX_MS);
	assert_false(call_expire(*state, CALL_PROGRESS_MAX_MS - 1, &id));
	assert_true(call_expire(*state, CALL_PROGRESS_MAX_MS, &id));
	/* Nor does the end of a hold give another hour. */
	assert_int_equal(call_add(*state, ID(2, 1), 0, 0), 0);
	call_hold(*state, false, CALL_PROGRESS_MAX_MS - 1);
	assert_true(call_expire(*state, CALL_PROGRESS_MAX_MS, &id));
}

static void
who_is_waited_for_is_known(void **state)
{
	assert_false(call_is_waited_for(*state, ID(1, 1)));
	assert_int_equal(call_add(*state, ID(1, 1), 0, 0), 0);
	assert_true(call_is_waited_for(*state, ID(1, 1)));
	assert_false(call_is_waited_for(*state, ID(1, 2)));
	assert_true(call_cancel(*state, ID(1, 1)));
	assert_false(call_is_waited_for(*state, ID(1, 1)));
}

int
main(void)
{
#define WITH_TABLE(test)                                                       \
	cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_TABLE(only_ids_of_the_front_are_taken),
		WITH_TABLE(an_answer_is_taken_once),
		WITH_TABLE(a_slot_in_use_is_refused),
		WITH_TABLE(a_cancelled_call_keeps_its_id_until_its_late_answer),
		WITH_TABLE(a_cancelled_slot_may_be_used_by_another_id),
		WITH_TABLE(calls_expire_in_order_and_not_early),
		WITH_TABLE(progress_puts_the_deadline_off),
		WITH_TABLE(progress_does_not_put_it_off_for_ever),
		WITH_TABLE(all_can_be_cancelled),
		WITH_TABLE(it_behaves_like_a_plain_list),
		WITH_TABLE(no_call_expires_while_a_client_is_asked),
		WITH_TABLE(
		    a_call_that_comes_later_than_the_hold_has_its_own_time),
		WITH_TABLE(nobody_is_asked_for_longer_than_an_hour),
		WITH_TABLE(who_is_waited_for_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
