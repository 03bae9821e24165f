/* import_check.c: what the gateway says to an imported configuration. */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "answer.h"
#include "config.h"
#include "import.h"
#include "options.h"

/* What stands for a variable that the gateway will have and we do not: good in
 * a word, a header and a URL. */
#define PLACEHOLDER "localhost"

/* 0, or -1 with *errors. */
static int
judge(struct json_object *ours, struct config_errors *errors)
{
	const char *text =
	    json_object_to_json_string_ext(ours, JSON_C_TO_STRING_PLAIN);
	struct config *config;

	if (text == NULL)
		err(EXIT_REFUSED, NULL);
	if (config_parse(&config, "import", text, strlen(text), errors) == -1)
		return -1;
	config_free(&config);
	return 0;
}

static void
set_placeholders(struct import *import)
{
	json_object_object_foreach (import->variables, name, why) {
		(void)why;
		if (setenv(name, PLACEHOLDER, 0) == -1)
			err(EXIT_REFUSED, NULL);
	}
}

static void
check_entry(struct import *import, struct import_entry *entry)
{
	struct json_object *ours = import_result(import, entry);
	struct config_errors errors = { 0, NULL };

	if (judge(ours, &errors) == -1) {
		entry->left_out = true;
		import_note(&entry->notes, "the gateway would refuse it: %s",
		    errors.count > 0 ? errors.list[0].text : "out of memory");
		config_errors_free(&errors);
	}
	json_object_put(ours);
}

bool
import_check(struct import *import)
{
	struct config_errors errors = { 0, NULL };
	struct json_object *ours;
	bool good;

	set_placeholders(import);
	for (size_t i = 0; i < import->count; i++) {
		if (!import->entries[i].left_out)
			check_entry(import, &import->entries[i]);
	}
	ours = import_result(import, NULL);
	good = judge(ours, &errors) == 0;
	for (size_t i = 0; i < errors.count; i++)
		warnx("the gateway would not take the result: %s",
		    errors.list[i].text);
	config_errors_free(&errors);
	json_object_put(ours);
	return good;
}
