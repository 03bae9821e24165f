/* catalogue_text.c: texts that many send, and who keeps them alive. */
#include <assert.h>
#include <stdlib.h>

#include "catalogue.h"

void
catalogue_text_release(struct catalogue_text *text)
{
	if (text == NULL)
		return;
	assert(text->references > text->queued);
	if (--text->references == 0)
		free(text);
	else if (text->references == text->queued)
		*text->left += text->len;
}

void
catalogue_text_queue(struct catalogue_text *text, size_t *left)
{
	text->left = left;
	text->references++;
	text->queued++;
}

void
catalogue_text_unqueue(struct catalogue_text *text)
{
	assert(text->queued > 0);
	text->queued--;
	if (--text->references > 0)
		return;
	*text->left -= text->len;
	free(text);
}
