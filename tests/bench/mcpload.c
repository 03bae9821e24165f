/*
 * mcpload - load generator for MCP servers and gateways (one thread, epoll).
 *
 *   mcpload call  URL [options]   closed-loop load: every client keeps one
 *                                 request in flight; prints one JSON line
 *   mcpload hold  URL [options]   opens many idle event streams, or sessions
 *                                 without one, and keeps them;
 *                                 prints READY {...}, then DONE {...}
 *   mcpload probe URL [options]   retries until the first good tools/list,
 *                                 prints how long that took
 *
 * URL is http://a.b.c.d:port/path.  --sse speaks the 2024-11-05 HTTP+SSE
 * transport (GET path, POST to the endpoint the server names); without it the
 * Streamable HTTP transport is used and both JSON and event-stream answers are
 * understood.  Every client does the full handshake and has its own session.
 * An answer counts only if its id is right and it carries a "result" that is
 * not a tool error.  Ids are unique over all clients, so an answer that reaches
 * the wrong session shows up as a stray.
 */
#include <sys/epoll.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>

#include "load.h"

struct load load;
struct options opt = {
	.clients = 1,
	.seconds = 3,
	.warmup = 0.5,
	.setup_timeout = 30,
	.method = "tools/call",
	.tool = "echo",
	.version = "2025-06-18",
	.arg_bytes = 32,
	.window = 64,
};

static void
start_more(void)
{
	while (load.next_client < opt.clients && load.in_handshake < opt.window)
		client_step(&load.clients[load.next_client++]);
}

