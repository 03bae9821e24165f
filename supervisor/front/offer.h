/* offer.h: what one backend offers of one kind, in its own bytes. */
#ifndef FRONT_OFFER_H
#define FRONT_OFFER_H

#include <stddef.h>

#include "proto/json.h"
#include "proto/msg.h"

/* Items beyond are left out: real servers have some hundred, and each costs
 * memory in our tables. */
#define OFFER_ITEMS_MAX 10000U

/* What is known of an item without reading it again; bits of a set. */
enum offer_trait {
	OFFER_TITLED = 1 << 0,   /* it says how people shall see it named */
	OFFER_UNCOMMON = 1 << 1, /* a tool that not all clients understand */
	OFFER_UI = 1 << 2, /* a tool that may name a resource by its URI */
};

struct offer_item {
	struct json_span text; /* the whole item */
	struct json_span key;  /* its name, uri or uriTemplate, with quotes */
	const char *name;      /* the same decoded, with a NUL */
	unsigned int traits;   /* a set of enum offer_trait */
};

struct offer {
	char *json; /* owned; the spans lie in it */
	size_t len;
	char *names; /* owned; the decoded keys, rarely used to its end */
	struct offer_item *items;
	size_t count;
	size_t skipped;
};

/*
 * Read a JSON array of items into *offer, which is written on success only.
 * Items without a usable key, with two of them, and the second of equal ones
 * are left out and counted, as are those beyond OFFER_ITEMS_MAX.  0, or -1 with
 * errno EINVAL (not a JSON array) or ENOMEM.
 */
int offer_read(
    struct offer *offer, enum catalog_kind kind, const char *json, size_t len);

/* Free what is in it; it is then an empty offer. */
void offer_free(struct offer *offer);

#endif
