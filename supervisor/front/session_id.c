#include "session_id.h"

#include <string.h>

#include "secret.h"

void
session_id_format(const unsigned char *id, char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < SESSION_ID_BYTES; i++) {
		*text++ = digits[id[i] >> 4];
		*text++ = digits[id[i] & 15];
	}
	*text = '\0';
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int
session_id_parse(unsigned char *id, const char *text, size_t len)
{
	size_t digits = 0;
	bool dashes = len == SESSION_ID_TEXT + 4;

	if (!dashes && len != SESSION_ID_TEXT)
		return -1;
	memset(id, 0, SESSION_ID_BYTES);
	for (size_t i = 0; i < len; i++) {
		int value;

		if (dashes && (i == 8 || i == 13 || i == 18 || i == 23)) {
			if (text[i] != '-')
				return -1;
			continue;
		}
		if ((value = hex_digit(text[i])) == -1)
			return -1;
		id[digits / 2] |=
		    (unsigned char)(value << (digits % 2 == 0 ? 4 : 0));
		digits++;
	}
	return 0;
}

bool
session_id_equal(const unsigned char *a, const unsigned char *b)
{
	return secret_equal(a, b, SESSION_ID_BYTES);
}
