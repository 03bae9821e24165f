#include "policy.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "guard_http.h"

/* ---- values ----------------------------------------------------------- */

/* Every failure to read is one of these two. */
static int
invalid(void)
{
	errno = EINVAL;
	return -1;
}

/* Every member of the table must be there; what else there is does no harm. */
static bool
is_object(struct json_object *value)
{
	return json_object_is_type(value, json_type_object);
}

/* The text of a string without NUL bytes, borrowed; or NULL. */
static const char *
text_of(struct json_object *value)
{
	const char *text;

	if (!json_object_is_type(value, json_type_string))
		return NULL;
	text = json_object_get_string(value);
	return strlen(text) == (size_t)json_object_get_string_len(value) ? text
									 : NULL;
}

static int
read_text(struct json_object *object, const char *key, char **ret)
{
	const char *text = text_of(json_object_object_get(object, key));

	if (text == NULL || *text == '\0')
		return invalid();
	return (*ret = strdup(text)) == NULL ? -1 : 0;
}

/* The same, or null. */
static int
read_optional_text(struct json_object *object, const char *key, char **ret)
{
	struct json_object *value;

	if (json_object_object_get_ex(object, key, &value) && value == NULL)
		return 0;
	return read_text(object, key, ret);
}

static int
read_flag(struct json_object *object, const char *key, bool *ret)
{
	struct json_object *value = json_object_object_get(object, key);

	if (!json_object_is_type(value, json_type_boolean))
		return invalid();
	*ret = json_object_get_boolean(value);
	return 0;
}

/* The place of a string among count words. */
static int
read_word(struct json_object *object, const char *key, const char *const *words,
    size_t count, size_t *ret)
{
	const char *text = text_of(json_object_object_get(object, key));

	for (size_t i = 0; text != NULL && i < count; i++) {
		if (strcmp(text, words[i]) != 0)
			continue;
		*ret = i;
		return 0;
	}
	return invalid();
}

/* A number of at least this much; more than the most is the most. */
static int
read_number(struct json_object *object, const char *key, uint64_t least,
    uint64_t most, uint64_t *ret)
{
	struct json_object *value = json_object_object_get(object, key);
	uint64_t number;

	if (!json_object_is_type(value, json_type_int) ||
	    json_object_get_int64(value) < 0)
		return invalid();
	number = json_object_get_uint64(value);
	if (number < least)
		return invalid();
	*ret = number < most ? number : most;
	return 0;
}

static int
read_count(
    struct json_object *object, const char *key, uint64_t least, uint32_t *ret)
{
	uint64_t number;

	if (read_number(object, key, least, UINT32_MAX, &number) == -1)
		return -1;
	*ret = (uint32_t)number;
	return 0;
}

static int
read_size(
    struct json_object *object, const char *key, uint64_t most, size_t *ret)
{
	uint64_t number;

	if (read_number(object, key, 1, most, &number) == -1)
		return -1;
	*ret = (size_t)number;
	return 0;
}

void
policy_list_free(char ***list)
{
	for (size_t i = 0; *list != NULL && (*list)[i] != NULL; i++)
		free((*list)[i]);
	free(*list);
	*list = NULL;
}

char **
policy_list_copy(char *const *list)
{
	char **copy;
	size_t n = 0;

	while (list[n] != NULL)
		n++;
	if ((copy = calloc(n + 1, sizeof(*copy))) == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if ((copy[i] = strdup(list[i])) == NULL) {
			policy_list_free(&copy);
			return NULL;
		}
	}
	return copy;
}

/* A list of strings, which ends with NULL. */
static int
read_list(struct json_object *object, const char *key, char ***ret)
{
	struct json_object *array = json_object_object_get(object, key);
	const char *text;
	char **list;
	size_t n;

	if (!json_object_is_type(array, json_type_array))
		return invalid();
	n = json_object_array_length(array);
	if ((list = calloc(n + 1, sizeof(*list))) == NULL)
		return -1;
	*ret = list; /* freed with the policy, however far this comes */
	for (size_t i = 0; i < n; i++) {
		text = text_of(json_object_array_get_idx(array, i));
		if (text == NULL)
			return invalid();
		if ((list[i] = strdup(text)) == NULL)
			return -1;
	}
	return 0;
}

/* ---- limits ----------------------------------------------------------- */

static int
read_limits(struct policy *policy, struct json_object *object)
{
	struct json_object *in = json_object_object_get(object, "limits");
	struct policy_limits *limits = &policy->limits;

	if (!is_object(in))
		return invalid();
	if (read_count(in, "connections", 0, &limits->connections) == -1 ||
	    read_count(in, "connections_per_address", 0,
		&limits->connections_per_address) == -1 ||
	    read_count(in, "sessions", 0, &limits->sessions) == -1 ||
	    read_count(in, "requests_per_session", 1,
		&limits->requests_per_session) == -1 ||
	    read_count(in, "rate", 0, &limits->rate) == -1 ||
	    read_count(in, "burst", 0, &limits->burst) == -1 ||
	    read_size(in, "body_size", GUARD_BODY_MAX, &limits->body_size) ==
		-1 ||
	    read_size(in, "queue_size", SIZE_MAX, &limits->queue_size) == -1 ||
	    read_size(in, "memory", SIZE_MAX, &limits->memory) == -1 ||
	    read_count(in, "session_idle_ms", 1, &limits->session_idle_ms) ==
		-1 ||
	    read_count(in, "session_lifetime_ms", 0,
		&limits->session_lifetime_ms) == -1)
		return -1;
	return 0;
}

