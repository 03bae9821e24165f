/* where.c: the addresses of the gateway as people and clients want them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "where.h"

/* The newer transport first: it is the one to take where there is a choice. */
static const char *const paths[] = { "/mcp", "/sse" };
#define PATHS (sizeof(paths) / sizeof(paths[0]))

/* What the configuration calls it, with the real port. */
static char *
url_of_host(const char *host, unsigned int port, const char *path)
{
	bool v6 = strchr(host, ':') != NULL;
	char *url;

	if (asprintf(&url, "http://%s%s%s:%u%s", v6 ? "[" : "", host,
		v6 ? "]" : "", port, path) == -1)
		return NULL;
	return url;
}

static char *
url_of_listener(const struct listener *listener, const char *path)
{
	char *url;

	if (asprintf(&url, "http://%s%s", listener->address, path) == -1)
		return NULL;
	return url;
}

/* A Unix socket has no URL, and all paths. */
static char *
url_of_socket(const struct listener *listener)
{
	char *url;

	if (asprintf(&url, "unix:%s", listener->address) == -1)
		return NULL;
	return url;
}

/* Returns how many there are now. */
static size_t
add_listener(char **urls, size_t n, const struct listener *listener)
{
	if (listener->local) {
		urls[n++] = url_of_socket(listener);
		return n;
	}
	for (size_t i = 0; i < PATHS; i++)
		urls[n++] = url_of_listener(listener, paths[i]);
	return n;
}

static size_t
add_host(char **urls, const char *host, unsigned int port)
{
	for (size_t i = 0; i < PATHS; i++)
		urls[i] = url_of_host(host, port, paths[i]);
	return PATHS;
}

char **
where_urls(const struct config *config, const struct listeners *listeners)
{
	bool by_host = config->listen == NULL || config->listen[0] == NULL;
	size_t n = 0;
	char **urls = calloc((listeners->count + 1) * PATHS + 1, sizeof(*urls));

	if (urls == NULL)
		return NULL;
	/* A name that stands for two addresses is one host.  Whatever a service
	 * manager chose has little to do with it. */
	if (by_host && listeners->count > 0 && !listeners->at[0].inherited) {
		n = add_host(urls, config->host, listeners->at[0].port);
	} else {
		for (size_t i = 0; i < listeners->count; i++)
			n = add_listener(urls, n, &listeners->at[i]);
	}
	if (n == 0)
		n = add_host(urls, config->host, config->port);
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
