/* logfile.c: where log records end. */
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "logfile.h"
#include "logline.h"
#include "proto/msg.h"
#include "refusal.h"
#include "syslog_socket.h"

/* Runs that start within one second get numbers; nobody starts a hundred. */
#define SAME_SECOND_MAX 100

struct logfile {
	enum config_log target;
	enum config_log_format format;
	enum log_level level;
	char *dir;                    /* of a file */
	char *path;                   /* of the file, or what stands for it */
	int fd;                       /* -1: no file */
	struct syslog_socket *syslog; /* or NULL */
	struct console *console;      /* borrowed, or NULL */
	bool hush;
	bool torn;          /* the file ends in the middle of a record */
	unsigned long lost; /* records that found no room */
	int lost_errno;
};

/* The bytes that were written; fewer than len with errno. */
static size_t
write_line(int fd, const char *line, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = write(fd, line + done, len - done);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done;
}

/* 0, or -1 with errno. */
static int
file_record(struct logfile *lf, const struct logline *record)
{
	char line[1 + LOGLINE_MAX] = "\n";
	size_t at = lf->torn ? 1 : 0, len = at, done;

	if (lf->format == CONFIG_LOG_JSON)
		len += logline_json(line + at, record);
	else
		len += logline_text(line + at, LOGLINE_MAX, record);
	done = write_line(lf->fd, line, len);
	if (done > 0)
		lf->torn = line[done - 1] != '\n';
	return done == len ? 0 : -1;
}

/* 0, or -1 with errno. */
static int
syslog_record(struct logfile *lf, const struct logline *record)
{
	char body[LOGLINE_MAX], line[LOGLINE_MAX];
	const char *text = record->text;
	size_t len;

	if (lf->format == CONFIG_LOG_JSON) {
		len = logline_json(body, record);
		body[len - 1] = '\0'; /* a datagram needs no line feed */
		text = body;
	}
	len = logline_syslog(line, sizeof(line), record, text);
	return syslog_socket_send(lf->syslog, line, len);
}

/* The console as the log.  A program that reads it wants the log's format, a
 * person another one.  0, or -1 with errno when it, or one that waited, found
 * no room. */
static int
console_record(struct logfile *lf, const struct logline *record)
{
	char line[LOGLINE_MAX];
	unsigned long dropped;
	size_t len;

	if (lf->console == NULL)
		return 0;
	if (lf->format == CONFIG_LOG_JSON)
		len = logline_json(line, record);
	else if (console_is_journal(lf->console))
		len = logline_journal(line, sizeof(line), record);
	else if (console_is_terminal(lf->console))
		len = logline_console(line, sizeof(line), record, true,
		    console_has_colour(lf->console));
	else
		len = logline_text(line, sizeof(line), record);
	dropped = console_dropped(lf->console);
	console_write(lf->console, line, len);
	if (console_dropped(lf->console) == dropped)
		return 0;
	errno = ENOBUFS;
	return -1;
}

/* To where the configuration says; 0, or -1 with errno. */
static int
put_record(struct logfile *lf, const struct logline *record)
{
	switch (lf->target) {
	case CONFIG_LOG_FILE:
		return file_record(lf, record);
	case CONFIG_LOG_SYSLOG:
		return syslog_record(lf, record);
	case CONFIG_LOG_NONE:
		return console_record(lf, record);
	}
	return 0;
}

static void
keep_record(struct logfile *lf, const struct logline *record)
{
	if (put_record(lf, record) == -1) {
		lf->lost++;
		lf->lost_errno = errno;
	}
}

static const char *
target_name(enum config_log target)
{
	switch (target) {
	case CONFIG_LOG_FILE:
		return "log file";
	case CONFIG_LOG_SYSLOG:
		return "syslog";
	case CONFIG_LOG_NONE:
		return "console";
	}
	return "log";
}

