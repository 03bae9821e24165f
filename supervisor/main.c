/* mcp-gatewayd: one address in front of all your MCP servers. */
#include <sys/prctl.h>
#include <sys/random.h>

#include <errno.h>
#include <fcntl.h>
#include <libutil.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "daemon.h"
#include "gateway.h"
#include "listen.h"
#include "notify.h"
#include "options.h"
#include "pid_file.h"
#include "proto/log.h"
#include "refusal.h"
#include "source.h"

/* A descriptor that is closed at the start would be given to the next socket,
 * and what is printed would go to it. */
static int
open_standard_descriptors(void)
{
	int fd;

	do {
		if ((fd = open("/dev/null", O_RDWR)) == -1)
			return -1;
	} while (fd <= STDERR_FILENO);
	return close(fd);
}

/*
 * By default all of these end a process.  What a gateway is told by signals has
 * to wait until it serves; and when it has ended, nothing shall keep it from
 * cleaning up.
 */
static void
mask_signals(int how, bool also_ends)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGUSR1);
	(void)sigaddset(&set, SIGUSR2);
	if (also_ends) {
		(void)sigaddset(&set, SIGTERM);
		(void)sigaddset(&set, SIGINT);
	}
	(void)sigprocmask(how, &set, NULL);
}

/*
 * Whoever starts us may have blocked or ignored signals and left descriptors
 * open; sockets of them, from 3 on, are for us.  A log file at its limit
 * (ulimit -f) is a full disk, not the end.
 */
static void
forget_what_was_inherited(int sockets)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	closefrom(STDERR_FILENO + 1 + sockets);
	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)sigaction(SIGXFSZ, &ignore, NULL);
	mask_signals(SIG_SETMASK, false);
}

/* Our memory holds every backend's secrets: no debugger of the same user's, and
 * no core; jobs may have cores of their own. */
static void
hide_memory(void)
{
#ifndef MCPGW_SANITIZE
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

/*
 * Session ids are as good as the kernel's random numbers: arc4random(3) asks
 * for them each time, and ends the process when there are none.  In a sandbox
 * there is no /dev/urandom to fall back on, so that a machine on which the call
 * is refused is found out now.
 */
static int
check_randomness(void)
{
	unsigned char byte;

	if (getrandom(&byte, sizeof(byte), 0) == sizeof(byte))
		return 0;
	(void)fprintf(stderr,
	    "mcp-gatewayd: the system gives no random numbers: getrandom(2): "
	    "%s; let the gateway use that call (a container's seccomp profile, "
	    "or SystemCallFilter= of its service, may refuse it)\n",
	    strerror(errno));
	return -1;
}

static void
print_errors(const char *path, const struct config_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++) {
		const struct config_error *e = &errors->list[i];

		if (e->line == 0)
			(void)fprintf(stderr, "%s: %s\n", path, e->text);
		else
			(void)fprintf(stderr, "%s:%u:%u: %s\n", path, e->line,
			    e->column, e->text);
	}
}

static void
print_error(const char *error)
{
	(void)fprintf(stderr, "mcp-gatewayd: %s\n",
	    error != NULL ? error : "out of memory");
}

/* All that main() needs until the end. */
struct program {
	struct options options;
	struct source source;
	struct config *config;
	struct pidfh *pidfile; /* or NULL */
	bool up;
};

static int
program_load(void *arg, struct config **ret, struct config_errors *errors)
{
	struct program *p = arg;

	return source_load(&p->source, ret, errors);
}

/* The front serves. */
static void
program_on_up(void *arg)
{
	struct program *p = arg;

	p->up = true;
	if (p->options.daemon && daemon_up() == -1) {
		log_error("gateway: whoever started it did not wait until it "
			  "served: stopping");
		(void)raise(SIGTERM);
	}
}

/* It could not serve; tell whoever waits for it. */
static void
program_fail(const struct program *p, int status, const char *error)
{
	if (p->options.daemon)
		daemon_failed(status, error != NULL ? error : "out of memory");
	else
		print_error(error);
}

/* What is left to say when it ended before it served is in its log. */
static void
program_fail_early(
    const struct program *p, int status, const struct gateway *gateway)
{
	struct status_gateway state;
	char *error;

	gateway_status(gateway, &state);
	(void)refuse(&error, "it ended before it served; its log (%s) says why",
	    state.log);
	program_fail(p, status, error);
	free(error);
}

