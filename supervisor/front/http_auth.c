/* http_auth.c: who asks (RFC 6750), and how often they may (RFC 6585). */
#include <stdio.h>
#include <string.h>

#include "proto/buf.h"
#include "proto/clock.h"
#include "proto/log.h"

#include "bearer.h"
#include "client.h"
#include "front.h"
#include "http_parts.h"
#include "peer.h"
#include "policy.h"
#include "principal.h"
#include "rate.h"
#include "secret.h"
#include "wellknown.h"

/* Who has no rule for how many at once may do so many seconds' at once: clients
 * that connect list everything first. */
#define BURST_S 2U

/* ---- refusals --------------------------------------------------------- */

static void
log_refusal(const struct http_exchange *x, const char *why)
{
	char address[PEER_TEXT_MAX];

	if (client_may_log(x->client))
		log_warning("client %s: refused: %s",
		    client_format(x->client, address), why);
}

static void
refuse_credentials(struct http_exchange *x, enum bearer found)
{
	static const struct {
		enum wellknown_challenge challenge;
		const char *log;
		int status;
		const char *why;
	} refusals[] = {
		[BEARER_NONE] = { WELLKNOWN_NO_TOKEN, "no token", 401,
		    "A bearer token is needed" },
		[BEARER_MALFORMED] = { WELLKNOWN_INVALID_REQUEST,
		    "a malformed token", 400,
		    "The Authorization header holds no bearer token" },
		[BEARER_TOKEN] = { WELLKNOWN_INVALID_TOKEN, "a wrong token",
		    401, "The token is not known here" },
	};

	struct buf text = { 0 };

	log_refusal(x, refusals[found].log);
	if (wellknown_add_challenge(&text, x->http->front->policy,
		refusals[found].challenge, x->path, x->path_len) == -1 ||
	    buf_add(&text, "", 1) == -1) {
		http_refuse(x, 503, HTTP_RETRY_SOON_S, "Out of memory");
	} else {
		http_add_header(x, "WWW-Authenticate", buf_data(&text));
		http_refuse(x, refusals[found].status, 0, refusals[found].why);
	}
	buf_free(&text);
}

/*
 * Nobody whom we know.  Wrong tokens are rationed by address; while it has none
 * left, neither is it told whether another one is right nor that one is wanted:
 * a right one never comes here.
 */
static void
refuse_stranger(struct http_exchange *x, enum bearer found)
{
	struct rate_bucket *wrong = &x->client->peer->wrong;
	uint32_t wait;

	if (found == BEARER_NONE)
		wait = rate_wait(
		    wrong, PEER_WRONG_NS, PEER_WRONG_BURST, mono_ms());
	else
		wait = rate_take(
		    wrong, PEER_WRONG_NS, PEER_WRONG_BURST, mono_ms());
	if (wait == 0) {
		refuse_credentials(x, found);
		return;
	}
	log_refusal(x, "too many wrong tokens");
	http_refuse(x, 429, wait, "Too many wrong tokens; try again later");
}

/* ---- who -------------------------------------------------------------- */

/* A connection is this principal's from now on. */
static struct principal *
remember(struct client *client, struct principal *principal)
{
	principal_keep(principal);
	principal_release(client->principal);
	client->principal = principal;
	client->has_token = false;
	return principal;
}

/* The bearer of a token; hashed once for as long as the connection brings the
 * same. */
static struct principal *
find_bearer(struct http_exchange *x, const char *token, size_t len)
{
	struct client *client = x->client;
	struct principal *principal;
	uint64_t hash[2];

	siphash(&x->http->token_key, token, len, hash);
	if (client->has_token && !client->principal->revoked &&
	    secret_equal(hash, client->token_hash, sizeof(hash)))
		return client->principal;
	principal =
	    principals_find_token(x->http->front->principals, token, len);
	if (principal == NULL)
		return NULL;
	remember(client, principal);
	memcpy(client->token_hash, hash, sizeof(hash));
	client->has_token = true;
	return principal;
}

/* Who may come without a token: users of this machine, or anyone. */
static struct principal *
find_without_token(struct http_exchange *x)
{
	struct client *client = x->client;
	struct principals *principals = x->http->front->principals;
	struct principal *principal;

	if (client->principal != NULL && !client->has_token &&
	    !client->principal->revoked)
		return client->principal;
	if (!client->local) {
		principal = principals_anonymous(principals);
		return principal != NULL ? remember(client, principal) : NULL;
	}
	if ((principal = principals_user(principals, client->uid)) == NULL)
		return NULL;
	remember(client, principal);
	principal_release(principal); /* the connection has its own */
	return principal;
}

/* A token that is presented counts, also where none is needed. */
static struct principal *
find_principal(struct http_exchange *x)
{
	enum bearer found = BEARER_NONE;
	struct principal *principal = NULL;
	const char *token = NULL;
	size_t len = 0;

	if (x->authorization != NULL &&
	    principals_have_tokens(x->http->front->principals))
		found = bearer_find(x->authorization, &token, &len);
	if (found == BEARER_NONE)
		principal = find_without_token(x);
	else if (found == BEARER_TOKEN)
		principal = find_bearer(x, token, len);
	if (principal == NULL)
		refuse_stranger(x, found);
	return principal;
}

/* ---- how often -------------------------------------------------------- */

/* Seconds until the address may ask; 0: now. */
static uint32_t
take_of_address(struct http_exchange *x)
{
	const struct policy_limits *limits = &x->http->front->policy->limits;

	if (limits->rate == 0 || x->client->local)
		return 0;
	return rate_take(&x->client->peer->requests,
	    rate_interval(limits->rate),
	    limits->burst > 0 ? limits->burst : limits->rate * BURST_S,
	    mono_ms());
}

/* The same of a principal. */
static uint32_t
take_of_principal(struct principal *principal)
{
	principal->requests++;
	if (principal->rate == 0)
		return 0;
	return rate_take(&principal->bucket, rate_interval(principal->rate),
	    principal->rate * BURST_S, mono_ms());
}

bool
http_auth_admit(struct http_exchange *x)
{
	uint32_t wait = take_of_address(x);

	if (wait == 0)
		return true;
	log_refusal(x, "too many requests");
	http_refuse(x, 429, wait, "Too many requests from your address");
	return false;
}

struct principal *
http_auth_principal(struct http_exchange *x)
{
	struct principal *principal;
	uint32_t wait;

	if ((principal = find_principal(x)) == NULL)
		return NULL;
	if ((wait = take_of_principal(principal)) == 0)
		return principal;
	principal->refused++;
	log_refusal(x, "too many requests with this token");
	http_refuse(x, 429, wait, "Too many requests with this token");
	return NULL;
}

const char *
http_auth_again(struct http_exchange *x, struct principal *principal)
{
	const char *why = NULL;

	if (take_of_address(x) > 0)
		why = "Too many requests from your address";
	else if (take_of_principal(principal) > 0)
		why = "Too many requests with this token";
	principal->refused += why != NULL ? 1 : 0;
	return why;
}
