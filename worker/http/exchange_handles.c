/* exchange_handles.c: libcurl's easy handles. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "exchange_handles.h"

/* Handles kept for the next POST: making one ready costs a tenth of using it.
 * An idle one is some 6 KiB. */
#define IDLE_MAX 64U

/*
 * Nearly all POSTs go to the same URL, which is parsed once: libcurl would do
 * it each time, for another tenth.  Kept handles know no other URL.
 */
struct handles {
	const struct setup_remote *remote;
	struct options_callbacks callbacks;
	char *url;
	CURLU *parsed;
	size_t users; /* handles taken that point to parsed */
	CURL *idle[IDLE_MAX];
	size_t idle_count;
};

/* People put keys into URLs. */
static void
wipe(char *url)
{
	if (url != NULL)
		freezero(url, strlen(url));
}

static void
drop_idle(struct handles *h)
{
	while (h->idle_count > 0)
		curl_easy_cleanup(h->idle[--h->idle_count]);
}

/* From now on this is the URL of POSTs, if it is one. */
static void
set_url(struct handles *h, const char *url)
{
	CURLU *parsed = curl_url();
	char *copy = strdup(url);

	if (parsed == NULL || copy == NULL ||
	    curl_url_set(parsed, CURLUPART_URL, url, 0) != CURLUE_OK) {
		curl_url_cleanup(parsed);
		wipe(copy);
		return;
	}
	drop_idle(h);
	curl_url_cleanup(h->parsed);
	wipe(h->url);
	h->parsed = parsed;
	h->url = copy;
}

/* A handle for this may be kept. */
static bool
is_common(struct handles *h, enum exchange_method method, const char *url)
{
	if (method != EXCHANGE_POST)
		return false;
	if (h->url != NULL && strcmp(h->url, url) == 0)
		return true;
	if (h->users == 0)
		set_url(h, url);
	return h->url != NULL && strcmp(h->url, url) == 0;
}

struct handles *
handles_new(const struct setup_remote *remote,
    const struct options_callbacks *callbacks)
{
	struct handles *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->remote = remote;
	h->callbacks = *callbacks;
	return h;
}

void
handles_free(struct handles **handles)
{
	struct handles *h = *handles;

	if (h == NULL)
		return;
	assert(h->users == 0);
	drop_idle(h);
	curl_url_cleanup(h->parsed);
	wipe(h->url);
	free(h);
	*handles = NULL;
}

int
handles_take(struct handles *h, struct handle *ret, enum exchange_method method,
    const char *url)
{
	bool common = is_common(h, method, url);
	CURL *easy;
	CURLcode code;

	if (common && h->idle_count > 0) {
		easy = h->idle[--h->idle_count];
		goto done;
	}
	easy = curl_easy_init();
	if (easy == NULL)
		goto fail;
	code = common ? curl_easy_setopt(easy, CURLOPT_CURLU, h->parsed)
		      : curl_easy_setopt(easy, CURLOPT_URL, url);
	if (code != CURLE_OK ||
	    options_set(easy, method, h->remote, &h->callbacks) == -1)
		goto fail;
done:
	if (common)
		h->users++;
	*ret = (struct handle){ .easy = easy, .kept = common };
	return 0;
fail:
	curl_easy_cleanup(easy);
	errno = ENOMEM;
	return -1;
}

void
handles_give(struct handles *h, struct handle *handle)
{
	CURL *easy = handle->easy;

	handle->easy = NULL;
	if (handle->kept)
		h->users--;
	if (!handle->kept || h->idle_count == IDLE_MAX) {
		curl_easy_cleanup(easy);
		return;
	}
	/* What it points to is going. */
	(void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL);
	(void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
	(void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL);
	h->idle[h->idle_count++] = easy;
}
