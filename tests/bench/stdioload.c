/*
 * stdioload - load a stdio MCP server directly, without any gateway.
 *
 *   stdioload [-c IN_FLIGHT] [-d SECONDS] [-w WARMUP] [--bytes N] [--blob N]
 *             -- COMMAND [ARGS...]
 *
 * This is the raw pipeline: what a client that owned the child would see.
 */
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "jscan.h"
#include "stats.h"

#define RING 65536 /* more than any number of requests in flight */
/* A request without its text. */
#define REQUEST_ROOM 512

static struct {
	int in_flight;
	double seconds, warmup;
	size_t arg_bytes;
	long blob;
} opt = { .in_flight = 1, .seconds = 3, .warmup = 0.5, .arg_bytes = 32 };

static struct {
	uint64_t sent_at[RING];
	struct samples lat;
	uint64_t id, done, bad, bytes;
	int measuring;
	int to, from;
	char *arg, *out, *in;
	size_t out_n, out_done, out_cap;
	size_t in_n, in_cap, seen;
} load = { .in_cap = 1 << 17 };

static pid_t
start_backend(char **argv)
{
	int to[2], from[2];
	pid_t pid;

	if (pipe(to) || pipe(from))
		return -1;
	pid = fork();
	if (pid == 0) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		for (int i = 3; i < 64; i++)
			close(i);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	fcntl(to[1], F_SETFL, O_NONBLOCK);
	fcntl(from[0], F_SETFL, O_NONBLOCK);
	load.to = to[1];
	load.from = from[0];
	return pid;
}

static int
make_buffers(void)
{
	load.arg = malloc(opt.arg_bytes + 1);
	load.out_cap =
	    (opt.arg_bytes + REQUEST_ROOM) * ((size_t)opt.in_flight + 1);
	load.out = malloc(load.out_cap);
	load.in = malloc(load.in_cap);
	if (!load.arg || !load.out || !load.in)
		return -1;
	memset(load.arg, 'a', opt.arg_bytes);
	load.arg[opt.arg_bytes] = '\0';
	return 0;
}

static int
handshake(void)
{
	static const char hello[] =
	    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\","
	    "\"params\":{\"protocolVersion\":\"2025-06-18\","
	    "\"capabilities\":{},\"clientInfo\":{\"name\":\"stdioload\","
	    "\"version\":\"1\"}}}\n";
	static const char hello2[] =
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n";
	size_t n = 0;

	if (write(load.to, hello, sizeof(hello) - 1) < 0)
		return -1;
	while (!n || !memchr(load.in, '\n', n)) {
		struct pollfd p = { .fd = load.from, .events = POLLIN };
		ssize_t r;

		poll(&p, 1, 5000);
		r = read(load.from, load.in + n, load.in_cap - n);
		if (r <= 0)
			return -1;
		n += (size_t)r;
	}
	return write(load.to, hello2, sizeof(hello2) - 1) < 0 ? -1 : 0;
}

static void
queue_requests(uint64_t now)
{
	while (load.id - load.done < (uint64_t)opt.in_flight &&
	    load.out_n + opt.arg_bytes + REQUEST_ROOM < load.out_cap) {
		char *at = load.out + load.out_n;
		size_t room = load.out_cap - load.out_n;
		int n;

		load.id++;
		load.sent_at[load.id % RING] = now;
		if (opt.blob)
			n = snprintf(at, room,
			    "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
			    ",\"method\":\"tools/call\",\"params\":{\"name\":"
			    "\"blob\",\"arguments\":{\"size\":%ld}}}\n",
			    load.id, opt.blob);
		else
			n = snprintf(at, room,
			    "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
			    ",\"method\":\"tools/call\",\"params\":{\"name\":"
			    "\"echo\",\"arguments\":{\"text\":\"%s\"}}}\n",
			    load.id, load.arg);
		load.out_n += (size_t)n;
	}
}

/* True when something is left. */
static int
write_requests(void)
{
	ssize_t w;

	if (load.out_done == load.out_n)
		return 0;
	w = write(
	    load.to, load.out + load.out_done, load.out_n - load.out_done);
	if (w > 0)
		load.out_done += (size_t)w;
	if (load.out_done < load.out_n)
		return 1;
	load.out_done = load.out_n = 0;
	return 0;
}

