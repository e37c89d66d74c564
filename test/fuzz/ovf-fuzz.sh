#!/usr/bin/env bash
# ovf-fuzz.sh [SECONDS]: the OVF reader under libFuzzer with ASan and UBSan, from the samples and from
# documents that are damaged in the ways its tests know.  Closes with "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-20}
build=build/fuzz/ovf
mkdir -p "$build/corpus" "$build/seeds"
read -ra flags < <(pkg-config --cflags --libs libxml-2.0 uuid)
clang -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -Isrc \
	test/fuzz/ovf_fuzz.c src/ovf*.c -o "$build/ovf_fuzz" "${flags[@]}"

printf '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>' >"$build/seeds/entity.xml"
printf '<a>%.0s' {1..100} >"$build/seeds/deep.xml"
for sample in test/ovf/*.xml; do
	name=$(basename "$sample" .xml)
	cp "$sample" "$build/seeds/"
	tr -d '\n' <"$sample" >"$build/seeds/$name.line.xml"
	for bytes in 500 3000 9000; do
		head -c "$bytes" "$sample" >"$build/seeds/$name.$bytes.xml"
	done
done
if "$build/ovf_fuzz" -dict=test/fuzz/ovf.dict -max_len=20000 -max_total_time="$seconds" -rss_limit_mb=1024 \
	-timeout=5 -print_final_stats=1 -artifact_prefix="$build/" "$build/corpus" "$build/seeds" >"$build/log" 2>&1; then
	grep -E 'number_of_executed_units|peak_rss_mb' "$build/log"
	echo "1 passed, 0 failed"
else
	tail -n 40 "$build/log"
	echo "0 passed, 1 failed"
	exit 1
fi
