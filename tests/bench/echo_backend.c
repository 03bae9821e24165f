/*
 * echo_backend - the cheapest possible stdio MCP server, for benchmarks.
 *
 * Newline-delimited JSON-RPC on stdin and stdout.  Its own cost per request is
 * a fraction of a microsecond plus one read and one write for each batch, so
 * what a benchmark measures is whatever stands in front of it.
 *
 *   echo {"text": "..."}   answers the same text
 *   blob {"size": N}       answers N bytes of text
 *
 * usage: echo_backend [TOOLS]      with so many more tools in its list
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "echo_answer.h"

static struct buf out;

static int
flush(void)
{
	size_t done = 0;

	while (done < out.n) {
		ssize_t w = write(STDOUT_FILENO, out.p + done, out.n - done);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -1;
		done += (size_t)w;
	}
	out.n = 0;
	return 0;
}

int
main(int argc, char **argv)
{
	struct buf in = { 0 };
	size_t seen = 0; /* bytes already searched for a newline */

	if (argc > 1)
		echo_add_tools((unsigned int)strtoul(argv[1], NULL, 10));
	for (;;) {
		char *line, *nl;
		ssize_t r;

		buf_reserve(&in, 65536);
		r = read(STDIN_FILENO, in.p + in.n, in.cap - in.n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r < 0;
		in.n += (size_t)r;
		line = in.p;
		while ((nl = memchr(in.p + seen, '\n', in.n - seen))) {
			if (echo_answer(&out, line, (size_t)(nl - line)))
				buf_add(&out, "\n", 1);
			line = nl + 1;
			seen = (size_t)(line - in.p);
		}
		in.n -= (size_t)(line - in.p);
		memmove(in.p, line, in.n);
		seen = in.n;
		if (flush())
			return 1;
	}
}
