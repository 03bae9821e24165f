/* What a child process is like after role_begin() and role_drop(). */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <linux/capability.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/role.h"

/* nobody and nogroup on Debian; any that is not root will do. */
#define SOME_ID 65534

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

static int test_argc;
static char **test_argv;

/* Put one end of a socketpair on fd 3, as the supervisor does. */
static void
make_channel(void)
{
	int fds[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	CHECK(dup2(fds[0], ROLE_CHANNEL_FD) == ROLE_CHANNEL_FD);
}

/* Run what in a child and return its exit status as wait(2) gives it. */
static int
run(void (*what)(void))
{
	int status;
	pid_t pid = fork();

	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		what();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
assert_exit(void (*what)(void), int code)
{
	int status = run(what);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), code);
}

static void
begin_without_channel(void)
{
	int null = open("/dev/null", O_RDWR);

	CHECK(dup2(null, STDERR_FILENO) != -1);
	close(ROLE_CHANNEL_FD);
	role_begin(test_argc, test_argv);
}

static void
begin_with_a_file(void)
{
	int null = open("/dev/null", O_RDWR);

	CHECK(dup2(null, STDERR_FILENO) != -1);
	CHECK(dup2(null, ROLE_CHANNEL_FD) != -1);
	role_begin(test_argc, test_argv);
}

static void
a_child_started_by_hand_says_so_and_exits(void **state)
{
	(void)state;
	assert_exit(begin_without_channel, ROLE_EXIT_USAGE);
	assert_exit(begin_with_a_file, ROLE_EXIT_USAGE);
}

static void
begin_after_a_careless_parent(void)
{
	struct sigaction action = { .sa_handler = SIG_IGN };
	sigset_t all;

	make_channel();
	CHECK(open("/dev/null", O_RDONLY) > ROLE_CHANNEL_FD);
	CHECK(dup2(STDERR_FILENO, 200) == 200);
	CHECK(sigaction(SIGTERM, &action, NULL) == 0);
	CHECK(sigaction(SIGCHLD, &action, NULL) == 0);
	sigfillset(&all);
	CHECK(sigprocmask(SIG_SETMASK, &all, NULL) == 0);
	role_begin(test_argc, test_argv);
}

static void
check_descriptors(void)
{
	begin_after_a_careless_parent();
	CHECK(fcntl(ROLE_CHANNEL_FD, F_GETFD) == FD_CLOEXEC);
	CHECK((fcntl(ROLE_CHANNEL_FD, F_GETFL) & O_NONBLOCK) != 0);
	for (int fd = ROLE_CHANNEL_FD + 1; fd < 1024; fd++)
		CHECK(fcntl(fd, F_GETFD) == -1 && errno == EBADF);
}

static void
check_signals(void)
{
	static const struct {
		int sig;
		bool ignored;
	} signals[] = { { SIGPIPE, true }, { SIGHUP, true }, { SIGINT, true },
		{ SIGUSR1, true }, { SIGUSR2, true }, { SIGTERM, false },
		{ SIGCHLD, false }, { SIGALRM, false }, { SIGQUIT, false } };
	struct sigaction action;
	sigset_t mask, none;

	begin_after_a_careless_parent();
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		CHECK(sigaction(signals[i].sig, NULL, &action) == 0);
		CHECK(action.sa_handler ==
		    (signals[i].ignored ? SIG_IGN : SIG_DFL));
	}
	CHECK(sigprocmask(SIG_SETMASK, NULL, &mask) == 0);
	sigemptyset(&none);
	CHECK(memcmp(&mask, &none, 8) == 0); /* what the kernel has of it */
}

static void
check_memory(void)
{
	struct rlimit limit;

	begin_after_a_careless_parent();
	CHECK(getrlimit(RLIMIT_CORE, &limit) == 0);
	CHECK(limit.rlim_cur == 0);
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
#ifndef MCPGW_SANITIZE
	CHECK(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
#endif
}

static void
end_by_sigterm(void)
{
	begin_after_a_careless_parent();
	(void)raise(SIGTERM);
}

static void
nothing_of_the_parent_is_inherited(void **state)
{
	int status;

	(void)state;
	assert_exit(check_descriptors, 0);
	assert_exit(check_signals, 0);
	assert_exit(check_memory, 0);
	status = run(end_by_sigterm);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
}

/* The command line as ps(1) shows it, without what is behind its first NUL. */
static void
check_command_line(const char *expected)
{
	char text[512] = "";
	int fd = open("/proc/self/cmdline", O_RDONLY);

	CHECK(fd != -1);
	CHECK(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	if (strcmp(text, expected) != 0) {
		fprintf(stderr, "title is \"%s\"\n", text);
		_exit(1);
	}
}

static void
check_titles(void)
{
	char expected[256];

	make_channel();
	role_begin(test_argc, test_argv);
	/* Readable again, to look at it from inside. */
	CHECK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
	(void)snprintf(expected, sizeof(expected), "%s: github", getprogname());
	role_title("github");
	check_command_line(expected);
	role_title("100%s");
	(void)snprintf(expected, sizeof(expected), "%s: 100%%s", getprogname());
	check_command_line(expected);
	role_title(NULL);
	check_command_line(getprogname());
}

static void
the_title_is_the_program_and_the_name(void **state)
{
	(void)state;
	assert_exit(check_titles, 0);
}

static const struct role_identity some_identity = { .set = true,
	.uid = SOME_ID,
	.gid = SOME_ID,
	.chroot = "/proc/self/fdinfo" };

static void
check_no_capabilities(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = { 0 };

	CHECK(syscall(SYS_capget, &header, sets) == 0);
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		CHECK(sets[i].effective == 0 && sets[i].permitted == 0 &&
		    sets[i].inheritable == 0);
	for (unsigned long cap = 0; cap < 40; cap++)
		CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) <=
		    0);
}

