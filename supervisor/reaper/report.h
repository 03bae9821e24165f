/*
 * report.h: what the new process tells the reaper between fork and exec, over a
 * pipe that exec closes.
 */
#ifndef REAPER_REPORT_H
#define REAPER_REPORT_H

/* Where it goes: the first descriptor after 0, 1, 2. */
#define REPORT_FD 3

/* What did not succeed; the job is then not started. */
enum report_step {
	REPORT_NOTE, /* nothing: a text for the log */
	REPORT_FORK,
	REPORT_SESSION,
	REPORT_NETWORK,
	REPORT_LIMITS,
	REPORT_PRIVILEGES,
	REPORT_USER,
	REPORT_CHDIR,
	REPORT_PARENT,
	REPORT_LANDLOCK,
	REPORT_FILTER,
	REPORT_EXEC,
};

/* One path and a sentence; with the rest it is written at once. */
#define REPORT_TEXT_MAX 512

struct report {
	enum report_step step;
	int error;                  /* errno of the step */
	char text[REPORT_TEXT_MAX]; /* of a note */
};

/* In the new process: something for the log. */
void report_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* In the new process: a step failed, with errno. */
void report_failure(enum report_step step, int error);

/* "exec", "chdir", …: what a step is called in the log. */
const char *report_name(enum report_step step);

#endif
