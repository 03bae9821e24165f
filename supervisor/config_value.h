/* config_value.h: reads one value of the configuration as its key wants it. */
#ifndef SUPERVISOR_CONFIG_VALUE_H
#define SUPERVISOR_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/json.h"

#include "config_keys.h"
#include "config_report.h"

/* One object that is being read: "gateway" or a backend. */
struct config_reader {
	struct config_report *report;
	enum config_section section;
	const char *where; /* "gateway" or "backend \"github\"" */
	void *fields;      /* struct config or struct config_backend */
	bool literal;      /* "${NAME}" stays as it is */
	size_t room;       /* bytes that strings may still have */
};

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

/* The place of a string among the choices of its key; -1 when it is none. */
int config_value_choice(const struct config_key *key, struct json_span value);

#define CONFIG_HINT_MAX 64
/* "; did you mean "args"?" or "; remove it", into dst; returns dst. */
const char *config_value_hint(
    char *dst, size_t cap, enum config_section section, const char *name);

#endif
