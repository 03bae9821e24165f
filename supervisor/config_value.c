#include "config_value.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/log.h"

#include "config.h"
#include "config_form.h"
#include "config_number.h"
#include "config_pem.h"
#include "config_string.h"
#include "config_tokens.h"

/* Keys of one section. */
#define KEYS_MAX 64

const char *
config_value_type(struct json_span value)
{
	switch (json_kind(value)) {
	case JSON_NONE:
		return "nothing";
	case JSON_NULL:
		return "null";
	case JSON_BOOLEAN:
		return "true or false";
	case JSON_NUMBER:
		return "a number";
	case JSON_STRING:
		return "a string";
	case JSON_ARRAY:
		return "a list";
	case JSON_OBJECT:
		return "an object";
	}
	return "nothing";
}

void
config_value_wrong(struct config_reader *rd, const struct config_key *key,
    struct json_span value, const char *is)
{
	char form[CONFIG_FORM_MAX];

	config_report_add(rd->report, value.at,
	    "%s: \"%s\" must be %s, not %s; write \"%s\": %s", rd->where,
	    key->name, config_form(form, key), is, key->name, key->example);
}

void
config_value_wrong_type(struct config_reader *rd, const struct config_key *key,
    struct json_span value)
{
	config_value_wrong(rd, key, value, config_value_type(value));
}

int
config_value_choice(const struct config_key *key, struct json_span value)
{
	for (int i = 0; key->choices[i] != NULL; i++) {
		if (json_string_is(value, key->choices[i]))
			return i;
	}
	return -1;
}

/* The place among the choices, or -1: reported. */
static int
read_choice(struct config_reader *rd, const struct config_key *key,
    struct json_span value)
{
	int index = config_value_choice(key, value);

	if (index == -1 && json_kind(value) == JSON_STRING)
		config_value_wrong(
		    rd, key, value, log_str(value.at, value.len));
	else if (index == -1)
		config_value_wrong_type(rd, key, value);
	return index;
}

static void
read_enum(struct config_reader *rd, const struct config_key *key,
    struct json_span value, void *field)
{
	int index = read_choice(rd, key, value);

	if (index != -1)
		memcpy(field, &index, sizeof(index));
}
_Static_assert(sizeof(enum log_level) == sizeof(int) &&
	sizeof(enum config_log) == sizeof(int) &&
	sizeof(enum config_names) == sizeof(int) &&
	sizeof(enum config_session) == sizeof(int) &&
	sizeof(enum config_log_format) == sizeof(int),
    "read_enum() writes an int");

static void
read_switch(struct config_reader *rd, const struct config_key *key,
    struct json_span value, void *field)
{
	bool *ret = field;

	*ret = read_choice(rd, key, value) == 1;
}

static void
read_value(struct config_reader *rd, const struct config_key *key,
    struct json_span value)
{
	void *field;

	if (key->field == CONFIG_NO_FIELD)
		return;
	field = (char *)rd->fields + key->field;
	switch (key->type) {
	case CONFIG_STRING:
		config_string_read(rd, key, value, field);
		break;
	case CONFIG_STRINGS:
	case CONFIG_PORTS:
		config_string_list(rd, key, value, field);
		break;
	case CONFIG_ENV:
	case CONFIG_HEADERS:
		config_string_members(rd, key, value, field);
		break;
	case CONFIG_PEM:
		config_pem_read(rd, key, value, field);
		break;
	case CONFIG_BOOLEAN:
		config_number_boolean(rd, key, value, field);
		break;
	case CONFIG_PORT:
		config_number_port(rd, key, value, field);
		break;
	case CONFIG_SECONDS:
		config_number_seconds(rd, key, value, field);
		break;
	case CONFIG_COUNT:
		config_number_count(rd, key, value, field);
		break;
	case CONFIG_RATE:
		config_number_rate(rd, key, value, field);
		break;
	case CONFIG_SIZE:
		config_number_size(rd, key, value, field);
		break;
	case CONFIG_MODE:
		config_number_mode(rd, key, value, field);
		break;
	case CONFIG_CHOICE:
		read_enum(rd, key, value, field);
		break;
	case CONFIG_SWITCH:
		read_switch(rd, key, value, field);
		break;
	case CONFIG_TRANSPORT:
		(void)read_choice(rd, key, value);
		break;
	case CONFIG_TOKENS:
		config_tokens_read(rd, key, value);
		break;
	case CONFIG_OBJECT:  /* config_value_members() reads them */
	case CONFIG_SECTION: /* config_parse.c walks them */
	case CONFIG_IGNORED:
		break;
	}
}

