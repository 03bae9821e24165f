#include "principal.h"

#include <assert.h>
#include <errno.h>
#include <sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "secret.h"

_Static_assert(POLICY_HASH_LEN == SHA256_DIGEST_LENGTH, "hashes are SHA-256");

struct principals {
	TAILQ_HEAD(principal_list, principal) all;
	struct principal *anonymous;
	struct principal **tokens; /* in the order of the policy */
	size_t token_count;
};

/* ---- one of them ------------------------------------------------------ */

static struct principal *
principal_new(enum principal_kind kind, const char *name)
{
	struct principal *principal;

	if ((principal = calloc(1, sizeof(*principal))) == NULL)
		return NULL;
	if ((principal->name = strdup(name)) == NULL) {
		free(principal);
		return NULL;
	}
	principal->kind = kind;
	principal->references = 1;
	return principal;
}

static void
principal_add(struct principals *principals, struct principal *principal)
{
	principal->principals = principals;
	TAILQ_INSERT_TAIL(&principals->all, principal, link);
}

void
principal_keep(struct principal *principal)
{
	if (principal != NULL)
		principal->references++;
}

void
principal_release(struct principal *principal)
{
	if (principal == NULL)
		return;
	assert(principal->references > 0);
	if (--principal->references > 0)
		return;
	if (principal->principals != NULL)
		TAILQ_REMOVE(&principal->principals->all, principal, link);
	free(principal->name);
	free(principal);
}

static void
principal_revoke(struct principal *principal)
{
	if (principal == NULL)
		return;
	principal->revoked = true;
	principal->audience = SIZE_MAX; /* of nobody: it sees nothing */
	principal_release(principal);
}

/* ---- all of them ------------------------------------------------------ */

struct principals *
principals_new(void)
{
	struct principals *principals;

	if ((principals = calloc(1, sizeof(*principals))) == NULL)
		return NULL;
	TAILQ_INIT(&principals->all);
	return principals;
}

void
principals_free(struct principals **principals)
{
	struct principal *principal;

	if (*principals == NULL)
		return;
	for (size_t i = 0; i < (*principals)->token_count; i++)
		principal_revoke((*principals)->tokens[i]);
	principal_revoke((*principals)->anonymous);
	while ((principal = TAILQ_FIRST(&(*principals)->all)) != NULL) {
		TAILQ_REMOVE(&(*principals)->all, principal, link);
		principal->principals = NULL;
		principal->revoked = true;
	}
	free((*principals)->tokens);
	free(*principals);
	*principals = NULL;
}

/* The one that has this token already, under this name. */
static struct principal *
find_same(const struct principals *principals, const struct policy_token *token)
{
	for (size_t i = 0; i < principals->token_count; i++) {
		struct principal *principal = principals->tokens[i];

		if (memcmp(principal->hash, token->hash, POLICY_HASH_LEN) ==
			0 &&
		    !principal->kept &&
		    strcmp(principal->name, token->name) == 0)
			return principal;
	}
	return NULL;
}

static struct principal *
make_token(const struct policy_token *token)
{
	struct principal *principal;

	if ((principal = principal_new(PRINCIPAL_TOKEN, token->name)) != NULL)
		memcpy(principal->hash, token->hash, POLICY_HASH_LEN);
	return principal;
}

/* Undo find_tokens(): what it made is not on the list yet. */
static void
drop_tokens(struct principal **tokens, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		tokens[i]->kept = false;
		if (tokens[i]->principals == NULL)
			principal_release(tokens[i]);
	}
	free(tokens);
}

/* The principals of all tokens of a policy, those that are there already and
 * new ones; NULL with errno. */
static struct principal **
find_tokens(const struct principals *principals, const struct policy *policy)
{
	struct principal **tokens;

	tokens = calloc(policy->token_count + 1, sizeof(*tokens));
	if (tokens == NULL)
		return NULL;
	for (size_t i = 0; i < policy->token_count; i++) {
		tokens[i] = find_same(principals, &policy->tokens[i]);
		if (tokens[i] == NULL)
			tokens[i] = make_token(&policy->tokens[i]);
		if (tokens[i] == NULL) {
			drop_tokens(tokens, i);
			return NULL;
		}
		tokens[i]->kept = true;
	}
	return tokens;
}

static int
make_anonymous(struct principals *principals)
{
	struct principal *anonymous;

	anonymous = principal_new(PRINCIPAL_ANONYMOUS, "anonymous");
	if (anonymous == NULL)
		return -1;
	principal_add(principals, anonymous);
	principals->anonymous = anonymous;
	return 0;
}

/* Put new tokens into the place of the old ones. */
static void
replace_tokens(struct principals *principals, struct principal **tokens,
    const struct policy *policy)
{
	for (size_t i = 0; i < principals->token_count; i++)
		if (!principals->tokens[i]->kept)
			principal_revoke(principals->tokens[i]);
	free(principals->tokens);
	principals->tokens = tokens;
	principals->token_count = policy->token_count;
	for (size_t i = 0; i < policy->token_count; i++) {
		tokens[i]->kept = false;
		tokens[i]->audience = policy->tokens[i].audience;
		tokens[i]->rate = policy->tokens[i].rate;
		tokens[i]->concurrent = policy->tokens[i].concurrent;
		if (tokens[i]->principals == NULL)
			principal_add(principals, tokens[i]);
	}
}

int
principals_update(struct principals *principals, const struct policy *policy)
{
	struct principal **tokens;

	if ((tokens = find_tokens(principals, policy)) == NULL)
		return -1;
	if (policy->open && principals->anonymous == NULL &&
	    make_anonymous(principals) == -1) {
		drop_tokens(tokens, policy->token_count);
		return -1;
	}
	if (!policy->open) {
		principal_revoke(principals->anonymous);
		principals->anonymous = NULL;
	}
	replace_tokens(principals, tokens, policy);
	return 0;
}

bool
principals_have_tokens(const struct principals *principals)
{
	return principals->token_count > 0;
}

struct principal *
principals_anonymous(const struct principals *principals)
{
	return principals->anonymous;
}

struct principal *
principals_find_token(
    const struct principals *principals, const char *token, size_t len)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	struct principal *found = NULL;
	SHA2_CTX context;

	SHA256Init(&context);
	SHA256Update(&context, (const uint8_t *)token, len);
	SHA256Final(hash, &context);
	/* To the end, wherever it is. */
	for (size_t i = 0; i < principals->token_count; i++)
		if (secret_equal(
			hash, principals->tokens[i]->hash, sizeof(hash)))
			found = principals->tokens[i];
	explicit_bzero(&context, sizeof(context));
	explicit_bzero(hash, sizeof(hash));
	return found;
}

struct principal *
principals_user(struct principals *principals, uid_t uid)
{
	struct principal *principal;
	char name[32];

	TAILQ_FOREACH (principal, &principals->all, link) {
		if (principal->kind == PRINCIPAL_USER &&
		    principal->uid == uid) {
			principal_keep(principal);
			return principal;
		}
	}
	snprintf(name, sizeof(name), "uid %u", (unsigned int)uid);
	if ((principal = principal_new(PRINCIPAL_USER, name)) == NULL)
		return NULL;
	principal->uid = uid;
	principal_add(principals, principal);
	return principal;
}

const struct principal *
principals_next(
    const struct principals *principals, const struct principal *principal)
{
	do
		principal = principal == NULL ? TAILQ_FIRST(&principals->all)
					      : TAILQ_NEXT(principal, link);
	while (principal != NULL && principal->revoked);
	return principal;
}
