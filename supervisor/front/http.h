/* http.h: the HTTP server for clients, on evhttp: routes and plain answers. */
#ifndef FRONT_HTTP_H
#define FRONT_HTTP_H

struct front;
struct http_server;

/* NULL with errno on failure; serves, and borrows front, until the end. */
struct http_server *http_new(struct front *front);

/* Serve clients on this listening socket, taken on success.  0, or -1. */
int http_listen(struct http_server *http, int *fd);

#endif
