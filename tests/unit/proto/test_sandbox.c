/* What a process in a sandbox can do, and what it is refused. */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "sandbox_fixture.h"

/* wrap: syscall */
/* wrap: prctl */

/* ---- kernels that have less ---- */

static int no_landlock, no_seccomp; /* the errno of each, 0: it is there */

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

long
__wrap_syscall(long number, ...)
{
	long arg[6];
	va_list list;

	if (number == SYS_landlock_create_ruleset && no_landlock != 0) {
		errno = no_landlock;
		return -1;
	}
	va_start(list, number);
	for (int i = 0; i < 6; i++)
		arg[i] = va_arg(list, long);
	va_end(list);
	return __real_syscall(
	    number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

int __real_prctl(int option, ...);
int __wrap_prctl(int option, ...);

int
__wrap_prctl(int option, ...)
{
	unsigned long arg[4];
	va_list list;

	if (option == PR_SET_SECCOMP && no_seccomp != 0) {
		errno = no_seccomp;
		return -1;
	}
	va_start(list, option);
	for (int i = 0; i < 4; i++)
		arg[i] = va_arg(list, unsigned long);
	va_end(list);
	return __real_prctl(option, arg[0], arg[1], arg[2], arg[3]);
}

static void
newer_kernels_are_told_from_older_ones(void **state)
{
	static const struct {
		int landlock, seccomp;
		int result;
		const char *missing;
	} kernels[] = {
		{ 0, 0, 0, NULL },
		{ ENOSYS, 0, 0, "Landlock" },
		{ EOPNOTSUPP, 0, 0, "Landlock" },
		{ 0, EINVAL, 0, "seccomp" },
		{ ENOSYS, EINVAL, 0, "seccomp and no Landlock" },
		{ ENOMEM, 0, -1, NULL },
		{ 0, EPERM, -1, NULL },
	};

	(void)state;
	if (SANITIZED)
		skip();
	for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
		int status;
		pid_t pid = fork();

		assert_int_not_equal(pid, -1);
		if (pid == 0) {
			const char *missing = "?", *expected;

			expected = kernels[i].missing;
			no_landlock = kernels[i].landlock;
			no_seccomp = kernels[i].seccomp;
			CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == 0);
			errno = 0;
			CHECK(sandbox_enter(SANDBOX_FRONT, &missing) ==
			    kernels[i].result);
			if (kernels[i].result == -1)
				CHECK(errno ==
				    kernels[i].landlock + kernels[i].seccomp);
			else if (expected == NULL)
				CHECK(missing == NULL);
			else
				CHECK(missing != NULL &&
				    strcmp(missing, expected) == 0);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

/* ---- refused, but lived through ---- */

static void
check_no_files(void)
{
	struct stat st;

	CHECK(open("/etc/passwd", O_RDONLY) == -1 && errno == EACCES);
	CHECK(open("/etc/x", O_WRONLY | O_CREAT, 0600) == -1);
	CHECK(errno == EACCES);
	CHECK(stat("/etc/passwd", &st) == -1 && errno == EACCES);
	CHECK(access("/etc/passwd", F_OK) == -1 && errno == EACCES);
}

static void
check_few_files(void)
{
	int fd;

	CHECK((fd = open("/etc/passwd", O_RDONLY)) != -1);
	close(fd);
	/* A folder may not be listed, and nothing else be read. */
	CHECK(open("/etc", O_RDONLY | O_DIRECTORY) == -1 && errno == EACCES);
	CHECK(open("/proc/self/status", O_RDONLY) == -1 && errno == EACCES);
	CHECK(open("/bin/true", O_RDONLY) == -1 && errno == EACCES);
	/* No neighbour of the machine. */
	CHECK(socket(AF_UNIX, SOCK_STREAM, 0) == -1);
	CHECK(errno == EAFNOSUPPORT);
	/* No library. */
	CHECK(mmap(NULL, 4096, PROT_READ | PROT_EXEC,
		  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	CHECK(errno == EACCES);
}

/* It may not serve anybody, from Linux 6.7 on. */
static void
check_no_port(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(fd != -1);
	CHECK(bind(fd, (struct sockaddr *)&any, sizeof(any)) == -1);
	CHECK(errno == EACCES);
}

static void
libraries_that_probe_are_refused(void **state)
{
	(void)state;
	if (SANITIZED)
		skip();
	assert_end("files", FRONT | WORKER, check_no_files, 0);
	assert_end("files", HTTP, check_few_files, 0);
}

static void
check_nothing_opened(void)
{
	CHECK(open("/etc/passwd", O_RDONLY) == -1 && errno == EACCES);
	CHECK(open("/", O_RDONLY) == -1 && errno == EACCES);
}

static void
check_no_connection(void)
{
	struct sockaddr *address = (struct sockaddr *)&listening;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(fd != -1);
	CHECK(connect(fd, address, sizeof(listening)) == -1);
	CHECK(errno == EACCES);
}

static void
check_no_signal(void)
{
	CHECK(kill(tester, 0) == -1 && errno == EPERM);
}

/* What one of them lets through the other one still stops. */
static void
seccomp_and_landlock_each_do_without_the_other(void **state)
{
	long version = syscall(SYS_landlock_create_ruleset, 0L, 0L, 1L);

	(void)state;
	if (SANITIZED)
		skip();
	no_landlock = ENOSYS;
	assert_end("files", FRONT | WORKER, check_nothing_opened, 0);
	assert_end("connect", FRONT | WORKER, check_no_connection, SIGSYS);
	no_landlock = 0;
	no_seccomp = EINVAL;
	if (version >= 1)
		assert_end("files", FRONT | WORKER, check_nothing_opened, 0);
	if (version >= 4) {
		assert_end("connect", FRONT | WORKER, check_no_connection, 0);
		assert_end("bind", ALL, check_no_port, 0);
	}
	if (version >= 6)
		assert_end("kill", ALL, check_no_signal, 0);
	no_seccomp = 0;
}

/* ---- allowed ---- */

/* As SCM_RIGHTS brings it; the same numbers to write and to read. */
static void
pass_descriptor(int fd)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	char byte = 'x';
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room) };
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	CHECK(sendmsg(pair[0], &msg, 0) == 1);
	CHECK(recvmsg(pair[1], &msg, MSG_CMSG_CLOEXEC) == 1);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	CHECK(close(fd) == 0);
}

static int
compare(const void *one, const void *other)
{
	return memcmp(one, other, sizeof(int));
}

static void
check_work(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct rlimit limit;
	static int many[4096];
	int unread = 0;
	char *memory;

	CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, pair[1], &event) == 0);
	CHECK(epoll_wait(epoll, &event, 1, 0) == 0);
	CHECK(write(pair[0], "abc", 3) == 3);
	CHECK(epoll_wait(epoll, &event, 1, -1) == 1);
	CHECK(ioctl(pair[1], FIONREAD, &unread) == 0 && unread == 3);
	CHECK(fcntl(pair[1], F_SETFL, O_NONBLOCK) == 0);
	CHECK(read(pair[1], many, sizeof(many)) == 3);
	pass_descriptor(epoll);
	/* By brk and by mmap, grown and given back. */
	for (size_t size = 100; size < 100 << 20; size *= 7) {
		CHECK((memory = malloc(size)) != NULL);
		memset(memory, 1, size);
		CHECK((memory = realloc(memory, size * 2)) != NULL);
		free(memory);
	}
	qsort(many, sizeof(many) / sizeof(many[0]), sizeof(many[0]), compare);
	CHECK(arc4random() != 0 || arc4random() != 0);
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static void
check_accept(void)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	int fd, on = 1;

	CHECK(fcntl(listener, F_SETFL, O_NONBLOCK) == 0);
	fd = accept4(listener, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC);
	CHECK(fd == -1 && errno == EAGAIN);
	CHECK(setsockopt(listener, IPPROTO_TCP, 1, &on, sizeof(on)) == 0);
}

