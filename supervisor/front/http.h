/* http.h: the HTTP server for clients, on evhttp: routes and answers. */
#ifndef FRONT_HTTP_H
#define FRONT_HTTP_H

#include <stdbool.h>
#include <stdint.h>

struct evhttp_request;
struct front;
struct http_server;
struct splice;

/* NULL with errno on failure; serves, and borrows front, until the end.  Until
 * the first http_follow_policy() all is refused but /healthz. */
struct http_server *http_new(struct front *front);

/*
 * Serve clients on this listening socket, taken on success; local: it is a Unix
 * socket.  The address is for logs.  0, or -1 with errno: EEXIST, the id is in
 * use; ENFILE, HTTP_LISTENERS_MAX are.
 */
int http_listen(struct http_server *http, uint64_t id, const char *address,
    bool local, int *fd);

/* Accept no more there, and close the socket; its connections go on. */
void http_unlisten(struct http_server *http, uint64_t id);

/*
 * front->policy was replaced: who may ask, and all limits, follow it at once.
 * Sessions of tokens that are gone end.  0, or -1 with errno ENOMEM: the rules
 * are then not known to be the new ones.
 */
int http_follow_policy(struct http_server *http);

/* Take no new work: every request is answered 503 from now on, but /healthz. */
void http_drain(struct http_server *http);

/*
 * Answer a request with what is in its output buffer, as this type: adds what
 * evhttp would add at twice the price.  evhttp owns the request from now on.
 */
void http_send_body(struct http_server *http, struct evhttp_request *request,
    int status, const char *type);

/* The greatest length of a short answer: most results of tools are shorter. */
#define HTTP_SHORT_MAX 4096U

/*
 * Answer 200 with this JSON of at most HTTP_SHORT_MAX bytes, at once: the
 * kernel takes it without another turn of the loop, as a rule.  Not from within
 * the handler of the request, which is gone afterwards.
 */
void http_send_short(struct http_server *http, struct evhttp_request *request,
    const struct splice *json);

#endif