/* The exit status. */
static int
program_serve(struct program *p)
{
	const struct gateway_source source = {
		.load = program_load,
		.up = program_on_up,
		.arg = p,
	};
	struct gateway *gateway;
	char *error;
	int status;

	if ((gateway = gateway_new(p->config, &source, &error)) == NULL) {
		program_fail(p, EXIT_FAILURE, error);
		free(error);
		return EXIT_FAILURE;
	}
	mask_signals(SIG_UNBLOCK, false);
	status = gateway_run(gateway);
	mask_signals(SIG_BLOCK, true);
	if (!p->up && p->options.daemon)
		program_fail_early(p, EXIT_FAILURE, gateway);
	gateway_free(&gateway);
	return status;
}

/* Where the pidfile shall be, or NULL. */
static const char *
program_pidfile(const struct program *p)
{
	if (p->options.pidfile == NULL && p->options.daemon && geteuid() == 0)
		return PID_FILE_DEFAULT;
	return p->options.pidfile;
}

/* Before anything of it could be started twice.  0, or -1 with *error. */
static int
program_take_pidfile(struct program *p, char **error)
{
	const char *wanted = program_pidfile(p);
	char *path;

	*error = NULL;
	if (wanted == NULL)
		return 0;
	if ((path = source_path(&p->source, wanted)) == NULL)
		return -1;
	p->pidfile = pid_file_take(path, error);
	free(path);
	return p->pidfile != NULL ? 0 : -1;
}

/* In the process that stays. */
static int
program_run(struct program *p)
{
	char *error;
	int status;

	if (p->pidfile != NULL && pidfile_write(p->pidfile) == -1) {
		(void)refuse(&error,
		    "cannot write pidfile %s: %s; make room there, or choose "
		    "another path with --pidfile",
		    program_pidfile(p), strerror(errno));
		program_fail(p, EXIT_FAILURE, error);
		free(error);
		status = EXIT_FAILURE;
	} else {
		status = program_serve(p);
	}
	(void)pidfile_remove(p->pidfile);
	return status;
}

/* The exit status of the process that was started. */
static int
program_start(struct program *p)
{
	char *error = NULL;
	pid_t group;
	int from;

	if (p->options.daemon && p->config->log == CONFIG_LOG_NONE) {
		print_error("\"log\": \"none\" leaves the log to the console, "
			    "which a daemon does not have; set it to \"file\" "
			    "or \"syslog\"");
		return EXIT_FAILURE;
	}
	if (check_randomness() == -1)
		return EXIT_FAILURE;
	if (program_take_pidfile(p, &error) == -1) {
		print_error(error);
		free(error);
		return EXIT_FAILURE;
	}
	if (!p->options.daemon)
		return program_run(p);
	if ((group = daemon_fork(&from)) == 0)
		return program_run(p);
	if (group == -1) {
		(void)fprintf(
		    stderr, "mcp-gatewayd: cannot fork: %s\n", strerror(errno));
		(void)pidfile_remove(p->pidfile);
		return EXIT_FAILURE;
	}
	(void)pidfile_close(p->pidfile); /* the daemon has the lock */
	return daemon_wait(group, from, DAEMON_START_MS);
}

/* Read the configuration, and check or serve it.  The exit status. */
static int
program_main(struct program *p)
{
	struct config_errors errors = { 0, NULL };

	if (source_load(&p->source, &p->config, &errors) == -1) {
		print_errors(p->options.config, &errors);
		config_errors_free(&errors);
		return EXIT_FAILURE;
	}
	if (!p->options.test)
		return program_start(p);
	(void)printf("%s: ok, %zu backend%s\n", p->options.config,
	    p->config->backend_count, p->config->backend_count == 1 ? "" : "s");
	return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
	struct program p = { .config = NULL };
	char *error;
	int status;

	if (open_standard_descriptors() == -1)
		return EXIT_FAILURE;
	forget_what_was_inherited(listen_inherit());
	hide_memory();
	tzset(); /* once: no log line looks for the time zone again */
	notify_begin();
	if (options_parse(&p.options, argc, argv, &status) != 0)
		return status;
	if (p.options.test) /* in the foreground */
		p.options.daemon = false;
	if (source_init(&p.source, &p.options, &error) == -1) {
		print_error(error);
		free(error);
		return EXIT_FAILURE;
	}
	status = program_main(&p);
	config_free(&p.config);
	source_free(&p.source);
	return status;
}
