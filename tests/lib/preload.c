/*
 * preload.c: a library of the tests, for LD_PRELOAD.  It moves the clock of the
 * day of a process and makes allocations fail, as the file says that the
 * environment variable MCPGW_PRELOAD names: whoever writes to it is heard at
 * once, also by a process in a sandbox that lets it open nothing.
 */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* As tests/lib/programs.py writes it. */
struct orders {
	int64_t seconds;     /* that the clock of the day is ahead */
	uint32_t fail_one;   /* allocation of so many fails; 0: none does */
	uint32_t least_size; /* of those that may fail */
	uint64_t failed;     /* so many did */
};

static struct orders none;
static struct orders *orders = &none;

/* glibc's own, whoever stands before it. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

__attribute__((constructor)) static void
find_orders(void)
{
	const char *path = getenv("MCPGW_PRELOAD");
	void *page;
	int fd;

	if (path == NULL || (fd = open(path, O_RDWR | O_CLOEXEC)) == -1)
		return;
	page = mmap(
	    NULL, sizeof(*orders), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page != MAP_FAILED)
		orders = page;
	(void)close(fd);
}

/* ---- memory ---- */

/* Whether an allocation of this size is one that fails. */
static bool
must_fail(size_t size)
{
	static uint64_t state;
	uint32_t one = orders->fail_one;

	if (one == 0 || size < orders->least_size)
		return false;
	if (state == 0)
		state = (uint64_t)getpid() * UINT64_C(0x9e3779b97f4a7c15);
	state ^= state << 13; /* xorshift64: another one for each process */
	state ^= state >> 7;
	state ^= state << 17;
	if (state % one != 0)
		return false;
	(void)__atomic_add_fetch(&orders->failed, 1, __ATOMIC_RELAXED);
	errno = ENOMEM;
	return true;
}

void *
malloc(size_t size)
{
	return must_fail(size) ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	return must_fail(count * size) ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *old, size_t size)
{
	return size > 0 && must_fail(size) ? NULL : __libc_realloc(old, size);
}

void *
reallocarray(void *old, size_t count, size_t size)
{
	if (size > 0 && count > SIZE_MAX / size) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(old, count * size);
}

/* ---- the clock ---- */

int
clock_gettime(clockid_t clock, struct timespec *ret)
{
	if (syscall(SYS_clock_gettime, clock, ret) == -1)
		return -1;
	if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
		ret->tv_sec += orders->seconds;
	return 0;
}

int
gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	*ret = (struct timeval){ now.tv_sec, now.tv_nsec / 1000 };
	return 0;
}

time_t
time(time_t *ret)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (ret != NULL)
		*ret = now.tv_sec;
	return now.tv_sec;
}
