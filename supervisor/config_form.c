#include "config_form.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* One of several names: "debug", "info" or "warning". */
static void
form_choices(char *dst, size_t cap, const char *const *choices)
{
	size_t n = strlcpy(dst, choices[2] == NULL ? "" : "one of ", cap);

	for (; *choices != NULL && n < cap; choices++) {
		const char *joint = choices[1] == NULL ? ""
		    : choices[2] == NULL               ? " or "
						       : ", ";
		int more =
		    snprintf(dst + n, cap - n, "\"%s\"%s", *choices, joint);

		n += more > 0 ? (size_t)more : cap;
	}
}

const char *
config_form_size(char dst[CONFIG_FORM_SIZE_MAX], double bytes)
{
	static const char units[] = " KMGT";
	uint64_t n = (uint64_t)bytes;
	size_t unit = 0;

	for (; n >= 1024 && n % 1024 == 0 && units[unit + 1] != '\0'; n /= 1024)
		unit++;
	(void)snprintf(dst, CONFIG_FORM_SIZE_MAX, "%ju%.*s", (uintmax_t)n,
	    unit > 0 ? 1 : 0, units + unit);
	return dst;
}

static void
form_size(char *dst, size_t cap, const struct config_key *key)
{
	char min[CONFIG_FORM_SIZE_MAX], max[CONFIG_FORM_SIZE_MAX];

	(void)snprintf(dst, cap, "%sbytes from %s to %s",
	    key->or_unlimited ? "\"unlimited\" or " : "",
	    config_form_size(min, key->min), config_form_size(max, key->max));
}

static void
form_number(char *dst, size_t cap, const struct config_key *key)
{
	(void)snprintf(dst, cap, "%sa whole number from %.0f to %.0f",
	    key->or_unlimited ? "\"unlimited\" or " : "", key->min, key->max);
}

const char *
config_form(char dst[CONFIG_FORM_MAX], const struct config_key *key)
{
	const char *form = key->form;
	const size_t cap = CONFIG_FORM_MAX;

	switch (key->type) {
	case CONFIG_STRING:
	case CONFIG_PEM:
		strlcpy(dst, form != NULL ? form : "a string", cap);
		break;
	case CONFIG_STRINGS:
		strlcpy(dst, "a list of strings", cap);
		break;
	case CONFIG_PORTS:
		strlcpy(dst, "a list of ports", cap);
		break;
	case CONFIG_ENV:
	case CONFIG_HEADERS:
		strlcpy(dst, "an object of strings", cap);
		break;
	case CONFIG_BOOLEAN:
		strlcpy(dst, "true or false", cap);
		break;
	case CONFIG_PORT:
	case CONFIG_COUNT:
	case CONFIG_RATE:
		form_number(dst, cap, key);
		break;
	case CONFIG_SECONDS:
		(void)snprintf(dst, cap, "%sa number of seconds from %g to %g",
		    key->or_zero ? "0 or " : "", key->min, key->max);
		break;
	case CONFIG_SIZE:
		form_size(dst, cap, key);
		break;
	case CONFIG_MODE:
		strlcpy(dst, "an octal mode in quotes, from 0000 to 0777", cap);
		break;
	case CONFIG_CHOICE:
	case CONFIG_SWITCH:
	case CONFIG_TRANSPORT:
		form_choices(dst, cap, key->choices);
		break;
	case CONFIG_OBJECT:
	case CONFIG_TOKENS:
	case CONFIG_SECTION:
	case CONFIG_IGNORED:
		strlcpy(dst, "an object", cap);
		break;
	}
	return dst;
}
