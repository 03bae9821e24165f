/* test_outcome.c: the one line that says why a backend is away. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "outcome.h"

static char text[OUTCOME_TEXT_MAX];

static const char *
said(const struct outcome *o)
{
	outcome_text(o, text);
	return text;
}

static void
job_exits(struct outcome *o, int status)
{
	struct setup_job_end end = { .kind = SETUP_JOB_EXIT, .value = status };

	outcome_job(o, &end);
}

static void
job_is_killed(struct outcome *o, int number)
{
	struct setup_job_end end = { .kind = SETUP_JOB_SIGNAL,
		.value = number };

	outcome_job(o, &end);
}

static void
worker_says(struct outcome *o, const char *why, const char *line)
{
	struct setup_last_words words;

	(void)strlcpy(words.why, why, sizeof(words.why));
	(void)strlcpy(words.stderr_lines, line, sizeof(words.stderr_lines));
	outcome_words(o, &words);
}

static void
a_job_that_exits_is_reported_with_its_last_words(void **state)
{
	struct outcome o = { .cause = "" };

	(void)state;
	job_exits(&o, 3);
	worker_says(&o, "closed its output", "no token");
	assert_string_equal(
	    said(&o), "exited with status 3 (its last words: no token)");
	assert_false(o.permanent);
}

static void
the_same_when_the_worker_is_faster(void **state)
{
	struct outcome o = { .cause = "" };

	(void)state;
	worker_says(&o, "closed its output", "");
	o.stop_sent = true;
	assert_string_equal(said(&o), "closed its output");
	job_exits(&o, 3);
	assert_string_equal(
	    said(&o), "closed its output; the job exited with status 3");
	o.lost = true; /* the worker ended because of that, and only that */
	assert_string_equal(said(&o), "exited with status 3");
}

static void
what_we_did_to_the_job_is_no_reason(void **state)
{
	struct outcome o = { .cause = "" };

	(void)state;
	outcome_because(&o, "did not complete initialize within %d s", 30);
	outcome_because(&o, "its worker exited");
	o.stop_sent = true;
	o.signalled = true;
	job_is_killed(&o, SIGTERM);
	assert_string_equal(
	    said(&o), "did not complete initialize within 30 s");
	job_exits(&o, 143);
	assert_string_equal(
	    said(&o), "did not complete initialize within 30 s");
	job_exits(&o, 0);
	assert_string_equal(
	    said(&o), "did not complete initialize within 30 s");
}

static void
a_signal_that_we_did_not_send_is_named(void **state)
{
	struct outcome o = { .cause = "" };

	(void)state;
	job_is_killed(&o, SIGSEGV);
	assert_string_equal(
	    said(&o), "was killed by signal 11 (Segmentation fault)");
	/* It was asked to end, and killed before we did that. */
	o = (struct outcome){ .stop_sent = true, .lost = true };
	worker_says(&o, "closed its output", "");
	job_is_killed(&o, SIGKILL);
	assert_string_equal(said(&o), "was killed by signal 9 (Killed)");
}

static void
what_a_server_with_a_port_did_is_added_to_what_its_worker_saw(void **state)
{
	struct outcome o = { .cause = "" };

	(void)state;
	worker_says(&o, "lost the connection", "line 1 | line 2");
	o.stop_sent = true;
	assert_string_equal(
	    said(&o), "lost the connection (its last words: line 1 | line 2)");
	job_exits(&o, 3);
	assert_string_equal(said(&o),
	    "lost the connection; the job exited with status 3 "
	    "(its last words: line 1 | line 2)");
}

static void
a_missing_program_is_permanent_and_has_a_remedy(void **state)
{
	static const int permanent[] = { ENOENT, EACCES, ENOEXEC };
	struct setup_job_end end = {
		.kind = SETUP_JOB_SPAWN, .value = 0, .what = "exec npx"
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct outcome o = { .cause = "" };

		end.value = permanent[i];
		outcome_job(&o, &end);
		assert_true(o.permanent);
		assert_non_null(strstr(said(&o), "exec npx"));
		assert_non_null(strstr(text, strerror(permanent[i])));
		assert_non_null(strstr(text, "\"command\""));
	}
}

