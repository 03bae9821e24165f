/* exchange_fault.c: what went wrong with an exchange. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "exchange_fault.h"
#include "proto/log.h"

/* X509_V_ERR_*, which are OpenSSL's and will not change. */
#define CERTIFICATE_NOT_YET_VALID 9
#define CERTIFICATE_HAS_EXPIRED   10

static void say(char *why, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
say(char *why, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(why, FAULT_WHY_MAX, format, ap);
	va_end(ap);
}

static curl_off_t
when(const struct fault *f, CURLINFO what)
{
	curl_off_t us = 0;

	(void)curl_easy_getinfo(f->easy, what, &us);
	return us;
}

static long
number(const struct fault *f, CURLINFO what)
{
	long n = 0;

	(void)curl_easy_getinfo(f->easy, what, &n);
	return n;
}

/* There was a connection, with TLS if it has that. */
static bool
was_connected(const struct fault *f)
{
	return when(f, CURLINFO_PRETRANSFER_TIME_T) > 0;
}

/* There is no connection; there may be others. */
static enum exchange_outcome
unreachable(const struct fault *f)
{
	return f->heard ? EXCHANGE_NOT_SENT : EXCHANGE_UNREACHABLE;
}

/* libcurl's text without what it always begins with. */
static const char *
text(const struct fault *f)
{
	static const char certificate[] = "SSL certificate problem: ";
	static const char tls[] = "OpenSSL/";
	const char *at = f->text;

	if (strncmp(at, certificate, sizeof(certificate) - 1) == 0)
		at += sizeof(certificate) - 1;
	if (strncmp(at, tls, sizeof(tls) - 1) == 0 && strchr(at, ':') != NULL)
		at = strchr(at, ':') + 1 + strspn(strchr(at, ':') + 1, " ");
	if (at[0] == '\0')
		at = curl_easy_strerror(f->code);
	return log_str(at, strlen(at));
}

static enum exchange_outcome
bad_certificate(const struct fault *f, char *why)
{
	long result = number(f, CURLINFO_SSL_VERIFYRESULT);

	if (strstr(f->text, "subject name") != NULL ||
	    strstr(f->text, "common name") != NULL)
		say(why, "has a certificate that is not for the host %s",
		    log_str(f->host, strlen(f->host)));
	else if (result == CERTIFICATE_HAS_EXPIRED)
		say(why, "has a certificate that has expired");
	else if (result == CERTIFICATE_NOT_YET_VALID)
		say(why, "has a certificate that is not valid yet");
	else
		say(why, "has a certificate that is not trusted: %s; %s",
		    text(f),
		    f->own_ca ? "its CA is not in ca_file"
			      : "give its CA with ca_file");
	return EXCHANGE_UNTRUSTED;
}

static enum exchange_outcome
no_connection(const struct fault *f, char *why)
{
	int error = (int)number(f, CURLINFO_OS_ERRNO);

	if (f->address[0] != '\0' && !f->address_tried) {
		say(why,
		    f->address_private
			? "has a name that stands for the private address %s; "
			  "set private_network to true if it should"
			: "has the address %s, which is never allowed",
		    f->address);
		return EXCHANGE_UNTRUSTED;
	}
	if (error == ECONNREFUSED)
		say(why, "refused the connection");
	else if (error != 0)
		say(why, "could not be reached: %s", strerror(error));
	else
		say(why, "could not be reached: %s", text(f));
	return EXCHANGE_UNREACHABLE;
}

static enum exchange_outcome
too_slow(const struct fault *f, char *why)
{
	const long connect_s = EXCHANGE_CONNECT_MS / 1000;

	/* Whichever time is shorter runs out while there is no connection. */
	if (was_connected(f) ||
	    (f->timeout_ms > 0 && f->timeout_ms < EXCHANGE_CONNECT_MS)) {
		say(why, "did not %s within %g s",
		    f->answered ? "finish its answer" : "answer",
		    f->timeout_ms / 1000.0);
		return f->sent ? EXCHANGE_BROKEN : EXCHANGE_NOT_SENT;
	}
	if (when(f, CURLINFO_NAMELOOKUP_TIME_T) == 0)
		say(why, "could not be found (DNS) within %ld s", connect_s);
	else if (when(f, CURLINFO_CONNECT_TIME_T) == 0)
		say(why, "did not accept a connection within %ld s", connect_s);
	else
		say(why, "did not complete the TLS handshake within %ld s",
		    connect_s);
	return unreachable(f);
}

/* The server said in TLS that something is wrong with us. */
static bool
is_alert(const struct fault *f)
{
	return strncmp(f->text, "OpenSSL", 7) == 0 &&
	    strstr(f->text, " alert ") != NULL;
}

/*
 * It is about our certificate.  In TLS 1.3 that is said after the handshake:
 * something may have been written by then, but a server reads it only after it
 * has accepted the certificate.
 */
static bool
is_certificate_alert(const struct fault *f)
{
	return is_alert(f) &&
	    (strstr(f->text, "certificate") != NULL ||
		strstr(f->text, "unknown ca") != NULL);
}

static enum exchange_outcome
certificate_refused(const struct fault *f, char *why)
{
	if (f->own_certificate)
		say(why, "refused the client certificate: %s", text(f));
	else
		say(why, "wants a client certificate");
	return EXCHANGE_UNTRUSTED;
}

/* It does not speak HTTP, or is gone. */
static void
broke(const struct fault *f, char *why)
{
	bool chunk = strstr(f->text, "chunk") != NULL;

	switch (f->code) {
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_HTTP2:
		say(why, "sent an answer that is not HTTP: %s", text(f));
		return;
	case CURLE_OUT_OF_MEMORY:
		say(why, "sent a header that is too long, or memory is short");
		return;
	case CURLE_RECV_ERROR:
		if (chunk) {
			say(why, "sent an answer that is not HTTP: %s",
			    text(f));
			return;
		}
		if (is_alert(f)) {
			say(why, "ended the TLS connection: %s", text(f));
			return;
		}
		break;
	default:
		break;
	}
	say(why, "closed the connection before %s",
	    f->answered ? "its answer was whole" : "it answered");
}

static enum exchange_outcome
never_connected(const struct fault *f, char *why)
{
	switch (f->code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		say(why, "could not be found (DNS): %s", text(f));
		return unreachable(f);
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		say(why, "has a URL that cannot be used: %s", text(f));
		break;
	case CURLE_SSL_CONNECT_ERROR:
		say(why,
		    strstr(f->text, "wrong version number") != NULL
			? "does not speak TLS: %s"
			: "could not agree on TLS: %s",
		    text(f));
		break;
	default:
		return no_connection(f, why);
	}
	return EXCHANGE_UNREACHABLE;
}

enum exchange_outcome
fault_judge(const struct fault *f, char *why)
{
	switch (f->code) {
	case CURLE_OPERATION_TIMEDOUT:
		return too_slow(f, why);
	case CURLE_PEER_FAILED_VERIFICATION:
		return bad_certificate(f, why);
	case CURLE_SSL_CACERT_BADFILE:
		say(why, "has a ca_file that cannot be used: %s", text(f));
		return EXCHANGE_UNTRUSTED;
	case CURLE_SSL_CERTPROBLEM:
		say(why,
		    "has a client certificate or key that cannot be used: %s",
		    text(f));
		return EXCHANGE_UNTRUSTED;
	case CURLE_SSL_CLIENTCERT:
		return certificate_refused(f, why);
	default:
		break;
	}
	if (is_certificate_alert(f))
		return certificate_refused(f, why);
	if (!f->sent && !was_connected(f))
		return never_connected(f, why);
	broke(f, why);
	return f->sent ? EXCHANGE_BROKEN : EXCHANGE_NOT_SENT;
}
