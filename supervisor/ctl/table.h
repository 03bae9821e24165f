/* table.h: rows in columns. */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "page.h"

#define TABLE_COLUMNS_MAX 16

struct table_column {
	const char *title;
	unsigned int optional; /* 0: always there; where there is no room the
				  highest goes first */
	bool right;            /* numbers */
	bool cut; /* what is too long for the line is cut; one at most */
};

struct table_cell {
	char *text; /* escaped; the table's from now on */
	enum page_colour colour;
};

struct table;

/* columns are borrowed; exits when memory runs out, as all of these. */
struct table *table_new(const struct table_column *columns, size_t count);
void table_free(struct table **table);

/* Add a row of as many cells as there are columns. */
void table_add(struct table *table, const struct table_cell *cells);

/* Put the titles, unless there is no row, and the rows. */
void table_put(const struct table *table, struct page *page);

#endif
