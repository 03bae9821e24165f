#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/linkhash.h>

#include "names.h"
#include "offer.h"
#include "uri.h"

/* What an item of a kind is told from the others by. */
static const struct {
	const char *key;
	size_t max;
} kinds[CATALOG_KINDS] = {
	[CATALOG_TOOLS] = { "name", NAMES_MAX },
	[CATALOG_RESOURCES] = { "uri", URI_MAX },
	[CATALOG_TEMPLATES] = { "uriTemplate", URI_MAX },
	[CATALOG_PROMPTS] = { "name", NAMES_MAX },
};

/* What a member tells of its item. */
static unsigned int
traits_of(enum catalog_kind kind, struct json_span name, struct json_span value)
{
	if (json_string_is(name, "title"))
		return OFFER_TITLED;
	if (kind != CATALOG_TOOLS)
		return 0;
	if (json_string_is(name, "execution"))
		return OFFER_UNCOMMON;
	if (json_string_is(name, "outputSchema"))
		return json_kind(value) == JSON_OBJECT &&
			json_string_is(json_get(value, "type"), "object")
		    ? 0
		    : OFFER_UNCOMMON;
	if (json_kind(value) != JSON_OBJECT)
		return 0;
	if (json_string_is(name, "annotations"))
		return json_kind(json_get(value, "title")) == JSON_STRING
		    ? OFFER_TITLED
		    : 0;
	if (json_string_is(name, "_meta"))
		return json_get(value, "ui").at != NULL ||
			json_get(value, "ui/resourceUri").at != NULL
		    ? OFFER_UI
		    : 0;
	return 0;
}

/*
 * The item's key, or an absent span, and its traits.  A client might read the
 * last of two members with this key, which would then be a name that we did not
 * choose.
 */
static struct json_span
key_of(struct json_span item, enum catalog_kind kind, unsigned int *traits)
{
	struct json_span found = { NULL, 0 }, name, value;
	struct json_iter it;

	*traits = 0;
	if (json_kind(item) != JSON_OBJECT)
		return found;
	json_iter_init(&it, item);
	while (json_iter_member(&it, &name, &value)) {
		*traits |= traits_of(kind, name, value);
		if (!json_string_is(name, kinds[kind].key))
			continue;
		if (found.at != NULL || json_kind(value) != JSON_STRING)
			return (struct json_span){ NULL, 0 };
		found = value;
	}
	return found;
}

static size_t
count_elements(struct json_span array)
{
	struct json_span item;
	struct json_iter it;
	size_t n = 0;

	json_iter_init(&it, array);
	while (json_iter_element(&it, &item))
		n++;
	return n;
}

/* Note an item if it is usable and new.  0, or -1 with errno ENOMEM. */
static int
add_item(struct offer *o, enum catalog_kind kind, struct json_span text,
    struct lh_table *seen, char **room, size_t *room_len)
{
	unsigned int traits;
	struct json_span key = key_of(text, kind, &traits);
	ssize_t n = -1;

	if (key.at != NULL)
		n = json_string_decode(key, *room, *room_len);
	if (n == -1 || o->count == OFFER_ITEMS_MAX ||
	    !names_usable(*room, (size_t)n, kinds[kind].max) ||
	    lh_table_lookup_entry(seen, *room) != NULL) {
		o->skipped++;
		return 0;
	}
	if (lh_table_insert(seen, *room, NULL) == -1) {
		errno = ENOMEM;
		return -1;
	}
	o->items[o->count++] = (struct offer_item){ text, key, *room, traits };
	*room += n + 1;
	*room_len -= (size_t)n + 1;
	return 0;
}

/* Find the items of the array that offer->json was found to be. */
static int
read_items(struct offer *o, enum catalog_kind kind)
{
	struct json_span array = { o->json, o->len }, item;
	struct lh_table *seen = NULL;
	struct json_iter it;
	char *room;
	size_t room_len, n;
	int ret = -1;

	n = count_elements(array);
	if (n > OFFER_ITEMS_MAX)
		n = OFFER_ITEMS_MAX;
	/* A decoded key with its NUL is shorter than the key with quotes. */
	room_len = o->len;
	o->names = malloc(room_len);
	o->items = calloc(n + 1, sizeof(*o->items));
	seen = lh_kchar_table_new((int)(2 * n + 16), NULL);
	if (o->names == NULL || o->items == NULL || seen == NULL) {
		errno = ENOMEM;
		goto out;
	}
	room = o->names;
	json_iter_init(&it, array);
	while (json_iter_element(&it, &item))
		if (add_item(o, kind, item, seen, &room, &room_len) == -1)
			goto out;
	ret = 0;
out:
	if (seen != NULL)
		lh_table_free(seen);
	return ret;
}

int
offer_read(
    struct offer *offer, enum catalog_kind kind, const char *json, size_t len)
{
	struct offer o = { 0 };
	struct json_span text = { json, len };
	struct json_scan scan;
	size_t space = 0;

	while (space < len && memchr(" \t\r\n", json[space], 4) != NULL)
		space++;
	text.at += space;
	text.len -= space;
	if (json_scan(json, len, NULL, 0, NULL, &scan) == -1 ||
	    json_kind(text) != JSON_ARRAY) {
		errno = EINVAL;
		return -1;
	}
	if ((o.json = malloc(text.len)) == NULL)
		return -1;
	memcpy(o.json, text.at, text.len);
	o.len = text.len;
	/* A line end would cut the event that the list is sent in. */
	if (scan.newline)
		json_flatten(o.json, o.len);
	if (read_items(&o, kind) == -1) {
		offer_free(&o);
		return -1;
	}
	*offer = o;
	return 0;
}

void
offer_free(struct offer *offer)
{
	free(offer->json);
	free(offer->names);
	free(offer->items);
	*offer = (struct offer){ 0 };
}
