/*
 * test_json_differential.c: whatever the scanner accepts, json-c accepts, which
 * reads some of the same texts after it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "proto/json.h"

static const char *const seeds[] = {
	("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{"
	 "\"name\":\"echo\",\"arguments\":{\"n\":-1.5e-7,\"s\":\"\\u00e9 \\ud83d"
	 "\\ude39\",\"a\":[1,2,{}]}}}"),
	("[0.1,1e5,-0,1E+2,[true,false,null],\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98"
	 "\x80\"]"),
	"{\"a\":{\"b\":{\"c\":[[[[\"deep\"]]]]}},\"d\":\"\\\"\\\\\\/\\b\"}",
	"\"\\ud800\\udc00\\ud800\\n\\udc00\\ud800\\ud800\\udc00\"",
	"[123456789012345678901234567890,-9223372036854775809,1e400,-1e-400]",
	" {\n\t\"a\" : [ 1 , 2 ] ,\r\n \"\" : null }\n",
	"{\"\\ud800\":\"\\u0000\",\"a\":1,\"a\":2}",
	"-123.456e+78",
	"true",
	"null",
};
#define SEEDS  (sizeof(seeds) / sizeof(seeds[0]))
#define ROUNDS 200000

static uint32_t
next_random(uint32_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 17;
	*random ^= *random << 5;
	return *random;
}

/* Change, insert or remove a few bytes of text[0..len); the new length. */
static size_t
mutate(char *text, size_t len, size_t cap, uint32_t *random)
{
	static const char bytes[] =
	    "\"\\/{}[]:,0123456789-+.eEtfnul \t\n\r\x01\x80\xc3\xa9\xed\xf4ud8";
	size_t changes = 1 + next_random(random) % 3;

	while (changes-- > 0) {
		size_t at = next_random(random) % (len + 1);
		char byte = bytes[next_random(random) % sizeof(bytes)];

		switch (next_random(random) % 3) {
		case 0:
			if (at < len)
				text[at] = byte;
			break;
		case 1:
			if (len == cap)
				break;
			memmove(text + at + 1, text + at, len - at);
			text[at] = byte;
			len++;
			break;
		default:
			if (at == len)
				break;
			memmove(text + at, text + at + 1, len - at - 1);
			len--;
			break;
		}
	}
	return len;
}

/* Whether json-c accepts text[0..len), behind which there is a NUL. */
static bool
json_c_accepts(struct json_tokener *tokener, const char *text, size_t len)
{
	struct json_object *object;
	bool accepted;

	json_tokener_reset(tokener);
	object = json_tokener_parse_ex(tokener, text, (int)len + 1);
	accepted = json_tokener_get_error(tokener) == json_tokener_success;
	json_object_put(object);
	return accepted;
}

static void
json_c_accepts_whatever_is_accepted(void **state)
{
	struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX + 1);
	uint32_t random = 2463534242;
	size_t accepted = 0, refused = 0;
	struct json_scan scan;
	char text[512];

	(void)state;
	assert_non_null(tokener);
	json_tokener_set_flags(
	    tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	for (size_t i = 0; i < ROUNDS; i++) {
		const char *seed = seeds[next_random(&random) % SEEDS];
		size_t len = strlen(seed);

		memcpy(text, seed, len);
		len = mutate(text, len, sizeof(text) - 1, &random);
		text[len] = '\0';
		if (json_scan(text, len, NULL, 0, NULL, &scan) == -1) {
			refused++;
			continue;
		}
		accepted++;
		if (!json_c_accepts(tokener, text, len))
			fail_msg("json-c refuses: %s", text);
	}
	json_tokener_free(tokener);
	/* Neither side of the comparison may be empty. */
	assert_true(accepted > ROUNDS / 20);
	assert_true(refused > ROUNDS / 20);
}

static void
json_c_accepts_the_deepest_text_that_is_accepted(void **state)
{
	struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX + 1);
	char text[2 * JSON_DEPTH_MAX + 2] = "";

	(void)state;
	assert_non_null(tokener);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	memset(text, '[', JSON_DEPTH_MAX);
	text[JSON_DEPTH_MAX] = '1';
	memset(text + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX);
	assert_true(json_c_accepts(tokener, text, sizeof(text) - 1));
	json_tokener_free(tokener);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_c_accepts_whatever_is_accepted),
		cmocka_unit_test(
		    json_c_accepts_the_deepest_text_that_is_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
