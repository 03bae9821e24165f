#include "config_rules.h"

#include <arpa/inet.h>

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

#define DIGITS     "0123456789"
#define HEX_DIGITS "0123456789abcdefABCDEF"
#define LETTERS    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
/* RFC 1035, 2.3.4: 255 octets on the wire. */
#define HOST_NAME_MAX_TEXT 253
#define PORT_MAX           65535
#define PORT_DIGITS        5
#define HASH_PREFIX        "sha256:"
#define HASH_DIGITS        64
/* How the tokens begin that mcp-gatewayctl makes. */
#define TOKEN_PREFIX "mcpgw_"

/* Users below are the system's and people's (login.defs). */
#define UID_FIRST 1000U
/* "nobody", and what 16 bits take for an error. */
#define UID_NOBODY_FIRST 65534U
#define UID_NOBODY_LAST  65535U
/* Above, some programs take them for negative numbers. */
#define UID_LAST 2147483647U

static bool
only(const char *value, const char *allowed)
{
	return *value != '\0' && value[strspn(value, allowed)] == '\0';
}

bool
config_rules_is_not_empty(const char *value)
{
	return *value != '\0';
}

bool
config_rules_is_host_name(const char *value)
{
	return only(value, LETTERS DIGITS "-._") &&
	    strlen(value) <= HOST_NAME_MAX_TEXT;
}

/* ':' and '%' as in "fe80::1%eth0". */
bool
config_rules_is_host(const char *value)
{
	return only(value, LETTERS DIGITS "-._:%") &&
	    strlen(value) <= HOST_NAME_MAX_TEXT;
}

/* scheme://host or scheme://host:port */
bool
config_rules_is_origin(const char *value)
{
	size_t scheme = strspn(value, LETTERS DIGITS "+-.");

	return scheme > 0 && strncmp(value + scheme, "://", 3) == 0 &&
	    only(value + scheme + 3, LETTERS DIGITS "-._:[]") &&
	    strlen(value) <= HOST_NAME_MAX_TEXT;
}

bool
config_rules_is_user(const char *value)
{
	return only(value, LETTERS DIGITS "-._") && *value != '-' &&
	    strlen(value) <= CONFIG_NAME_MAX;
}

bool
config_rules_is_absolute(const char *value)
{
	return *value == '/';
}

/* The number of a port from 0 to 65535, or -1. */
static long
port_number(const char *value)
{
	if (!only(value, DIGITS) || strlen(value) > PORT_DIGITS ||
	    strtol(value, NULL, 10) > PORT_MAX)
		return -1;
	return strtol(value, NULL, 10);
}

bool
config_rules_is_port(const char *value)
{
	return strcmp(value, "*") == 0 ||
	    (*value != '0' && port_number(value) > 0);
}

/* What a program's environment can hold. */
const char *
config_rules_variable_fault(const char *name)
{
	if (*name != '\0' && strchr(name, '=') == NULL)
		return NULL;
	return "must not be empty or have a \"=\"; write \"env\": "
	       "{\"NAME\": \"value\"}";
}

const char *
config_rules_socket_fault(const char *value)
{
	if (*value != '/' && *value != '\0')
		return "must be an absolute path; write "
		       "\"/run/mcp-gateway/gateway.sock\"";
	if (strlen(value) > CONFIG_SOCKET_PATH_MAX)
		return "must be a path of at most 107 bytes, as the addresses "
		       "of Unix sockets are; choose a shorter one";
	return NULL;
}
_Static_assert(CONFIG_SOCKET_PATH_MAX == 107, "the text above says 107");

/* An IPv6 address in brackets, perhaps with its zone; at is behind '['. */
static bool
is_literal(const char *at, size_t len)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;
	size_t n = strcspn(at, "%]");

	if (n >= sizeof(text))
		return false;
	memcpy(text, at, n);
	text[n] = '\0';
	return inet_pton(AF_INET6, text, &address) == 1 &&
	    (n == len ||
		strspn(at + n + 1, LETTERS DIGITS "-._") == len - n - 1);
}

