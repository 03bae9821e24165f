/*
 * import.h: the configurations of other programs, turned into ours.
 *
 * What cannot be carried over is noted, with the reason.  A backend that cannot
 * work as it is becomes a disabled one; one that the gateway would refuse is
 * left out.  All of these exit when memory runs out.
 */
#ifndef CTL_IMPORT_H
#define CTL_IMPORT_H

#include <stdbool.h>
#include <stddef.h>

struct json_object;

/* What was not carried over: lines of text, escaped. */
struct import_notes {
	char **lines;
	size_t count;
};

struct import_entry {
	char *name;                  /* of the backend, fit for ours */
	struct json_object *backend; /* as ours has it */
	struct import_notes notes;
	bool broken;   /* something that it needs is missing: disabled */
	bool left_out; /* the last note says why */
};

struct import {
	char *workspace;            /* what ${workspaceFolder} was, absolute */
	struct json_object *inputs; /* of VS Code, or NULL; borrowed */
	bool proxy; /* of TBXark/mcp-proxy: its own defaults and units */
	struct json_object *gateway; /* or NULL */
	struct import_notes notes;   /* about the whole file */
	/* Variables that the gateway's environment must have: what for. */
	struct json_object *variables;
	struct import_entry *entries;
	size_t count;
};

void import_free(struct import *import);

void import_note(struct import_notes *notes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A member of an object, which is taken. */
void import_add(
    struct json_object *object, const char *key, struct json_object *value);

/* ---- import_text.c ---- */

/*
 * A string with the other program's variables as ours: the caller's.  where is
 * what it is, for notes; entry->broken is set when it cannot be had.
 */
struct json_object *import_text(struct import *import,
    struct import_entry *entry, const char *where, struct json_object *text);

/* ---- import_backend.c ---- */

/* One more entry, from the one of this name; none is broken beyond a note. */
void import_backend(
    struct import *import, const char *name, struct json_object *theirs);

/* ---- import_tools.c ---- */

/* "options" of TBXark/mcp-proxy, of one backend. */
void import_options(struct import_entry *entry, struct json_object *options);

/* ---- import_proxy.c ---- */

/* Its file before version 2, as version 2 has it: the caller's. */
struct json_object *import_proxy_modern(struct json_object *root);

/* "mcpProxy", when all entries are there: addresses and tokens. */
void import_proxy(struct import *import, struct json_object *proxy,
    struct json_object *servers);

/* ---- import_check.c ---- */

/* Let the daemon's parser judge each entry and the whole; false, and reported,
 * when it refuses the rest. */
bool import_check(struct import *import);

/* ---- import_write.c ---- */

/* The configuration: with comments, or as plain JSON with the notes on standard
 * error.  0, or -1, and reported. */
int import_write(const struct import *import, const char *path, bool json);

/* The same as JSON for import_check(): of one entry, or with NULL of all that
 * are not left out.  The caller's. */
struct json_object *import_result(
    const struct import *import, const struct import_entry *only);

#endif
