/*
 * subscriptions.c: requests to subscribe and to unsubscribe cross on their way,
 * sessions and links end in between.  What counts is what the client was
 * answered; what the backend has to be told follows (resource_settle()).
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"
#include "subscriptions_parts.h"

struct subscriptions *
subscriptions_new(size_t slots, subscriptions_tell *tell, void *arg)
{
	struct subscriptions *all;

	all = calloc(1, sizeof(*all) + slots * sizeof(struct resource_list));
	if (all == NULL)
		return NULL;
	all->bytes_max = SUBSCRIPTIONS_BYTES_MAX;
	all->tell = tell;
	all->arg = arg;
	resource_init_hash(all);
	for (size_t i = 0; i < slots; i++)
		TAILQ_INIT(&all->of_backend[i]);
	return all;
}

void
subscriptions_limit(struct subscriptions *subscriptions, size_t bytes)
{
	subscriptions->bytes_max = bytes;
}

void
subscriptions_free(struct subscriptions **subscriptions)
{
	struct subscriptions *all = *subscriptions;
	struct resource *r, *next;

	if (all == NULL)
		return;
	assert(all->count == 0);
	for (size_t i = 0; i < SUBSCRIPTIONS_BUCKETS; i++)
		LIST_FOREACH_SAFE (r, &all->buckets[i], of_bucket, next)
			free(r);
	buf_free(&all->text);
	free(all);
	*subscriptions = NULL;
}

size_t
subscriptions_count(const struct subscriptions *subscriptions)
{
	return subscriptions->count;
}

/* ---- subscriptions ---------------------------------------------------- */

static const char *
shown_as(const struct subscription *s)
{
	return s->shown != NULL ? s->shown : s->resource->uri;
}

/* One that does not count yet. */
static struct subscription *
subscription_new(struct session *session, struct resource *r, const char *shown)
{
	struct subscriptions *all = r->all;
	struct subscription *s;
	size_t len = strcmp(shown, r->uri) == 0 ? 0 : strlen(shown);
	size_t bytes = sizeof(*s) + len;

	if (session->subscription_count >= SUBSCRIPTIONS_SESSION_MAX) {
		errno = EDQUOT;
		return NULL;
	}
	if (all->count >= SUBSCRIPTIONS_MAX ||
	    all->bytes + bytes > all->bytes_max) {
		errno = ENOSPC;
		return NULL;
	}
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	if (len > 0 && (s->shown = strdup(shown)) == NULL) {
		free(s);
		return NULL;
	}
	s->resource = r;
	s->session = session;
	session->subscription_count++;
	all->count++;
	all->bytes += bytes;
	return s;
}

static void
subscription_free(struct subscription *s)
{
	struct subscriptions *all = s->resource->all;

	s->session->subscription_count--;
	all->count--;
	all->bytes -= sizeof(*s) + (s->shown != NULL ? strlen(s->shown) : 0);
	free(s->shown);
	free(s);
}

/* It does not count any more. */
static void
subscription_drop(struct subscription *s)
{
	LIST_REMOVE(s, of_session);
	LIST_REMOVE(s, of_resource);
	subscription_free(s);
}

static struct subscription *
subscription_of(const struct session *session, const struct resource *r)
{
	struct subscription *s;

	LIST_FOREACH (s, &session->subscriptions, of_session)
		if (s->resource == r)
			return s;
	return NULL;
}

/* From now on it counts.  A session has one of each resource. */
static void
subscription_add(struct subscription *s)
{
	struct subscription *old = subscription_of(s->session, s->resource);

	if (old != NULL)
		subscription_drop(old);
	LIST_INSERT_HEAD(&s->session->subscriptions, s, of_session);
	LIST_INSERT_HEAD(&s->resource->subscriptions, s, of_resource);
}

/* What the client called by this name may be another backend's resource now:
 * then it wants to hear of that one. */
static void
drop_other(struct session *session, const struct resource *r, const char *shown)
{
	struct subscription *s, *next;

	LIST_FOREACH_SAFE (s, &session->subscriptions, of_session, next) {
		struct resource *other = s->resource;

		if (other == r || strcmp(shown_as(s), shown) != 0)
			continue;
		subscription_drop(s);
		resource_settle(other);
	}
}

static struct subscription_change *
change_new(struct resource *r, struct session *session, bool joins)
{
	struct subscription_change *change;

	if ((change = calloc(1, sizeof(*change))) == NULL)
		return NULL;
	change->resource = r;
	change->session = session;
	change->joins = joins;
	LIST_INSERT_HEAD(&r->changes, change, of_resource);
	if (joins)
		r->joining++;
	else
		r->leaving++;
	return change;
}

