/* refusal.c: why the gateway cannot be started so. */
#include <stdarg.h>
#include <stdio.h>

#include "refusal.h"

int
refuse(char **error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vasprintf(error, format, args) == -1)
		*error = NULL;
	va_end(args);
	return -1;
}
