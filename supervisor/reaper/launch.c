/* launch.c: from the reaper to the job's first instruction. */
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "launch.h"
#include "proto/cgroup.h"

/* Where the report of a failure goes: the first descriptor after 0, 1, 2. */
#define REPORT_FD 3

enum step {
	STEP_SESSION,
	STEP_USER,
	STEP_CHDIR,
	STEP_PARENT,
	STEP_EXEC,
};

static const char *const step_names[] = {
	[STEP_SESSION] = "setsid",
	[STEP_USER] = "change to user",
	[STEP_CHDIR] = "chdir",
	[STEP_PARENT] = "prctl",
	[STEP_EXEC] = "exec",
};

struct report {
	enum step step;
	int error;
};

/*
 * Signals that we ignore would stay ignored across exec.  The C library hides
 * two numbers that it uses itself, which posix_spawn(3), by which we were
 * started, leaves ignored; so ask the kernel.
 */
static void
signals_default(void)
{
	/* As large as any struct sigaction of the kernel's; all zero is
	 * SIG_DFL. */
	static const unsigned long zero[8];
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		(void)syscall(
		    SYS_rt_sigaction, i, zero, NULL, (size_t)(_NSIG / 8));
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* False with errno EPERM when something of root is left or can be regained. */
static bool
is_user_for_good(const struct spec *spec)
{
	uid_t uid[3];
	gid_t gid[3];

	errno = EPERM;
	if (getresuid(&uid[0], &uid[1], &uid[2]) == -1 ||
	    getresgid(&gid[0], &gid[1], &gid[2]) == -1)
		return false;
	for (int i = 0; i < 3; i++) {
		if (uid[i] != spec->uid || gid[i] != spec->gid)
			return false;
	}
	if (spec->uid != 0 &&
	    (setresuid(-1U, 0, -1U) != -1 || setresuid(0, -1U, -1U) != -1)) {
		errno = EPERM;
		return false;
	}
	return true;
}

static int
become_user(const struct spec *spec)
{
	if (spec->user == NULL)
		return 0;
	if (initgroups(spec->user, spec->gid) == -1 ||
	    setresgid(spec->gid, spec->gid, spec->gid) == -1 ||
	    setresuid(spec->uid, spec->uid, spec->uid) == -1)
		return -1;
	return is_user_for_good(spec) ? 0 : -1;
}

/* In the new process; returns only on failure, with errno. */
static enum step
become_job(const struct spec *spec, pid_t reaper)
{
	signals_default();
	if (setsid() == -1)
		return STEP_SESSION;
	if (become_user(spec) == -1)
		return STEP_USER;
	if (spec->cwd != NULL && chdir(spec->cwd) == -1)
		return STEP_CHDIR;
	/* After the change of user, which clears it.  The reaper may have died
	 * before, then nobody would send the signal. */
	if (prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0L, 0L, 0L) == -1)
		return STEP_PARENT;
	if (getppid() != reaper)
		_exit(1);
	(void)close_range(REPORT_FD + 1, ~0U, 0);
	environ = spec->env; /* whose PATH is searched */
	(void)execvp(spec->argv[0], spec->argv);
	return STEP_EXEC;
}

static void __attribute__((noreturn))
child_main(const struct spec *spec, pid_t reaper, int fd)
{
	struct report report = { STEP_EXEC, 0 };

	/* This also closes our copy of the supervisor's channel. */
	if (dup3(fd, REPORT_FD, O_CLOEXEC) == -1)
		_exit(1);
	report.step = become_job(spec, reaper);
	report.error = errno;
	(void)!write(REPORT_FD, &report, sizeof(report));
	_exit(1);
}

pid_t
launch(const struct spec *spec, int *report)
{
	pid_t reaper = getpid(), pid;
	int fds[2], saved;

	if (pipe2(fds, O_CLOEXEC) == -1)
		return -1;
	/* As long as we are who may do that. */
	if ((pid = cgroup_fork(spec->cgroup)) == 0)
		child_main(spec, reaper, fds[1]);
	saved = errno;
	(void)close(fds[1]);
	if (pid == -1)
		(void)close(fds[0]);
	else
		*report = fds[0];
	errno = saved;
	return pid;
}

/* Nothing comes when exec succeeded: the descriptor was closed by it. */
int
launch_result(int *fd, const char **what)
{
	struct report report;
	ssize_t n;

	while ((n = read(*fd, &report, sizeof(report))) == -1 && errno == EINTR)
		continue;
	(void)close(*fd);
	*fd = -1;
	if (n != (ssize_t)sizeof(report))
		return 0;
	*what = step_names[report.step];
	errno = report.error;
	return -1;
}
