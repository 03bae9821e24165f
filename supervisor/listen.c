/* listen.c: the sockets that clients connect to. */
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "listen.h"
#include "listen_address.h"
#include "listen_inherited.h"
#include "listen_unix.h"
#include "proto/log.h"
#include "refusal.h"

/* A client that vanished without a word is noticed after 60 + 3 * 15 seconds,
 * one that takes no data after 30.  Accepted sockets inherit all of these. */
#define KEEP_IDLE_S     60
#define KEEP_INTERVAL_S 15
#define KEEP_COUNT      3
#define USER_TIMEOUT_MS 30000
/* What waits in the kernel for a client that does not read, beside what is on
 * its way: one write of the front's (GUARD_WRITE_MAX).  Without a limit it is
 * up to 4 MiB for each, which nobody counts. */
#define UNSENT_MAX (256 << 10)

/* How often another free port is tried when the one that the first address got
 * is taken on the second. */
#define PORT_TRIES 16

/* Of the last socket. */
static uint32_t last_number;

/* One call of listen_open(). */
struct opening {
	const struct config *config;
	struct listeners all;    /* what there will be */
	struct listeners before; /* what there was and is not taken over */
	uint32_t mark;           /* numbers above it are new */
	char **error;
};

static void
set_option(int fd, int level, int name, int value)
{
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

static void
set_options(int fd, int family)
{
	if (family == AF_UNIX)
		return;
	set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEP_INTERVAL_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEP_COUNT);
	set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
	set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_MAX);
	/* The wildcard of each family is a socket of its own. */
	if (family == AF_INET6)
		set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
}

/* Why, before what a person can do about it. */
static const char *
cause(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "another program listens there (ss -ltnp shows which): "
		       "stop it, or ";
	case EACCES:
	case EPERM:
		return "ports below 1024 need root or CAP_NET_BIND_SERVICE: ";
	case EADDRNOTAVAIL:
		return "no interface of this machine has that address (ip addr "
		       "shows them): ";
	case EAFNOSUPPORT:
		return "this machine does not speak that kind of address: ";
	default:
		return "";
	}
}

/* Always -1, with *error. */
static int
refuse_address(struct opening *o, const char *address, uint16_t port, int code)
{
	bool about_port = code == EADDRINUSE || code == EACCES || code == EPERM;

	/* A wildcard and an address of the same port are in each other's way.
	 */
	for (size_t i = 0; code == EADDRINUSE && i < o->before.count; i++) {
		if (o->before.at[i].port == port)
			return refuse(o->error,
			    "cannot listen on %s as long as the gateway "
			    "listens on %s: restart it, or choose another port",
			    address, o->before.at[i].address);
	}
	return refuse(o->error,
	    "cannot listen on %s: %s; %schoose another %s %s", address,
	    strerror(code), cause(code), about_port ? "port" : "address",
	    o->config->listen[0] != NULL ? "in \"listen\""
		: about_port             ? "with --port"
					 : "with --host");
}

/* ---- one list of sockets ---- */

static void
close_one(const struct listener *listener)
{
	if (listener->local && !listener->inherited)
		listen_unix_remove(listener);
	(void)close(listener->fd);
}

void
listen_close(struct listeners *listeners)
{
	for (size_t i = 0; i < listeners->count; i++)
		close_one(&listeners->at[i]);
	listeners->count = 0;
}

bool
listen_is_beyond(const struct listeners *listeners)
{
	for (size_t i = 0; i < listeners->count; i++) {
		if (listeners->at[i].beyond)
			return true;
	}
	return false;
}

/* Room for one more, or NULL with *error. */
static struct listener *
add(struct opening *o, const char *wanted)
{
	struct listener *listener;

	if (o->all.count == LISTEN_MAX) {
		(void)refuse(o->error,
		    "cannot listen on more than %d addresses; a name may "
		    "stand for several",
		    LISTEN_MAX);
		return NULL;
	}
	listener = &o->all.at[o->all.count];
	*listener = (struct listener){ .fd = -1 };
	(void)strlcpy(listener->wanted, wanted, sizeof(listener->wanted));
	return listener;
}

