#include "proto/sandbox_seccomp.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <linux/seccomp.h>

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

/* Who a rule is for: bits of enum sandbox. */
#define FRONT  (1U << SANDBOX_FRONT)
#define WORKER (1U << SANDBOX_WORKER)
#define HTTP   (1U << SANDBOX_WORKER_HTTP)
#define ALL    (FRONT | WORKER | HTTP)

#define ALLOW SCMP_ACT_ALLOW
/* Not a death: libraries try such things, and go on without. */
#define REFUSE(error) SCMP_ACT_ERRNO(error)

struct rule {
	int call;
	unsigned int who;
	uint32_t action;
	unsigned int conditions; /* all of them must hold */
	struct scmp_arg_cmp condition[2];
};

/* The bits of mask in the argument are these, all others do not matter. */
#define BITS(argument, mask, bits)                                             \
	{                                                                      \
		(argument), SCMP_CMP_MASKED_EQ, (mask), (bits)                 \
	}
#define IS(argument, value)                                                    \
	{                                                                      \
		(argument), SCMP_CMP_EQ, (value), 0                            \
	}

#define ANY(name, who, action)                                                 \
	{                                                                      \
		SCMP_SYS(name), (who), (action), 0,                            \
		{                                                              \
			{                                                      \
				0                                              \
			}                                                      \
		}                                                              \
	}
#define ONE(name, who, action, condition)                                      \
	{                                                                      \
		SCMP_SYS(name), (who), (action), 1,                            \
		{                                                              \
			condition,                                             \
			{                                                      \
				0                                              \
			}                                                      \
		}                                                              \
	}
#define TWO(name, who, action, first, second)                                  \
	{                                                                      \
		SCMP_SYS(name), (who), (action), 2,                            \
		{                                                              \
			first, second                                          \
		}                                                              \
	}

/* A thread: what it must share, and no namespace of its own. */
#define THREAD_SHARES (CLONE_VM | CLONE_SIGHAND | CLONE_THREAD)
#define THREAD_HAS_OWN                                                         \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |         \
	    CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

/* How a file is opened to be read. */
#define OPEN_MASK (O_ACCMODE | O_CREAT | O_TRUNC)

/*
 * The most frequent first: the filter compares in this order.  The kernel (from
 * 5.11) knows the calls without a condition beforehand, and runs the filter for
 * the others only.
 */
