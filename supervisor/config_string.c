#include "config_string.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proto/buf.h"
#include "proto/log.h"

#include "config.h"
#include "config_expand.h"

/* "\"env\" member \"" and a name that log_str() cut. */
#define LABEL_MAX (LOG_STR_MAX * 2)

/* One string and what it is called in messages. */
struct item {
	const struct config_key *key;
	struct json_span value;
	const char *label; /* "\"args\"", "\"env\" member \"TOKEN\"" */
};

void
config_string_free_list(char **list)
{
	if (list == NULL)
		return;
	/* Arguments and environments hold secrets. */
	for (char **at = list; *at != NULL; at++)
		freezero(*at, strlen(*at));
	free(list);
}

/* Decode a string without NUL characters, or take a number as it is; the
 * caller's, or NULL: reported. */
static char *
decode(struct config_reader *rd, const struct item *item, size_t *len)
{
	char *text = malloc(item->value.len + 1);
	ssize_t n;

	if (text == NULL) {
		config_report_no_memory(rd->report);
		return NULL;
	}
	if (json_kind(item->value) == JSON_NUMBER) { /* of CONFIG_PORTS */
		memcpy(text, item->value.at, item->value.len);
		*len = item->value.len;
		return text;
	}
	n = json_string_decode(item->value, text, item->value.len + 1);
	if (n == -1) {
		config_report_add(rd->report, item->value.at,
		    "%s: %s has half of a surrogate pair; write the whole "
		    "pair or the character itself",
		    rd->where, item->label);
	} else if (memchr(text, '\0', (size_t)n) != NULL) {
		config_report_add(rd->report, item->value.at,
		    "%s: %s has a NUL character, which no program can be "
		    "given; remove \"\\u0000\"",
		    rd->where, item->label);
	} else {
		*len = (size_t)n;
		return text;
	}
	free(text);
	return NULL;
}

/* Report what config_expand() refused. */
static void
not_expanded(struct config_reader *rd, const struct item *item,
    enum config_expand_result result, char *why)
{
	switch (result) {
	case CONFIG_EXPAND_OK:
		break;
	case CONFIG_EXPAND_TOO_LONG:
		config_report_add(rd->report, item->value.at,
		    "%s: %s is too long: the strings of %s may have %zu bytes "
		    "together; put long values into a file that the program "
		    "reads",
		    rd->where, item->label, rd->room->of, rd->room->max);
		break;
	case CONFIG_EXPAND_WRONG:
		if (why == NULL)
			config_report_no_memory(rd->report);
		else
			config_report_add(rd->report, item->value.at,
			    "%s: %s %s", rd->where, item->label, why);
		break;
	case CONFIG_EXPAND_NO_MEMORY:
		config_report_no_memory(rd->report);
		break;
	}
}

/* Append the string with what it refers to; false: reported. */
static bool
add_expanded(struct config_reader *rd, const struct item *item, struct buf *out)
{
	enum config_expand_result result;
	char *why = NULL;
	size_t before = buf_len(out);
	size_t len = 0;
	char *text = decode(rd, item, &len);

	if (text == NULL)
		return false;
	if (item->key->expand && !rd->literal)
		result = config_expand(out, text, len, rd->room->left, &why);
	else if (len > rd->room->left)
		result = CONFIG_EXPAND_TOO_LONG;
	else
		result = buf_add(out, text, len) == -1 ? CONFIG_EXPAND_NO_MEMORY
						       : CONFIG_EXPAND_OK;
	free(text);
	if (result != CONFIG_EXPAND_OK) {
		not_expanded(rd, item, result, why);
		free(why);
		return false;
	}
	rd->room->left -= buf_len(out) - before;
	return true;
}

/* False, and reported, when it is not what its key wants.  The value may be a
 * secret: it is not shown. */
