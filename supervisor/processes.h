/*
 * processes.h: the table of our processes and one entry of it, for process.c
 * and processes.c; all others include process.h.
 */
#ifndef SUPERVISOR_PROCESSES_H
#define SUPERVISOR_PROCESSES_H

#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>

#include "budget.h"
#include "process.h"
#include "proto/chan.h"
#include "proto/loop.h"
#include "watch.h"

struct event;
struct strays;

/* A killed process is gone in a few milliseconds.  What is not gone after two
 * seconds is not ours to kill (it runs as another user) or hangs in the
 * kernel. */
#define SWEEP_EVERY_MS   10
#define SWEEP_ROUNDS_MAX 200
/* The list may miss one while others come and go: see children.h. */
#define SWEEP_EMPTY_ROUNDS 2

struct process {
	LIST_ENTRY(process) link;
	struct processes *table;
	enum role role;
	char *subject;
	pid_t pid;
	struct chan *chan; /* NULL once closed */
	const struct process_handlers *handlers;
	void *arg;
	struct event *timer; /* for end of file, for the sweep */
	struct deferred finish;
	int status;
	bool hello;
	bool alive; /* it answered a PING */
	bool reaped;
	bool obituary;
	const char *killed;
	struct watch watch;
	unsigned int pong;     /* flags of the last PONG */
	struct budget budget;  /* of its records */
	struct budget frames;  /* of ours, about other frames */
	unsigned long dropped; /* records, not yet said */
	unsigned int rounds;   /* of the sweep */
	unsigned int empty_rounds;
};

struct processes {
	struct loop *loop;
	LIST_HEAD(, process) list;
	size_t count;
	void (*idle)(void *arg);
	void *idle_arg;
	process_recorder record;
	void *record_arg;
	char *bindir;
	char *path[PROGRAM_COUNT]; /* of those that were found */
	struct event *sigchld;
	struct event *tick;
	int level;    /* enum log_level; -1: what SETUP says */
	rlim_t files; /* descriptors that all but the front may have */
	int null;     /* /dev/null */
	int errors;   /* where children may complain; borrowed */
	struct strays *strays;
};

/* It was waited for: what becomes of it is settled. */
void process_reaped(struct process *process, int status);

/* Ask whether it is still there, and kill it when it has not answered, or said
 * no HELLO for as long. */
void process_ping(struct process *process);

/* Tell it the level of the table, if there is one. */
void process_send_level(struct process *process);

/* Take it off the table and free it. */
void process_free(struct process **process);

/* Wait for all that have ended. */
void processes_reap(struct processes *processes);

/* Kill what fell to us and is no process of the table.  How many there were;
 * -1 with errno when /proc cannot be read. */
int processes_kill_strays(struct processes *processes);

/* One tick of the watch over all of them; see watch.h. */
void processes_tick(struct processes *processes);

#endif
