/* arguments.c: what a tool or a prompt was called with. */
#include "arguments.h"

#include <err.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* More digits than any double needs. */
#define NUMBER_MAX 64

char *
argument_text(struct json_span value, size_t *len)
{
	ssize_t n;
	char *text;

	if (json_kind(value) != JSON_STRING)
		return NULL;
	/* No escape is shorter than what it means. */
	if ((text = malloc(value.len + 1)) == NULL)
		err(1, "arguments");
	n = json_string_decode(value, text, value.len + 1);
	if (n == -1) {
		free(text);
		return NULL;
	}
	*len = (size_t)n;
	return text;
}

char *
argument_string(const struct rpc_message *msg, const char *name, size_t *len)
{
	if (json_kind(msg->arguments) != JSON_OBJECT)
		return NULL;
	return argument_text(json_get(msg->arguments, name), len);
}

int
argument_number(const struct rpc_message *msg, const char *name, double *ret)
{
	struct json_span value;
	char text[NUMBER_MAX];
	double number;

	if (json_kind(msg->arguments) != JSON_OBJECT)
		return 0;
	value = json_get(msg->arguments, name);
	if (json_kind(value) == JSON_NONE)
		return 0;
	if (json_kind(value) != JSON_NUMBER || value.len >= sizeof(text))
		return -1;
	memcpy(text, value.at, value.len);
	text[value.len] = '\0';
	number = strtod(text, NULL);
	if (!isfinite(number))
		return -1;
	*ret = number;
	return 0;
}
