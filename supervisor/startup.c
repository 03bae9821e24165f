/* startup.c: what people are told while the gateway starts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "gateway_parts.h"
#include "notify.h"
#include "proto/buf.h"
#include "startup.h"
#include "summary.h"

/* The summary waits this long for slow backends. */
#define SUMMARY_MS 3000

/* Three numbers and the words between them. */
#define COUNT_SIZE 128

/* What the console shows that is not a log record; the log gets it too. */
static void
print(struct gateway *gw, const char *line)
{
	struct buf out = { .mem = NULL };

	if (logfile_spares_console(gw->logfile) &&
	    buf_add_format(&out, "%s\n", line) == 0)
		console_write(gw->console, buf_data(&out), buf_len(&out));
	buf_free(&out);
	logfile_quiet(gw->logfile, LOG_LEVEL_INFO, line);
}

void
startup_warn(const struct gateway *gw)
{
	if (listen_is_beyond(&gw->listeners) && gw->config->token_count == 0)
		log_warning(
		    "gateway: other machines can reach %s, and there is "
		    "no authentication: whoever does can run every tool; "
		    "see \"tokens\" in mcp-gateway.json(5)",
		    gw->urls[0]);
}

void
startup_begin(struct gateway *gw)
{
	char line[512];

	plan_tell(gw->plan);
	for (char **url = gw->urls; *url != NULL; url++) {
		(void)snprintf(line, sizeof(line), "listening on %s", *url);
		print(gw, line);
	}
	startup_warn(gw);
	logfile_hush(gw->logfile, true);
	loop_arm(gw->summary_timer, SUMMARY_MS);
}

static void
show_summary(struct gateway *gw)
{
	struct summary_row *rows =
	    calloc(roster_count(gw->roster) + 1, sizeof(*rows));
	struct buf out = { .mem = NULL };
	struct summary summary = { .version = MCPGW_VERSION,
		.urls = gw->urls,
		.config = gw->config->path,
		.log = logfile_path(gw->logfile),
		.rows = rows };
	const struct member *m;

	if (rows == NULL)
		return;
	TAILQ_FOREACH (m, roster_members(gw->roster), link) {
		if (m->part != PART_SERVING)
			continue;
		rows[summary.count++] = (struct summary_row){
			.name = service_name(m->service),
			.state = service_state(m->service),
			.disabled = service_is_disabled(m->service),
			.tools = service_tools(m->service),
			.reason = service_reason(m->service),
		};
	}
	if (summary_render(&out, &summary, console_has_colour(gw->console),
		console_width(gw->console)) == 0)
		console_write(gw->console, buf_data(&out), buf_len(&out));
	buf_free(&out);
	free(rows);
}

/* The summary in one line: into dst, which is returned. */
static const char *
count(char dst[COUNT_SIZE], const struct gateway *gw)
{
	unsigned int ready = 0, wanted = 0, tools = 0;
	const struct member *m;

	TAILQ_FOREACH (m, roster_members(gw->roster), link) {
		if (m->part != PART_SERVING)
			continue;
		wanted += !service_is_disabled(m->service);
		ready += service_state(m->service) == BACKEND_READY;
		tools += service_tools(m->service);
	}
	(void)snprintf(dst, COUNT_SIZE, "%u of %u backend%s ready, %u tool%s",
	    ready, wanted, wanted == 1 ? "" : "s", tools,
	    tools == 1 ? "" : "s");
	return dst;
}

void
startup_notify(const struct gateway *gw)
{
	char text[COUNT_SIZE];

	if (gw->summary_shown && gw->front_said_hello)
		notify_ready(count(text, gw));
}

/* Once: when every backend has settled, or when it takes too long. */
static void
finish(struct gateway *gw)
{
	char text[COUNT_SIZE];

	gw->summary_shown = true;
	(void)event_del(gw->summary_timer);
	logfile_quiet(gw->logfile, LOG_LEVEL_INFO, count(text, gw));
	if (logfile_spares_console(gw->logfile))
		show_summary(gw);
	logfile_hush(gw->logfile, false);
	startup_notify(gw);
}

void
startup_look(struct gateway *gw)
{
	const struct member *m;

	if (gw->summary_shown || !gw->front_said_hello ||
	    gw->phase != GATEWAY_RUNS)
		return;
	TAILQ_FOREACH (m, roster_members(gw->roster), link) {
		if (m->part == PART_SERVING && !service_is_settled(m->service))
			return;
	}
	finish(gw);
}

void
startup_give_up_waiting(struct gateway *gw)
{
	if (!gw->summary_shown && gw->phase == GATEWAY_RUNS)
		finish(gw);
}

void
startup_front_is_there(struct gateway *gw)
{
	if (gw->front_said_hello)
		return;
	gw->front_said_hello = true;
	if (gw->source.up != NULL)
		gw->source.up(gw->source.arg);
	startup_notify(gw);
	startup_look(gw);
}

void
startup_tell(struct gateway *gw, enum log_level level, const char *text)
{
	if (gw->summary_shown)
		log_record(level, text);
	else
		logfile_quiet(gw->logfile, level, text);
}

/*
 * What children have to say below a warning is for the log: the console shows
 * what became of a backend.  Until the summary is there even what a worker
 * complains of is, because the summary shows the reason.
 */
void
startup_record(
    struct gateway *gw, enum role role, enum log_level level, const char *text)
{
	if (level < LOG_LEVEL_WARNING ||
	    (!gw->summary_shown && role != ROLE_FRONT))
		logfile_quiet(gw->logfile, level, text);
	else
		log_record(level, text);
}
