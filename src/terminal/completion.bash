# shellcheck shell=bash
# bash's completion for the command vmclone; names come from the server, by the connection of the line so far.
_vmclone() {
	local word=${COMP_WORDS[COMP_CWORD]} command='' at='' connection=() candidates i
	local IFS=$'\n'
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case "${COMP_WORDS[i]}" in
		-d | -h | -p | -U) connection+=("${COMP_WORDS[i]}" "${COMP_WORDS[++i]}") ;;
		import | xml | list | tree | plan | clone | jobs | watch | cancel | pause | resume | retry | doctor | report) command=${COMP_WORDS[i]} && break ;;
		esac
	done
	case "$word" in
	-*)
		case "$command" in
		'') candidates=$'-d\n-h\n-p\n-U\n--json\n--help\n--version' ;;
		plan | clone)
			candidates=$'--template\n--copies\n--set\n--disk\n--cluster\n--verify\n--priority\n--limit\n--paused\n--no-wait\n--timeout'
			candidates+=$'\n--missing-disk\n--lock-mode\n--on-failure\n--request-key'
			;;
		jobs | doctor) candidates=--all ;;
		watch) candidates=--timeout ;;
		import) candidates=$'--name\n--cluster' ;;
		report) candidates=$'--output\n--compare' ;;
		esac
		;;
	*)
		case "$command" in
		'') candidates=$'import\nxml\nlist\ntree\nplan\nclone\njobs\nwatch\ncancel\npause\nresume\nretry\ndoctor\nreport' ;;
		import)
			# files and folders as bash completes them
			compopt -o default 2>/dev/null
			return
			;;
		tree | xml | watch | cancel | pause | resume | retry | report | plan | clone)
			# readline breaks words at @
			[ "$command" != clone ] && [ "$command" != plan ] || at=yes
			if [ -n "$at" ] && [ "$COMP_CWORD" -gt "$i" ] && [ "${COMP_WORDS[COMP_CWORD - 1]}" = @ ]; then
				candidates=$(vmclone "${connection[@]}" complete snapshots "${COMP_WORDS[COMP_CWORD - 2]}" 2>/dev/null)
			elif [ -n "$at" ] && [ "$word" = @ ]; then
				word=''
				candidates=$(vmclone "${connection[@]}" complete snapshots "${COMP_WORDS[COMP_CWORD - 1]}" 2>/dev/null)
			elif [ "$command" = tree ] || [ "$command" = xml ] || [ -n "$at" ]; then
				candidates=$(vmclone "${connection[@]}" complete vms 2>/dev/null)
			else
				candidates=$(vmclone "${connection[@]}" complete jobs 2>/dev/null)
			fi
			;;
		esac
		;;
	esac
	for i in $(compgen -W "${candidates//\\/\\\\}" -- "$word"); do
		printf -v i '%q' "$i"
		COMPREPLY+=("$i")
	done
}
complete -F _vmclone vmclone
