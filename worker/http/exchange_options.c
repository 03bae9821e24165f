/* exchange_options.c: what libcurl is told once for each easy handle. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "exchange_options.h"

/* Of one read from a socket; libcurl has it while a request is under way. */
#define READ_SIZE 65536L
/* The same for what is sent. */
#define WRITE_SIZE 65536L
/* A dead peer is noticed, and a NAT on the way remembers the connection. */
#define KEEPALIVE_IDLE_S     60L
#define KEEPALIVE_INTERVAL_S 15L
#define DNS_CACHE_S          60L

#define SET(option, value)                                                     \
	ok = curl_easy_setopt(easy, option, value) == CURLE_OK && ok

/* ---- the configuration ---- */

int
options_check(const struct setup_remote *remote, const char **why)
{
	const char *key =
	    remote->key != NULL ? remote->key : remote->certificate;

	if (remote->ca != NULL &&
	    strstr(remote->ca, "-----BEGIN CERTIFICATE-----") == NULL &&
	    strstr(remote->ca, "-----BEGIN TRUSTED CERTIFICATE-----") == NULL)
		*why = "has a ca_file without a certificate in it";
	else if (remote->certificate != NULL &&
	    strstr(remote->certificate, "-----BEGIN CERTIFICATE-----") == NULL)
		*why = "has a client certificate file without a certificate "
		       "in it";
	else if (remote->certificate == NULL && remote->key != NULL)
		*why = "has a private key without a certificate";
	else if (key != NULL && strstr(key, "PRIVATE KEY-----") == NULL)
		*why = "has a client certificate without a private key";
	else if (key != NULL && strstr(key, "ENCRYPTED") != NULL)
		*why = "has a private key with a passphrase, for which there "
		       "is nobody to ask";
	else
		return 0;
	return -1;
}

/* The name of a header in front of its colon, 0 when there is none. */
static size_t
name_length(const char *header)
{
	size_t n = strspn(header,
	    "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	return header[n] == ':' ? n : 0;
}

/*
 * What says how a message is framed, or what the protocol says in it, is ours:
 * a configuration that was written for another program often has some.
 */
static bool
is_ours(const char *header, size_t name_len)
{
	static const char *const ours[] = { "Accept", "Accept-Encoding",
		"Connection", "Content-Encoding", "Content-Length",
		"Content-Type", "Expect", "Keep-Alive", "Last-Event-ID",
		"MCP-Protocol-Version", "Mcp-Session-Id", "Proxy-Connection",
		"TE", "Trailer", "Transfer-Encoding", "Upgrade" };

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strlen(ours[i]) == name_len &&
		    strncasecmp(header, ours[i], name_len) == 0)
			return true;
	return false;
}

static bool
has_control(const char *text)
{
	for (; *text != '\0'; text++)
		if (((unsigned char)*text < ' ' && *text != '\t') ||
		    *text == 0x7f)
			return true;
	return false;
}

static bool
names_agent(char **headers)
{
	for (; *headers != NULL; headers++)
		if (strncasecmp(*headers, "User-Agent:", 11) == 0)
			return true;
	return false;
}

void
options_headers_free(struct curl_slist *headers)
{
	for (struct curl_slist *h = headers; h != NULL; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_slist_free_all(headers);
}

/* Takes list; NULL without memory. */
static struct curl_slist *
append(struct curl_slist *list, const char *header)
{
	struct curl_slist *longer = curl_slist_append(list, header);

	if (longer == NULL)
		options_headers_free(list);
	return longer;
}

/* libcurl reads "Name:" as "do not send it", and "Name;" as an empty one. */
static struct curl_slist *
append_empty(struct curl_slist *list, const char *header, size_t name_len)
{
	struct curl_slist *longer = NULL;
	char *copy = strndup(header, name_len + 1);

	if (copy == NULL) {
		options_headers_free(list);
		return NULL;
	}
	copy[name_len] = ';';
	longer = append(list, copy);
	free(copy);
	return longer;
}

struct curl_slist *
options_headers(const struct setup_remote *remote, const char **why)
{
	struct curl_slist *list = NULL;

	list = append(list, "Expect:");
	if (list != NULL)
		list = append(list, "Accept-Encoding: identity");
	if (list != NULL && !names_agent(remote->headers))
		list = append(list, "User-Agent: mcp-gateway/" MCPGW_VERSION);
	for (char **h = remote->headers; list != NULL && *h != NULL; h++) {
		size_t n = name_length(*h);

		if (n == 0 || has_control(*h)) {
			*why = "has a header that HTTP does not allow";
			options_headers_free(list);
			errno = EINVAL;
			return NULL;
		}
		if (is_ours(*h, n))
			continue;
		if ((*h)[n + 1 + strspn(*h + n + 1, " \t")] == '\0')
			list = append_empty(list, *h, n);
		else
			list = append(list, *h);
	}
	if (list == NULL) {
		*why = "cannot be connected to: out of memory";
		errno = ENOMEM;
	}
	return list;
}

/* ---- libcurl ---- */

/* Only this server, only HTTP/1.1, nothing from the environment. */
static bool
set_limits(CURL *easy)
{
	bool ok = true;

	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOPROXY, "*");
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_HTTP09_ALLOWED, 0L);
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	return ok;
}

