#include "client.h"

#include <sys/socket.h>

#include <string.h>

#include "peer.h"
#include "principal.h"

/* Over a Unix socket, the kernel says who (unix(7)). */
static int
find_user(struct client *client, struct peers *peers, int fd)
{
	struct ucred user;
	socklen_t len = sizeof(user);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &user, &len) == -1)
		return -1;
	client->local = true;
	client->uid = user.uid;
	client->peer = peers_enter_user(peers, user.uid);
	return client->peer != NULL ? 0 : -1;
}

int
client_find(struct client *client, struct peers *peers, int fd)
{
	struct sockaddr_storage address = { 0 };
	socklen_t len = sizeof(address);

	if (getpeername(fd, (struct sockaddr *)&address, &len) == -1)
		return -1;
	if (address.ss_family == AF_UNIX)
		return find_user(client, peers, fd);
	client->peer = peers_enter(peers, (struct sockaddr *)&address);
	return client->peer != NULL ? 0 : -1;
}

void
client_forget(struct client *client, struct peers *peers)
{
	if (client->peer != NULL)
		peers_leave(peers, client->peer);
	principal_release(client->principal);
	explicit_bzero(client, sizeof(*client));
}

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
