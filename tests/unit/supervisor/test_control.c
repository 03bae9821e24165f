/* test_control.c: who may ask over the control socket, and how often. */
/* wrap: mono_ms */
/* wrap: event_add */
/* wrap: geteuid */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "control.h"
#include "proto/frame.h"
#include "proto/log.h"
#include "proto/msg.h"

#define IDLE_MS 30000U

struct fixture {
	char dir[64];
	char path[128];
	struct loop *loop;
	struct control *control;
	char *error;
	unsigned int asked;
	struct control_request request;
	uid_t uid;
	char json[256];
	bool at_once; /* answer within the handler */
};

static uint64_t now = 1000;
static struct event *sweep;

uint64_t __wrap_mono_ms(void);
uint64_t
__wrap_mono_ms(void)
{
	return now;
}

/* The one event with a time is the sweep: the tests say when it is due. */
int __real_event_add(struct event *event, const struct timeval *timeout);
int __wrap_event_add(struct event *event, const struct timeval *timeout);
int
__wrap_event_add(struct event *event, const struct timeval *timeout)
{
	if (timeout != NULL) {
		sweep = event;
		return 0;
	}
	return __real_event_add(event, timeout);
}

/* Who the gateway is, where a test wants it to be somebody else. */
static uid_t pretended = (uid_t)-1;
uid_t __real_geteuid(void);
uid_t __wrap_geteuid(void);
uid_t
__wrap_geteuid(void)
{
	return pretended != (uid_t)-1 ? pretended : __real_geteuid();
}

static void
no_log(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	(void)level;
	(void)text;
}

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	log_set_sink(no_log, NULL);
	(void)strlcpy(f->dir, "/tmp/test_control.XXXXXX", sizeof(f->dir));
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->path, sizeof(f->path), "%s/ctl/x.sock", f->dir);
	f->loop = loop_new(false);
	pretended = (uid_t)-1;
	now = 1000;
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;
	char path[160];

	control_free(&f->control);
	loop_free(&f->loop);
	(void)unlink(f->path);
	(void)snprintf(path, sizeof(path), "%s.lock", f->path);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/ctl", f->dir);
	(void)rmdir(path);
	assert_int_equal(rmdir(f->dir), 0);
	free(f->error);
	free(f);
	return 0;
}

static void
on_asked(void *arg, const struct control_request *request, uid_t uid,
    const char *json, size_t len)
{
	struct fixture *f = arg;

	f->asked++;
	f->request = *request;
	f->uid = uid;
	(void)snprintf(f->json, sizeof(f->json), "%.*s", (int)len, json);
	if (f->at_once)
		control_answer(f->control, request, "{\"ok\":true}", 11);
}

static struct control *
open_with(struct fixture *f, uint32_t mode, const char *group)
{
	const struct control_options options = {
		.path = f->path, .group = group, .mode = mode
	};

	return control_new(f->loop, &options, on_asked, f, &f->error);
}

static void
open_one(struct fixture *f)
{
	f->control = open_with(f, 0600, NULL);
	assert_non_null(f->control);
}

/* Whatever is due now. */
static void
turn(struct fixture *f)
{
	for (int i = 0; i < 5; i++) {
		(void)event_base_loop(
		    loop_base(f->loop), EVLOOP_ONCE | EVLOOP_NONBLOCK);
		loop_stop(f->loop);
		loop_run(f->loop);
	}
}

static void
sweep_at(struct fixture *f, uint64_t ms)
{
	now = ms;
	event_active(sweep, EV_TIMEOUT, 0);
	turn(f);
}

static int
connect_one(const struct fixture *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	(void)strlcpy(address.sun_path, f->path, sizeof(address.sun_path));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) ==
	    0)
		return fd;
	(void)close(fd);
	return -1;
}

static void
send_frame(int fd, uint16_t type, const char *json)
{
	unsigned char header[FRAME_HEADER_LEN];
	struct frame frame = { .type = type, .length = (uint32_t)strlen(json) };

	frame_encode(header, &frame);
	assert_int_equal(
	    send(fd, header, sizeof(header), MSG_NOSIGNAL), sizeof(header));
	assert_int_equal(
	    send(fd, json, strlen(json), MSG_NOSIGNAL), strlen(json));
}

/* The text of a RESULT, or NULL when nothing came; "" at the end. */
static const char *
receive(int fd)
{
	static char text[1024];
	struct frame frame;
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	if (n == -1 && errno == EAGAIN)
		return NULL;
	if (n <= 0)
		return "";
	text[n] = '\0';
	assert_true(n > FRAME_HEADER_LEN);
	assert_int_equal(frame_decode(&frame, text, (size_t)n), 1);
	assert_int_equal(frame.type, MSG_RESULT);
	assert_int_equal(frame.length, n - FRAME_HEADER_LEN);
	return text + FRAME_HEADER_LEN;
}

