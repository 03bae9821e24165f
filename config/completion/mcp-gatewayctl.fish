# fish completion of mcp-gatewayctl(8)

function __mcp_gatewayctl_names
    set -l words (commandline -opc)
    set -l socket
    set -l at (contains -i -- --socket $words)
    and set socket --socket $words[(math $at + 1)]
    mcp-gatewayctl $socket --timeout 2 status --names 2>/dev/null
end

set -l commands status reload check start stop restart log tools calls explain import token
set -l none "not __fish_seen_subcommand_from $commands"

complete -c mcp-gatewayctl -f
complete -c mcp-gatewayctl -s h -l help -d 'Show a summary and exit'
complete -c mcp-gatewayctl -l version -d 'Show the version and exit'
complete -c mcp-gatewayctl -l socket -r -F -d 'The control socket of the gateway'
complete -c mcp-gatewayctl -l timeout -x -d 'Wait so long for an answer'

complete -c mcp-gatewayctl -n $none -a status -d 'How the gateway and its backends are'
complete -c mcp-gatewayctl -n $none -a reload -d 'Read the configuration again and apply it'
complete -c mcp-gatewayctl -n $none -a check -d 'What a reload would do, or whether a file is good'
complete -c mcp-gatewayctl -n $none -a start -d 'Start backends that were stopped or failed'
complete -c mcp-gatewayctl -n $none -a stop -d 'End backends, until they are started again'
complete -c mcp-gatewayctl -n $none -a restart -d 'Replace the processes of backends'
complete -c mcp-gatewayctl -n $none -a log -d 'Log from this level on'
complete -c mcp-gatewayctl -n $none -a tools -d 'The tools that clients see'
complete -c mcp-gatewayctl -n $none -a calls -d 'The latest calls'
complete -c mcp-gatewayctl -n $none -a explain -d 'What happened to a call'
complete -c mcp-gatewayctl -n $none -a import -d 'Turn the file of another program into ours'
complete -c mcp-gatewayctl -n $none -a token -d 'Make a token for a client'

complete -c mcp-gatewayctl -n '__fish_seen_subcommand_from status start stop restart tools' -a '(__mcp_gatewayctl_names)'
complete -c mcp-gatewayctl -n '__fish_seen_subcommand_from log' -a 'debug info warning error critical'
complete -c mcp-gatewayctl -n '__fish_seen_subcommand_from check import' -F
complete -c mcp-gatewayctl -n '__fish_seen_subcommand_from status tools calls explain import' -l json -d 'For machines'
complete -c mcp-gatewayctl -n '__fish_seen_subcommand_from status' -l names -d 'Of the backends, alone'
complete -c mcp-gatewayctl -n '__fish_seen_subcommand_from tools' -l safe -d 'Names as on /mcp'
complete -c mcp-gatewayctl -n '__fish_seen_subcommand_from calls' -l backend -x -a '(__mcp_gatewayctl_names)' -d 'Of this one alone'
complete -c mcp-gatewayctl -n '__fish_seen_subcommand_from calls' -l errors -d 'That failed alone'
complete -c mcp-gatewayctl -n '__fish_seen_subcommand_from calls' -l count -x -d 'At most so many'
complete -c mcp-gatewayctl -n '__fish_seen_subcommand_from token' -l from-stdin -d 'It is there already'
complete -c mcp-gatewayctl -n '__fish_seen_subcommand_from token' -l hash -d 'The same, and only its hash'
