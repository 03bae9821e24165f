/* adapt_text.c: a text of which some pieces change, written in order. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "adapt_parts.h"
#include "uri.h"

/* What the first change reserves beyond the text: few changes are longer. */
#define FIRST_ROOM 512U

void
adapt_begin(struct adapt *a, const struct adapt_rules *rules,
    struct json_span text, struct buf *out)
{
	assert(buf_len(out) == 0);
	*a = (struct adapt){ .rules = rules,
		.text = text,
		.out = out,
		.max = ADAPT_GROWTH * text.len + ADAPT_SPARE };
}

void
adapt_fail(struct adapt *a, int error)
{
	if (a->error == 0)
		a->error = error;
}

/* Bytes that may still be written. */
static size_t
room(const struct adapt *a)
{
	return a->max - buf_len(a->out);
}

void
adapt_add(struct adapt *a, const char *bytes, size_t len)
{
	assert(a->at != NULL || a->error != 0);
	if (a->error != 0)
		return;
	if (len > room(a))
		adapt_fail(a, EMSGSIZE);
	else if (buf_add(a->out, bytes, len) == -1)
		adapt_fail(a, ENOMEM);
}

void
adapt_add_text(struct adapt *a, const char *text)
{
	adapt_add(a, text, strlen(text));
}

void
adapt_add_string(struct adapt *a, const char *bytes, size_t len)
{
	assert(a->at != NULL || a->error != 0);
	if (a->error != 0)
		return;
	if (len > room(a))
		adapt_fail(a, EMSGSIZE);
	else if (json_add_string(a->out, bytes, len) == -1)
		adapt_fail(a, ENOMEM);
	else if (buf_len(a->out) > a->max)
		adapt_fail(a, EMSGSIZE);
}

void
adapt_keep(struct adapt *a, const struct splice *splice)
{
	const struct splice_edit *end = splice->edits + splice->count;

	a->edits = splice->edits;
	while (a->edits < end && a->edits->old.at < a->text.at)
		a->edits++;
	a->edit_count = (size_t)(end - a->edits);
}

/* The next of the splice's edits, if it begins before this. */
static const struct splice_edit *
next_edit(struct adapt *a, const char *before)
{
	if (a->edit_count == 0 || a->edits->old.at >= before)
		return NULL;
	a->edit_count--;
	return a->edits++;
}

/* Copy up to here. */
static void
copy_until(struct adapt *a, const char *end)
{
	const struct splice_edit *edit;

	while ((edit = next_edit(a, end)) != NULL) {
		adapt_add(a, a->at, (size_t)(edit->old.at - a->at));
		adapt_add(a, edit->new.at, edit->new.len);
		a->at = adapt_end(edit->old);
	}
	adapt_add(a, a->at, (size_t)(end - a->at));
}

void
adapt_cut(struct adapt *a, const char *from, const char *to)
{
	if (a->error != 0)
		return;
	if (a->at == NULL) {
		a->at = a->text.at;
		if (buf_reserve(a->out, a->text.len + FIRST_ROOM) == NULL) {
			adapt_fail(a, ENOMEM);
			return;
		}
	}
	assert(a->at <= from && from <= to && to <= adapt_end(a->text));
	copy_until(a, from);
	while (next_edit(a, to) != NULL)
		continue; /* what it replaces is left out */
	a->at = to;
}

void
adapt_cut_value(struct adapt *a, struct json_span value)
{
	adapt_cut(a, value.at, adapt_end(value));
}

int
adapt_finish(struct adapt *a)
{
	const char *end = adapt_end(a->text);
	const bool changed = a->at != NULL;

	if (changed)
		adapt_cut(a, end, end);
	buf_free(&a->scratch);
	buf_free(&a->spelled);
	if (a->error == 0)
		return changed;
	buf_consume(a->out, buf_len(a->out));
	errno = a->error;
	return -1;
}

void
adapt_collect(struct json_span object, const char *const *keys, size_t n,
    struct json_span *values)
{
	struct json_span key, value;
	struct json_iter it;

	memset(values, 0, n * sizeof(*values));
	if (json_kind(object) != JSON_OBJECT)
		return;
	json_iter_init(&it, object);
	while (json_iter_member(&it, &key, &value))
		for (size_t i = 0; i < n; i++)
			if (adapt_is_key(key, keys[i]))
				values[i] = value;
}

void
adapt_drop(struct adapt *a, const struct json_iter *it, struct json_span key,
    struct json_span value, const char **before)
{
	if (*before == NULL) {
		adapt_cut(a, key.at, it->at); /* and the comma behind it */
		return;
	}
	adapt_cut(a, *before, adapt_end(value)); /* and the one before it */
	*before = adapt_end(value);
}

struct json_span
adapt_get(struct json_span object, const char *key)
{
	struct json_span value;

	adapt_collect(object, &key, 1, &value);
	return value;
}

struct json_span
adapt_spell(struct adapt *a, struct json_span uri)
{
	char text[URI_MAX + 1];
	ssize_t len;

	if (!a->rules->uris || a->error != 0 ||
	    (len = json_string_decode(uri, text, sizeof(text))) == -1 ||
	    strlen(text) != (size_t)len)
		return uri;
	buf_consume(&a->scratch, buf_len(&a->scratch));
	buf_consume(&a->spelled, buf_len(&a->spelled));
	if (!a->rules->shown(a->rules->arg, text, (size_t)len, &a->scratch))
		return uri;
	if (json_add_string(&a->spelled, buf_data(&a->scratch),
		buf_len(&a->scratch)) == -1) {
		adapt_fail(a, ENOMEM);
		return uri;
	}
	return (
	    struct json_span){ buf_data(&a->spelled), buf_len(&a->spelled) };
}

void
adapt_uri(struct adapt *a, struct json_span uri)
{
	const struct json_span spelled = adapt_spell(a, uri);

	if (spelled.at == uri.at)
		return;
	adapt_cut_value(a, uri);
	adapt_add(a, spelled.at, spelled.len);
}

void
adapt_member_uri(struct adapt *a, struct json_span object, const char *name)
{
	struct json_span key, value;
	struct json_iter it;

	if (json_kind(object) != JSON_OBJECT)
		return;
	json_iter_init(&it, object);
	while (json_iter_member(&it, &key, &value))
		if (adapt_is_key(key, name))
			adapt_uri(a, value);
}