static bool
is_hung_up(int fd)
{
	const char *text = receive(fd);

	return text != NULL && *text == '\0';
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

static void
a_question_has_its_asker_and_its_answer(void **state)
{
	struct fixture *f = *state;
	int fd;

	f->at_once = true;
	open_one(f);
	fd = connect_one(f);
	for (unsigned int i = 1; i <= 3; i++) {
		send_frame(fd, MSG_CONTROL, "{\"verb\":\"status\"}");
		turn(f);
		assert_int_equal(f->asked, i);
		assert_string_equal(f->json, "{\"verb\":\"status\"}");
		assert_int_equal(f->uid, getuid());
		assert_string_equal(receive(fd), "{\"ok\":true}");
	}
	(void)close(fd);
}

static void
an_answer_may_come_later_or_never_find_its_asker(void **state)
{
	struct fixture *f = *state;
	struct control_request first;
	int fd, other;

	open_one(f);
	fd = connect_one(f);
	send_frame(fd, MSG_CONTROL, "{}");
	turn(f);
	first = f->request;
	other = connect_one(f);
	send_frame(other, MSG_CONTROL, "{}");
	turn(f);
	(void)close(fd);
	turn(f);
	control_answer(f->control, &first, "{\"n\":1}", 7);
	control_answer(f->control, &f->request, "{\"n\":2}", 7);
	control_answer(f->control, &f->request, "{\"n\":3}", 7);
	turn(f);
	assert_string_equal(receive(other), "{\"n\":2}");
	assert_null(receive(other));
	(void)close(other);
}

static void
who_asks_twice_at_once_is_hung_up_on(void **state)
{
	struct fixture *f = *state;
	int fd;

	open_one(f);
	fd = connect_one(f);
	send_frame(fd, MSG_CONTROL, "{}");
	send_frame(fd, MSG_CONTROL, "{}");
	turn(f);
	assert_int_equal(f->asked, 1);
	assert_true(is_hung_up(fd));
	control_answer(f->control, &f->request, "{}", 2);
	(void)close(fd);
}

static void
garbage_is_hung_up_on(void **state)
{
	static const char *const texts[] = { "", "x", "[]", "{\"a\":1", "\"a\"",
		"{\"a\":\"\xff\"}", "{}{}", "null", " 1" };
	struct fixture *f = *state;
	char zeros[64] = { 0 };
	int fd;

	open_one(f);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		fd = connect_one(f);
		send_frame(fd, MSG_CONTROL, texts[i]);
		turn(f);
		assert_true(is_hung_up(fd));
		(void)close(fd);
	}
	/* Frames of others, and no frames. */
	fd = connect_one(f);
	send_frame(fd, MSG_HELLO, "{}");
	turn(f);
	assert_true(is_hung_up(fd));
	(void)close(fd);
	fd = connect_one(f);
	memset(zeros, 0xff, sizeof(zeros));
	assert_int_equal(send(fd, zeros, sizeof(zeros), 0), sizeof(zeros));
	turn(f);
	assert_true(is_hung_up(fd));
	(void)close(fd);
	assert_int_equal(f->asked, 0);
}

static void
an_object_among_spaces_is_one(void **state)
{
	struct fixture *f = *state;
	int fd;

	f->at_once = true;
	open_one(f);
	fd = connect_one(f);
	send_frame(fd, MSG_CONTROL, " \n\t{\"a\":1} ");
	turn(f);
	assert_int_equal(f->asked, 1);
	(void)close(fd);
}

static void
one_more_than_sixteen_is_told_so(void **state)
{
	struct fixture *f = *state;
	int fds[CONTROL_PEERS_MAX], extra;

	open_one(f);
	for (int i = 0; i < CONTROL_PEERS_MAX; i++)
		fds[i] = connect_one(f);
	turn(f);
	turn(f);
	turn(f);
	turn(f);
	extra = connect_one(f);
	turn(f);
	assert_non_null(strstr(receive(extra), "too many"));
	assert_true(is_hung_up(extra));
	(void)close(extra);
	(void)close(fds[0]);
	turn(f);
	extra = connect_one(f);
	turn(f);
	assert_null(receive(extra));
	(void)close(extra);
	for (int i = 1; i < CONTROL_PEERS_MAX; i++)
		(void)close(fds[i]);
}

static void
who_asks_nothing_for_half_a_minute_is_hung_up_on(void **state)
{
	struct fixture *f = *state;
	int idle, waiting;

	open_one(f);
	idle = connect_one(f);
	turn(f);
	waiting = connect_one(f);
	send_frame(waiting, MSG_CONTROL, "{}");
	turn(f);
	sweep_at(f, 1000 + IDLE_MS - 1);
	assert_null(receive(idle));
	sweep_at(f, 1000 + IDLE_MS);
	assert_true(is_hung_up(idle));
	/* A reload takes as long as it takes. */
	sweep_at(f, 1000 + 100 * IDLE_MS);
	assert_null(receive(waiting));
	control_answer(f->control, &f->request, "{}", 2);
	turn(f);
	assert_string_equal(receive(waiting), "{}");
	sweep_at(f, 1000 + 101 * IDLE_MS);
	assert_true(is_hung_up(waiting));
	(void)close(idle);
	(void)close(waiting);
}

