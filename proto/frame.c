#include "proto/frame.h"

#include <errno.h>

static void
put_be(unsigned char *out, unsigned int bytes, uint64_t value)
{
	for (unsigned int i = bytes; i-- > 0; value >>= 8)
		out[i] = (unsigned char)value;
}

static uint64_t
get_be(const unsigned char *in, unsigned int bytes)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < bytes; i++)
		value = value << 8 | in[i];
	return value;
}

void
frame_encode(unsigned char *out, const struct frame *frame)
{
	put_be(out, 4, frame->length);
	put_be(out + 4, 2, frame->type);
	put_be(out + 6, 2, frame->flags);
	put_be(out + 8, 8, frame->id);
	put_be(out + 16, 4, frame->client);
	put_be(out + 20, 4, 0);
}

int
frame_decode(struct frame *frame, const void *in, size_t n)
{
	const unsigned char *at = in;

	if (n < FRAME_HEADER_LEN)
		return 0;
	if (get_be(at + 20, 4) != 0) {
		errno = EBADMSG;
		return -1;
	}
	frame->length = (uint32_t)get_be(at, 4);
	frame->type = (uint16_t)get_be(at + 4, 2);
	frame->flags = (uint16_t)get_be(at + 6, 2);
	frame->id = get_be(at + 8, 8);
	frame->client = (uint32_t)get_be(at + 16, 4);
	return 1;
}
