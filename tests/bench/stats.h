/* stats.h: latency samples, the clock and what else the tools share. */
#ifndef STATS_H
#define STATS_H

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static inline uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The number a text begins with. */
static inline int
number(const char *text)
{
	return (int)strtol(text, NULL, 10);
}

static inline void
on_signal_do(int number_of_signal, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler };

	sigaction(number_of_signal, &action, NULL);
}

struct samples {
	uint32_t *ns; /* one latency each, capped at 4.29 s */
	size_t n, cap;
};

static inline void
samples_add(struct samples *s, uint64_t ns)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 65536;
		s->ns = realloc(s->ns, s->cap * sizeof(*s->ns));
		if (!s->ns)
			abort();
	}
	s->ns[s->n++] = ns > UINT32_MAX ? UINT32_MAX : (uint32_t)ns;
}

static inline int
samples_cmp(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Microseconds at quantile q of the sorted samples. */
static inline double
samples_q(const struct samples *s, double q)
{
	size_t i = (size_t)(q * (double)s->n);

	if (!s->n)
		return 0;
	return s->ns[i >= s->n ? s->n - 1 : i] / 1000.0;
}

/* Print the fields every load generator reports, without the closing brace. */
static inline void
samples_report(struct samples *s, double seconds)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	if (s->n)
		qsort(s->ns, s->n, sizeof(*s->ns), samples_cmp);
	printf(
	    "{\"requests\":%zu,\"seconds\":%.3f,\"rps\":%.1f,"
	    "\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,"
	    "\"max_us\":%.1f,\"client_cpu_s\":%.3f",
	    s->n, seconds, seconds > 0 ? (double)s->n / seconds : 0,
	    samples_q(s, .5), samples_q(s, .9), samples_q(s, .99),
	    samples_q(s, .999), samples_q(s, 1),
	    (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
		(double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6);
}

#endif
