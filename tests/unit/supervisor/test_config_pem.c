/* Certificates and keys that a backend names. */
#include "config_test.h"

#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))

#define CERTIFICATE                                                            \
	"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
#define KEY "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n"

static char folder[] = "/tmp/mcpgw-pem-XXXXXX";

/* A file of the folder; one of two buffers used in turn. */
static const char *
path_of(const char *name)
{
	static char paths[2][96];
	static unsigned int turn;
	char *path = paths[turn++ % 2];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static void
put(const char *name, const char *text, size_t len)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
	    S_IRUSR | S_IWUSR);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	close(fd);
}

static void
put_text(const char *name, const char *text)
{
	put(name, text, strlen(text));
}

/* A backend with these members; a static buffer.  "@" is the folder. */
static const char *
backend(const char *members)
{
	static char text[1024];
	size_t n =
	    strlcpy(text, "{\"b\": {\"url\": \"https://x\",\n", sizeof(text));

	for (; *members != '\0'; members++) {
		if (*members == '@')
			n += (size_t)snprintf(
			    text + n, sizeof(text) - n, "%s", folder);
		else
			text[n++] = *members;
	}
	strlcpy(text + n, "}}", sizeof(text) - n);
	return text;
}

static void
certificates_and_keys_are_read(void **state)
{
	struct config *c;

	(void)state;
	put_text("ca", "# ours\n" CERTIFICATE CERTIFICATE);
	put_text("cert", CERTIFICATE);
	put_text("key", KEY);
	setenv("MCPGW_TEST_PEM", folder, 1);
	c = must_parse(backend("\"ca_file\": \"@/ca\", \"cert_file\":"
			       " \"${MCPGW_TEST_PEM}/cert\","
			       " \"key_file\": \"@/key\""));
	assert_string_equal(
	    c->backends[0].ca, "# ours\n" CERTIFICATE CERTIFICATE);
	assert_string_equal(c->backends[0].certificate, CERTIFICATE);
	assert_string_equal(c->backends[0].key, KEY);
	config_free(&c);
}

static void
labels_of_all_kinds_are_taken(void **state)
{
	static const char *const certificates[] = { CERTIFICATE,
		"-----BEGIN TRUSTED CERTIFICATE-----\n",
		"-----BEGIN X509 CERTIFICATE-----\r\n", KEY CERTIFICATE };
	static const char *const keys[] = { KEY,
		"-----BEGIN RSA PRIVATE KEY-----\n",
		"-----BEGIN EC PARAMETERS-----\nx\n-----END EC PARAMETERS-----\n"
		"-----BEGIN EC PRIVATE KEY-----\n",
		CERTIFICATE KEY };
	struct config *c;

	(void)state;
	for (size_t i = 0; i < N(keys); i++) {
		put_text("cert", certificates[i]);
		put_text("key", keys[i]);
		c = must_parse(backend("\"cert_file\": \"@/cert\","
				       " \"key_file\": \"@/key\""));
		assert_string_equal(
		    c->backends[0].certificate, certificates[i]);
		assert_string_equal(c->backends[0].key, keys[i]);
		config_free(&c);
	}
}

static void
files_that_are_no_pem_are_refused(void **state)
{
	static const char certificate[] =
	    "which has no \"-----BEGIN CERTIFICATE-----\"; name a PEM file";
	static const char text[] = "which is not text; name a PEM file";
	static const struct {
		const char *content;
		size_t len;
		const char *part;
	} cases[] = {
		{ "", 0, certificate },
		{ KEY, sizeof(KEY) - 1, certificate },
		{ "-----BEGIN CERTIFICATE REQUEST-----\n", 36, certificate },
		{ "-----BEGIN CERTIFICATE", 22, certificate },
		{ "-----BEGIN ", 11, certificate },
		{ "-----BEGIN \nCERTIFICATE-----", 28, certificate },
		{ "\x30\x82\x01\x00", 4, text },
		{ CERTIFICATE "\0", sizeof(CERTIFICATE), text },
		{ CERTIFICATE "\xff", sizeof(CERTIFICATE), text },
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		put("ca", cases[i].content, cases[i].len);
		must_fail(
		    backend("\"ca_file\": \"@/ca\""), 2, 12, cases[i].part);
	}
}

