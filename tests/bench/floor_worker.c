/* floor_worker.c: floor's worker and its child. */
#include "floor.h"

#include <sys/prctl.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>

#include "stats.h"

void
jsonc_round_trip(struct buf *out, const char *text, size_t n)
{
	struct json_tokener *tok = json_tokener_new();
	struct json_object *o = json_tokener_parse_ex(tok, text, (int)n);
	size_t len;
	const char *s = json_object_to_json_string_length(
	    o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);

	buf_add(out, s, len);
	json_object_put(o);
	json_tokener_free(tok);
}

void
set_nonblock(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

void
spawn_child(char **argv, int *to, int *from)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		exit(1);
	if (how.big_pipes) {
		fcntl(in[0], F_SETPIPE_SZ, 1 << 20);
		fcntl(out[0], F_SETPIPE_SZ, 1 << 20);
	}
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], 0);
		dup2(out[1], 1);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	set_nonblock(in[1]);
	set_nonblock(out[0]);
	*to = in[1];
	*from = out[0];
}

/* Whole frames become lines. */
static void
frames_to_lines(struct buf *fin, struct buf *to_child)
{
	size_t used = 0;

	while (fin->n - used >= 4) {
		uint32_t len;

		memcpy(&len, fin->p + used, 4);
		if (fin->n - used - 4 < len)
			break;
		if (how.use_jsonc)
			jsonc_round_trip(to_child, fin->p + used + 4, len);
		else
			buf_add(to_child, fin->p + used + 4, len);
		buf_add(to_child, "\n", 1);
		used += 4 + (size_t)len;
	}
	if (used)
		buf_eat(fin, used);
}

/* Whole lines become frames; *seen bytes are known to hold no line end. */
static void
lines_to_frames(struct buf *cin, size_t *seen, struct buf *to_front)
{
	char *line = cin->p, *nl;

	while ((nl = memchr(cin->p + *seen, '\n', cin->n - *seen))) {
		uint32_t len = (uint32_t)(nl - line);
		size_t at = to_front->n;

		buf_add(to_front, &len, 4);
		if (how.use_jsonc) {
			jsonc_round_trip(to_front, line, len);
			len = (uint32_t)(to_front->n - at - 4);
			memcpy(to_front->p + at, &len, 4);
		} else {
			buf_add(to_front, line, len);
		}
		line = nl + 1;
		*seen = (size_t)(line - cin->p);
	}
	if (line != cin->p)
		buf_eat(cin, (size_t)(line - cin->p));
	*seen = cin->n;
}

void
run_worker(int front, char **argv)
{
	struct buf fin = { 0 }, cin = { 0 }, to_child = { 0 }, to_front = { 0 };
	int child_in, child_out, running = 1;
	size_t seen = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	on_signal_do(SIGPIPE, SIG_IGN);
	spawn_child(argv, &child_in, &child_out);
	set_nonblock(front);
	while (running) {
		struct pollfd p[3] = { { .fd = front, .events = POLLIN },
			{ .fd = child_out, .events = POLLIN },
			{ .fd = to_child.n ? child_in : -1,
			    .events = POLLOUT } };

		if (to_front.n)
			p[0].events |= POLLOUT;
		if (poll(p, 3, -1) < 0)
			continue;
		if (p[0].revents & (POLLIN | POLLHUP)) {
			if (buf_read(&fin, front) == 0)
				running = 0;
			frames_to_lines(&fin, &to_child);
		}
		if (p[1].revents & (POLLIN | POLLHUP)) {
			if (buf_read(&cin, child_out) == 0)
				running = 0;
			lines_to_frames(&cin, &seen, &to_front);
		}
		if (to_child.n && buf_flush(&to_child, child_in) < 0)
			running = 0;
		if (to_front.n && buf_flush(&to_front, front) < 0)
			running = 0;
	}
	close(child_in); /* the child ends when its pipes do */
	close(child_out);
	while (wait(NULL) > 0)
		;
}
