/* secret.h: bytes that are secret, compared. */
#ifndef FRONT_SECRET_H
#define FRONT_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* Compare in the same time whatever the bytes are. */
static inline bool
secret_equal(const void *a, const void *b, size_t n)
{
	const unsigned char *left = a;
	const unsigned char *right = b;
	unsigned char different = 0;

	for (size_t i = 0; i < n; i++)
		different |= left[i] ^ right[i];
	return different == 0;
}

#endif
