/*
 * unconfined.c: a kernel without seccomp, Landlock and limits, preloaded into
 * what runs below valgrind.  Valgrind shares the process with the program that
 * it runs: it could not write its counts from within that program's sandbox.
 */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

typedef long system_call(long number, ...);

/* That of the C library. */
static system_call *
real_syscall(void)
{
	void *symbol = dlsym(RTLD_NEXT, "syscall");
	system_call *function;

	memcpy(&function, &symbol, sizeof(function));
	return function;
}

int
prctl(int option, ...)
{
	unsigned long arg[4];
	va_list list;

	if (option == PR_SET_SECCOMP) {
		errno = EINVAL;
		return -1;
	}
	va_start(list, option);
	for (int i = 0; i < 4; i++)
		arg[i] = va_arg(list, unsigned long);
	va_end(list);
	return (int)real_syscall()(
	    SYS_prctl, (long)option, arg[0], arg[1], arg[2], arg[3]);
}

long
syscall(long number, ...)
{
	long arg[6];
	va_list list;

	if (number == SYS_landlock_create_ruleset) {
		errno = ENOSYS;
		return -1;
	}
	va_start(list, number);
	for (int i = 0; i < 6; i++)
		arg[i] = va_arg(list, long);
	va_end(list);
	return real_syscall()(
	    number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

int
setrlimit(__rlimit_resource_t what, const struct rlimit *limit)
{
	(void)what;
	(void)limit;
	return 0;
}
