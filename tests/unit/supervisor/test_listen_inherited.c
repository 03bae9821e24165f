/*
 * test_listen_inherited.c: sockets that a service manager passed.  They must be
 * 3, 4, …, so that each test is a process of its own, in which those are made.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "listen.h"
#include "proto/log.h"

static char dir[] = "/tmp/test_inherited.XXXXXX";
static char sock[64];

static int
make_dir(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	(void)snprintf(sock, sizeof(sock), "%s/sock", dir);
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	(void)unlink(sock);
	return rmdir(dir);
}

/* In the child an assertion of cmocka would jump into the parent's tests. */
#define CHECK(what)                                                            \
	do {                                                                   \
		if (!(what)) {                                                 \
			(void)fprintf(                                         \
			    stderr, "line %d: %s\n", __LINE__, #what);         \
			_exit(1);                                              \
		}                                                              \
	} while (0)

static void
in_a_child(void (*run)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		closefrom(3);
		run();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* A socket as systemd makes one: blocking, bound, listening, and not
 * close-on-exec.  Its port. */
static uint16_t
pass_tcp(const char *host, uint16_t port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons(port) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(inet_pton(AF_INET, host, &address.sin_addr) == 1);
	CHECK(bind(fd, (struct sockaddr *)&address, len) == 0);
	CHECK(listen(fd, 8) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
	return ntohs(address.sin_port);
}

static void
pass_unix(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)unlink(sock);
	(void)strlcpy(address.sun_path, sock, sizeof(address.sun_path));
	CHECK(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	CHECK(listen(fd, 8) == 0);
}

static int
inherit(int count)
{
	char number[16];

	(void)snprintf(number, sizeof(number), "%d", count);
	CHECK(setenv("LISTEN_FDS", number, 1) == 0);
	(void)snprintf(number, sizeof(number), "%d", (int)getpid());
	CHECK(setenv("LISTEN_PID", number, 1) == 0);
	CHECK(setenv("LISTEN_FDNAMES", "a:b", 1) == 0);
	return listen_inherit();
}

/* What was logged. */
static char logged[4096];

static void
to_memory(void *arg, enum log_level level, const char *text)
{
	(void)arg;
	(void)level;
	(void)strlcat(logged, text, sizeof(logged));
	(void)strlcat(logged, "\n", sizeof(logged));
}

static void
open_list(struct listeners *ret, char **list, struct listeners *old)
{
	char host[] = "127.0.0.1";
	struct config config = {
		.host = host, .listen = list, .socket_mode = 0600
	};
	char *error = NULL;

	log_set_sink(to_memory, NULL);
	logged[0] = '\0';
	if (listen_open(ret, &config, old, &error) == -1) {
		(void)fprintf(stderr, "%s\n", error);
		_exit(1);
	}
}

static void
run_environment(void)
{
	(void)pass_tcp("127.0.0.1", 0);
	CHECK(inherit(1) == 1);
	CHECK(getenv("LISTEN_FDS") == NULL);
	CHECK(getenv("LISTEN_PID") == NULL);
	CHECK(getenv("LISTEN_FDNAMES") == NULL);
	CHECK((fcntl(3, F_GETFD) & FD_CLOEXEC) != 0);
	CHECK((fcntl(3, F_GETFL) & O_NONBLOCK) != 0);
	/* Once. */
	CHECK(listen_inherit() == 0);
}

static void
they_are_taken_out_of_the_environment(void **state)
{
	(void)state;
	in_a_child(run_environment);
}

static void
run_others(void)
{
	CHECK(setenv("LISTEN_FDS", "1", 1) == 0);
	CHECK(setenv("LISTEN_PID", "1", 1) == 0);
	CHECK(listen_inherit() == 0);
	CHECK(getenv("LISTEN_FDS") == NULL);
	CHECK(setenv("LISTEN_FDS", "1", 1) == 0);
	CHECK(listen_inherit() == 0);
	CHECK(inherit(-1) == 0);
	CHECK(inherit(0) == 0);
	CHECK(inherit(1000000) == LISTEN_MAX);
}

static void
those_of_another_process_are_not_ours(void **state)
{
	(void)state;
	in_a_child(run_others);
}

static void
run_address(void)
{
	char first[32], second[32], *list[] = { second, first, sock, NULL };
	struct listeners all;

	(void)snprintf(
	    first, sizeof(first), "127.0.0.1:%u", pass_tcp("127.0.0.1", 0));
	(void)snprintf(
	    second, sizeof(second), "127.0.0.2:%u", pass_tcp("127.0.0.2", 0));
	pass_unix();
	CHECK(inherit(3) == 3);
	open_list(&all, list, NULL);
	CHECK(all.count == 3);
	for (size_t i = 0; i < 3; i++) {
		CHECK(all.at[i].inherited);
		CHECK(all.at[i].fd > 5); /* a copy */
		CHECK(strcmp(all.at[i].address, list[i]) == 0);
		CHECK((fcntl(all.at[i].fd, F_GETFD) & FD_CLOEXEC) != 0);
	}
	CHECK(all.at[2].local && !all.at[0].local);
	CHECK(logged[0] == '\0');
	listen_close(&all);
	CHECK(access(sock, F_OK) == 0);
}

static void
they_are_found_by_address_and_their_path_stays(void **state)
{
	(void)state;
	in_a_child(run_address);
}

static void
run_options(void)
{
	char any[] = "127.0.0.1:0", *list[] = { any, NULL };
	struct listeners all;
	int value = 0;
	socklen_t len = sizeof(value);

	(void)pass_tcp("127.0.0.1", 0);
	(void)pass_tcp("127.0.0.2", 0);
	CHECK(inherit(2) == 2);
	open_list(&all, list, NULL);
	CHECK(all.count == 1 && all.at[0].inherited);
	CHECK(getsockopt(all.at[0].fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &value,
		  &len) == 0);
	CHECK(value == 30000);
	/* The other one is for nobody. */
	CHECK(strstr(logged,
		  "nobody answers on the inherited socket "
		  "127.0.0.2:") != NULL);
	CHECK(fcntl(4, F_GETFD) != -1);
}

static void
they_get_our_options_and_port_0_is_any(void **state)
{
	(void)state;
	in_a_child(run_options);
}

static void
run_only(void)
{
	char words[] = "127.0.0.1:9", *list[] = { words, NULL };
	char other[] = "127.0.0.1:10", *again[] = { other, NULL };
	struct listeners old, all;
	uint16_t port = pass_tcp("0.0.0.0", 0);
	uint32_t number;

	CHECK(inherit(1) == 1);
	open_list(&old, list, NULL);
	CHECK(old.count == 1 && old.at[0].inherited);
	CHECK(old.at[0].port == port);
	/* What the configuration says of it is not what counts. */
	CHECK(listen_is_beyond(&old));
	number = old.at[0].number;
	open_list(&all, again, &old);
	CHECK(old.count == 0);
	CHECK(all.count == 1 && all.at[0].number == number);
	CHECK(strcmp(all.at[0].wanted, other) == 0);
}

static void
the_only_one_is_it_whatever_its_address(void **state)
{
	(void)state;
	in_a_child(run_only);
}

static void
run_reload(void)
{
	char first[32], second[32], own[] = "127.0.0.3:0";
	char *both[] = { first, second, NULL }, *one[] = { own, NULL };
	struct listeners old, all;

	(void)snprintf(
	    first, sizeof(first), "127.0.0.1:%u", pass_tcp("127.0.0.1", 0));
	(void)snprintf(
	    second, sizeof(second), "127.0.0.2:%u", pass_tcp("127.0.0.2", 0));
	CHECK(inherit(2) == 2);
	open_list(&old, both, NULL);
	open_list(&all, one, &old);
	CHECK(old.count == 2 && all.count == 1 && !all.at[0].inherited);
	CHECK(strstr(logged, first) != NULL && strstr(logged, second) != NULL);
	listen_close(&old);
	/* They were kept open, for a configuration that wants them. */
	old = all;
	open_list(&all, both, &old);
	CHECK(old.count == 1);
	CHECK(all.count == 2 && all.at[0].inherited && all.at[1].inherited);
	CHECK(logged[0] == '\0');
}

static void
a_reload_finds_them_again(void **state)
{
	(void)state;
	in_a_child(run_reload);
}

static void
run_useless(void)
{
	char any[] = "127.0.0.1:0", *list[] = { any, NULL };
	struct listeners all;
	int fds[2];

	CHECK(pipe(fds) == 0);
	CHECK(socket(AF_INET, SOCK_DGRAM, 0) == 5);
	CHECK(inherit(4) == 4); /* the fourth is not open */
	open_list(&all, list, NULL);
	CHECK(all.count == 1 && !all.at[0].inherited);
	for (int fd = 3; fd < 7; fd++) {
		char want[32];

		(void)snprintf(want, sizeof(want), "descriptor %d, which", fd);
		CHECK(strstr(logged, want) != NULL);
	}
}

static void
what_is_no_stream_socket_is_warned_about(void **state)
{
	(void)state;
	in_a_child(run_useless);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_are_taken_out_of_the_environment),
		cmocka_unit_test(those_of_another_process_are_not_ours),
		cmocka_unit_test(
		    they_are_found_by_address_and_their_path_stays),
		cmocka_unit_test(they_get_our_options_and_port_0_is_any),
		cmocka_unit_test(the_only_one_is_it_whatever_its_address),
		cmocka_unit_test(a_reload_finds_them_again),
		cmocka_unit_test(what_is_no_stream_socket_is_warned_about),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
