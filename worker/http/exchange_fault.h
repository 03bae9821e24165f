/*
 * exchange_fault.h: what went wrong with an exchange, for the code and for
 * people.  Only exchange.c uses what is declared here.
 */
#ifndef WORKER_HTTP_EXCHANGE_FAULT_H
#define WORKER_HTTP_EXCHANGE_FAULT_H

#include <curl/curl.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exchange.h"

/* Room for any of the texts. */
#define FAULT_WHY_MAX 512U

struct fault {
	CURL *easy;
	CURLcode code;
	const char *text;     /* libcurl's, may hold bytes of the peer's */
	const char *host;     /* of the URL */
	const char *address;  /* one that was refused, or "" */
	bool address_private; /* it is, rather than forbidden */
	bool address_tried;   /* another one was allowed */
	bool sent;            /* as exchange_is_sent() */
	bool answered;        /* the head came whole */
	bool heard;           /* the server has said something lately */
	bool own_ca;          /* the configuration names a ca_file */
	bool own_certificate;
	uint32_t timeout_ms;
};

/* The outcome, and why[FAULT_WHY_MAX] as in exchange.h's done(). */
enum exchange_outcome fault_judge(const struct fault *f, char *why);

#endif
