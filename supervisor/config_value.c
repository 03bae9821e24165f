#include "config_value.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/log.h"

#include "config.h"
#include "config_pem.h"
#include "config_string.h"

/* A number with more characters than this is not in any range of ours. */
#define NUMBER_MAX 64
#define FORM_MAX   256

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

/* One of several names: "debug", "info" or "warning". */
static void
form_choices(char *dst, size_t cap, const char *const *choices)
{
	size_t n = strlcpy(dst, "one of", cap);

	for (; *choices != NULL && n < cap; choices++) {
		const char *joint = choices[1] == NULL ? "or " : "";
		const char *comma =
		    choices[1] == NULL || choices[2] == NULL ? "" : ",";
		int more = snprintf(
		    dst + n, cap - n, " %s\"%s\"%s", joint, *choices, comma);

		n += more > 0 ? (size_t)more : cap;
	}
}

/* What the value of a key must be, for messages; returns dst. */
static const char *
form_of(char *dst, size_t cap, const struct config_key *key)
{
	const char *form = key->form;

	switch (key->type) {
	case CONFIG_STRING:
	case CONFIG_PEM:
		strlcpy(dst, form != NULL ? form : "a string", cap);
		break;
	case CONFIG_STRINGS:
		strlcpy(dst, "a list of strings", cap);
		break;
	case CONFIG_ENV:
	case CONFIG_HEADERS:
		strlcpy(dst, "an object of strings", cap);
		break;
	case CONFIG_BOOLEAN:
		strlcpy(dst, "true or false", cap);
		break;
	case CONFIG_PORT:
		snprintf(dst, cap, "a whole number from %g to %g", key->min,
		    key->max);
		break;
	case CONFIG_SECONDS:
		snprintf(dst, cap, "%sa number of seconds from %g to %g",
		    key->or_zero ? "0 or " : "", key->min, key->max);
		break;
	case CONFIG_CHOICE:
		form_choices(dst, cap, key->choices);
		break;
	case CONFIG_SECTION:
	case CONFIG_IGNORED:
		strlcpy(dst, "an object", cap);
		break;
	}
	return dst;
}

/* %g of a port would be 65535, and of 86400 seconds 86400: six digits. */
_Static_assert(UINT16_MAX < 1000000, "%g shows six digits");

static void
wrong_value(struct config_reader *rd, const struct config_key *key,
    struct json_span value, const char *is)
{
	char form[FORM_MAX];

	config_report_add(rd->report, value.at,
	    "%s: \"%s\" must be %s, not %s; write \"%s\": %s", rd->where,
	    key->name, form_of(form, sizeof(form), key), is, key->name,
	    key->example);
}

void
config_value_wrong_type(struct config_reader *rd, const struct config_key *key,
    struct json_span value)
{
	wrong_value(rd, key, value, config_value_type(value));
}

/* A number out of range is shown as it stands in the file. */
static void
wrong_number(struct config_reader *rd, const struct config_key *key,
    struct json_span value)
{
	if (json_kind(value) == JSON_NUMBER)
		wrong_value(rd, key, value, log_str(value.at, value.len));
	else
		config_value_wrong_type(rd, key, value);
}

static void
read_boolean(struct config_reader *rd, const struct config_key *key,
    struct json_span value, void *field)
{
	bool *ret = field;

	if (json_kind(value) == JSON_BOOLEAN)
		*ret = *value.at == 't';
	else
		config_value_wrong_type(rd, key, value);
}

static void
read_port(struct config_reader *rd, const struct config_key *key,
    struct json_span value, void *field)
{
	uint16_t *ret = field;
	int64_t number;

	if (json_integer(value, &number) == -1 || (double)number < key->min ||
	    (double)number > key->max)
		wrong_number(rd, key, value);
	else
		*ret = (uint16_t)number;
}

static void
read_seconds(struct config_reader *rd, const struct config_key *key,
    struct json_span value, void *field)
{
	uint32_t *ret = field;
	char text[NUMBER_MAX + 1];
	double number;

	if (json_kind(value) != JSON_NUMBER || value.len > NUMBER_MAX) {
		wrong_number(rd, key, value);
		return;
	}
	memcpy(text, value.at, value.len);
	text[value.len] = '\0';
	number = strtod(text, NULL); /* JSON's grammar is part of C's */
	if ((number < key->min && !(key->or_zero && number == 0)) ||
	    number > key->max)
		wrong_number(rd, key, value);
	else
		*ret = (uint32_t)(number * 1000 + 0.5);
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

static void
read_choice(struct config_reader *rd, const struct config_key *key,
    struct json_span value, void *field)
{
	int index = config_value_choice(key, value);

	if (index == -1 && json_kind(value) == JSON_STRING)
		wrong_value(rd, key, value, log_str(value.at, value.len));
	else if (index == -1)
		config_value_wrong_type(rd, key, value);
	else if (field != NULL)
		memcpy(field, &index, sizeof(index));
}

_Static_assert(
    sizeof(enum log_level) == sizeof(int), "read_choice() writes an int");

static void
read_value(struct config_reader *rd, const struct config_key *key,
    struct json_span value)
{
	void *field = key->field == CONFIG_NO_FIELD
	    ? NULL
	    : (char *)rd->fields + key->field;

	switch (key->type) {
	case CONFIG_STRING:
		config_string_read(rd, key, value, field);
		break;
	case CONFIG_STRINGS:
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
		read_boolean(rd, key, value, field);
		break;
	case CONFIG_PORT:
		read_port(rd, key, value, field);
		break;
	case CONFIG_SECONDS:
		read_seconds(rd, key, value, field);
		break;
	case CONFIG_CHOICE:
		read_choice(rd, key, value, field);
		break;
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

static void
read_member(struct config_reader *rd, struct json_span name_span,
    struct json_span value, uint32_t *seen)
{
	char hint[CONFIG_HINT_MAX];
	size_t n;
	const struct config_key *keys = config_keys(rd->section, &n);
	char *name = config_value_key(rd->report, rd->where, name_span);
	const struct config_key *key;

	if (name == NULL)
		return;
	key = config_keys_find(rd->section, name);
	if (key == NULL)
		config_report_add(rd->report, name_span.at,
		    "%s: there is no key \"%s\"%s", rd->where,
		    log_str(name, strlen(name)),
		    config_value_hint(hint, sizeof(hint), rd->section, name));
	else if (*seen & 1U << (key - keys))
		config_report_add(rd->report, name_span.at,
		    "%s: \"%s\" is there twice; keep one of them", rd->where,
		    key->name);
	else {
		*seen |= 1U << (key - keys);
		read_value(rd, key, value);
	}
	free(name);
}

void
config_value_members(struct config_reader *rd, struct json_span object)
{
	struct json_span name, value;
	struct json_iter it;
	uint32_t seen = 0;
	size_t n;
	const struct config_key *keys = config_keys(rd->section, &n);

	assert(n <= 32);
	json_iter_init(&it, object);
	while (json_iter_member(&it, &name, &value))
		read_member(rd, name, value, &seen);
	for (size_t i = 0; i < n; i++) {
		const char *text = keys[i].fallback;

		if (text != NULL && !(seen & 1U << i))
			read_value(rd, &keys[i],
			    (struct json_span){ text, strlen(text) });
	}
}
