/*
 * map_svg.h
 *		Draws who owns which guest bytes of a chain, as an SVG picture.
 */
#ifndef COPY_MAP_SVG_H
#define COPY_MAP_SVG_H

#include "copy/chain/chain_map.h"

/*
 * Prints the picture to stdout: one row for each layer, the last one on top as it is what the guest sees
 * first, over the guest's addresses from left to right.  0, or -1 after report_error().
 */
extern int map_svg_print(const struct chain *chain, struct chain_map *map);

#endif
