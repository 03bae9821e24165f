/* token.h: bearer tokens for clients, and their hashes. */
#ifndef CTL_TOKEN_H
#define CTL_TOKEN_H

#include <stdbool.h>

/* By it a token that leaked is found in files and logs. */
#define TOKEN_PREFIX "mcpgw_"

/* The prefix, 32 bytes as base64url without "=", and a NUL. */
#define TOKEN_SIZE (sizeof(TOKEN_PREFIX) + 43)

/* "sha256:", 64 hexadecimal digits and a NUL. */
#define TOKEN_HASH_SIZE 72

/* A line with somebody else's token; signed ones are long. */
#define TOKEN_READ_MAX 4096

/* A new one. */
void token_make(char dst[TOKEN_SIZE]);

/* b64token of RFC 6750, 2.1. */
bool token_is_good(const char *token);

/* What the configuration has of it. */
void token_hash(char dst[TOKEN_HASH_SIZE], const char *token);

#endif