static const struct rule rules[] = {
	ONE(ioctl, ALL, ALLOW, IS(1, FIONREAD)),
	/* the loop, reading and writing */
	ANY(epoll_wait, ALL, ALLOW),
	ANY(epoll_pwait, ALL, ALLOW),
	ANY(read, ALL, ALLOW),
	ANY(readv, ALL, ALLOW),
	ANY(write, ALL, ALLOW),
	ANY(writev, ALL, ALLOW),
	ANY(sendmsg, ALL, ALLOW),
	ANY(recvmsg, ALL, ALLOW),
	ANY(epoll_ctl, ALL, ALLOW),
	ANY(recvfrom, ALL, ALLOW),
	ANY(sendto, ALL, ALLOW),
	ANY(close, ALL, ALLOW),
	ANY(accept4, FRONT, ALLOW),
	ANY(shutdown, ALL, ALLOW),
	/* the time, where it is not read without a call */
	ANY(clock_gettime, ALL, ALLOW),
	ANY(gettimeofday, ALL, ALLOW),
	ANY(time, ALL, ALLOW),
	/* memory, but none that can be executed */
	ONE(mmap, ALL, ALLOW, BITS(2, PROT_EXEC, 0)),
	ONE(mmap2, ALL, ALLOW, BITS(2, PROT_EXEC, 0)),
	ONE(mprotect, ALL, ALLOW, BITS(2, PROT_EXEC, 0)),
	ANY(munmap, ALL, ALLOW),
	ANY(mremap, ALL, ALLOW),
	ANY(madvise, ALL, ALLOW),
	ANY(brk, ALL, ALLOW),
	ANY(futex, ALL, ALLOW),
	ANY(getrandom, ALL, ALLOW),
	/* a library that is loaded late is not found */
	ONE(mmap, HTTP, REFUSE(EACCES), BITS(2, PROT_EXEC, PROT_EXEC)),
	ONE(mmap2, HTTP, REFUSE(EACCES), BITS(2, PROT_EXEC, PROT_EXEC)),
	/* what a descriptor is like; no signal is sent for it (F_SETOWN) */
	ONE(fcntl, ALL, ALLOW, IS(1, F_GETFL)),
	ONE(fcntl, ALL, ALLOW, IS(1, F_SETFL)),
	ONE(fcntl, ALL, ALLOW, IS(1, F_GETFD)),
	ONE(fcntl, ALL, ALLOW, IS(1, F_SETFD)),
	ONE(fcntl, WORKER | HTTP, ALLOW, IS(1, F_SETPIPE_SZ)),
	ANY(fstat, ALL, ALLOW),
	ANY(lseek, ALL, ALLOW),
	ANY(getsockopt, ALL, ALLOW),
	ANY(getsockname, FRONT | HTTP, ALLOW),
	ANY(getpeername, FRONT | HTTP, ALLOW),
	ONE(setsockopt, ALL, ALLOW, IS(1, SOL_SOCKET)),
	ONE(setsockopt, FRONT | HTTP, ALLOW, IS(1, IPPROTO_TCP)),
	ONE(setsockopt, HTTP, ALLOW, IS(1, IPPROTO_IP)),
	ONE(setsockopt, HTTP, ALLOW, IS(1, IPPROTO_IPV6)),
	/* ourselves */
	ANY(getpid, ALL, ALLOW),
	ANY(gettid, ALL, ALLOW),
	ANY(getuid, ALL, ALLOW),
	ANY(geteuid, ALL, ALLOW),
	ANY(getgid, ALL, ALLOW),
	ANY(getegid, ALL, ALLOW),
	ANY(getrusage, ALL, ALLOW),
	ANY(sched_getaffinity, ALL, ALLOW), /* how many processors */
	ANY(sysinfo, ALL, ALLOW), /* qsort(3): how much memory there is */
	ANY(rt_sigaction, ALL, ALLOW),
	ANY(rt_sigprocmask, ALL, ALLOW),
	ANY(rt_sigreturn, ALL, ALLOW),
	ANY(restart_syscall, ALL, ALLOW),
	ANY(exit, ALL, ALLOW),
	ANY(exit_group, ALL, ALLOW),
	/* our limits are read only, and nobody else's */
	TWO(prlimit64, ALL, ALLOW, IS(0, 0), IS(2, 0)),
	ANY(getrlimit, ALL, ALLOW),
	ANY(ugetrlimit, ALL, ALLOW),
	/* files */
	ANY(open, ALL, REFUSE(EACCES)),
	ANY(openat, FRONT | WORKER, REFUSE(EACCES)),
	ONE(openat, HTTP, ALLOW, BITS(2, OPEN_MASK, O_RDONLY)),
	ANY(stat, ALL, REFUSE(EACCES)),
	ANY(newfstatat, FRONT | WORKER, REFUSE(EACCES)),
	ANY(newfstatat, HTTP, ALLOW),
	ANY(statx, FRONT | WORKER, REFUSE(EACCES)),
	ANY(statx, HTTP, ALLOW),
	ANY(access, ALL, REFUSE(EACCES)),
	ANY(faccessat, ALL, REFUSE(EACCES)),
	ANY(faccessat2, ALL, REFUSE(EACCES)),
	ANY(readlink, ALL, REFUSE(EACCES)),
	ANY(readlinkat, ALL, REFUSE(EACCES)),
	/* connections: TCP, DNS, and which addresses this machine has */
	ONE(socket, HTTP, ALLOW, IS(0, AF_INET)),
	ONE(socket, HTTP, ALLOW, IS(0, AF_INET6)),
	TWO(socket, HTTP, ALLOW, IS(0, AF_NETLINK), IS(2, 0 /* route */)),
	/* glibc asks for nscd */
	ONE(socket, HTTP, REFUSE(EAFNOSUPPORT), IS(0, AF_UNIX)),
	ONE(socketpair, HTTP, ALLOW, IS(0, AF_UNIX)),
	ANY(connect, HTTP, ALLOW),
	ANY(bind, HTTP, ALLOW),
	ANY(sendmmsg, HTTP, ALLOW),
	ANY(recvmmsg, HTTP, ALLOW),
	ANY(eventfd2, HTTP, ALLOW), /* newer libcurl, to wake itself */
	ANY(pipe2, HTTP, ALLOW),
	ANY(poll, HTTP, ALLOW),
	ANY(ppoll, HTTP, ALLOW),
	/* threads that look up names; the flags of clone3 are out of sight */
	ANY(clone3, HTTP, REFUSE(ENOSYS)),
	ONE(clone, HTTP, ALLOW,
	    BITS(0, THREAD_SHARES | THREAD_HAS_OWN, THREAD_SHARES)),
	ANY(set_robust_list, HTTP, ALLOW),
	ANY(rseq, HTTP, ALLOW),
	ANY(sched_yield, HTTP, ALLOW),
	ANY(uname, HTTP, ALLOW),
};

/* libseccomp's priorities, the greater the earlier. */
#define PRIORITY_MAX 255

static int
add_rules(scmp_filter_ctx filter, enum sandbox sandbox)
{
	const size_t count = sizeof(rules) / sizeof(rules[0]);
	/* abort(3) signals ourselves. */
	const struct scmp_arg_cmp self = IS(0, (uint64_t)getpid());
	int error = 0;

	for (size_t i = 0; i < count && error == 0; i++) {
		const struct rule *rule = &rules[i];

		/* A call that this machine has not is passed over. */
		if ((rule->who & 1U << sandbox) == 0)
			continue;
		error = seccomp_rule_add_array(filter, rule->action, rule->call,
		    rule->conditions, rule->condition);
		if (error == 0 && rule->call >= 0)
			error = seccomp_syscall_priority(filter, rule->call,
			    (uint8_t)(i < PRIORITY_MAX ? PRIORITY_MAX - i : 0));
	}
	if (error == 0)
		error = seccomp_rule_add_array(
		    filter, ALLOW, SCMP_SYS(tgkill), 1, &self);
	return error;
}

/* False, with errno, when the kernel has no filters: it then knows no such
 * mode, and otherwise finds none at this address. */
static bool
is_there(void)
{
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) == -1 &&
	    errno == EFAULT;
}

int
sandbox_seccomp_enter(enum sandbox sandbox, bool *missing)
{
	scmp_filter_ctx filter;
	int error;

	if (!is_there()) {
		if (errno != EINVAL)
			return -1;
		*missing = true;
		return 0;
	}
	if ((filter = seccomp_init(SCMP_ACT_KILL_PROCESS)) == NULL) {
		errno = ENOMEM;
		return -1;
	}
	error = seccomp_attr_set(
	    filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (error == 0)
		error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (error == 0)
		error = add_rules(filter, sandbox);
	if (error == 0)
		error = seccomp_load(filter);
	seccomp_release(filter);
	/* All those rules were much, for a worker, and are never needed again.
	 */
	(void)malloc_trim(0);
	if (error == 0)
		return 0;
	errno = -error;
	return -1;
}