static void
other_failures_to_start_are_tried_again(void **state)
{
	struct setup_job_end full = {
		.kind = SETUP_JOB_SPAWN, .value = EAGAIN, .what = "fork"
	};
	struct setup_job_end away = {
		.kind = SETUP_JOB_SPAWN, .value = ENOENT, .what = "chdir /mnt"
	};
	struct outcome a = { .cause = "" }, b = { .cause = "" };

	(void)state;
	outcome_job(&a, &full);
	assert_false(a.permanent);
	outcome_job(&b, &away);
	assert_false(b.permanent);
	assert_non_null(strstr(said(&b), "chdir /mnt: No such file"));
}

static void
a_user_who_may_not_execute_it_is_named_with_the_remedy(void **state)
{
	struct setup_job_end end = { .kind = SETUP_JOB_SPAWN,
		.value = EACCES,
		.what = "exec /root/x as user 60578" };
	struct outcome o = { .cause = "" };

	(void)state;
	outcome_job(&o, &end);
	assert_true(o.permanent);
	assert_string_equal(said(&o),
	    "cannot start: exec /root/x as user 60578: Permission denied; let "
	    "that user execute it (chmod a+rx it and the folders above it), "
	    "or set \"user\" to somebody who may");
}

static void
a_folder_that_a_user_may_not_enter_has_a_remedy(void **state)
{
	struct setup_job_end end = { .kind = SETUP_JOB_SPAWN,
		.value = EACCES,
		.what = "chdir /root/state/x as user 60578" };
	struct outcome o = { .cause = "" };

	(void)state;
	outcome_job(&o, &end);
	assert_true(o.permanent);
	assert_string_equal(said(&o),
	    "cannot start: chdir /root/state/x as user 60578: Permission "
	    "denied; let that user enter it (chmod a+x the folders above it), "
	    "or correct \"cwd\" or \"state_dir\"");
}

static void
a_network_that_cannot_be_made_has_a_remedy(void **state)
{
	struct setup_job_end end = { .kind = SETUP_JOB_SPAWN,
		.value = EPERM,
		.what = "make a private network" };
	struct outcome o = { .cause = "" };

	(void)state;
	outcome_job(&o, &end);
	assert_true(o.permanent);
	assert_non_null(strstr(said(&o), "start the gateway as root"));
}

static void
a_job_without_memory_is_said_to_be_so(void **state)
{
	struct setup_job_end end = { .kind = SETUP_JOB_SIGNAL,
		.value = SIGKILL,
		.no_memory = true,
		.memory = 512U << 20 };
	struct outcome o = { .cause = "" }, p = o, q = o;

	(void)state;
	outcome_job(&o, &end);
	assert_string_equal(said(&o),
	    "was killed by signal 9 (Killed): out of memory, its limit is "
	    "512M");
	end.memory = 1000;
	outcome_job(&p, &end);
	assert_non_null(strstr(said(&p), "its limit is 1000 bytes"));
	end.memory = 0;
	end.kind = SETUP_JOB_EXIT;
	end.value = 1;
	outcome_job(&q, &end);
	assert_string_equal(said(&q), "exited with status 1: out of memory");
}

static void
there_is_always_something_to_say(void **state)
{
	struct outcome o = { .cause = "" };

	(void)state;
	assert_string_equal(said(&o), "ended");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    a_job_that_exits_is_reported_with_its_last_words),
		cmocka_unit_test(the_same_when_the_worker_is_faster),
		cmocka_unit_test(what_we_did_to_the_job_is_no_reason),
		cmocka_unit_test(a_signal_that_we_did_not_send_is_named),
		cmocka_unit_test(
		    what_a_server_with_a_port_did_is_added_to_what_its_worker_saw),
		cmocka_unit_test(
		    a_missing_program_is_permanent_and_has_a_remedy),
		cmocka_unit_test(other_failures_to_start_are_tried_again),
		cmocka_unit_test(
		    a_user_who_may_not_execute_it_is_named_with_the_remedy),
		cmocka_unit_test(
		    a_folder_that_a_user_may_not_enter_has_a_remedy),
		cmocka_unit_test(a_network_that_cannot_be_made_has_a_remedy),
		cmocka_unit_test(a_job_without_memory_is_said_to_be_so),
		cmocka_unit_test(there_is_always_something_to_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