/* As libcurl's threads do. */
static void *
look_up(void *arg)
{
	static const struct addrinfo hints = { .ai_family = AF_INET,
		.ai_flags = AI_ADDRCONFIG,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;

	if (getaddrinfo(arg, "80", &hints, &found) != 0)
		return NULL;
	freeaddrinfo(found);
	return arg;
}

static void
check_connections(void)
{
	static char name[] = "localhost";
	pthread_t thread;
	void *found = NULL;
	int fds[2], fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(fd != -1);
	CHECK(
	    connect(fd, (struct sockaddr *)&listening, sizeof(listening)) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	for (int i = 0; i < 3; i++) {
		CHECK(pthread_create(&thread, NULL, look_up, name) == 0);
		CHECK(pthread_join(thread, &found) == 0);
		CHECK(found == name);
	}
}

static void
what_they_work_with_is_allowed(void **state)
{
	(void)state;
	assert_end("work", ALL, check_work, 0);
	assert_end("accept", FRONT, check_accept, 0);
	assert_end("connections", HTTP, check_connections, 0);
}

static void
fail_assertion(void)
{
	CHECK(close(STDERR_FILENO) == 0);
	abort();
}

static void
an_assertion_ends_it_as_it_always_does(void **state)
{
	(void)state;
	assert_end("abort", ALL, fail_assertion, SIGABRT);
}

/* ---- limits ---- */

static rlim_t
hard(int what)
{
	struct rlimit limit;

	CHECK(getrlimit((__rlimit_resource_t)what, &limit) == 0);
	CHECK(limit.rlim_cur == limit.rlim_max);
	return limit.rlim_max;
}

static void
check_limits(void)
{
	CHECK(hard(RLIMIT_CORE) == 0);
	CHECK(hard(RLIMIT_MEMLOCK) == 0);
	CHECK(hard(RLIMIT_MSGQUEUE) == 0);
}

static void
check_no_processes(void)
{
	CHECK(hard(RLIMIT_NPROC) == 0);
}

static void
limits_are_zero_where_nothing_is_needed(void **state)
{
	(void)state;
	if (SANITIZED)
		skip();
	assert_end("limits", ALL, check_limits, 0);
	assert_end("processes", FRONT | WORKER, check_no_processes, 0);
}

/* Much more than may be said, and an error rather than death beyond it. */
static void
write_without_end(void)
{
	char text[4096] = "";
	size_t written = 0;
	ssize_t n;

	while ((n = write(STDERR_FILENO, text, sizeof(text))) > 0)
		written += (size_t)n;
	_exit(n == -1 && errno == EFBIG && written == 64 << 10 ? 0 : 1);
}

static void
standard_error_in_a_file_takes_last_words_only(void **state)
{
	FILE *file;
	int saved, status;

	(void)state;
	if (SANITIZED)
		skip();
	assert_non_null(file = tmpfile());
	assert_int_not_equal(saved = dup(STDERR_FILENO), -1);
	assert_int_equal(fprintf(file, "said before"), 11);
	assert_int_equal(fflush(file), 0);
	assert_int_not_equal(dup2(fileno(file), STDERR_FILENO), -1);
	status = run(SANDBOX_FRONT, write_without_end);
	assert_int_not_equal(dup2(saved, STDERR_FILENO), -1);
	close(saved);
	fclose(file);
	assert_int_equal(status, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(newer_kernels_are_told_from_older_ones),
		cmocka_unit_test(libraries_that_probe_are_refused),
		cmocka_unit_test(
		    seccomp_and_landlock_each_do_without_the_other),
		cmocka_unit_test(what_they_work_with_is_allowed),
		cmocka_unit_test(an_assertion_ends_it_as_it_always_does),
		cmocka_unit_test(limits_are_zero_where_nothing_is_needed),
		cmocka_unit_test(
		    standard_error_in_a_file_takes_last_words_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
