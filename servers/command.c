/* command.c: bash in its own session, its pipes, its limits, its end. */
#include "command.h"

#include <sys/pidfd.h>
#include <sys/wait.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <unistd.h>

/* One read: the default size of a pipe. */
#define READ_SIZE ((size_t)64 << 10)

struct stream {
	struct command_stream *to;
	struct event *readable;
	size_t max;
	int fd; /* -1 once it ended */
};

struct command {
	struct event *ended;
	struct event *timer;
	struct stream out;
	struct stream err;
	struct command_report report;
	void (*done)(void *arg, const struct command_report *report);
	void *arg;
	uint32_t grace_ms;
	pid_t pid; /* also of the group and the session */
	int pidfd;
	bool terminated; /* SIGTERM was sent */
};

static void
stream_close(struct stream *stream)
{
	if (stream->readable != NULL)
		event_free(stream->readable);
	stream->readable = NULL;
	if (stream->fd != -1)
		close(stream->fd);
	stream->fd = -1;
}

/* Bytes read, all of them counted and the first of them kept; 0 for none. */
static size_t
stream_read(struct stream *stream)
{
	char bytes[READ_SIZE];
	size_t have = buf_len(&stream->to->kept);
	size_t keep;
	ssize_t n;

	n = read(stream->fd, bytes, sizeof(bytes));
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		stream_close(stream);
		return 0;
	}
	stream->to->total += (uint64_t)n;
	keep = stream->max - have;
	if (keep > (size_t)n)
		keep = (size_t)n;
	/* Without memory the output counts as cut, like one that is too long.
	 */
	if (keep > 0 && buf_add(&stream->to->kept, bytes, keep) == -1)
		stream->max = have;
	return (size_t)n;
}

static void
on_output(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)stream_read(arg);
}

/*
 * Read what is in the pipe now.  What the shell wrote before its end fits the
 * pipe, so that a process which goes on writing cannot hold us.
 */
static void
stream_drain(struct stream *stream)
{
	int capacity = stream->fd == -1 ? 0 : fcntl(stream->fd, F_GETPIPE_SZ);
	size_t left = capacity > 0 ? (size_t)capacity : READ_SIZE;
	size_t n;

	while (left > 0 && stream->fd != -1 && (n = stream_read(stream)) > 0)
		left = n < left ? left - n : 0;
}

static void
command_free(struct command *command)
{
	stream_close(&command->out);
	stream_close(&command->err);
	if (command->ended != NULL)
		event_free(command->ended);
	if (command->timer != NULL)
		event_free(command->timer);
	if (command->pidfd != -1)
		close(command->pidfd);
	buf_free(&command->report.out.kept);
	buf_free(&command->report.err.kept);
	free(command);
}

static void
on_ended(evutil_socket_t fd, short what, void *arg)
{
	struct command *command = arg;

	(void)fd;
	(void)what;
	stream_drain(&command->out);
	stream_drain(&command->err);
	/* The shell is not reaped yet, so the group's number is still its own.
	 */
	(void)kill(-command->pid, SIGKILL);
	(void)waitpid(command->pid, &command->report.wait_status, 0);
	command->done(command->arg, &command->report);
	command_free(command);
}

void
command_stop(struct command *command, uint32_t grace_ms)
{
	struct timeval grace = { .tv_sec = grace_ms / 1000,
		.tv_usec = (suseconds_t)(grace_ms % 1000) * 1000 };

	command->terminated = true;
	(void)kill(-command->pid, SIGTERM);
	event_add(command->timer, &grace);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct command *command = arg;

	(void)fd;
	(void)what;
	if (command->terminated) {
		(void)kill(-command->pid, SIGKILL);
		return;
	}
	command->report.timed_out = true;
	command_stop(command, COMMAND_GRACE_MS);
}

