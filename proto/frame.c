#include "proto/frame.h"

#include <errno.h>

/*
 * Written out, without loops, so that compilers see one store or load of a
 * swapped word: this is on the path of every message.
 */
static void
put_be16(unsigned char *out, uint16_t value)
{
	out[0] = (unsigned char)(value >> 8);
	out[1] = (unsigned char)value;
}

static void
put_be32(unsigned char *out, uint32_t value)
{
	out[0] = (unsigned char)(value >> 24);
	out[1] = (unsigned char)(value >> 16);
	out[2] = (unsigned char)(value >> 8);
	out[3] = (unsigned char)value;
}

static uint16_t
get_be16(const unsigned char *in)
{
	return (uint16_t)(in[0] << 8 | in[1]);
}

static uint32_t
get_be32(const unsigned char *in)
{
	return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 |
	    (uint32_t)in[2] << 8 | (uint32_t)in[3];
}

void
frame_encode(unsigned char *out, const struct frame *frame)
{
	put_be32(out, frame->length);
	put_be16(out + 4, frame->type);
	put_be16(out + 6, frame->flags);
	put_be32(out + 8, (uint32_t)(frame->id >> 32));
	put_be32(out + 12, (uint32_t)frame->id);
	put_be32(out + 16, frame->client);
	put_be32(out + 20, 0);
}

int
frame_decode(struct frame *frame, const void *in, size_t n)
{
	const unsigned char *at = in;

	if (n < FRAME_HEADER_LEN)
		return 0;
	if (get_be32(at + 20) != 0) {
		errno = EBADMSG;
		return -1;
	}
	frame->length = get_be32(at);
	frame->type = get_be16(at + 4);
	frame->flags = get_be16(at + 6);
	frame->id = (uint64_t)get_be32(at + 8) << 32 | get_be32(at + 12);
	frame->client = get_be32(at + 16);
	return 1;
}
