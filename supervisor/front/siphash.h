/*
 * siphash.h: SipHash-2-4 with 128 bits (Aumasson and Bernstein, 2012): a hash
 * that nobody can foresee who does not know the key.
 */
#ifndef FRONT_SIPHASH_H
#define FRONT_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t k[2];
};

/* The hash of bytes[0..n) as two words; random keys come of arc4random(3). */
void siphash(const struct siphash_key *key, const void *bytes, size_t n,
    uint64_t hash[2]);

#endif
