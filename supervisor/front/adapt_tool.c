/* adapt_tool.c: an item of tools/list. */
#include "adapt_parts.h"

/* MCP Apps: the resource that shows a tool's results, under both its names. */
static void
adapt_meta(struct adapt *a, struct json_span meta)
{
	struct json_span key, value;
	struct json_iter it;

	if (json_kind(meta) != JSON_OBJECT)
		return;
	json_iter_init(&it, meta);
	while (json_iter_member(&it, &key, &value)) {
		if (adapt_is_key(key, "ui"))
			adapt_member_uri(a, value, "resourceUri");
		else if (adapt_is_key(key, "ui/resourceUri"))
			adapt_uri(a, value);
	}
}

int
adapt_tool(
    const struct adapt_rules *rules, struct json_span item, struct buf *out)
{
	struct json_span key, value;
	const char *before = NULL;
	struct json_iter it;
	struct adapt a;

	if (json_kind(item) != JSON_OBJECT)
		return 0;
	adapt_begin(&a, rules, item, out);
	json_iter_init(&it, item);
	while (json_iter_member(&it, &key, &value)) {
		if (adapt_is_key(key, "execution")) {
			adapt_drop(&a, &it, key, value, &before);
			continue;
		}
		before = adapt_end(value);
		if (rules->uris && adapt_is_key(key, "_meta"))
			adapt_meta(&a, value);
		else if (!rules->revision->structured_any &&
		    adapt_is_key(key, "outputSchema"))
			adapt_output_schema(&a, value);
	}
	return adapt_finish(&a);
}
