#include "client.h"

#include <string.h>

#include "peer.h"

const char *
client_format(const struct client *client, char *text)
{
	if (client->peer != NULL)
		return peer_format(client->peer, text);
	strlcpy(text, "without an address", PEER_TEXT_MAX);
	return text;
}

bool
client_may_log(const struct client *client)
{
	return client->peer == NULL || peer_may_log(client->peer);
}
