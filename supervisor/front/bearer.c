#include "bearer.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define SCHEME     "Bearer"
#define SCHEME_LEN (sizeof(SCHEME) - 1)

/* b64token. */
static bool
is_token(const char *text, size_t len)
{
	size_t n = strspn(text,
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789-._~+/");

	return n > 0 && n + strspn(text + n, "=") == len;
}

enum bearer
bearer_find(const char *header, const char **token, size_t *len)
{
	size_t n;

	if (header == NULL || strncasecmp(header, SCHEME, SCHEME_LEN) != 0)
		return BEARER_NONE;
	header += SCHEME_LEN;
	if (*header != ' ' && *header != '\0')
		return BEARER_NONE;
	header += strspn(header, " ");
	n = strlen(header);
	while (n > 0 && (header[n - 1] == ' ' || header[n - 1] == '\t'))
		n--;
	if (!is_token(header, n))
		return BEARER_MALFORMED;
	*token = header;
	*len = n;
	return BEARER_TOKEN;
}
