#include <sys/types.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <sha2.h>

#include "names.h"

/*
 * Characters that a reader does not see or that reorder what he sees (Unicode
 * categories Cc, Cf, Zl, Zp and the blank letters).
 */
static const struct {
	uint32_t first;
	uint32_t last;
} hidden[] = {
	{ 0x0000, 0x001f },
	{ 0x007f, 0x009f },
	{ 0x00ad, 0x00ad },
	{ 0x034f, 0x034f },
	{ 0x061c, 0x061c },
	{ 0x115f, 0x1160 },
	{ 0x17b4, 0x17b5 },
	{ 0x180b, 0x180f },
	{ 0x200b, 0x200f },
	{ 0x2028, 0x202e },
	{ 0x2060, 0x206f },
	{ 0x3164, 0x3164 },
	{ 0xfe00, 0xfe0e },
	{ 0xfeff, 0xfeff },
	{ 0xffa0, 0xffa0 },
	{ 0xfff0, 0xfffb },
	{ 0x1bca0, 0x1bca3 },
	{ 0x1d173, 0x1d17a },
	{ 0xe0000, 0xe0fff },
};

static bool
is_hidden(uint32_t c)
{
	size_t i;

	for (i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (c >= hidden[i].first && c <= hidden[i].last)
			return true;
	return false;
}

/* The character at s and its length; 0 when it is cut off or no UTF-8. */
static size_t
character(const unsigned char *s, size_t len, uint32_t *c)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	size_t i;

	if (n > len)
		return 0;
	*c = n == 1 ? s[0] : s[0] & (0x7fU >> n);
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (s[i] & 0x3f);
	}
	return n;
}

bool
names_usable(const char *text, size_t len, size_t max)
{
	const unsigned char *s = (const unsigned char *)text;
	uint32_t c = 0;
	size_t i, n;

	if (len == 0 || len > max)
		return false;
	for (i = 0; i < len; i += n) {
		n = character(s + i, len - i, &c);
		if (n == 0 || is_hidden(c))
			return false;
	}
	return true;
}

void
names_tail(const char *server, const char *tool, unsigned int attempt,
    char tail[NAMES_TAIL_LEN + 1])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	uint8_t more = (uint8_t)attempt;
	SHA2_CTX ctx;

	SHA256Init(&ctx);
	SHA256Update(&ctx, (const uint8_t *)server, strlen(server));
	SHA256Update(&ctx, (const uint8_t *)"/", 1);
	SHA256Update(&ctx, (const uint8_t *)tool, strlen(tool));
	if (attempt > 0)
		SHA256Update(&ctx, &more, 1);
	SHA256Final(digest, &ctx);
	(void)snprintf(tail, NAMES_TAIL_LEN + 1, "_%02x%02x%02x", digest[0],
	    digest[1], digest[2]);
}

static bool
is_safe(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* Append what fits, a "_" for each run of what may not stand there; true when
 * nothing was replaced or cut. */
static bool
add_safe(char *safe, size_t *len, const char *text)
{
	bool same = true, replaced = false;

	for (; *text != '\0'; text++) {
		/* The first one shall be a letter, where it is ours to say. */
		const bool stays = is_safe(*text) && (*len > 0 || *text != '-');

		same = same && stays;
		if (!stays && replaced)
			continue;
		if (*len == NAMES_SAFE_MAX)
			return false;
		safe[(*len)++] = stays ? *text : '_';
		replaced = !stays;
	}
	return same;
}

bool
names_safe(const char *server, const char *tool, unsigned int attempt,
    char safe[NAMES_SAFE_MAX + 1])
{
	size_t len = 0;
	bool same;

	same = add_safe(safe, &len, server);
	same &= add_safe(safe, &len, "__");
	same &= add_safe(safe, &len, tool);
	safe[len] = '\0';
	if (same && attempt == 0)
		return true;
	if (len > NAMES_SAFE_MAX - NAMES_TAIL_LEN)
		len = NAMES_SAFE_MAX - NAMES_TAIL_LEN;
	/* A name that was clean starts with the unchanged hash as well. */
	names_tail(server, tool, same ? attempt - 1 : attempt, safe + len);
	return false;
}
