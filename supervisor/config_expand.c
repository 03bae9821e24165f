#include "config_expand.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json.h"
#include "proto/log.h"

#include "config.h"
#include "config_text.h"

#define HINT_LITERAL "; write \"$${\" where \"${\" itself is meant"

struct expansion {
	struct buf *out;
	size_t start; /* length of out at the beginning */
	size_t max;
	char **why;
};

__attribute__((format(printf, 2, 3))) static enum config_expand_result
wrong(struct expansion *ex, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	if (vasprintf(ex->why, format, ap) == -1)
		*ex->why = NULL;
	va_end(ap);
	return CONFIG_EXPAND_WRONG;
}

static enum config_expand_result
add(struct expansion *ex, const char *bytes, size_t n)
{
	if (n > ex->max - (buf_len(ex->out) - ex->start))
		return CONFIG_EXPAND_TOO_LONG;
	if (buf_add(ex->out, bytes, n) == -1)
		return CONFIG_EXPAND_NO_MEMORY;
	return CONFIG_EXPAND_OK;
}

enum config_expand_result
config_expand_check(const char *bytes, size_t n)
{
	enum config_expand_result result = CONFIG_EXPAND_NO_MEMORY;
	struct buf json = { 0 };
	char *again = malloc(n + 1);
	struct json_span span;

	if (again != NULL && json_add_string(&json, bytes, n) == 0) {
		span.at = buf_data(&json);
		span.len = buf_len(&json);
		result = CONFIG_EXPAND_WRONG;
		if (memchr(bytes, '\0', n) == NULL &&
		    json_string_decode(span, again, n + 1) == (ssize_t)n &&
		    memcmp(again, bytes, n) == 0)
			result = CONFIG_EXPAND_OK;
		explicit_bzero(again, n);
	}
	free(again);
	buf_free(&json);
	return result;
}

static bool
is_variable_name(const char *name)
{
	return strspn(name,
		   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		   "0123456789_") == strlen(name) &&
	    *name != '\0' && !(*name >= '0' && *name <= '9');
}

static enum config_expand_result
add_variable(struct expansion *ex, const char *name)
{
	const char *value = getenv(name);
	enum config_expand_result result;

	if (value == NULL)
		return wrong(ex,
		    "uses ${%s}, which is not set in the gateway's "
		    "environment; set it" HINT_LITERAL,
		    name);
	result = config_expand_check(value, strlen(value));
	if (result == CONFIG_EXPAND_OK)
		return add(ex, value, strlen(value));
	if (result == CONFIG_EXPAND_WRONG)
		return wrong(ex,
		    "uses ${%s}, whose value is not UTF-8; set it to text",
		    name);
	return result;
}

/* Say why a file cannot stand in a string. */
static enum config_expand_result
file_wrong(struct expansion *ex, const char *path, const char *why)
{
	return wrong(
	    ex, "uses ${file:%s}, which %s", log_str(path, strlen(path)), why);
}

static enum config_expand_result
add_file(struct expansion *ex, const char *path)
{
	char why[CONFIG_TEXT_WHY_MAX];
	enum config_expand_result result;
	char *text;
	size_t len;

	if (*path != '/')
		return wrong(ex,
		    "uses ${file:%s}, which is not an absolute path; write "
		    "${file:/path}",
		    log_str(path, strlen(path)));
	if (config_text_read(&text, &len, path, CONFIG_SECRET_MAX,
		CONFIG_TRUST_FILE, why) == -1)
		return file_wrong(ex, path, why);
	result = config_expand_check(text, len);
	if (result == CONFIG_EXPAND_WRONG)
		result = file_wrong(ex, path,
		    "is not UTF-8 text without NUL bytes; name a text file");
	else if (result == CONFIG_EXPAND_OK)
		result = add(
		    ex, text, len > 0 && text[len - 1] == '\n' ? len - 1 : len);
	freezero(text, len);
	return result;
}

/* Add what "${name}" stands for. */
static enum config_expand_result
add_reference(struct expansion *ex, const char *name)
{
	static const char env[] = "env:", file[] = "file:";
	const char *variable = name;

	if (strncmp(name, file, sizeof(file) - 1) == 0)
		return add_file(ex, name + sizeof(file) - 1);
	if (strncmp(name, env, sizeof(env) - 1) == 0)
		variable += sizeof(env) - 1;
	if (is_variable_name(variable))
		return add_variable(ex, variable);
	return wrong(ex,
	    "uses ${%.*s}, which is none of ${NAME}, ${env:NAME} and "
	    "${file:/path}" HINT_LITERAL,
	    CONFIG_EXPAND_SHOWN, log_str(name, strlen(name)));
}

/* Add what stands for the reference at text, which ends at end. */
static enum config_expand_result
expand_reference(struct expansion *ex, const char **text, const char *end)
{
	enum config_expand_result result;
	const char *name = *text + 2;
	const char *close = memchr(name, '}', (size_t)(end - name));
	char *copy;

	if (close == NULL)
		return wrong(ex, "has a \"${\" without a \"}\"" HINT_LITERAL);
	copy = strndup(name, (size_t)(close - name));
	if (copy == NULL)
		return CONFIG_EXPAND_NO_MEMORY;
	result = add_reference(ex, copy);
	free(copy);
	*text = close + 1;
	return result;
}

static bool
begins(const char *at, const char *end, const char *prefix)
{
	size_t n = strlen(prefix);

	return (size_t)(end - at) >= n && memcmp(at, prefix, n) == 0;
}

enum config_expand_result
config_expand(
    struct buf *out, const char *text, size_t len, size_t max, char **why)
{
	struct expansion ex = { out, buf_len(out), max, why };
	enum config_expand_result result = CONFIG_EXPAND_OK;
	const char *end = text + len;

	while (text < end && result == CONFIG_EXPAND_OK) {
		const char *dollar = memchr(text, '$', (size_t)(end - text));

		if (dollar != text) {
			if (dollar == NULL)
				dollar = end;
			result = add(&ex, text, (size_t)(dollar - text));
			text = dollar;
		} else if (begins(text, end, "$${")) {
			result = add(&ex, "${", 2);
			text += 3;
		} else if (begins(text, end, "${")) {
			result = expand_reference(&ex, &text, end);
		} else {
			result = add(&ex, text++, 1);
		}
	}
	return result;
}
