#include "doors.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <event2/http.h>
#include <event2/listener.h>

#include "proto/log.h"

/* As a rule because descriptors ran out: without a pause the loop would spin on
 * the readable socket. */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	(void)arg; /* evhttp's */
	log_warning("clients: cannot accept a connection: %s; waiting",
	    strerror(errno));
	evconnlistener_disable(listener);
}

void
doors_add(struct doors *doors, struct evhttp_bound_socket *bound)
{
	struct evconnlistener *listener =
	    evhttp_bound_socket_get_listener(bound);

	evconnlistener_set_error_cb(listener, on_accept_error);
	assert(doors->count < DOORS_MAX);
	doors->listeners[doors->count++] = listener;
}

void
doors_remove(struct doors *doors, struct evhttp_bound_socket *bound)
{
	struct evconnlistener *listener =
	    evhttp_bound_socket_get_listener(bound);

	for (size_t i = 0; i < doors->count; i++)
		if (doors->listeners[i] == listener)
			doors->listeners[i] = doors->listeners[--doors->count];
}

void
doors_open(struct doors *doors, bool open)
{
	for (size_t i = 0; i < doors->count; i++) {
		if (open)
			evconnlistener_enable(doors->listeners[i]);
		else
			evconnlistener_disable(doors->listeners[i]);
	}
}
