#include <netdb.h>
#include <time.h>

#include "exchange_fixture.h"

/*
 * libcurl's looking up is ours: names become the addresses below, the one that
 * hangs does so until the test lets it go.
 */
static const struct {
	const char *name;
	const char *address; /* NULL: hangs */
} names[] = {
	{ "rebound.example", "127.0.0.1" },
	{ "mapped.example", "::ffff:127.0.0.1" },
	{ "lan.example", "192.168.7.7" },
	{ "metadata.example", "169.254.169.254" },
	{ "metadata.internal", "169.254.169.254" },
	{ "nas.local", "127.0.0.1" },
	{ "nas", "127.0.0.1" },
	{ "hang.example", NULL },
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool let_go;
static int hanging;

static int
hang(void)
{
	pthread_mutex_lock(&mutex);
	hanging++;
	while (!let_go)
		pthread_cond_wait(&changed, &mutex);
	hanging--;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
	return EAI_AGAIN;
}

/* One address, in memory that freeaddrinfo() below knows. */
static struct addrinfo *
answer(const char *text, const char *service, const struct addrinfo *hints)
{
	struct both {
		struct addrinfo info;
		struct sockaddr_storage address;
	} *both = calloc(1, sizeof(*both));
	struct sockaddr_in *in;
	struct sockaddr_in6 *in6;
	const uint16_t port = htons((uint16_t)strtoul(service, NULL, 10));

	assert(both != NULL);
	in = (struct sockaddr_in *)&both->address;
	in6 = (struct sockaddr_in6 *)&both->address;
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = port;
		both->info.ai_addrlen = sizeof(*in);
	} else if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = port;
		both->info.ai_addrlen = sizeof(*in6);
	} else {
		free(both);
		return NULL;
	}
	both->info.ai_family = both->address.ss_family;
	both->info.ai_socktype = hints->ai_socktype;
	both->info.ai_addr = (struct sockaddr *)&both->address;
	return &both->info;
}

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
    struct addrinfo **ret)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(node, names[i].name) != 0)
			continue;
		if (names[i].address == NULL)
			return hang();
		*ret = answer(names[i].address, service, hints);
		return 0;
	}
	*ret = answer(node, service, hints);
	return *ret == NULL ? EAI_NONAME : 0;
}

void
freeaddrinfo(struct addrinfo *info)
{
	free(info);
}

/* ---- addresses ---- */

static void
serve_ok(struct server *s, int fd, int n)
{
	(void)n;
	while (server_request(s, fd) &&
	    server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
		;
}

/* POST to the port of a server of ours at this host. */
static int
post_to(struct result *r, const char *host, bool private_network)
{
	struct world w = { .remote.private_network = private_network };
	struct exchange_request request;
	char url[128];
	const char *why;

	world_open(&w, serve_ok);
	(void)snprintf(url, sizeof(url), "http://%s:%u/", host, w.server.port);
	http_free(&w.http);
	w.remote.url = url;
	w.http = http_new(w.loop, &w.remote, &why);
	assert_non_null(w.http);
	request = world_request(&w, EXCHANGE_POST);
	world_ask(&w, r, &request);
	world_close(&w);
	return w.server.connections;
}

static void
forbidden_addresses_are_never_contacted(void **state)
{
	static const char *const hosts[] = { "169.254.169.254", "0.0.0.0", "0",
		"[::]", "[::ffff:169.254.169.254]", "[::169.254.169.254]",
		"0xa9.0xfe.0xa9.0xfe", "0251.0376.0251.0376", "2852039166",
		"0xa9fea9fe", "169.254.43518", "[fe80::1]", "[ff02::1]",
		"224.0.0.1", "255.255.255.255", "100.100.100.200",
		"[fd00:ec2::254]", "[64:ff9b::a9fe:a9fe]", "metadata.example",
		"metadata.internal" };
	struct result r;

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		for (int allowed = 0; allowed < 2; allowed++) {
			assert_int_equal(post_to(&r, hosts[i], allowed), 0);
			if (r.outcome != EXCHANGE_UNTRUSTED)
				fail_msg("%s: %s", hosts[i], r.why);
			assert_memory_equal(r.why, "has the address ", 16);
			assert_non_null(
			    strstr(r.why, ", which is never allowed"));
		}
	}
	post_to(&r, "2852039166", false);
	assert_string_equal(
	    r.why, "has the address 169.254.169.254, which is never allowed");
}

static void
a_public_name_must_not_stand_for_a_private_address(void **state)
{
	struct result r;

	(void)state;
	assert_int_equal(post_to(&r, "rebound.example", false), 0);
	assert_int_equal(r.outcome, EXCHANGE_UNTRUSTED);
	assert_string_equal(r.why,
	    "has a name that stands for the private address 127.0.0.1; set "
	    "private_network to true if it should");
	assert_int_equal(post_to(&r, "mapped.example", false), 0);
	assert_int_equal(r.outcome, EXCHANGE_UNTRUSTED);
	assert_int_equal(post_to(&r, "lan.example", false), 0);
	assert_int_equal(r.outcome, EXCHANGE_UNTRUSTED);
	assert_int_equal(post_to(&r, "rebound.example", true), 1);
	assert_int_equal(r.outcome, EXCHANGE_DONE);
}