/* Say what was lost before the first record that has room again. */
static void
report_lost(struct logfile *lf, const struct timespec *when)
{
	struct logline record = { .when = *when, .level = LOG_LEVEL_WARNING };
	char text[160];

	if (lf->lost == 0)
		return;
	(void)snprintf(text, sizeof(text),
	    "%s: %lu records before this one were lost: %s",
	    target_name(lf->target), lf->lost, strerror(lf->lost_errno));
	record.text = text;
	/* The report itself may find no room. */
	if (put_record(lf, &record) == 0)
		lf->lost = 0;
}

/* What people see besides. */
static void
show_record(struct logfile *lf, const struct logline *record)
{
	char line[LOGLINE_MAX];
	size_t len;

	if (lf->console == NULL || lf->target == CONFIG_LOG_NONE ||
	    record->level < (lf->hush ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO))
		return;
	if (console_is_journal(lf->console))
		len = logline_journal(line, sizeof(line), record);
	else
		len = logline_console(line, sizeof(line), record,
		    console_is_terminal(lf->console),
		    console_has_colour(lf->console));
	console_write(lf->console, line, len);
}

static void
write_record(
    struct logfile *lf, enum log_level level, const char *text, bool show)
{
	struct logline record = { .level = level, .text = text };

	(void)clock_gettime(CLOCK_REALTIME, &record.when);
	if (level >= lf->level) {
		report_lost(lf, &record.when);
		keep_record(lf, &record);
	}
	if (show)
		show_record(lf, &record);
}

void
logfile_sink(void *arg, enum log_level level, const char *text)
{
	write_record(arg, level, text, true);
}

void
logfile_quiet(struct logfile *lf, enum log_level level, const char *text)
{
	char line[MSG_LOG_MAX];

	/* It did not come by log_record(), which does the same. */
	write_record(lf, level,
	    log_escape(line, sizeof(line), text, strlen(text)), false);
}

void
logfile_hush(struct logfile *lf, bool hush)
{
	lf->hush = hush;
}

void
logfile_set_level(struct logfile *lf, enum log_level level)
{
	lf->level = level;
}

enum log_level
logfile_level(const struct logfile *lf)
{
	if (lf->target == CONFIG_LOG_NONE || lf->level < LOG_LEVEL_INFO)
		return lf->level;
	return LOG_LEVEL_INFO;
}

bool
logfile_spares_console(const struct logfile *lf)
{
	return lf->target != CONFIG_LOG_NONE;
}

const char *
logfile_path(const struct logfile *lf)
{
	return lf->path;
}

/*
 * The folder, made where it is missing.  root's is no link: it may lie in a
 * folder of another user, who could point it at any folder of the system.
 */
