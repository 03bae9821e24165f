/* command.h: one shell command, from its start to the end of its group. */
#ifndef SERVERS_COMMAND_H
#define SERVERS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/buf.h"

struct command;
struct event_base;

struct command_limits {
	uint32_t timeout_ms; /* from the start to SIGTERM */
	size_t max_output;   /* bytes kept of each stream */
};

/* Between SIGTERM and SIGKILL, in milliseconds. */
#define COMMAND_GRACE_MS 2000

struct command_stream {
	struct buf kept;
	uint64_t total; /* bytes that came; more than kept when it was cut */
};

struct command_report {
	int wait_status; /* as of waitpid(2) */
	bool timed_out;
	struct command_stream out;
	struct command_stream err;
};

/*
 * Run `bash -c text` in a session of its own with /dev/null as standard input.
 * done is called once, from the loop, when the shell itself has ended: what it
 * left in the pipes has been read, everything left in its process group has
 * been killed, and the command is freed when done returns.  A background
 * process that keeps an output open therefore delays nothing.  arg is borrowed
 * until then, text only for the call.  NULL with errno when it cannot start.
 */
struct command *command_start(struct event_base *base, const char *text,
    const struct command_limits *limits,
    void (*done)(void *arg, const struct command_report *report), void *arg);

/* SIGTERM to the group now, SIGKILL after grace_ms; done still follows. */
void command_stop(struct command *command, uint32_t grace_ms);

#endif