/* A socket of before goes on.  0, or -1 with *error. */
static int
keep(struct opening *o, size_t i, const char *wanted)
{
	struct listener *listener = add(o, wanted);

	if (listener == NULL)
		return -1;
	*listener = o->before.at[i];
	(void)strlcpy(listener->wanted, wanted, sizeof(listener->wanted));
	o->all.count++;
	o->before.count--;
	memmove(&o->before.at[i], &o->before.at[i + 1],
	    (o->before.count - i) * sizeof(o->before.at[0]));
	return 0;
}

/* All that served the same words before; how many, or -1 with *error. */
static int
keep_same(struct opening *o, const char *wanted)
{
	int kept = 0;

	for (size_t i = 0; i < o->before.count;) {
		const struct listener *one = &o->before.at[i];

		/* Clients find it by its path: one that somebody removed is
		 * made again. */
		if (strcmp(one->wanted, wanted) != 0 ||
		    (one->local && !one->inherited &&
			!listen_unix_is_there(one))) {
			i++;
			continue;
		}
		if (keep(o, i, wanted) == -1)
			return -1;
		kept++;
	}
	return kept;
}

/* The one of this address, as it was bound.  1, 0 for none, or -1. */
static int
keep_address(struct opening *o, const char *address, const char *wanted)
{
	for (size_t i = 0; i < o->before.count; i++) {
		if (strcmp(o->before.at[i].address, address) == 0)
			return keep(o, i, wanted) == -1 ? -1 : 1;
	}
	return 0;
}

/* ---- sockets of a service manager ---- */

static bool
is_in_use(const struct opening *o, const struct listen_inherited *one)
{
	for (size_t i = 0; i < o->all.count; i++) {
		if (o->all.at[i].inherited &&
		    strcmp(o->all.at[i].address, one->text) == 0)
			return true;
	}
	return false;
}

/* A copy of an inherited one.  0, or -1 with *error. */
static int
adopt(struct opening *o, const struct listen_inherited *one, const char *wanted)
{
	struct listener *listener;
	int fd, kept = keep_address(o, one->text, wanted);

	if (kept != 0)
		return kept == -1 ? -1 : 0;
	if ((listener = add(o, wanted)) == NULL)
		return -1;
	if ((fd = fcntl(one->fd, F_DUPFD_CLOEXEC, 3)) == -1 ||
	    listen(fd, LISTEN_BACKLOG) == -1) {
		(void)refuse(o->error,
		    "cannot listen on the inherited socket %s: %s", one->text,
		    strerror(errno));
		if (fd != -1)
			(void)close(fd);
		return -1;
	}
	set_options(fd, one->address.ss_family);
	listener->number = ++last_number;
	listener->fd = fd;
	listener->inherited = true;
	listener->local = one->address.ss_family == AF_UNIX;
	listener->beyond =
	    listen_address_is_beyond((const void *)&one->address);
	listener->port = listen_address_port((const void *)&one->address);
	(void)strlcpy(listener->address, one->text, sizeof(listener->address));
	o->all.count++;
	return 0;
}

/* The inherited one with this text, or, for port 0, with any port.  1, 0 for
 * none, or -1 with *error. */
static int
adopt_address(struct opening *o, const char *text, const char *wanted)
{
	const struct listen_inherited *one;
	size_t len = strlen(text);
	bool any = len > 2 && strcmp(text + len - 2, ":0") == 0;

	for (size_t i = 0; (one = listen_inherited_get(i)) != NULL; i++) {
		if (!one->usable || is_in_use(o, one))
			continue;
		if (strcmp(one->text, text) == 0 ||
		    (any && strncmp(one->text, text, len - 1) == 0))
			return adopt(o, one, wanted) == -1 ? -1 : 1;
	}
	return 0;
}

/* Where one is wanted and one is there, it is that, whatever its address: its
 * unit says where to listen.  1, 0, or -1 with *error. */
