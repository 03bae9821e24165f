/* words.h: numbers as people read them. */
#ifndef CTL_WORDS_H
#define CTL_WORDS_H

#include <stddef.h>
#include <stdint.h>

#define WORDS_MAX 32

/* "12s", "5m 3s", "3h 12m", "4d 2h": into dst, returned. */
const char *words_time(char dst[WORDS_MAX], int64_t seconds);

/* "0.12 s", "35 ms": into dst, returned. */
const char *words_ms(char dst[WORDS_MAX], int64_t ms);

/* "812B", "12.3K", "220M": into dst, returned; "-" below 0. */
const char *words_bytes(char dst[WORDS_MAX], int64_t bytes);

/* "1 tool", "2 tools": into dst, returned. */
const char *words_count(
    char dst[WORDS_MAX], int64_t n, const char *one, const char *many);

#endif