static void
a_key_must_be_one_and_not_encrypted(void **state)
{
	static const struct {
		const char *content;
		const char *part;
	} cases[] = {
		{ CERTIFICATE, "has no \"-----BEGIN PRIVATE KEY-----\"" },
		{ "-----BEGIN PUBLIC KEY-----\n", "has no \"-----BEGIN PRIV" },
		{ "-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
		    "which is encrypted, and nobody can be asked for its "
		    "passphrase; decrypt it with \"openssl pkey\"" },
		{ "-----BEGIN RSA PRIVATE KEY-----\n"
		  "Proc-Type: 4,ENCRYPTED\n",
		    "is encrypted" },
	};

	(void)state;
	put_text("cert", CERTIFICATE);
	for (size_t i = 0; i < N(cases); i++) {
		put_text("key", cases[i].content);
		must_fail(backend("\"cert_file\": \"@/cert\",\n"
				  "\"key_file\": \"@/key\""),
		    3, 13, cases[i].part);
	}
}

static void
files_that_cannot_be_read_are_named(void **state)
{
	char part[128];

	(void)state;
	snprintf(part, sizeof(part),
	    "backend \"b\": \"ca_file\" names \"%s\", which cannot be read: "
	    "No such file or directory; create it, make it readable",
	    path_of("none"));
	must_fail(backend("\"ca_file\": \"@/none\""), 2, 12, part);
	must_fail(backend("\"ca_file\": \"@\""), 2, 12,
	    "which is not a regular file; name one");
	must_fail(backend("\"ca_file\": \"ca.pem\""), 2, 12,
	    "\"ca_file\" must be the absolute path of a PEM file; write "
	    "\"ca_file\": \"/etc/mcp-gateway/ca.pem\"");
	must_fail(backend("\"ca_file\": \"\""), 2, 12, "the absolute path");
	must_fail(backend("\"ca_file\": 5"), 2, 12,
	    "must be the absolute path of a PEM file, not a number");
	must_fail(backend("\"ca_file\": \"${MCPGW_TEST_UNSET}\""), 2, 12,
	    "is not set");
}

static void
files_have_their_sizes(void **state)
{
	static const char block[] = "-----BEGIN PRIVATE KEY-----\n"
				    "-----BEGIN CERTIFICATE-----\n";
	static const struct {
		const char *name;
		size_t max;
		const char *members;
		const char *part;
	} cases[] = {
		{ "ca", CONFIG_CA_MAX, "\"ca_file\": \"@/ca\"",
		    "which has more than 262144 bytes; is it the right file?" },
		{ "cert", CONFIG_SECRET_MAX,
		    "\"cert_file\": \"@/cert\", \"key_file\": \"@/key\"",
		    "more than 65536 bytes" },
		{ "key", CONFIG_SECRET_MAX,
		    "\"key_file\": \"@/key\", \"cert_file\": \"@/cert\"",
		    "more than 65536 bytes" },
	};
	char *large = malloc(CONFIG_CA_MAX + 1);

	(void)state;
	put_text("cert", block);
	put_text("key", block);
	memset(large, 'x', CONFIG_CA_MAX + 1);
	memcpy(large, block, sizeof(block) - 1);
	for (size_t i = 0; i < N(cases); i++) {
		struct config *c;

		put(cases[i].name, large, cases[i].max);
		c = must_parse(backend(cases[i].members));
		config_free(&c);
		put(cases[i].name, large, cases[i].max + 1);
		must_fail(backend(cases[i].members), 2,
		    (unsigned int)strcspn(cases[i].members, ":") + 3,
		    cases[i].part);
		put_text(cases[i].name, block);
	}
	free(large);
}

