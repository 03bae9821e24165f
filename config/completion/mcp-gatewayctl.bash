# bash completion of mcp-gatewayctl(8)

# The word that stands behind --socket, so that the right gateway is asked.
_mcp_gatewayctl_names()
{
	local i socket=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == --socket ]]; then
			socket=(--socket "${COMP_WORDS[i + 1]}")
		fi
	done
	"${COMP_WORDS[0]}" "${socket[@]}" --timeout 2 status --names 2>/dev/null
}

# One candidate a line: a name may have spaces.
_mcp_gatewayctl_from()
{
	local cur=$1 line
	COMPREPLY=()
	while IFS= read -r line; do
		if [[ $line == "$cur"* ]]; then
			COMPREPLY+=("$(printf '%q' "$line")")
		fi
	done
}

_mcp_gatewayctl()
{
	local commands='status reload check start stop restart log tools calls
		explain import token'
	local options='--socket --timeout --help --version'
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local command='' i word

	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		--socket | --timeout | --backend | --count) ((i++)) ;;
		-*) ;;
		*)
			command=$word
			break
			;;
		esac
	done

	case $prev in
	--socket)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--backend)
		_mcp_gatewayctl_from "$cur" < <(_mcp_gatewayctl_names)
		return
		;;
	--timeout | --count) return ;;
	esac

	case $command in
	status) options+=' --json --names' ;;
	tools) options+=' --safe --json' ;;
	explain | import) options+=' --json' ;;
	calls) options+=' --backend --errors --count --json' ;;
	token) options+=' --from-stdin --hash' ;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
		return
	fi

	case $command in
	'') mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$cur") ;;
	status | start | stop | restart | tools)
		_mcp_gatewayctl_from "$cur" < <(_mcp_gatewayctl_names)
		;;
	log)
		mapfile -t COMPREPLY < <(compgen -W \
			'debug info warning error critical' -- "$cur")
		;;
	check | import)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	*) COMPREPLY=() ;;
	esac
}

complete -F _mcp_gatewayctl mcp-gatewayctl
