/* adapt_fixture.h: one message adapted for a client, told by its revision. */
#ifndef FRONT_ADAPT_FIXTURE_H
#define FRONT_ADAPT_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "adapt.h"
#include "proto/buf.h"

/* Shows "file:" URIs as "s+file:", and no others differently. */
static inline bool
shown(void *arg, const char *uri, size_t len, struct buf *out)
{
	assert_string_equal(arg, "arg");
	assert_int_equal(strlen(uri), len);
	if (strncmp(uri, "file:", 5) != 0)
		return false;
	return buf_add_text(out, "s+") == 0 && buf_add(out, uri, len) == 0;
}

static inline struct adapt_rules
rules_of(const char *revision, unsigned int capabilities, bool uris)
{
	static char arg[] = "arg";
	struct adapt_rules rules = { .revision = mcp_revision_find(
					 revision, strlen(revision)),
		.capabilities = capabilities,
		.uris = uris,
		.shown = shown,
		.arg = arg };

	assert_non_null(rules.revision);
	adapt_prepare(&rules);
	return rules;
}

/* Adapt the part (result, params or error) of a message of this method. */
static inline int
adapt_part(const struct adapt_rules *rules, enum mcp_method method,
    const char *part, const char *json, struct buf *out)
{
	struct rpc_problem problem;
	struct rpc_message msg;
	struct splice splice;
	struct buf text = { 0 };
	int result, error;

	buf_add_format(&text, "{\"jsonrpc\":\"2.0\",\"%s\":%s,", part, json);
	if (strcmp(part, "params") == 0)
		buf_add_format(
		    &text, "\"method\":\"%s\",", mcp_method_name(method));
	buf_add_text(&text, "\"id\":1}");
	assert_int_equal(
	    rpc_parse(&msg, buf_data(&text), buf_len(&text), &problem), 0);
	splice_init(&splice, msg.text.at, msg.text.len);
	splice_replace(&splice, msg.id, "22", 2);
	result = adapt_message(rules, method, &msg, &splice, out);
	error = errno;
	if (!adapt_needed(rules, method, &msg))
		assert_int_equal(result, 0);
	if (result == 1) {
		assert_int_equal(splice.count, 2);
		assert_int_equal(splice.edits[0].old.len, strlen(json));
		assert_memory_equal(splice.edits[0].old.at, json, strlen(json));
		assert_ptr_equal(splice.edits[0].new.at, buf_data(out));
		assert_int_equal(splice.edits[0].new.len, buf_len(out));
	} else {
		assert_int_equal(splice.count, 1);
		assert_int_equal(buf_len(out), 0);
	}
	buf_free(&text);
	errno = error;
	return result;
}

/* It becomes this; NULL: it stays as it is. */
static inline void
assert_adapted(const struct adapt_rules *rules, enum mcp_method method,
    const char *part, const char *json, const char *want)
{
	struct buf out = { 0 };

	assert_int_equal(
	    adapt_part(rules, method, part, json, &out), want != NULL);
	if (want != NULL) {
		assert_int_equal(buf_add(&out, "", 1), 0);
		assert_string_equal(buf_data(&out), want);
	}
	buf_free(&out);
}

#endif
