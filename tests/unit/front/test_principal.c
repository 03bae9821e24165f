/* test_principal.c: who is who, and what a new policy makes of them. */
/* wrap: calloc */
#include <setjmp.h>
#include <sha2.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "principal.h"

/* calloc(3) fails from this call on; SIZE_MAX: never. */
static size_t calls_left = SIZE_MAX;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *
__wrap_calloc(size_t n, size_t size)
{
	if (calls_left == 0)
		return NULL;
	if (calls_left != SIZE_MAX)
		calls_left--;
	return __real_calloc(n, size);
}

static int
set_up(void **state)
{
	calls_left = SIZE_MAX;
	*state = principals_new();
	return *state != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	struct principals *principals = *state;

	calls_left = SIZE_MAX;
	principals_free(&principals);
	assert_null(principals);
	return 0;
}

/* A token of this name; borrows it. */
static struct policy_token
token(const char *name, const char *secret)
{
	struct policy_token made = { .audience = 1 };
	SHA2_CTX context;

	SHA256Init(&context);
	SHA256Update(&context, (const uint8_t *)secret, strlen(secret));
	SHA256Final(made.hash, &context);
	/* Only read. */
	memcpy(&made.name, &name, sizeof(name));
	return made;
}

static int
update(struct principals *principals, bool open, size_t n,
    const struct policy_token *tokens)
{
	struct policy policy = { .open = open, .token_count = n };

	memcpy(&policy.tokens, &tokens, sizeof(tokens));
	return principals_update(principals, &policy);
}

static struct principal *
find(struct principals *principals, const char *secret)
{
	return principals_find_token(principals, secret, strlen(secret));
}

static void
nobody_is_known_before_a_policy(void **state)
{
	assert_null(principals_anonymous(*state));
	assert_null(find(*state, "alice-1"));
	assert_null(find(*state, ""));
	assert_false(principals_have_tokens(*state));
}

static void
an_open_gateway_knows_anyone(void **state)
{
	struct principal *anyone;

	assert_int_equal(update(*state, true, 0, NULL), 0);
	anyone = principals_anonymous(*state);
	assert_non_null(anyone);
	assert_string_equal(anyone->name, "anonymous");
	assert_int_equal(anyone->audience, 0);
	assert_int_equal(update(*state, true, 0, NULL), 0);
	assert_ptr_equal(principals_anonymous(*state), anyone);
	principal_keep(anyone);
	assert_int_equal(update(*state, false, 0, NULL), 0);
	assert_null(principals_anonymous(*state));
	assert_true(anyone->revoked);
	principal_release(anyone);
}

static void
a_token_is_its_bearer(void **state)
{
	struct policy_token tokens[] = { token("alice", "alice-1"),
		token("bob", "bob-1") };
	struct principal *alice;

	tokens[0].rate = 5;
	tokens[0].concurrent = 7;
	tokens[0].audience = 3;
	assert_int_equal(update(*state, false, 2, tokens), 0);
	assert_true(principals_have_tokens(*state));
	alice = find(*state, "alice-1");
	assert_non_null(alice);
	assert_string_equal(alice->name, "alice");
	assert_int_equal(alice->rate, 5);
	assert_int_equal(alice->concurrent, 7);
	assert_int_equal(alice->audience, 3);
	assert_string_equal(find(*state, "bob-1")->name, "bob");
	assert_null(find(*state, "alice-2"));
	assert_null(find(*state, "alice-"));
	assert_null(find(*state, "alice-1 "));
	assert_null(find(*state, ""));
}

static void
the_hash_of_a_token_is_no_token(void **state)
{
	struct policy_token tokens[] = { token("alice", "alice-1") };

	assert_int_equal(update(*state, false, 1, tokens), 0);
	assert_null(principals_find_token(
	    *state, (const char *)tokens[0].hash, sizeof(tokens[0].hash)));
}

static void
new_rules_apply_to_who_is_there(void **state)
{
	struct policy_token tokens[] = { token("alice", "alice-1"),
		token("bob", "bob-1") };
	struct policy_token turned[] = { token("bob", "bob-1"),
		token("alice", "alice-1") };
	struct principal *alice;

	assert_int_equal(update(*state, false, 2, tokens), 0);
	alice = find(*state, "alice-1");
	alice->requests = 9;
	turned[1].rate = 2;
	turned[1].audience = 4;
	assert_int_equal(update(*state, false, 2, turned), 0);
	assert_ptr_equal(find(*state, "alice-1"), alice);
	assert_int_equal(alice->requests, 9);
	assert_int_equal(alice->rate, 2);
	assert_int_equal(alice->audience, 4);
	assert_false(alice->revoked);
	assert_string_equal(find(*state, "bob-1")->name, "bob");
}