static int
open_folder(const char *dir)
{
	bool root = geteuid() == 0;
	char path[PATH_MAX];
	size_t len = strlcpy(path, dir, sizeof(path));
	struct stat st;

	if (len >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	while (len > 1 && path[len - 1] == '/') /* would follow a link */
		path[--len] = '\0';
	/* root's log is for root and, where an administrator says so by
	 * changing its group, for others. */
	if (mkdir(path, root ? 0750 : 0700) == -1 && errno != EEXIST)
		return -1;
	if (root && lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
		errno = ELOOP; /* what open(2) says is not as clear */
		return -1;
	}
	return open(
	    path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (root ? O_NOFOLLOW : 0));
}

/* A new file in the folder: never one that is there, and never through a link.
 * 0, or -1 with errno. */
static int
create_file(struct logfile *lf, int folder)
{
	time_t now = time(NULL);
	struct tm when;
	char stamp[32], suffix[16] = "";

	(void)localtime_r(&now, &when);
	(void)strftime(stamp, sizeof(stamp), "%Y%m%d_%H%M%S", &when);
	for (int i = 2; i < SAME_SECOND_MAX; i++) {
		if (asprintf(&lf->path, "%s/log_%s_%s%s.log", lf->dir, stamp,
			logline_level(lf->level), suffix) == -1) {
			lf->path = NULL;
			return -1;
		}
		lf->fd = openat(folder, lf->path + strlen(lf->dir) + 1,
		    O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW |
			O_CLOEXEC,
		    0600);
		if (lf->fd != -1 || errno != EEXIST)
			return lf->fd == -1 ? -1 : 0;
		free(lf->path);
		lf->path = NULL;
		(void)snprintf(suffix, sizeof(suffix), "_%d", i);
	}
	return -1;
}

/* The file by its path, whoever made it; -1 with errno. */
static int
open_file(const struct logfile *lf, int folder)
{
	struct stat st;
	int fd;

	/* A FIFO in its place would make us wait for a reader. */
	fd = openat(folder, lf->path + strlen(lf->dir) + 1,
	    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
	    0600);
	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	(void)close(fd);
	errno = EINVAL; /* no file at all */
	return -1;
}

static int
reopen_file(struct logfile *lf)
{
	int folder = open_folder(lf->dir), fd, saved;

	if (folder == -1)
		return -1;
	fd = open_file(lf, folder);
	saved = errno;
	(void)close(folder);
	errno = saved;
	if (fd == -1)
		return -1;
	(void)close(lf->fd);
	lf->fd = fd;
	lf->torn = false;
	return 0;
}

int
logfile_reopen(struct logfile *lf)
{
	if (lf->target == CONFIG_LOG_SYSLOG)
		syslog_socket_reconnect(lf->syslog);
	if (lf->target != CONFIG_LOG_FILE)
		return 0;
	if (reopen_file(lf) == -1) {
		log_error("log file: cannot open %s again: %s; the old file "
			  "stays in use",
		    log_str(lf->path, strlen(lf->path)), strerror(errno));
		return -1;
	}
	return 0;
}

/* 0, or -1 with *error as logfile_open() says. */
static int
open_target_file(struct logfile *lf, char **error)
{
	int folder = open_folder(lf->dir), result = -1, saved;

	if (folder != -1)
		result = create_file(lf, folder);
	saved = errno;
	if (folder != -1)
		(void)close(folder);
	if (result == 0)
		return 0;
	return refuse(error,
	    "cannot write logs in folder \"%s\": %s; %s or set \"log_dir\" in "
	    "the configuration",
	    lf->dir,
	    saved == ELOOP ? "it is a link, which root does not follow here"
			   : strerror(saved),
	    saved == ELOOP ? "make it a folder" : "make it writable");
}

static int
open_target(struct logfile *lf, char **error)
{
	switch (lf->target) {
	case CONFIG_LOG_FILE:
		return open_target_file(lf, error);
	case CONFIG_LOG_SYSLOG:
		lf->path = strdup("syslog");
		lf->syslog = syslog_socket_new(SYSLOG_SOCKET_PATH);
		return lf->path != NULL && lf->syslog != NULL ? 0 : -1;
	case CONFIG_LOG_NONE:
		lf->path = strdup("none");
		return lf->path != NULL ? 0 : -1;
	}
	return -1;
}

struct logfile *
logfile_open(const struct config *config, struct console *console, char **error)
{
	struct logfile *lf = calloc(1, sizeof(*lf));

	*error = NULL;
	if (lf == NULL)
		return NULL;
	lf->fd = -1;
	lf->target = config->log;
	lf->format = config->log_format;
	lf->level = config->log_level;
	lf->console = console;
	if ((lf->dir = strdup(config->log_dir)) == NULL ||
	    open_target(lf, error) == -1)
		logfile_close(&lf);
	return lf;
}

void
logfile_close(struct logfile **logfile)
{
	struct logfile *lf = *logfile;

	if (lf == NULL)
		return;
	if (lf->fd != -1)
		(void)close(lf->fd);
	syslog_socket_free(&lf->syslog);
	free(lf->dir);
	free(lf->path);
	free(lf);
	*logfile = NULL;
}
