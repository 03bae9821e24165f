/* splice.c: a text with a few pieces replaced. */
#include "proto/splice.h"

#include <assert.h>
#include <string.h>

void
splice_init(struct splice *s, const char *text, size_t len)
{
	s->text = (struct json_span){ text, len };
	s->count = 0;
	s->length = len;
}

void
splice_replace(
    struct splice *s, struct json_span old, const char *new, size_t len)
{
	size_t i = s->count;

	assert(s->count < SPLICE_MAX);
	assert(old.at >= s->text.at);
	assert(old.at + old.len <= s->text.at + s->text.len);
	for (; i > 0 && s->edits[i - 1].old.at > old.at; i--)
		s->edits[i] = s->edits[i - 1];
	if (i > 0)
		assert(
		    s->edits[i - 1].old.at + s->edits[i - 1].old.len <= old.at);
	if (i < s->count)
		assert(old.at + old.len <= s->edits[i + 1].old.at);
	s->edits[i].old = old;
	s->edits[i].new = (struct json_span){ new, len };
	s->count++;
	s->length += len;
	s->length -= old.len;
}

void
splice_forget(struct splice *s, struct json_span within)
{
	const char *end = within.at + within.len;
	size_t kept = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct splice_edit edit = s->edits[i];

		if (edit.old.at >= within.at &&
		    edit.old.at + edit.old.len <= end) {
			s->length -= edit.new.len;
			s->length += edit.old.len;
		} else {
			s->edits[kept++] = edit;
		}
	}
	s->count = kept;
}

size_t
splice_length(const struct splice *s)
{
	return s->length;
}

/* memcpy(3) that accepts nothing from nowhere; behind what was written. */
static char *
put(char *dst, const char *from, size_t len)
{
	if (len > 0)
		memcpy(dst, from, len);
	return dst + len;
}

void
splice_write(const struct splice *s, char *dst)
{
	const char *at = s->text.at;

	for (size_t i = 0; i < s->count; i++) {
		const struct splice_edit *edit = &s->edits[i];

		dst = put(dst, at, (size_t)(edit->old.at - at));
		dst = put(dst, edit->new.at, edit->new.len);
		at = edit->old.at + edit->old.len;
	}
	put(dst, at, s->text.len - (size_t)(at - s->text.at));
}
