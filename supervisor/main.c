/* mcp-gatewayd: one address in front of all your MCP servers. */
#include <sys/prctl.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "gateway.h"
#include "options.h"

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
 * Whoever starts us may have blocked or ignored signals and left descriptors
 * open.  A log file at its limit (ulimit -f) is a full disk, not the end.
 */
static void
forget_what_was_inherited(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t none;

	closefrom(STDERR_FILENO + 1);
	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)sigaction(SIGXFSZ, &ignore, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
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

/* The command line wins over the file. */
static int
override(struct config *config, const struct options *opt)
{
	char *host;

	if (opt->host != NULL) {
		if ((host = strdup(opt->host)) == NULL)
			return -1;
		free(config->host);
		config->host = host;
	}
	if (opt->port != -1)
		config->port = (uint16_t)opt->port;
	if (opt->log_level != -1)
		config->log_level = (enum log_level)opt->log_level;
	return 0;
}

static int
serve(const struct config *config)
{
	struct gateway *gateway;
	char *error;
	int status;

	if ((gateway = gateway_new(config, &error)) == NULL) {
		(void)fprintf(stderr, "mcp-gatewayd: %s\n",
		    error != NULL ? error : "out of memory");
		free(error);
		return 1;
	}
	status = gateway_run(gateway);
	gateway_free(&gateway);
	return status;
}

int
main(int argc, char **argv)
{
	struct config_errors errors = { 0, NULL };
	struct config *config;
	struct options opt;
	int status;

	if (open_standard_descriptors() == -1)
		return 1;
	forget_what_was_inherited();
	hide_memory();
	if (options_parse(&opt, argc, argv, &status) != 0)
		return status;
	if (config_load(&config, opt.config, &errors) == -1) {
		print_errors(opt.config, &errors);
		config_errors_free(&errors);
		return 1;
	}
	if (opt.test) {
		(void)printf("%s: ok, %zu backend%s\n", opt.config,
		    config->backend_count,
		    config->backend_count == 1 ? "" : "s");
		config_free(&config);
		return 0;
	}
	status = override(config, &opt) == 0 ? serve(config) : 1;
	config_free(&config);
	return status;
}
