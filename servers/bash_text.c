/* bash_text.c: the words and the layout of mcp-server-bash's answers. */
#include "bash_text.h"

#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "server.h"

/* The words of one language; a command stands between before and after. */
struct words {
	const char *name;
	const char *description;
	const char *command;
	const char *timeout;
	const char *exit_code;
	const char *signal; /* NULL: the code of a signal is its negative */
	const char *out;
	const char *err;
	const char *cut_first;
	const char *cut_of;
	const char *cut_end;
	const char *empty;
	const char *late_before;
	const char *late_after;
	const char *shell_before;
	const char *shell_after;
	const char *failed_before;
	const char *failed_after;
	bool late_output; /* what came before a timeout is shown too */
};

static const struct words languages[BASH_LANGUAGES] = {
	[BASH_ENGLISH] = {
		.name = "en",
		.description =
		    "Run a command with bash on the server and return its exit "
		    "code, standard output and standard error. Standard input "
		    "is empty. Processes left in the background are ended when "
		    "the command ends.",
		.command =
		    "What `bash -c` runs, for example: ls -l | head",
		.timeout = "Seconds after which the command is ended",
		.exit_code = "Exit code: ",
		.signal = "Signal: ",
		.out = "--- STDOUT ---\n",
		.err = "--- STDERR ---\n",
		.cut_first = "[cut: the first ",
		.cut_of = " of ",
		.cut_end = " bytes]",
		.empty = "Error: the command is empty.",
		.late_before = "Error: the command '",
		.late_after = "' timed out.",
		.shell_before = "Error: there is no bash to run the command '",
		.shell_after = "'.",
		.failed_before = "Error: the command '",
		.failed_after = "' could not be run: ",
		.late_output = true,
	},
	[BASH_CHINESE] = {
		.name = "zh",
		.description =
		    "在服务器上执行 bash 命令, 返回退出码, stdout 和 stderr. "
		    "标准输入为空. 命令结束时, 其后台进程也会被终止.",
		.command = "bash 命令 (例如 \"ls -l\", \"echo 'hello world'\")",
		.timeout = "超时秒数",
		.exit_code = "退出码: ",
		.signal = NULL,
		.out = "--- 标准输出 (STDOUT) ---\n",
		.err = "--- 标准错误 (STDERR) ---\n",
		.cut_first = "[已截断: 前 ",
		.cut_of = " 字节, 共 ",
		.cut_end = " 字节]",
		.empty = "错误：命令不能为空。",
		.late_before = "错误：执行命令 '",
		.late_after = "' 超时。",
		.shell_before = "错误: 无法找到或执行 shell 来处理命令 '",
		.shell_after = "'。",
		.failed_before = "执行命令 '",
		.failed_after = "' 时发生错误: ",
		.late_output = false,
	},
};

int
bash_language_find(const char *name)
{
	for (int i = 0; i < BASH_LANGUAGES; i++)
		if (strcmp(languages[i].name, name) == 0)
			return i;
	return -1;
}

void
bash_text_tool(struct buf *json, enum bash_language language, uint32_t limit_s)
{
	const struct words *words = &languages[language];

	server_format(json, "{\"name\":\"bash\",\"description\":");
	server_quote(json, words->description, strlen(words->description));
	server_format(json,
	    ",\"inputSchema\":{\"type\":\"object\",\"properties\":{"
	    "\"command\":{\"type\":\"string\",\"description\":");
	server_quote(json, words->command, strlen(words->command));
	server_format(json,
	    "},\"timeout\":{\"type\":\"number\",\"exclusiveMinimum\":0,"
	    "\"maximum\":%" PRIu32 ",\"default\":%" PRIu32 ",\"description\":",
	    limit_s, limit_s);
	server_quote(json, words->timeout, strlen(words->timeout));
	server_format(json,
	    "}},\"required\":[\"command\"]},"
	    "\"outputSchema\":{\"type\":\"object\",\"properties\":{"
	    "\"exit_code\":{\"type\":[\"integer\",\"null\"]},"
	    "\"signal\":{\"type\":[\"string\",\"null\"]},"
	    "\"stdout\":{\"type\":\"string\"},"
	    "\"stderr\":{\"type\":\"string\"},"
	    "\"timed_out\":{\"type\":\"boolean\"},"
	    "\"truncated\":{\"type\":\"boolean\"}},"
	    "\"required\":[\"exit_code\",\"signal\",\"stdout\",\"stderr\","
	    "\"timed_out\",\"truncated\"]},"
	    "\"annotations\":{\"title\":\"bash\",\"readOnlyHint\":false,"
	    "\"destructiveHint\":true,\"idempotentHint\":false,"
	    "\"openWorldHint\":true}}");
}

