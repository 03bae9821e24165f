#include "usage.h"

#include <ctype.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/log.h"

bool
usage_error(const char *program, const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "%s: error: ", program);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, "\nTry \"%s --help\".\n", program);
	return false;
}

const char *
usage_shown(const char *text)
{
	return log_str(text, strlen(text));
}

bool
usage_take_text(
    const char *program, const char **ret, const char *name, const char *text)
{
	if (*text == '\0')
		return usage_error(
		    program, "argument %s: must not be empty", name);
	*ret = text;
	return true;
}

bool
usage_take_number(const char *program, long long *ret, const char *name,
    const char *text, long long min, long long max)
{
	const char *error = NULL;
	long long number = strtonum(text, min, max, &error);

	/* strtonum(3) also takes white space and signs. */
	if (error != NULL || !isdigit((unsigned char)*text))
		return usage_error(program,
		    "argument %s: invalid value: '%s' (a number from %lld to "
		    "%lld)",
		    name, usage_shown(text), min, max);
	*ret = number;
	return true;
}

bool
usage_refuse(const char *program, int what, char *const *argv, int first_long)
{
	const char *word = argv[optind - 1];

	if (what == ':')
		return usage_error(program,
		    "argument %s: expected one argument", usage_shown(word));
	/* For a bundle such as "-xh" optind stays where it was. */
	if (optopt != 0 && optopt < first_long && isprint(optopt) &&
	    strncmp(word, "--", 2) != 0)
		return usage_error(
		    program, "unrecognized argument: -%c", optopt);
	return usage_error(
	    program, "unrecognized argument: %s", usage_shown(word));
}