static void
a_private_name_or_an_address_may(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost", "0x7f.1",
		"2130706433", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]",
		"nas.local", "nas" };
	struct result r;

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		assert_int_equal(post_to(&r, hosts[i], false), 1);
		if (r.outcome != EXCHANGE_DONE)
			fail_msg("%s: %s", hosts[i], r.why);
	}
}

static void
nothing_of_the_environment_counts(void **state)
{
	static const char *const variables[] = { "http_proxy", "HTTP_PROXY",
		"all_proxy", "ALL_PROXY", "no_proxy", "https_proxy" };
	struct result r;

	(void)state;
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		assert_int_equal(setenv(variables[i],
				     strcmp(variables[i], "no_proxy") == 0
					 ? ""
					 : "http://127.0.0.1:1/",
				     1),
		    0);
	assert_int_equal(post_to(&r, "nas.local", false), 1);
	assert_int_equal(r.outcome, EXCHANGE_DONE);
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		assert_int_equal(unsetenv(variables[i]), 0);
}

/* ---- names ---- */

static void
a_name_that_nobody_knows_is_unreachable(void **state)
{
	struct result r;

	(void)state;
	assert_int_equal(post_to(&r, "unknown.example", false), 0);
	assert_int_equal(r.outcome, EXCHANGE_UNREACHABLE);
	assert_memory_equal(r.why, "could not be found (DNS): ", 26);
	assert_non_null(strstr(r.why, "unknown.example"));
}

static void
other_schemes_are_refused(void **state)
{
	static const char *const urls[] = { "file:///etc/hostname",
		"ftp://127.0.0.1/", "gopher://127.0.0.1:1/",
		"dict://127.0.0.1/", "nonsense://127.0.0.1/", "http://", "" };
	struct world w = { 0 };
	struct exchange_request request;
	struct result r;

	(void)state;
	world_open(&w, serve_ok);
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		request = world_request(&w, EXCHANGE_POST);
		request.url = urls[i];
		world_ask(&w, &r, &request);
		assert_int_equal(r.outcome, EXCHANGE_UNREACHABLE);
		assert_memory_equal(
		    r.why, "has a URL that cannot be used: ", 31);
		assert_int_equal(r.heads, 0);
	}
	world_close(&w);
}

/* Wait until that many lookups hang. */
static void
wait_hanging(int n)
{
	pthread_mutex_lock(&mutex);
	while (hanging != n) {
		pthread_mutex_unlock(&mutex);
		sched_yield();
		pthread_mutex_lock(&mutex);
	}
	pthread_mutex_unlock(&mutex);
}

static long
ms_now(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &t), 0);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
a_name_that_hangs_stops_nobody(void **state)
{
	struct world w = { 0 };
	struct exchange_request request, other;
	struct result r = { 0 }, o = { 0 }, third = { 0 };
	char url[] = "http://hang.example/";
	char good[128];
	long before;

	(void)state;
	world_open(&w, serve_ok);
	(void)snprintf(good, sizeof(good), "%s", w.url);
	other = world_request(&w, EXCHANGE_POST);
	other.url = good;
	/* One that runs out of time, */
	request = world_request(&w, EXCHANGE_POST);
	request.url = url;
	request.timeout_ms = 30;
	world_ask(&w, &r, &request);
	assert_int_equal(r.outcome, EXCHANGE_NOT_SENT);
	assert_string_equal(r.why, "did not answer within 0.03 s");
	/* one that is cancelled, and one that goes with all the others. */
	request.timeout_ms = 0;
	memset(&r, 0, sizeof(r));
	world_start(&w, &r, &request);
	world_start(&w, &third, &request);
	world_ask(&w, &o, &other);
	assert_int_equal(o.outcome, EXCHANGE_DONE);
	wait_hanging(3);
	before = ms_now();
	exchange_cancel(&r.exchange);
	world_ask(&w, &o, &other);
	assert_int_equal(o.outcome, EXCHANGE_DONE);
	http_free(&w.http);
	assert_true(ms_now() - before < 1000);
	pthread_mutex_lock(&mutex);
	let_go = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&mutex);
	wait_hanging(0);
	loop_free(&w.loop);
	server_stop(&w.server);
	/* The threads close what is theirs a moment later. */
	while (open_descriptors() > w.descriptors)
		sched_yield();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forbidden_addresses_are_never_contacted),
		cmocka_unit_test(
		    a_public_name_must_not_stand_for_a_private_address),
		cmocka_unit_test(a_private_name_or_an_address_may),
		cmocka_unit_test(nothing_of_the_environment_counts),
		cmocka_unit_test(a_name_that_nobody_knows_is_unreachable),
		cmocka_unit_test(other_schemes_are_refused),
		cmocka_unit_test(a_name_that_hangs_stops_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
