/* doors.h: the listeners, all of which stop accepting while there is no room.
 */
#ifndef FRONT_DOORS_H
#define FRONT_DOORS_H

#include <stdbool.h>
#include <stddef.h>

struct evhttp_bound_socket;
struct evconnlistener;

/* As many as http.c has (HTTP_LISTENERS_MAX). */
#define DOORS_MAX 64U

/* Zeroed: none. */
struct doors {
	struct evconnlistener *listeners[DOORS_MAX];
	size_t count;
};

/* Borrows the listener until doors_remove().  It closes by itself, until the
 * next doors_open(), when accept(2) fails. */
void doors_add(struct doors *doors, struct evhttp_bound_socket *bound);
void doors_remove(struct doors *doors, struct evhttp_bound_socket *bound);

/* Accept at all of them, or at none. */
void doors_open(struct doors *doors, bool open);

#endif
