#include "adapt_session.h"

#include "proto/buf.h"

#include "catalogue.h"
#include "front.h"
#include "session.h"

/* Whose message it is, for shown(). */
struct about {
	const struct session *session;
	size_t slot;
	size_t work; /* that is left for its URIs */
};

static bool
shown(void *arg, const char *uri, size_t len, struct buf *out)
{
	struct about *about = arg;
	const struct catalogue_lens lens = session_lens(about->session);

	return catalogue_shown_uri(about->session->front->catalogue, &lens,
	    about->slot, uri, len, out, &about->work);
}

void
adapt_session_prepare(struct session *session)
{
	const struct catalogue_lens lens = session_lens(session);
	struct adapt_rules *rules = &session->adapt;

	rules->revision = session->revision;
	rules->capabilities = session->capabilities;
	rules->uris = catalogue_collides(session->front->catalogue, &lens);
	rules->shown = shown;
	adapt_prepare(rules);
}

int
adapt_session_message(const struct session *session, size_t slot,
    enum mcp_method method, const struct rpc_message *msg, struct splice *text,
    struct buf *out)
{
	struct about about = { session, slot, CATALOGUE_SHOWN_WORK };
	struct adapt_rules rules;

	if (!adapt_needed(&session->adapt, method, msg))
		return 0;
	rules = session->adapt;
	rules.arg = &about;
	return adapt_message(&rules, method, msg, text, out) == -1 ? -1 : 0;
}
