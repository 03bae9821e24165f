/* logfile.c: where log records end. */
#include <sys/stat.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "logfile.h"
#include "proto/msg.h"

/* A record, and what we put before it. */
#define LINE_SIZE (MSG_LOG_MAX + 1024)

/* Runs that start within one second get numbers; nobody starts a hundred. */
#define SAME_SECOND_MAX 100

/* "backend " and the longest name of one. */
#define SUBJECT_MAX 128

struct logfile {
	int fd;
	char *path;
	enum log_level level;
	struct console *console;
	bool hush;
	bool torn;          /* the file ends in the middle of a record */
	unsigned long lost; /* records that the file did not take */
	int lost_errno;
};

/* Upper case, as in the file's name and in its lines. */
static const char *
level_text(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_DEBUG:
		return "DEBUG";
	case LOG_LEVEL_INFO:
		return "INFO";
	case LOG_LEVEL_WARNING:
		return "WARNING";
	case LOG_LEVEL_ERROR:
		return "ERROR";
	case LOG_LEVEL_CRITICAL:
		return "CRITICAL";
	}
	return "INFO";
}

static const char *
level_colour(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_DEBUG:
		return "\033[2m";
	case LOG_LEVEL_INFO:
		return "";
	case LOG_LEVEL_WARNING:
		return "\033[33m";
	case LOG_LEVEL_ERROR:
		return "\033[31m";
	case LOG_LEVEL_CRITICAL:
		return "\033[1;31m";
	}
	return "";
}

/* "backend bash" of "backend bash: ready"; 0 when the text names no subject. */
static size_t
subject_length(const char *text)
{
	const char *end = strstr(text, ": ");

	if (end == NULL || end - text > SUBJECT_MAX)
		return 0;
	for (const char *p = text; p < end; p++) {
		if (!isalnum((unsigned char)*p) && (*p & 0x80) == 0 &&
		    strchr(" _-./@", *p) == NULL)
			return 0;
	}
	return (size_t)(end - text);
}

/* What snprintf() returned as the length of what it wrote. */
static size_t
written(int n, size_t size)
{
	if (n < 0)
		return 0;
	return (size_t)n < size ? (size_t)n : size - 1;
}

/* A line that was cut must still end. */
static size_t
end_line(char *dst, size_t len, size_t size)
{
	if (len == size - 1)
		dst[len - 1] = '\n';
	return len;
}

size_t
logfile_line(char *dst, size_t size, const struct tm *when,
    enum log_level level, const char *text)
{
	size_t subject = subject_length(text);
	size_t len = strftime(dst, size, "%Y-%m-%d %H:%M:%S", when);

	len += written(
	    snprintf(dst + len, size - len, " - %.*s - %s - %s\n",
		subject > 0 ? (int)subject : 7, subject > 0 ? text : "gateway",
		level_text(level), subject > 0 ? text + subject + 2 : text),
	    size - len);
	return end_line(dst, len, size);
}

size_t
logfile_console_line(char *dst, size_t size, const struct tm *when,
    enum log_level level, const char *text, bool terminal, bool colour)
{
	size_t len = strftime(
	    dst, size, terminal ? "%H:%M:%S " : "%Y-%m-%d %H:%M:%S ", when);
	const char *on = colour ? level_colour(level) : "";

	len += written(snprintf(dst + len, size - len, "%s%-8s %s%s\n", on,
			   level_text(level), text, on[0] ? "\033[0m" : ""),
	    size - len);
	return end_line(dst, len, size);
}

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

static void
file_record(struct logfile *lf, const struct tm *when, enum log_level level,
    const char *text)
{
	char line[LINE_SIZE] = "\n";
	size_t at = lf->torn ? 1 : 0, done;
	size_t len =
	    at + logfile_line(line + at, sizeof(line) - at, when, level, text);

	done = write_line(lf->fd, line, len);
	if (done > 0)
		lf->torn = line[done - 1] != '\n';
	if (done < len) {
		lf->lost++;
		lf->lost_errno = errno;
	}
}

/* Say what was lost before the first record that has room again. */
static void
file_report_lost(struct logfile *lf, const struct tm *when)
{
	unsigned long lost = lf->lost;
	char text[160];

	if (lost == 0)
		return;
	(void)snprintf(text, sizeof(text),
	    "log file: %lu records before this one were lost: %s", lost,
	    strerror(lf->lost_errno));
	file_record(lf, when, LOG_LEVEL_WARNING, text);
	/* The report itself may have found no room. */
	lf->lost = lf->lost == lost ? 0 : lost;
}

static void
write_record(
    struct logfile *lf, enum log_level level, const char *text, bool to_console)
{
	char line[LINE_SIZE];
	time_t now = time(NULL);
	struct tm when;
	size_t len;

	(void)localtime_r(&now, &when);
	if (level >= lf->level) {
		file_report_lost(lf, &when);
		file_record(lf, &when, level, text);
	}
	if (!to_console || lf->console == NULL ||
	    level < (lf->hush ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO))
		return;
	len = logfile_console_line(line, sizeof(line), &when, level, text,
	    console_is_terminal(lf->console), console_has_colour(lf->console));
	console_write(lf->console, line, len);
}

void
logfile_sink(void *arg, enum log_level level, const char *text)
{
	write_record(arg, level, text, true);
}

void
logfile_quiet(struct logfile *lf, enum log_level level, const char *text)
{
	write_record(lf, level, text, false);
}

void
logfile_hush(struct logfile *lf, bool hush)
{
	lf->hush = hush;
}

enum log_level
logfile_level(const struct logfile *lf)
{
	return lf->level < LOG_LEVEL_INFO ? lf->level : LOG_LEVEL_INFO;
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

/* A new file in folder, which dir names: never one that is there, and never
 * through a link. */
static int
create_file(struct logfile *lf, int folder, const char *dir)
{
	time_t now = time(NULL);
	struct tm when;
	char stamp[32], suffix[16] = "";

	(void)localtime_r(&now, &when);
	(void)strftime(stamp, sizeof(stamp), "%Y%m%d_%H%M%S", &when);
	for (int i = 2; i < SAME_SECOND_MAX; i++) {
		if (asprintf(&lf->path, "%s/log_%s_%s%s.log", dir, stamp,
			level_text(lf->level), suffix) == -1) {
			lf->path = NULL;
			return -1;
		}
		lf->fd = openat(folder, lf->path + strlen(dir) + 1,
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

struct logfile *
logfile_open(const char *dir, enum log_level level, struct console *console,
    char **error)
{
	struct logfile *lf = calloc(1, sizeof(*lf));
	int folder, result = -1, saved;

	*error = NULL;
	if (lf == NULL)
		return NULL;
	lf->fd = -1;
	lf->level = level;
	lf->console = console;
	if ((folder = open_folder(dir)) != -1)
		result = create_file(lf, folder, dir);
	saved = errno;
	if (folder != -1)
		(void)close(folder);
	if (result == -1) {
		if (asprintf(error,
			"cannot write logs in folder \"%s\": %s; %s or set "
			"\"log_dir\" in the configuration",
			dir,
			saved == ELOOP ? "it is a link, which root does not "
					 "follow here"
				       : strerror(saved),
			saved == ELOOP ? "make it a folder"
				       : "make it writable") == -1)
			*error = NULL;
		logfile_close(&lf);
		return NULL;
	}
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
	free(lf->path);
	free(lf);
	*logfile = NULL;
}
