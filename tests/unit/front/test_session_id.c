/* test_session_id.c: which texts name a session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "session_id.h"

static const unsigned char id[SESSION_ID_BYTES] = { 0x00, 0x12, 0x34, 0x56,
	0x78, 0x9a, 0xbc, 0xde, 0xf0, 0x0f, 0xff, 0x80, 0x7f, 0x01, 0x10,
	0xa5 };
static const char digits[] = "00123456789abcdef00fff807f0110a5";

static void
an_id_is_read_back_as_it_was_written(void **state)
{
	unsigned char back[SESSION_ID_BYTES];
	char text[SESSION_ID_TEXT + 1];

	(void)state;
	session_id_format(id, text);
	assert_string_equal(text, digits);
	assert_int_equal(session_id_parse(back, text, strlen(text)), 0);
	assert_true(session_id_equal(back, id));
}

static void
capitals_and_dashes_mean_the_same(void **state)
{
	static const char *const same[] = {
		"00123456789ABCDEF00FFF807F0110A5",
		"00123456-789a-bcde-f00f-ff807f0110a5",
		"00123456-789A-bcde-F00f-ff807f0110A5",
	};
	unsigned char back[SESSION_ID_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		memset(back, 0xff, sizeof(back));
		assert_int_equal(
		    session_id_parse(back, same[i], strlen(same[i])), 0);
		assert_true(session_id_equal(back, id));
	}
}

static void
any_other_length_is_refused(void **state)
{
	unsigned char back[SESSION_ID_BYTES];
	char text[64];

	(void)state;
	memset(text, '0', sizeof(text));
	for (size_t len = 0; len < sizeof(text); len++)
		assert_int_equal(session_id_parse(back, text, len),
		    len == SESSION_ID_TEXT ? 0 : -1);
}

static void
any_other_byte_is_refused_wherever_it_stands(void **state)
{
	static const char uuid[] = "00123456-789a-bcde-f00f-ff807f0110a5";
	unsigned char back[SESSION_ID_BYTES];
	char text[sizeof(uuid)];

	(void)state;
	for (size_t at = 0; at < SESSION_ID_TEXT; at++) {
		for (int byte = 0; byte < 256; byte++) {
			memcpy(text, digits, sizeof(digits));
			text[at] = (char)byte;
			assert_int_equal(
			    session_id_parse(back, text, SESSION_ID_TEXT),
			    byte != '\0' &&
				    strchr("0123456789abcdefABCDEF", byte) !=
					NULL
				? 0
				: -1);
		}
	}
	for (size_t at = 0; at < sizeof(uuid) - 1; at++) {
		memcpy(text, uuid, sizeof(uuid));
		text[at] = text[at] == '-' ? '0' : '-';
		assert_int_equal(
		    session_id_parse(back, text, sizeof(uuid) - 1), -1);
	}
}

static void
one_bit_makes_another_id(void **state)
{
	unsigned char other[SESSION_ID_BYTES];

	(void)state;
	for (size_t bit = 0; bit < 8 * SESSION_ID_BYTES; bit++) {
		memcpy(other, id, sizeof(other));
		other[bit / 8] ^= (unsigned char)(1U << bit % 8);
		assert_false(session_id_equal(other, id));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_is_read_back_as_it_was_written),
		cmocka_unit_test(capitals_and_dashes_mean_the_same),
		cmocka_unit_test(any_other_length_is_refused),
		cmocka_unit_test(any_other_byte_is_refused_wherever_it_stands),
		cmocka_unit_test(one_bit_makes_another_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