static void
a_certificate_that_anyone_may_write_is_refused(void **state)
{
	(void)state;
	put_text("ca", CERTIFICATE);
	assert_int_equal(chmod(path_of("ca"), 0666), 0);
	must_fail(backend("\"ca_file\": \"@/ca\""), 2, 12,
	    "/ca can be written by anyone, its mode being 0666; run \"chmod "
	    "o-w ");
	assert_int_equal(unlink(path_of("ca")), 0);
}

/* A certificate is shown to everybody anyway. */
static void
a_key_that_anyone_may_read_is_refused(void **state)
{
	struct config *c;

	(void)state;
	put_text("cert", CERTIFICATE);
	put_text("key", KEY);
	assert_int_equal(chmod(path_of("cert"), 0644), 0);
	assert_int_equal(chmod(path_of("key"), 0604), 0);
	must_fail(backend("\"cert_file\": \"@/cert\",\n"
			  "\"key_file\": \"@/key\""),
	    3, 13,
	    "/key\", which can be read by anyone, its mode being 0604; run "
	    "\"chmod o-r\" on it");
	assert_int_equal(chmod(path_of("key"), 0640), 0);
	c = must_parse(backend("\"cert_file\": \"@/cert\","
			       " \"key_file\": \"@/key\""));
	config_free(&c);
}

static void
a_certificate_and_its_key_come_together(void **state)
{
	(void)state;
	put_text("cert", CERTIFICATE);
	put_text("key", KEY);
	must_fail(backend("\"cert_file\": \"@/cert\""), 2, 14,
	    "backend \"b\": \"cert_file\" needs the private key of that "
	    "certificate; add \"key_file\": \"/path/key.pem\"");
	must_fail(backend("\"key_file\": \"@/key\""), 2, 13,
	    "backend \"b\": \"key_file\" needs the certificate of that key; "
	    "add \"cert_file\": \"/path/cert.pem\"");
}

static void
they_are_for_https_only(void **state)
{
	static const struct expected expected[] = {
		{ 2, 12,
		    "backend \"b\": \"ca_file\" is for a \"url\" with "
		    "\"https://\"; write that, or remove it" },
		{ 3, 14, "\"cert_file\" is for a \"url\" with \"https://\"" },
		{ 4, 13, "\"key_file\" is for a \"url\" with \"https://\"" },
	};
	static const struct expected local[] = {
		{ 2, 12,
		    "\"ca_file\" is for a backend with a \"url\"; add that" },
		{ 3, 14, "\"cert_file\" is for a backend with a \"url\"" },
		{ 4, 13, "\"key_file\" is for a backend with a \"url\"" },
	};
	char text[512];

	(void)state;
	put_text("cert", CERTIFICATE);
	put_text("key", KEY);
	snprintf(text, sizeof(text),
	    "{\"b\": {\"url\": \"http://x\",\n\"ca_file\": \"%s/cert\",\n"
	    "\"cert_file\": \"%s/cert\",\n\"key_file\": \"%s/key\"}}",
	    folder, folder, folder);
	must_fail_with(text, expected, N(expected));
	memcpy(
	    strstr(text, "\"url\": \"http://x\""), "\"command\": \"xxx\" ", 17);
	must_fail_with(text, local, N(local));
}

static int
make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int
remove_folder(void **state)
{
	(void)state;
	(void)unlink(path_of("ca"));
	(void)unlink(path_of("cert"));
	(void)unlink(path_of("key"));
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificates_and_keys_are_read),
		cmocka_unit_test(labels_of_all_kinds_are_taken),
		cmocka_unit_test(files_that_are_no_pem_are_refused),
		cmocka_unit_test(a_key_must_be_one_and_not_encrypted),
		cmocka_unit_test(files_that_cannot_be_read_are_named),
		cmocka_unit_test(files_have_their_sizes),
		cmocka_unit_test(
		    a_certificate_that_anyone_may_write_is_refused),
		cmocka_unit_test(a_key_that_anyone_may_read_is_refused),
		cmocka_unit_test(a_certificate_and_its_key_come_together),
		cmocka_unit_test(they_are_for_https_only),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
