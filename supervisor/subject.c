/* subject.c: in whose name a child's log records appear. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "proto/log.h"
#include "subject.h"

/* "backend " and the longest name of one. */
#define SUBJECT_MAX 256

/* True when text begins with this subject and ": ". */
static bool
has_subject(const char *text, const char *subject)
{
	size_t len = strlen(subject);

	return strncmp(text, subject, len) == 0 &&
	    strncmp(text + len, ": ", 2) == 0;
}

const char *
subject_record(char *dst, size_t size, const char *subject, enum role role,
    const char *text, size_t len)
{
	char clean[MSG_LOG_MAX + 1];
	char backend[SUBJECT_MAX];
	const char *name = strchr(subject, ' ');
	const char *rest = clean;

	(void)log_escape(clean, sizeof(clean), text, len);
	(void)snprintf(
	    backend, sizeof(backend), "backend%s", name != NULL ? name : "");
	if (name != NULL && has_subject(clean, backend)) {
		(void)strlcpy(dst, clean, size);
		return dst;
	}
	if (has_subject(clean, role_name(role)))
		rest = clean + strlen(role_name(role)) + 2;
	(void)snprintf(dst, size, "%s: %s", subject, rest);
	return dst;
}
