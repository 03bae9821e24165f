/* daemon.c: a process of its own, whose start is waited for. */
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"
#include "proto/buf.h"
#include "proto/clock.h"

/*
 * Through the pipe goes what the console shows, then a NUL, the exit status as
 * a digit, a text, and a NUL.
 */

/* What is kept of each text: a screen is 2 KiB. */
#define TEXT_MAX ((size_t)64 << 10)

/* A caller that is stopped and does not read does not hold the daemon up. */
#define REPORT_WAIT_MS 1000

/* ---- the daemon's side ---- */

/* 0, or -1 with errno. */
static int
put_null(int fd, int flags)
{
	int null = open("/dev/null", flags | O_CLOEXEC), result;

	if (null == -1)
		return -1;
	result = dup2(null, fd);
	if (null != fd)
		(void)close(null);
	return result == -1 ? -1 : 0;
}

/* Let go of everything of the caller's; to is the pipe.  0, or -1 with errno.
 */
static int
let_go(int to)
{
	(void)umask(027);
	if (chdir("/") == -1 || put_null(STDIN_FILENO, O_RDONLY) == -1 ||
	    put_null(STDERR_FILENO, O_RDWR) == -1)
		return -1;
	return dup2(to, STDOUT_FILENO) == -1 ? -1 : 0;
}

/* The first child: what it starts can never get a terminal again.  Returns in
 * the daemon. */
static void
become(int to)
{
	pid_t pid;

	if (setsid() == -1 || (pid = fork()) == -1)
		_exit(EXIT_FAILURE);
	if (pid > 0)
		_exit(EXIT_SUCCESS);
	if (let_go(to) == -1)
		_exit(EXIT_FAILURE);
	(void)close(to);
}

pid_t
daemon_fork(int *from)
{
	int ends[2], status, saved;
	pid_t pid;

	/* Nothing that is buffered may be written twice. */
	(void)fflush(NULL);
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) == -1)
		return -1;
	if ((pid = fork()) == -1) {
		saved = errno;
		(void)close(ends[0]);
		(void)close(ends[1]);
		errno = saved;
		return -1;
	}
	if (pid == 0) {
		(void)close(ends[0]);
		become(ends[1]);
		return 0;
	}
	(void)close(ends[1]);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	*from = ends[0];
	return pid;
}

/* 0, or -1 when nobody reads. */
static int
write_all(const char *bytes, size_t len)
{
	struct pollfd pfd = { .fd = STDOUT_FILENO, .events = POLLOUT };
	ssize_t n;

	while (len > 0) {
		n = write(STDOUT_FILENO, bytes, len);
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		} else if (n == -1 && errno == EAGAIN) {
			if (poll(&pfd, 1, REPORT_WAIT_MS) == 0)
				return -1;
		} else if (n == 0 || errno != EINTR) {
			return -1;
		}
	}
	return 0;
}

static int
report(int status, const char *text)
{
	char head[2] = { '\0', (char)('0' + status) };
	int result = write_all(head, sizeof(head));

	if (result == 0)
		result = write_all(text, strlen(text) + 1);
	(void)put_null(STDOUT_FILENO, O_RDWR);
	return result;
}

int
daemon_up(void)
{
	return report(0, "");
}

void
daemon_failed(int status, const char *text)
{
	(void)report(status, text);
}

/* ---- the caller's side ---- */

struct report {
	struct buf printed;
	struct buf reason;
	int nuls;   /* so far */
	int status; /* -1: not known yet */
};

static void
keep(struct buf *text, char c)
{
	if (buf_len(text) < TEXT_MAX)
		(void)buf_add(text, &c, 1);
}

/* True when the report is complete. */
static bool
take(struct report *r, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\0')
			r->nuls++;
		else if (r->nuls == 0)
			keep(&r->printed, bytes[i]);
		else if (r->status == -1)
			r->status = bytes[i] - '0';
		else
			keep(&r->reason, bytes[i]);
		if (r->nuls == 2)
			return true;
	}
	return false;
}

/* True when the report is complete; else *late says whether there was no time
 * left. */
static bool
read_report(struct report *r, int from, int timeout_ms, bool *late)
{
	uint64_t end = mono_ms() + (uint64_t)timeout_ms, now;
	struct pollfd pfd = { .fd = from, .events = POLLIN };
	char bytes[4096];
	ssize_t n;

	*late = false;
	for (;;) {
		n = read(from, bytes, sizeof(bytes));
		if (n > 0) {
			if (take(r, bytes, (size_t)n))
				return true;
		} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			return false;
		} else if ((now = mono_ms()) >= end) {
			*late = true;
			return false;
		} else {
			(void)poll(&pfd, 1, (int)(end - now));
		}
	}
}

static void
print(FILE *file, const struct buf *text)
{
	if (buf_len(text) > 0)
		(void)fwrite(buf_data(text), 1, buf_len(text), file);
}

int
daemon_wait(pid_t group, int from, int timeout_ms)
{
	struct report r = { .status = -1 };
	bool late, complete = read_report(&r, from, timeout_ms, &late);
	int status = complete ? r.status : EXIT_FAILURE;

	print(status == EXIT_SUCCESS ? stdout : stderr, &r.printed);
	if (complete && buf_len(&r.reason) > 0) {
		(void)fputs("mcp-gatewayd: ", stderr);
		print(stderr, &r.reason);
		(void)fputc('\n', stderr);
	}
	if (late) {
		(void)kill(-group, SIGTERM);
		(void)fprintf(stderr,
		    "mcp-gatewayd: the daemon did not serve within %d s and "
		    "was stopped; its log may say why\n",
		    timeout_ms / 1000);
	} else if (!complete) {
		(void)fputs("mcp-gatewayd: the daemon ended before it served; "
			    "its log may say why\n",
		    stderr);
	}
	(void)close(from);
	buf_free(&r.printed);
	buf_free(&r.reason);
	return status;
}