int
subscriptions_join(struct subscriptions *subscriptions, struct session *session,
    size_t backend, const char *uri, const char *shown,
    struct subscription_change **change)
{
	struct resource *r = resource_of(subscriptions, backend, uri);
	struct subscription *s;
	int error;

	*change = NULL;
	if (r == NULL &&
	    (r = resource_new(subscriptions, backend, uri)) == NULL)
		return -1;
	if ((s = subscription_new(session, r, shown)) == NULL)
		goto fail;
	if (!r->confirmed) {
		if ((*change = change_new(r, session, true)) == NULL) {
			subscription_free(s);
			goto fail;
		}
		(*change)->wanted = s;
		/* Which of them the backend sees last is not known. */
		r->doubtful |= r->leaving > 0;
	} else {
		subscription_add(s);
	}
	drop_other(session, r, shown);
	return 0;
fail:
	error = errno;
	resource_settle(r);
	errno = error;
	return -1;
}

bool
subscriptions_find(const struct session *session, const char *shown,
    size_t *backend, const char **uri)
{
	const struct resource *found = NULL;
	const struct subscription_change *change;
	const struct subscription *s;
	const struct request *request;

	LIST_FOREACH (s, &session->subscriptions, of_session)
		if (strcmp(shown_as(s), shown) == 0)
			found = s->resource;
	TAILQ_FOREACH (request, &session->requests, of_session) {
		change = request->change;
		if (change != NULL && change->wanted != NULL &&
		    strcmp(shown_as(change->wanted), shown) == 0)
			found = change->resource;
	}
	if (found == NULL)
		return false;
	*backend = found->backend;
	*uri = found->uri;
	return true;
}

void
subscriptions_leave(struct subscriptions *subscriptions,
    struct session *session, size_t backend, const char *uri,
    struct subscription_change **change)
{
	struct resource *r = resource_of(subscriptions, backend, uri);
	struct subscription_change *other;
	struct subscription *s;

	if (change != NULL)
		*change = NULL;
	if (r == NULL)
		return;
	LIST_FOREACH (other, &r->changes, of_resource) {
		if (other->session != session || other->wanted == NULL)
			continue;
		subscription_free(other->wanted);
		other->wanted = NULL;
	}
	if ((s = subscription_of(session, r)) == NULL)
		return;
	subscription_drop(s);
	/* While others ask to subscribe, the backend must not be asked. */
	if (change != NULL && LIST_EMPTY(&r->subscriptions) &&
	    r->joining == 0 &&
	    (*change = change_new(r, session, false)) != NULL) {
		r->perhaps = r->confirmed = false;
		return;
	}
	resource_settle(r);
}

void
subscription_end(
    struct subscription_change **change, enum subscription_outcome outcome)
{
	struct subscription_change *c = *change;
	struct resource *r = c->resource;

	*change = NULL;
	LIST_REMOVE(c, of_resource);
	if (c->joins)
		r->joining--;
	else
		r->leaving--;
	if (c->elsewhere) {
		/* The backend that is there now knows nothing of it. */
		if (c->wanted != NULL && outcome == SUBSCRIPTION_ACCEPTED) {
			subscription_add(c->wanted);
			r->perhaps = r->doubtful = true;
		} else if (c->wanted != NULL) {
			subscription_free(c->wanted);
		}
	} else if (c->joins && outcome == SUBSCRIPTION_ACCEPTED) {
		r->confirmed = r->perhaps = true;
		if (c->wanted != NULL)
			subscription_add(c->wanted);
	} else {
		/* Not unsubscribed from is subscribed to. */
		if (outcome == SUBSCRIPTION_UNKNOWN ||
		    (!c->joins && outcome == SUBSCRIPTION_REFUSED))
			r->perhaps = true;
		if (c->wanted != NULL)
			subscription_free(c->wanted);
	}
	free(c);
	resource_settle(r);
}

void
subscriptions_leave_all(struct session *session)
{
	struct subscription *s;

	while ((s = LIST_FIRST(&session->subscriptions)) != NULL) {
		struct resource *r = s->resource;

		subscription_drop(s);
		resource_settle(r);
	}
	assert(session->subscription_count == 0);
}

/* ---- the backend ------------------------------------------------------ */

void
subscriptions_lost(struct subscriptions *subscriptions, size_t backend)
{
	struct resource *r, *next;

	TAILQ_FOREACH_SAFE (
	    r, &subscriptions->of_backend[backend], of_backend, next) {
		r->confirmed = r->perhaps = r->doubtful = false;
		resource_settle(r);
	}
}

void
subscriptions_renew(struct subscriptions *subscriptions, size_t backend)
{
	struct resource *r;

	/* Only an answer confirms: the next session to join asks. */
	TAILQ_FOREACH (r, &subscriptions->of_backend[backend], of_backend) {
		r->confirmed = false;
		if (!LIST_EMPTY(&r->subscriptions)) {
			r->perhaps = true;
			r->doubtful = resource_tell(r, true) == -1;
		}
		/* The backend may answer what it has forgotten since. */
		r->doubtful |= r->joining + r->leaving > 0;
	}
}

