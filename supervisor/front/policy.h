/*
 * policy.h: the rules of the front, and the backends it shall have: what a
 * POLICY says.  A new one replaces the old one whole; nobody keeps a pointer
 * into one beyond the turn of the loop in which it came.
 */
#ifndef FRONT_POLICY_H
#define FRONT_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http_origin.h"

#define POLICY_HASH_LEN 32 /* SHA-256 */

/* The configuration has at most 256 backends; while all of them are replaced
 * there are twice as many. */
#define POLICY_BACKENDS_MAX 512U

/* What becomes of a backend. */
enum policy_part {
	POLICY_SERVING, /* clients see it */
	POLICY_STANDBY, /* it is greeted and listed, and shown to nobody yet */
	POLICY_LEAVING, /* nobody sees it any more; what is in flight goes on,
			   and DRAINED tells when nothing is */
};

/* Whether the clients of a backend share it. */
enum policy_session {
	POLICY_SHARED,
	POLICY_PER_CLIENT, /* each session has an instance of its own */
	POLICY_AUTO, /* later sessions do, once it has asked for something and
			nobody could tell whom */
};

/* How names are spelled for clients that do not say it. */
enum policy_names {
	POLICY_NAMES_BY_ENDPOINT, /* slash on /sse, safe on /mcp */
	POLICY_NAMES_SLASH,
	POLICY_NAMES_SAFE,
};

struct policy_backend {
	uint64_t number; /* never used twice in the life of a supervisor */
	char *name;
	enum policy_part part;
	char **allow;      /* fnmatch(3) patterns of tool names; empty: all */
	char **deny;       /* the same; wins */
	uint32_t requests; /* in flight */
	enum policy_session session;
	uint32_t instances;        /* of it at once; 0 of POLICY_SHARED alone */
	uint32_t instance_wait_ms; /* that a call waits for its instance */
	uint32_t instance_idle_ms; /* without a request, then an instance is
				      released; 0: never */
};

/*
 * Who sees what: tokens with the same rules share one.  Audience 0 sees
 * everything; it is also that of Unix sockets and of a gateway without tokens.
 */
struct policy_audience {
	char **backends; /* patterns of their names; empty: all */
	char **tools;    /* patterns of "backend/tool"; empty: all */
};

struct policy_token {
	char *name;
	unsigned char hash[POLICY_HASH_LEN];
	size_t audience;
	uint32_t rate;       /* requests a second; 0: any */
	uint32_t concurrent; /* requests in flight; 0: any */
};

/* 0 means none unless said otherwise. */
struct policy_limits {
	uint32_t connections; /* 0: what descriptors allow */
	uint32_t connections_per_address;
	uint32_t sessions;
	uint32_t requests_per_session; /* in flight, never 0 */
	uint32_t rate;                 /* requests a second from one address */
	uint32_t burst;                /* of them at once */
	size_t body_size;  /* bytes, never 0, at most GUARD_BODY_MAX */
	size_t queue_size; /* bytes that wait for one client, never 0 */
	size_t memory;     /* bytes of unfinished requests and of queues, of all
			      clients together, never 0 */
	/* Of Streamable HTTP sessions. */
	uint32_t session_idle_ms;     /* without a request and a stream; never
					 0 */
	uint32_t session_lifetime_ms; /* 0: any */
};

struct policy {
	struct origin_rules origins; /* borrows hosts and allowed_origins */
	char **hosts;
	char **allowed_origins;
	bool open; /* no token is needed */
	char
	    *public_url; /* "https://mcp.example.com" without a path, or NULL */
	char **authorization_servers;
	enum policy_names names;
	struct policy_limits limits;
	size_t token_count;
	struct policy_token *tokens;
	size_t audience_count; /* at least 1 */
	struct policy_audience *audiences;
	size_t backend_count;
	struct policy_backend *backends; /* in the order of the lists */
};

/*
 * Read a POLICY payload (ARCHITECTURE.md, "Frames").  The caller owns the
 * result; NULL with errno EINVAL when it is not what the table says, or ENOMEM.
 */
struct policy *policy_parse(const char *json, size_t len);
void policy_free(struct policy **policy);

/* Instances that all backends may have together, at most so many. */
size_t policy_instances(const struct policy *policy, size_t most);

/* True when one of the patterns, or there being none, lets name through. */
bool policy_matches(char *const *patterns, const char *name);

/* True when two lists are the same. */
bool policy_lists_equal(char *const *a, char *const *b);

/* A copy of a list, the caller's; NULL with ENOMEM. */
char **policy_list_copy(char *const *list);
void policy_list_free(char ***list);

#endif