/* Connections and names; no limit for a whole transfer, which may be a stream
 * that is silent for hours. */
static bool
set_connection(CURL *easy)
{
	bool ok = true;

	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_QUICK_EXIT, 1L); /* or the end waits for DNS */
	SET(CURLOPT_CONNECTTIMEOUT_MS, EXCHANGE_CONNECT_MS);
	SET(CURLOPT_DNS_CACHE_TIMEOUT, DNS_CACHE_S);
	SET(CURLOPT_MAXAGE_CONN, EXCHANGE_IDLE_S);
	SET(CURLOPT_TCP_NODELAY, 1L);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
	SET(CURLOPT_TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
	SET(CURLOPT_BUFFERSIZE, READ_SIZE);
	SET(CURLOPT_UPLOAD_BUFFERSIZE, WRITE_SIZE);
	SET(CURLOPT_NOPROGRESS, 1L);
	return ok;
}

static struct curl_blob
blob(char *pem)
{
	return (struct curl_blob){
		.data = pem,
		.len = strlen(pem),
		.flags = CURL_BLOB_NOCOPY,
	};
}

static bool
set_tls(CURL *easy, const struct setup_remote *remote)
{
	bool ok = true;

	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (remote->ca != NULL) {
		struct curl_blob ca = blob(remote->ca);

		SET(CURLOPT_CAINFO_BLOB, &ca);
		SET(CURLOPT_CAINFO, NULL);
		SET(CURLOPT_CAPATH, NULL);
	} else if (curl_version_info(CURLVERSION_NOW)->cainfo != NULL) {
		/* One file of all: read once for all connections, which
		 * libcurl does not do when there is a folder, too. */
		SET(CURLOPT_CAPATH, NULL);
	}
	if (remote->certificate != NULL) {
		struct curl_blob certificate = blob(remote->certificate);
		struct curl_blob key = blob(
		    remote->key != NULL ? remote->key : remote->certificate);

		SET(CURLOPT_SSLCERT_BLOB, &certificate);
		SET(CURLOPT_SSLCERTTYPE, "PEM");
		SET(CURLOPT_SSLKEY_BLOB, &key);
		SET(CURLOPT_SSLKEYTYPE, "PEM");
	}
	return ok;
}

static bool
set_method(CURL *easy, enum exchange_method method)
{
	bool ok = true;

	switch (method) {
	case EXCHANGE_POST:
		SET(CURLOPT_POST, 1L);
		break;
	case EXCHANGE_DELETE:
		SET(CURLOPT_HTTPGET, 1L);
		SET(CURLOPT_CUSTOMREQUEST, "DELETE");
		break;
	case EXCHANGE_GET:
		SET(CURLOPT_HTTPGET, 1L);
		break;
	}
	return ok;
}

int
options_set(CURL *easy, enum exchange_method method,
    const struct setup_remote *remote,
    const struct options_callbacks *callbacks)
{
	bool ok = set_limits(easy);

	ok = set_connection(easy) && ok;
	ok = set_tls(easy, remote) && ok;
	ok = set_method(easy, method) && ok;
	SET(CURLOPT_PREREQFUNCTION, callbacks->begin);
	SET(CURLOPT_READFUNCTION, callbacks->read);
	SET(CURLOPT_SEEKFUNCTION, callbacks->seek);
	SET(CURLOPT_HEADERFUNCTION, callbacks->header);
	SET(CURLOPT_WRITEFUNCTION, callbacks->body);
	SET(CURLOPT_OPENSOCKETFUNCTION, callbacks->open);
	return ok ? 0 : -1;
}
