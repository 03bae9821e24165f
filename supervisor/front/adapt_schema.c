/*
 * adapt_schema.c: an outputSchema for clients that know only those of objects.
 *
 * A result that is no object is sent to them as {"result":…}, one that is an
 * object as it is.  So a schema of no object becomes
 *
 *   {"type":"object","properties":{"result":SCHEMA},"required":["result"]}
 *
 * and one that allows objects besides other things
 *
 *   {"type":"object","anyOf":[SCHEMA,{"properties":{"result":
 *    {"$ref":"#/anyOf/0"}},"required":["result"]}]}
 *
 * The dialect and the definitions move to the new root, and references from
 * the old root point to where it is now.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "adapt_parts.h"

/* Where the schema is in the new one. */
#define AT_RESULT "#/properties/result"
#define AT_ANY    "#/anyOf/0"

/* What a value is for JSON Schema, 2020-12 and older. */
enum place {
	SCHEMA,  /* or an array of them, or what a keyword means */
	SCHEMAS, /* an object whose members are schemas */
	DATA,    /* an instance: nothing in it is a keyword */
};

/* An object or array that is being copied. */
struct level {
	enum place place;
	bool array;
	bool resource; /* has an $id: its references mean itself */
};

struct copy {
	struct adapt *a;
	const char *prefix; /* AT_RESULT or AT_ANY */
	const char *from;   /* not written yet */
	struct level levels[1 + JSON_DEPTH_MAX];
	struct level *top;
};

static bool
is_one_of(struct json_span key, const char *const *names)
{
	for (; *names != NULL; names++)
		if (adapt_is_key(key, *names))
			return true;
	return false;
}

/* What moves to the new root. */
static bool
is_hoisted(struct json_span key)
{
	static const char *const names[] = { "$schema", "$defs", "definitions",
		NULL };

	return is_one_of(key, names);
}

/* What the value of a member is. */
static enum place
place_of(enum place object, struct json_span key)
{
	static const char *const maps[] = { "properties", "patternProperties",
		"$defs", "definitions", "dependentSchemas", "dependencies",
		NULL };
	static const char *const data[] = { "const", "enum", "default",
		"examples", NULL };

	if (object != SCHEMA)
		return object == SCHEMAS ? SCHEMA : DATA;
	return is_one_of(key, maps) ? SCHEMAS
	    : is_one_of(key, data)  ? DATA
				    : SCHEMA;
}

/* True for an $id that makes a schema a resource: "#name" is but an anchor. */
static bool
is_resource_id(struct json_span key, struct json_span value)
{
	return adapt_is_key(key, "$id") && json_kind(value) == JSON_STRING &&
	    value.at[1] != '#';
}

/* The $id of the root, if it has one. */
static struct json_span
resource_id(struct json_span schema)
{
	struct json_span key, value, id = { NULL, 0 };
	struct json_iter it;

	json_iter_init(&it, schema);
	while (json_iter_member(&it, &key, &value))
		if (is_resource_id(key, value))
			id = value;
	return id;
}

/* True for the path of a reference into what has moved to the new root. */
static bool
is_hoisted_path(const char *path)
{
	static const char *const names[] = { "/$defs", "/%24defs",
		"/definitions" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const size_t len = strlen(names[i]);

		if (strncmp(path, names[i], len) == 0 &&
		    (path[len] == '\0' || path[len] == '/'))
			return true;
	}
	return false;
}

/* Behind the string that begins at: the text is valid. */
static const char *
string_end(const char *at)
{
	for (at++; *at != '"'; at++)
		at += *at == '\\';
	return at + 1;
}

/* Write all up to here. */
static void
copy_until(struct copy *copy, const char *at)
{
	adapt_add(copy->a, copy->from, (size_t)(at - copy->from));
	copy->from = at;
}

/* A $ref or $dynamicRef: what it points to from the old root has moved. */
static void
copy_reference(struct copy *copy, struct json_span value)
{
	struct buf *scratch = &copy->a->scratch;
	const size_t prefix = strlen(copy->prefix);
	char *text;
	ssize_t len;

	buf_consume(scratch, buf_len(scratch));
	if ((text = buf_reserve(scratch, prefix + value.len)) == NULL) {
		adapt_fail(copy->a, ENOMEM);
		return;
	}
	/* Its '#' goes where that of the prefix ends. */
	text += prefix - 1;
	len = json_string_decode(value, text, value.len);
	if (len == -1 || text[0] != '#' || (len > 1 && text[1] != '/') ||
	    is_hoisted_path(text + 1))
		return;
	text -= prefix - 1;
	memcpy(text, copy->prefix, prefix);
	copy_until(copy, value.at);
	adapt_add_string(copy->a, text, prefix - 1 + (size_t)len);
	copy->from = adapt_end(value);
}

/* A member whose value is a string; the key is one of object's. */
static void
copy_string(struct copy *copy, struct level *object, struct json_span key,
    struct json_span value)
{
	if (object->place != SCHEMA)
		return;
	if (is_resource_id(key, value))
		object->resource = true;
	else if (!object->resource &&
	    (adapt_is_key(key, "$ref") || adapt_is_key(key, "$dynamicRef")))
		copy_reference(copy, value);
}

