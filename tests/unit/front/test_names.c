/* test_names.c: safe spellings, and names that are left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "names.h"

#define USABLE(text) names_usable(text, sizeof(text) - 1, NAMES_MAX)

static void
readable_names_are_usable(void **state)
{
	char longest[NAMES_MAX + 1];

	(void)state;
	memset(longest, 'a', sizeof(longest));
	assert_true(USABLE("echo"));
	assert_true(USABLE("a"));
	assert_true(USABLE("get-weather_2.0/now: (x)"));
	assert_true(USABLE("\347\224\273\351\235\242"));
	assert_true(USABLE("caf\303\251 \360\237\224\247"));
	assert_true(USABLE("\342\232\231\357\270\217"));
	assert_true(names_usable(longest, NAMES_MAX, NAMES_MAX));
	assert_false(names_usable(longest, NAMES_MAX + 1, NAMES_MAX));
}

static void
hidden_characters_make_a_name_unusable(void **state)
{
	(void)state;
	assert_false(USABLE(""));
	assert_false(USABLE("a\0b"));
	assert_false(USABLE("a\nb"));
	assert_false(USABLE("a\tb"));
	assert_false(USABLE("\033[2Jb"));
	assert_false(USABLE("a\177"));
	assert_false(USABLE("a\302\233b"));         /* U+009B, CSI */
	assert_false(USABLE("a\302\255b"));         /* U+00AD */
	assert_false(USABLE("a\342\200\213b"));     /* U+200B */
	assert_false(USABLE("a\342\200\215b"));     /* U+200D */
	assert_false(USABLE("a\342\200\217b"));     /* U+200F */
	assert_false(USABLE("a\342\200\250b"));     /* U+2028 */
	assert_false(USABLE("a\342\200\256b"));     /* U+202E */
	assert_false(USABLE("a\342\201\247b"));     /* U+2067 */
	assert_false(USABLE("a\342\201\240b"));     /* U+2060 */
	assert_false(USABLE("\357\273\277b"));      /* U+FEFF */
	assert_false(USABLE("a\363\240\201\201b")); /* U+E0041 */
	assert_false(USABLE("a\342\200"));          /* cut off */
	assert_false(USABLE("a\342b\200"));
}

static void
assert_safe(const char *server, const char *tool, const char *want)
{
	char safe[NAMES_SAFE_MAX + 1];

	const bool same = names_safe(server, tool, 0, safe);

	assert_string_equal(safe, want);
	assert_int_equal(same,
	    strlen(safe) == strlen(server) + 2 + strlen(tool) &&
		strcmp(safe + strlen(safe) - strlen(tool), tool) == 0);
}

/* The digits are those of printf '%s' server/tool | sha256sum. */
static void
what_is_replaced_or_cut_gets_a_hash(void **state)
{
	(void)state;
	assert_safe("bash", "bash", "bash__bash");
	assert_safe("git-hub", "get_me", "git-hub__get_me");
	assert_safe("s", "a.b", "s__a_b_d53e29");
	assert_safe("s", "a/b", "s__a_b_fac8ec");
	assert_safe("s", "\303\251", "s____9c0dca");
	assert_safe("everything",
	    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
	    "everything__"
	    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz");
	assert_safe("everything",
	    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzA",
	    "everything__abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrs_95ebfe");
}

/* A run of what may not stand there is one "_". */
static void
a_name_of_other_letters_is_its_server_and_a_hash(void **state)
{
	(void)state;
	assert_safe("enscan", "\346\237\245\350\257\242", "enscan____f229ed");
	assert_safe("enscan",
	    "\346\237\245 \350\257\242 \346\237\245\350\257\242"
	    "\346\237\245\350\257\242\346\237\245\350\257\242"
	    "\346\237\245\350\257\242\346\237\245\350\257\242",
	    "enscan____556ac8");
	assert_safe("\346\237\245", "a", "___a_d83fd2");
	assert_safe("-x", "-y", "_x__-y_4ecc82");
	assert_safe("1x", "y", "1x__y");
	assert_safe("a", "b (c) [d]", "a__b_c_d__545a00");
}

static void
spellings_are_safe_whatever_the_names(void **state)
{
	char server[100], tool[300], safe[NAMES_SAFE_MAX + 1];
	size_t i, n;

	(void)state;
	for (n = 1; n < 99; n++) {
		memset(server, 's', n);
		server[n] = '\0';
		for (i = 0; i < 255; i++)
			tool[i] = (char)(i + n) != 0 ? (char)(i + n) : 'x';
		tool[1 + (n * 7) % 254] = '\0';
		names_safe(server, tool, (unsigned int)(n % 3), safe);
		assert_in_range(strlen(safe), 1, NAMES_SAFE_MAX);
		assert_int_not_equal(safe[0], '-');
		assert_int_equal(strlen(safe),
		    strspn(safe,
			"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			"0123456789_-"));
	}
}

static void
every_attempt_is_another_spelling(void **state)
{
	char a[NAMES_SAFE_MAX + 1], b[NAMES_SAFE_MAX + 1];

	(void)state;
	names_safe("a", "b__c", 0, a);
	names_safe("a__b", "c", 0, b);
	assert_string_equal(a, b);
	names_safe("a__b", "c", 1, b);
	assert_string_equal(b, "a__b__c_e6f836");
	names_safe("a__b", "c", 2, a);
	assert_string_not_equal(a, b);
	names_safe("a", "b.c", 0, a);
	names_safe("a", "b.c", 1, b);
	assert_string_not_equal(a, b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readable_names_are_usable),
		cmocka_unit_test(hidden_characters_make_a_name_unusable),
		cmocka_unit_test(what_is_replaced_or_cut_gets_a_hash),
		cmocka_unit_test(
		    a_name_of_other_letters_is_its_server_and_a_hash),
		cmocka_unit_test(spellings_are_safe_whatever_the_names),
		cmocka_unit_test(every_attempt_is_another_spelling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
