#include "config_http.h"

#include <arpa/inet.h>

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "config.h"

#define DIGITS  "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
/* RFC 9110, 5.6.2. */
#define TOKEN LETTERS DIGITS "!#$%&'*+-.^_`|~"

/* RFC 1035, 2.3.4: 255 octets on the wire. */
#define HOST_MAX 253
#define PORT_MAX 65535

/* at[0..len) is the port with its colon, or nothing. */
static const char *
port_fault(const char *at, size_t len)
{
	unsigned int port = 0;

	if (len == 0)
		return NULL;
	for (size_t i = 1; i < len && port <= PORT_MAX; i++) {
		if (at[i] < '0' || at[i] > '9')
			port = PORT_MAX;
		port = port * 10 + (unsigned int)(at[i] - '0');
	}
	if (*at == ':' && port > 0 && port <= PORT_MAX)
		return NULL;
	return "must have a port from 1 to 65535 behind its host, or none; "
	       "write \"http://localhost:8080/sse\"";
}

/* An IPv6 address in brackets, and a port. */
static const char *
literal_fault(const char *at, size_t len)
{
	char text[INET6_ADDRSTRLEN] = "";
	const char *close = memchr(at, ']', len);
	size_t n = close == NULL ? 0 : (size_t)(close - at) - 1;
	struct in6_addr address;

	if (n < sizeof(text))
		memcpy(text, at + 1, n);
	if (inet_pton(AF_INET6, text, &address) != 1)
		return "must have an IPv6 address between \"[\" and \"]\"; "
		       "write \"http://[::1]:8080/sse\"";
	return port_fault(at + n + 2, len - n - 2);
}

/* Host and port; whoever reads these differently asks another server. */
static const char *
authority_fault(const char *at, size_t len)
{
	size_t host;

	if (memchr(at, '@', len) != NULL)
		return "must not have a user and a password; write them into "
		       "\"headers\" as \"Authorization\"";
	if (len > 0 && *at == '[')
		return literal_fault(at, len);
	for (host = 0; host < len && at[host] != ':'; host++) {
		if (strchr(LETTERS DIGITS "-._", at[host]) == NULL)
			return "must have a host of letters, digits, \"-\" "
			       "and \".\"; write "
			       "\"https://mcp.example.com/sse\"";
	}
	if (host == 0)
		return "has no host; write \"https://mcp.example.com/sse\"";
	if (host > HOST_MAX)
		return "must have a host of at most 253 characters; write "
		       "\"https://mcp.example.com/sse\"";
	return port_fault(at + host, len - host);
}
_Static_assert(HOST_MAX == 253, "authority_fault() says 253");

const char *
config_http_url_fault(const char *url)
{
	static const char *const schemes[] = { "http://", "https://" };
	const char *host = NULL;

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (strncmp(url, schemes[i], strlen(schemes[i])) == 0)
			host = url + strlen(schemes[i]);
	}
	if (host == NULL)
		return "must begin with \"http://\" or \"https://\"; write "
		       "\"http://localhost:8080/sse\"";
	if (strlen(url) > CONFIG_URL_MAX)
		return "must not have more than 4096 bytes; write what makes "
		       "it long into \"headers\", if the server takes it there";
	for (const char *at = url; *at != '\0'; at++) {
		if (*at <= ' ' || *at > '~')
			return "must have visible ASCII characters only; write "
			       "others as %XX, and those of a host in its "
			       "\"xn--\" form";
	}
	if (strchr(host, '#') != NULL)
		return "must not have a fragment, which no server gets; remove "
		       "\"#\" and what follows, or write \"%23\" for it";
	return authority_fault(host, strcspn(host, "/?"));
}
_Static_assert(CONFIG_URL_MAX == 4096, "config_http_url_fault() says 4096");

/* Whether tokens may go there: it is encrypted, or this machine. */
static bool
is_confidential(const char *url)
{
	static const char *const here[] = { "http://localhost",
		"http://127.0.0.1", "http://[::1]" };

	for (size_t i = 0; i < sizeof(here) / sizeof(here[0]); i++) {
		size_t n = strlen(here[i]);

		if (strncmp(url, here[i], n) == 0 &&
		    strchr(":/?", url[n]) != NULL) /* the end is among them */
			return true;
	}
	return strncmp(url, "https://", strlen("https://")) == 0;
}

const char *
config_http_public_fault(const char *url)
{
	const char *fault = config_http_url_fault(url);

	if (fault != NULL)
		return fault;
	if (!is_confidential(url))
		return "must begin with \"https://\", or be \"http://localhost\" "
		       "with a port; write \"https://mcp.example.com\"";
	if (strpbrk(strchr(url, ':') + 3, "/?") != NULL)
		return "must end behind its host and port, without \"/\"; "
		       "write \"https://mcp.example.com\"";
	return NULL;
}

const char *
config_http_issuer_fault(const char *url)
{
	const char *fault = config_http_url_fault(url);

	if (fault != NULL)
		return fault;
	if (!is_confidential(url))
		return "must begin with \"https://\"; write "
		       "\"https://login.example.com\"";
	if (strchr(url, '?') != NULL)
		return "must not have a query; write what its metadata says is "
		       "\"issuer\"";
	return NULL;
}

/* What each request has from us, and what says where its body ends. */
static const char *const reserved[] = { "Content-Type", "Content-Length",
	"Transfer-Encoding", "Connection", "Accept", "Accept-Encoding",
	"Expect", "Mcp-Session-Id", "MCP-Protocol-Version", "Last-Event-ID" };

const char *
config_http_name_fault(const char *name)
{
	if (*name == '\0' || name[strspn(name, TOKEN)] != '\0')
		return "is no name of a header; write it in letters, digits "
		       "and \"-\", such as \"X-Api-Key\"";
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		if (strcasecmp(name, reserved[i]) == 0)
			return "the gateway sets itself; remove it";
	}
	return NULL;
}

/* A header without a value libcurl would leave out, without a word. */
bool
config_http_is_header(const char *header)
{
	const char *value = strchr(header, ':') + 2;

	for (const char *at = value; *at != '\0'; at++) {
		if (iscntrl((unsigned char)*at))
			return false;
	}
	return value[strspn(value, " ")] != '\0';
}
