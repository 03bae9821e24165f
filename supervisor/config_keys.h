/*
 * config_keys.h: every key of the configuration file, in one table.  The parser
 * reads with it, a reload compares with it, and tests compare
 * config/mcp-gateway.schema.json and the manual page with it.
 */
#ifndef SUPERVISOR_CONFIG_KEYS_H
#define SUPERVISOR_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>

enum config_section {
	CONFIG_TOP,        /* the outermost object */
	CONFIG_GATEWAY,    /* "gateway": fields of struct config */
	CONFIG_TOKEN,      /* one of "tokens": fields of struct config_token */
	CONFIG_LIMITS,     /* the gateway's: fields of struct config_limits */
	CONFIG_BACKEND,    /* a backend: fields of struct config_backend */
	CONFIG_JOB_LIMITS, /* its "limits": struct config_job_limits */
	CONFIG_SANDBOX,    /* its "sandbox": struct config_sandbox */
	CONFIG_TOOLS,      /* its "tools": struct config_tools */
};
#define CONFIG_SECTIONS 8

enum config_type {
	CONFIG_STRING,    /* char * */
	CONFIG_STRINGS,   /* char **, from a list */
	CONFIG_PORTS,     /* char **, from a list of numbers and strings */
	CONFIG_ENV,       /* char ** "NAME=value", from an object */
	CONFIG_HEADERS,   /* char ** "Name: value", from an object */
	CONFIG_PEM,       /* char *, the text of the file that is named */
	CONFIG_BOOLEAN,   /* bool */
	CONFIG_PORT,      /* uint16_t */
	CONFIG_SECONDS,   /* uint32_t in milliseconds */
	CONFIG_COUNT,     /* uint64_t */
	CONFIG_RATE,      /* the same in an uint32_t */
	CONFIG_SIZE,      /* uint64_t of bytes, from a number or "64M" */
	CONFIG_MODE,      /* uint32_t, from "0660" */
	CONFIG_CHOICE,    /* an enum: the place in choices */
	CONFIG_SWITCH,    /* bool: true for the second of two choices */
	CONFIG_TRANSPORT, /* enum config_transport; config_backend.c sets it */
	CONFIG_OBJECT,    /* a struct, from an object with a table of its own */
	CONFIG_TOKENS,    /* struct config_token *, from an object of them */
	CONFIG_SECTION,   /* an object that config_parse.c walks */
	CONFIG_IGNORED,   /* written by other programs, nothing to us */
};

/* What a running gateway must do when the value of a key changes; the greater
 * includes the smaller. */
enum config_needs {
	CONFIG_NEEDS_NOTHING,     /* a rule, or a socket: no process is begun */
	CONFIG_NEEDS_REPLACEMENT, /* this backend is started anew */
	CONFIG_NEEDS_JOBS,        /* all backends with a command are */
	CONFIG_NEEDS_RESTART,     /* the gateway itself must be */
};

/* How the labels of PEM blocks end. */
#define CONFIG_PEM_CERTIFICATE "CERTIFICATE"
#define CONFIG_PEM_KEY         "PRIVATE KEY"

/* A value that is checked and not kept. */
#define CONFIG_NO_FIELD ((size_t)-1)

struct config_key {
	const char *name;
	enum config_type type;
	enum config_needs needs;
	enum config_section section; /* of objects and tokens: theirs */
	bool expand;       /* "${NAME}" and "${file:/path}" in strings */
	bool or_zero;      /* of seconds: 0 is good too, whatever min says */
	bool or_unlimited; /* of counts and sizes: "unlimited" is good too */
	bool is_noted;     /* of objects: the first field, a bool, says that it
			      was written */
	size_t field;      /* offset, or CONFIG_NO_FIELD */
	const char *fallback; /* the default, as JSON; NULL: none */
	double min;           /* of numbers */
	double max; /* of numbers; of a file's bytes; of a list's elements,
		       where 0 is CONFIG_ELEMENTS_MAX */
	const char *const *choices; /* NULL-terminated */
	/* What a string, or each of a list, must be beyond its type. */
	bool (*check)(const char *value);
	const char *form; /* "an absolute path"; NULL: the type says it */
	/*
	 * What is wrong with a string, each of a list, or a name in an object,
	 * and the remedy: a static text that goes on after it in a message, or
	 * NULL.
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
