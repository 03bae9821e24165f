/* test_guard_http.c: request lines, headers, sequences and limits. */
#include "guard_cases.h"

static void
request_lines_are_strict(void **state)
{
	static const struct stream cases[] = {
		LINE("GET", "GET /sse HTTP/1.1", 0),
		LINE("POST", "POST /messages?session_id=00ff HTTP/1.1", 0),
		LINE("DELETE", "DELETE /mcp HTTP/1.1", 0),
		LINE("OPTIONS", "OPTIONS /mcp HTTP/1.1", 0),
		LINE("HEAD", "HEAD /healthz HTTP/1.1", 0),
		LINE("shortest target", "GET / HTTP/1.1", 0),
		LINE("slash later", "GET /a//b HTTP/1.1", 0),
		LINE("all visible bytes",
		    "GET /!\"$%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~ HTTP/1.1", 0),
		LINE("PUT", "PUT /x HTTP/1.1", 405),
		LINE("PATCH", "PATCH /x HTTP/1.1", 405),
		LINE("TRACE", "TRACE / HTTP/1.1", 405),
		LINE("CONNECT", "CONNECT a:443 HTTP/1.1", 405),
		LINE("lower case", "get / HTTP/1.1", 405),
		LINE("mixed case", "Post / HTTP/1.1", 405),
		LINE("prefix of a method", "GE / HTTP/1.1", 405),
		LINE("longer than a method", "GETS / HTTP/1.1", 405),
		LINE("odd token", "!#$%&'*+-.^_`|~ / HTTP/1.1", 405),
		LINE("method too long",
		    "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1", 400),
		LINE("longest method",
		    "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / HTTP/1.1", 405),
		LINE("no method", " / HTTP/1.1", 400),
		LINE("method with a bracket", "G(T / HTTP/1.1", 400),
		LINE("tab after the method", "GET\t/ HTTP/1.1", 400),
		LINE("two spaces", "GET  / HTTP/1.1", 400),
		LINE("absolute form", "GET http://good/ HTTP/1.1", 400),
		LINE("authority", "GET //evil/../x HTTP/1.1", 400),
		LINE("two slashes alone", "GET // HTTP/1.1", 400),
		LINE("asterisk", "OPTIONS * HTTP/1.1", 400),
		LINE("no slash", "GET sse HTTP/1.1", 400),
		LINE("space in target", "GET /a b HTTP/1.1", 400),
		LINE("tab in target", "GET /a\tb HTTP/1.1", 400),
		LINE("0x01 in target", "GET /a\001b HTTP/1.1", 400),
		LINE("0x7f in target", "GET /a\177b HTTP/1.1", 400),
		LINE("UTF-8 in target", "GET /\303\244 HTTP/1.1", 400),
		LINE("NUL in target", "GET /a\0b HTTP/1.1", 400),
		LINE("NUL in method", "G\0T / HTTP/1.1", 400),
		LINE("NUL first", "\0GET / HTTP/1.1", 400),
		LINE("HTTP/1.0", "GET / HTTP/1.0", 505),
		LINE("HTTP/2.0", "GET / HTTP/2.0", 505),
		LINE("HTTP/1.99", "GET / HTTP/1.99", 505),
		LINE("HTTP/-1.1", "GET / HTTP/-1.1", 505),
		LINE("HTTP/0.5", "GET / HTTP/0.5", 505),
		LINE("overflowing version", "GET / HTTP/1.4294967297", 505),
		LINE("HTTP/1.10", "GET / HTTP/1.10", 505),
		LINE("HTTP/ alone", "GET / HTTP/", 505),
		LINE(
		    "version too long", "GET / HTTP/1.429496729742949672", 400),
		LINE("http/1.1", "GET / http/1.1", 400),
		LINE("another protocol", "GET / ICY/1.1", 400),
		LINE("no version", "GET /", 400),
		LINE("empty version", "GET / ", 400),
		LINE("space after version", "GET / HTTP/1.1 ", 400),
		LINE("word after version", "GET / HTTP/1.1 x", 400),
		LINE("tab after version", "GET / HTTP/1.1\t", 400),
		S("bare LF", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400, 0, 0),
		S("bare CR", "GET / HTTP/1.1\rHost: a\r\n\r\n", 400, 0, 0),
		S("CR CR LF", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", 400, 0, 0),
		S("empty line first", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		    400, 0, 0),
		S("LF first", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, 0, 0),
		S("HTTP/0.9", "GET /\r\n", 400, 0, 0),
		S("h2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 405, 0, 0),
		S("TLS", "\026\003\001\002\000\001\000\001\374\003\003", 400, 0,
		    0),
		S("PROXY", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n", 405, 0, 0),
		S("a response", "HTTP/1.1 200 OK\r\n\r\n", 400, 0, 0),
		S("JSON", "{\"jsonrpc\":\"2.0\"}", 400, 0, 0),
	};

	(void)state;
	ALL(cases);
}

static void
header_lines_are_strict(void **state)
{
	static const struct stream cases[] = {
		GET("no more headers", "Accept: */*", 0),
		GET("no space after the colon", "Accept:*/*", 0),
		GET("spaces around", "Accept:   */*   ", 0),
		GET("tabs within", "Accept: a\tb\t", 0),
		GET("empty value", "Accept:", 0),
		GET("empty value with spaces", "Accept:  ", 0),
		GET("all token bytes", "!#$%&'*+-.^_`|~09AZaz: x", 0),
		GET("all visible bytes",
		    "X: !\"#$%&'()*+,-./0123456789:;<=>?@ABCXYZ[\\]^_`abcxyz{|}"
		    "~",
		    0),
		GET("repeated header", "Accept: a\r\nAccept: b", 0),
		GET("long name",
		    "X-A-Name-That-Is-Longer-Than-What-Is-Kept-Of-It: x", 0),
		GET("keep-alive", "Connection: keep-alive", 0),
		GET("close", "Connection: close", 0),
		GET("list", "Connection: keep-alive, Upgrade\r\nUpgrade: h2c",
		    0),
		GET("close in a list", "Connection: close, foo", 0),
		GET("repeated Connection",
		    "Connection: TE\r\nConnection: close\r\nTE: trailers", 0),
		GET("almost Host", "Hosts: b\r\nHos: b\r\nX-Host: b", 0),
		GET("space before colon", "Accept : x", 400),
		GET("space in name", "Acc ept: x", 400),
		GET("tab before colon", "Accept\t: x", 400),
		GET("empty name", ": x", 400),
		GET("no colon", "Accept", 400),
		GET("folded", "Accept: a\r\n b", 400),
		GET("folded with tab", "Accept: a\r\n\tb", 400),
		GET("NUL first", "\0Accept: a", 400),
		GET("NUL in name", "Acc\0ept: a", 400),
		GET("NUL in value", "Accept: a\0b", 400),
		GET("NUL as value", "Accept: \0", 400),
		GET("bell in value", "Accept: a\007b", 400),
		GET("escape in value", "User-Agent: a\033]0;x\007", 400),
		GET("0x1f in value", "Accept: aaaaaaaa\037bbbbbbbbbbbbbbb",
		    400),
		GET("DEL in value", "Accept: aaaaaaaaaaa\177bbbbbbbbbbbb", 400),
		GET("0x80 in value", "Accept: aaaaaaaaaaa\200bbbbbbbbbbbb",
		    400),
		GET("0xff in value", "Accept: aaaaaaaaaaa\377bbbbbbbbbbbb",
		    400),
		GET("UTF-8 in value", "Accept: \303\244", 400),
		GET("UTF-8 in name", "Acc\303\244pt: x", 400),
		GET("bracket in name", "Acc(ept: x", 400),
		GET("quote in name", "\"Accept\": x", 400),
		GET("bare CR in value", "Accept: a\rb", 400),
		GET("bare LF in value", "Accept: a\nB: c", 400),
		GET("bare LF in name", "Acc\nept: a", 400),
		GET("CR CR LF", "Accept: a\r\r", 400),
		GET("tab before value", "Accept:\tx", 400),
		GET("space and tab before value", "Accept: \tx", 400),
		S("bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400,
		    0, 0),
		S("bare CR at the end", "GET / HTTP/1.1\r\nHost: a\r\n\rx", 400,
		    0, 0),
		S("folded first line", "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
		    400, 0, 0),
	};

	(void)state;
	ALL(cases);
}

static void
some_headers_stand_once(void **state)
{
	static const struct stream cases[] = {
		S("no Host", "GET / HTTP/1.1\r\nAccept: x\r\n\r\n", 400, 0, 0),
		S("no header", "GET / HTTP/1.1\r\n\r\n", 400, 0, 0),
		S("empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, 0, 0),
		S("spaces as Host", "GET / HTTP/1.1\r\nHost:   \r\n\r\n", 400,
		    0, 0),
		S("HOST", "GET / HTTP/1.1\r\nHOST: a\r\n\r\n", 0, 1, 1),
		S("hOsT", "GET / HTTP/1.1\r\nhOsT: a\r\n\r\n", 0, 1, 1),
		GET("Host", "Host: a", 400),
		GET("host", "host: b", 400),
		GET("Origin", "Origin: a\r\nOrigin: a", 400),
		GET("Authorization", "Authorization: a\r\nauthorization: b",
		    400),
		GET("Content-Type", "Content-Type: a\r\nCONTENT-TYPE: b", 400),
		GET("MCP-Protocol-Version",
		    "MCP-Protocol-Version: a\r\nMcp-Protocol-Version: b", 400),
		GET("Mcp-Session-Id", "Mcp-Session-Id: a\r\nmcp-session-id: a",
		    400),
		GET("Mcp-Method", "Mcp-Method: a\r\nMcp-Method: b", 400),
		GET("Mcp-Name", "Mcp-Name: a\r\nMcp-Name: b", 400),
		GET("Last-Event-ID", "Last-Event-ID: 1\r\nLast-Event-Id: 2",
		    400),
		GET("Expect", "Expect: 100-continue\r\nExpect: 100-continue",
		    400),
		GET("once each",
		    "Origin: a\r\nAuthorization: a\r\nContent-Type: a\r\n"
		    "MCP-Protocol-Version: a\r\nMcp-Session-Id: a\r\n"
		    "Mcp-Method: a\r\nMcp-Name: a\r\nLast-Event-ID: a",
		    0),
	};

	(void)state;
	ALL(cases);
}

static void
requests_follow_each_other(void **state)
{
	static const struct stream cases[] = {
		S("nothing", "", 0, 0, 0),
		S("two GETs",
		    "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
		    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		    0, 2, 2),
		S("all kinds",
		    "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
		    "POST / HTTP/1.1\r\nContent-Length: 3\r\nHost: a\r\n\r\nabc"
		    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked"
		    "\r\n\r\n1\r\nx\r\n2\r\nxy\r\n0\r\n\r\n"
		    "POST / HTTP/1.1\r\nHost: a\r\n\r\n"
		    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked"
		    "\r\n\r\n3\r\nxyz\r\n0\r\n\r\n"
		    "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n",
		    0, 6, 6),
		S("nothing is left over from the one before",
		    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
		    "Expect: 100-continue\r\n\r\nx"
		    "POST / HTTP/1.1\r\n\r\n",
		    400, 1, 1),
		S("the second is refused",
		    "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
		    "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
		    505, 1, 1),
		S("the second begins",
		    "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP", 0, 1, 1),
		S("CRLF after a body",
		    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"
		    "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		    400, 1, 1),
	};

	(void)state;
	ALL(cases);
}

static void
places_are_told(void **state)
{
	static const char text[] =
	    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
	const size_t head = sizeof(text) - 3;
	struct guard_http g = { 0 };
	struct guard_refusal r;
	size_t i;

	(void)state;
	assert_true(guard_http_idle(&g));
	assert_false(guard_http_in_head(&g));
	for (i = 0; i < sizeof(text) - 1; i++) {
		assert_true(guard_http_feed(&g, text + i, 1, &r));
		assert_int_equal(guard_http_in_head(&g), i + 1 < head);
		assert_int_equal(g.heads, i + 1 >= head);
		assert_int_equal(guard_http_idle(&g), i + 1 == head + 2);
	}
	assert_int_equal(g.messages, 1);
	assert_true(guard_http_feed(&g, "G", 1, &r));
	assert_true(guard_http_in_head(&g));
}

static void
what_was_refused_stays_refused(void **state)
{
	static const char good[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
	struct guard_http g = { 0 };
	struct guard_refusal r;

	(void)state;
	assert_false(guard_http_feed(&g, "\r", 1, &r));
	assert_false(guard_http_feed(&g, good, sizeof(good) - 1, &r));
	assert_false(guard_http_in_head(&g));
	assert_false(guard_http_idle(&g));
	assert_int_equal(g.heads, 0);
}

/* Feed start, n times fill, end; the verdict in pieces of several sizes. */
static int
status_of(const char *start, size_t n, const char *fill, const char *end,
    uint32_t *messages)
{
	const size_t sizes[] = { 1, 2, 3, 7, 8, 64, 1000, SIZE_MAX };
	const size_t fill_len = strlen(fill);
	const size_t len = strlen(start) + n * fill_len + strlen(end);
	char *text = malloc(len);
	struct guard_refusal r;
	int status = -1;
	size_t i, at, step;

	assert_non_null(text);
	memcpy(text, start, strlen(start));
	for (i = 0; i < n; i++)
		memcpy(text + strlen(start) + i * fill_len, fill, fill_len);
	memcpy(text + len - strlen(end), end, strlen(end));
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct guard_http g = { 0 };

		r.status = 0;
		for (at = 0; at < len; at += step) {
			step = sizes[i] < len - at ? sizes[i] : len - at;
			if (!guard_http_feed(&g, text + at, step, &r))
				break;
		}
		if (i > 0) {
			assert_int_equal(r.status, status);
			assert_int_equal(g.messages, *messages);
		}
		status = r.status;
		*messages = g.messages;
	}
	free(text);
	return status;
}

static void
limits_hold_at_the_last_byte(void **state)
{
	static const char line[] = "GET / HTTP/1.1\r\n";
	static const char host[] = " HTTP/1.1\r\nHost: a\r\n\r\n";
	static const char filler[] = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
	const size_t room = GUARD_HEAD_MAX - (sizeof(filler) - 1) - 4;
	uint32_t n;

	(void)state;
	/* The slash of the target is one of its 8,192 bytes. */
	assert_int_equal(status_of("GET /", 8191, "x", host, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(status_of("GET /", 8192, "x", host, &n), 414);
	assert_int_equal(status_of("GET /", 20000, "x", "", &n), 414);
	assert_int_equal(n, 0);
	/* Host is one of the 100 headers. */
	assert_int_equal(
	    status_of(line, 99, "X: y\r\n", "Host: a\r\n\r\n", &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(
	    status_of(line, 100, "X: y\r\n", "Host: a\r\n\r\n", &n), 431);
	assert_int_equal(n, 0);
	assert_int_equal(status_of(filler, room, "x", "\r\n\r\n", &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(status_of(filler, room + 1, "x", "\r\n\r\n", &n), 431);
	assert_int_equal(status_of(filler, 40000, "x", "", &n), 431);
	assert_int_equal(status_of(filler, 40000, " ", "", &n), 431);
	assert_int_equal(
	    status_of("GET / HTTP/1.1\r\n", 40000, "X", "", &n), 431);
	assert_int_equal(n, 0);
	/* Each head has its own limit. */
	assert_int_equal(
	    status_of("", 2000, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "", &n),
	    0);
	assert_int_equal(n, 2000);
}

/* Every byte at every place of a value of every length up to three words. */
static void
every_byte_is_judged_at_every_place(void **state)
{
	char text[128];
	struct guard_refusal r;
	size_t len, at, n;
	int c;

	(void)state;
	for (len = 1; len <= 24; len++)
		for (at = 0; at < len; at++)
			for (c = 0; c < 256; c++) {
				const bool good = (c >= 0x20 && c < 0x7f) ||
				    (c == '\t' && at > 0);
				struct guard_http g = { 0 };

				n = (size_t)snprintf(text, sizeof(text),
				    "GET / HTTP/1.1\r\nHost: a\r\nX:%.*s"
				    "\r\n\r\n",
				    (int)len, "aaaaaaaaaaaaaaaaaaaaaaaa");
				text[27 + at] = (char)c;
				assert_int_equal(
				    guard_http_feed(&g, text, n, &r), good);
			}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_lines_are_strict),
		cmocka_unit_test(header_lines_are_strict),
		cmocka_unit_test(some_headers_stand_once),
		cmocka_unit_test(requests_follow_each_other),
		cmocka_unit_test(places_are_told),
		cmocka_unit_test(what_was_refused_stays_refused),
		cmocka_unit_test(limits_hold_at_the_last_byte),
		cmocka_unit_test(every_byte_is_judged_at_every_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
