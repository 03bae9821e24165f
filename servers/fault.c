/* fault.c: the table of faults. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "act.h"
#include "options.h"

/* Of bytes, milliseconds, calls, tools: more than any test wants. */
#define NUMBER_MAX (1LL << 40)

/*
 * One flag.  Either an act is done at the moment, or an answer is said: $I is
 * the request's id, $R the right result, $D as many nested arrays as the flag's
 * number tells; a line feed is added.
 */
struct fault {
	const char *name;
	const char *argument; /* in brackets when it may be left out, or NULL */
	const char *help;
	enum moment moment;
	act *act;
	const char *answer;
};
#define DO(name)  act_##name, NULL
#define SAY(text) NULL, text

/* A flag may stand in several rows, one for each moment. */
static const struct fault faults[] = {
	{ "exit-at-start", "[CODE]", "exit at once", AT_START, DO(exit_now) },
	{ "exit-on-initialize", "[CODE]", "exit when initialize comes",
	    ON_INITIALIZE, DO(exit_now) },
	{ "exit-after", "N", "answer N calls, exit when the next one comes",
	    ON_CALL, DO(exit_after) },
	{ "die-on-call", NULL, "SIGKILL itself when a call comes", ON_CALL,
	    DO(die) },
	{ "half-line-then-exit", NULL,
	    "half of the answer to a call, then exit", ON_ANSWER,
	    DO(half_line) },

	{ "never-answer", NULL, "no call", ON_CALL, DO(ignore) },
	{ "never-initialize", NULL, "do not answer initialize", ON_INITIALIZE,
	    DO(ignore) },
	{ "hang-on", "TOOL", "no call of this tool is answered", ON_CALL,
	    DO(hang_on) },
	{ "slow-start", "MS", "milliseconds before anything is read", AT_START,
	    DO(slow_start) },
	{ "never-read-stdin", NULL, "from the first call on", ON_CALL,
	    DO(stop_reading) },
	{ "close-stdout", NULL, "when a call comes, and live on", ON_CALL,
	    DO(close_stdout) },
	{ "close-stdin", NULL, "when a call comes, answer it, and live on",
	    ON_CALL, DO(close_stdin) },

	{ "junk", NULL, "npm's and binary noise before each message", ON_SEND,
	    DO(junk) },
	{ "byte-at-a-time", NULL, "one byte for each write", ON_SEND,
	    DO(byte_at_a_time) },
	{ "huge-line", "BYTES", "one line before the first call's answer",
	    ON_CALL, DO(huge_line) },
	{ "flood", NULL, "notifications for ever, once initialized",
	    ON_INITIALIZED, DO(flood) },
	{ "stderr-flood", "BYTES", "on standard error before the first read",
	    AT_START, DO(stderr_flood) },
	{ "stderr-binary", NULL, "8 KiB without a line end, at start", AT_START,
	    DO(stderr_binary) },
	{ "stderr-binary", NULL, "and at each call", ON_CALL,
	    DO(stderr_binary) },

	{ "ignore-sigterm", NULL, "and the end of standard input", AT_START,
	    DO(block_sigterm) },
	{ "ignore-sigterm", NULL, NULL, ON_END, DO(ignore) },
	{ "grandchild", NULL,
	    "in a session of its own, holding stdout for ever", AT_START,
	    DO(grandchild) },

	{ "wrong-id", NULL, "an id that nobody asked with", ON_ANSWER,
	    SAY("{\"jsonrpc\":\"2.0\",\"id\":999999999,\"result\":$R}") },
	{ "null-id", NULL, "the id null", ON_ANSWER,
	    SAY("{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":$R}") },
	{ "double-answer", NULL, "every answer twice", ON_ANSWER,
	    SAY("{\"jsonrpc\":\"2.0\",\"id\":$I,\"result\":$R}\n"
		"{\"jsonrpc\":\"2.0\",\"id\":$I,\"result\":$R}") },
	{ "float-id", NULL, "1.0 instead of 1", ON_ANSWER,
	    SAY("{\"jsonrpc\":\"2.0\",\"id\":$I.0,\"result\":$R}") },
	{ "string-id", NULL, "\"1\" instead of 1", ON_ANSWER,
	    SAY("{\"jsonrpc\":\"2.0\",\"id\":\"$I\",\"result\":$R}") },
	{ "bad-utf8", NULL, "bytes that are not UTF-8", ON_ANSWER,
	    SAY("{\"jsonrpc\":\"2.0\",\"id\":$I,\"result\":{\"content\":[{\"type\":"
		"\"text\",\"text\":\"\377\376\300\200\"}]}}") },
	{ "duplicate-keys", NULL, "id and result twice", ON_ANSWER,
	    SAY("{\"jsonrpc\":\"2.0\",\"id\":$I,\"id\":$I,\"result\":$R,"
		"\"result\":$R}") },
	{ "nan", NULL, "NaN as a number", ON_ANSWER,
	    SAY("{\"jsonrpc\":\"2.0\",\"id\":$I,\"result\":{\"content\":[],"
		"\"structuredContent\":{\"value\":NaN}}}") },
	{ "nul-key", NULL, "\\u0000 in a key", ON_ANSWER,
	    SAY("{\"jsonrpc\":\"2.0\",\"id\":$I,\"result\":{\"content\":[],"
		"\"structuredContent\":{\"a\\u0000b\":1}}}") },
	{ "deep", "N", "N arrays in each other", ON_ANSWER,
	    SAY("{\"jsonrpc\":\"2.0\",\"id\":$I,\"result\":{\"content\":[],"
		"\"structuredContent\":{\"deep\":$D}}}") },
	{ "batch", NULL, "answers in arrays", ON_ANSWER,
	    SAY("[{\"jsonrpc\":\"2.0\",\"id\":$I,\"result\":$R}]") },

	{ "many-tools", "N", "N tools on one page", ON_LIST, DO(many_tools) },
	{ "endless-pages", NULL, "always a next cursor", ON_LIST,
	    DO(endless_pages) },
	{ "repeat-cursor", NULL, "always the same next cursor", ON_LIST,
	    SAY("{\"jsonrpc\":\"2.0\",\"id\":$I,\"result\":{\"tools\":[{\"name\":"
		"\"echo\",\"inputSchema\":{\"type\":\"object\"}}],"
		"\"nextCursor\":\"again\"}}") },
	{ "change-tools-every", "MS", "and tell so, once initialized",
	    ON_INITIALIZED, DO(change_tools_every) },

	{ "wrong-revision", NULL, "one that there is not", ON_INITIALIZE,
	    SAY("{\"jsonrpc\":\"2.0\",\"id\":$I,\"result\":{\"protocolVersion\":"
		"\"1999-12-31\",\"capabilities\":{\"tools\":{}},\"serverInfo\":{"
		"\"name\":\"faulty\",\"version\":\"1\"}}}") },
	{ "no-capabilities", NULL, "none in initialize's answer", ON_INITIALIZE,
	    SAY("{\"jsonrpc\":\"2.0\",\"id\":$I,\"result\":{\"protocolVersion\":"
		"\"2025-06-18\",\"serverInfo\":{\"name\":\"faulty\","
		"\"version\":\"1\"}}}") },
	{ "error-on-initialize", NULL, "an error", ON_INITIALIZE,
	    SAY("{\"jsonrpc\":\"2.0\",\"id\":$I,\"error\":{\"code\":-32603,"
		"\"message\":\"not today\"}}") },

	{ "ask", NULL, "requests of its own, once initialized", ON_INITIALIZED,
	    DO(ask) },
	{ "ask", NULL, "answers go to standard error", ON_RESPONSE,
	    DO(tell_answer) },
};
#define FAULTS (sizeof(faults) / sizeof(faults[0]))

static struct wish wishes[FAULTS];

static void
say(struct faulty *faulty, const struct fault *fault,
    const struct occasion *occasion)
{
	struct buf line = { 0 };
	const char *at = fault->answer;
	const char *dollar;

	for (; (dollar = strchr(at, '$')) != NULL; at = dollar + 2) {
		server_format(&line, "%.*s", (int)(dollar - at), at);
		if (dollar[1] == 'I')
			server_format(&line, "%.*s", (int)occasion->id.len,
			    occasion->id.at);
		else if (dollar[1] == 'R')
			server_format(
			    &line, "%.*s", (int)occasion->len, occasion->text);
		else
			for (long long i = 0, n = wishes[fault - faults].number;
			     i < 2 * n; i++)
				server_format(&line, i < n ? "[" : "]");
	}
	server_format(&line, "%s\n", at);
	server_send(faulty->server, buf_data(&line), buf_len(&line));
	buf_free(&line);
}

bool
fault_happens(
    struct faulty *faulty, enum moment moment, const struct occasion *occasion)
{
	bool done = false;

	for (size_t i = 0; i < FAULTS; i++) {
		if (!wishes[i].wanted || faults[i].moment != moment)
			continue;
		if (faults[i].answer != NULL) {
			say(faulty, &faults[i], occasion);
			done = true;
		} else if (faults[i].act(faulty, &wishes[i], occasion)) {
			done = true;
		}
	}
	return done;
}

static _Noreturn void
help(int code)
{
	FILE *to = code == 0 ? stdout : stderr;

	fprintf(to,
	    "usage: mcp-server-faulty [flags]\n"
	    "An MCP server for tests, with the tools echo, sleep and big, that\n"
	    "misbehaves in the ways its flags name:\n");
	for (size_t i = 0; i < FAULTS; i++)
		if (faults[i].help != NULL)
			fprintf(to, "  --%s%s%s\t%s\n", faults[i].name,
			    faults[i].argument != NULL ? " " : "",
			    faults[i].argument != NULL ? faults[i].argument
						       : "",
			    faults[i].help);
	exit(code);
}

/* The argument of a flag; how many words of the command line it took. */
static int
read_argument(size_t i, const char *word)
{
	bool missing = word == NULL || strncmp(word, "--", 2) == 0;

	wishes[i].wanted = true;
	if (faults[i].argument == NULL ||
	    (missing && *faults[i].argument == '['))
		return 0;
	if (missing)
		help(2);
	wishes[i].text = word;
	if (strcmp(faults[i].argument, "TOOL") != 0)
		wishes[i].number =
		    option_number(faults[i].name, word, 0, NUMBER_MAX);
	return 1;
}

void
fault_options(int argc, char **argv)
{
	for (int at = 1; at < argc;) {
		const char *word = argv[at++];
		bool known = false;
		int took = 0;

		if (strcmp(word, "--help") == 0)
			help(0);
		for (size_t i = 0; i < FAULTS; i++) {
			if (strncmp(word, "--", 2) != 0 ||
			    strcmp(word + 2, faults[i].name) != 0)
				continue;
			known = true;
			took = read_argument(i, at < argc ? argv[at] : NULL);
		}
		if (!known)
			help(2);
		at += took;
	}
}
