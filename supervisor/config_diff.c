#include "config_diff.h"

#include <stdint.h>
#include <string.h>

#include "config_keys.h"

/* What of two structs differs. */
struct difference {
	unsigned int needs; /* bits 1 << enum config_needs */
	const char *fixed;  /* the first key with CONFIG_NEEDS_RESTART */
};

static bool
same_text(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

/* In the same order: that of arguments and of tools matters. */
static bool
same_list(char *const *a, char *const *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	for (; *a != NULL && *b != NULL; a++, b++) {
		if (strcmp(*a, *b) != 0)
			return false;
	}
	return *a == *b;
}

/* Pointers to strings are not all of one type to a compiler. */
static const void *
pointer_at(const void *field)
{
	const void *pointer;

	memcpy(&pointer, field, sizeof(pointer));
	return pointer;
}

/* Whether a key has the same value in two structs, at these fields of them. */
static bool
same(const struct config_key *key, const void *a, const void *b)
{
	switch (key->type) {
	case CONFIG_STRING:
	case CONFIG_PEM:
		return same_text(pointer_at(a), pointer_at(b));
	case CONFIG_STRINGS:
	case CONFIG_PORTS:
	case CONFIG_ENV:
	case CONFIG_HEADERS:
		return same_list(pointer_at(a), pointer_at(b));
	case CONFIG_BOOLEAN:
	case CONFIG_SWITCH:
		return memcmp(a, b, sizeof(bool)) == 0;
	case CONFIG_PORT:
		return memcmp(a, b, sizeof(uint16_t)) == 0;
	case CONFIG_SECONDS:
	case CONFIG_RATE:
	case CONFIG_MODE:
		return memcmp(a, b, sizeof(uint32_t)) == 0;
	case CONFIG_COUNT:
	case CONFIG_SIZE:
		return memcmp(a, b, sizeof(uint64_t)) == 0;
	case CONFIG_CHOICE:
	case CONFIG_TRANSPORT:
		return memcmp(a, b, sizeof(int)) == 0;
	case CONFIG_OBJECT:
		return !key->is_noted || memcmp(a, b, sizeof(bool)) == 0;
	case CONFIG_TOKENS: /* same_tokens() has the whole struct */
	case CONFIG_SECTION:
	case CONFIG_IGNORED:
		break;
	}
	return true;
}

static void
add(struct difference *d, const struct config_key *key)
{
	d->needs |= 1U << key->needs;
	if (key->needs == CONFIG_NEEDS_RESTART && d->fixed == NULL)
		d->fixed = key->name;
}

/* Add to *d what differs between two structs of this section; not what is in
 * structs in them. */
static void
compare_fields(struct difference *d, enum config_section section, const void *a,
    const void *b)
{
	size_t n;
	const struct config_key *keys = config_keys(section, &n);

	for (size_t i = 0; i < n; i++) {
		size_t at = keys[i].field;

		if (at != CONFIG_NO_FIELD &&
		    !same(&keys[i], (const char *)a + at, (const char *)b + at))
			add(d, &keys[i]);
	}
}

static bool
same_tokens(const struct config *a, const struct config *b)
{
	struct difference d = { 0, NULL };

	if (a->token_count != b->token_count)
		return false;
	for (size_t i = 0; i < a->token_count; i++) {
		if (!same_text(a->tokens[i].name, b->tokens[i].name))
			return false;
		compare_fields(&d, CONFIG_TOKEN, &a->tokens[i], &b->tokens[i]);
	}
	return d.needs == 0;
}

/* The same with what is in them: objects have no objects in turn. */
static void
compare(struct difference *d, enum config_section section, const void *a,
    const void *b)
{
	size_t n;
	const struct config_key *keys = config_keys(section, &n);

	compare_fields(d, section, a, b);
	for (size_t i = 0; i < n; i++) {
		size_t at = keys[i].field;

		if (keys[i].type == CONFIG_OBJECT)
			compare_fields(d, keys[i].section, (const char *)a + at,
			    (const char *)b + at);
		else if (keys[i].type == CONFIG_TOKENS && !same_tokens(a, b))
			add(d, &keys[i]);
	}
}

enum config_change
config_diff_backend(
    const struct config_backend *a, const struct config_backend *b)
{
	struct difference d = { 0, NULL };

	compare(&d, CONFIG_BACKEND, a, b);
	if ((d.needs & ~(1U << CONFIG_NEEDS_NOTHING)) != 0)
		return CONFIG_REPLACED;
	return d.needs == 0 ? CONFIG_SAME : CONFIG_RULES;
}

const char *
config_diff_fixed(const struct config *a, const struct config *b)
{
	struct difference d = { 0, NULL };

	compare(&d, CONFIG_GATEWAY, a, b);
	return d.fixed;
}

bool
config_diff_jobs(const struct config *a, const struct config *b)
{
	struct difference d = { 0, NULL };

	compare(&d, CONFIG_GATEWAY, a, b);
	return (d.needs & 1U << CONFIG_NEEDS_JOBS) != 0;
}
