/* sandbox_fixture.h: code that runs in a sandbox, in a child of the test.  For
 * one test program. */
#ifndef TESTS_SANDBOX_FIXTURE_H
#define TESTS_SANDBOX_FIXTURE_H

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <netinet/in.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/sandbox.h"

/* Then there is no sandbox. */
#ifdef MCPGW_SANITIZE
#define SANITIZED true
#else
#define SANITIZED false
#endif

#define FRONT  (1U << SANDBOX_FRONT)
#define WORKER (1U << SANDBOX_WORKER)
#define HTTP   (1U << SANDBOX_WORKER_HTTP)
#define ALL    (FRONT | WORKER | HTTP)
#define KINDS  3

/*
 * The checks run in a child, which cannot use cmocka: it says on which line it
 * failed by this.
 */
#define CHECK(condition)                                                       \
	do {                                                                   \
		if (!(condition)) {                                            \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, \
			    #condition, strerror(errno));                      \
			_exit(1);                                              \
		}                                                              \
	} while (0)

/* Made before it is entered, as its real owners do. */
static int listener, pair[2], epoll;
static struct sockaddr_in listening;
static pid_t tester;

static void
make_descriptors(void)
{
	socklen_t len = sizeof(listening);

	listening.sin_family = AF_INET;
	listening.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(bind(listener, (struct sockaddr *)&listening, len) == 0);
	CHECK(listen(listener, 1) == 0);
	CHECK(getsockname(listener, (struct sockaddr *)&listening, &len) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	CHECK((epoll = epoll_create1(EPOLL_CLOEXEC)) != -1);
}

/* A check that waits for ever fails. */
#define PATIENCE_S 20

/* Run what in a child that is in the sandbox; its status as wait(2) gives it.
 */
static int
run(enum sandbox sandbox, void (*what)(void))
{
	int status;
	pid_t pid;

	tester = getpid();
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		const char *missing;

		(void)alarm(PATIENCE_S);
		make_descriptors();
		CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == 0);
		CHECK(sandbox_enter(sandbox, &missing) == 0);
		what();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* Fails for every kind in who of which this is not the end. */
static void
assert_end(const char *name, unsigned int who, void (*what)(void), int expected)
{
	for (unsigned int kind = 0; kind < KINDS; kind++) {
		int status;

		if ((who & 1U << kind) == 0)
			continue;
		status = run((enum sandbox)kind, what);
		if ((status & 0x7f) == (expected & 0x7f) &&
		    status >> 8 == expected >> 8)
			continue;
		fail_msg("%s in sandbox %u: status %#x, not %#x", name, kind,
		    (unsigned int)status, (unsigned int)expected);
	}
}

#endif