/* ---- tokens and audiences --------------------------------------------- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static int
read_hash(struct json_object *object, unsigned char hash[POLICY_HASH_LEN])
{
	const char *text = text_of(json_object_object_get(object, "sha256"));

	if (text == NULL || strlen(text) != 2 * (size_t)POLICY_HASH_LEN)
		return invalid();
	for (size_t i = 0; i < POLICY_HASH_LEN; i++) {
		int high = hex_digit(text[2 * i]);
		int low = hex_digit(text[2 * i + 1]);

		if (high == -1 || low == -1)
			return invalid();
		hash[i] = (unsigned char)(high << 4 | low);
	}
	return 0;
}

bool
policy_lists_equal(char *const *a, char *const *b)
{
	for (; *a != NULL && *b != NULL; a++, b++)
		if (strcmp(*a, *b) != 0)
			return false;
	return *a == *b;
}

/* Note whom a token sees as: an audience with the same rules, or a new one.
 * The place for one more is there. */
static int
read_audience(struct policy *policy, struct json_object *object, size_t *ret)
{
	struct policy_audience *new =
	    &policy->audiences[policy->audience_count];
	size_t i;

	if (read_list(object, "backends", &new->backends) == -1 ||
	    read_list(object, "tools", &new->tools) == -1)
		return -1; /* policy_free() looks at this place too */
	for (i = 0; i < policy->audience_count; i++)
		if (policy_lists_equal(
			policy->audiences[i].backends, new->backends) &&
		    policy_lists_equal(policy->audiences[i].tools, new->tools))
			break;
	*ret = i;
	if (i == policy->audience_count) {
		policy->audience_count++;
		return 0;
	}
	policy_list_free(&new->backends);
	policy_list_free(&new->tools);
	return 0;
}

static int
read_token(struct policy *policy, struct json_object *object)
{
	struct policy_token *token = &policy->tokens[policy->token_count++];

	if (!is_object(object))
		return invalid();
	if (read_text(object, "name", &token->name) == -1 ||
	    read_hash(object, token->hash) == -1 ||
	    read_audience(policy, object, &token->audience) == -1 ||
	    read_count(object, "rate", 0, &token->rate) == -1 ||
	    read_count(object, "concurrent", 0, &token->concurrent) == -1)
		return -1;
	return 0;
}

static int
read_tokens(struct policy *policy, struct json_object *object)
{
	struct json_object *array = json_object_object_get(object, "tokens");
	struct policy_audience *all;
	size_t n;

	if (!json_object_is_type(array, json_type_array))
		return invalid();
	n = json_object_array_length(array);
	policy->tokens = calloc(n + 1, sizeof(*policy->tokens));
	/* One for each token, that of all, and room to read one more. */
	policy->audiences = calloc(n + 2, sizeof(*policy->audiences));
	if (policy->tokens == NULL || (all = policy->audiences) == NULL)
		return -1;
	policy->audience_count = 1;
	all->backends = calloc(1, sizeof(*all->backends));
	all->tools = calloc(1, sizeof(*all->tools));
	if (all->backends == NULL || all->tools == NULL)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (read_token(policy, json_object_array_get_idx(array, i)) ==
		    -1)
			return -1;
	return 0;
}

/* ---- backends --------------------------------------------------------- */

static int
read_part(struct json_object *object, enum policy_part *ret)
{
	static const char *const names[] = {
		[POLICY_SERVING] = "serving",
		[POLICY_STANDBY] = "standby",
		[POLICY_LEAVING] = "leaving",
	};
	size_t place;

	if (read_word(object, "part", names, 3, &place) == -1)
		return -1;
	*ret = (enum policy_part)place;
	return 0;
}

/* Whether its clients share it, and what is so of those who do not. */
static int
read_session(struct json_object *object, struct policy_backend *b)
{
	static const char *const names[] = {
		[POLICY_SHARED] = "shared",
		[POLICY_PER_CLIENT] = "per-client",
		[POLICY_AUTO] = "auto",
	};
	size_t place;

	if (read_word(object, "session", names, 3, &place) == -1)
		return -1;
	b->session = (enum policy_session)place;
	if (read_count(object, "instances", b->session == POLICY_SHARED ? 0 : 1,
		&b->instances) == -1 ||
	    read_count(object, "instance_wait_ms", 0, &b->instance_wait_ms) ==
		-1 ||
	    read_count(object, "instance_idle_ms", 0, &b->instance_idle_ms) ==
		-1)
		return -1;
	return 0;
}

