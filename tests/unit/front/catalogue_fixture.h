/* catalogue_fixture.h: a catalogue of a few backends, and what clients see. */
#ifndef CATALOGUE_FIXTURE_H
#define CATALOGUE_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/buf.h"

#include "catalogue.h"

/* Backends, and audiences, of one policy. */
#define FIXTURE_MAX 4

#define SLASH  (&(const struct catalogue_lens){ .spelling = NAMES_SLASH })
#define SAFE   (&(const struct catalogue_lens){ .spelling = NAMES_SAFE })
#define ONE(s) (&(const struct catalogue_lens){ .server = (s) })

struct fixture {
	struct catalogue *cat;
	char *names[FIXTURE_MAX];
	size_t slots[FIXTURE_MAX];
	size_t count;
	struct policy_audience audiences[FIXTURE_MAX];
	size_t audience_count;
};

static char *fixture_none[] = { NULL };

/* The policy as it is now: the backends in their order, for these audiences. */
static inline void
fixture_arrange(struct fixture *f)
{
	struct policy_backend backends[FIXTURE_MAX];
	struct policy policy = { .audience_count = f->audience_count,
		.audiences = f->audiences,
		.backend_count = f->count,
		.backends = backends };

	for (size_t i = 0; i < f->count; i++)
		backends[i] = (struct policy_backend){ .number = f->slots[i],
			.name = f->names[i],
			.part = POLICY_SERVING,
			.allow = fixture_none,
			.deny = fixture_none };
	assert_int_equal(catalogue_arrange(f->cat, &policy, f->slots), 0);
}

static inline void
fixture_add(struct fixture *f, const char *name)
{
	size_t i = f->count++;

	assert_in_range(i, 0, FIXTURE_MAX - 1);
	f->names[i] = strdup(name);
	assert_non_null(f->names[i]);
	f->slots[i] = i;
	assert_int_equal(catalogue_add(f->cat, i, name), 0);
}

/* The last backend is the first now. */
static inline void
fixture_reverse(struct fixture *f)
{
	for (size_t i = 0, j = f->count - 1; i < j; i++, j--) {
		char *name = f->names[i];
		size_t slot = f->slots[i];

		f->names[i] = f->names[j];
		f->slots[i] = f->slots[j];
		f->names[j] = name;
		f->slots[j] = slot;
	}
	fixture_arrange(f);
}

/* One that sees everything; backends go into the slots 0, 1, … */
static inline void
fixture_begin(struct fixture *f, size_t n, const char *const *names)
{
	*f = (struct fixture){ .audience_count = 1 };
	f->audiences[0] =
	    (struct policy_audience){ fixture_none, fixture_none };
	f->cat = catalogue_new();
	assert_non_null(f->cat);
	for (size_t i = 0; i < n; i++)
		fixture_add(f, names[i]);
	fixture_arrange(f);
}

static inline void
fixture_end(struct fixture *f)
{
	catalogue_free(&f->cat);
	assert_null(f->cat);
	for (size_t i = 0; i < f->count; i++)
		free(f->names[i]);
}

/* What a backend offers, from memory of exactly that size. */
static inline void
fixture_set(
    struct fixture *f, size_t slot, enum catalog_kind kind, const char *json)
{
	size_t len = strlen(json), skipped;
	char *copy = malloc(len);

	assert_non_null(copy);
	memcpy(copy, json, len);
	assert_int_equal(
	    catalogue_set(f->cat, slot, kind, copy, len, &skipped), 0);
	assert_int_equal(skipped, 0);
	free(copy);
}

/* The items of the first page are these. */
static inline void
fixture_assert_list(struct fixture *f, const struct catalogue_lens *lens,
    enum catalog_kind kind, const char *want)
{
	struct catalogue_text *text = catalogue_list(f->cat, lens, kind);
	const char *at = memchr(text->data, '[', text->len);
	size_t len = text->len - (size_t)(at - text->data);

	if (len != strlen(want) + 1 || memcmp(at, want, len - 1) != 0 ||
	    at[len - 1] != '}')
		fail_msg("list is %.*s", (int)text->len, text->data);
	catalogue_text_release(text);
}

static inline uint32_t
fixture_version(struct fixture *f, const struct catalogue_lens *lens,
    enum catalog_kind kind)
{
	struct catalogue_text *text = catalogue_list(f->cat, lens, kind);
	uint32_t version = text->version;

	catalogue_text_release(text);
	return version;
}

/* Write "SLOT NAME" of a route, or the name of the error; text is what was
 * asked for, a JSON string. */
static inline const char *
fixture_tell(int ret, const struct catalogue_route *route, const char *text)
{
	static char told[16384];

	if (ret == -1)
		return errno == ENOENT  ? "none"
		    : errno == ENOTUNIQ ? "several"
					: "failed";
	if (route->name.at == NULL)
		(void)snprintf(told, sizeof(told), "%zu %s", route->slot, text);
	else
		(void)snprintf(told, sizeof(told), "%zu %.*s", route->slot,
		    (int)route->name.len, route->name.at);
	return told;
}

static inline const char *
fixture_tool(
    struct fixture *f, const struct catalogue_lens *lens, const char *json)
{
	struct json_span name = { json, strlen(json) };
	struct catalogue_route route;
	int ret =
	    catalogue_find_name(f->cat, lens, CATALOG_TOOLS, name, &route);

	return fixture_tell(ret, &route, json);
}

static inline const char *
fixture_uri(
    struct fixture *f, const struct catalogue_lens *lens, const char *json)
{
	struct json_span uri = { json, strlen(json) };
	struct catalogue_route route;
	int ret = catalogue_find_uri(f->cat, lens, uri, &route);

	return fixture_tell(ret, &route, json);
}

static inline const char *
fixture_template(
    struct fixture *f, const struct catalogue_lens *lens, const char *json)
{
	struct json_span uri = { json, strlen(json) };
	struct catalogue_route route;
	int ret = catalogue_find_template(f->cat, lens, uri, &route);

	return fixture_tell(ret, &route, json);
}

/* A text as JSON, which is the caller's. */
static inline char *
fixture_json(const char *text)
{
	struct buf b = { 0 };
	char *json;

	assert_int_equal(json_add_string(&b, text, strlen(text)), 0);
	json = strndup(buf_data(&b), buf_len(&b));
	assert_non_null(json);
	buf_free(&b);
	return json;
}

#endif
