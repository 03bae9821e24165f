/* act.c: how each fault happens. */
#include "act.h"

#include <err.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Ends. */

bool
act_exit_now(struct faulty *faulty, const struct wish *wish,
    const struct occasion *occasion)
{
	(void)faulty;
	(void)occasion;
	_exit((int)wish->number);
}

bool
act_exit_after(struct faulty *faulty, const struct wish *wish,
    const struct occasion *occasion)
{
	(void)occasion;
	if (faulty->calls > wish->number)
		_exit(0);
	return false;
}

bool
act_die(struct faulty *faulty, const struct wish *wish,
    const struct occasion *occasion)
{
	(void)faulty;
	(void)wish;
	(void)occasion;
	kill(getpid(), SIGKILL);
	return true;
}

bool
act_half_line(struct faulty *faulty, const struct wish *wish,
    const struct occasion *occasion)
{
	static const char start[] = "{\"jsonrpc\":\"2.0\",\"id\":";

	(void)faulty;
	(void)wish;
	faulty_write(start, sizeof(start) - 1);
	faulty_write(occasion->id.at, occasion->id.len);
	_exit(0);
}

/* Silences. */

bool
act_ignore(struct faulty *faulty, const struct wish *wish,
    const struct occasion *occasion)
{
	(void)faulty;
	(void)wish;
	(void)occasion;
	return true;
}

bool
act_hang_on(struct faulty *faulty, const struct wish *wish,
    const struct occasion *occasion)
{
	(void)faulty;
	return json_string_is(occasion->msg->name, wish->text);
}

bool
act_slow_start(struct faulty *faulty, const struct wish *wish,
    const struct occasion *occasion)
{
	long long ms = wish->number;
	struct timespec left = { .tv_sec = (time_t)(ms / 1000),
		.tv_nsec = (long)(ms % 1000) * 1000000 };

	(void)faulty;
	(void)occasion;
	while (nanosleep(&left, &left) == -1)
		;
	return false;
}

bool
act_stop_reading(struct faulty *faulty, const struct wish *wish,
    const struct occasion *occasion)
{
	(void)wish;
	(void)occasion;
	server_stop_reading(faulty->server);
	return true;
}

/* Something else takes the number, so that nothing of ours does. */
static void
replace_with_null(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null == -1 || dup2(null, fd) == -1)
		err(1, "/dev/null");
	close(null);
}

bool
act_close_stdout(struct faulty *faulty, const struct wish *wish,
    const struct occasion *occasion)
{
	(void)faulty;
	(void)wish;
	(void)occasion;
	replace_with_null(STDOUT_FILENO);
	return false;
}

bool
act_close_stdin(struct faulty *faulty, const struct wish *wish,
    const struct occasion *occasion)
{
	(void)wish;
	(void)occasion;
	server_stop_reading(faulty->server);
	replace_with_null(STDIN_FILENO);
	return false;
}

/* Noises. */

bool
act_junk(struct faulty *faulty, const struct wish *wish,
    const struct occasion *occasion)
{
	static const char noise[] =
	    "npm WARN deprecated left-pad@1.3.0: use String.padStart()\n"
	    "\0\1\2\377\376\33[31m binary \200\n"
	    "\n"
	    "{\"half\": \n";

	(void)faulty;
	(void)wish;
	(void)occasion;
	faulty_write(noise, sizeof(noise) - 1);
	return false;
}

bool
act_byte_at_a_time(struct faulty *faulty, const struct wish *wish,
    const struct occasion *occasion)
{
	(void)faulty;
	(void)wish;
	for (size_t i = 0; i < occasion->len; i++)
		faulty_write(occasion->text + i, 1);
	return true;
}

/* n bytes of a pattern to a descriptor, in large pieces. */
static void
pour(int fd, long long n, const char *pattern, size_t len)
{
	char block[32768];
	size_t size = sizeof(block) / len * len;

	for (size_t i = 0; i < size; i++)
		block[i] = pattern[i % len];
	while (n > 0) {
		size_t now = (long long)size < n ? size : (size_t)n;

		if (fd == STDOUT_FILENO)
			faulty_write(block, now);
		else if (write(fd, block, now) == -1)
			return;
		n -= (long long)now;
	}
}

bool
act_huge_line(struct faulty *faulty, const struct wish *wish,
    const struct occasion *occasion)
{
	(void)occasion;
	if (faulty->calls == 1) {
		pour(STDOUT_FILENO, wish->number, "x", 1);
		faulty_write("\n", 1);
	}
	return false;
}

bool
act_stderr_flood(struct faulty *faulty, const struct wish *wish,
    const struct occasion *occasion)
{
	static const char line[] = "something is wrong, says the server, again "
				   "and again\n";

	(void)faulty;
	(void)occasion;
	pour(STDERR_FILENO, wish->number, line, sizeof(line) - 1);
	return false;
}

bool
act_stderr_binary(struct faulty *faulty, const struct wish *wish,
    const struct occasion *occasion)
{
	static const char noise[] = "\0\1\377\376\33[2J\302\205\342\200\256\r";

	(void)faulty;
	(void)wish;
	(void)occasion;
	pour(STDERR_FILENO, 8192, noise, sizeof(noise) - 1);
	return false;
}

