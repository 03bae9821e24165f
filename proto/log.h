/*
 * log.h: log records.  One event is one line, subject first:
 * "backend github: ready in 0.41 s, 23 tools".  Never tokens, header values or
 * tool arguments; bytes of peers go through log_str().
 */
#ifndef PROTO_LOG_H
#define PROTO_LOG_H

#include <stddef.h>

enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_ERROR,
	LOG_LEVEL_CRITICAL,
};

/* text is one line without its end, already escaped. */
typedef void (*log_sink)(void *arg, enum log_level level, const char *text);

/* Where records go from now on; until then, to standard error. */
void log_set_sink(log_sink sink, void *arg);

/* Records below this level are dropped; LOG_LEVEL_INFO at first. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* "debug", "info", …; -1 when the name is none of them. */
int log_level_find(const char *name);
const char *log_level_name(enum log_level level);

void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_critical(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
/* A record whose text came from somewhere else. */
void log_record(enum log_level level, const char *text);

/* A peer's bytes are cut to this many in a record. */
#define LOG_STR_MAX 256

/*
 * n bytes of a peer, made fit for a log line: printable UTF-8 stays, everything
 * else (controls, ESC, invalid bytes, bidi and zero-width characters) becomes
 * \xNN or \u{N}; cut at LOG_STR_MAX with "…".  The result is one of eight
 * buffers used in turn.
 */
const char *log_str(const char *bytes, size_t n);

/* The same into dst[0..cap), for longer texts; returns dst. */
const char *log_escape(char *dst, size_t cap, const char *bytes, size_t n);

#endif
