/*
 * test_job_confined.c: what jobs under mcp-gateway-reaper of this build may do
 * and what not.  Most of it needs root, and is skipped elsewhere.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "job_fixture.h"
#include "shortfall.h"

/* sh -c script as this user, with these limits and this sandbox. */
struct confined {
	struct setup_user user;
	struct setup_limits limits;
	struct config_sandbox sandbox;
	bool new_privileges;
	const char *home;
	const char *tmp;
};

static char *nothing[] = { NULL };

static void
start_confined(
    struct fixture *f, const struct confined *how, const char *script)
{
	char name[] = "test", sh[] = "/bin/sh", option[] = "-c";
	/* Else all of /tmp would be its own. */
	char path[] = "PATH=/usr/bin:/bin", tmp[] = "TMPDIR=/none";
	char *copy = strdup(script), *env[] = { path, tmp, NULL };
	char *args[] = { option, copy, NULL };
	const struct config_backend backend = { .name = name,
		.command = sh,
		.args = args,
		.new_privileges = how->new_privileges,
		.sandbox = how->sandbox };
	const struct setup_job job = { .env = env,
		.user = how->user,
		.home = how->home,
		.tmp = how->tmp,
		.limits = how->limits };

	start_job(f, setup_reaper(&backend, LOG_LEVEL_INFO, &job));
	free(copy);
	wait_gone(f);
	(void)output_is_closed(f);
}

#define UNLIMITED CONFIG_UNLIMITED
/* A user that no system knows; its process limit is nobody else's. */
#define OWN_USER                                                               \
	{                                                                      \
		true, NULL, 60999, 60999                                       \
	}

static void
must_say(const struct fixture *f, const char *part)
{
	if (strstr(f->output, part) == NULL)
		fail_msg("no %s in %s", part, f->output);
}

static void
a_job_with_an_id_of_its_own_has_nothing_of_root(void **state)
{
	const struct confined how = { .user = OWN_USER, .limits = no_limits };
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip();
	start_confined(f, &how, "id -u; id -G; cat /proc/self/status");
	assert_int_equal(strncmp(f->output, "60999\n60999\n", 12), 0);
	must_say(f, "CapInh:\t0000000000000000");
	must_say(f, "CapPrm:\t0000000000000000");
	must_say(f, "CapEff:\t0000000000000000");
	must_say(f, "CapBnd:\t0000000000000000");
	must_say(f, "CapAmb:\t0000000000000000");
	must_say(f, "NoNewPrivs:\t1");
	must_say(f, "Seccomp:\t2");
}

static void
set_uid_programs_work_where_they_are_allowed(void **state)
{
	const struct confined how = {
		.user = OWN_USER, .limits = no_limits, .new_privileges = true
	};
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip();
	start_confined(f, &how, "cat /proc/self/status");
	must_say(f, "NoNewPrivs:\t0");
	must_say(f, "Seccomp:\t0");
	assert_null(strstr(f->output, "CapBnd:\t0000000000000000"));
}

static void
limits_are_both_soft_and_hard(void **state)
{
	const struct confined how = { .limits = { UNLIMITED, UNLIMITED,
					  UNLIMITED, UNLIMITED, 64, 4096, 0 } };
	struct fixture *f = *state;

	start_confined(
	    f, &how, "cat /proc/self/limits | tr -s ' ' | cut -d' ' -f1-6");
	must_say(f, "Max open files 64 64 ");
	must_say(f, "Max file size 4096 4096 ");
	must_say(f, "Max core file size 0 0");
}

static void
a_user_of_its_own_cannot_fork_beyond_its_limit(void **state)
{
	const struct confined how = { .user = OWN_USER,
		.limits = { UNLIMITED, UNLIMITED, UNLIMITED, 3, UNLIMITED,
		    UNLIMITED, 0 } };
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip();
	start_confined(f, &how,
	    "sleep 1000 & sleep 1000 & (sleep 1000; echo more) & echo up");
	assert_null(strstr(f->output, "more"));
	assert_int_equal(f->end.kind, SETUP_JOB_EXIT);
	assert_int_not_equal(f->end.value, 0);
}

static void
what_nobody_needs_is_denied_to_a_job(void **state)
{
	const struct confined how = { .limits = no_limits };
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip(); /* it would fail anyway */
	start_confined(f, &how,
	    "mount -t tmpfs x /mnt; echo mount $?;"
	    "nsenter -t 1 -n true; echo nsenter $?;"
	    "unshare -U true; echo unshare $?");
	assert_null(strstr(f->output, "mount 0"));
	assert_null(strstr(f->output, "nsenter 0"));
	must_say(f, "unshare 0\n");
}

