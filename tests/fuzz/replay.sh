#!/bin/sh
# Replays the corpora: replay.sh PROGRAM ..., each named fuzz_<target>, with its inputs in tests/fuzz/corpus/<target>.
# The last line alone is the total "N passed, N failed".
[ $# -gt 0 ] || { echo "no fuzz target to replay" >&2; echo "0 passed, 1 failed"; exit 1; }
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
passed=0 failed=0
for program in "$@"; do
	target=${program##*/fuzz_}
	if timeout 120 "$program" "tests/fuzz/corpus/$target" >"$out" 2>&1; then
		passed=$((passed + 1))
		echo "replay $target: $(tail -n 1 "$out")"
	else
		failed=$((failed + 1))
		tail -n 30 "$out"
		echo "replay $target: FAILED; the last file named above, or no corpus"
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