static bool
is_good(struct config_reader *rd, const struct item *item, const char *text)
{
	const struct config_key *key = item->key;
	const char *fault = NULL;

	/* What was not expanded cannot be checked. */
	if (key->expand && rd->literal && strstr(text, "${") != NULL)
		return true;
	/* In an object it is about the names. */
	if (key->type != CONFIG_ENV && key->type != CONFIG_HEADERS &&
	    key->fault != NULL)
		fault = key->fault(text);
	if (fault != NULL)
		config_report_add(rd->report, item->value.at, "%s: %s %s",
		    rd->where, item->label, fault);
	else if (key->check != NULL && !key->check(text))
		config_report_add(rd->report, item->value.at,
		    "%s: %s must be %s; write \"%s\": %s", rd->where,
		    item->label, key->form, key->name, key->example);
	else
		return true;
	return false;
}

/* The text of a string value behind prefix; the caller's, or NULL: reported. */
static char *
read_text(struct config_reader *rd, const struct item *item, const char *prefix)
{
	struct buf out = { 0 };
	char *text = NULL;
	bool good = buf_add_text(&out, prefix) == 0;

	if (!good)
		config_report_no_memory(rd->report);
	good = good && add_expanded(rd, item, &out);
	if (good) {
		text = buf_len(&out) == 0
		    ? strdup("")
		    : strndup(buf_data(&out), buf_len(&out));
		if (text == NULL)
			config_report_no_memory(rd->report);
	}
	if (text != NULL && !is_good(rd, item, text)) {
		freezero(text, strlen(text));
		text = NULL;
	}
	buf_free(&out);
	return text;
}

void
config_string_read(struct config_reader *rd, const struct config_key *key,
    struct json_span value, void *field)
{
	char label[LABEL_MAX];
	struct item item = { key, value, label };
	char **text = field;
	char *got;

	if (json_kind(value) != JSON_STRING) {
		config_value_wrong_type(rd, key, value);
		return;
	}
	snprintf(label, sizeof(label), "\"%s\"", key->name);
	got = read_text(rd, &item, "");
	if (field != NULL)
		*text = got;
	else
		free(got);
}

/* Make room for one more in a NULL-terminated list; false: reported. */
static bool
list_grow(struct config_reader *rd, char ***list, size_t count)
{
	char **more = reallocarray(*list, count + 2, sizeof(*more));

	if (more == NULL) {
		config_report_no_memory(rd->report);
		return false;
	}
	*list = more;
	more[count] = NULL;
	more[count + 1] = NULL;
	return true;
}

/* False, and reported, when there are too many. */
static bool
count_allowed(struct config_reader *rd, const struct config_key *key,
    struct json_span at, size_t count)
{
	size_t max = key->max > 0 ? (size_t)key->max : CONFIG_ELEMENTS_MAX;

	if (count < max)
		return true;
	config_report_add(rd->report, at.at,
	    "%s: \"%s\" has more than %zu elements; leave the rest out",
	    rd->where, key->name, max);
	return false;
}

/* The element or member must be a string. */
static bool
element_is_string(struct config_reader *rd, const struct item *item)
{
	if (json_kind(item->value) == JSON_STRING ||
	    (json_kind(item->value) == JSON_NUMBER &&
		item->key->type == CONFIG_PORTS))
		return true;
	if (json_kind(item->value) == JSON_NUMBER ||
	    json_kind(item->value) == JSON_BOOLEAN)
		/* It may be a secret: not shown. */
		config_report_add(rd->report, item->value.at,
		    "%s: %s must be a string, not %s; put it in quotes",
		    rd->where, item->label, config_value_type(item->value));
	else
		config_report_add(rd->report, item->value.at,
		    "%s: %s must be a string, not %s; write \"%s\": %s",
		    rd->where, item->label, config_value_type(item->value),
		    item->key->name, item->key->example);
	return false;
}

void
config_string_list(struct config_reader *rd, const struct config_key *key,
    struct json_span value, void *field)
{
	char label[LABEL_MAX];
	struct item item = { key, { NULL, 0 }, label };
	char ***list = field;
	struct json_iter it;
	size_t kept = 0;

