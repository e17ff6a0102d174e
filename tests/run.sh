#!/bin/sh
# Runs the named parts of the tests one after another (make targets), says which tests ran, and
# adds up. A part that prints no total, or fails without counting a failure, counts as one failed test. The last line
# alone is the total "N passed, N failed".
passed=0 failed=0 report=
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
for part in "$@"; do
	echo "== $part"
	{ ${MAKE:-make} "$part" 2>&1; echo "status $?"; } | tee "$out" | sed '/^status [0-9]*$/d'
	rc=$(sed -n '$s/^status //p' "$out")
	line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$out" | tail -n 1)
	p=${line%% passed,*} f=${line##*passed, } f=${f%% failed*}
	[ -n "$line" ] || { p=0 f=1; }
	[ "$rc" = 0 ] || [ "$f" -gt 0 ] || f=1
	passed=$((passed + p)) failed=$((failed + f))
	report="$report$part: $p passed, $f failed
"
done
echo "== what ran"
printf '%s' "$report"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
