#compdef mcp-gatewayctl
# zsh completion of mcp-gatewayctl(8)

_mcp-gatewayctl-backends() {
	local -a names socket
	local -i at=${words[(i)--socket]}
	(( at < $#words )) && socket=(--socket "${(Q)words[at + 1]}")
	names=("${(@f)$(mcp-gatewayctl $socket --timeout 2 status --names 2>/dev/null)}")
	names=(${names:#})
	(( $#names )) && compadd -a names
}

_mcp-gatewayctl-commands() {
	local -a commands=(
		'status:how the gateway and its backends are'
		'reload:read the configuration again and apply it'
		'check:what a reload would do, or whether a file is good'
		'start:start backends that were stopped or failed'
		'stop:end backends, until they are started again'
		'restart:replace the processes of backends'
		'log:log from this level on'
		'tools:the tools that clients see'
		'calls:the latest calls'
		'explain:what happened to a call'
		'import:turn the file of another program into ours'
		'token:make a token for a client'
	)
	_describe -t commands command commands
}

_mcp-gatewayctl() {
	local context state state_descr line
	local -A opt_args
	local -a common=(
		'(-h --help)'{-h,--help}'[show a summary and exit]'
		'--version[show the version and exit]'
		'--socket[the control socket of the gateway]:socket:_files'
		'--timeout[wait so long for an answer]:seconds:'
	)
	local -a own
	local command word skip=0

	for word in ${words[2,CURRENT-1]}; do
		if (( skip )); then
			skip=0
			continue
		fi
		case $word in
		--socket|--timeout|--backend|--count) skip=1 ;;
		-*) ;;
		*)
			command=$word
			break
			;;
		esac
	done

	case $command in
	status)
		own=('--json[for machines]' '--names[of the backends, alone]'
			'1:command:' '2:backend:_mcp-gatewayctl-backends') ;;
	start|stop|restart)
		own=('1:command:' '*:backend:_mcp-gatewayctl-backends') ;;
	tools)
		own=('--safe[names as on /mcp]' '--json[for machines]' '1:command:'
			'2:backend:_mcp-gatewayctl-backends') ;;
	log)
		own=('1:command:' '2:level:(debug info warning error critical)') ;;
	calls)
		own=('--backend[of this one alone]:backend:_mcp-gatewayctl-backends'
			'--errors[that failed alone]' '--count[at most so many]:number:'
			'--json[for machines]' '1:command:') ;;
	explain)
		own=('--json[for machines]' '1:command:' '2:call:') ;;
	import)
		own=('--json[without comments]' '1:command:' '2:file:_files') ;;
	check)
		own=('1:command:' '2:file:_files') ;;
	token)
		own=('--from-stdin[is there already]' '--hash[the same, only its hash]'
			'1:command:' '2:name:') ;;
	reload)
		own=('1:command:') ;;
	*)
		own=('1:command:_mcp-gatewayctl-commands') ;;
	esac
	_arguments -s $common $own
}

if [[ $funcstack[1] == _mcp-gatewayctl ]]; then
	_mcp-gatewayctl "$@"
else
	compdef _mcp-gatewayctl mcp-gatewayctl
fi
