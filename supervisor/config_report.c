#include "config_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_text.h"

#define NO_MEMORY "out of memory while reading the configuration"

int
config_report_begin(struct config_report *report, const char *text)
{
	memset(report, 0, sizeof(*report));
	report->text = text;
	/* One more for the entry that says how many were left out. */
	report->errors.list =
	    calloc(CONFIG_ERRORS_MAX + 1, sizeof(*report->errors.list));
	return report->errors.list == NULL ? -1 : 0;
}

/* Insert behind all that stand before it in the file.  Takes text. */
static void
insert(struct config_errors *errors, unsigned int line, unsigned int column,
    char *text)
{
	struct config_error *list = errors->list;
	size_t i = errors->count++;

	for (; i > 0; i--) {
		if (list[i - 1].line < line ||
		    (list[i - 1].line == line && list[i - 1].column <= column))
			break;
		list[i] = list[i - 1];
	}
	list[i].line = line;
	list[i].column = column;
	list[i].text = text;
}

void
config_report_add(
    struct config_report *report, const char *at, const char *format, ...)
{
	unsigned int line = 0;
	unsigned int column = 0;
	char *text;
	va_list ap;
	int n;

	if (report->errors.count == CONFIG_ERRORS_MAX) {
		report->dropped++;
		return;
	}
	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n == -1) {
		report->no_memory = true;
		return;
	}
	if (at != NULL)
		config_text_place(
		    report->text, (size_t)(at - report->text), &line, &column);
	insert(&report->errors, line, column, text);
}

void
config_report_no_memory(struct config_report *report)
{
	report->no_memory = true;
}

bool
config_report_clean(const struct config_report *report)
{
	return report->errors.count == 0 && !report->no_memory;
}

void
config_report_end(struct config_report *report, struct config_errors *errors)
{
	struct config_errors *found = &report->errors;
	char *text = NULL;

	if (report->no_memory)
		text = strdup(NO_MEMORY);
	else if (report->dropped > 0 &&
	    asprintf(&text,
		"%zu more errors are not shown; correct these first",
		report->dropped) == -1)
		text = NULL;
	if (text != NULL)
		found->list[found->count++] =
		    (struct config_error){ .text = text };
	*errors = *found;
	memset(report, 0, sizeof(*report));
}
