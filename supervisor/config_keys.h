/*
 * config_keys.h: every key of the configuration file, in one table.  The parser
 * reads with it, and tests compare config/mcp-gateway.schema.json and the
 * manual page with it.
 */
#ifndef SUPERVISOR_CONFIG_KEYS_H
#define SUPERVISOR_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>

enum config_section {
	CONFIG_TOP,     /* the outermost object */
	CONFIG_GATEWAY, /* "gateway": fields of struct config */
	CONFIG_BACKEND, /* a backend: fields of struct config_backend */
};
#define CONFIG_SECTIONS 3

enum config_type {
	CONFIG_STRING,  /* char * */
	CONFIG_STRINGS, /* char **, from a list */
	CONFIG_ENV,     /* char ** "NAME=value", from an object */
	CONFIG_HEADERS, /* char ** "Name: value", from an object */
	CONFIG_PEM,     /* char *, the text of the file that is named */
	CONFIG_BOOLEAN, /* bool */
	CONFIG_PORT,    /* uint16_t */
	CONFIG_SECONDS, /* uint32_t in milliseconds */
	CONFIG_CHOICE,  /* an enum: the place in choices */
	CONFIG_SECTION, /* an object with a table of its own */
	CONFIG_IGNORED, /* written by other programs, nothing to us */
};

/* How the labels of PEM blocks end. */
#define CONFIG_PEM_CERTIFICATE "CERTIFICATE"
#define CONFIG_PEM_KEY         "PRIVATE KEY"

/* A value that is checked and not kept. */
#define CONFIG_NO_FIELD ((size_t)-1)

struct config_key {
	const char *name;
	enum config_type type;
	bool expand;          /* "${NAME}" and "${file:/path}" in strings */
	bool reloadable;      /* may change without a new front */
	bool or_zero;         /* of seconds: 0 is good too, whatever min says */
	size_t field;         /* offset, or CONFIG_NO_FIELD */
	const char *fallback; /* the default, as JSON; NULL: none */
	double min;           /* of numbers */
	double max;           /* of numbers; of a file's bytes */
	const char *const *choices; /* NULL-terminated */
	/* What a string, or each of a list, must be beyond its type. */
	bool (*check)(const char *value);
	const char *form; /* "an absolute path"; NULL: the type says it */
	/*
	 * What is wrong with a string, or with a name in an object, and the
	 * remedy: a static text that goes on after it in a message, or NULL.
	 */
	const char *(*fault)(const char *value);
	const char *pem;     /* what such a file must hold */
	const char *example; /* a good value, as JSON */
	const char *description;
};

/* The keys of a section, and their number. */
const struct config_key *config_keys(enum config_section section, size_t *n);

/* The key of this name, or NULL. */
const struct config_key *config_keys_find(
    enum config_section section, const char *name);

/* The key that was probably meant by this unknown name, or NULL. */
const char *config_keys_suggest(enum config_section section, const char *name);

#endif
