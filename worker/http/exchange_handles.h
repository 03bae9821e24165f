/*
 * exchange_handles.h: libcurl's easy handles, those of POSTs kept for the next
 * one.  Only exchange.c uses what is declared here.
 */
#ifndef WORKER_HTTP_EXCHANGE_HANDLES_H
#define WORKER_HTTP_EXCHANGE_HANDLES_H

#include <curl/curl.h>

#include <stdbool.h>

#include "exchange.h"
#include "exchange_options.h"

struct handles;

struct handle {
	CURL *easy;
	bool kept; /* it goes back to the others */
};

/* remote is borrowed.  NULL with errno ENOMEM. */
struct handles *handles_new(const struct setup_remote *remote,
    const struct options_callbacks *callbacks);
/* All must have been given back. */
void handles_free(struct handles **handles);

/* One that is set up for this method and URL, to be given back.  0, or -1 with
 * errno ENOMEM. */
int handles_take(struct handles *handles, struct handle *ret,
    enum exchange_method method, const char *url);
/* handle->easy becomes NULL. */
void handles_give(struct handles *handles, struct handle *handle);

#endif
