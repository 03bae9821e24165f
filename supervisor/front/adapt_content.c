/* adapt_content.c: content blocks, of results and of messages. */
#include <stdio.h>
#include <string.h>

#include "adapt_parts.h"

/* Longer MIME types are left out of a placeholder. */
#define MIME_TYPE_MAX 127U
/* "user" and "assistant", with their quotes, are all the roles there are. */
#define ROLE_MAX 16U

enum member {
	TYPE,
	URI,
	RESOURCE,
	NAME,
	MIME_TYPE,
	DATA,
	CONTENT,
	ANNOTATIONS,
	META,
	MEMBERS,
};

static const char *const members[MEMBERS] = {
	[TYPE] = "type",
	[URI] = "uri",
	[RESOURCE] = "resource",
	[NAME] = "name",
	[MIME_TYPE] = "mimeType",
	[DATA] = "data",
	[CONTENT] = "content",
	[ANNOTATIONS] = "annotations",
	[META] = "_meta",
};

bool
adapt_has_blocks(const struct adapt_rules *rules)
{
	return rules->uris || !rules->revision->audio ||
	    !rules->revision->resource_link;
}

/* A string's text as it stands between the quotes. */
static void
add_inner(struct adapt *a, struct json_span string)
{
	adapt_add(a, string.at + 1, string.len - 2);
}

/* Replace a block by one of text; its text, without the end, comes next. */
static void
begin_text(struct adapt *a, struct json_span block, const char *what)
{
	adapt_cut_value(a, block);
	adapt_add_text(a, "{\"type\":\"text\",\"text\":\"[");
	adapt_add_text(a, what);
}

/* What text blocks have as well stays. */
static void
end_text(struct adapt *a, const struct json_span *of)
{
	adapt_add_text(a, "]\"");
	for (unsigned int i = ANNOTATIONS; i <= META; i++) {
		if (json_kind(of[i]) != JSON_OBJECT)
			continue;
		adapt_add_text(
		    a, i == META ? ",\"_meta\":" : ",\"annotations\":");
		adapt_add(a, of[i].at, of[i].len);
	}
	adapt_add_text(a, "}");
}

/* Bytes that a base64 string means: "\/" is one character. */
static size_t
base64_size(struct json_span string)
{
	size_t digits = 0;

	for (size_t i = 1; i + 1 < string.len; i++)
		digits += string.at[i] != '\\' && string.at[i] != '=';
	return digits / 4 * 3 + digits % 4 * 3 / 4;
}

/* Audio content, MCP 2025-03-26: "[audio: audio/wav, 12345 bytes]". */
static void
describe_audio(
    struct adapt *a, struct json_span block, const struct json_span *of)
{
	const char *separator = ": ";
	char size[32];

	begin_text(a, block, "audio");
	if (json_kind(of[MIME_TYPE]) == JSON_STRING &&
	    of[MIME_TYPE].len <= MIME_TYPE_MAX + 2) {
		adapt_add_text(a, separator);
		add_inner(a, of[MIME_TYPE]);
		separator = ", ";
	}
	if (json_kind(of[DATA]) == JSON_STRING) {
		snprintf(size, sizeof(size), "%s%zu bytes", separator,
		    base64_size(of[DATA]));
		adapt_add_text(a, size);
	}
	end_text(a, of);
}

/* A link, MCP 2025-06-18: "[resource: report.txt, file:///report.txt]". */
static void
describe_link(
    struct adapt *a, struct json_span block, const struct json_span *of)
{
	const char *separator = ": ";

	begin_text(a, block, "resource");
	if (json_kind(of[NAME]) == JSON_STRING) {
		adapt_add_text(a, separator);
		add_inner(a, of[NAME]);
		separator = ", ";
	}
	if (json_kind(of[URI]) == JSON_STRING) {
		adapt_add_text(a, separator);
		add_inner(a, adapt_spell(a, of[URI]));
	}
	end_text(a, of);
}

/* A block that has no others in it; of are its members. */
static void
adapt_leaf(struct adapt *a, struct json_span block, const struct json_span *of)
{
	const struct mcp_revision *revision = a->rules->revision;

	if (json_string_is(of[TYPE], "text"))
		return;
	if (json_string_is(of[TYPE], "resource_link")) {
		if (revision->resource_link)
			adapt_uri(a, of[URI]);
		else
			describe_link(a, block, of);
	} else if (json_string_is(of[TYPE], "resource")) {
		adapt_member_uri(a, of[RESOURCE], "uri");
	} else if (json_string_is(of[TYPE], "audio") && !revision->audio) {
		describe_audio(a, block, of);
	}
}

/* One block; the content of a tool_result has only such as have none. */
static void
adapt_block(struct adapt *a, struct json_span block)
{
	struct json_span of[MEMBERS], inner[MEMBERS], element;
	struct json_iter it;

	adapt_collect(block, members, MEMBERS, of);
	if (json_kind(of[CONTENT]) != JSON_ARRAY ||
	    !json_string_is(of[TYPE], "tool_result")) {
		adapt_leaf(a, block, of);
		return;
	}
	json_iter_init(&it, of[CONTENT]);
	while (json_iter_element(&it, &element)) {
		adapt_collect(element, members, MEMBERS, inner);
		adapt_leaf(a, element, inner);
	}
}

void
adapt_content(struct adapt *a, struct json_span content)
{
	struct json_span element;
	struct json_iter it;

	if (json_kind(content) != JSON_ARRAY) {
		adapt_block(a, content);
		return;
	}
	json_iter_init(&it, content);
	while (json_iter_element(&it, &element))
		adapt_block(a, element);
}

/* How many elements an array has; 0 when not all of them are objects. */
static size_t
count_objects(struct json_span array)
{
	struct json_span element;
	struct json_iter it;
	size_t count = 0;

	json_iter_init(&it, array);
	for (; json_iter_element(&it, &element); count++)
		if (json_kind(element) != JSON_OBJECT)
			return 0;
	return count;
}

/*
 * A message for each block of an array.  The first begins as the message did,
 * and the last one ends so.
 */
static void
split_message(struct adapt *a, struct json_span role, struct json_span content)
{
	const char *from = content.at;
	struct json_span element;
	struct json_iter it;

	json_iter_init(&it, content);
	while (json_iter_element(&it, &element)) {
		adapt_cut(a, from, element.at);
		if (from != content.at) {
			adapt_add_text(a, "},{\"role\":");
			adapt_add(a, role.at, role.len);
			adapt_add_text(a, ",\"content\":");
		}
		adapt_block(a, element);
		from = adapt_end(element);
	}
	adapt_cut(a, from, adapt_end(content));
}

static void
adapt_one_message(struct adapt *a, struct json_span message, bool alone)
{
	static const char *const keys[] = { "role", "content" };
	struct json_span of[2];
	size_t count;

	adapt_collect(message, keys, 2, of);
	if (alone && json_kind(of[1]) == JSON_ARRAY &&
	    (count = count_objects(of[1])) > 0 &&
	    (count == 1 ||
		(json_kind(of[0]) == JSON_STRING && of[0].len <= ROLE_MAX)))
		split_message(a, of[0], of[1]);
	else
		adapt_content(a, of[1]);
}

void
adapt_messages(struct adapt *a, struct json_span messages, bool alone)
{
	struct json_span message;
	struct json_iter it;

	if (json_kind(messages) != JSON_ARRAY)
		return;
	json_iter_init(&it, messages);
	while (json_iter_element(&it, &message))
		adapt_one_message(a, message, alone);
}