/* Numbers are unique, and so are the names of those that serve. */
static bool
is_taken(const struct policy *policy, const struct policy_backend *new)
{
	const struct policy_backend *b;

	for (b = policy->backends; b < new; b++)
		if (b->number == new->number ||
		    (b->part == POLICY_SERVING &&
			new->part ==
			    POLICY_SERVING &&strcmp(b->name, new->name) == 0))
			return true;
	return false;
}

static int
read_backend(struct policy *policy, struct json_object *object)
{
	struct policy_backend *b = &policy->backends[policy->backend_count++];

	if (!is_object(object))
		return invalid();
	if (read_number(object, "number", 0, UINT64_MAX, &b->number) == -1 ||
	    read_text(object, "name", &b->name) == -1 ||
	    read_part(object, &b->part) == -1 ||
	    read_list(object, "allow", &b->allow) == -1 ||
	    read_list(object, "deny", &b->deny) == -1 ||
	    read_count(object, "requests", 0, &b->requests) == -1 ||
	    read_session(object, b) == -1)
		return -1;
	return is_taken(policy, b) ? invalid() : 0;
}

static int
read_backends(struct policy *policy, struct json_object *object)
{
	struct json_object *array = json_object_object_get(object, "backends");
	size_t n;

	if (!json_object_is_type(array, json_type_array) ||
	    (n = json_object_array_length(array)) > POLICY_BACKENDS_MAX)
		return invalid();
	policy->backends = calloc(n + 1, sizeof(*policy->backends));
	if (policy->backends == NULL)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (read_backend(policy, json_object_array_get_idx(array, i)) ==
		    -1)
			return -1;
	return 0;
}

/* ---- the whole -------------------------------------------------------- */

/* A word, or null. */
static int
read_names(struct json_object *object, enum policy_names *ret)
{
	static const char *const names[] = { "slash", "safe" };
	struct json_object *value;
	size_t place;

	if (json_object_object_get_ex(object, "names", &value) && value == NULL)
		return 0;
	if (read_word(object, "names", names, 2, &place) == -1)
		return -1;
	*ret = place == 0 ? POLICY_NAMES_SLASH : POLICY_NAMES_SAFE;
	return 0;
}

static int
read_policy(struct policy *policy, struct json_object *object)
{
	if (!is_object(object))
		return invalid();
	if (read_list(object, "hosts", &policy->hosts) == -1 ||
	    read_list(object, "origins", &policy->allowed_origins) == -1 ||
	    read_flag(object, "open", &policy->open) == -1 ||
	    read_optional_text(object, "public_url", &policy->public_url) ==
		-1 ||
	    read_list(object, "authorization_servers",
		&policy->authorization_servers) == -1 ||
	    read_names(object, &policy->names) == -1 ||
	    read_limits(policy, object) == -1 ||
	    read_tokens(policy, object) == -1 ||
	    read_backends(policy, object) == -1)
		return -1;
	policy->origins.hosts = (const char *const *)policy->hosts;
	policy->origins.origins = (const char *const *)policy->allowed_origins;
	return 0;
}

struct policy *
policy_parse(const char *json, size_t len)
{
	struct policy *policy = calloc(1, sizeof(*policy));
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *object = NULL;
	int ret = -1;

	if (policy == NULL || tokener == NULL) {
		errno = ENOMEM;
		goto out;
	}
	json_tokener_set_flags(
	    tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, json, (int)len);
	if (object == NULL || json_tokener_get_parse_end(tokener) != len)
		(void)invalid();
	else
		ret = read_policy(policy, object);
out:
	json_object_put(object);
	if (tokener != NULL)
		json_tokener_free(tokener);
	if (ret == -1)
		policy_free(&policy);
	return policy;
}

void
policy_free(struct policy **policy)
{
	struct policy *p = *policy;
	int error = errno;

	if (p == NULL)
		return;
	policy_list_free(&p->hosts);
	policy_list_free(&p->allowed_origins);
	policy_list_free(&p->authorization_servers);
	free(p->public_url);
	for (size_t i = 0; p->tokens != NULL && i < p->token_count; i++)
		free(p->tokens[i].name);
	/* The place behind the last one may be half read. */
	for (size_t i = 0; p->audiences != NULL && i <= p->audience_count;
	     i++) {
		policy_list_free(&p->audiences[i].backends);
		policy_list_free(&p->audiences[i].tools);
	}
	for (size_t i = 0; p->backends != NULL && i < p->backend_count; i++) {
		free(p->backends[i].name);
		policy_list_free(&p->backends[i].allow);
		policy_list_free(&p->backends[i].deny);
	}
	free(p->tokens);
	free(p->audiences);
	free(p->backends);
	free(p);
	*policy = NULL;
	errno = error;
}

size_t
policy_instances(const struct policy *policy, size_t most)
{
	size_t n = 0;

	for (size_t i = 0; i < policy->backend_count; i++)
		n += policy->backends[i].instances;
	return n < most ? n : most;
}

bool
policy_matches(char *const *patterns, const char *name)
{
	if (*patterns == NULL)
		return true;
	for (; *patterns != NULL; patterns++)
		if (fnmatch(*patterns, name, 0) == 0)
			return true;
	return false;
}
