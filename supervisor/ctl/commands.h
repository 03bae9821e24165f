/* commands.h: what each command does; all return the exit status. */
#ifndef CTL_COMMANDS_H
#define CTL_COMMANDS_H

#include "options.h"

int command_status(const struct options *opt);
int command_reload(const struct options *opt);
int command_check(const struct options *opt);
int command_act(const struct options *opt); /* start, stop, restart */
int command_log(const struct options *opt);
int command_tools(const struct options *opt);
int command_calls(const struct options *opt);
int command_explain(const struct options *opt);
int command_import(const struct options *opt);
int command_token(const struct options *opt);

#endif