static void
poll_once(int timeout_ms)
{
	struct epoll_event ev[256];
	int n = epoll_wait(load.epfd, ev, 256, timeout_ms);

	for (int i = 0; i < n; i++) {
		struct conn *c = ev[i].data.ptr;

		if (c->fd < 0)
			continue;
		if (c->connecting &&
		    (ev[i].events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
			int err = 0;
			socklen_t len = sizeof(err);

			getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len);
			if (err) {
				note_error("connect", strerror(err),
				    strlen(strerror(err)));
				client_dead(c->cl);
				continue;
			}
			c->connecting = 0;
		}
		if (ev[i].events & EPOLLOUT)
			conn_flush(c);
		if (c->fd >= 0 &&
		    (ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
			conn_readable(c);
	}
}

/* Do every handshake; returns seconds spent. */
static double
set_up(void)
{
	uint64_t start = now_ns();
	uint64_t limit = start + (uint64_t)(opt.setup_timeout * 1e9);

	while (load.ready + load.dead < opt.clients && now_ns() < limit &&
	    !load.interrupted) {
		start_more();
		poll_once(50);
	}
	return (double)(now_ns() - start) / 1e9;
}

static int
run_call(void)
{
	double setup = set_up();
	uint64_t t, start, end;
	int at_start = load.ready;

	for (int i = 0; i < opt.clients; i++)
		if (load.clients[i].phase == PH_READY) {
			load.clients[i].phase = PH_RUN;
			load.clients[i].done_at = 0;
			send_request(&load.clients[i]);
		}
	start = now_ns();
	load.measure_from = start + (uint64_t)(opt.warmup * 1e9);
	load.measure_until = load.measure_from + (uint64_t)(opt.seconds * 1e9);
	for (;;) {
		poll_once(20);
		t = now_ns();
		if (!load.measuring && t >= load.measure_from) {
			load.measuring = 1;
			load.measure_from = t;
			load.bytes_in = 0;
		}
		if (t >= load.measure_until || load.interrupted ||
		    load.ready <= 0 ||
		    (opt.max_requests && load.lat.n >= opt.max_requests))
			break;
	}
	end = t;
	if (!load.measuring)
		load.measure_from = end;
	load.measuring = 0;
	samples_report(&load.lat, (double)(end - load.measure_from) / 1e9);
	printf(",\"clients\":%d,\"clients_ready\":%d,\"clients_dead\":%d,"
	       "\"setup_s\":%.3f,\"errors\":%" PRIu64 ",\"reconnects\":%" PRIu64
	       ",\"strays\":%" PRIu64
	       ",\"mb_per_s\":%.1f,\"first_error\":\"%s\"}\n",
	    opt.clients, at_start, load.dead, setup, load.errors,
	    load.reconnects, load.strays,
	    end > load.measure_from ? (double)load.bytes_in / 1e6 /
		    ((double)(end - load.measure_from) / 1e9)
				    : 0,
	    load.first_error);
	return load.lat.n == 0;
}

static int
run_hold(void)
{
	double setup = set_up();
	uint64_t until;
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

	printf("READY {\"wanted\":%d,\"established\":%d,\"failed\":%d,"
	       "\"unfinished\":%d,\"setup_s\":%.3f,\"first_error\":\"%s\"}\n",
	    opt.clients, load.ready, load.dead,
	    opt.clients - load.ready - load.dead, setup, load.first_error);
	fflush(stdout);
	until = now_ns() + (uint64_t)(opt.seconds * 1e9);
	while (now_ns() < until && !load.interrupted) {
		poll_once(50);
		if (poll(&in, 1, 0) > 0)
			break; /* a line or EOF on stdin ends the hold */
	}
	printf("DONE {\"alive\":%d,\"dead\":%d,\"first_error\":\"%s\"}\n",
	    load.ready, load.dead, load.first_error);
	return 0;
}

static int
run_probe(void)
{
	uint64_t start = opt.since_ns ? opt.since_ns : now_ns();
	uint64_t limit = now_ns() + (uint64_t)(opt.setup_timeout * 1e9);
	struct timespec pause = { .tv_nsec = 2000000 };
	struct client *cl = load.clients;

	opt.method = "tools/list";
	while (now_ns() < limit && !load.interrupted) {
		load.ready = load.dead = load.in_handshake = 0;
		cl->phase = PH_NEW;
		cl->session[0] = '\0';
		client_step(cl);
		while (cl->phase != PH_READY && cl->phase != PH_DEAD &&
		    now_ns() < limit)
			poll_once(5);
		if (cl->phase == PH_READY) {
			uint64_t errors_before = load.errors;

			cl->phase = PH_RUN;
			cl->done_at = 0;
			load.stopping = 1;
			send_request(cl);
			while (cl->phase == PH_RUN && now_ns() < limit)
				poll_once(5);
			if (cl->phase == PH_READY &&
			    load.errors == errors_before) {
				printf("{\"first_tools_list_ms\":%.1f}\n",
				    (double)(now_ns() - start) / 1e6);
				return 0;
			}
		}
		client_dead(cl);
		nanosleep(&pause, NULL);
	}
	printf("{\"first_tools_list_ms\":null,\"first_error\":\"%s\"}\n",
	    load.first_error);
	return 1;
}

static void
on_signal(int sig)
{
	(void)sig;
	load.interrupted = 1;
}

static void
usage(void)
{
	fprintf(stderr,
	    "usage: mcpload call|hold|probe http://IP:PORT/PATH [options]\n"
	    "  --sse               HTTP+SSE transport instead of Streamable HTTP\n"
	    "  --no-stream         hold: sessions alone, without a GET stream\n"
	    "  -c N                clients (default 1)\n"
	    "  -d SECONDS          measured time, or hold time (default 3)\n"
	    "  -w SECONDS          warm-up (default 0.5)\n"
	    "  -n N                stop after N measured requests\n"
	    "  --method M          tools/call (default), tools/list, ping\n"
	    "  --tool NAME         tool to call (default echo)\n"
	    "  --bytes N           length of the echo text (default 32)\n"
	    "  --blob N            call with {\"size\": N} instead\n"
	    "  --sources N         use N source addresses from 127.0.0.2 on\n"
	    "  --window N          handshakes in progress at a time (64)\n"
	    "  --setup-timeout S   give up handshakes after S seconds (30)\n"
	    "  --version V         protocol version (2025-06-18)\n"
	    "  --expect TEXT       an answer without it is an error\n"
	    "  --since-ns T        probe: count from this monotonic time\n");
	exit(2);
}

static void
parse_url(const char *url)
{
	char host[40];
	int port;

	if (sscanf(url, "http://%39[0-9.]:%d%255s", host, &port, opt.path) != 3)
		usage();
	opt.addr.sin_family = AF_INET;
	opt.addr.sin_port = htons((uint16_t)port);
	if (inet_pton(AF_INET, host, &opt.addr.sin_addr) != 1)
		usage();
	snprintf(opt.host, sizeof(opt.host), "%s:%d", host, port);
}

static void
read_options(int argc, char **argv)
{
	static const struct option longs[] = { { "sse", 0, 0, 's' },
		{ "no-stream", 0, 0, 'O' }, { "method", 1, 0, 'm' },
		{ "tool", 1, 0, 't' }, { "bytes", 1, 0, 'b' },
		{ "blob", 1, 0, 'B' }, { "sources", 1, 0, 'S' },
		{ "window", 1, 0, 'W' }, { "setup-timeout", 1, 0, 'T' },
		{ "version", 1, 0, 'V' }, { "since-ns", 1, 0, 'N' },
		{ "expect", 1, 0, 'E' }, { 0, 0, 0, 0 } };
	int o;

	while ((o = getopt_long(argc, argv, "c:d:w:n:", longs, NULL)) != -1) {
		switch (o) {
		case 's':
			opt.sse = 1;
			break;
		case 'O':
			opt.no_stream = 1;
			break;
		case 'c':
			opt.clients = number(optarg);
			break;
		case 'd':
			opt.seconds = strtod(optarg, NULL);
			break;
		case 'w':
			opt.warmup = strtod(optarg, NULL);
			break;
		case 'n':
			opt.max_requests = strtoull(optarg, NULL, 10);
			break;
		case 'm':
			opt.method = optarg;
			break;
		case 't':
			opt.tool = optarg;
			break;
		case 'b':
			opt.arg_bytes = strtoull(optarg, NULL, 10);
			break;
		case 'B':
			opt.blob_bytes = strtol(optarg, NULL, 10);
			break;
		case 'S':
			opt.sources = number(optarg);
			break;
		case 'W':
			opt.window = number(optarg);
			break;
		case 'T':
			opt.setup_timeout = strtod(optarg, NULL);
			break;
		case 'V':
			opt.version = optarg;
			break;
		case 'E':
			opt.expect = optarg;
			break;
		case 'N':
			opt.since_ns = strtoull(optarg, NULL, 10);
			break;
		default:
			usage();
		}
	}
	if (opt.clients < 1 || opt.clients > 20000)
		usage();
}

static void
make_clients(void)
{
	load.arg_text = malloc(opt.arg_bytes + 1);
	load.clients = calloc((size_t)opt.clients, sizeof(*load.clients));
	if (!load.arg_text || !load.clients)
		abort();
	memset(load.arg_text, 'a', opt.arg_bytes);
	load.arg_text[opt.arg_bytes] = '\0';
	for (int i = 0; i < opt.clients; i++) {
		struct client *cl = &load.clients[i];

		cl->post.cl = cl->stream.cl = cl;
		cl->post.fd = cl->stream.fd = -1;
		cl->source = opt.sources > 1 ? i % opt.sources : 0;
	}
}

int
main(int argc, char **argv)
{
	if (argc < 3)
		usage();
	if (!strcmp(argv[1], "call"))
		opt.mode = MODE_CALL;
	else if (!strcmp(argv[1], "hold"))
		opt.mode = MODE_HOLD;
	else if (!strcmp(argv[1], "probe"))
		opt.mode = MODE_PROBE;
	else
		usage();
	parse_url(argv[2]);
	optind = 3;
	read_options(argc, argv);
	on_signal_do(SIGINT, on_signal);
	on_signal_do(SIGTERM, on_signal);
	on_signal_do(SIGPIPE, SIG_IGN);
	make_clients();
	load.epfd = epoll_create1(EPOLL_CLOEXEC);
	switch (opt.mode) {
	case MODE_CALL:
		return run_call();
	case MODE_HOLD:
		return run_hold();
	default:
		return run_probe();
	}
}
