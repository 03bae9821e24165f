/* config_report.h: collects what is wrong in a file, in the file's order. */
#ifndef SUPERVISOR_CONFIG_REPORT_H
#define SUPERVISOR_CONFIG_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"

struct config_report {
	const char *text; /* that at points into; borrowed */
	struct config_errors errors;
	size_t dropped; /* above CONFIG_ERRORS_MAX */
	bool no_memory;
};

/*
 * text is borrowed until the end.  0, or -1 with errno ENOMEM; afterwards
 * nothing fails any more: lack of memory becomes the last error of the list.
 */
int config_report_begin(struct config_report *report, const char *text);

/* Add an error at a byte of the text; at is NULL where there is no place. */
void config_report_add(struct config_report *report, const char *at,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* An allocation failed: the result must not be used. */
void config_report_no_memory(struct config_report *report);

/* True when nothing was wrong. */
bool config_report_clean(const struct config_report *report);

/* Give the list to the caller. */
void config_report_end(
    struct config_report *report, struct config_errors *errors);

#endif
