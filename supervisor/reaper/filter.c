/* filter.c: system calls that a job does not get. */
#include <sys/prctl.h>

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>

#include "filter.h"
#include "report.h"

/* Those that this kernel's headers do not know are passed over. */
static const char *const denied[] = {
	/* into other processes */
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"pidfd_getfd",
	"userfaultfd",
	"perf_event_open",
	"lookup_dcookie",
	/* file systems and namespaces of others */
	"mount",
	"umount",
	"umount2",
	"mount_setattr",
	"move_mount",
	"open_tree",
	"fsopen",
	"fsconfig",
	"fsmount",
	"fspick",
	"pivot_root",
	"setns",
	"open_by_handle_at",
	/* the kernel itself */
	"bpf",
	"init_module",
	"finit_module",
	"delete_module",
	"create_module",
	"kexec_load",
	"kexec_file_load",
	"keyctl",
	"add_key",
	"request_key",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"iopl",
	"ioperm",
	/* the machine */
	"reboot",
	"swapon",
	"swapoff",
	"acct",
	"settimeofday",
	"stime",
	"clock_settime",
	"clock_settime64",
};

/* The other ways into this kernel: a 32-bit program must not find a hole. */
static int
add_architectures(scmp_filter_ctx filter)
{
	static const uint32_t pairs[][2] = {
		{ SCMP_ARCH_X86_64, SCMP_ARCH_X86 },
		{ SCMP_ARCH_X86_64, SCMP_ARCH_X32 },
		{ SCMP_ARCH_AARCH64, SCMP_ARCH_ARM },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		int result = 0;

		if (pairs[i][0] == seccomp_arch_native())
			result = seccomp_arch_add(filter, pairs[i][1]);
		if (result != 0 && result != -EEXIST)
			return result;
	}
	return 0;
}

static int
deny_all(scmp_filter_ctx filter)
{
	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++) {
		int number = seccomp_syscall_resolve_name(denied[i]), result;

		if (number == __NR_SCMP_ERROR)
			continue;
		result =
		    seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
		if (result != 0)
			return result;
	}
	return 0;
}

/* The flags of clone3(2) are in memory, where a filter does not see them: the C
 * library takes clone(2) when there is none. */
static int
deny_user_namespaces(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp has_flag = SCMP_A0(
	    SCMP_CMP_MASKED_EQ, (scmp_datum_t)CLONE_NEWUSER, CLONE_NEWUSER);
	int result = seccomp_rule_add_array(
	    filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare), 1, &has_flag);

	if (result == 0)
		result = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM),
		    SCMP_SYS(clone), 1, &has_flag);
	if (result == 0)
		result = seccomp_rule_add(
		    filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return result;
}

/* 0, or a negative errno. */
static int
enter(scmp_filter_ctx filter, bool user_namespaces)
{
	int result;

	/* As a tree: a job makes far more calls that it gets. */
	if ((result = add_architectures(filter)) != 0 ||
	    (result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2)) !=
		0 ||
	    (result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH,
		 SCMP_ACT_ERRNO(ENOSYS))) != 0 ||
	    (result = deny_all(filter)) != 0)
		return result;
	if (!user_namespaces && (result = deny_user_namespaces(filter)) != 0)
		return result;
	return seccomp_load(filter);
}

int
filter_enter(bool user_namespaces)
{
	scmp_filter_ctx filter;
	int result = -ENOMEM;

	if (prctl(PR_GET_SECCOMP, 0L, 0L, 0L, 0L) == -1) {
		report_note("no system call is kept from it: this kernel has "
			    "no seccomp");
		return 0;
	}
	if ((filter = seccomp_init(SCMP_ACT_ALLOW)) != NULL)
		result = enter(filter, user_namespaces);
	seccomp_release(filter);
	errno = -result;
	return result == 0 ? 0 : -1;
}
