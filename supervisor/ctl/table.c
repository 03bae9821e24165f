/* table.c: rows in columns. */
#include <assert.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

#define GAP 2

/* The column that is cut is never narrower, if the line is as narrow as this.
 */
#define CUT_MIN 12

struct table {
	const struct table_column *columns;
	size_t count;
	struct table_cell *cells; /* count for each row */
	size_t rows;
};

/* How it is put on a page. */
struct layout {
	unsigned int width[TABLE_COLUMNS_MAX]; /* 0: left out */
};

struct table *
table_new(const struct table_column *columns, size_t count)
{
	struct table *table = calloc(1, sizeof(*table));

	assert(count > 0 && count <= TABLE_COLUMNS_MAX);
	if (table == NULL)
		err(1, NULL);
	table->columns = columns;
	table->count = count;
	return table;
}

void
table_free(struct table **table)
{
	struct table *old = *table;

	*table = NULL;
	if (old == NULL)
		return;
	for (size_t i = 0; i < old->rows * old->count; i++)
		free(old->cells[i].text);
	free(old->cells);
	free(old);
}

void
table_add(struct table *table, const struct table_cell *cells)
{
	table->cells = reallocarray(table->cells, table->rows + 1,
	    table->count * sizeof(*table->cells));
	if (table->cells == NULL)
		err(1, NULL);
	memcpy(table->cells + table->rows * table->count, cells,
	    table->count * sizeof(*cells));
	table->rows++;
}

static unsigned int
total(const struct table *table, const struct layout *layout)
{
	unsigned int sum = 0;

	for (size_t i = 0; i < table->count; i++) {
		if (layout->width[i] > 0)
			sum += layout->width[i] + (sum > 0 ? GAP : 0);
	}
	return sum;
}

/* The column that is there and needed least, or -1. */
static int
least_needed(const struct table *table, const struct layout *layout)
{
	int found = -1;

	for (size_t i = 0; i < table->count; i++) {
		unsigned int optional = table->columns[i].optional;

		if (layout->width[i] > 0 && optional > 0 &&
		    (found == -1 || optional > table->columns[found].optional))
			found = (int)i;
	}
	return found;
}

/* What one column may be cut by. */
static unsigned int
spare(const struct table *table, const struct layout *layout, size_t *column)
{
	for (size_t i = 0; i < table->count; i++) {
		*column = i;
		if (table->columns[i].cut && layout->width[i] > CUT_MIN)
			return layout->width[i] - CUT_MIN;
	}
	return 0;
}

static void
fit(const struct table *table, struct layout *layout, unsigned int width)
{
	unsigned int need, room;
	size_t cut = 0;
	int drop;

	if (width == 0)
		return;
	while ((need = total(table, layout)) > width) {
		room = spare(table, layout, &cut);
		if (need - room <= width) {
			layout->width[cut] -= need - width;
			return;
		}
		if ((drop = least_needed(table, layout)) == -1) {
			layout->width[cut] -= room;
			return;
		}
		layout->width[drop] = 0;
	}
}

static void
measure(const struct table *table, struct layout *layout)
{
	for (size_t i = 0; i < table->count; i++) {
		layout->width[i] = page_cells(table->columns[i].title);
		for (size_t row = 0; row < table->rows; row++) {
			unsigned int cells = page_cells(
			    table->cells[row * table->count + i].text);

			if (cells > layout->width[i])
				layout->width[i] = cells;
		}
	}
}

static void
put_cell(struct page *page, const struct table_cell *cell, bool right,
    unsigned int width, bool last)
{
	unsigned int cells = page_cells(cell->text);
	unsigned int blank = cells < width ? width - cells : 0;

	if (right)
		page_put(page, "%*s", (int)blank, "");
	if (cells > width)
		page_paint(page, cell->colour, "%.*s…",
		    (int)page_cut(cell->text, width - 1), cell->text);
	else
		page_paint(page, cell->colour, "%s", cell->text);
	if (!right && !last)
		page_put(page, "%*s", (int)blank, "");
}

static void
put_row(const struct table *table, const struct layout *layout,
    const struct table_cell *cells, struct page *page)
{
	size_t last = 0;
	bool any = false;

	for (size_t i = 0; i < table->count; i++) {
		if (layout->width[i] > 0)
			last = i;
	}
	for (size_t i = 0; i <= last; i++) {
		if (layout->width[i] == 0)
			continue;
		if (any)
			page_put(page, "%*s", GAP, "");
		any = true;
		put_cell(page, &cells[i], table->columns[i].right,
		    layout->width[i], i == last);
	}
	page_put(page, "\n");
}

static void
put_titles(
    const struct table *table, const struct layout *layout, struct page *page)
{
	struct table_cell cells[TABLE_COLUMNS_MAX] = { 0 };

	for (size_t i = 0; i < table->count; i++) {
		cells[i].colour = PAGE_DIM;
		if ((cells[i].text = strdup(table->columns[i].title)) == NULL)
			err(1, NULL);
	}
	put_row(table, layout, cells, page);
	for (size_t i = 0; i < table->count; i++)
		free(cells[i].text);
}

void
table_put(const struct table *table, struct page *page)
{
	struct layout layout = { 0 };

	if (table->rows == 0)
		return;
	measure(table, &layout);
	fit(table, &layout, page->width);
	put_titles(table, &layout, page);
	for (size_t row = 0; row < table->rows; row++)
		put_row(
		    table, &layout, table->cells + row * table->count, page);
}
