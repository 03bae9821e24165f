/* http_health.c: probes of a service manager or a load balancer. */
#include <string.h>

#include "front.h"
#include "http_parts.h"
#include "link.h"

/* GET and HEAD are all that a probe does. */
static bool
is_probe(struct http_exchange *x)
{
	if (x->method == EVHTTP_REQ_GET || x->method == EVHTTP_REQ_HEAD)
		return true;
	http_answer_method(x, "GET, HEAD");
	return false;
}

/* The process turns: that it answers says so. */
void
http_health_alive(struct http_exchange *x)
{
	if (is_probe(x))
		http_answer(x, 200, "ok");
}

static const char *
why_not_ready(const struct front *front)
{
	if (front->policy == NULL)
		return "{\"ready\":false,\"reason\":\"starting\"}";
	if (front->http->draining)
		return "{\"ready\":false,\"reason\":\"draining\"}";
	if (!links_settled(front))
		return "{\"ready\":false,\"reason\":\"backends are starting\"}";
	return NULL;
}

/* New clients may come: they find every backend that can be had. */
void
http_health_ready(struct http_exchange *x)
{
	static const char ready[] = "{\"ready\":true}";
	const char *not_ready = why_not_ready(x->http->front);

	if (!is_probe(x))
		return;
	if (not_ready == NULL) {
		http_answer_json(x, 200, ready, sizeof(ready) - 1);
		return;
	}
	http_add_header(x, "Retry-After", "1");
	http_answer_json(x, 503, not_ready, strlen(not_ready));
}
