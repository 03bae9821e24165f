/* logline.c: one log record as one line. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "logline.h"

/* "backend " and the longest name of one. */
#define SUBJECT_MAX 128

#define PROGRAM "mcp-gatewayd"

/* Upper case, as in the file's name and in its lines. */
const char *
logline_level(enum log_level level)
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

/* The severity of RFC 5424, 6.2.1. */
static int
level_severity(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_DEBUG:
		return LOG_DEBUG;
	case LOG_LEVEL_INFO:
		return LOG_INFO;
	case LOG_LEVEL_WARNING:
		return LOG_WARNING;
	case LOG_LEVEL_ERROR:
		return LOG_ERR;
	case LOG_LEVEL_CRITICAL:
		return LOG_CRIT;
	}
	return LOG_INFO;
}

/* A record in its two parts. */
struct parts {
	const char *subject;
	size_t subject_len;
	const char *rest;
};

/* "backend bash" and "ready" of "backend bash: ready"; a text that names no
 * subject is about the gateway. */
static void
split(struct parts *ret, const char *text)
{
	const char *end = strstr(text, ": ");

	*ret = (struct parts){ "gateway", sizeof("gateway") - 1, text };
	if (end == NULL || end == text || end - text > SUBJECT_MAX)
		return;
	for (const char *p = text; p < end; p++) {
		if (!isalnum((unsigned char)*p) && (*p & 0x80) == 0 &&
		    strchr(" _-./@", *p) == NULL)
			return;
	}
	*ret = (struct parts){ text, (size_t)(end - text), end + 2 };
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
logline_text(char *dst, size_t size, const struct logline *line)
{
	struct parts parts;
	struct tm when;
	size_t len;

	split(&parts, line->text);
	(void)localtime_r(&line->when.tv_sec, &when);
	len = strftime(dst, size, "%Y-%m-%d %H:%M:%S", &when);
	len += written(snprintf(dst + len, size - len, " - %.*s - %s - %s\n",
			   (int)parts.subject_len, parts.subject,
			   logline_level(line->level), parts.rest),
	    size - len);
	return end_line(dst, len, size);
}

/* The text has no control characters, so that only two need a backslash
 * (RFC 8259, 7). */
static size_t
put_json(char *dst, const char *text, size_t n)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		if (text[i] == '"' || text[i] == '\\')
			dst[len++] = '\\';
		dst[len++] = text[i];
	}
	return len;
}

size_t
logline_json(char dst[LOGLINE_MAX], const struct logline *line)
{
	struct parts parts;
	struct tm when;
	size_t len;

	split(&parts, line->text);
	(void)gmtime_r(&line->when.tv_sec, &when);
	len =
	    strftime(dst, LOGLINE_MAX, "{\"time\":\"%Y-%m-%dT%H:%M:%S", &when);
	len += written(
	    snprintf(dst + len, LOGLINE_MAX - len,
		".%03ldZ\",\"level\":\"%s\",\"subject\":\"",
		line->when.tv_nsec / 1000000, log_level_name(line->level)),
	    LOGLINE_MAX - len);
	len += put_json(dst + len, parts.subject, parts.subject_len);
	len += strlcpy(dst + len, "\",\"text\":\"", LOGLINE_MAX - len);
	len +=
	    put_json(dst + len, parts.rest, strnlen(parts.rest, MSG_LOG_MAX));
	len += strlcpy(dst + len, "\"}\n", LOGLINE_MAX - len);
	return len;
}

size_t
logline_console(char *dst, size_t size, const struct logline *line,
    bool terminal, bool colour)
{
	const char *on = colour ? level_colour(line->level) : "";
	struct tm when;
	size_t len;

	(void)localtime_r(&line->when.tv_sec, &when);
	len = strftime(
	    dst, size, terminal ? "%H:%M:%S " : "%Y-%m-%d %H:%M:%S ", &when);
	len += written(
	    snprintf(dst + len, size - len, "%s%-8s %s%s\n", on,
		logline_level(line->level), line->text, on[0] ? "\033[0m" : ""),
	    size - len);
	return end_line(dst, len, size);
}

size_t
logline_journal(char *dst, size_t size, const struct logline *line)
{
	size_t len = written(snprintf(dst, size, "<%d>%s\n",
				 level_severity(line->level), line->text),
	    size);

	return end_line(dst, len, size);
}

size_t
logline_syslog(
    char *dst, size_t size, const struct logline *line, const char *body)
{
	struct tm when;
	size_t len;

	(void)localtime_r(&line->when.tv_sec, &when);
	len = written(snprintf(dst, size, "<%d>",
			  LOG_DAEMON | level_severity(line->level)),
	    size);
	len += strftime(dst + len, size - len, "%b %e %H:%M:%S", &when);
	len += written(snprintf(dst + len, size - len, " " PROGRAM "[%d]: %s",
			   (int)getpid(), body),
	    size - len);
	return len;
}
