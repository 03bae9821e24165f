/*
 * intake.h: what a backend says: scanned once and passed to whom it concerns.
 */
#ifndef WORKER_INTAKE_H
#define WORKER_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct answers;
struct asks;
struct greeting;
struct health;
struct intake;
struct link;
struct loop;
struct wishes;

/* notifications/message that pass in a second (of FLOOD_BYTES, fewer of larger
 * ones): the front fans them out, and a client that gets more than it reads is
 * dropped. */
#define INTAKE_MESSAGES_PER_SECOND 1000
/* The same for notifications/resources/updated. */
#define INTAKE_UPDATES_PER_SECOND 1000
/* And for notifications/elicitation/complete. */
#define INTAKE_COMPLETED_PER_SECOND 1000
/* notifications/progress that pass in a second, of all calls together. */
#define INTAKE_PROGRESS_PER_SECOND 10000
/* Log records about lines that are no message: banners, debugging output. */
#define INTAKE_JUNK_BURST      20
#define INTAKE_JUNK_PER_SECOND 2

/* Whom it may concern; borrowed until intake_free(). */
struct intake_readers {
	struct link *link;
	struct greeting *greeting;
	struct health *health;
	struct wishes *wishes;
	struct answers *answers;
	struct asks *asks;
};

/* name is the backend's, borrowed too.  NULL with errno ENOMEM. */
struct intake *intake_new(
    struct loop *loop, const char *name, const struct intake_readers *readers);
void intake_free(struct intake **intake);

/* A message, or a part of one that is skipped: transport.h. */
void intake_message(
    struct intake *intake, char *text, size_t len, int64_t about);
void intake_oversize(
    struct intake *intake, const char *text, size_t len, bool end);

/* Something came since this was last asked. */
bool intake_heard(struct intake *intake);

/* Log what was dropped so far, if anything was. */
void intake_report(const struct intake *intake);

#endif
