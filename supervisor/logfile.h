/*
 * logfile.h: where log records end: the console, and one file per run or
 * syslog.  A full disk or a syslog that does not listen never stops the
 * service: what is lost is counted, and said as soon as there is room again.
 */
#ifndef SUPERVISOR_LOGFILE_H
#define SUPERVISOR_LOGFILE_H

#include <stdbool.h>

#include "config.h"
#include "console.h"
#include "proto/log.h"

struct logfile;

/*
 * Open the log that the configuration asks for (log, log_format, log_level,
 * log_dir).  For a file: make log_dir where it is missing (its parent must be
 * there) and in it a new file log_YYYYMMDD_HHMMSS_LEVEL.log that only we may
 * read.  Records of the level and above go there, info and above to the console
 * (borrowed, may be NULL).  With CONFIG_LOG_NONE the console is the log: it
 * gets what the file would have got, in the same format.  NULL with *error, the
 * caller's, which names the path, the reason and a remedy.
 */
struct logfile *logfile_open(
    const struct config *config, struct console *console, char **error);
void logfile_close(struct logfile **logfile);

/*
 * Open the file by its path again: whoever rotates logs has renamed it.  -1,
 * with an error in the log, when that fails: the old file stays in use.
 * For syslog: connect again.
 */
int logfile_reopen(struct logfile *logfile);

/* Keep records of this level and above from now on; the file keeps its name. */
void logfile_set_level(struct logfile *logfile, enum log_level level);

/* The file's path as log_dir was given, or "syslog", or "none". */
const char *logfile_path(const struct logfile *logfile);

/* The console is not the log: lines for people may be put there. */
bool logfile_spares_console(const struct logfile *logfile);

/* A log_sink; arg is the struct logfile. */
void logfile_sink(void *arg, enum log_level level, const char *text);

/*
 * Keep records below warning off the console while it shows something better.
 */
void logfile_hush(struct logfile *logfile, bool hush);

/* A record for the log only: the console shows it in another shape. */
void logfile_quiet(
    struct logfile *logfile, enum log_level level, const char *text);

/* The least level that the log or the console wants. */
enum log_level logfile_level(const struct logfile *logfile);

#endif