char *
config_value_key(
    struct config_report *report, const char *where, struct json_span key)
{
	char *name = malloc(key.len + 1);
	ssize_t n;

	if (name == NULL) {
		config_report_no_memory(report);
		return NULL;
	}
	n = json_string_decode(key, name, key.len + 1);
	if (n != -1 && memchr(name, '\0', (size_t)n) == NULL)
		return name;
	config_report_add(report, key.at,
	    "%s: this key has a NUL character or half of a surrogate pair; "
	    "write it without escapes",
	    where);
	free(name);
	return NULL;
}

const char *
config_value_hint(
    char *dst, size_t cap, enum config_section section, const char *name)
{
	const char *meant = config_keys_suggest(section, name);

	if (meant == NULL)
		strlcpy(dst, "; remove it", cap);
	else
		snprintf(dst, cap, "; did you mean \"%s\"?", meant);
	return dst;
}

/* What an object has, of the keys of its section. */
struct members {
	uint64_t seen; /* bits, by their place in the table */
	/* Objects among them, which are read last. */
	struct json_span objects[KEYS_MAX];
};

static void
read_member(struct config_reader *rd, struct json_span name_span,
    struct json_span value, struct members *members)
{
	char hint[CONFIG_HINT_MAX];
	size_t n, place;
	const struct config_key *keys = config_keys(rd->section, &n);
	char *name = config_value_key(rd->report, rd->where, name_span);
	const struct config_key *key;

	if (name == NULL)
		return;
	key = config_keys_find(rd->section, name);
	place = key == NULL ? 0 : (size_t)(key - keys);
	if (key == NULL) {
		config_report_add(rd->report, name_span.at,
		    "%s: there is no key \"%s\"%s", rd->where,
		    log_str(name, strlen(name)),
		    config_value_hint(hint, sizeof(hint), rd->section, name));
	} else if (members->seen & UINT64_C(1) << place) {
		config_report_add(rd->report, name_span.at,
		    "%s: \"%s\" is there twice; keep one of them", rd->where,
		    key->name);
	} else {
		members->seen |= UINT64_C(1) << place;
		if (key->type == CONFIG_OBJECT)
			members->objects[place] = value;
		else
			read_value(rd, key, value);
	}
	free(name);
}

/* Read all but objects, and the defaults of what is left out. */
static void
read_members(
    struct config_reader *rd, struct json_span object, struct members *members)
{
	/* What nobody wrote takes nothing of the room. */
	struct config_room room = { "defaults", CONFIG_STRINGS_MAX,
		CONFIG_STRINGS_MAX };
	struct config_reader defaults = *rd;
	struct json_span name, value;
	struct json_iter it;
	size_t n;
	const struct config_key *keys = config_keys(rd->section, &n);

	assert(n <= KEYS_MAX);
	memset(members, 0, sizeof(*members));
	json_iter_init(&it, object);
	while (json_iter_member(&it, &name, &value))
		read_member(rd, name, value, members);
	defaults.room = &room;
	for (size_t i = 0; i < n; i++) {
		const char *text = keys[i].fallback;

		if (text != NULL && !(members->seen & UINT64_C(1) << i))
			read_value(&defaults, &keys[i],
			    (struct json_span){ text, strlen(text) });
	}
}

/* An object in an object, which has none in turn; without one its members have
 * their defaults. */
static void
read_object(struct config_reader *rd, const struct config_key *key,
    struct json_span value)
{
	static const char empty[] = "{}";
	char where[CONFIG_WHERE_MAX];
	struct config_reader nested = *rd;
	struct members members;
	void *field = (char *)rd->fields + key->field;

	if (value.at == NULL) {
		value = (struct json_span){ empty, sizeof(empty) - 1 };
	} else if (json_kind(value) != JSON_OBJECT) {
		config_value_wrong_type(rd, key, value);
		return;
	} else if (key->is_noted) {
		*(bool *)field = true;
	}
	(void)snprintf(
	    where, sizeof(where), "%s, \"%s\"", rd->where, key->name);
	nested.section = key->section;
	nested.where = where;
	nested.fields = field;
	read_members(&nested, value, &members);
}

void
config_value_members(struct config_reader *rd, struct json_span object)
{
	struct members members;
	size_t n;
	const struct config_key *keys = config_keys(rd->section, &n);

	read_members(rd, object, &members);
	for (size_t i = 0; i < n; i++) {
		if (keys[i].type == CONFIG_OBJECT)
			read_object(rd, &keys[i], members.objects[i]);
	}
}
