/* config_http.h: what a url and headers may be, for the table of keys. */
#ifndef SUPERVISOR_CONFIG_HTTP_H
#define SUPERVISOR_CONFIG_HTTP_H

#include <stdbool.h>

/* What is wrong with a url, with a remedy, as in "has no host; …": a static
 * text that goes on after its key; NULL when it is good. */
const char *config_http_url_fault(const char *url);

/* The same of an address under which clients know the gateway: https, or this
 * machine, and no path. */
const char *config_http_public_fault(const char *url);

/* The same of an authorization server's issuer (RFC 8414, 2): no query. */
const char *config_http_issuer_fault(const char *url);

/* The same of a header's name: it goes on after "which". */
const char *config_http_name_fault(const char *name);

/* Whether the value of "Name: value" is one that libcurl sends as it is. */
bool config_http_is_header(const char *header);

#endif