static void
check_no_change_without_identity(void)
{
	struct role_identity none = { 0 };
	uid_t uid = getuid();
	int sig = 0;

	CHECK(role_drop(&none) == 0);
	CHECK(getuid() == uid);
	CHECK(prctl(PR_GET_PDEATHSIG, &sig, 0, 0, 0) == 0);
	CHECK(sig == SIGKILL);
	check_no_capabilities();
}

/* As systemd leaves some to a service that is not root's. */
static void
check_left_capabilities_are_dropped(void)
{
	struct role_identity none = { 0 };
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = { 0 };
	const uint32_t bind = 1U << CAP_NET_BIND_SERVICE;

	CHECK(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0);
	CHECK(setresuid(SOME_ID, SOME_ID, SOME_ID) == 0);
	sets[0].effective = sets[0].permitted = sets[0].inheritable = bind;
	CHECK(syscall(SYS_capset, &header, sets) == 0);
	CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE,
		  0, 0) == 0);
	CHECK(role_drop(&none) == 0);
	check_no_capabilities();
}

static void
check_root_is_refused(void)
{
	struct role_identity root = { .set = true };

	CHECK(role_drop(&root) == -1);
	CHECK(errno == EINVAL);
	root.uid = SOME_ID;
	CHECK(role_drop(&root) == -1);
	CHECK(errno == EINVAL);
}

static void
without_an_identity_capabilities_are_dropped_all_the_same(void **state)
{
	(void)state;
	assert_exit(check_no_change_without_identity, 0);
	assert_exit(check_root_is_refused, 0);
	if (getuid() == 0)
		assert_exit(check_left_capabilities_are_dropped, 0);
}

static void
check_drop(void)
{
	static const gid_t groups[] = { 1, 2 };
	uid_t uid[3];
	gid_t gid[3];
	int sig = 0;

	make_channel();
	role_begin(test_argc, test_argv);
	CHECK(setgroups(2, groups) == 0);
	CHECK(role_drop(&some_identity) == 0);
	CHECK(getresuid(&uid[0], &uid[1], &uid[2]) == 0);
	CHECK(getresgid(&gid[0], &gid[1], &gid[2]) == 0);
	for (int i = 0; i < 3; i++)
		CHECK(uid[i] == SOME_ID && gid[i] == SOME_ID);
	CHECK(getgroups(0, NULL) == 0);
	CHECK(setuid(0) == -1 && errno == EPERM);
	CHECK(setresgid(0, 0, 0) == -1 && errno == EPERM);
	CHECK(prctl(PR_GET_PDEATHSIG, &sig, 0, 0, 0) == 0);
	CHECK(sig == SIGKILL);
	check_no_capabilities();
	for (unsigned long cap = 0; cap < 40; cap++)
		CHECK(prctl(PR_CAPBSET_READ, cap, 0, 0, 0) <= 0);
#ifndef MCPGW_SANITIZE
	struct stat root, dot;

	CHECK(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
	CHECK(access("/etc/passwd", F_OK) == -1 && errno == ENOENT);
	CHECK(stat("/", &root) == 0 && stat(".", &dot) == 0);
	CHECK(root.st_ino == dot.st_ino && root.st_dev == dot.st_dev);
#endif
}

static void
check_drop_to_nowhere(void)
{
	struct role_identity nowhere = some_identity;

	nowhere.chroot = "/nonexistent";
	CHECK(role_drop(&nowhere) == -1);
	CHECK(errno == ENOENT);
	CHECK(getuid() == 0);
}

static void
check_drop_without_root(void)
{
	struct role_identity other = some_identity;

	other.chroot = NULL;
	if (getuid() == 0)
		CHECK(setresuid(SOME_ID, SOME_ID, SOME_ID) == 0);
	CHECK(role_drop(&other) == -1);
	CHECK(errno == EPERM);
}

static void
without_root_dropping_fails(void **state)
{
	(void)state;
	assert_exit(check_drop_without_root, 0);
}

static void
root_is_given_up_for_good(void **state)
{
	(void)state;
	if (getuid() != 0)
		skip();
	assert_exit(check_drop, 0);
#ifndef MCPGW_SANITIZE
	assert_exit(check_drop_to_nowhere, 0);
#else
	(void)check_drop_to_nowhere;
#endif
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_started_by_hand_says_so_and_exits),
		cmocka_unit_test(nothing_of_the_parent_is_inherited),
		cmocka_unit_test(the_title_is_the_program_and_the_name),
		cmocka_unit_test(
		    without_an_identity_capabilities_are_dropped_all_the_same),
		cmocka_unit_test(without_root_dropping_fails),
		cmocka_unit_test(root_is_given_up_for_good),
	};

	test_argc = argc;
	test_argv = argv;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