static void
its_folder_for_temporary_files_is_made(void **state)
{
	char folder[] = "/tmp/mcpgw-unit-XXXXXX", tmp[64], script[128];
	struct confined how = { .user = OWN_USER, .limits = no_limits };
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chown(folder, 60999, 60999), 0);
	(void)snprintf(tmp, sizeof(tmp), "%s/tmp", folder);
	(void)snprintf(script, sizeof(script), "stat -c '%%a %%u' %s", tmp);
	how.tmp = tmp;
	start_confined(f, &how, script);
	assert_string_equal(f->output, "700 60999\n");
	assert_int_equal(rmdir(tmp), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void
who_may_not_be_where_we_are_goes_home(void **state)
{
	char folder[] = "/tmp/mcpgw-unit-XXXXXX", before[PATH_MAX];
	struct confined how = {
		.user = OWN_USER, .limits = no_limits, .home = "/usr"
	};
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip();
	assert_non_null(getcwd(before, sizeof(before)));
	assert_non_null(mkdtemp(folder)); /* for root alone */
	assert_int_equal(chdir(folder), 0);
	start_confined(f, &how, "pwd");
	assert_int_equal(chdir(before), 0);
	assert_int_equal(rmdir(folder), 0);
	assert_string_equal(f->output, "/usr\n");
}

/* ---- sandbox ---- */

static bool
have_landlock(int version)
{
	return shortfall_landlock() >= version;
}

static void
a_sandbox_leaves_what_is_listed(void **state)
{
	char folder[] = "/tmp/mcpgw-unit-XXXXXX", in[64], out[64], path[96];
	char script[512], *reads[] = { in, NULL }, *writes[] = { out, NULL };
	struct confined how = { .limits = no_limits,
		.sandbox = { .set = true,
		    .read = reads,
		    .write = writes,
		    .connect = nothing } };
	struct fixture *f = *state;

	if (!have_landlock(1))
		skip();
	assert_non_null(mkdtemp(folder));
	(void)snprintf(in, sizeof(in), "%s/in", folder);
	(void)snprintf(out, sizeof(out), "%s/out", folder);
	assert_int_equal(mkdir(in, 0755), 0);
	assert_int_equal(mkdir(out, 0755), 0);
	(void)snprintf(script, sizeof(script),
	    "exec 2>/dev/null; cd /;"
	    "ls %s; echo in $?; (echo x >%s/f); echo wrote in $?;"
	    "(echo x >%s/f); echo wrote out $?; ls %s; echo above $?;"
	    "ls /usr >/dev/null; echo usr $?; ls /var; echo var $?;"
	    "unshare -U true; echo unshare $?",
	    in, in, out, folder);
	start_confined(f, &how, script);
	must_say(f, "in 0\n");
	must_say(f, "wrote out 0\n");
	must_say(f, "usr 0\n");
	assert_null(strstr(f->output, "wrote in 0"));
	assert_null(strstr(f->output, "above 0"));
	assert_null(strstr(f->output, "var 0"));
	assert_null(strstr(f->output, "unshare 0"));
	(void)snprintf(path, sizeof(path), "%s/f", out);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(in), 0);
	assert_int_equal(rmdir(out), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void
a_sandbox_keeps_ports_and_signals(void **state)
{
	char any[] = "1", *ports[] = { any, NULL };
	struct confined how = { .limits = no_limits,
		.sandbox = { .set = true,
		    .read = nothing,
		    .write = nothing,
		    .connect = ports } };
	struct fixture *f = *state;
	char script[512];

	if (!have_landlock(6))
		skip();
	/* Port 1 is refused by nobody who listens, port 2 by the sandbox. */
	(void)snprintf(script, sizeof(script),
	    "python3 -c 'import errno, socket, os\n"
	    "for port in 1, 2:\n"
	    "    try: socket.create_connection((\"127.0.0.1\", port))\n"
	    "    except OSError as e: print(errno.errorcode[e.errno])\n"
	    "try: os.kill(%ld, 0)\n"
	    "except OSError as e: print(errno.errorcode[e.errno])\n'",
	    (long)getpid());
	start_confined(f, &how, script);
	assert_string_equal(f->output, "ECONNREFUSED\nEACCES\nEPERM\n");
}

static void
a_private_network_has_a_loopback_only(void **state)
{
	struct confined how = { .limits = no_limits,
		.sandbox = { .set = true,
		    .read = nothing,
		    .write = nothing,
		    .connect = nothing,
		    .private_network = true } };
	struct fixture *f = *state;

	start_confined(f, &how,
	    "cat /proc/self/net/dev | grep -c :;"
	    "python3 -c 'import socket\n"
	    "s = socket.create_server((\"127.0.0.1\", 0))\n"
	    "print(\"bound\")'");
	if (f->end.kind == SETUP_JOB_SPAWN && geteuid() != 0)
		skip(); /* no user namespaces here */
	assert_string_equal(f->output, "1\nbound\n");
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, job_set_up, job_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_job_with_an_id_of_its_own_has_nothing_of_root),
		TEST(set_uid_programs_work_where_they_are_allowed),
		TEST(limits_are_both_soft_and_hard),
		TEST(a_user_of_its_own_cannot_fork_beyond_its_limit),
		TEST(what_nobody_needs_is_denied_to_a_job),
		TEST(its_folder_for_temporary_files_is_made),
		TEST(who_may_not_be_where_we_are_goes_home),
		TEST(a_sandbox_leaves_what_is_listed),
		TEST(a_sandbox_keeps_ports_and_signals),
		TEST(a_private_network_has_a_loopback_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
