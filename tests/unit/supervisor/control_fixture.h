/* control_fixture.h: for tests of control.c: a control socket and its peers; a
 * test wraps mono_ms, event_add and geteuid. */
#ifndef TEST_CONTROL_FIXTURE_H
#define TEST_CONTROL_FIXTURE_H

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

static void __attribute__((unused))
no_log(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	(void)level;
	(void)text;
}

static int __attribute__((unused)) set_up(void **state)
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

static int __attribute__((unused)) tear_down(void **state)
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

static void __attribute__((unused))
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

static struct control *__attribute__((unused))
open_with(struct fixture *f, uint32_t mode, const char *group)
{
	const struct control_options options = {
		.path = f->path, .group = group, .mode = mode
	};

	return control_new(f->loop, &options, on_asked, f, &f->error);
}

static void __attribute__((unused)) open_one(struct fixture *f)
{
	f->control = open_with(f, 0600, NULL);
	assert_non_null(f->control);
}

/* Whatever is due now. */
static void __attribute__((unused)) turn(struct fixture *f)
{
	for (int i = 0; i < 5; i++) {
		(void)event_base_loop(
		    loop_base(f->loop), EVLOOP_ONCE | EVLOOP_NONBLOCK);
		loop_stop(f->loop);
		loop_run(f->loop);
	}
}

static void __attribute__((unused)) sweep_at(struct fixture *f, uint64_t ms)
{
	now = ms;
	event_active(sweep, EV_TIMEOUT, 0);
	turn(f);
}

static int __attribute__((unused)) connect_one(const struct fixture *f)
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

static void __attribute__((unused))
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
static const char *__attribute__((unused)) receive(int fd)
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

static bool __attribute__((unused)) is_hung_up(int fd)
{
	const char *text = receive(fd);

	return text != NULL && *text == '\0';
}

static mode_t __attribute__((unused)) mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
