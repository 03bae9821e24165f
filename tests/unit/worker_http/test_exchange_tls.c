#include <sys/stat.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>

#include "exchange_fixture.h"

/* Certificates are made here, so that they are never out of date; the server is
 * openssl(1), which answers any GET with a page about itself. */

static char folder[64];

static char *
path(const char *name)
{
	static char buffers[16][512];
	static unsigned int next;
	char *at = buffers[next++ % 16];

	(void)snprintf(at, sizeof(buffers[0]), "%s/%s", folder, name);
	return at;
}

/* openssl with these arguments, up to NULL; its standard output, or -1. */
static pid_t
spawn(const char *const *arguments, int *out)
{
	posix_spawn_file_actions_t actions;
	char *argv[32] = { (char *)(uintptr_t) "openssl" };
	int fds[2] = { -1, -1 };
	size_t n = 1;
	pid_t pid;

	for (; *arguments != NULL; arguments++) {
		assert_true(n < 31);
		argv[n++] = (char *)(uintptr_t)*arguments;
	}
	argv[n] = NULL;
	assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
	(void)posix_spawn_file_actions_addopen(
	    &actions, 0, "/dev/null", O_RDONLY, 0);
	(void)posix_spawn_file_actions_addopen(
	    &actions, 2, "/dev/null", O_WRONLY, 0);
	if (out == NULL) {
		(void)posix_spawn_file_actions_addopen(
		    &actions, 1, "/dev/null", O_WRONLY, 0);
	} else {
		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		(void)posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
	}
	assert_int_equal(
	    posix_spawnp(&pid, "openssl", &actions, NULL, argv, environ), 0);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (out != NULL) {
		close(fds[1]);
		*out = fds[0];
	}
	return pid;
}