/* Those of r are those of to from now on, which has the same URI. */
static void
resource_join(struct resource *r, struct resource *to)
{
	struct subscription *s;
	struct subscription_change *change;

	while ((s = LIST_FIRST(&r->subscriptions)) != NULL) {
		if (subscription_of(s->session, to) != NULL) {
			subscription_drop(s);
			continue;
		}
		LIST_REMOVE(s, of_resource);
		s->resource = to;
		LIST_INSERT_HEAD(&to->subscriptions, s, of_resource);
	}
	while ((change = LIST_FIRST(&r->changes)) != NULL) {
		LIST_REMOVE(change, of_resource);
		change->resource = to;
		if (change->wanted != NULL)
			change->wanted->resource = to;
		LIST_INSERT_HEAD(&to->changes, change, of_resource);
	}
	to->joining += r->joining;
	to->leaving += r->leaving;
	r->joining = r->leaving = 0;
	r->confirmed = r->perhaps = r->doubtful = false;
	resource_settle(r);
}

void
subscriptions_move(struct subscriptions *subscriptions, size_t from, size_t to)
{
	struct resource *r, *next, *other;
	struct subscription_change *change;

	TAILQ_FOREACH_SAFE (
	    r, &subscriptions->of_backend[from], of_backend, next) {
		LIST_FOREACH (change, &r->changes, of_resource)
			change->elsewhere = true;
		other = resource_of(subscriptions, to, r->uri);
		if (other != NULL) {
			resource_join(r, other);
			continue;
		}
		r->perhaps = r->doubtful = false;
		resource_move(r, to);
	}
	subscriptions_renew(subscriptions, to);
	subscriptions_retry(subscriptions, to);
}

void
subscriptions_forget(struct subscriptions *subscriptions, size_t backend)
{
	struct subscription_change *change;
	struct resource *r, *next;
	struct subscription *s;

	TAILQ_FOREACH_SAFE (
	    r, &subscriptions->of_backend[backend], of_backend, next) {
		while ((s = LIST_FIRST(&r->subscriptions)) != NULL)
			subscription_drop(s);
		/* Some may be in flight yet where this was asked before. */
		LIST_FOREACH (change, &r->changes, of_resource) {
			if (change->wanted != NULL)
				subscription_free(change->wanted);
			change->wanted = NULL;
			change->elsewhere = true;
		}
		r->confirmed = r->perhaps = r->doubtful = false;
		resource_settle(r);
	}
}

bool
subscriptions_has(const struct subscriptions *subscriptions, size_t backend)
{
	return !TAILQ_EMPTY(&subscriptions->of_backend[backend]);
}

void
subscriptions_retry(struct subscriptions *subscriptions, size_t backend)
{
	struct resource *r, *next;

	TAILQ_FOREACH_SAFE (
	    r, &subscriptions->of_backend[backend], of_backend, next)
		if (r->doubtful || LIST_EMPTY(&r->subscriptions))
			resource_settle(r);
}

/* ---- updates ---------------------------------------------------------- */

/* The URI of an update as one client knows it. */
static void
deliver_as(const struct subscription *s, const char *rest, size_t len,
    subscriptions_deliver *deliver, void *arg)
{
	struct buf *text = &s->resource->all->text;
	size_t shown;

	if (s->shown == NULL) {
		deliver(arg, s->session, NULL, 0);
		return;
	}
	shown = strlen(s->shown);
	/* URL libraries end "https://host" with a slash. */
	if (len > 0 && rest[0] == '/' && shown > 0 &&
	    s->shown[shown - 1] == '/')
		shown--;
	buf_consume(text, buf_len(text));
	if (buf_add(text, s->shown, shown) == 0 &&
	    (len == 0 || buf_add(text, rest, len) == 0))
		deliver(arg, s->session, buf_data(text), buf_len(text));
}

void
subscriptions_updated(struct subscriptions *subscriptions, size_t backend,
    const char *uri, size_t len, subscriptions_deliver *deliver, void *arg)
{
	struct subscription *s;
	struct resource *r;

	if (TAILQ_EMPTY(&subscriptions->of_backend[backend]))
		return;
	subscriptions->update++;
	r = resource_above(subscriptions, backend, uri, len);
	for (; r != NULL; r = r->below) {
		LIST_FOREACH (s, &r->subscriptions, of_resource) {
			if (s->session->updated == subscriptions->update)
				continue;
			s->session->updated = subscriptions->update;
			deliver_as(s, uri + r->len, len - r->len, deliver, arg);
		}
	}
}
