/* obituary.c: how a job ended. */
#include <sys/wait.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "obituary.h"
#include "proto/buf.h"
#include "proto/json.h"
#include "proto/role.h"
#include "wire.h"

int
obituary_of_end(int status, int64_t no_memory)
{
	char json[96], more[48] = "";

	if (no_memory != -1)
		(void)snprintf(
		    more, sizeof(more), ",\"no_memory\":%" PRId64, no_memory);
	if (WIFSIGNALED(status))
		(void)snprintf(json, sizeof(json), "{\"signal\":%d%s}",
		    WTERMSIG(status), more);
	else
		(void)snprintf(json, sizeof(json), "{\"exit\":%d%s}",
		    WEXITSTATUS(status), more);
	return wire_send(MSG_OBITUARY, 0, json) == 0 ? ROLE_EXIT_OK
						     : ROLE_EXIT_PARENT_GONE;
}

/* Whom it ran as, where that decides what it may do; else "". */
static void
user_text(const struct spec *spec, char *dst, size_t size)
{
	dst[0] = '\0';
	if (!spec->has_user || spec->uid == 0)
		return;
	if (spec->user != NULL)
		(void)snprintf(dst, size, " as user %s", spec->user);
	else
		(void)snprintf(
		    dst, size, " as user %lu", (unsigned long)spec->uid);
}

/* What was tried, in words; cut where it is too long. */
static void
what_text(
    const struct spec *spec, enum report_step step, char *dst, size_t size)
{
	const char *object = NULL;
	char user[128];

	if (step == REPORT_CHDIR)
		object = spec->cwd;
	else if (step == REPORT_EXEC)
		object = spec->argv[0];
	user[0] = '\0';
	if (object != NULL || step == REPORT_USER)
		user_text(spec, user, sizeof(user));
	(void)snprintf(dst, size, "%s%s%s%s", report_name(step),
	    object != NULL ? " " : "", object != NULL ? object : "",
	    step == REPORT_USER && user[0] != '\0' ? user + strlen(" as")
						   : user);
}

/* The command is a user's text: it must be quoted before it is JSON. */
int
obituary_of_launch(const struct spec *spec, const struct report *failure)
{
	struct buf json = { .mem = NULL };
	char what[512];

	what_text(spec, failure->step, what, sizeof(what));
	if (buf_add_format(
		&json, "{\"spawn_errno\":%d,\"what\":", failure->error) == -1 ||
	    json_add_string(&json, what, strlen(what)) == -1 ||
	    buf_add(&json, "}", sizeof("}")) == -1) {
		buf_free(&json);
		return ROLE_EXIT_MEMORY;
	}
	(void)wire_send(MSG_OBITUARY, 0, buf_data(&json));
	buf_free(&json);
	return ROLE_EXIT_OK;
}
