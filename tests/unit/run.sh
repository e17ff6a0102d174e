#!/bin/sh
# Runs unit test programs one after another; the last line alone is the total "N passed, N failed".
[ $# -gt 0 ] || { echo "no unit test to run" >&2; exit 1; }
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
passed=0 failed=0
for t in "$@"; do
	CMOCKA_MESSAGE_OUTPUT=stdout "$t" >"$out" 2>&1
	rc=$?
	p=$(grep -c '^\[       OK \]' "$out")
	# cmocka names a failed test twice: where it failed, and in the list at the end
	f=$(grep '^\[  FAILED  \] [a-z0-9_]*$' "$out" | sort -u | wc -l)
	if [ "$rc" -ne 0 ] || [ "$p" -eq 0 ]; then
		[ "$f" -gt 0 ] || f=1
		cat "$out"
		echo "$(basename "$t"): FAILED (exit $rc)"
	else
		echo "$(basename "$t"): $p passed"
	fi
	passed=$((passed + p)) failed=$((failed + f))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
