#include "proto/role.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <linux/capability.h>

#include <errno.h>
#include <grp.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proto/socket.h"

/*
 * Capabilities that a kernel may know; prctl(2) says EINVAL beyond its last.
 * The sets are 64 bits wide.
 */
#define CAPABILITIES 64

/* Fd 3 must be the channel: nobody starts these programs by hand. */
static void
role_check_channel(void)
{
	struct stat st;

	if (fstat(ROLE_CHANNEL_FD, &st) == 0 && S_ISSOCK(st.st_mode))
		return;
	fprintf(stderr, "%s: this program is started by mcp-gatewayd\n",
	    getprogname());
	exit(ROLE_EXIT_USAGE);
}

/*
 * Keep what a large message needed for the next one: given back and taken
 * again each time, its pages are zeroed by the kernel, at more cost than all
 * that we do with it.  An idle process keeps this much at most.
 */
#define HEAP_KEEP (8 << 20)

static void
role_keep_heap(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, HEAP_KEEP);
	(void)mallopt(M_TRIM_THRESHOLD, HEAP_KEEP);
}

/* exec(3) has reset all handlers, but not what its caller ignored. */
static void
role_reset_signals(void)
{
	static const int ignored[] = { SIGPIPE, SIGHUP, SIGINT, SIGUSR1,
		SIGUSR2 };
	struct sigaction action;
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++) {
		if (sigaction(sig, NULL, &action) == -1 ||
		    action.sa_handler != SIG_IGN)
			continue;
		action = (struct sigaction){ .sa_handler = SIG_DFL };
		(void)sigaction(sig, &action, NULL);
	}
	action = (struct sigaction){ .sa_handler = SIG_IGN };
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)sigaction(ignored[i], &action, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * No core and no debugger: our memory holds what clients said.  Sanitizers need
 * /proc/self, which belongs to root then.
 */
static int
role_hide_memory(void)
{
#ifdef MCPGW_SANITIZE
	return 0;
#else
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

/* The soft limit only: a job may want its cores back. */
static int
role_refuse_core(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_CORE, &limit) == -1)
		return -1;
	limit.rlim_cur = 0;
	return setrlimit(RLIMIT_CORE, &limit);
}

static _Noreturn void
role_cannot_begin(void)
{
	perror(getprogname());
	exit(ROLE_EXIT_OSERR);
}

void
role_begin_reaper(int argc, char **argv)
{
	role_check_channel();
	closefrom(ROLE_CHANNEL_FD + 1);
	role_reset_signals();
	if (socket_prepare(ROLE_CHANNEL_FD) == -1 || role_refuse_core() == -1 ||
	    role_hide_memory() == -1)
		role_cannot_begin();
	role_keep_heap();
	setproctitle_init(argc, argv, environ);
}

void
role_begin(int argc, char **argv)
{
	role_begin_reaper(argc, argv);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		role_cannot_begin();
}

void
role_title(const char *name)
{
	/* setproctitle(3) writes "program: " unless the text begins with -. */
	if (name == NULL)
		setproctitle("-%s", getprogname());
	else
		setproctitle("%s", name);
}

static int
role_enter_chroot(const char *path)
{
#ifdef MCPGW_SANITIZE
	(void)path; /* the symboliser and the leak checker need /proc */
	return 0;
#else
	if (path == NULL)
		return 0;
	return chroot(path) == -1 ? -1 : chdir("/");
#endif
}

/* Best effort: without it a set-uid program is stopped by no_new_privs. */
static void
role_drop_bounding_set(void)
{
	for (unsigned long cap = 0; cap < CAPABILITIES; cap++)
		(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
}

/*
 * All sets of capabilities: a change of uid from root empties three of them,
 * but who started the gateway as another user may have left it some
 * ("ambient").
 */
static int
role_drop_capabilities(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capset, &header, sets) == -1 ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == -1 ||
	    syscall(SYS_capget, &header, sets) == -1)
		return -1;
	for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		if (sets[i].effective != 0 || sets[i].permitted != 0 ||
		    sets[i].inheritable != 0) {
			errno = EPERM;
			return -1;
		}
	}
	return 0;
}

/* 0 when there is no way back to root, or to another user. */
static int
role_verify(const struct role_identity *identity)
{
	uid_t uid[3];
	gid_t gid[3];

	if (getresuid(&uid[0], &uid[1], &uid[2]) == -1 ||
	    getresgid(&gid[0], &gid[1], &gid[2]) == -1)
		return -1;
	for (int i = 0; i < 3; i++)
		if (uid[i] != identity->uid || gid[i] != identity->gid)
			goto refused;
	if (getgroups(0, NULL) != 0 || setuid(0) != -1 || seteuid(0) != -1 ||
	    setresuid(0, 0, 0) != -1 || setresgid(0, 0, 0) != -1)
		goto refused;
	return 0;
refused:
	errno = EPERM;
	return -1;
}

static int
role_change_identity(const struct role_identity *identity)
{
	if (identity->uid == 0 || identity->gid == 0) {
		errno = EINVAL;
		return -1;
	}
	if (role_enter_chroot(identity->chroot) == -1)
		return -1;
	role_drop_bounding_set();
	if (setgroups(0, NULL) == -1 ||
	    setresgid(identity->gid, identity->gid, identity->gid) == -1 ||
	    setresuid(identity->uid, identity->uid, identity->uid) == -1)
		return -1;
	return 0;
}

int
role_drop(const struct role_identity *identity)
{
	if (identity->set && role_change_identity(identity) == -1)
		return -1;
	if (role_drop_capabilities() == -1)
		return -1;
	if (identity->set &&
	    (role_verify(identity) == -1 || role_hide_memory() == -1))
		return -1;
	/*
	 * After the change of uid, which clears it.  A parent that is gone
	 * already shows as end of file on the channel.
	 */
	return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}
