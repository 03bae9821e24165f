#include "config_pem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/log.h"

#include "config_expand.h"
#include "config_string.h"
#include "config_text.h"

/* Whether there is a block whose label ends so, as "RSA PRIVATE KEY" does. */
static bool
has_block(const char *text, const char *label)
{
	static const char begin[] = "-----BEGIN ";
	const char *at = text;

	while ((at = strstr(at, begin)) != NULL) {
		size_t n;

		at += sizeof(begin) - 1;
		n = strcspn(at, "-\r\n");
		if (n >= strlen(label) && strncmp(at + n, "-----", 5) == 0 &&
		    strncmp(at + n - strlen(label), label, strlen(label)) == 0)
			return true;
	}
	return false;
}

/* Nobody is there to be asked for a passphrase. */
static bool
is_encrypted(const char *text)
{
	return has_block(text, "ENCRYPTED PRIVATE KEY") ||
	    strstr(text, "Proc-Type: 4,ENCRYPTED") != NULL;
}

/* What is wrong with a file's text, into why; false: nothing. */
static bool
is_wrong(struct config_reader *rd, const struct config_key *key,
    const char *text, size_t len, char why[CONFIG_TEXT_WHY_MAX])
{
	switch (config_expand_check(text, len)) {
	case CONFIG_EXPAND_OK:
	case CONFIG_EXPAND_TOO_LONG:
		break;
	case CONFIG_EXPAND_NO_MEMORY:
		config_report_no_memory(rd->report);
		break;
	case CONFIG_EXPAND_WRONG:
		(void)strlcpy(
		    why, "is not text; name a PEM file", CONFIG_TEXT_WHY_MAX);
		return true;
	}
	if (!has_block(text, key->pem)) {
		(void)snprintf(why, CONFIG_TEXT_WHY_MAX,
		    "has no \"-----BEGIN %s-----\"; name a PEM file "
		    "that has",
		    key->pem);
		return true;
	}
	if (strcmp(key->pem, CONFIG_PEM_KEY) != 0 || !is_encrypted(text))
		return false;
	(void)strlcpy(why,
	    "is encrypted, and nobody can be asked for its passphrase; "
	    "decrypt it with \"openssl pkey\"",
	    CONFIG_TEXT_WHY_MAX);
	return true;
}

/* The text of the file; the caller's, or NULL: why says what is wrong, or it
 * was reported. */
static char *
read_file(struct config_reader *rd, const struct config_key *key,
    const char *path, char why[CONFIG_TEXT_WHY_MAX])
{
	char *text, *copy = NULL;
	size_t len;
	bool secret = strcmp(key->pem, CONFIG_PEM_KEY) == 0;

	if (config_text_read(&text, &len, path, (size_t)key->max,
		secret ? CONFIG_TRUST_SECRET : CONFIG_TRUST_FILE, why) == -1)
		return NULL;
	/* Of its own size: most files are much smaller than they may be. */
	if (!is_wrong(rd, key, text, len, why) && (copy = strdup(text)) == NULL)
		config_report_no_memory(rd->report);
	freezero(text, len);
	return copy;
}

void
config_pem_read(struct config_reader *rd, const struct config_key *key,
    struct json_span value, void *field)
{
	char why[CONFIG_TEXT_WHY_MAX] = "";
	char *path = NULL;
	char **text = field;

	config_string_read(rd, key, value, &path);
	if (path != NULL && !rd->literal)
		*text = read_file(rd, key, path, why);
	/* As it stands in the file: a variable's value is not shown. */
	if (*why != '\0')
		config_report_add(rd->report, value.at,
		    "%s: \"%s\" names %s, which %s", rd->where, key->name,
		    log_str(value.at, value.len), why);
	free(path);
}
