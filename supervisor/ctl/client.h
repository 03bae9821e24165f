/* client.h: one question to a running gateway, over its control socket. */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include <stddef.h>

struct json_object;

/* What became of it, when there is no answer; the reason was printed. */
enum client_result {
	CLIENT_OK,
	CLIENT_NOBODY, /* no gateway answers on this socket */
	CLIENT_FAILED,
};

/*
 * The socket to ask: path, or where it is NULL the user's own gateway if there
 * is one and root's else.  Into dst, returned.
 */
const char *client_path(char *dst, size_t size, const char *path);

/*
 * Send request (a JSON object) and wait for the answer, timeout_ms at most.  On
 * CLIENT_OK *ret is an object of the caller's, whatever it says.
 */
enum client_result client_ask(struct json_object **ret, const char *path,
    const char *request, unsigned int timeout_ms);

#endif
