/* answer.c: what a gateway answers. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <json-c/json.h>

#include "answer.h"
#include "client.h"
#include "page.h"
#include "proto/log.h"

#define PATH_BYTES 256

struct json_object *
answer_request(const char *verb)
{
	struct json_object *request = json_object_new_object();

	if (request == NULL ||
	    json_object_object_add(
		request, "verb", json_object_new_string(verb)) == -1)
		err(EXIT_REFUSED, NULL);
	return request;
}

struct json_object *
answer_get(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	if (!json_object_is_type(object, json_type_object))
		return NULL;
	(void)json_object_object_get_ex(object, key, &value);
	return value;
}

const char *
answer_text(struct json_object *object, const char *key)
{
	struct json_object *value = answer_get(object, key);

	return json_object_is_type(value, json_type_string)
	    ? json_object_get_string(value)
	    : NULL;
}

int64_t
answer_number(struct json_object *object, const char *key, int64_t fallback)
{
	struct json_object *value = answer_get(object, key);

	return json_object_is_type(value, json_type_int) ||
		json_object_is_type(value, json_type_double)
	    ? json_object_get_int64(value)
	    : fallback;
}

struct json_object *
answer_list(struct json_object *object, const char *key, size_t *count)
{
	struct json_object *value = answer_get(object, key);

	*count = 0;
	if (!json_object_is_type(value, json_type_array))
		return NULL;
	*count = json_object_array_length(value);
	return value;
}

/* "config.json:3:7: text", as compilers write it. */
static void
print_errors(struct json_object *answer)
{
	const char *config = answer_text(answer, "config");
	size_t count;
	struct json_object *list = answer_list(answer, "errors", &count);

	for (size_t i = 0; i < count; i++) {
		struct json_object *one = json_object_array_get_idx(list, i);
		const char *said = answer_text(one, "text");
		char *text = page_safe(said != NULL ? said : "refused");
		char *path = page_safe(config != NULL ? config : "");
		int64_t line = answer_number(one, "line", 0);

		if (config != NULL && line > 0)
			fprintf(stderr, "%s:%lld:%lld: %s\n", path,
			    (long long)line,
			    (long long)answer_number(one, "column", 0), text);
		else if (config != NULL)
			fprintf(stderr, "%s: %s\n", path, text);
		else
			fprintf(stderr, "mcp-gatewayctl: %s\n", text);
		free(text);
		free(path);
	}
	if (count == 0)
		fputs("mcp-gatewayctl: the gateway refused\n", stderr);
}

int
answer_ask(struct json_object **ret, const struct options *opt,
    struct json_object *request, unsigned int timeout_ms)
{
	struct json_object *answer = NULL, *ok;
	char place[PATH_BYTES];
	enum client_result result;

	if (opt->timeout_ms != 0)
		timeout_ms = opt->timeout_ms;
	result =
	    client_ask(&answer, client_path(place, sizeof(place), opt->socket),
		json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN),
		timeout_ms);
	json_object_put(request);
	if (result != CLIENT_OK)
		return result == CLIENT_NOBODY ? EXIT_NOBODY : EXIT_REFUSED;
	ok = answer_get(answer, "ok");
	if (json_object_is_type(ok, json_type_boolean) &&
	    json_object_get_boolean(ok)) {
		*ret = answer;
		return 0;
	}
	print_errors(answer);
	json_object_put(answer);
	return EXIT_REFUSED;
}

int
answer_ask_front(struct json_object **answer, struct json_object **report,
    const struct options *opt, struct json_object *request)
{
	int status = answer_ask(answer, opt, request, ANSWER_MS);
	const char *error;
	char *safe;

	if (status != 0)
		return status;
	*report = answer_get(*answer, "report");
	if ((error = answer_text(*report, "error")) == NULL)
		return 0;
	safe = page_safe(error);
	warnx("%s", safe);
	free(safe);
	json_object_put(*answer);
	return EXIT_REFUSED;
}

/* The character at text, as \uNNNN unless a terminal just shows it. */
static size_t
put_char(struct page *page, const char *text, size_t len)
{
	mbstate_t state = { 0 };
	char shown[64];
	wchar_t c;
	size_t n = mbrtowc(&c, text, len, &state);
	unsigned long code;

	if (n == (size_t)-1 || n == (size_t)-2 || n == 0)
		return 1; /* json-c writes UTF-8 only */
	log_escape(shown, sizeof(shown), text, n);
	code = (unsigned long)c;
	if (strlen(shown) == n && memcmp(shown, text, n) == 0)
		page_put(page, "%s", shown);
	else if (code < 0x10000)
		page_put(page, "\\u%04lx", code);
	else
		page_put(page, "\\u%04lx\\u%04lx",
		    0xd800 + ((code - 0x10000) >> 10),
		    0xdc00 + ((code - 0x10000) & 0x3ff));
	return n;
}

/* Bytes that need no look; line feeds and tabs are json-c's own, which escapes
 * those in strings. */
static size_t
plain_length(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len &&
	    ((text[n] >= ' ' && text[n] < 0x7f) || text[n] == '\n' ||
		text[n] == '\t'))
		n++;
	return n;
}

void
answer_put(struct page *page, const char *json, size_t len)
{
	while (len > 0) {
		size_t n = plain_length(json, len);

		page_put(page, "%.*s", (int)n, json);
		if (n < len)
			n += put_char(page, json + n, len - n);
		json += n;
		len -= n;
	}
}

int
answer_print(struct json_object *object)
{
	const char *json = json_object_to_json_string_ext(object,
	    JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
		JSON_C_TO_STRING_NOSLASHESCAPE);
	struct page page = { .width = 0 };

	if (json == NULL)
		err(EXIT_REFUSED, NULL);
	answer_put(&page, json, strlen(json));
	page_put(&page, "\n");
	return page_end(&page) == 0 ? 0 : EXIT_REFUSED;
}
