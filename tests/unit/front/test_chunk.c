/* test_chunk.c: what goes over a stream, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chunk.h"

static void
sizes_are_written_in_hexadecimal(void **state)
{
	static const size_t sizes[] = { 0, 1, 9, 10, 15, 16, 255, 256, 4096,
		0xdeadbeef, (size_t)64 << 20, SIZE_MAX };
	char expected[32];
	char text[CHUNK_SIZE_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		int n =
		    snprintf(expected, sizeof(expected), "%zx\r\n", sizes[i]);

		assert_int_equal(chunk_put_size(text, sizes[i]), n);
		assert_memory_equal(text, expected, (size_t)n);
	}
}

static void
a_message_is_one_event_in_one_chunk(void **state)
{
	static const char expected[] =
	    "28\r\nevent: message\r\ndata: {\"id\":\"seven\"}\r\n\r\n\r\n";
	static const char text[] = "{\"id\":7}";
	struct splice message;
	char out[128];
	size_t n;

	(void)state;
	splice_init(&message, text, sizeof(text) - 1);
	splice_replace(
	    &message, (struct json_span){ text + 6, 1 }, "\"seven\"", 7);
	n = chunk_put_message(
	    out, (struct json_span){ "", 0 }, &message, false);
	assert_int_equal(n, sizeof(expected) - 1);
	assert_memory_equal(out, expected, n);
	assert_true(n <= chunk_message_max(splice_length(&message)));
}

static void
line_ends_become_spaces_only_inside_the_message(void **state)
{
	static const char expected[] =
	    "24\r\nevent: message\r\ndata: { \"a\":  1}\r\n\r\n\r\n";
	static const char text[] = "{\n\"a\":\r\n1}";
	struct splice message;
	char out[128];
	size_t n;

	(void)state;
	splice_init(&message, text, sizeof(text) - 1);
	n = chunk_put_message(out, (struct json_span){ "", 0 }, &message, true);
	assert_int_equal(n, sizeof(expected) - 1);
	assert_memory_equal(out, expected, n);
}

static void
no_message_needs_more_than_the_maximum(void **state)
{
	char *text = malloc(70000);
	char *out = malloc(chunk_message_max(70000));
	struct splice message;

	(void)state;
	assert_true(text != NULL && out != NULL);
	memset(text, 'x', 70000);
	for (size_t n = 0; n <= 70000; n = n < 100 ? n + 1 : n * 3 / 2) {
		splice_init(&message, text, n);
		assert_true(chunk_put_message(out, (struct json_span){ "", 0 },
				&message, false) <= chunk_message_max(n));
	}
	free(text);
	free(out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_written_in_hexadecimal),
		cmocka_unit_test(a_message_is_one_event_in_one_chunk),
		cmocka_unit_test(
		    line_ends_become_spaces_only_inside_the_message),
		cmocka_unit_test(no_message_needs_more_than_the_maximum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