static void
an_answer_that_is_too_long_says_so(void **state)
{
	struct fixture *f = *state;
	char *text = calloc(1, MSG_RESULT_MAX + 1);
	int fd;

	open_one(f);
	fd = connect_one(f);
	send_frame(fd, MSG_CONTROL, "{}");
	turn(f);
	control_answer(f->control, &f->request, text, MSG_RESULT_MAX + 1);
	turn(f);
	assert_non_null(strstr(receive(fd), "too long"));
	(void)close(fd);
	free(text);
}

static void
the_socket_has_the_mode_that_is_asked_for_whatever_umask(void **state)
{
	struct fixture *f = *state;
	char folder[96];
	mode_t mask = umask(0777);

	(void)snprintf(folder, sizeof(folder), "%s/ctl", f->dir);
	open_one(f);
	(void)umask(0);
	assert_int_equal(mode_of(f->path), 0600);
	assert_int_equal(mode_of(folder), 0700);
	control_free(&f->control);
	assert_int_equal(rmdir(folder), 0);
	f->control = open_with(f, 0660, NULL);
	assert_non_null(f->control);
	assert_int_equal(mode_of(f->path), 0660);
	assert_int_equal(mode_of(folder), 0750);
	(void)umask(mask);
}

static void
nothing_is_left_when_it_ends(void **state)
{
	struct fixture *f = *state;
	char folder[96];

	open_one(f);
	control_free(&f->control);
	(void)snprintf(folder, sizeof(folder), "%s/ctl", f->dir);
	assert_int_equal(rmdir(folder), 0);
}

static void
a_stale_socket_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char folder[96];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(folder, sizeof(folder), "%s/ctl", f->dir);
	assert_int_equal(mkdir(folder, 0700), 0);
	(void)strlcpy(address.sun_path, f->path, sizeof(address.sun_path));
	assert_int_equal(
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	(void)close(fd);
	open_one(f);
	fd = connect_one(f);
	assert_int_not_equal(fd, -1);
	(void)close(fd);
}

static void
expect_error(struct fixture *f, const char *text)
{
	assert_null(open_with(f, 0600, NULL));
	assert_non_null(f->error);
	assert_non_null(strstr(f->error, text));
	free(f->error);
	f->error = NULL;
}

static void
one_that_another_gateway_serves_is_left_alone(void **state)
{
	struct fixture *f = *state;
	int fd;

	open_one(f);
	expect_error(f, "another gateway serves");
	fd = connect_one(f);
	assert_int_not_equal(fd, -1);
	(void)close(fd);
}

static void
one_that_another_program_serves_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char folder[96];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(folder, sizeof(folder), "%s/ctl", f->dir);
	assert_int_equal(mkdir(folder, 0700), 0);
	(void)strlcpy(address.sun_path, f->path, sizeof(address.sun_path));
	assert_int_equal(
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	expect_error(f, "another gateway serves");
	(void)close(fd);
}

static void
a_file_is_left_alone(void **state)
{
	struct fixture *f = *state;
	char folder[96];
	int fd;

	(void)snprintf(folder, sizeof(folder), "%s/ctl", f->dir);
	assert_int_equal(mkdir(folder, 0700), 0);
	fd = open(f->path, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, "x", 1), 1);
	(void)close(fd);
	expect_error(f, "no socket");
	assert_int_equal(access(f->path, F_OK), 0);
}

static void
a_folder_that_others_can_change_is_refused(void **state)
{
	struct fixture *f = *state;
	char folder[96];

	(void)snprintf(folder, sizeof(folder), "%s/ctl", f->dir);
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(chmod(folder, 0777), 0);
	expect_error(f, "other users can change");
	assert_int_equal(chmod(folder, 01777), 0);
	expect_error(f, "other users can change");
	assert_int_equal(chmod(folder, 0720), 0);
	expect_error(f, "other users can change");
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(symlink("/tmp", folder), 0);
	expect_error(f, "no folder");
	assert_int_equal(unlink(folder), 0);
}

static void
only_the_last_folder_is_made(void **state)
{
	struct fixture *f = *state;

	(void)snprintf(f->path, sizeof(f->path), "%s/a/b/x.sock", f->dir);
	expect_error(f, "cannot make the folder");
}

