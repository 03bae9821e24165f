/*
 * Whatever a server announces as its endpoint: messages go to the scheme, the
 * host and the port that were configured, or nowhere.
 *
 * Input: one byte that chooses the base, and the endpoint.
 */
/* link: worker_http */
#include <curl/curl.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "origin.h"

static const char *const bases[] = {
	"http://127.0.0.1:8080/sse",
	"https://example.org/a/b/sse?key=k",
	"http://[::1]:9000/",
	"https://user:secret@example.org:8443/sse",
	"http://localhost",
	"HTTP://Example.ORG:80/x?y=/z",
};

static void
insist(int condition)
{
	if (!condition)
		abort();
}

static char *
part(const char *url, CURLUPart what)
{
	CURLU *u = curl_url();
	char *text = NULL;
	char *result;

	insist(u != NULL);
	insist(curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK);
	(void)curl_url_get(u, what, &text, CURLU_DEFAULT_PORT);
	result = strdup(text == NULL ? "" : text);
	insist(result != NULL);
	curl_free(text);
	curl_url_cleanup(u);
	return result;
}

static void
insist_same(const char *a, const char *b, CURLUPart what)
{
	char *of_a = part(a, what);
	char *of_b = part(b, what);

	insist(strcmp(of_a, of_b) == 0);
	free(of_a);
	free(of_b);
}

/* The base up to its path is the beginning of the result, byte by byte. */
static void
insist_prefix(const char *base, const char *url)
{
	const char *host = strstr(base, "://") + 3;
	size_t n = (size_t)(host - base) + strcspn(host, "/?#");

	insist(strncmp(base, url, n) == 0);
	insist(url[n] == '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *base, *why = NULL;
	char *url = NULL;

	if (n < 1)
		return 0;
	base = bases[data[0] % (sizeof(bases) / sizeof(bases[0]))];
	if (origin_resolve(&url, base, (const char *)data + 1, n - 1, &why) ==
	    -1) {
		insist(url == NULL && why != NULL);
		return 0;
	}
	insist(strlen(url) <= ORIGIN_URL_MAX);
	for (const char *at = url; *at != '\0'; at++)
		insist(*at > ' ' && *at <= '~');
	insist_prefix(base, url);
	insist_same(base, url, CURLUPART_SCHEME);
	insist_same(base, url, CURLUPART_HOST);
	insist_same(base, url, CURLUPART_PORT);
	insist_same(base, url, CURLUPART_USER);
	free(url);
	return 0;
}
