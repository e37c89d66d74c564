# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034  # part of src/terminal/vmclone, which has the exit codes and the connection
# --- vmclone import and vmclone xml: people's own virtual machines, from libvirt and back to it

# ask_virsh NAME FOLDER: the domain's XML and that of all its snapshots, as files in the folder
ask_virsh() {
	local snapshot names
	command -v virsh >/dev/null ||
		say_usage "virsh is not in the PATH: give files, DOMAIN.xml or the images of the disks"
	virsh -q dumpxml --domain "$1" >"$2/domain" || return "$exit_refused"
	names=$(virsh -q snapshot-list --domain "$1" --name) || return "$exit_refused"
	while IFS= read -r snapshot; do
		[ -n "$snapshot" ] || continue
		virsh -q snapshot-dumpxml --domain "$1" --snapshotname "$snapshot" >>"$2/snapshots" </dev/null || return "$exit_refused"
	done <<<"$names"
}

# import_rows FOLDER: what the server says of the import, as text.  XML is read from files by psql: it may be longer than an argument.
import_rows() {
	set_variable folder "$1"
	rows 2>&1 <<SQL
SET client_min_messages = notice;
\\set domain \`cat :'folder'/domain\`
\\set snapshots \`cat :'folder'/snapshots\`
SELECT ARRAY(SELECT s::xml FROM regexp_split_to_table(:'snapshots', '(?<=</domainsnapshot>)') s WHERE s ~ '[^[:space:]]') AS documents \\gset
CALL vmclone.$import_call;
SQL
}

do_import() {
	local folder status=0 said vm positional=() import_call=''
	local -r of_libvirt="import_libvirt(:'domain', :'directory', :'documents'"
	while [ $# -gt 0 ]; do
		case "$1" in
		--name | --cluster)
			[ $# -ge 2 ] || say_usage "$1 takes a value"
			if [ "$1" = --name ]; then
				set_variable name "$2" && import_call+=", vm_name => :'name'"
			else
				vm=$(find_cluster "$2") || exit $?
				set_variable cluster "$vm" && import_call+=", cluster_id => :'cluster'"
			fi
			shift 2
			;;
		--) shift && positional+=("$@") && break ;;
		-?*) say_usage "there is no option $1" ;;
		*) positional+=("$1") && shift ;;
		esac
	done
	[ "${#positional[@]}" -ge 2 ] || say_usage "import takes a virtual machine and the directory that all its images lie below"
	set_variable directory "${positional[1]}"
	folder=$(mktemp -d) || exit "$exit_refused"
	# shellcheck disable=SC2064  # the folder of now
	trap "rm -r '$folder'" EXIT
	: >"$folder/domain" && : >"$folder/snapshots"
	if [[ ${positional[0]} == *.xml || ${positional[0]} == - ]]; then
		import_call="$of_libvirt$import_call)"
		cat -- "${positional[0]}" >"$folder/domain" || exit "$exit_refused"
		[ "${#positional[@]}" -eq 2 ] || cat -- "${positional[@]:2}" >"$folder/snapshots" || exit "$exit_refused"
	elif [ "${#positional[@]}" -eq 2 ]; then
		import_call="$of_libvirt$import_call)"
		ask_virsh "${positional[0]}" "$folder" || exit $?
	else
		[ -z "$import_call" ] || say_usage "--name and --cluster are for a virtual machine of libvirt's"
		set_variable vm_name "${positional[0]}"
		set_variable files "$(IFS=$record && printf '%s' "${positional[*]:2}")"
		import_call="import_disks(:'vm_name', :'directory', VARIADIC string_to_array(:'files', E'\x1e'))"
	fi
	said=$(import_rows "$folder") || status=$?
	[ -z "${said-}" ] || printf '%s\n' "$said" >&2
	[ "$status" -eq 0 ] || exit "$status"
	# whose rows these are, the last notice says
	[[ $said =~ .*\(([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})\) ]] || exit "$exit_refused"
	variables=()
	set_variable vm "${BASH_REMATCH[1]}"
	show "SELECT v.vm_id, v.vm_name AS name, s.id AS snapshot_id, substr(s.tree, 4) AS snapshot, s.created_at::timestamptz(0) AS created
		FROM vmclone.vms v LEFT JOIN LATERAL vmclone.snapshot_tree(v.vm_id) s ON s.type = 'REGULAR'
		WHERE v.vm_id = :'vm' ORDER BY s.created_at"
}

do_xml() {
	local vm
	[ $# -eq 1 ] || say_usage "xml takes one virtual machine"
	vm=$(find_vm "$1") || exit $?
	set_variable vm "$vm"
	rows <<<"SELECT vmclone.libvirt_xml(:'vm');"
}
