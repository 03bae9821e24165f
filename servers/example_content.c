/* example_content.c: resources, prompts and completion. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "example.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
answer(struct example *ex, const struct rpc_message *msg, struct buf *result)
{
	server_result(ex->server, msg->id, buf_data(result), buf_len(result));
	buf_free(result);
}

static void
refuse(struct example *ex, const struct rpc_message *msg, const char *why)
{
	server_error(ex->server, msg->id, RPC_INVALID_PARAMS, why);
}

/* Lists of one page know no cursor. */
static bool
refuse_cursor(struct example *ex, const struct rpc_message *msg)
{
	if (msg->cursor.at != NULL)
		refuse(ex, msg, "Unknown cursor");
	return msg->cursor.at != NULL;
}

/* Resources. */

#define NUMBER_PREFIX "example://squares/"
/* The greatest number whose square is a resource. */
#define NUMBER_MAX 200

static const struct resource {
	const char *uri;
	const char *name;
	const char *type;
	const char *member; /* "text" or "blob" */
	const char *content;
} resources[] = {
	{ "example://greeting", "greeting", "text/plain", "text",
	    "Hello, world" },
	/* A GIF of one transparent pixel. */
	{ "example://pixel", "pixel", "image/gif", "blob",
	    "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7" },
};

void
example_list_resources(struct example *ex, const struct rpc_message *msg)
{
	struct buf result = { 0 };

	if (refuse_cursor(ex, msg))
		return;
	server_format(&result, "{\"resources\":[");
	for (size_t i = 0; i < COUNT(resources); i++)
		server_format(&result,
		    "%s{\"uri\":\"%s\",\"name\":\"%s\",\"mimeType\":\"%s\"}",
		    i > 0 ? "," : "", resources[i].uri, resources[i].name,
		    resources[i].type);
	server_format(&result, "]}");
	answer(ex, msg, &result);
}

void
example_list_templates(struct example *ex, const struct rpc_message *msg)
{
	struct buf result = { 0 };

	if (refuse_cursor(ex, msg))
		return;
	server_format(&result,
	    "{\"resourceTemplates\":[{\"uriTemplate\":\"" NUMBER_PREFIX
	    "{number}\",\"name\":\"squares\",\"description\":"
	    "\"The square of a number from 1 to %d\","
	    "\"mimeType\":\"text/plain\"}]}",
	    NUMBER_MAX);
	answer(ex, msg, &result);
}

/* The number that a URI of the template names, or 0. */
static int
number_of(const char *uri)
{
	const char *wrong = NULL;
	size_t prefix = strlen(NUMBER_PREFIX);

	if (strncmp(uri, NUMBER_PREFIX, prefix) != 0 || uri[prefix] < '1' ||
	    uri[prefix] > '9')
		return 0;
	return (int)strtonum(uri + prefix, 1, NUMBER_MAX, &wrong);
}

void
example_read_resource(struct example *ex, const struct rpc_message *msg)
{
	struct buf result = { 0 };
	size_t len = 0;
	char *uri = argument_text(msg->uri, &len);
	/* With a NUL inside it names nothing. */
	bool whole = uri != NULL && strlen(uri) == len;
	int number = whole ? number_of(uri) : 0;

	for (size_t i = 0; whole && i < COUNT(resources); i++)
		if (strcmp(uri, resources[i].uri) == 0)
			server_format(&result,
			    "{\"contents\":[{\"uri\":\"%s\",\"mimeType\":\"%s\","
			    "\"%s\":\"%s\"}]}",
			    uri, resources[i].type, resources[i].member,
			    resources[i].content);
	if (number != 0)
		server_format(&result,
		    "{\"contents\":[{\"uri\":\"" NUMBER_PREFIX
		    "%d\",\"mimeType\":\"text/plain\",\"text\":\"%d\"}]}",
		    number, number * number);
	free(uri);
	if (buf_len(&result) > 0) {
		answer(ex, msg, &result);
		return;
	}
	server_format(
	    &result, "{\"uri\":%.*s}", (int)msg->uri.len, msg->uri.at);
	server_error_data(ex->server, msg->id, RPC_RESOURCE_NOT_FOUND,
	    "Resource not found",
	    (struct json_span){ buf_data(&result), buf_len(&result) });
	buf_free(&result);
}

/* Prompts. */

static const char prompts[] =
    "{\"prompts\":[{\"name\":\"greet\",\"description\":\"Greet somebody\","
    "\"arguments\":[{\"name\":\"name\",\"description\":\"Whom to greet\","
    "\"required\":true},{\"name\":\"style\",\"description\":"
    "\"casual, formal or friendly\",\"required\":false}]},"
    "{\"name\":\"introduce\",\"description\":\"Have the server introduced\"}]}";

