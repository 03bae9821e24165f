#include "config_number.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/log.h"

#include "config.h"

/* A number with more characters than this is not in any range of ours. */
#define NUMBER_MAX 64
/* More digits would not fit into an int64_t. */
#define SIZE_DIGITS 18

#define UNLIMITED "unlimited"

/* What is out of range is shown as it stands in the file. */
static void
wrong(struct config_reader *rd, const struct config_key *key,
    struct json_span value)
{
	if (json_kind(value) == JSON_NUMBER || json_kind(value) == JSON_STRING)
		config_value_wrong(
		    rd, key, value, log_str(value.at, value.len));
	else
		config_value_wrong_type(rd, key, value);
}

void
config_number_boolean(struct config_reader *rd, const struct config_key *key,
    struct json_span value, void *field)
{
	bool *ret = field;

	if (json_kind(value) == JSON_BOOLEAN)
		*ret = *value.at == 't';
	else
		config_value_wrong_type(rd, key, value);
}

/* A whole number in the key's range; false: reported. */
static bool
read_whole(struct config_reader *rd, const struct config_key *key,
    struct json_span value, int64_t *ret)
{
	int64_t number;

	if (json_kind(value) != JSON_NUMBER) {
		config_value_wrong_type(rd, key, value);
		return false;
	}
	if (json_integer(value, &number) == -1 || (double)number < key->min ||
	    (double)number > key->max) {
		wrong(rd, key, value);
		return false;
	}
	*ret = number;
	return true;
}

void
config_number_port(struct config_reader *rd, const struct config_key *key,
    struct json_span value, void *field)
{
	uint16_t *ret = field;
	int64_t number;

	if (read_whole(rd, key, value, &number))
		*ret = (uint16_t)number;
}

void
config_number_rate(struct config_reader *rd, const struct config_key *key,
    struct json_span value, void *field)
{
	uint32_t *ret = field;
	int64_t number;

	if (read_whole(rd, key, value, &number))
		*ret = (uint32_t)number;
}

void
config_number_count(struct config_reader *rd, const struct config_key *key,
    struct json_span value, void *field)
{
	uint64_t *ret = field;
	int64_t number;

	if (key->or_unlimited && json_string_is(value, UNLIMITED))
		*ret = CONFIG_UNLIMITED;
	else if (read_whole(rd, key, value, &number))
		*ret = (uint64_t)number;
}

void
config_number_seconds(struct config_reader *rd, const struct config_key *key,
    struct json_span value, void *field)
{
	uint32_t *ret = field;
	char text[NUMBER_MAX + 1];
	double number;

	if (json_kind(value) != JSON_NUMBER) {
		config_value_wrong_type(rd, key, value);
		return;
	}
	if (value.len > NUMBER_MAX) {
		wrong(rd, key, value);
		return;
	}
	memcpy(text, value.at, value.len);
	text[value.len] = '\0';
	number = strtod(text, NULL); /* JSON's grammar is part of C's */
	if ((number < key->min && !(key->or_zero && number == 0)) ||
	    number > key->max)
		wrong(rd, key, value);
	else
		*ret = (uint32_t)(number * 1000 + 0.5);
}

/* The bytes that a string such as "64M" means, quotes included; -1: none. */
static double
bytes_of(struct json_span value)
{
	static const char units[] = "KMGT";
	const char *at = value.at + 1;
	size_t len = value.len - 2;
	size_t n = 0;
	double bytes = 0;

	for (; n < len && at[n] >= '0' && at[n] <= '9'; n++)
		bytes = bytes * 10 + (at[n] - '0');
	if (n == 0 || n > SIZE_DIGITS || len > n + 1)
		return -1;
	if (len == n)
		return bytes;
	for (size_t i = 0; units[i] != '\0'; i++) {
		bytes *= 1024;
		if (toupper((unsigned char)at[n]) == units[i])
			return bytes;
	}
	return -1;
}

void
config_number_size(struct config_reader *rd, const struct config_key *key,
    struct json_span value, void *field)
{
	uint64_t *ret = field;
	int64_t number;
	double bytes;

	if (json_kind(value) != JSON_STRING) {
		if (read_whole(rd, key, value, &number))
			*ret = (uint64_t)number;
		return;
	}
	bytes = bytes_of(value);
	if (key->or_unlimited && json_string_is(value, UNLIMITED))
		*ret = CONFIG_UNLIMITED;
	else if (bytes < 0 || bytes < key->min || bytes > key->max)
		wrong(rd, key, value);
	else
		*ret = (uint64_t)bytes;
}

/* As chmod(1) takes it.  A number would be read as decimal by some. */
void
config_number_mode(struct config_reader *rd, const struct config_key *key,
    struct json_span value, void *field)
{
	uint32_t *ret = field;
	uint32_t mode = 0;

	if (json_kind(value) != JSON_STRING || value.len < 5 || value.len > 6) {
		wrong(rd, key, value);
		return;
	}
	for (size_t i = 1; i < value.len - 1; i++) {
		if (value.at[i] < '0' || value.at[i] > '7') {
			wrong(rd, key, value);
			return;
		}
		mode = mode * 8 + (uint32_t)(value.at[i] - '0');
	}
	if (mode > 0777)
		wrong(rd, key, value);
	else
		*ret = mode;
}
