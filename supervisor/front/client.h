/* client.h: the far end of one connection: where it is, and who. */
#ifndef FRONT_CLIENT_H
#define FRONT_CLIENT_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

struct peer;
struct peers;
struct principal;

struct client {
	struct peer *peer; /* its address; NULL before it is known */
	uid_t uid;         /* over a Unix socket: whose process it is */
	bool local;        /* it is a Unix socket */
	bool has_token;    /* token_hash is that of principal's token */
	/* Who its last request came from, or NULL; a reference. */
	struct principal *principal;
	uint64_t token_hash[2]; /* keyed: what it is of, nobody can tell */
};

/* Find out whom this connected socket leads to, into a zeroed client.  0, or -1
 * with errno: it is gone already, or ENOMEM. */
int client_find(struct client *client, struct peers *peers, int fd);

/* Its connection is gone: nothing is known any more. */
void client_forget(struct client *client, struct peers *peers);

/* "192.0.2.1", "2001:db8::/64", "uid 1000": for logs; fits PEER_TEXT_MAX. */
const char *client_format(const struct client *client, char *text);

/* May another refusal of this client be logged? */
bool client_may_log(const struct client *client);

#endif
