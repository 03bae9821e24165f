/*
 * logfile.h: where log records end: the console and one file per run.  A full
 * disk never stops the service: what is lost is counted, and said as soon as
 * there is room again.
 */
#ifndef SUPERVISOR_LOGFILE_H
#define SUPERVISOR_LOGFILE_H

#include <stdbool.h>
#include <time.h>

#include "console.h"
#include "proto/log.h"

struct logfile;

/*
 * Make dir where it is missing (its parent must be there) and in it a new file
 * log_YYYYMMDD_HHMMSS_LEVEL.log that only we may read.  Records of level and
 * above go to the file, info and above to the console (borrowed, may be NULL).
 * NULL with *error, the caller's, which names the path, the reason and a
 * remedy.
 */
struct logfile *logfile_open(const char *dir, enum log_level level,
    struct console *console, char **error);
void logfile_close(struct logfile **logfile);

/* The file's path, as dir was given. */
const char *logfile_path(const struct logfile *logfile);

/* A log_sink; arg is the struct logfile. */
void logfile_sink(void *arg, enum log_level level, const char *text);

/*
 * Keep records below warning off the console while it shows something better.
 */
void logfile_hush(struct logfile *logfile, bool hush);

/* A record for the file only: the console shows it in another shape. */
void logfile_quiet(
    struct logfile *logfile, enum log_level level, const char *text);

/* The least level that any of the two wants. */
enum log_level logfile_level(const struct logfile *logfile);

/* One line of the file, as logfile_sink() writes it: into dst, its length. */
size_t logfile_line(char *dst, size_t size, const struct tm *when,
    enum log_level level, const char *text);

/* One line of the console. */
size_t logfile_console_line(char *dst, size_t size, const struct tm *when,
    enum log_level level, const char *text, bool terminal, bool colour);

#endif
