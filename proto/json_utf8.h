/* json_utf8.h: one well-formed UTF-8 sequence; private to the json modules. */
#ifndef PROTO_JSON_UTF8_H
#define PROTO_JSON_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* A byte 10xxxxxx that is at most last and at least first. */
static inline bool
json_utf8_between(const char *at, unsigned int first, unsigned int last)
{
	unsigned int byte = (unsigned char)*at;

	return byte >= first && byte <= last;
}

/*
 * The length, 2 to 4, of the sequence at at[0..n) that begins with a byte of
 * 0x80 or more; 0 where it is not well-formed by table 3-7 of the Unicode
 * Standard: cut short, overlong, a surrogate, or above U+10FFFF.  n is not 0.
 */
static inline size_t
json_utf8_length(const char *at, size_t n)
{
	unsigned int lead = (unsigned char)*at;

	if (lead < 0xc2 || lead > 0xf4 || n < 2)
		return 0;
	if (lead < 0xe0)
		return json_utf8_between(at + 1, 0x80, 0xbf) ? 2 : 0;
	if (n < 3 || !json_utf8_between(at + 2, 0x80, 0xbf))
		return 0;
	if (lead < 0xf0)
		return json_utf8_between(at + 1, lead == 0xe0 ? 0xa0 : 0x80,
			   lead == 0xed ? 0x9f : 0xbf)
		    ? 3
		    : 0;
	if (n < 4 || !json_utf8_between(at + 3, 0x80, 0xbf))
		return 0;
	return json_utf8_between(at + 1, lead == 0xf0 ? 0x90 : 0x80,
		   lead == 0xf4 ? 0x8f : 0xbf)
	    ? 4
	    : 0;
}

#endif
