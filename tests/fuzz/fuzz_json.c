/*
 * fuzz_json.c: whatever the scanner accepts, json-c accepts, every value of it
 * can be read, and a splice of equal pieces changes nothing.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "proto/buf.h"
#include "proto/json.h"
#include "proto/splice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum field {
	ID,
	PARAMS,
	NAME,
	META,
	TOKEN,
	FIELDS
};

static const struct json_field fields[FIELDS] = {
	[ID] = JSON_FIELD("id", JSON_ROOT),
	[PARAMS] = JSON_PARENT("params", JSON_ROOT, NAME),
	[NAME] = JSON_FIELD("name", PARAMS),
	[META] = JSON_PARENT("_meta", PARAMS, TOKEN),
	[TOKEN] = JSON_FIELD("progressToken", META),
};

static void *
must_allocate(size_t n)
{
	void *memory = malloc(n > 0 ? n : 1);

	assert(memory != NULL);
	return memory;
}

static void
json_c_accepts(const char *text, size_t len)
{
	struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX + 1);
	char *copy = must_allocate(len + 1);
	struct json_object *object;

	memcpy(copy, text, len);
	copy[len] = '\0';
	assert(tokener != NULL);
	json_tokener_set_flags(
	    tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, copy, (int)len + 1);
	assert(json_tokener_get_error(tokener) == json_tokener_success);
	json_object_put(object);
	json_tokener_free(tokener);
	free(copy);
}

/* A string that can be decoded means the same when it is written again. */
static void
visit_string(struct json_span string)
{
	char *text = must_allocate(string.len);
	ssize_t len = json_string_decode(string, text, string.len);
	struct buf b = { 0 };

	if (len != -1) {
		struct json_span again;
		int added = json_add_string(&b, text, (size_t)len);

		assert(added == 0);
		again = (struct json_span){ buf_data(&b), buf_len(&b) };
		assert(json_scalar_equal(string, again));
		assert(json_string_is(string, text) ==
		    (strlen(text) == (size_t)len));
	}
	buf_free(&b);
	free(text);
}

/* Read a value and all in it; returns how many values these are. */
static size_t
visit(struct json_span value)
{
	enum json_kind kind = json_kind(value);
	struct json_span key, inner;
	struct json_iter it;
	size_t nodes = 1;
	int64_t number;

	assert(json_scalar_equal(value, value));
	if (kind == JSON_STRING)
		visit_string(value);
	if (kind == JSON_NUMBER)
		(void)json_integer(value, &number);
	if (kind != JSON_ARRAY && kind != JSON_OBJECT)
		return nodes;
	json_iter_init(&it, value);
	if (kind == JSON_ARRAY) {
		while (json_iter_element(&it, &inner))
			nodes += visit(inner);
		return nodes;
	}
	while (json_iter_member(&it, &key, &inner)) {
		visit_string(key);
		nodes += visit(inner);
	}
	return nodes;
}

/* The outermost value: the text without the white space around it. */
static struct json_span
outermost(const char *text, size_t len)
{
	while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
		len--;
	while (len > 0 && strchr(" \t\r\n", *text) != NULL) {
		text++;
		len--;
	}
	return (struct json_span){ text, len };
}

static void
splice_keeps(const char *text, size_t len, const struct json_span *spans)
{
	char *same = must_allocate(len);
	struct splice s;

	splice_init(&s, text, len);
	for (size_t i = 0; i < FIELDS; i++)
		if (spans[i].at != NULL && i != PARAMS && i != META)
			splice_replace(&s, spans[i], spans[i].at, spans[i].len);
	assert(splice_length(&s) == len);
	splice_write(&s, same);
	assert(memcmp(same, text, len) == 0);
	free(same);
}

static void
flatten_keeps(const char *text, size_t len, size_t nodes)
{
	char *flat = must_allocate(len);
	struct json_scan scan;
	int result;

	memcpy(flat, text, len);
	json_flatten(flat, len);
	result = json_scan(flat, len, NULL, 0, NULL, &scan);
	assert(result == 0 && !scan.newline && scan.nodes == nodes);
	free(flat);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct json_span spans[FIELDS];
	struct json_scan scan, with;

	if (json_scan(text, size, NULL, 0, NULL, &scan) == -1) {
		assert(scan.error != NULL && scan.error_at <= size);
		return 0;
	}
	json_c_accepts(text, size);
	assert(visit(outermost(text, size)) == scan.nodes);
	flatten_keeps(text, size, scan.nodes);
	if (json_scan(text, size, fields, FIELDS, spans, &with) == -1)
		return 0;
	for (size_t i = 0; i < FIELDS; i++) {
		struct json_scan inner;

		if (spans[i].at == NULL)
			continue;
		assert(spans[i].at >= text);
		assert(spans[i].at + spans[i].len <= text + size);
		assert(json_scan(spans[i].at, spans[i].len, NULL, 0, NULL,
			   &inner) == 0);
	}
	splice_keeps(text, size, spans);
	return 0;
}
