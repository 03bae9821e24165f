/* outcome.h: why a run of a backend ended, from what its parts say. */
#ifndef SUPERVISOR_OUTCOME_H
#define SUPERVISOR_OUTCOME_H

#include <stdbool.h>

#include "setup.h"

/* A cause, how the job ended, and its last words. */
#define OUTCOME_TEXT_MAX 1024

/* Zeroed: nothing is known. */
struct outcome {
	char cause[OUTCOME_TEXT_MAX];  /* what we decided or saw first */
	struct setup_last_words words; /* of the worker */
	bool lost;      /* the worker ended because the job was gone */
	bool stop_sent; /* to the job */
	bool signalled; /* the job may have had signals because of that */
	bool job_ended;
	struct setup_job_end job_end;
	bool permanent; /* another try would end the same */
};

/* Note a cause; the first one stays. */
void outcome_because(struct outcome *outcome, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Note how the job ended, or why it could not be started. */
void outcome_job(struct outcome *outcome, const struct setup_job_end *end);

/* Note the worker's last words. */
void outcome_words(
    struct outcome *outcome, const struct setup_last_words *words);

/* Put together what is known, as one line of text. */
void outcome_text(const struct outcome *outcome, char dst[OUTCOME_TEXT_MAX]);

#endif