static void
flood_more(evutil_socket_t fd, short what, void *arg)
{
	static const char line[] =
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\","
	    "\"params\":{\"level\":\"info\",\"data\":\"flood\"}}\n";
	struct timeval at_once = { 0, 0 };
	struct faulty *faulty = arg;

	(void)fd;
	(void)what;
	pour(STDOUT_FILENO, 256 * (long long)(sizeof(line) - 1), line,
	    sizeof(line) - 1);
	event_add(faulty->flood, &at_once);
}

static struct event *
start_timer(struct faulty *faulty, long long ms, short flags,
    void (*run)(evutil_socket_t fd, short what, void *arg))
{
	struct timeval time = { .tv_sec = (time_t)(ms / 1000),
		.tv_usec = (suseconds_t)(ms % 1000) * 1000 };
	struct event *timer = event_new(
	    loop_base(server_loop(faulty->server)), -1, flags, run, faulty);

	if (timer == NULL || event_add(timer, &time) == -1)
		err(1, "timer");
	return timer;
}

bool
act_flood(struct faulty *faulty, const struct wish *wish,
    const struct occasion *occasion)
{
	(void)wish;
	(void)occasion;
	if (faulty->flood == NULL)
		faulty->flood = start_timer(faulty, 0, 0, flood_more);
	return false;
}

/* Processes. */

/* SIGTERM stays pending for ever; ON_END nothing happens either. */
bool
act_block_sigterm(struct faulty *faulty, const struct wish *wish,
    const struct occasion *occasion)
{
	sigset_t set;

	(void)faulty;
	(void)wish;
	(void)occasion;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return false;
}

bool
act_grandchild(struct faulty *faulty, const struct wish *wish,
    const struct occasion *occasion)
{
	struct sigaction ignored = { .sa_handler = SIG_IGN };
	pid_t pid = fork();

	(void)faulty;
	(void)wish;
	(void)occasion;
	if (pid == -1)
		err(1, "fork");
	if (pid > 0)
		return false;
	setsid();
	sigaction(SIGTERM, &ignored, NULL);
	sigaction(SIGHUP, &ignored, NULL);
	replace_with_null(STDIN_FILENO);
	dprintf(STDERR_FILENO, "grandchild %d\n", (int)getpid());
	for (;;)
		pause();
}

/* Lists. */

static bool
answer_list(
    struct faulty *faulty, const struct occasion *occasion, struct buf *result)
{
	server_result(
	    faulty->server, occasion->id, buf_data(result), buf_len(result));
	buf_free(result);
	return true;
}

bool
act_many_tools(struct faulty *faulty, const struct wish *wish,
    const struct occasion *occasion)
{
	struct buf result = { 0 };

	server_format(&result, "{\"tools\":[");
	for (long long i = 0; i < wish->number; i++)
		server_format(&result,
		    "%s{\"name\":\"tool_%lld\",\"inputSchema\":{\"type\":"
		    "\"object\"}}",
		    i > 0 ? "," : "", i);
	server_format(&result, "]}");
	return answer_list(faulty, occasion, &result);
}

bool
act_endless_pages(struct faulty *faulty, const struct wish *wish,
    const struct occasion *occasion)
{
	struct buf result = { 0 };

	(void)wish;
	faulty->version++;
	server_format(&result,
	    "{\"tools\":[{\"name\":\"page_%u\",\"inputSchema\":{\"type\":"
	    "\"object\"}}],\"nextCursor\":\"%u\"}",
	    faulty->version, faulty->version);
	return answer_list(faulty, occasion, &result);
}

static void
change_tools(evutil_socket_t fd, short what, void *arg)
{
	struct faulty *faulty = arg;

	(void)fd;
	(void)what;
	faulty->version++;
	server_notify(faulty->server, "notifications/tools/list_changed", NULL);
}

bool
act_change_tools_every(struct faulty *faulty, const struct wish *wish,
    const struct occasion *occasion)
{
	(void)occasion;
	if (faulty->change == NULL)
		faulty->change =
		    start_timer(faulty, wish->number, EV_PERSIST, change_tools);
	return false;
}

/* Requests of ours. */

bool
act_ask(struct faulty *faulty, const struct wish *wish,
    const struct occasion *occasion)
{
	static const char *const requests[] = {
		"\"ask-ping\",\"method\":\"ping\"}\n",
		"\"ask-roots\",\"method\":\"roots/list\"}\n",
		"\"ask-sampling\",\"method\":\"sampling/createMessage\","
		"\"params\":{\"messages\":[{\"role\":\"user\",\"content\":{"
		"\"type\":\"text\",\"text\":\"hello\"}}],\"maxTokens\":10}}\n",
		"\"ask-elicitation\",\"method\":\"elicitation/create\","
		"\"params\":{\"message\":\"Who are you?\",\"requestedSchema\":{"
		"\"type\":\"object\",\"properties\":{\"name\":{\"type\":"
		"\"string\"}}}}}\n",
		"\"ask-unknown\",\"method\":\"no/such/method\"}\n",
	};

	(void)wish;
	(void)occasion;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		struct buf line = { 0 };

		server_format(
		    &line, "{\"jsonrpc\":\"2.0\",\"id\":%s", requests[i]);
		server_send(faulty->server, buf_data(&line), buf_len(&line));
		buf_free(&line);
	}
	return false;
}

bool
act_tell_answer(struct faulty *faulty, const struct wish *wish,
    const struct occasion *occasion)
{
	struct json_span text = occasion->msg->text;

	(void)faulty;
	(void)wish;
	dprintf(STDERR_FILENO, "answer %.*s\n", (int)text.len, text.at);
	return true;
}
