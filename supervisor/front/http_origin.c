#include <arpa/inet.h>

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "http_origin.h"

/* RFC 1035, 2.3.4; an IPv6 address is shorter. */
#define NAME_MAX_LEN 253U

/* An authority: host and port. */
struct authority {
	char name[NAME_MAX_LEN + 1]; /* no brackets, no dot at the end */
	bool is_address;
	unsigned int port; /* 0: none */
};

static bool
is_name(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		const char c = text[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.')
			return false;
		if (c == '.' && (i == 0 || text[i - 1] == '.'))
			return false;
	}
	return len > 0;
}

/* ":1" to ":65535", or nothing. */
static bool
read_port(const char *text, unsigned int *port)
{
	size_t i;

	*port = 0;
	if (*text == '\0')
		return true;
	if (*text != ':')
		return false;
	for (i = 1; text[i] != '\0'; i++) {
		if (text[i] < '0' || text[i] > '9' || i > 5)
			return false;
		*port = *port * 10 + (unsigned int)(text[i] - '0');
	}
	return *port > 0 && *port <= 65535;
}

/* Read "name", "name:port", "[address]" or "[address]:port". */
static bool
read_authority(const char *text, struct authority *a)
{
	const bool brackets = *text == '[';
	unsigned char address[sizeof(struct in6_addr)];
	size_t len;

	text += brackets;
	len = strcspn(text, brackets ? "]" : ":");
	if (len > NAME_MAX_LEN || (brackets && text[len] != ']') ||
	    !read_port(text + len + brackets, &a->port))
		return false;
	memcpy(a->name, text, len);
	a->name[len] = '\0';
	if (brackets) {
		a->is_address = inet_pton(AF_INET6, a->name, address) == 1;
		return a->is_address;
	}
	if (!is_name(a->name, len))
		return false;
	/* "localhost." is the same name, written as absolute. */
	if (len > 1 && a->name[len - 1] == '.')
		a->name[len - 1] = '\0';
	a->is_address = inet_pton(AF_INET, a->name, address) == 1;
	return true;
}

/* One entry of the configuration; without a port it is for all ports. */
static bool
is_entry(const struct authority *a, const char *text)
{
	struct authority entry;

	return read_authority(text, &entry) &&
	    strcasecmp(a->name, entry.name) == 0 &&
	    (entry.port == 0 || entry.port == a->port);
}

static bool
host_allowed(const struct authority *a, const struct origin_rules *rules)
{
	const char *const *entry;

	if (a->is_address || strcasecmp(a->name, "localhost") == 0)
		return true;
	if (rules->host != NULL && is_entry(a, rules->host))
		return true;
	for (entry = rules->hosts; entry != NULL && *entry != NULL; entry++)
		if (is_entry(a, *entry))
			return true;
	return false;
}

bool
origin_host_allowed(const char *host_header, const struct origin_rules *rules)
{
	struct authority a;

	return host_header != NULL && read_authority(host_header, &a) &&
	    host_allowed(&a, rules);
}

/* Where a page of this origin came from, with its port. */
static bool
read_origin(const char *origin, struct authority *a, unsigned int *port)
{
	if (strncmp(origin, "http://", 7) == 0) {
		origin += 7;
		*port = 80;
	} else if (strncmp(origin, "https://", 8) == 0) {
		origin += 8;
		*port = 443;
	} else {
		return false;
	}
	return read_authority(origin, a);
}

/* "null" stands for many origins, that of any sandboxed frame among them. */
bool
origin_listed(const char *origin, const struct origin_rules *rules)
{
	const char *const *entry;

	for (entry = rules->origins; entry != NULL && *entry != NULL; entry++)
		if (strcmp(origin, *entry) == 0)
			return strcmp(origin, "null") != 0;
	return false;
}

bool
origin_allowed(const char *origin, const char *host_header,
    const struct origin_rules *rules)
{
	struct authority page, host;
	unsigned int port;

	if (origin == NULL || origin_listed(origin, rules))
		return true;
	if (!read_origin(origin, &page, &port) || host_header == NULL ||
	    !read_authority(host_header, &host) || !host_allowed(&host, rules))
		return false;
	return page.is_address == host.is_address &&
	    strcasecmp(page.name, host.name) == 0 &&
	    (page.port != 0 ? page.port : port) ==
	    (host.port != 0 ? host.port : port);
}
