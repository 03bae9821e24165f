/* launch.c: from the reaper to the job's first instruction. */
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "confine.h"
#include "filter.h"
#include "landlock.h"
#include "launch.h"
#include "network.h"
#include "ours.h"
#include "proto/cgroup.h"

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

/* What needs the privileges that we still have.  REPORT_NOTE, or the step that
 * failed, with errno. */
static enum report_step
give_up(const struct spec *spec)
{
	if (setsid() == -1)
		return REPORT_SESSION;
	if (spec->sandbox.private_network && network_leave() == -1)
		return REPORT_NETWORK;
	if (confine_limits(spec) == -1)
		return REPORT_LIMITS;
	if (confine_capabilities(spec) == -1)
		return REPORT_PRIVILEGES;
	return confine_user(spec) == -1 ? REPORT_USER : REPORT_NOTE;
}

/* As its user, who may not be let into where we are. */
static int
go_home(const struct spec *spec)
{
	if (spec->cwd != NULL)
		return chdir(spec->cwd);
	if (spec->home == NULL || access(".", X_OK) == 0)
		return 0;
	return chdir(spec->home) == 0 ? 0 : chdir("/");
}

/* What is to be for good.  As above. */
static enum report_step
confine(const struct spec *spec)
{
	if (confine_is_tight(spec) &&
	    prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) == -1)
		return REPORT_PRIVILEGES;
	if (spec->sandbox.set && landlock_enter(spec) == -1)
		return REPORT_LANDLOCK;
	if (confine_is_tight(spec) && filter_enter(!spec->sandbox.set) == -1)
		return REPORT_FILTER;
	return REPORT_NOTE;
}

/* Returns only on failure, with the errno of the first attempt. */
static enum report_step
execute(const struct spec *spec)
{
	int saved;

	environ = spec->env; /* whose PATH is searched */
	(void)execvp(spec->argv[0], spec->argv);
	saved = errno;
	/* No script: it could not be read by its interpreter. */
	if (saved == EACCES)
		(void)execveat(
		    OURS_FD, spec->argv[0], spec->argv, spec->env, 0);
	errno = saved;
	return REPORT_EXEC;
}

/* In the new process; returns only on failure, with errno. */
static enum report_step
become_job(const struct spec *spec, pid_t reaper)
{
	enum report_step step;

	signals_default();
	ours_open(spec);
	if ((step = give_up(spec)) != REPORT_NOTE)
		return step;
	if (go_home(spec) == -1)
		return REPORT_CHDIR;
	if (spec->tmp != NULL)
		(void)mkdir(spec->tmp, 0700); /* it is its own matter */
	/* After the change of user, which clears it.  The reaper may have died
	 * before, then nobody would send the signal. */
	if (prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0L, 0L, 0L) == -1)
		return REPORT_PARENT;
	if (getppid() != reaper)
		_exit(1);
	(void)close_range(OURS_FD + 1, ~0U, 0);
	if ((step = confine(spec)) != REPORT_NOTE)
		return step;
	return execute(spec);
}

static void __attribute__((noreturn))
child_main(const struct spec *spec, pid_t reaper, int fd)
{
	enum report_step step;

	/* This also closes our copy of the supervisor's channel. */
	if (dup3(fd, REPORT_FD, O_CLOEXEC) == -1)
		_exit(1);
	step = become_job(spec, reaper);
	report_failure(step, errno);
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

/* Nothing comes any more when exec succeeded: it closed the descriptor. */
bool
launch_news(int *report, struct report *news)
{
	ssize_t n;

	while ((n = read(*report, news, sizeof(*news))) == -1 && errno == EINTR)
		continue;
	if (n == (ssize_t)sizeof(*news) && news->step == REPORT_NOTE) {
		news->text[sizeof(news->text) - 1] = '\0';
		return true;
	}
	if (n != (ssize_t)sizeof(*news) || news->step > REPORT_EXEC)
		*news = (struct report){ .step = REPORT_NOTE };
	(void)close(*report);
	*report = -1;
	return false;
}
