/* http_words.h: the characters and words of HTTP that the guard knows. */
#ifndef FRONT_HTTP_WORDS_H
#define FRONT_HTTP_WORDS_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum http_method {
	HTTP_METHOD_OTHER,
	HTTP_METHOD_GET,
	HTTP_METHOD_POST,
	HTTP_METHOD_DELETE,
	HTTP_METHOD_OPTIONS,
	HTTP_METHOD_HEAD,
};

/*
 * Headers that must not stand twice: evhttp reads the first, another reader may
 * take the last.  All others may be repeated.
 */
enum http_header {
	HTTP_HEADER_OTHER,
	HTTP_HEADER_HOST,
	HTTP_HEADER_ORIGIN,
	HTTP_HEADER_AUTHORIZATION,
	HTTP_HEADER_CONTENT_TYPE,
	HTTP_HEADER_CONTENT_LENGTH,
	HTTP_HEADER_TRANSFER_ENCODING,
	HTTP_HEADER_EXPECT,
	HTTP_HEADER_MCP_PROTOCOL_VERSION,
	HTTP_HEADER_MCP_SESSION_ID,
	HTTP_HEADER_MCP_METHOD,
	HTTP_HEADER_MCP_NAME,
	HTTP_HEADER_LAST_EVENT_ID,
	HTTP_HEADER_ACCEPT, /* may be repeated, too */
};
#define HTTP_HEADERS 14

/* The method that these bytes are; methods know their case. */
enum http_method http_words_method(const char *text, size_t len);

/* The header that these token bytes name, in any case. */
enum http_header http_words_header(const char *text, size_t len);

/*
 * True when these visible bytes are the lower-case word, in any case.  word has
 * only a-z, 0-9 and '-'.
 */
bool http_words_equal(const char *text, const char *word, size_t len);

/* What a status is called (RFC 9110, 15); one that we do not send: "". */
const char *http_words_reason(int status);

/* The body of an error, with a reason of at most 160 bytes and its NUL. */
#define HTTP_ERROR_MAX 256
/*
 * Write the body of an answer that refuses a request: a JSON-RPC error without
 * an id, as MCP wants it.  why is cut; it has nothing to escape.  Returns the
 * length.
 */
size_t http_words_error(char body[HTTP_ERROR_MAX], const char *why);

/* Such an answer with its head. */
#define HTTP_REFUSAL_MAX (HTTP_ERROR_MAX + 256)
/* Write the answer that refuses a request and ends its connection.  status is
 * one that has a name.  Returns the length. */
size_t http_words_refusal(
    char text[HTTP_REFUSAL_MAX], int status, const char *why);

/* The first byte from at on that is not of a token (RFC 9110, 5.6.2), or end.
 */
const char *http_words_skip_token(const char *at, const char *end);

/* The first byte from at on that is not within low..0x7e, or end; low is 0x20
 * or 0x21. */
static inline const char *
http_words_skip_visible(const char *at, const char *end, unsigned int low)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t word;

	/*
	 * The top bit of a byte of the sum shows what is wrong: it was set
	 * already, or set by the borrow below low, or by 0x7f + 1.  Borrows
	 * spoil only bytes above a wrong one, so that the lowest is exact.
	 */
	while (end - at >= 8) {
		memcpy(&word, at, 8);
		word = le64toh(word);
		word =
		    ((word - ones * low) | word | (word + ones)) & (ones << 7);
		if (word != 0)
			return at + __builtin_ctzll(word) / 8;
		at += 8;
	}
	while (at < end && (unsigned char)*at - low <= 0x7e - low)
		at++;
	return at;
}

#endif