	if (json_kind(value) != JSON_ARRAY) {
		config_value_wrong_type(rd, key, value);
		return;
	}
	if (!list_grow(rd, list, 0))
		return;
	json_iter_init(&it, value);
	for (size_t i = 0; json_iter_element(&it, &item.value); i++) {
		if (!count_allowed(rd, key, item.value, i))
			return;
		snprintf(label, sizeof(label), "\"%s\" element %zu", key->name,
		    i + 1);
		if (!element_is_string(rd, &item) ||
		    !list_grow(rd, list, kept) ||
		    ((*list)[kept] = read_text(rd, &item, "")) == NULL)
			continue;
		kept++;
	}
}

/* Whether a name stands in the list already, with what parts it from its value.
 * Those of headers are the same in upper and lower case. */
static bool
list_has(const struct config_key *key, char *const *list, const char *prefix)
{
	size_t n = strlen(prefix);

	for (; *list != NULL; list++) {
		if (key->type == CONFIG_HEADERS
			? strncasecmp(*list, prefix, n) == 0
			: strncmp(*list, prefix, n) == 0)
			return true;
	}
	return false;
}

static const char *
joint_of(const struct config_key *key)
{
	return key->type == CONFIG_HEADERS ? ": " : "=";
}

/* "NAME=" or "Name: "; the caller's, or NULL: reported. */
static char *
member_prefix(struct config_reader *rd, const struct config_key *key,
    char *const *list, struct json_span at)
{
	char *name = config_value_key(rd->report, rd->where, at);
	char *prefix = NULL;
	const char *fault;

	if (name == NULL)
		return NULL;
	if ((fault = key->fault(name)) != NULL) {
		config_report_add(rd->report, at.at,
		    "%s: \"%s\" has the name \"%s\", which %s", rd->where,
		    key->name, log_str(name, strlen(name)), fault);
	} else if (asprintf(&prefix, "%s%s", name, joint_of(key)) == -1) {
		prefix = NULL;
		config_report_no_memory(rd->report);
	} else if (list_has(key, list, prefix)) {
		config_report_add(rd->report, at.at,
		    "%s: \"%s\" has \"%s\" twice; keep one of them", rd->where,
		    key->name, log_str(name, strlen(name)));
		free(prefix);
		prefix = NULL;
	}
	free(name);
	return prefix;
}

/* Add one member; true when it took a place in the list. */
static bool
read_member(struct config_reader *rd, struct item *item, char ***list,
    size_t kept, struct json_span name)
{
	char label[LABEL_MAX];
	char *prefix = member_prefix(rd, item->key, *list, name);
	char *text = NULL;

	if (prefix == NULL)
		return false;
	snprintf(label, sizeof(label), "\"%s\" member \"%s\"", item->key->name,
	    log_str(prefix, strlen(prefix) - strlen(joint_of(item->key))));
	if (!list_grow(rd, list, kept)) {
		free(prefix);
		return false;
	}
	item->label = label;
	/* A wrong value keeps its name in the list, to find it twice. */
	(*list)[kept] = prefix;
	if (strlen(prefix) > rd->room->left) {
		not_expanded(rd, item, CONFIG_EXPAND_TOO_LONG, NULL);
	} else if (element_is_string(rd, item)) {
		rd->room->left -= strlen(prefix);
		text = read_text(rd, item, prefix);
	}
	item->label = NULL; /* it was ours */
	if (text != NULL) {
		free(prefix);
		(*list)[kept] = text;
	}
	return true;
}

void
config_string_members(struct config_reader *rd, const struct config_key *key,
    struct json_span value, void *field)
{
	struct item item = { key, { NULL, 0 }, NULL };
	char ***list = field;
	struct json_iter it;
	struct json_span name;
	size_t kept = 0;

	if (json_kind(value) != JSON_OBJECT) {
		config_value_wrong_type(rd, key, value);
		return;
	}
	if (!list_grow(rd, list, 0))
		return;
	json_iter_init(&it, value);
	for (size_t i = 0; json_iter_member(&it, &name, &item.value); i++) {
		if (!count_allowed(rd, key, name, i))
			return;
		if (read_member(rd, &item, list, kept, name))
			kept++;
	}
}