/* Start bash with these pipes; an errno value, 0 for success. */
static int
spawn_bash(pid_t *pid, const char *text, int out, int err)
{
	char *argv[] = { (char[]){ "bash" }, (char[]){ "-c" }, NULL, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t set;
	int error;

	/* execve(2) takes char * but leaves the text alone. */
	argv[2] =
	    (char *)(uintptr_t)text; /* NOLINT(performance-no-int-to-ptr) */
	if ((error = posix_spawn_file_actions_init(&actions)) != 0)
		return error;
	if ((error = posix_spawnattr_init(&attributes)) != 0) {
		posix_spawn_file_actions_destroy(&actions);
		return error;
	}
	sigemptyset(&set);
	(void)posix_spawnattr_setsigmask(&attributes, &set);
	sigfillset(&set);
	(void)posix_spawnattr_setsigdefault(&attributes, &set);
	(void)posix_spawnattr_setflags(&attributes,
	    POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
		POSIX_SPAWN_SETSIGDEF);
	error = posix_spawn_file_actions_addopen(
	    &actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(
		    &actions, out, STDOUT_FILENO);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(
		    &actions, err, STDERR_FILENO);
	if (error == 0)
		error = posix_spawnp(
		    pid, "bash", &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

/* A pipe whose read end does not block; the shell's end does. */
static int
make_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) == -1)
		return -1;
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) == -1) {
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	return 0;
}

/* Start bash, own the read ends and a descriptor of the process. */
static int
command_spawn(struct command *command, const char *text)
{
	int out[2];
	int err[2];
	int error;

	if (make_pipe(out) == -1)
		return -1;
	command->out.fd = out[0];
	if (make_pipe(err) == -1) {
		error = errno;
		close(out[1]);
		errno = error;
		return -1;
	}
	command->err.fd = err[0];
	error = spawn_bash(&command->pid, text, out[1], err[1]);
	close(out[1]);
	close(err[1]);
	if (error != 0) {
		errno = error;
		return -1;
	}
	command->pidfd = pidfd_open(command->pid, 0);
	if (command->pidfd == -1) {
		error = errno;
		(void)kill(-command->pid, SIGKILL);
		(void)waitpid(command->pid, NULL, 0);
		errno = error;
		return -1;
	}
	(void)fcntl(command->pidfd, F_SETFD, FD_CLOEXEC);
	return 0;
}

static int
command_watch(struct command *command, struct event_base *base,
    const struct command_limits *limits)
{
	struct timeval timeout = { .tv_sec = limits->timeout_ms / 1000,
		.tv_usec = (suseconds_t)(limits->timeout_ms % 1000) * 1000 };

	command->out.readable = event_new(base, command->out.fd,
	    EV_READ | EV_PERSIST, on_output, &command->out);
	command->err.readable = event_new(base, command->err.fd,
	    EV_READ | EV_PERSIST, on_output, &command->err);
	command->ended =
	    event_new(base, command->pidfd, EV_READ, on_ended, command);
	command->timer = evtimer_new(base, on_timer, command);
	if (command->out.readable == NULL || command->err.readable == NULL ||
	    command->ended == NULL || command->timer == NULL ||
	    event_add(command->out.readable, NULL) == -1 ||
	    event_add(command->err.readable, NULL) == -1 ||
	    event_add(command->ended, NULL) == -1 ||
	    event_add(command->timer, &timeout) == -1) {
		(void)kill(-command->pid, SIGKILL);
		(void)waitpid(command->pid, NULL, 0);
		errno = ENOMEM;
		return -1;
	}
	return 0;
}

struct command *
command_start(struct event_base *base, const char *text,
    const struct command_limits *limits,
    void (*done)(void *arg, const struct command_report *report), void *arg)
{
	struct command *command = calloc(1, sizeof(*command));
	int error;

	if (command == NULL)
		return NULL;
	command->done = done;
	command->arg = arg;
	command->pidfd = -1;
	command->out = (struct stream){
		.to = &command->report.out, .max = limits->max_output, .fd = -1
	};
	command->err = (struct stream){
		.to = &command->report.err, .max = limits->max_output, .fd = -1
	};
	if (command_spawn(command, text) == -1 ||
	    command_watch(command, base, limits) == -1) {
		error = errno;
		command_free(command);
		errno = error;
		return NULL;
	}
	return command;
}
