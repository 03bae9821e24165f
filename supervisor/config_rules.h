/* config_rules.h: what strings may be, for the tables of keys. */
#ifndef SUPERVISOR_CONFIG_RULES_H
#define SUPERVISOR_CONFIG_RULES_H

#include <stdbool.h>
#include <stdint.h>

/* A pattern for names is hardly longer than the longest of them. */
#define CONFIG_PATTERN_MAX 256
/* sun_path of unix(7) has 108 bytes, the last of which is NUL. */
#define CONFIG_SOCKET_PATH_MAX 107

bool config_rules_is_not_empty(const char *value);
bool config_rules_is_host_name(const char *value);
/* A name or an address. */
bool config_rules_is_host(const char *value);
/* A scheme and a host, as RFC 6454 serialises an origin. */
bool config_rules_is_origin(const char *value);
/* The name of a user or a group. */
bool config_rules_is_user(const char *value);
bool config_rules_is_absolute(const char *value);
/* "443", or "*". */
bool config_rules_is_port(const char *value);

/*
 * What is wrong with a value, and the remedy: a static text that goes on after
 * its key; NULL when it is good.
 */
const char *config_rules_variable_fault(const char *name);
const char *config_rules_listen_fault(const char *value);
/* An absolute path that fits into a socket's address; "" is none. */
const char *config_rules_socket_fault(const char *value);
const char *config_rules_pattern_fault(const char *value);
/* A pattern for "backend/tool". */
const char *config_rules_tool_fault(const char *value);
/* "sha256:" and 64 digits. */
const char *config_rules_hash_fault(const char *value);
const char *config_rules_uids_fault(const char *value);

/* Of the name of a backend or a token: as above, and it goes on after ": ". */
const char *config_rules_name_fault(const char *name);

/* Read "FIRST-LAST" of "job_uids".  0, or -1 when it is not that. */
int config_rules_uids(const char *value, uint32_t *first, uint32_t *last);

#endif