static void
openssl(const char *const *arguments)
{
	int status;
	pid_t pid = spawn(arguments, NULL);

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
write_file(const char *name, const char *text)
{
	FILE *f = fopen(path(name), "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* To be freed. */
static char *
read_file(const char *name)
{
	char *text = calloc(1, 16384);
	FILE *f = fopen(path(name), "r");

	assert_non_null(text);
	assert_non_null(f);
	assert_true(fread(text, 1, 16383, f) > 0);
	assert_int_equal(fclose(f), 0);
	return text;
}

/* NAME.pem and NAME.key for the names in alt, signed by our CA. */
static void
make_certificate(const char *name, const char *alt, const char *days)
{
	char pem[32], key[32], request[32], extensions[128];

	(void)snprintf(pem, sizeof(pem), "%s.pem", name);
	(void)snprintf(key, sizeof(key), "%s.key", name);
	(void)snprintf(request, sizeof(request), "%s.csr", name);
	(void)snprintf(
	    extensions, sizeof(extensions), "subjectAltName=%s\n", alt);
	write_file("extensions", extensions);
	openssl((const char *[]){ "req", "-new", "-newkey", "ec", "-pkeyopt",
	    "ec_paramgen_curve:P-256", "-nodes", "-keyout", path(key), "-out",
	    path(request), "-subj", "/CN=test", NULL });
	openssl((const char *[]){ "x509", "-req", "-in", path(request), "-CA",
	    path("ca.pem"), "-CAkey", path("ca.key"), "-CAcreateserial",
	    "-days", days, "-extfile", path("extensions"), "-out", path(pem),
	    NULL });
}

static int
make_all(void **state)
{
	(void)state;
	strlcpy(folder, "/tmp/test_exchange_tls.XXXXXX", sizeof(folder));
	assert_non_null(mkdtemp(folder));
	openssl((const char *[]){ "req", "-x509", "-newkey", "ec", "-pkeyopt",
	    "ec_paramgen_curve:P-256", "-nodes", "-keyout", path("ca.key"),
	    "-out", path("ca.pem"), "-days", "2", "-subj", "/CN=our CA",
	    NULL });
	openssl((const char *[]){ "req", "-x509", "-newkey", "ec", "-pkeyopt",
	    "ec_paramgen_curve:P-256", "-nodes", "-keyout", path("self.key"),
	    "-out", path("self.pem"), "-days", "2", "-subj", "/CN=127.0.0.1",
	    "-addext", "subjectAltName=IP:127.0.0.1", NULL });
	make_certificate("good", "IP:127.0.0.1,DNS:localhost", "2");
	make_certificate("other", "DNS:other.example", "2");
	make_certificate("old", "IP:127.0.0.1", "-1");
	make_certificate("client", "DNS:client.example", "2");
	return 0;
}

static int
remove_all(void **state)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			(void)unlink(path(entry->d_name));
	closedir(dir);
	return rmdir(folder);
}

struct tls {
	pid_t pid;
	int out;
	unsigned int port;
};

/* A server with this certificate and further options. */
static void
tls_start(struct tls *t, const char *name, const char *const *options)
{
	char pem[32], key[32], text[256] = "";
	const char *arguments[24] = { "s_server", "-accept", "127.0.0.1:0",
		"-www", "-cert", NULL, "-key", NULL };
	size_t n = 8, len = 0;
	char *at = NULL;

	(void)snprintf(pem, sizeof(pem), "%s.pem", name);
	(void)snprintf(key, sizeof(key), "%s.key", name);
	arguments[5] = path(pem);
	arguments[7] = path(key);
	while (*options != NULL)
		arguments[n++] = *options++;
	t->pid = spawn(arguments, &t->out);
	while (at == NULL || strchr(at, '\n') == NULL) {
		struct pollfd p = { .fd = t->out, .events = POLLIN };
		ssize_t got;

		assert_int_equal(poll(&p, 1, 10000), 1);
		got = read(t->out, text + len, sizeof(text) - 1 - len);
		assert_true(got > 0);
		len += (size_t)got;
		at = strstr(text, "ACCEPT 127.0.0.1:");
	}
	t->port = (unsigned int)strtoul(at + 17, NULL, 10);
}

static void
tls_stop(struct tls *t)
{
	int status;

	assert_int_equal(kill(t->pid, SIGTERM), 0);
	assert_int_equal(waitpid(t->pid, &status, 0), t->pid);
	close(t->out);
}

static const char *const no_options[] = { NULL };

/* GET from such a server, as remote says. */
static void
ask(struct result *r, struct setup_remote remote, const char *host,
    const char *name, const char *const *options)
{
	struct world w = { .remote = remote };
	struct exchange_request request;
	struct tls t;
	char url[64];

	tls_start(&t, name, options);
	(void)snprintf(url, sizeof(url), "https://%s:%u/", host, t.port);
	w.remote.url = url;
	world_open(&w, NULL);
	request = world_request(&w, EXCHANGE_GET);
	world_ask(&w, r, &request);
	world_close(&w);
	tls_stop(&t);
}

static void
a_certificate_of_the_configured_ca_is_good(void **state)
{
	char *ca = read_file("ca.pem");
	struct setup_remote remote = { .ca = ca };
	struct result r;

	(void)state;
	ask(&r, remote, "127.0.0.1", "good", no_options);
	assert_string_equal(r.why, "");
	assert_int_equal(r.outcome, EXCHANGE_DONE);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.type, "text/html");
	ask(&r, remote, "localhost", "good", no_options);
	assert_int_equal(r.outcome, EXCHANGE_DONE);
	free(ca);
}

static void
an_unknown_ca_is_not_trusted(void **state)
{
	struct setup_remote remote = { 0 };
	struct result r;
	char *other;

	(void)state;
	ask(&r, remote, "127.0.0.1", "self", no_options);
	assert_int_equal(r.outcome, EXCHANGE_UNTRUSTED);
	assert_string_equal(r.why,
	    "has a certificate that is not trusted: self-signed certificate; "
	    "give its CA with ca_file");
	ask(&r, remote, "127.0.0.1", "good", no_options);
	assert_int_equal(r.outcome, EXCHANGE_UNTRUSTED);
	assert_string_equal(r.why,
	    "has a certificate that is not trusted: unable to get local issuer "
	    "certificate; give its CA with ca_file");
	/* With a ca_file nothing else counts. */
	other = read_file("self.pem");
	remote.ca = other;
	ask(&r, remote, "127.0.0.1", "good", no_options);
	assert_int_equal(r.outcome, EXCHANGE_UNTRUSTED);
	assert_string_equal(r.why,
	    "has a certificate that is not trusted: unable to get local issuer "
	    "certificate; its CA is not in ca_file");
	ask(&r, remote, "127.0.0.1", "self", no_options);
	assert_int_equal(r.outcome, EXCHANGE_DONE);
	free(other);
}

static void
a_certificate_for_another_host_is_not_trusted(void **state)
{
	char *ca = read_file("ca.pem");
	struct setup_remote remote = { .ca = ca };
	struct result r;

	(void)state;
	ask(&r, remote, "127.0.0.1", "other", no_options);
	assert_int_equal(r.outcome, EXCHANGE_UNTRUSTED);
	assert_string_equal(
	    r.why, "has a certificate that is not for the host 127.0.0.1");
	ask(&r, remote, "localhost", "other", no_options);
	assert_int_equal(r.outcome, EXCHANGE_UNTRUSTED);
	assert_string_equal(
	    r.why, "has a certificate that is not for the host localhost");
	free(ca);
}

static void
an_expired_certificate_is_not_trusted(void **state)
{
	char *ca = read_file("ca.pem");
	struct setup_remote remote = { .ca = ca };
	struct result r;

	(void)state;
	ask(&r, remote, "127.0.0.1", "old", no_options);
	assert_int_equal(r.outcome, EXCHANGE_UNTRUSTED);
	assert_string_equal(r.why, "has a certificate that has expired");
	free(ca);
}

static void
a_client_certificate_is_shown(void **state)
{
	char *ca = read_file("ca.pem");
	char *certificate = read_file("client.pem");
	char *key = read_file("client.key");
	char *both = NULL;
	struct setup_remote remote = { .ca = ca };
	const char *const options[] = { "-Verify", "1", "-CAfile",
		path("ca.pem"), "-verify_return_error", NULL };
	const char *const old[] = { "-tls1_2", "-Verify", "1", "-CAfile",
		path("ca.pem"), "-verify_return_error", NULL };
	struct result r;

	(void)state;
	ask(&r, remote, "127.0.0.1", "good", options);
	assert_string_equal(r.why, "wants a client certificate");
	assert_int_equal(r.outcome, EXCHANGE_UNTRUSTED);
	ask(&r, remote, "127.0.0.1", "good", old);
	assert_int_equal(r.outcome, EXCHANGE_UNREACHABLE);
	assert_memory_equal(r.why, "could not agree on TLS: ", 24);
	remote.certificate = certificate;
	remote.key = key;
	ask(&r, remote, "127.0.0.1", "good", options);
	assert_string_equal(r.why, "");
	assert_int_equal(r.outcome, EXCHANGE_DONE);
	/* One that its CA has not signed. */
	free(certificate);
	free(key);
	certificate = read_file("self.pem");
	key = read_file("self.key");
	remote.certificate = certificate;
	remote.key = key;
	ask(&r, remote, "127.0.0.1", "good", options);
	assert_memory_equal(r.why, "refused the client certificate: ", 32);
	assert_int_equal(r.outcome, EXCHANGE_UNTRUSTED);
	free(certificate);
	free(key);
	certificate = read_file("client.pem");
	key = read_file("client.key");
	assert_true(asprintf(&both, "%s%s", key, certificate) > 0);
	remote.certificate = both;
	remote.key = NULL;
	ask(&r, remote, "127.0.0.1", "good", old);
	assert_string_equal(r.why, "");
	assert_int_equal(r.outcome, EXCHANGE_DONE);
	free(both);
	free(key);
	free(certificate);
	free(ca);
}

static void
an_old_tls_is_refused(void **state)
{
	char *ca = read_file("ca.pem");
	struct setup_remote remote = { .ca = ca };
	const char *const options[] = { "-tls1_1", "-cipher", "ALL:@SECLEVEL=0",
		NULL };
	struct result r;

	(void)state;
	ask(&r, remote, "127.0.0.1", "good", options);
	assert_int_equal(r.outcome, EXCHANGE_UNREACHABLE);
	assert_memory_equal(r.why, "could not agree on TLS: ", 24);
	free(ca);
}

static void
serve_plain(struct server *s, int fd, int n)
{
	(void)s;
	(void)n;
	server_say(fd, "HTTP/1.1 400 Bad Request\r\n\r\n");
	server_wait_end(fd);
}

static void
a_server_without_tls_is_told(void **state)
{
	struct world w = { 0 };
	struct exchange_request request;
	struct result r;
	char url[64];

	(void)state;
	world_open(&w, serve_plain);
	(void)snprintf(
	    url, sizeof(url), "https://127.0.0.1:%u/", w.server.port);
	request = world_request(&w, EXCHANGE_POST);
	request.url = url;
	world_ask(&w, &r, &request);
	assert_int_equal(r.outcome, EXCHANGE_UNREACHABLE);
	assert_memory_equal(r.why, "does not speak TLS: ", 20);
	world_close(&w);
}

static void
files_that_cannot_be_meant_are_told(void **state)
{
	char *certificate = read_file("client.pem");
	char *key = read_file("client.key");
	char text[] = "nothing";
	char locked[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n";
	char url[] = "https://127.0.0.1/";
	const struct {
		struct setup_remote remote;
		const char *why;
	} cases[] = {
		{ { .ca = text }, "has a ca_file without a certificate in it" },
		{ { .certificate = key },
		    "has a client certificate file without a certificate in "
		    "it" },
		{ { .key = key }, "has a private key without a certificate" },
		{ { .certificate = certificate },
		    "has a client certificate without a private key" },
		{ { .certificate = certificate, .key = text },
		    "has a client certificate without a private key" },
		{ { .certificate = certificate, .key = locked },
		    "has a private key with a passphrase, for which there is "
		    "nobody to ask" },
	};
	struct loop *loop = loop_new(false);
	const char *why;

	(void)state;
	assert_non_null(loop);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct setup_remote remote = cases[i].remote;

		remote.url = url;
		remote.headers = no_headers;
		assert_null(http_new(loop, &remote, &why));
		assert_string_equal(why, cases[i].why);
	}
	loop_free(&loop);
	free(certificate);
	free(key);
}

static void
a_key_of_another_certificate_is_told(void **state)
{
	char *ca = read_file("ca.pem");
	char *certificate = read_file("client.pem");
	char *key = read_file("good.key");
	struct setup_remote remote = {
		.ca = ca,
		.certificate = certificate,
		.key = key,
	};
	struct result r;

	(void)state;
	ask(&r, remote, "127.0.0.1", "good", no_options);
	assert_int_equal(r.outcome, EXCHANGE_UNTRUSTED);
	assert_memory_equal(
	    r.why, "has a client certificate or key that cannot be used: ", 53);
	free(key);
	free(certificate);
	free(ca);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_certificate_of_the_configured_ca_is_good),
		cmocka_unit_test(an_unknown_ca_is_not_trusted),
		cmocka_unit_test(a_certificate_for_another_host_is_not_trusted),
		cmocka_unit_test(an_expired_certificate_is_not_trusted),
		cmocka_unit_test(a_client_certificate_is_shown),
		cmocka_unit_test(an_old_tls_is_refused),
		cmocka_unit_test(a_server_without_tls_is_told),
		cmocka_unit_test(files_that_cannot_be_meant_are_told),
		cmocka_unit_test(a_key_of_another_certificate_is_told),
	};

	return cmocka_run_group_tests(tests, make_all, remove_all);
}