const char *
config_rules_listen_fault(const char *value)
{
	static const char form[] =
	    "must be an address and a port, or the absolute path of a socket; "
	    "write \"127.0.0.1:9000\", \"[::1]:9000\" or "
	    "\"/run/mcp-gateway/gateway.sock\"";
	const char *colon = strrchr(value, ':');
	size_t n;

	if (*value == '/')
		return config_rules_socket_fault(value);
	if (colon == NULL || port_number(colon + 1) == -1)
		return form;
	n = (size_t)(colon - value);
	if (*value == '[')
		return n > 2 && colon[-1] == ']' && is_literal(value + 1, n - 2)
		    ? NULL
		    : form;
	/* Without brackets the last part of an IPv6 address would be a port. */
	return n > 0 && n <= HOST_NAME_MAX_TEXT &&
		strspn(value, LETTERS DIGITS "-._") == n
	    ? NULL
	    : form;
}

const char *
config_rules_pattern_fault(const char *value)
{
	if (*value == '\0')
		return "must not be empty; write a name, or a pattern such as "
		       "\"read_*\"";
	if (strlen(value) > CONFIG_PATTERN_MAX)
		return "must not have more than 256 bytes; write \"*\" for a "
		       "part of it";
	return NULL;
}
_Static_assert(CONFIG_PATTERN_MAX == 256, "the text above says 256");

/* Names of backends have no "/": without one nothing would ever match. */
const char *
config_rules_tool_fault(const char *value)
{
	if (config_rules_pattern_fault(value) != NULL ||
	    strpbrk(value, "/*?[") != NULL)
		return config_rules_pattern_fault(value);
	return "must name a backend and a tool; write \"github/get_issue\", "
	       "or \"*/get_issue\" for that of any backend";
}

const char *
config_rules_hash_fault(const char *value)
{
	static const char prefix[] = HASH_PREFIX;

	if (strncmp(value, TOKEN_PREFIX, strlen(TOKEN_PREFIX)) == 0)
		return "is a token, which belongs to its owner alone; write "
		       "what \"mcp-gatewayctl token\" prints for this file";
	if (strncmp(value, prefix, sizeof(prefix) - 1) == 0 &&
	    strlen(value) == sizeof(prefix) - 1 + HASH_DIGITS &&
	    only(value + sizeof(prefix) - 1, HEX_DIGITS))
		return NULL;
	return "must be \"sha256:\" and 64 hexadecimal digits; run "
	       "\"mcp-gatewayctl token\" and write what it prints for this "
	       "file";
}

int
config_rules_uids(const char *value, uint32_t *first, uint32_t *last)
{
	char *end;
	unsigned long from, to;

	/* strtoul() would take signs and spaces as well. */
	if (*value < '0' || *value > '9')
		return -1;
	from = strtoul(value, &end, 10);
	if (*end != '-' || end[1] < '0' || end[1] > '9')
		return -1;
	to = strtoul(end + 1, &end, 10);
	if (*end != '\0' || from < UID_FIRST || from > to || to > UID_LAST ||
	    (from <= UID_NOBODY_LAST && to >= UID_NOBODY_FIRST))
		return -1;
	*first = (uint32_t)from;
	*last = (uint32_t)to;
	return 0;
}

const char *
config_rules_uids_fault(const char *value)
{
	uint32_t first, last;

	if (config_rules_uids(value, &first, &last) == 0)
		return NULL;
	return "must be the first and the last of a range of user ids from "
	       "1000 on, without 65534 and 65535; write \"60578-61183\"";
}

/* C0, DEL and C1 controls; the text is UTF-8. */
static bool
has_control(const char *name)
{
	for (; *name != '\0'; name++) {
		unsigned char c = (unsigned char)*name;

		if (iscntrl(c) || (c == 0xc2 && (unsigned char)name[1] < 0xa0))
			return true;
	}
	return false;
}

const char *
config_rules_name_fault(const char *name)
{
	if (name[strspn(name, " ")] == '\0')
		return "a name must not be empty; give it one, such as "
		       "\"github\"";
	if (strlen(name) > CONFIG_NAME_MAX)
		return "a name may have at most 64 bytes; write a shorter one";
	if (has_control(name))
		return "a name must not have control characters; remove them";
	return NULL;
}
_Static_assert(CONFIG_NAME_MAX == 64, "config_rules_name_fault() says 64");
