/* act.h: how each fault of mcp-server-faulty happens. */
#ifndef SERVERS_ACT_H
#define SERVERS_ACT_H

#include "faulty.h"

/* What the command line says of a fault. */
struct wish {
	bool wanted;
	long long number;
	const char *text;
};

/* True: the matter is dealt with. */
typedef bool act(struct faulty *faulty, const struct wish *wish,
    const struct occasion *occasion);

act act_exit_now;
act act_exit_after;
act act_die;
act act_half_line;
act act_ignore;
act act_hang_on;
act act_slow_start;
act act_stop_reading;
act act_close_stdout;
act act_close_stdin;
act act_junk;
act act_byte_at_a_time;
act act_huge_line;
act act_stderr_flood;
act act_stderr_binary;
act act_flood;
act act_block_sigterm;
act act_grandchild;
act act_many_tools;
act act_endless_pages;
act act_change_tools_every;
act act_ask;
act act_tell_answer;

#endif
