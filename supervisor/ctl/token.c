/* token.c: bearer tokens (RFC 6750) for clients, and their hashes. */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>
#include <sha2.h>

#include "commands.h"
#include "config.h"
#include "page.h"
#include "token.h"

/* Nobody guesses 256 bits. */
#define RANDOM_BYTES 32

/* A token of somebody else's making that is shorter can be guessed. */
#define SHORT_LEN 20

void
token_make(char dst[TOKEN_SIZE])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789-_";
	uint8_t bytes[RANDOM_BYTES];
	char *at = dst + strlcpy(dst, TOKEN_PREFIX, TOKEN_SIZE);
	uint32_t bits = 0;
	unsigned int have = 0;

	arc4random_buf(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bits = (bits << 8 | bytes[i]) & 0xffff;
		for (have += 8; have >= 6; have -= 6)
			*at++ = digits[bits >> (have - 6) & 0x3f];
	}
	*at++ = digits[bits << (6 - have) & 0x3f]; /* 32 bytes leave 4 bits */
	*at = '\0';
	explicit_bzero(bytes, sizeof(bytes));
}

bool
token_is_good(const char *token)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789-._~+/";
	size_t n = strspn(token, letters);

	return n > 0 && token[n + strspn(token + n, "=")] == '\0';
}

void
token_hash(char dst[TOKEN_HASH_SIZE], const char *token)
{
	char hex[SHA256_DIGEST_STRING_LENGTH];

	(void)SHA256Data((const uint8_t *)token, strlen(token), hex);
	(void)snprintf(dst, TOKEN_HASH_SIZE, "sha256:%s", hex);
	explicit_bzero(hex, sizeof(hex));
}

/* The first line of standard input. */
static bool
read_token(char *dst, size_t size)
{
	if (isatty(STDIN_FILENO) == 1)
		fputs("token: ", stderr);
	if (fgets(dst, (int)size, stdin) == NULL) {
		warnx("there is no token on standard input");
		return false;
	}
	dst[strcspn(dst, "\r\n")] = '\0';
	if (strlen(dst) + 1 >= size || !token_is_good(dst)) {
		warnx("a token is one line of at most %zu letters, digits and "
		      "-._~+/, with \"=\" at its end only (RFC 6750)",
		    size - 2);
		return false;
	}
	if (strlen(dst) < SHORT_LEN)
		warnx("this token is short enough to be guessed; "
		      "\"mcp-gatewayctl token\" makes a better one");
	return true;
}

/* What goes into the configuration; a JSON string needs no escape of a
 * terminal's, json-c leaves what is above ASCII. */
static void
print_entry(FILE *to, const char *name, const char *hash)
{
	struct json_object *key = json_object_new_string(name);
	const char *quoted = key != NULL ? json_object_to_json_string_ext(key,
					       JSON_C_TO_STRING_NOSLASHESCAPE)
					 : NULL;

	if (quoted == NULL)
		err(EXIT_REFUSED, NULL);
	fprintf(to,
	    "\"gateway\": {\n\t\"tokens\": {\n\t\t%s: { \"hash\": \"%s\" }\n"
	    "\t}\n}\n",
	    quoted, hash);
	json_object_put(key);
}

int
command_token(const struct options *opt)
{
	const char *name = opt->arg_count > 0 ? opt->args[0] : "NAME";
	char token[TOKEN_READ_MAX];
	char hash[TOKEN_HASH_SIZE];
	char *safe = page_safe(name);
	bool plain = strcmp(safe, name) == 0 && strlen(name) <= CONFIG_NAME_MAX;

	free(safe);
	if (!plain) {
		warnx("a token's name has at most %d bytes and no control "
		      "characters",
		    CONFIG_NAME_MAX);
		return EXIT_USAGE;
	}
	if (!opt->hash && !opt->from_stdin)
		token_make(token);
	else if (!read_token(token, sizeof(token)))
		return EXIT_REFUSED;
	token_hash(hash, token);
	if (opt->hash) {
		(void)puts(hash);
	} else if (opt->from_stdin) {
		print_entry(stdout, name, hash);
	} else {
		(void)puts(token);
		(void)fflush(stdout);
		fputs("The client sends it as \"Authorization: Bearer …\"; it "
		      "is not shown again.\nThe configuration gets its hash, "
		      "and then \"mcp-gatewayctl reload\":\n\n",
		    stderr);
		print_entry(stderr, name, hash);
	}
	explicit_bzero(token, sizeof(token));
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return 0;
	warn("cannot write to standard output");
	return EXIT_REFUSED;
}
