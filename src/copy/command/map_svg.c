/*
 * map_svg.c
 *		Draws who owns which guest bytes of a chain.
 *
 * However many extents there are, the picture has at most COLUMNS boxes a layer: each column stands for the
 * same number of guest bytes, and its box is as opaque as the part of them that the layer owns.
 */
#include <inttypes.h>
#include <stdio.h>

#include "copy/base/budget.h"
#include "copy/base/report.h"
#include "copy/base/rootpath.h"
#include "copy/base/utf8.h"
#include "copy/command/map_svg.h"

#define COLUMNS     480
#define COLUMN_SIZE 2 /* of the picture */
#define ROW_SIZE    20
#define LEFT        280 /* for the names */
#define TOP         56
#define SHADES      20 /* of a color */

/* What a layer owns, in this order in the picture's legend. */
enum shown
{
	SHOWN_DATA,
	SHOWN_COMPRESSED,
	SHOWN_ZERO,
	SHOWN_COUNT
};

static const char *const names[SHOWN_COUNT] = {"data", "compressed", "zero"};
static const char *const colors[SHOWN_COUNT] = {"#0072b2", "#d55e00", "#999999"};

struct cell
{
	float bytes[SHOWN_COUNT];
};

struct picture
{
	const struct chain *chain;
	struct cell *cells; /* COLUMNS for each layer */
	uint64_t column_bytes;
};

static enum shown
shown_as(enum extent_kind kind)
{
	return kind == EXTENT_DATA         ? SHOWN_DATA
		   : kind == EXTENT_COMPRESSED ? SHOWN_COMPRESSED
									   : SHOWN_ZERO;
}

static void
add_extent(struct picture *picture, const struct extent *extent)
{
	struct cell *row = picture->cells + (size_t) extent->layer * COLUMNS;
	uint64_t at = extent->start;
	uint64_t end = extent->start + extent->length;

	while (at < end)
	{
		uint64_t column = at / picture->column_bytes;
		uint64_t part = min_u64(end, (column + 1) * picture->column_bytes) - at;

		if (column < COLUMNS)
			row[column].bytes[shown_as(extent->kind)] += (float) part;
		at += part;
	}
}

/* Text between tags: what XML can't hold is U+FFFD. */
static void
print_text(const char *text)
{
	while (*text != '\0')
	{
		uint32_t code;
		size_t length = utf8_decode(text, &code);

		if (length == 0 || code < 0x20 || code == 0x7f || code == 0xfffe || code == 0xffff)
			fputs("\xef\xbf\xbd", stdout);
		else if (code == '<' || code == '>' || code == '&')
			printf("&#%u;", (unsigned) code);
		else
			(void) fwrite(text, 1, length, stdout);
		text += length == 0 ? 1 : length;
	}
}

static void
print_size(double bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	int unit = 0;

	while (unit < 5 && bytes >= 1024)
	{
		bytes /= 1024;
		unit++;
	}
	printf(unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

/* How opaque a cell is: 0 = owns nothing, never 0 where it owns a byte. */
static int
shade(const struct picture *picture, const struct cell *cell, enum shown shown)
{
	double part = (double) cell->bytes[shown] / (double) picture->column_bytes;

	return cell->bytes[shown] <= 0 ? 0 : part >= 1 ? SHADES : 1 + (int) (part * (SHADES - 1));
}

/* Boxes of one kind: columns next to each other of one shade are one box. */
static void
print_boxes(const struct picture *picture, const struct cell *row, int y, enum shown shown)
{
	for (int column = 0; column < COLUMNS;)
	{
		int opaque = shade(picture, &row[column], shown);
		int end = column + 1;

		while (end < COLUMNS && shade(picture, &row[end], shown) == opaque)
			end++;
		if (opaque > 0)
			printf("<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\" "
				   "fill-opacity=\"%.2f\"/>\n",
				   LEFT + column * COLUMN_SIZE, y + 2, (end - column) * COLUMN_SIZE, ROW_SIZE - 4,
				   colors[shown], (double) opaque / SHADES);
		column = end;
	}
}

static void
print_row(const struct picture *picture, int layer, int y)
{
	const struct cell *row = picture->cells + (size_t) layer * COLUMNS;
	double owned = 0;

	for (int column = 0; column < COLUMNS; column++)
		owned +=
			(double) row[column].bytes[SHOWN_DATA] + (double) row[column].bytes[SHOWN_COMPRESSED];
	printf("<g id=\"layer%d\"><title>", layer);
	print_text(picture->chain->layers[layer].path);
	printf("</title>\n<text x=\"8\" y=\"%d\">%d ", y + ROW_SIZE - 6, layer);
	print_text(path_last_component(picture->chain->layers[layer].path));
	fputs("</text>\n", stdout);
	printf("<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#f4f4f4\"/>\n", LEFT, y + 2,
		   COLUMNS * COLUMN_SIZE, ROW_SIZE - 4);
	for (enum shown shown = 0; shown < SHOWN_COUNT; shown++)
		print_boxes(picture, row, y, shown);
	printf("<text x=\"%d\" y=\"%d\">", LEFT + COLUMNS * COLUMN_SIZE + 8, y + ROW_SIZE - 6);
	print_size(owned);
	fputs("</text></g>\n", stdout);
}

static void
print_head(const struct picture *picture, int height)
{
	int width = LEFT + COLUMNS * COLUMN_SIZE + 100;

	printf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
		   "height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n"
		   "<rect width=\"%d\" height=\"%d\" fill=\"white\"/>\n<text x=\"8\" y=\"20\">",
		   width, height, width, height, width, height);
	print_size((double) picture->chain->virtual_size);
	printf(" in %d layers, the last one on top</text>\n", picture->chain->count);
	for (int i = 0; i < SHOWN_COUNT; i++)
		printf("<rect x=\"%d\" y=\"10\" width=\"12\" height=\"12\" fill=\"%s\"/>"
			   "<text x=\"%d\" y=\"20\">%s</text>\n",
			   LEFT + i * 110, colors[i], LEFT + i * 110 + 18, names[i]);
	for (int quarter = 0; quarter <= 4; quarter++)
	{
		printf("<text x=\"%d\" y=\"46\" text-anchor=\"%s\">",
			   LEFT + quarter * COLUMNS * COLUMN_SIZE / 4, quarter == 0 ? "start" : "middle");
		print_size((double) picture->chain->virtual_size * quarter / 4);
		fputs("</text>\n", stdout);
	}
}

int
map_svg_print(const struct chain *chain, struct chain_map *map)
{
	size_t memory = (size_t) chain->count * COLUMNS * sizeof(struct cell);
	struct picture picture = {.chain = chain, .cells = budget_allocate(memory)};
	struct extent extent;
	int result;

	if (picture.cells == NULL)
		return -1;
	picture.column_bytes = max_u64(divide_up(chain->virtual_size, COLUMNS), 1);
	while ((result = chain_map_next(map, &extent)) > 0)
		add_extent(&picture, &extent);
	if (result == 0)
	{
		print_head(&picture, TOP + chain->count * ROW_SIZE + 8);
		for (int layer = chain->count - 1; layer >= 0; layer--)
			print_row(&picture, layer, TOP + (chain->count - 1 - layer) * ROW_SIZE);
		fputs("</svg>\n", stdout);
		if (fflush(stdout) != 0)
			result =
				report_error(COPIER_IO, 0, NO_LAYER, NULL, NO_OFFSET, "could not write to stdout");
	}
	budget_free(picture.cells, memory);
	return result;
}
