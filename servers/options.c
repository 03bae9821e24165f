/* options.c: the command line that our servers share. */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>

long long
option_number(const char *name, const char *text, long long min, long long max)
{
	const char *wrong = NULL;
	long long n = strtonum(text, min, max, &wrong);

	if (wrong == NULL)
		return n;
	fprintf(
	    stderr, "%s: %s: %s (%lld to %lld)\n", name, text, wrong, min, max);
	exit(2);
}

_Noreturn void
option_version(const char *program)
{
	printf("%s " MCPGW_VERSION "\n", program);
	exit(fflush(stdout) == 0 ? 0 : 1);
}

_Noreturn void
option_usage(const char *text, int code)
{
	FILE *to = code == 0 ? stdout : stderr;

	fputs(text, to);
	exit(fflush(to) == 0 ? code : 1);
}