static void
enter(struct copy *copy, enum place place, bool array)
{
	const bool resource = copy->top->resource;

	assert(copy->top < copy->levels + JSON_DEPTH_MAX);
	*++copy->top = (struct level){ place, array, resource };
}

static const char *
skip_to_value(const char *at)
{
	while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r' ||
	    *at == ':')
		at++;
	return at;
}

/*
 * A string: a key with its value, if that is one too, or an element.  Behind
 * what was read; *place is then that of the value to come.
 */
static const char *
pass_string(struct copy *copy, const char *at, enum place *place)
{
	struct level *top = copy->top;
	struct json_span key = { at, (size_t)(string_end(at) - at) }, value;

	at = adapt_end(key);
	if (top->array)
		return at;
	*place = place_of(top->place, key);
	at = skip_to_value(at);
	if (*at != '"')
		return at;
	value = (struct json_span){ at, (size_t)(string_end(at) - at) };
	copy_string(copy, top, key, value);
	return adapt_end(value);
}

/*
 * Write a member of the old root, with the references in it: one pass over its
 * text, no recursion.
 */
static void
copy_member(struct adapt *a, struct json_span key, struct json_span value,
    const char *prefix)
{
	const char *at = key.at, *end = adapt_end(value);
	struct copy copy;
	enum place place = SCHEMA;

	copy.a = a;
	copy.prefix = prefix;
	copy.from = at;
	copy.top = copy.levels;
	*copy.top = (struct level){ SCHEMA, false, false };
	while (at < end) {
		switch (*at) {
		case '"':
			at = pass_string(&copy, at, &place);
			continue;
		case '{':
		case '[':
			enter(&copy, place, *at == '[');
			break;
		case '}':
		case ']':
			copy.top--;
			break;
		default: /* in or between numbers and words */
			break;
		}
		if (copy.top->array)
			place = copy.top->place;
		at++;
	}
	copy_until(&copy, end);
}

/* Write the members that move, or the others, with a comma before each. */
static void
copy_members(struct adapt *a, struct json_span schema, bool hoisted,
    const char *comma, const char *prefix)
{
	struct json_span key, value;
	struct json_iter it;

	json_iter_init(&it, schema);
	while (json_iter_member(&it, &key, &value)) {
		if (is_hoisted(key) != hoisted)
			continue;
		adapt_add_text(a, comma);
		copy_member(a, key, value, prefix);
		comma = ",";
	}
}

/* Write the schema where it is in the new one. */
static void
copy_schema(
    struct adapt *a, struct json_span schema, bool moves, const char *prefix)
{
	if (!moves) {
		adapt_add(a, schema.at, schema.len);
		return;
	}
	adapt_add_text(a, "{");
	copy_members(a, schema, false, "", prefix);
	adapt_add_text(a, "}");
}

/* What a schema allows, as far as its root says. */
enum allows {
	OBJECTS,
	OBJECTS_TOO,
	NO_OBJECTS,
};

static enum allows
allows(struct json_span schema)
{
	struct json_span type = adapt_get(schema, "type"), element;
	struct json_iter it;

	if (json_kind(type) == JSON_STRING)
		return json_string_is(type, "object") ? OBJECTS : NO_OBJECTS;
	if (json_kind(type) != JSON_ARRAY)
		return OBJECTS_TOO;
	json_iter_init(&it, type);
	while (json_iter_element(&it, &element))
		if (json_string_is(element, "object"))
			return OBJECTS_TOO;
	return NO_OBJECTS;
}

void
adapt_output_schema(struct adapt *a, struct json_span schema)
{
	const enum json_kind kind = json_kind(schema);
	const enum allows what = allows(schema);
	struct json_span id = { NULL, 0 };
	bool moves;

	if (what == OBJECTS || (kind != JSON_OBJECT && kind != JSON_BOOLEAN))
		return;
	if (kind == JSON_OBJECT)
		id = resource_id(schema);
	moves = kind == JSON_OBJECT && id.at == NULL;
	adapt_cut_value(a, schema);
	adapt_add_text(a, "{\"type\":\"object\",");
	if (what == NO_OBJECTS) {
		adapt_add_text(a, "\"properties\":{\"result\":");
		copy_schema(a, schema, moves, AT_RESULT);
		adapt_add_text(a, "},\"required\":[\"result\"]");
	} else {
		adapt_add_text(a, "\"anyOf\":[");
		copy_schema(a, schema, moves, AT_ANY);
		adapt_add_text(a, ",{\"properties\":{\"result\":{\"$ref\":");
		if (id.at != NULL)
			adapt_add(a, id.at, id.len);
		else
			adapt_add_text(a, "\"" AT_ANY "\"");
		adapt_add_text(a, "}},\"required\":[\"result\"]}]");
	}
	if (moves)
		copy_members(a, schema, true, ",",
		    what == NO_OBJECTS ? AT_RESULT : AT_ANY);
	adapt_add_text(a, "}");
}
