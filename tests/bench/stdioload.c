/*
 * stdioload - load a stdio MCP server directly, without any gateway.
 *
 *   stdioload [-c IN_FLIGHT] [-d SECONDS] [-w WARMUP] [--bytes N] [--blob N]
 *             -- COMMAND [ARGS...]
 *
 * This is the raw pipeline: what a client that owned the child would see.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jscan.h"
#include "stats.h"

#define RING 65536 /* more than any number of requests in flight */

static uint64_t sent_at[RING];
static struct samples lat;

int
main(int argc, char **argv)
{
	static const struct option longs[] = { { "bytes", 1, 0, 'b' },
		{ "blob", 1, 0, 'B' }, { 0, 0, 0, 0 } };
	static const char *const keys[] = { "id", "result" };
	int in_flight = 1, o, to[2], from[2];
	double seconds = 3, warmup = 0.5;
	size_t arg_bytes = 32, out_n = 0, out_done = 0, out_cap, in_n = 0,
	       seen = 0;
	size_t in_cap = 1 << 17;
	long blob = 0;
	uint64_t id = 0, done = 0, bad = 0, start, from_ns, until, bytes = 0;
	char *arg, *out, *in;
	int measuring = 0;
	pid_t pid;

	while ((o = getopt_long(argc, argv, "+c:d:w:", longs, NULL)) != -1) {
		switch (o) {
		case 'c':
			in_flight = atoi(optarg);
			break;
		case 'd':
			seconds = atof(optarg);
			break;
		case 'w':
			warmup = atof(optarg);
			break;
		case 'b':
			arg_bytes = strtoull(optarg, NULL, 10);
			break;
		case 'B':
			blob = atol(optarg);
			break;
		default:
			return 2;
		}
	}
	if (optind >= argc || in_flight < 1 || in_flight > RING / 2)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	if (pipe(to) || pipe(from))
		return 1;
	pid = fork();
	if (pid == 0) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		for (int i = 3; i < 64; i++)
			close(i);
		execvp(argv[optind], argv + optind);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	fcntl(to[1], F_SETFL, O_NONBLOCK);
	fcntl(from[0], F_SETFL, O_NONBLOCK);
	arg = malloc(arg_bytes + 1);
	memset(arg, 'a', arg_bytes);
	arg[arg_bytes] = '\0';
	out_cap = (arg_bytes + 512) * ((size_t)in_flight + 1);
	out = malloc(out_cap);
	in = malloc(in_cap);

	static const char hello[] =
	    "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
	    "\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},"
	    "\"clientInfo\":{\"name\":\"stdioload\",\"version\":\"1\"}}}\n";
	static const char hello2[] =
	    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n";
	if (write(to[1], hello, sizeof(hello) - 1) < 0)
		return 1;
	for (;;) { /* wait for the answer to initialize */
		struct pollfd p = { .fd = from[0], .events = POLLIN };
		ssize_t r;

		poll(&p, 1, 5000);
		r = read(from[0], in + in_n, in_cap - in_n);
		if (r <= 0)
			return 1;
		in_n += (size_t)r;
		if (memchr(in, '\n', in_n))
			break;
	}
	in_n = 0;
	if (write(to[1], hello2, sizeof(hello2) - 1) < 0)
		return 1;

	start = now_ns();
	from_ns = start + (uint64_t)(warmup * 1e9);
	until = from_ns + (uint64_t)(seconds * 1e9);
	for (;;) {
		struct pollfd p[2] = { { .fd = from[0], .events = POLLIN },
			{ .fd = to[1], .events = 0 } };
		uint64_t t = now_ns();

		if (!measuring && t >= from_ns) {
			measuring = 1;
			from_ns = t;
			bytes = 0;
		}
		if (t >= until)
			break;
		while (id - done < (uint64_t)in_flight &&
		    out_n + arg_bytes + 512 < out_cap) {
			id++;
			sent_at[id % RING] = t;
			if (blob)
				out_n += (size_t)sprintf(out + out_n,
				    "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
				    ",\"method\":\"tools/call\",\"params\":{\"name\":"
				    "\"blob\",\"arguments\":{\"size\":%ld}}}\n",
				    id, blob);
			else
				out_n += (size_t)sprintf(out + out_n,
				    "{\"jsonrpc\":\"2.0\",\"id\":%" PRIu64
				    ",\"method\":\"tools/call\",\"params\":{\"name\":"
				    "\"echo\",\"arguments\":{\"text\":\"%s\"}}}\n",
				    id, arg);
		}
		if (out_done < out_n) {
			ssize_t w =
			    write(to[1], out + out_done, out_n - out_done);

			if (w > 0)
				out_done += (size_t)w;
			if (out_done == out_n)
				out_done = out_n = 0;
			else
				p[1].events = POLLOUT;
		}
		if (poll(p, 2, 1000) <= 0)
			break;
		if (!(p[0].revents & (POLLIN | POLLHUP)))
			continue;
		if (in_n == in_cap) {
			in_cap *= 2;
			in = realloc(in, in_cap);
		}
		ssize_t r = read(from[0], in + in_n, in_cap - in_n);
		char *line = in, *nl;

		if (r <= 0)
			break;
		bytes += (uint64_t)r;
		in_n += (size_t)r;
		t = now_ns();
		while ((nl = memchr(in + seen, '\n', in_n - seen))) {
			struct jslice m[2];

			if (!js_members(
				line, (size_t)(nl - line), keys, m, 2, 0) &&
			    m[0].p && m[1].p) {
				uint64_t got = strtoull(m[0].p, NULL, 10);

				if (measuring)
					samples_add(
					    &lat, t - sent_at[got % RING]);
			} else {
				bad++;
			}
			done++;
			line = nl + 1;
			seen = (size_t)(line - in);
		}
		in_n -= (size_t)(line - in);
		memmove(in, line, in_n);
		seen = in_n;
	}
	close(to[1]);
	double s = (double)(now_ns() - from_ns) / 1e9;
	samples_report(&lat, s);
	printf(",\"clients\":%d,\"errors\":%" PRIu64 ",\"mb_per_s\":%.1f}\n",
	    in_flight, bad, (double)bytes / 1e6 / s);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	return lat.n == 0;
}
