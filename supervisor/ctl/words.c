/* words.c: numbers as people read them. */
#include <inttypes.h>
#include <stdio.h>

#include "words.h"

const char *
words_time(char dst[WORDS_MAX], int64_t seconds)
{
	static const struct {
		int64_t seconds;
		const char *big;
		int64_t part;
		const char *small;
	} units[] = {
		{ 86400, "d", 3600, "h" },
		{ 3600, "h", 60, "m" },
		{ 60, "m", 1, "s" },
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (seconds < units[i].seconds)
			continue;
		(void)snprintf(dst, WORDS_MAX, "%" PRId64 "%s %" PRId64 "%s",
		    seconds / units[i].seconds, units[i].big,
		    seconds % units[i].seconds / units[i].part, units[i].small);
		return dst;
	}
	(void)snprintf(dst, WORDS_MAX, "%" PRId64 "s", seconds);
	return dst;
}

const char *
words_ms(char dst[WORDS_MAX], int64_t ms)
{
	if (ms < 1000)
		(void)snprintf(dst, WORDS_MAX, "%" PRId64 " ms", ms);
	else
		(void)snprintf(dst, WORDS_MAX, "%" PRId64 ".%02" PRId64 " s",
		    ms / 1000, ms % 1000 / 10);
	return dst;
}

const char *
words_bytes(char dst[WORDS_MAX], int64_t bytes)
{
	static const char units[] = "BKMGTP";
	size_t unit = 0;
	double n = (double)bytes;

	if (bytes < 0) {
		(void)snprintf(dst, WORDS_MAX, "-");
		return dst;
	}
	for (; n >= 1024 && unit + 2 < sizeof(units); unit++)
		n /= 1024;
	(void)snprintf(dst, WORDS_MAX,
	    unit > 0 && n < 99.95 ? "%.1f%c" : "%.0f%c", n, units[unit]);
	return dst;
}

const char *
words_count(char dst[WORDS_MAX], int64_t n, const char *one, const char *many)
{
	(void)snprintf(
	    dst, WORDS_MAX, "%" PRId64 " %s", n, n == 1 ? one : many);
	return dst;
}
