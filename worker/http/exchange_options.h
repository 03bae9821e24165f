/*
 * exchange_options.h: everything that libcurl is told once for each easy
 * handle.  Only exchange.c uses what is declared here.
 */
#ifndef WORKER_HTTP_EXCHANGE_OPTIONS_H
#define WORKER_HTTP_EXCHANGE_OPTIONS_H

#include <curl/curl.h>

#include "exchange.h"
#include "setup.h"

struct options_callbacks {
	curl_prereq_callback begin;
	curl_read_callback read;
	curl_seek_callback seek;
	curl_write_callback header;
	curl_write_callback body;
	curl_opensocket_callback open;
};

/* 0, or -1: certificates that cannot be meant; *why as in http_new(). */
int options_check(const struct setup_remote *remote, const char **why);

/*
 * The headers of every request: the configured ones, and what takes libcurl's
 * own away.  To be freed with options_headers_free(); NULL with *why and errno
 * EINVAL or ENOMEM.
 */
struct curl_slist *options_headers(
    const struct setup_remote *remote, const char **why);

/* They may be secret, and are wiped; NULL is accepted. */
void options_headers_free(struct curl_slist *headers);

/* remote is borrowed for as long as easy lives.  0, or -1. */
int options_set(CURL *easy, enum exchange_method method,
    const struct setup_remote *remote,
    const struct options_callbacks *callbacks);

#endif
