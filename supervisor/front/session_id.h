/* session_id.h: the secret that a client names its session by. */
#ifndef FRONT_SESSION_ID_H
#define FRONT_SESSION_ID_H

#include <stdbool.h>
#include <stddef.h>

/* 128 random bits, as 32 hexadecimal digits. */
#define SESSION_ID_BYTES 16
#define SESSION_ID_TEXT  (2 * SESSION_ID_BYTES)

/* Write the SESSION_ID_TEXT digits and a NUL to text. */
void session_id_format(const unsigned char *id, char *text);

/*
 * Read 32 hexadecimal digits in either case, or the same as a UUID's five
 * groups with dashes, to id[SESSION_ID_BYTES].  0, or -1 for all else.
 */
int session_id_parse(unsigned char *id, const char *text, size_t len);

/* Compare in the same time whatever the bytes are. */
bool session_id_equal(const unsigned char *a, const unsigned char *b);

#endif
