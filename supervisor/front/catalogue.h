/*
 * catalogue.h: what all backends offer, under the names that clients see, and
 * whose a name or a URI is.
 */
#ifndef FRONT_CATALOGUE_H
#define FRONT_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/json.h"
#include "proto/msg.h"

struct catalogue;

/* Backends are numbered as in names[0..n), the configuration's order; the names
 * are copied.  NULL with errno ENOMEM. */
struct catalogue *catalogue_new(const char *const *names, size_t n);
void catalogue_free(struct catalogue **cat);

/*
 * Replace what a backend offers of one kind; json is a JSON array of items as
 * the backend sent them.  An item without a usable name (or uri, uriTemplate)
 * and the second of equal names are left out and counted in *skipped.
 * 0, or -1 with errno EINVAL (not a valid JSON array) or ENOMEM.
 */
int catalogue_set(struct catalogue *cat, size_t backend, enum catalog_kind kind,
    const char *json, size_t len, size_t *skipped);

/* A backend offers nothing any more. */
void catalogue_clear(struct catalogue *cat, size_t backend);

/* How many items clients see of a kind, of all backends or of one. */
size_t catalogue_count(const struct catalogue *cat, enum catalog_kind kind);

/*
 * Bring the rendered lists up to date and return the kinds whose list now
 * differs from what it was, as a bit set (1 << kind).  Call it once per turn
 * after changes: clients are told only of lists that differ.
 */
unsigned int catalogue_render(struct catalogue *cat);

/* A rendered list, shared by all that are sending it. */
struct catalogue_text {
	size_t references;
	size_t len;
	char data[]; /* {"tools":[…]}: the result of the list request */
};

/* The list of a kind as it was rendered last; release it when sent. */
struct catalogue_text *catalogue_list(
    struct catalogue *cat, enum catalog_kind kind);
void catalogue_text_release(struct catalogue_text *text);

/* Where a request goes, and the name that its backend knows. */
struct catalogue_route {
	size_t backend;
	struct json_span name; /* a JSON string with quotes, to be spliced in;
				  absent when it is unchanged; valid until the
				  next change of the catalogue and the next
				  find */
};

/*
 * Find a tool or prompt by any of its names: "server/tool", the safe spelling
 * "server__tool", or the bare "tool" where only one backend has it.  0, or -1
 * with errno ENOENT, or ENOTUNIQ for a bare name of several backends.
 */
int catalogue_find_name(const struct catalogue *cat, enum catalog_kind kind,
    struct json_span name, struct catalogue_route *route);

/*
 * Find whose a resource URI is: listed exactly, else by the longest matching
 * template, else by a scheme that only one backend uses.  0, or -1 with ENOENT.
 */
int catalogue_find_uri(const struct catalogue *cat, struct json_span uri,
    struct catalogue_route *route);

/* The same for the template of a completion's ref/resource. */
int catalogue_find_template(const struct catalogue *cat, struct json_span uri,
    struct catalogue_route *route);

#endif
