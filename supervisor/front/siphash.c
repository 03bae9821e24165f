#include "siphash.h"

#include <endian.h>
#include <string.h>

static uint64_t
rotate(uint64_t x, unsigned int by)
{
	return x << by | x >> (64 - by);
}

static void
round_of(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static void
take_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	round_of(v);
	round_of(v);
	v[0] ^= word;
}

static uint64_t
finish(uint64_t v[4])
{
	for (int i = 0; i < 4; i++)
		round_of(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void
siphash(const struct siphash_key *key, const void *bytes, size_t n,
    uint64_t hash[2])
{
	const unsigned char *at = bytes;
	uint64_t word = 0;
	uint64_t v[4] = { UINT64_C(0x736f6d6570736575) ^ key->k[0],
		UINT64_C(0x646f72616e646f6d) ^ key->k[1] ^ 0xee,
		UINT64_C(0x6c7967656e657261) ^ key->k[0],
		UINT64_C(0x7465646279746573) ^ key->k[1] };

	for (size_t left = n; left >= 8; left -= 8, at += 8) {
		memcpy(&word, at, 8);
		take_word(v, le64toh(word));
	}
	word = 0;
	memcpy(&word, at, n % 8);
	take_word(v, le64toh(word) | (uint64_t)n << 56);
	v[2] ^= 0xee;
	hash[0] = finish(v);
	v[1] ^= 0xdd;
	hash[1] = finish(v);
}
