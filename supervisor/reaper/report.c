/* report.c: what the new process tells the reaper. */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "report.h"

static const char *const names[] = {
	[REPORT_NOTE] = "note",
	[REPORT_FORK] = "fork",
	[REPORT_SESSION] = "setsid",
	[REPORT_NETWORK] = "make a private network",
	[REPORT_LIMITS] = "set limits",
	[REPORT_PRIVILEGES] = "give up privileges",
	[REPORT_USER] = "change to",
	[REPORT_CHDIR] = "chdir",
	[REPORT_PARENT] = "prctl",
	[REPORT_LANDLOCK] = "enter the sandbox",
	[REPORT_FILTER] = "filter system calls",
	[REPORT_EXEC] = "exec",
};

const char *
report_name(enum report_step step)
{
	return names[step];
}

/* The pipe takes it whole: it is empty, and this is less than a page. */
static void
tell(const struct report *report)
{
	_Static_assert(sizeof(*report) < 4096, "a write would not be atomic");
	(void)!write(REPORT_FD, report, sizeof(*report));
}

void
report_note(const char *format, ...)
{
	struct report report = { .step = REPORT_NOTE };
	va_list args;

	va_start(args, format);
	(void)vsnprintf(report.text, sizeof(report.text), format, args);
	va_end(args);
	tell(&report);
}

void
report_failure(enum report_step step, int error)
{
	const struct report report = { .step = step, .error = error };

	tell(&report);
}