static int
adopt_only(struct opening *o, size_t count, const char *wanted)
{
	const struct listen_inherited *one = listen_inherited_get(0);

	if (count != 1 || one == NULL || !one->usable ||
	    listen_inherited_get(1) != NULL)
		return 0;
	return adopt(o, one, wanted) == -1 ? -1 : 1;
}

static void
warn_of_unused(const struct opening *o)
{
	const struct listen_inherited *one;

	for (size_t i = 0; (one = listen_inherited_get(i)) != NULL; i++) {
		if (!one->usable)
			log_warning("gateway: descriptor %d, which the service "
				    "manager passed, is no stream socket",
			    one->fd);
		else if (!is_in_use(o, one))
			log_warning(
			    "gateway: nobody answers on the inherited socket "
			    "%s: the configuration does not want it; put it "
			    "into \"listen\"",
			    log_str(one->text, strlen(one->text)));
	}
}

/* ---- sockets of our own ---- */

/* Bind to an address whose port is set.  The socket, or -1 with errno. */
static int
bind_one(const struct addrinfo *ai)
{
	int fd, saved;

	fd = socket(ai->ai_family,
	    ai->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, ai->ai_protocol);
	if (fd == -1)
		return -1;
	set_options(fd, ai->ai_family);
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 &&
	    listen(fd, LISTEN_BACKLOG) == 0)
		return fd;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

/* A new socket with its real port in *port.  0; -1 with errno, and *error where
 * that says more. */
static int
open_one(struct opening *o, const struct addrinfo *ai, const char *wanted,
    uint16_t *port)
{
	struct sockaddr_storage real;
	socklen_t len = sizeof(real);
	struct listener *listener = add(o, wanted);
	int fd, saved;

	if (listener == NULL) {
		errno = EMFILE;
		return -1;
	}
	if ((fd = bind_one(ai)) == -1)
		return -1;
	if (getsockname(fd, (struct sockaddr *)&real, &len) == -1) {
		saved = errno;
		(void)close(fd);
		errno = saved;
		return -1;
	}
	listener->number = ++last_number;
	listener->fd = fd;
	listener->beyond = listen_address_is_beyond((const void *)&real);
	listener->port = *port = listen_address_port((const void *)&real);
	listen_address_text(listener->address, sizeof(listener->address),
	    (const void *)&real, len);
	o->all.count++;
	return 0;
}

/* One address of a name: an old socket, an inherited one, or a new one. */
static int
open_address(struct opening *o, const struct addrinfo *ai, const char *wanted,
    uint16_t *port)
{
	char text[LISTEN_ADDRESS_MAX];
	int found;

	listen_address_set_port(ai->ai_addr, *port);
	listen_address_text(text, sizeof(text), ai->ai_addr, ai->ai_addrlen);
	if ((found = keep_address(o, text, wanted)) != 0 ||
	    (found = adopt_address(o, text, wanted)) != 0) {
		*port = o->all.at[o->all.count - 1].port;
		return found == -1 ? -1 : 0;
	}
	return open_one(o, ai, wanted, port);
}

/*
 * One address after the other.  An address of a kind that this machine does not
 * have is skipped when another works: "localhost" is often both.  On failure
 * errno and *failed say which, unless *error says it.
 */
static int
open_all(struct opening *o, const struct addrinfo *list, const char *wanted,
    uint16_t port, const struct addrinfo **failed)
{
	const struct addrinfo *skipped = NULL;
	int skipped_errno = 0;
	size_t before = o->all.count;

	for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next) {
		if (open_address(o, ai, wanted, &port) == 0)
			continue;
		*failed = ai;
		if (*o->error != NULL)
			return -1;
		if (errno != EADDRNOTAVAIL && errno != EAFNOSUPPORT)
			return -1;
		skipped = ai;
		skipped_errno = errno;
	}
	if (o->all.count > before)
		return 0;
	*failed = skipped;
	errno = skipped_errno;
	return -1;
}

/* Close what is new from this place on; what was there before stays. */
static void
close_new(const struct opening *o, size_t first)
{
	for (size_t i = first; i < o->all.count; i++) {
		if (o->all.at[i].number > o->mark)
			close_one(&o->all.at[i]);
	}
}

