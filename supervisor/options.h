/* options.h: the command line of mcp-gatewayd. */
#ifndef SUPERVISOR_OPTIONS_H
#define SUPERVISOR_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* Strings are borrowed from argv. */
struct options {
	const char *config;  /* "config.json" unless given */
	const char *host;    /* NULL unless given: overrides the file */
	int port;            /* -1 unless given: overrides the file; 0: any */
	int log_level;       /* -1 unless given: overrides the file */
	bool insecure;       /* overrides the file */
	bool daemon;         /* leave the foreground */
	const char *pidfile; /* NULL unless given */
	bool test;           /* check the configuration and exit */
};

/*
 * Read the command line.  0 when the program shall go on; otherwise what was
 * asked for (--help, --version) or the error was printed, and *status is the
 * exit status: 0, or 2 for bad usage.
 */
int options_parse(struct options *opt, int argc, char **argv, int *status);

#endif
