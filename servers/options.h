/* options.h: the command line that our servers share. */
#ifndef SERVERS_OPTIONS_H
#define SERVERS_OPTIONS_H

/* Read a number between min and max, or exit with 2 and a text that says so. */
long long option_number(
    const char *name, const char *text, long long min, long long max);

/* Print "NAME VERSION" and exit with 0. */
_Noreturn void option_version(const char *program);

/* Print this text and exit: with 0 to standard output, else to the error. */
_Noreturn void option_usage(const char *text, int code);

#endif
