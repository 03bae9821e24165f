/* outcome.c: why a run of a backend ended. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "outcome.h"

void
outcome_because(struct outcome *o, const char *format, ...)
{
	va_list args;

	if (o->cause[0] != '\0')
		return;
	va_start(args, format);
	(void)vsnprintf(o->cause, sizeof(o->cause), format, args);
	va_end(args);
}

static const char *
exec_remedy(const struct setup_job_end *end)
{
	switch (end->value) {
	case ENOENT:
		return "install it, or correct \"command\"";
	case EACCES:
		if (strstr(end->what, " as user ") != NULL)
			return "let that user execute it (chmod a+rx it and "
			       "the folders above it), or set \"user\" to "
			       "somebody who may";
		return "make it executable (chmod +x), or correct \"command\"";
	case ENOEXEC:
		return "it is no program of this machine; correct \"command\"";
	default:
		return NULL;
	}
}

/* Whether what failed would fail again, and what can be done about it. */
static const char *
remedy_of(const struct setup_job_end *end)
{
	if (strcmp(end->what, "make a private network") == 0)
		return "start the gateway as root, let it make namespaces "
		       "(RestrictNamespaces= of its service), or remove "
		       "\"network\" from \"sandbox\"";
	if (strncmp(end->what, "exec ", 5) == 0)
		return exec_remedy(end);
	/* What is not there yet may come, when it is mounted. */
	if (strncmp(end->what, "chdir ", 6) == 0 && end->value == EACCES)
		return "let that user enter it (chmod a+x the folders above "
		       "it), or correct \"cwd\" or \"state_dir\"";
	return NULL;
}

void
outcome_job(struct outcome *o, const struct setup_job_end *end)
{
	const char *remedy;

	o->job_ended = true;
	o->job_end = *end;
	if (end->kind != SETUP_JOB_SPAWN)
		return;
	remedy = remedy_of(end);
	o->permanent = remedy != NULL;
	outcome_because(o, "cannot start: %s: %s%s%s", end->what,
	    strerror(end->value), remedy != NULL ? "; " : "",
	    remedy != NULL ? remedy : "");
}

void
outcome_words(struct outcome *o, const struct setup_last_words *words)
{
	o->words = *words;
	/* That the job's pipes closed is no news when it has ended. */
	if (o->job_ended)
		o->words.why[0] = '\0';
}

/* What goes on after how it ended: the limit as a configuration says it. */
static void
memory_text(uint64_t bytes, char *dst, size_t size)
{
	if (bytes == 0)
		(void)strlcpy(dst, ": out of memory", size);
	else if (bytes % (1U << 20) == 0)
		(void)snprintf(dst, size,
		    ": out of memory, its limit is %" PRIu64 "M", bytes >> 20);
	else
		(void)snprintf(dst, size,
		    ": out of memory, its limit is %" PRIu64 " bytes", bytes);
}

/* "exited with status 3", into dst; "" when we ended it or it just followed its
 * worker. */
static void
job_end_text(const struct outcome *o, char *dst, size_t size)
{
	const struct setup_job_end *end = &o->job_end;
	char memory[64] = "";

	dst[0] = '\0';
	if (!o->job_ended || end->kind == SETUP_JOB_SPAWN)
		return;
	if (end->no_memory)
		memory_text(end->memory, memory, sizeof(memory));
	if (end->kind == SETUP_JOB_SIGNAL) {
		if (!o->signalled || end->no_memory)
			(void)snprintf(dst, size,
			    "was killed by signal %d (%s)%s", end->value,
			    strsignal(end->value), memory);
		return;
	}
	/* After STOP, 0 is a job that obeyed, and a shell reports a signal with
	 * 128 and more. */
	if (!o->stop_sent || (end->value > 0 && end->value < 128))
		(void)snprintf(
		    dst, size, "exited with status %d%s", end->value, memory);
}

/* To a text of OUTCOME_TEXT_MAX, cut where it is too long. */
static void
append(char *text, const char *more)
{
	(void)strlcat(text, more, OUTCOME_TEXT_MAX);
}

void
outcome_text(const struct outcome *o, char dst[OUTCOME_TEXT_MAX])
{
	char job[128];
	const char *first = o->cause;

	dst[0] = '\0';
	job_end_text(o, job, sizeof(job));
	/* That the job's pipes closed is no news when it is known how it
	 * ended. */
	if (first[0] == '\0' && (!o->lost || job[0] == '\0'))
		first = o->words.why;
	if (first[0] == '\0')
		first = job[0] != '\0' ? job : "ended";
	append(dst, first);
	if (job[0] != '\0' && first != job) {
		append(dst, "; the job ");
		append(dst, job);
	}
	if (o->words.stderr_lines[0] != '\0') {
		append(dst, " (its last words: ");
		append(dst, o->words.stderr_lines);
		append(dst, ")");
	}
}
