/* where.c: the addresses of the gateway as people and clients want them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "where.h"

/* What the configuration calls it, with the real port. */
static char *
url_of_host(const char *host, unsigned int port)
{
	bool v6 = strchr(host, ':') != NULL;
	char *url;

	if (asprintf(&url, "http://%s%s%s:%u/sse", v6 ? "[" : "", host,
		v6 ? "]" : "", port) == -1)
		return NULL;
	return url;
}

static char *
url_of_listener(const struct listener *listener)
{
	char *url;

	if (asprintf(&url, listener->local ? "unix:%s" : "http://%s/sse",
		listener->address) == -1)
		return NULL;
	return url;
}

char **
where_urls(const struct config *config, const struct listeners *listeners)
{
	bool by_host = config->listen == NULL || config->listen[0] == NULL;
	size_t n = 0;
	char **urls = calloc(listeners->count + 2, sizeof(*urls));

	if (urls == NULL)
		return NULL;
	/* A name that stands for two addresses is one URL.  Whatever a service
	 * manager chose has little to do with the host. */
	if (by_host && listeners->count > 0 && !listeners->at[0].inherited) {
		urls[n++] = url_of_host(config->host, listeners->at[0].port);
	} else {
		for (; n < listeners->count; n++)
			urls[n] = url_of_listener(&listeners->at[n]);
	}
	if (n == 0)
		urls[n++] = url_of_host(config->host, config->port);
	for (size_t i = 0; i < n; i++) {
		if (urls[i] == NULL) {
			while (n-- > 0)
				free(urls[n]);
			free(urls);
			return NULL;
		}
	}
	return urls;
}

void
where_free(char ***urls)
{
	for (size_t i = 0; *urls != NULL && (*urls)[i] != NULL; i++)
		free((*urls)[i]);
	free(*urls);
	*urls = NULL;
}