static void
a_path_that_cannot_be_one_is_refused(void **state)
{
	struct fixture *f = *state;

	(void)strlcpy(f->path, "relative.sock", sizeof(f->path));
	expect_error(f, "no absolute path");
	(void)strlcpy(f->path, "/tmp/", sizeof(f->path));
	expect_error(f, "no absolute path");
	memset(f->path, 'x', sizeof(f->path) - 1);
	f->path[0] = '/';
	expect_error(f, "more than 107 bytes");
}

static void
an_unknown_group_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_null(open_with(f, 0660, "no such group"));
	assert_non_null(strstr(f->error, "groupadd"));
}

/* Somebody else's gateway: we are neither root nor its user. */
static void
a_stranger_is_turned_away_although_the_kernel_let_it_in(void **state)
{
	struct fixture *f = *state;
	int fd, status;
	pid_t child;

	if (getuid() != 0)
		skip();
	f->at_once = true;
	open_one(f);
	assert_int_equal(chmod(f->dir, 0755), 0);
	assert_int_equal(chmod(f->path, 0666), 0);
	(void)snprintf(f->json, sizeof(f->json), "%s/ctl", f->dir);
	assert_int_equal(chmod(f->json, 0755), 0);
	if ((child = fork()) == 0) {
		if (setgroups(0, NULL) == -1 || setgid(65534) == -1 ||
		    setuid(65534) == -1 || (fd = connect_one(f)) == -1)
			_exit(1);
		send_frame(fd, MSG_CONTROL, "{}");
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	turn(f);
	assert_int_equal(f->asked, 0);
}

/* The group of the socket, as the main one or as another one of a process. */
static void
the_group_is_let_in_where_the_mode_says_so(void **state)
{
	struct fixture *f = *state;
	struct group *group = getgrnam("daemon");
	gid_t gid;
	int status;
	pid_t child;

	if (getuid() != 0 || group == NULL)
		skip();
	gid = group->gr_gid;
	f->at_once = true;
	f->control = open_with(f, 0660, "daemon");
	assert_non_null(f->control);
	assert_int_equal(chmod(f->dir, 0755), 0);
	for (int extra = 0; extra <= 1; extra++) {
		if ((child = fork()) == 0) {
			int fd = -1;

			if (setgroups((size_t)extra, &gid) == -1 ||
			    setgid(extra != 0 ? 65534 : gid) == -1 ||
			    setuid(65534) == -1 || (fd = connect_one(f)) == -1)
				_exit(1);
			send_frame(fd, MSG_CONTROL, "{}");
			_exit(0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
		turn(f);
		assert_int_equal(f->asked, extra + 1);
		assert_int_equal(f->uid, 65534);
	}
}

static void
the_default_place_is_roots_or_the_users(void **state)
{
	char place[64];

	(void)state;
	pretended = 0;
	assert_string_equal(control_default_path(place, sizeof(place)),
	    "/run/mcp-gateway/control.sock");
	pretended = 1000;
	assert_int_equal(setenv("XDG_RUNTIME_DIR", "/run/user/1000", 1), 0);
	assert_string_equal(control_default_path(place, sizeof(place)),
	    "/run/user/1000/mcp-gateway/control.sock");
	assert_int_equal(setenv("XDG_RUNTIME_DIR", "relative", 1), 0);
	assert_string_equal(control_default_path(place, sizeof(place)), "");
	assert_int_equal(unsetenv("XDG_RUNTIME_DIR"), 0);
	assert_string_equal(control_default_path(place, sizeof(place)), "");
	pretended = 0;
	assert_string_equal(control_default_path(place, 10), "");
	pretended = (uid_t)-1;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_question_has_its_asker_and_its_answer),
		TEST(an_answer_may_come_later_or_never_find_its_asker),
		TEST(who_asks_twice_at_once_is_hung_up_on),
		TEST(garbage_is_hung_up_on),
		TEST(an_object_among_spaces_is_one),
		TEST(one_more_than_sixteen_is_told_so),
		TEST(who_asks_nothing_for_half_a_minute_is_hung_up_on),
		TEST(an_answer_that_is_too_long_says_so),
		TEST(the_socket_has_the_mode_that_is_asked_for_whatever_umask),
		TEST(nothing_is_left_when_it_ends),
		TEST(a_stale_socket_is_replaced),
		TEST(one_that_another_gateway_serves_is_left_alone),
		TEST(one_that_another_program_serves_is_left_alone),
		TEST(a_file_is_left_alone),
		TEST(a_folder_that_others_can_change_is_refused),
		TEST(only_the_last_folder_is_made),
		TEST(a_path_that_cannot_be_one_is_refused),
		TEST(an_unknown_group_is_refused),
		TEST(a_stranger_is_turned_away_although_the_kernel_let_it_in),
		TEST(the_group_is_let_in_where_the_mode_says_so),
		cmocka_unit_test(the_default_place_is_roots_or_the_users),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
