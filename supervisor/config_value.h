/* config_value.h: reads one value of the configuration as its key wants it. */
#ifndef SUPERVISOR_CONFIG_VALUE_H
#define SUPERVISOR_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/json.h"
#include "proto/log.h"

#include "config_keys.h"
#include "config_report.h"

/* How many bytes the strings of something may have together. */
struct config_room {
	const char *of; /* "gateway" or "backend \"github\"" */
	size_t max;
	size_t left;
};

/* One object that is being read: "gateway", a backend, or one in them. */
struct config_reader {
	struct config_report *report;
	enum config_section section;
	const char *where; /* "gateway" or "backend \"github\"" */
	void *fields;      /* the struct that config_keys.h names */
	bool literal;      /* "${NAME}" stays as it is */
	struct config_room *room;
};

/* A place as in "backend \"github\", \"limits\"", with names that log_str()
 * cut. */
#define CONFIG_WHERE_MAX (LOG_STR_MAX + 64)

/*
 * Read the members of object into rd->fields, and defaults where there is none;
 * what is wrong goes into the report.  Fields of pointers are NULL before.
 */
void config_value_members(struct config_reader *rd, struct json_span object);

/*
 * Decode an object's key; the caller's.  NULL when it was reported: where says
 * of what it is a member.
 */
char *config_value_key(
    struct config_report *report, const char *where, struct json_span key);

/* "a string", "an object": with its article, for messages. */
const char *config_value_type(struct json_span value);

/* Report that a value has the wrong type, with what would be right. */
void config_value_wrong_type(struct config_reader *rd,
    const struct config_key *key, struct json_span value);

/* Report that a value is wrong: is says what it is. */
void config_value_wrong(struct config_reader *rd, const struct config_key *key,
    struct json_span value, const char *is);

/* The place of a string among the choices of its key; -1 when it is none. */
int config_value_choice(const struct config_key *key, struct json_span value);

#define CONFIG_HINT_MAX 64
/* "; did you mean "args"?" or "; remove it", into dst; returns dst. */
const char *config_value_hint(
    char *dst, size_t cap, enum config_section section, const char *name);

#endif