void
example_list_prompts(struct example *ex, const struct rpc_message *msg)
{
	if (!refuse_cursor(ex, msg))
		server_result(
		    ex->server, msg->id, prompts, sizeof(prompts) - 1);
}

static void
answer_prompt(struct example *ex, const struct rpc_message *msg,
    const char *text, size_t len)
{
	struct buf result = { 0 };

	server_format(&result,
	    "{\"messages\":[{\"role\":\"user\",\"content\":{\"type\":\"text\","
	    "\"text\":");
	server_quote(&result, text, len);
	server_format(&result, "}}]}");
	answer(ex, msg, &result);
}

static void
answer_greet(struct example *ex, const struct rpc_message *msg)
{
	struct buf text = { 0 };
	size_t len;
	char *name = argument_string(msg, "name", &len);
	char *style = argument_string(msg, "style", &len);

	if (name == NULL) {
		refuse(ex, msg, "the prompt needs the argument name");
	} else {
		server_format(&text, "Please write a %s greeting for %s.",
		    style != NULL ? style : "friendly", name);
		answer_prompt(ex, msg, buf_data(&text), buf_len(&text));
		buf_free(&text);
	}
	free(name);
	free(style);
}

void
example_get_prompt(struct example *ex, const struct rpc_message *msg)
{
	static const char introduce[] =
	    "Please say what the tools of this server can do.";

	if (json_string_is(msg->name, "greet"))
		answer_greet(ex, msg);
	else if (json_string_is(msg->name, "introduce"))
		answer_prompt(ex, msg, introduce, sizeof(introduce) - 1);
	else
		refuse(ex, msg, "Unknown prompt");
}

/* Completion. */

/* MCP completion: at most this many values in an answer. */
#define VALUES_MAX 100

struct values {
	struct buf json;
	const char *prefix;
	size_t sent;
	size_t total;
};

static void
offer(struct values *values, const char *value)
{
	if (strncmp(value, values->prefix, strlen(values->prefix)) != 0)
		return;
	values->total++;
	if (values->sent == VALUES_MAX)
		return;
	if (values->sent++ > 0)
		server_format(&values->json, ",");
	server_quote(&values->json, value, strlen(value));
}

static void
offer_names(struct values *values)
{
	static const char *const names[] = { "Ada", "Alan", "Barbara", "Dennis",
		"Grace", "Ken" };

	for (size_t i = 0; i < COUNT(names); i++)
		offer(values, names[i]);
}

static void
offer_styles(struct values *values)
{
	static const char *const styles[] = { "casual", "formal", "friendly" };

	for (size_t i = 0; i < COUNT(styles); i++)
		offer(values, styles[i]);
}

static void
offer_numbers(struct values *values)
{
	char text[8];

	for (int i = 1; i <= NUMBER_MAX; i++) {
		snprintf(text, sizeof(text), "%d", i);
		offer(values, text);
	}
}

static const struct {
	const char *type;
	const char *what; /* the prompt's name or the template */
	const char *argument;
	void (*offer)(struct values *values);
} completions[] = {
	{ "ref/prompt", "greet", "name", offer_names },
	{ "ref/prompt", "greet", "style", offer_styles },
	{ "ref/resource", NUMBER_PREFIX "{number}", "number", offer_numbers },
};

/* Offer what fits; false when there is no such prompt or template. */
static bool
complete(struct values *values, const struct rpc_message *msg,
    struct json_span argument)
{
	bool known = false;

	for (size_t i = 0; i < COUNT(completions); i++) {
		bool prompt = completions[i].type[4] == 'p';

		if (!json_string_is(msg->ref_type, completions[i].type) ||
		    !json_string_is(prompt ? msg->ref_name : msg->ref_uri,
			completions[i].what))
			continue;
		known = true;
		if (json_string_is(argument, completions[i].argument))
			completions[i].offer(values);
	}
	return known;
}

void
example_complete(struct example *ex, const struct rpc_message *msg)
{
	struct json_span argument = json_get(msg->params, "argument");
	struct values values = { 0 };
	struct json_span name;
	size_t len;
	char *prefix;

	if (json_kind(argument) != JSON_OBJECT ||
	    (prefix = argument_text(json_get(argument, "value"), &len)) ==
		NULL) {
		refuse(ex, msg, "params.argument needs a name and a value");
		return;
	}
	name = json_get(argument, "name");
	values.prefix = prefix;
	server_format(&values.json, "{\"completion\":{\"values\":[");
	if (complete(&values, msg, name)) {
		server_format(&values.json, "],\"total\":%zu,\"hasMore\":%s}}",
		    values.total,
		    values.total > values.sent ? "true" : "false");
		answer(ex, msg, &values.json);
	} else {
		refuse(ex, msg, "Unknown prompt or resource template");
	}
	buf_free(&values.json);
	free(prefix);
}
