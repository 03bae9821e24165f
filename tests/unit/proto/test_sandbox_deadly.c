/* What kills a process in a sandbox. */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "sandbox_fixture.h"

static void
try_exec(void)
{
	char *argv[] = { NULL };

	(void)execve("/bin/true", argv, argv);
}

static void
try_fork(void)
{
	if (fork() == 0)
		_exit(0);
}

static void
try_clone3_as_fork(void)
{
	struct {
		uint64_t field[8];
	} args = { .field = { [4] = SIGCHLD } };

	if (syscall(SYS_clone3, &args, sizeof(args)) == 0)
		_exit(0);
	_exit(errno == ENOSYS ? 3 : 4);
}

static void
try_clone_with_namespace(void)
{
	(void)syscall(SYS_clone,
	    (long)(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_NEWUSER), 0L,
	    0L, 0L, 0L);
}

static void
try_ptrace(void)
{
	(void)ptrace(PTRACE_ATTACH, tester, NULL, NULL);
}

static void
try_read_other(void)
{
	(void)syscall(SYS_process_vm_readv, (long)tester, 0L, 0L, 0L, 0L, 0L);
}

static void
try_kill(void)
{
	(void)kill(tester, 0);
}

static void
try_tgkill_other(void)
{
	(void)syscall(SYS_tgkill, (long)tester, (long)tester, 0L);
}

static void
try_pidfd(void)
{
	(void)syscall(SYS_pidfd_open, (long)tester, 0L);
}

static void
try_signal_by_owner(void)
{
	(void)fcntl(pair[0], F_SETOWN, tester);
}

static void
try_socket(void)
{
	(void)socket(AF_INET, SOCK_STREAM, 0);
}

static void
try_packet_socket(void)
{
	(void)socket(AF_PACKET, SOCK_RAW, 0);
}

static void
try_netfilter_socket(void)
{
	(void)socket(AF_NETLINK, SOCK_RAW, 12);
}

static void
try_connect(void)
{
	(void)connect(
	    listener, (struct sockaddr *)&listening, sizeof(listening));
}

static void
try_bind(void)
{
	(void)bind(pair[0], (struct sockaddr *)&listening, sizeof(listening));
}

static void
try_listen(void)
{
	(void)listen(listener, 1);
}

static void
try_code(void)
{
	(void)mmap(NULL, 4096, PROT_READ | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void
try_data_as_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(page != MAP_FAILED);
	(void)mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static void
try_code_in_a_file(void)
{
	(void)memfd_create("code", 0);
}

static void
try_dumpable(void)
{
	(void)prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L);
}

static void
try_root(void)
{
	(void)setuid(0);
}

static void
try_limits(void)
{
	const struct rlimit limit = { 0, 0 };

	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void
try_namespace(void)
{
	(void)unshare(CLONE_NEWUSER);
}

static void
try_typing(void)
{
	(void)ioctl(STDERR_FILENO, TIOCSTI, "x");
}

static void
try_write_file(void)
{
	(void)open("/etc/written-by-test", O_WRONLY | O_CREAT, 0600);
}

static void
try_unlink(void)
{
	(void)unlink("/nonexistent/file");
}

static void
try_io_uring(void)
{
	(void)syscall(SYS_io_uring_setup, 1L, 0L);
}

static void
try_bpf(void)
{
	(void)syscall(SYS_bpf, 0L, 0L, 0L);
}

static void
try_unknown(void)
{
	(void)syscall(4000L);
}

#ifdef __x86_64__
/* getpid of the 32-bit ABI, which the list allows natively. */
static void
try_other_abi(void)
{
	long result = 20;

	__asm__ volatile("int $0x80" : "+a"(result)::"memory");
}

static void
try_x32(void)
{
	(void)syscall(0x40000000L + SYS_getpid);
}
#endif

static void *
try_in_thread(void *arg)
{
	(void)arg;
	try_root();
	return NULL;
}

/* That it is the process which dies, and not the thread. */
static void
wait_for_thread(void)
{
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, try_in_thread, NULL) == 0);
	CHECK(pthread_join(thread, NULL) == 0);
}

static void
what_is_not_in_the_list_kills(void **state)
{
	static const struct {
		const char *name;
		unsigned int who;
		void (*what)(void);
	} attempts[] = {
		{ "execve", ALL, try_exec },
		{ "fork", ALL, try_fork },
		{ "clone3", FRONT | WORKER, try_clone3_as_fork },
		{ "clone", ALL, try_clone_with_namespace },
		{ "ptrace", ALL, try_ptrace },
		{ "process_vm_readv", ALL, try_read_other },
		{ "kill", ALL, try_kill },
		{ "tgkill", ALL, try_tgkill_other },
		{ "pidfd_open", ALL, try_pidfd },
		{ "F_SETOWN", ALL, try_signal_by_owner },
		{ "socket", FRONT | WORKER, try_socket },
		{ "AF_PACKET", ALL, try_packet_socket },
		{ "NETLINK_NETFILTER", ALL, try_netfilter_socket },
		{ "connect", FRONT | WORKER, try_connect },
		{ "bind", FRONT | WORKER, try_bind },
		{ "listen", ALL, try_listen },
		{ "mmap", FRONT | WORKER, try_code },
		{ "mprotect", ALL, try_data_as_code },
		{ "memfd_create", ALL, try_code_in_a_file },
		{ "prctl", ALL, try_dumpable },
		{ "setuid", ALL, try_root },
		{ "setuid", HTTP, wait_for_thread },
		{ "setrlimit", ALL, try_limits },
		{ "unshare", ALL, try_namespace },
		{ "TIOCSTI", ALL, try_typing },
		{ "open", HTTP, try_write_file },
		{ "unlink", ALL, try_unlink },
		{ "io_uring_setup", ALL, try_io_uring },
		{ "bpf", ALL, try_bpf },
		{ "4000", ALL, try_unknown },
#ifdef __x86_64__
		{ "int 0x80", ALL, try_other_abi },
		{ "x32", ALL, try_x32 },
#endif
	};

	(void)state;
	if (SANITIZED)
		skip();
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		assert_end(attempts[i].name, attempts[i].who, attempts[i].what,
		    SIGSYS);
}

/* glibc then uses clone, whose flags are seen. */
static void
clone3_is_not_there(void **state)
{
	(void)state;
	if (SANITIZED)
		skip();
	assert_end("clone3", HTTP, try_clone3_as_fork, 3 << 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_in_the_list_kills),
		cmocka_unit_test(clone3_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