/* Bytes without a UTF-8 sequence that the limit cut in the middle. */
static size_t
whole_characters(const struct command_stream *stream)
{
	size_t len = buf_len(&stream->kept);
	const unsigned char *bytes;

	if (stream->total <= len || len == 0)
		return len;
	bytes = (const unsigned char *)buf_data(&stream->kept);
	for (size_t back = 1; back <= 3 && back <= len; back++) {
		unsigned char byte = bytes[len - back];
		size_t need = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;

		if (byte < 0x80)
			break;
		if (byte >= 0xc0)
			return need > back ? len - back : len;
	}
	return len;
}

static bool
is_cut(const struct command_stream *stream)
{
	return stream->total > buf_len(&stream->kept);
}

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The stream without white space around it, and what is missing of it. */
static void
add_stream(struct buf *text, const struct words *words,
    const struct command_stream *stream)
{
	size_t len = whole_characters(stream);
	const char *bytes = len > 0 ? buf_data(&stream->kept) : "";

	while (len > 0 && is_space(bytes[len - 1]))
		len--;
	while (len > 0 && is_space(*bytes)) {
		bytes++;
		len--;
	}
	if (len > 0 && buf_add(text, bytes, len) == -1)
		err(1, "output");
	if (is_cut(stream))
		server_format(text, "\n%s%zu%s%" PRIu64 "%s", words->cut_first,
		    buf_len(&stream->kept), words->cut_of, stream->total,
		    words->cut_end);
}

static void
add_signal_name(struct buf *b, int number)
{
	const char *name = sigabbrev_np(number);

	if (name != NULL)
		server_format(b, "SIG%s", name);
	else
		server_format(b, "SIG%d", number);
}

static void
add_ending(struct buf *text, const struct words *words, int status)
{
	if (!WIFSIGNALED(status)) {
		server_format(
		    text, "%s%d", words->exit_code, WEXITSTATUS(status));
	} else if (words->signal == NULL) {
		server_format(
		    text, "%s%d", words->exit_code, -WTERMSIG(status));
	} else {
		server_format(text, "%s", words->signal);
		add_signal_name(text, WTERMSIG(status));
	}
}

static void
add_text(struct buf *text, const struct words *words, const char *command,
    const struct command_report *report)
{
	if (report->timed_out) {
		server_format(text, "%s%s%s", words->late_before, command,
		    words->late_after);
		if (!words->late_output)
			return;
	} else {
		add_ending(text, words, report->wait_status);
	}
	server_format(text, "\n\n%s", words->out);
	add_stream(text, words, &report->out);
	server_format(text, "\n\n%s", words->err);
	add_stream(text, words, &report->err);
}

static void
quote_stream(struct buf *json, const struct command_stream *stream)
{
	size_t len = whole_characters(stream);

	server_quote(json, len > 0 ? buf_data(&stream->kept) : "", len);
}

static void
add_structured(struct buf *json, const struct command_report *report)
{
	int status = report->wait_status;

	server_format(json, "{\"exit_code\":");
	if (WIFSIGNALED(status)) {
		server_format(json, "null,\"signal\":\"");
		add_signal_name(json, WTERMSIG(status));
		server_format(json, "\"");
	} else {
		server_format(json, "%d,\"signal\":null", WEXITSTATUS(status));
	}
	server_format(json, ",\"stdout\":");
	quote_stream(json, &report->out);
	server_format(json, ",\"stderr\":");
	quote_stream(json, &report->err);
	server_format(json, ",\"timed_out\":%s,\"truncated\":%s}",
	    report->timed_out ? "true" : "false",
	    is_cut(&report->out) || is_cut(&report->err) ? "true" : "false");
}

void
bash_text_result(struct buf *json, enum bash_language language,
    const char *command, const struct command_report *report)
{
	struct buf text = { 0 };

	add_text(&text, &languages[language], command, report);
	server_format(json, "{\"content\":[{\"type\":\"text\",\"text\":");
	server_quote(json, buf_data(&text), buf_len(&text));
	buf_free(&text);
	server_format(json, "}],\"structuredContent\":");
	add_structured(json, report);
	server_format(
	    json, ",\"isError\":%s}", report->timed_out ? "true" : "false");
}

const char *
bash_text_empty(enum bash_language language)
{
	return languages[language].empty;
}

void
bash_text_failure(struct buf *text, enum bash_language language,
    const char *command, int error)
{
	const struct words *words = &languages[language];

	if (error == ENOENT)
		server_format(text, "%s%s%s", words->shell_before, command,
		    words->shell_after);
	else
		server_format(text, "%s%s%s%s", words->failed_before, command,
		    words->failed_after, strerror(error));
}
