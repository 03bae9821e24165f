/*
 * setup.h: the JSON texts of control messages, as ARCHITECTURE.md lists them:
 * what the supervisor tells each child, and what the children report.
 */
#ifndef SUPERVISOR_SETUP_H
#define SUPERVISOR_SETUP_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "proto/log.h"
#include "proto/msg.h"
#include "proto/role.h"

/* Whom a job runs as. */
struct setup_user {
	bool set;         /* else: as the gateway does */
	const char *name; /* whose groups it gets; NULL: none but gid */
	uid_t uid;
	gid_t gid;
};

/* What a job may use; each may be CONFIG_UNLIMITED. */
struct setup_limits {
	uint64_t memory; /* the first three: of its cgroup */
	uint64_t processes;
	uint64_t cpu_percent;
	uint64_t user_processes; /* RLIMIT_NPROC */
	uint64_t open_files;
	uint64_t file_size;
	uint64_t core_size;
};

/* How a job is started; all of it is borrowed. */
struct setup_job {
	char *const *env; /* its whole environment, "NAME=value" */
	struct setup_user user;
	const char *cwd;    /* or NULL: the gateway's */
	const char *home;   /* where it goes when that is closed to it; or NULL
			     */
	const char *tmp;    /* a folder that is made for it; or NULL */
	const char *cgroup; /* or NULL */
	struct setup_limits limits;
};

/*
 * Payloads of SETUP; the caller frees them.  NULL with errno ENOMEM, or E2BIG
 * when a text is longer than a control message may be.
 */
char *setup_front(enum log_level level, const struct role_identity *identity);
/* capabilities: a set of enum mcp_capability, what its clients can. */
char *setup_worker(const struct config_backend *backend, enum log_level level,
    const struct role_identity *identity, unsigned int capabilities);
/* For a backend with a command. */
char *setup_reaper(const struct config_backend *backend, enum log_level level,
    const struct setup_job *job);

/* Payload of LISTEN; local: a Unix socket.  NULL with errno. */
char *setup_listen(const char *address, bool local);

/* Payload of BACKEND; error may be NULL, retry_ms -1.  NULL with errno. */
char *setup_backend(const char *state, const char *error, int64_t retry_ms);

/* Payload of an INSTANCE that there is not; NULL with errno. */
char *setup_no_instance(const char *error);

/* Payload of STOP; NULL with errno. */
char *setup_stop(unsigned int wait_ms, unsigned int term_ms);

/*
 * Judge a HELLO: NULL when it comes from this role and version, otherwise a
 * static text that goes on after "its worker" or "front:" and says what is
 * wrong and, where there is one, the remedy.
 */
const char *setup_check_hello(
    const char *json, size_t len, enum role role, const char *version);

/* What READY says; server is cut and escaped. */
struct setup_ready {
	char revision[32];
	char server[LOG_STR_MAX];
	unsigned int tools;
	unsigned int resources;
	unsigned int templates;
	unsigned int prompts;
};

/* 0, or -1 with errno EINVAL and *ret not set. */
int setup_parse_ready(struct setup_ready *ret, const char *json, size_t len);

/* So many of the last lines say what happened; each is cut at LOG_STR_MAX. */
#define SETUP_LINES_MAX 3
/* All of them: a line of log is not for stories. */
#define SETUP_LINES_SIZE (2 * LOG_STR_MAX)

/* What a worker's OBITUARY says, cut and escaped; both may be empty. */
struct setup_last_words {
	char why[LOG_STR_MAX];
	/* The last SETUP_LINES_MAX that are not empty, the oldest first, with
	 * " | " between them; fewer where they are long. */
	char stderr_lines[SETUP_LINES_SIZE];
};

/* 0, or -1 with errno EINVAL and *ret not set. */
int setup_parse_last_words(
    struct setup_last_words *ret, const char *json, size_t len);

/* How a job ended. */
struct setup_job_end {
	enum {
		SETUP_JOB_EXIT,
		SETUP_JOB_SIGNAL,
		SETUP_JOB_SPAWN,
	} kind;
	int value;              /* status, signal or errno */
	char what[LOG_STR_MAX]; /* of SETUP_JOB_SPAWN: "exec /bin/x" */
	bool no_memory;  /* the kernel killed it, or a part of it, for want of
			    memory */
	uint64_t memory; /* the limit of it, 0: it had none */
};

/* 0, or -1 with errno EINVAL and *ret not set. */
int setup_parse_job_end(
    struct setup_job_end *ret, const char *json, size_t len);

#endif
