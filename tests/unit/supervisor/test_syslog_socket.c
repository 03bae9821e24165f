/* test_syslog_socket.c: a syslog that is gone or slow holds nobody up. */
/* wrap: mono_ms */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "syslog_socket.h"

static char dir[] = "/tmp/test_syslog.XXXXXX";
static char path[64];
static uint64_t now_ms = 1000;

uint64_t __wrap_mono_ms(void);

uint64_t
__wrap_mono_ms(void)
{
	return now_ms;
}

static int
make_dir(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/log", dir);
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(dir);
}

static int
serve(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	(void)unlink(path);
	(void)strlcpy(address.sun_path, path, sizeof(address.sun_path));
	assert_int_equal(
	    bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void
assert_received(int fd, const char *want)
{
	char got[64];
	ssize_t n = recv(fd, got, sizeof(got) - 1, 0);

	assert_int_equal(n, strlen(want));
	got[n] = '\0';
	assert_string_equal(got, want);
}

static void
a_record_is_one_datagram(void **state)
{
	struct syslog_socket *s = syslog_socket_new(path);
	int fd = serve();

	(void)state;
	assert_int_equal(syslog_socket_send(s, "one", 3), 0);
	assert_int_equal(syslog_socket_send(s, "two", 3), 0);
	assert_received(fd, "one");
	assert_received(fd, "two");
	syslog_socket_free(&s);
	assert_null(s);
	(void)close(fd);
}

static void
one_that_does_not_read_is_not_waited_for(void **state)
{
	struct syslog_socket *s = syslog_socket_new(path);
	int fd = serve();
	int sent = 0;

	(void)state;
	(void)alarm(30);
	while (syslog_socket_send(s, "x", 1) == 0)
		assert_true(sent++ < 1000000);
	assert_int_equal(errno, EAGAIN);
	/* It keeps up again. */
	assert_received(fd, "x");
	assert_int_equal(syslog_socket_send(s, "y", 1), 0);
	(void)alarm(0);
	syslog_socket_free(&s);
	(void)close(fd);
}

static void
one_that_was_started_again_is_found_at_once(void **state)
{
	struct syslog_socket *s = syslog_socket_new(path);
	int fd = serve();

	(void)state;
	assert_int_equal(syslog_socket_send(s, "one", 3), 0);
	(void)close(fd);
	fd = serve();
	assert_int_equal(syslog_socket_send(s, "two", 3), 0);
	assert_received(fd, "two");
	syslog_socket_free(&s);
	(void)close(fd);
}

static void
one_that_is_gone_is_looked_for_now_and_then(void **state)
{
	struct syslog_socket *s = syslog_socket_new(path);
	int fd;

	(void)state;
	(void)unlink(path);
	assert_int_equal(syslog_socket_send(s, "one", 3), -1);
	assert_int_equal(errno, ENOENT);
	fd = serve();
	now_ms += SYSLOG_SOCKET_RETRY_MS - 1;
	assert_int_equal(syslog_socket_send(s, "two", 3), -1);
	assert_int_equal(errno, ENOENT);
	now_ms += 1;
	assert_int_equal(syslog_socket_send(s, "three", 5), 0);
	assert_received(fd, "three");
	syslog_socket_free(&s);
	(void)close(fd);
}

static void
it_can_be_told_to_look_at_once(void **state)
{
	struct syslog_socket *s = syslog_socket_new(path);
	int fd;

	(void)state;
	(void)unlink(path);
	assert_int_equal(syslog_socket_send(s, "one", 3), -1);
	fd = serve();
	syslog_socket_reconnect(s);
	assert_int_equal(syslog_socket_send(s, "two", 3), 0);
	assert_received(fd, "two");
	syslog_socket_free(&s);
	(void)close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_is_one_datagram),
		cmocka_unit_test(one_that_does_not_read_is_not_waited_for),
		cmocka_unit_test(one_that_was_started_again_is_found_at_once),
		cmocka_unit_test(one_that_is_gone_is_looked_for_now_and_then),
		cmocka_unit_test(it_can_be_told_to_look_at_once),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