static void
take_line(const char *line, size_t n, uint64_t now)
{
	static const char *const keys[] = { "id", "result" };
	struct jslice m[2];

	load.done++;
	if (js_members(line, n, keys, m, 2, 0) || !m[0].p || !m[1].p) {
		load.bad++;
		return;
	}
	if (load.measuring)
		samples_add(&load.lat,
		    now - load.sent_at[strtoull(m[0].p, NULL, 10) % RING]);
}

/* 0, or -1 at the end. */
static int
read_answers(void)
{
	char *line, *nl;
	uint64_t now;
	ssize_t r;

	if (load.in_n == load.in_cap) {
		load.in_cap *= 2;
		load.in = realloc(load.in, load.in_cap);
		if (!load.in)
			abort();
	}
	r = read(load.from, load.in + load.in_n, load.in_cap - load.in_n);
	if (r <= 0)
		return -1;
	load.bytes += (uint64_t)r;
	load.in_n += (size_t)r;
	now = now_ns();
	line = load.in;
	while (
	    (nl = memchr(load.in + load.seen, '\n', load.in_n - load.seen))) {
		take_line(line, (size_t)(nl - line), now);
		line = nl + 1;
		load.seen = (size_t)(line - load.in);
	}
	load.in_n -= (size_t)(line - load.in);
	memmove(load.in, line, load.in_n);
	load.seen = load.in_n;
	return 0;
}

/* Returns when measuring began. */
static uint64_t
run(void)
{
	uint64_t from = now_ns() + (uint64_t)(opt.warmup * 1e9);
	uint64_t until = from + (uint64_t)(opt.seconds * 1e9);

	for (;;) {
		struct pollfd p[2] = { { .fd = load.from, .events = POLLIN },
			{ .fd = load.to, .events = 0 } };
		uint64_t now = now_ns();

		if (!load.measuring && now >= from) {
			load.measuring = 1;
			from = now;
			load.bytes = 0;
		}
		if (now >= until)
			break;
		queue_requests(now);
		if (write_requests())
			p[1].events = POLLOUT;
		if (poll(p, 2, 1000) <= 0)
			break;
		if (!(p[0].revents & (POLLIN | POLLHUP)))
			continue;
		if (read_answers())
			break;
	}
	return from;
}

static int
read_options(int argc, char **argv)
{
	static const struct option longs[] = { { "bytes", 1, 0, 'b' },
		{ "blob", 1, 0, 'B' }, { 0, 0, 0, 0 } };
	int o;

	while ((o = getopt_long(argc, argv, "+c:d:w:", longs, NULL)) != -1) {
		switch (o) {
		case 'c':
			opt.in_flight = number(optarg);
			break;
		case 'd':
			opt.seconds = strtod(optarg, NULL);
			break;
		case 'w':
			opt.warmup = strtod(optarg, NULL);
			break;
		case 'b':
			opt.arg_bytes = strtoull(optarg, NULL, 10);
			break;
		case 'B':
			opt.blob = strtol(optarg, NULL, 10);
			break;
		default:
			return -1;
		}
	}
	if (optind >= argc || opt.in_flight < 1 || opt.in_flight > RING / 2)
		return -1;
	return optind;
}

int
main(int argc, char **argv)
{
	int command = read_options(argc, argv);
	uint64_t from;
	double s;
	pid_t pid;

	if (command == -1)
		return 2;
	on_signal_do(SIGPIPE, SIG_IGN);
	if ((pid = start_backend(argv + command)) == -1 || make_buffers() ||
	    handshake())
		return 1;
	from = run();
	close(load.to);
	s = (double)(now_ns() - from) / 1e9;
	samples_report(&load.lat, s);
	printf(",\"clients\":%d,\"errors\":%" PRIu64 ",\"mb_per_s\":%.1f}\n",
	    opt.in_flight, load.bad, (double)load.bytes / 1e6 / s);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	return load.lat.n == 0;
}
