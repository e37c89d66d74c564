# shellcheck shell=bash
# shellcheck disable=SC2154  # part of src/terminal/vmclone, which has the exit codes and the connection
# --- vmclone report: one HTML page of a job, without anything from the network

# What the queries below select from: the job, and its disks with seconds from the first one's start.
readonly report_sql="WITH r AS MATERIALIZED (SELECT vmclone.job_report(:'job') AS r),
text AS (SELECT r -> 'job' AS j, r FROM r),
disk AS (
	SELECT d.value AS d, (d.value ->> 'disk_number')::int AS n, d.value ->> 'method' AS method,
		extract(epoch FROM (d.value ->> 'started_at')::timestamptz - min((d.value ->> 'started_at')::timestamptz) OVER ())::numeric AS at,
		extract(epoch FROM (d.value ->> 'ended_at')::timestamptz - (d.value ->> 'started_at')::timestamptz)::numeric AS took
	FROM r CROSS JOIN jsonb_array_elements(r -> 'disks') d
)"

# escape: what HTML takes for markup in text and in quotes
escape() {
	sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g; s/"/\&quot;/g'
}

# html_rows QUERY: rows of a table; the query's first column is the class of the row, the others its cells
html_rows() {
	local class cells line
	rows <<<"$report_sql $1;" | escape | while IFS= read -r line; do
		class=${line%%"$separator"*}
		cells=${line#*"$separator"}
		printf '<tr class="%s"><td>%s</td></tr>\n' "$class" "${cells//$separator/</td><td>}"
	done
}

# find_layers NUMBER: $layers, the copier's options for the chain of that disk; $top and $top_format of its last image
find_layers() {
	local format path name parent=''
	layers=() top='' top_format=''
	while IFS=$separator read -r format path name; do
		[ -n "$path" ] || continue
		layers+=(--layer "$format:$path")
		[ -z "$parent" ] || layers+=(--backing-name "$parent")
		parent=$name top=$path top_format=$format
	done < <(rows <<<"$report_sql SELECT l ->> 'format', l ->> 'path', l ->> 'name' FROM disk, jsonb_array_elements(d -> 'layers') WITH ORDINALITY AS e (l, o)
		WHERE n = $1 ORDER BY o;")
}

# draw_map NUMBER: the chain of that disk as an SVG; why not, where it can't be read here
draw_map() {
	local layers top top_format said
	find_layers "$1"
	if [ ${#layers[@]} -eq 0 ]; then
		echo '<p>Nothing is read for it.</p>'
	elif ! said=$("$copier" map --svg "${layers[@]}" 2>&1 </dev/null); then
		printf '<p class="note">Not drawn: %s</p>\n' "$(escape <<<"$said")"
	else
		# a picture of its own in the page: ids and the XML declaration would not be
		sed 's/<?xml[^>]*?>//; s/ id="layer/ data-layer="/' <<<"$said"
	fi
}

# timed COMMAND…: its seconds, or nothing where it fails
timed() {
	local began=${EPOCHREALTIME/[.,]/}
	"$@" >/dev/null 2>&1 </dev/null || return 0
	printf '%d.%03d' $(((${EPOCHREALTIME/[.,]/} - began) / 1000000)) $(((${EPOCHREALTIME/[.,]/} - began) / 1000 % 1000))
}

# compare_disk NUMBER FOLDER: a row with what both programs make of the chain now, once each, into FOLDER
compare_disk() {
	local layers top top_format path target ours theirs alias faster='' sizes=()
	alias=$(rows <<<"$report_sql SELECT d ->> 'disk_alias' FROM disk WHERE n = $1;")
	target=$(rows <<<"$report_sql SELECT CASE d ->> 'format' WHEN 'COW' THEN 'qcow2' ELSE 'raw' END FROM disk WHERE n = $1;")
	find_layers "$1"
	[ -n "$top" ] || return 0
	# both read what the other has left in the page cache, if it is there at all
	cat "$top" >/dev/null 2>&1
	theirs=$(timed qemu-img convert -f "$top_format" -O "$target" "$top" "$2/theirs")
	ours=$(timed "$copier" copy "${layers[@]}" --output "$target:$2/ours")
	for path in ours theirs; do
		sizes+=("$(du -k "$2/$path" 2>/dev/null | awk '{ printf "%.1f MiB", $1 / 1024 }')")
	done
	[ -z "$ours" ] || [ -z "$theirs" ] || faster=$(awk -v a="$theirs" -v b="$ours" 'BEGIN { if (b > 0) printf "%.1f times as fast", a / b }')
	printf '<tr><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>\n' "$(escape <<<"$alias")" "${ours:+$ours s}" "${theirs:+$theirs s}" \
		"$faster" "${sizes[0]}" "${sizes[1]}"
	rm -f "$2/ours" "$2/theirs"
}

# The time line: a bar for each disk, in the colour of its method, over a scale of seconds since the first disk was begun; before it in
# words how long that took, and which disks were begun more than once.
tell_times() {
	rows <<<"$report_sql SELECT format('<p>Begun %s s after the call, over after %s s.%s</p>',
			round(extract(epoch FROM min((d ->> 'started_at')::timestamptz) - min((j ->> 'created_at')::timestamptz))::numeric, 2),
			round(max(at + took), 2), COALESCE(string_agg(format(' %s was begun %s times: times are those of the last.',
				replace(replace(replace(d ->> 'disk_alias', '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), d ->> 'attempts'), '' ORDER BY n)
				FILTER (WHERE (d ->> 'attempts')::int > 1), ''))
		FROM text CROSS JOIN disk WHERE took IS NOT NULL HAVING count(*) > 0;"
}

draw_times() {
	rows <<<"$report_sql, span AS (SELECT GREATEST(max(at + took), 0.001) AS s, count(*) * 24 AS height FROM disk)
		SELECT format('<g class=\"tick\"><line x1=\"%s\" x2=\"%s\" y1=\"2\" y2=\"%s\"/><text x=\"%s\" y=\"%s\">%s s</text></g>', 260 + i * 120, 260 + i * 120, height + 4,
			262 + i * 120, height + 20, round(s * i / 4, CASE WHEN s < 10 THEN 2 ELSE 0 END))
		FROM span, generate_series(0, 4) i;"
	rows <<<"$report_sql, span AS (SELECT GREATEST(max(at + took), 0.001) AS s FROM disk)
		SELECT format('<g><title>%s: %s, %s s</title><text x=\"8\" y=\"%s\">%s</text><rect class=\"%s\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"16\"/><text x=\"%s\" y=\"%s\">%s s</text></g>',
			e.alias, e.method, round(took, 2), 17 + (row_number() OVER w - 1) * 24, e.alias, e.method,
			round(260 + at / s * 480), 5 + (row_number() OVER w - 1) * 24, GREATEST(round(took / s * 480), 2),
			round(268 + (at + took) / s * 480), 17 + (row_number() OVER w - 1) * 24, round(took, 2))
		FROM disk CROSS JOIN span CROSS JOIN LATERAL (SELECT
			replace(replace(replace(d ->> 'disk_alias', '&', '&amp;'), '<', '&lt;'), '>', '&gt;') AS alias, COALESCE(method, 'none') AS method) e
		WHERE took IS NOT NULL WINDOW w AS (ORDER BY n) ORDER BY n;"
}

write_report() {
	local numbers number
	mapfile -t numbers < <(rows <<<"$report_sql SELECT n FROM disk ORDER BY n;")
	title=$(rows <<<"$report_sql SELECT j ->> 'vm_name' FROM text;" | escape)
	cat <<HTML
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>vmclone: $title</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 80em; padding: 0 1em; color: #222; background: #fff }
h1 { font-size: 1.5em } h2 { font-size: 1.15em; margin-top: 2em } h3 { font-size: 1em }
table { border-collapse: collapse } td, th { text-align: left; padding: .2em 1em .2em 0; vertical-align: top; border-bottom: 1px solid #ddd }
td { white-space: pre-wrap } tr.source td { font-weight: bold; background: #eef6ff } .note { color: #8a4b00 } svg { max-width: 100%; height: auto; font: 13px sans-serif }
rect.reflink { fill: #009e73 } rect.copy_file_range { fill: #56b4e9 } rect.threads-direct { fill: #0072b2 } rect.threads-buffered { fill: #e69f00 } rect.none { fill: #999 } .tick line { stroke: #ccc } .tick text { fill: #666; font-size: 11px }
</style></head><body>
<h1>$title</h1>
<section id="job"><table>
HTML
	html_rows "SELECT '' AS class, k, v FROM text CROSS JOIN LATERAL (VALUES ('Cloned from', r ->> 'source'), ('Status', j ->> 'status'), ('Reason', translate(j ->> 'reason', E'\n', ' ')),
		('By', j ->> 'owner'), ('Asked for', (j ->> 'created_at')::timestamptz(0)::text), ('Over', (j ->> 'ended_at')::timestamptz(0)::text),
		('Job', j ->> 'job_id')) AS v (k, v) WHERE v IS NOT NULL"
	echo '</table></section>'
	echo '<section id="snapshots"><h2>Snapshots of the source</h2><p>The marked one was cloned.</p><table><tr><th>snapshot, images</th><th>status</th><th>format</th><th>on storage</th></tr>'
	html_rows "SELECT CASE WHEN (s ->> 'is_source')::boolean THEN 'source' ELSE '' END, s ->> 'tree', s ->> 'status', s ->> 'format', s ->> 'actual_size'
		FROM text, jsonb_array_elements(r -> 'snapshots') WITH ORDINALITY AS e (s, o) ORDER BY o"
	echo '</table></section><section id="chains"><h2>Chains: who owns which part of the disk</h2><p>One row a layer, the last one on top: what it owns hides what is below.</p>'
	for number in "${numbers[@]}"; do
		printf '<figure data-disk="%s"><h3>%s</h3>\n' "$number" "$(rows <<<"$report_sql SELECT d ->> 'disk_alias' FROM disk WHERE n = $number;" | escape)"
		draw_map "$number"
		echo '</figure>'
	done
	echo '</section><section id="times"><h2>How it was copied</h2>'
	tell_times
	printf '<svg viewBox="0 0 820 %d" width="820" role="img" aria-label="time line">\n' $((${#numbers[@]} * 24 + 28))
	draw_times
	echo '</svg><table><tr><th>disk</th><th>method</th><th>why not faster</th><th>read</th><th>seconds</th></tr>'
	html_rows "SELECT COALESCE(method, 'none'), d ->> 'disk_alias', method, translate(d ->> 'method_reason', E'\n', ' '), pg_size_pretty((d ->> 'bytes_read')::bigint), round(took, 2) FROM disk ORDER BY n"
	echo '</table></section><section id="sizes"><h2>Sizes</h2><table><tr><th>disk</th><th>format</th><th>the guest sees</th><th>on storage</th><th>saved</th></tr>'
	html_rows "SELECT '', d ->> 'disk_alias', concat(d ->> 'format', ' ', d ->> 'allocation'), pg_size_pretty((d ->> 'virtual_size')::bigint), pg_size_pretty((d ->> 'actual_size')::bigint),
		pg_size_pretty((d ->> 'virtual_size')::bigint - (d ->> 'actual_size')::bigint) || ' (' || round(100 - 100.0 * (d ->> 'actual_size')::bigint / NULLIF((d ->> 'virtual_size')::bigint, 0)) || ' %)' FROM disk ORDER BY n"
	echo '</table></section>'
	if [ -n "$comparing" ]; then
		echo '<section id="compared"><h2>Compared with qemu-img</h2><p>The same chains copied once more by both programs, one run each, without limits, from a warm page cache.</p><table><tr><th>disk</th><th>vmclone-copy</th><th>qemu-img convert</th><th></th><th>size</th><th>its size</th></tr>'
		for number in "${numbers[@]}"; do
			compare_disk "$number" "$comparing"
		done
		echo '</table></section>'
	fi
	echo '</body></html>'
}

# what --compare writes into, for the trap at the program's end
comparing=''

do_report() {
	local id seen output='' copier=${VMCLONE_COPY-}
	[ -n "$copier" ] || copier=$(command -v vmclone-copy) || copier=$(dirname "$0")/vmclone-copy
	while [ $# -gt 1 ] || [[ ${1-} == -* ]]; do
		case "${1-}" in
		--compare) comparing=$(mktemp -d "${TMPDIR:-/tmp}/vmclone-report.XXXXXX") && shift ;;
		--output) [ $# -ge 2 ] || say_usage "--output takes a file" && output=$2 && shift 2 ;;
		*) say_usage "report takes one job, --output FILE and --compare" ;;
		esac
	done
	[ $# -eq 1 ] || say_usage "report takes one job"
	[ -z "$comparing" ] || trap 'rm -rf "$comparing"' EXIT
	id=$(find_job "$1") || exit $?
	set_variable job "$id"
	seen=$(rows <<<"SELECT vmclone.job_report(:'job');") || exit $?
	[ -n "$seen" ] || { echo "vmclone: no such job, or it is another role's" >&2 && exit "$exit_refused"; }
	if [ -n "$json" ]; then
		printf '%s\n' "$seen"
		return
	fi
	if [ -z "$output" ]; then
		write_report
	else
		write_report >"$output.tmp" && mv "$output.tmp" "$output" || exit "$exit_refused"
	fi
}