static void
who_lost_the_token_is_revoked(void **state)
{
	struct policy_token tokens[] = { token("alice", "alice-1"),
		token("bob", "bob-1") };
	struct policy_token changed[] = { token("alice", "alice-2"),
		token("robert", "bob-1") };
	struct principal *alice;
	struct principal *bob;

	assert_int_equal(update(*state, false, 2, tokens), 0);
	alice = find(*state, "alice-1");
	bob = find(*state, "bob-1");
	principal_keep(alice);
	principal_keep(bob);
	assert_int_equal(update(*state, false, 2, changed), 0);
	assert_true(alice->revoked);
	assert_true(bob->revoked);
	assert_null(find(*state, "alice-1"));
	assert_ptr_not_equal(find(*state, "alice-2"), alice);
	assert_string_equal(find(*state, "bob-1")->name, "robert");
	principal_release(alice);
	principal_release(bob);
	assert_int_equal(update(*state, true, 0, NULL), 0);
	assert_false(principals_have_tokens(*state));
	assert_null(find(*state, "alice-2"));
}

static void
equal_tokens_under_two_names_survive(void **state)
{
	struct policy_token tokens[] = { token("a", "x"), token("b", "x"),
		token("a", "x") };

	assert_int_equal(update(*state, false, 3, tokens), 0);
	assert_int_equal(update(*state, false, 3, tokens), 0);
	assert_non_null(find(*state, "x"));
	assert_int_equal(update(*state, false, 1, tokens), 0);
	assert_string_equal(find(*state, "x")->name, "a");
}

static void
users_are_told_apart_by_their_uid(void **state)
{
	struct principal *a = principals_user(*state, 1000);
	struct principal *b = principals_user(*state, 1000);
	struct principal *c = principals_user(*state, 0);

	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, c);
	assert_string_equal(a->name, "uid 1000");
	assert_string_equal(c->name, "uid 0");
	assert_int_equal(a->audience, 0);
	assert_int_equal(a->references, 2);
	assert_int_equal(update(*state, false, 0, NULL), 0);
	assert_false(a->revoked);
	principal_release(a);
	principal_release(b);
	principal_release(c);
	assert_null(principals_next(*state, NULL));
}

static void
all_are_listed_once(void **state)
{
	struct policy_token tokens[] = { token("alice", "alice-1"),
		token("bob", "bob-1") };
	const struct principal *at = NULL;
	struct principal *user;
	size_t n = 0;

	assert_int_equal(update(*state, true, 2, tokens), 0);
	user = principals_user(*state, 5);
	while ((at = principals_next(*state, at)) != NULL)
		n++;
	assert_int_equal(n, 4);
	principal_release(user);
}

/* Whose name may be another one's by now. */
static void
who_is_revoked_is_not_listed_and_sees_nothing(void **state)
{
	struct policy_token before[] = { token("alice", "alice-1") };
	struct policy_token after[] = { token("alice", "alice-2") };
	struct principal *old;

	assert_int_equal(update(*state, false, 1, before), 0);
	old = find(*state, "alice-1");
	principal_keep(old);
	assert_int_equal(update(*state, false, 1, after), 0);
	assert_ptr_equal(
	    principals_next(*state, NULL), find(*state, "alice-2"));
	assert_null(principals_next(*state, find(*state, "alice-2")));
	assert_int_equal(old->audience, SIZE_MAX);
	principal_release(old);
}

static void
without_memory_everything_is_as_before(void **state)
{
	struct policy_token before[] = { token("alice", "alice-1") };
	struct policy_token after[] = { token("alice", "alice-1"),
		token("bob", "bob-1"), token("carol", "carol-1") };
	struct principal *alice;

	before[0].rate = 1;
	assert_int_equal(update(*state, false, 1, before), 0);
	alice = find(*state, "alice-1");
	for (size_t fail_at = 0; fail_at < 4; fail_at++) {
		calls_left = fail_at;
		assert_int_equal(update(*state, true, 3, after), -1);
		calls_left = SIZE_MAX;
		assert_ptr_equal(find(*state, "alice-1"), alice);
		assert_int_equal(alice->rate, 1);
		assert_false(alice->revoked);
		assert_null(find(*state, "bob-1"));
		assert_null(principals_anonymous(*state));
	}
	assert_int_equal(update(*state, true, 3, after), 0);
	assert_non_null(find(*state, "carol-1"));
}

static void
who_is_still_referred_to_outlives_all(void **state)
{
	struct policy_token tokens[] = { token("alice", "alice-1") };
	struct principals *principals = principals_new();
	struct principal *alice;
	struct principal *user;

	(void)state;
	assert_int_equal(update(principals, true, 1, tokens), 0);
	alice = find(principals, "alice-1");
	principal_keep(alice);
	user = principals_user(principals, 1);
	principals_free(&principals);
	assert_true(alice->revoked);
	assert_string_equal(alice->name, "alice");
	principal_release(alice);
	principal_release(user);
	principal_release(NULL);
	principal_keep(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nobody_is_known_before_a_policy),
		TEST(an_open_gateway_knows_anyone),
		TEST(a_token_is_its_bearer),
		TEST(the_hash_of_a_token_is_no_token),
		TEST(new_rules_apply_to_who_is_there),
		TEST(who_lost_the_token_is_revoked),
		TEST(equal_tokens_under_two_names_survive),
		TEST(users_are_told_apart_by_their_uid),
		TEST(all_are_listed_once),
		TEST(who_is_revoked_is_not_listed_and_sees_nothing),
		TEST(without_memory_everything_is_as_before),
		TEST(who_is_still_referred_to_outlives_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
