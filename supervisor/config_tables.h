/* config_tables.h: the tables that config_keys.c serves. */
#ifndef SUPERVISOR_CONFIG_TABLES_H
#define SUPERVISOR_CONFIG_TABLES_H

#include "config_keys.h"

struct config_table {
	const struct config_key *keys;
	size_t count;
};

/* One of an array of keys. */
#define CONFIG_TABLE(array)                                                    \
	{                                                                      \
		(array), sizeof(array) / sizeof((array)[0])                    \
	}

extern const struct config_table config_table_top;
extern const struct config_table config_table_gateway;
extern const struct config_table config_table_token;
extern const struct config_table config_table_limits;
extern const struct config_table config_table_backend;
extern const struct config_table config_table_job_limits;
extern const struct config_table config_table_sandbox;
extern const struct config_table config_table_tools;

#endif
