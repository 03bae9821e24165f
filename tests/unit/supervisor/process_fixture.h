/*
 * process_fixture.h: for tests of process.c: children that are shell scripts
 * which write prepared frames to their channel.
 */
#ifndef TEST_PROCESS_FIXTURE_H
#define TEST_PROCESS_FIXTURE_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "processes.h"
#include "proto/frame.h"

#define PATIENCE_S 30
#define HELLO      "{\"role\":\"worker\",\"version\":\"" MCPGW_VERSION "\"}"

struct fixture {
	char dir[32];
	struct loop *loop;
	struct processes *processes;
	struct process *process;
	bool hello;
	unsigned int frames;
	bool refuse; /* the owner finds every frame wrong */
	bool gone;
	int status;
	bool killed;
	char why[LOG_STR_MAX];
	bool obituary;
	char log[1024];
};

static void __attribute__((unused)) on_hello(void *arg)
{
	struct fixture *f = arg;

	f->hello = true;
}

static bool __attribute__((unused))
on_frame(void *arg, const struct frame *frame, const char *payload)
{
	struct fixture *f = arg;

	(void)frame;
	(void)payload;
	f->frames++;
	return !f->refuse;
}

static void __attribute__((unused))
on_gone(void *arg, const struct process_end *end)
{
	struct fixture *f = arg;

	assert_false(f->gone);
	f->gone = true;
	f->process = NULL;
	f->status = end->status;
	f->killed = end->killed != NULL;
	(void)process_end_text(end, f->why, sizeof(f->why));
	f->obituary = end->said_obituary;
	loop_stop(f->loop);
}

static const struct process_handlers handlers = {
	.hello = on_hello, .frame = on_frame, .gone = on_gone
};

static void __attribute__((unused))
on_record(void *arg, enum role role, enum log_level level, const char *text)
{
	struct fixture *f = arg;

	(void)role;
	(void)level;
	(void)strlcat(f->log, text, sizeof(f->log));
	(void)strlcat(f->log, "\n", sizeof(f->log));
}

static void __attribute__((unused))
path_of(const struct fixture *f, const char *name, char dst[64])
{
	(void)snprintf(dst, 64, "%s/%s", f->dir, name);
}

static void __attribute__((unused)) write_file(
    const struct fixture *f, const char *name, const void *bytes, size_t n)
{
	char path[64];
	FILE *file;

	path_of(f, name, path);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0700), 0);
}

/* Append a frame to a file. */
static void __attribute__((unused)) add_frame(const struct fixture *f,
    const char *name, enum msg_type type, unsigned int flags, const char *json)
{
	const struct frame frame = { .length = (uint32_t)strlen(json),
		.type = (uint16_t)type,
		.flags = (uint16_t)flags };
	unsigned char head[FRAME_HEADER_LEN];
	char path[64];
	FILE *file;

	frame_encode(head, &frame);
	path_of(f, name, path);
	file = fopen(path, "a");
	assert_non_null(file);
	assert_int_equal(fwrite(head, 1, sizeof(head), file), sizeof(head));
	assert_int_equal(fwrite(json, 1, strlen(json), file), strlen(json));
	assert_int_equal(fclose(file), 0);
}

/* To the file that the child sends when it starts. */
static void __attribute__((unused)) will_send(const struct fixture *f,
    enum msg_type type, unsigned int flags, const char *json)
{
	add_frame(f, "frames", type, flags, json);
}

/* To a file that it may send from. */
static void __attribute__((unused)) will_send_later(const struct fixture *f,
    enum msg_type type, unsigned int flags, const char *json)
{
	add_frame(f, "later", type, flags, json);
}

static const char *const names[] = { "mcp-gateway-front", "mcp-gateway-worker",
	"mcp-gateway-reaper", "frames", "later" };

static int __attribute__((unused)) set_up(void **state)
{
	static const char nothing[] = "#!/bin/sh\nexit 1\n";
	struct fixture *f = calloc(1, sizeof(*f));
	char *error = NULL;

	(void)strlcpy(f->dir, "/tmp/test_process.XXXXXX", sizeof(f->dir));
	assert_non_null(mkdtemp(f->dir));
	for (size_t i = 0; i < 3; i++)
		write_file(f, names[i], nothing, sizeof(nothing) - 1);
	f->loop = loop_new(false);
	f->processes = processes_new(f->loop, f->dir, &error);
	if (f->processes == NULL)
		fail_msg("%s", error);
	processes_on_record(f->processes, on_record, f);
	(void)alarm(PATIENCE_S);
	*state = f;
	return 0;
}

static int __attribute__((unused)) tear_down(void **state)
{
	struct fixture *f = *state;
	char path[64];

	(void)alarm(0);
	processes_free(&f->processes);
	loop_free(&f->loop);
	for (size_t i = 0; i < 5; i++) {
		path_of(f, names[i], path);
		(void)unlink(path);
	}
	(void)rmdir(f->dir);
	free(f);
	return 0;
}

/* The child sends its frames and does this. */
static void __attribute__((unused)) start(struct fixture *f, const char *then)
{
	char script[256];
	int n;

	n = snprintf(script, sizeof(script),
	    "#!/bin/sh\n[ -f %s/frames ] && cat %s/frames >&3\n%s\n", f->dir,
	    f->dir, then);
	write_file(f, "mcp-gateway-worker", script, (size_t)n);
	f->process = process_start(
	    f->processes, PROGRAM_WORKER, "worker x", NULL, &handlers, f);
	assert_non_null(f->process);
}

static void __attribute__((unused)) until_gone(struct fixture *f)
{
	while (!f->gone)
		loop_run(f->loop);
	assert_int_equal(processes_count(f->processes), 0);
}

/* Wait for events once, and handle them. */
static void __attribute__((unused)) loop_turn(struct fixture *f)
{
	assert_int_equal(event_base_loop(loop_base(f->loop), EVLOOP_ONCE), 0);
}

static void __attribute__((unused)) until_hello(struct fixture *f)
{
	while (!f->hello)
		loop_turn(f);
}

/* Only a child that is killed ends this. */
#define FOREVER "exec sleep 1000"

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
