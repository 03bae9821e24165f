/*
 * http_origin.h: may a web page that a browser shows talk to us?  A page of
 * another site must not (Origin), nor one whose name was pointed at our address
 * after it was loaded, which is DNS rebinding (Host).
 */
#ifndef FRONT_HTTP_ORIGIN_H
#define FRONT_HTTP_ORIGIN_H

#include <stdbool.h>

/* Everything is borrowed; arrays end with NULL and may be NULL. */
struct origin_rules {
	const char *host;           /* the configured host, or NULL */
	const char *const *hosts;   /* "name" for any port, or "name:port" */
	const char *const *origins; /* "https://name" or "https://name:port" */
};

/*
 * True when a Host header names us: localhost, an IP address (a rebinding page
 * always has a name), the configured host, or one of hosts.
 */
bool origin_host_allowed(
    const char *host_header, const struct origin_rules *rules);

/*
 * True when there is no Origin (NULL), or it is one of origins, or it is http
 * or https at the host and port of a Host header that is allowed.
 */
bool origin_allowed(const char *origin, const char *host_header,
    const struct origin_rules *rules);

/* True when it is one of origins: its pages may read what we answer (CORS). */
bool origin_listed(const char *origin, const struct origin_rules *rules);

#endif