/* All addresses of a name; port 0 is one that is free on each. */
static int
open_list(struct opening *o, const struct addrinfo *list, const char *wanted,
    uint16_t port)
{
	const struct addrinfo *failed = NULL;
	const struct opening start = *o;
	char text[LISTEN_ADDRESS_MAX];
	int code = 0;

	for (int i = 0; i < PORT_TRIES; i++) {
		if (open_all(o, list, wanted, port, &failed) == 0)
			return 0;
		code = errno;
		if (*o->error != NULL || port != 0 || code != EADDRINUSE)
			break;
		close_new(o, start.all.count);
		*o = start;
	}
	if (*o->error != NULL || failed == NULL)
		return -1;
	listen_address_set_port(failed->ai_addr, port);
	listen_address_text(
	    text, sizeof(text), failed->ai_addr, failed->ai_addrlen);
	return refuse_address(o, text, port, code);
}

static int
open_tcp(struct opening *o, const char *wanted)
{
	struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	};
	struct addrinfo *list = NULL;
	char host[LISTEN_WANTED_MAX];
	uint16_t port;
	int code, result;

	if (listen_address_split(wanted, host, sizeof(host), &port) == -1)
		return refuse(o->error,
		    "cannot listen on \"%s\": write \"127.0.0.1:9000\", "
		    "\"[::1]:9000\" or the path of a Unix socket",
		    wanted);
	if ((code = getaddrinfo(host, "0", &hints, &list)) != 0)
		return refuse(o->error,
		    "cannot listen on host \"%s\": %s; give an address of this "
		    "machine, such as 127.0.0.1, %s",
		    host,
		    code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code),
		    o->config->listen[0] != NULL ? "in \"listen\""
						 : "with --host");
	result = open_list(o, list, wanted, port);
	freeaddrinfo(list);
	return result;
}

static int
open_unix(struct opening *o, const char *path)
{
	struct listener *listener;
	int found = adopt_address(o, path, path);

	if (found != 0)
		return found == -1 ? -1 : 0;
	if ((listener = add(o, path)) == NULL ||
	    listen_unix_open(listener, path, o->config, o->error) == -1)
		return -1;
	listener->number = ++last_number;
	listener->local = true;
	(void)strlcpy(listener->address, path, sizeof(listener->address));
	o->all.count++;
	return 0;
}

/* One of count addresses of the configuration. */
static int
open_wanted(struct opening *o, const char *wanted, size_t count)
{
	int found;

	if ((found = keep_same(o, wanted)) != 0 ||
	    (found = adopt_only(o, count, wanted)) != 0)
		return found == -1 ? -1 : 0;
	return *wanted == '/' ? open_unix(o, wanted) : open_tcp(o, wanted);
}

static int
open_config(struct opening *o)
{
	const struct config *config = o->config;
	char wanted[LISTEN_WANTED_MAX];
	size_t count = 0;

	while (config->listen[count] != NULL)
		count++;
	if (count == 0) {
		listen_address_join(
		    wanted, sizeof(wanted), config->host, config->port);
		return open_wanted(o, wanted, 1);
	}
	for (size_t i = 0; i < count; i++) {
		if (open_wanted(o, config->listen[i], count) == -1)
			return -1;
	}
	return 0;
}

/* Mode and group may have changed. */
static int
permit_kept(struct opening *o)
{
	for (size_t i = 0; i < o->all.count; i++) {
		const struct listener *one = &o->all.at[i];

		if (one->local && !one->inherited && one->number <= o->mark &&
		    listen_unix_permit(one->address, o->config, o->error) == -1)
			return -1;
	}
	return 0;
}

int
listen_open(struct listeners *ret, const struct config *config,
    struct listeners *old, char **error)
{
	struct opening o = {
		.config = config, .mark = last_number, .error = error
	};

	*error = NULL;
	if (old != NULL)
		o.before = *old;
	if (open_config(&o) == -1 || permit_kept(&o) == -1) {
		close_new(&o, 0);
		return -1;
	}
	warn_of_unused(&o);
	*ret = o.all;
	if (old != NULL)
		*old = o.before;
	return 0;
}
