#!/bin/sh
# clang-tidy and cppcheck over the sources: tidy.sh 'COMPILER FLAGS' FILE ... The last line alone is the total.
set -u
flags=$1
shift
passed=0 failed=0
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
for tool in clang-tidy cppcheck; do
	command -v "$tool" >/dev/null || { echo "tidy: $tool is missing: tests/setup.sh tools"; echo "0 passed, 1 failed"; exit 1; }
done
for file in "$@"; do
	# shellcheck disable=SC2086 # a list of words
	if clang-tidy --quiet "$file" -- $flags >"$out" 2>/dev/null; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		cat "$out"
	fi
done
if cppcheck --quiet --std=c17 --enable=warning,portability,performance --inline-suppr --error-exitcode=1 \
	--suppress=missingIncludeSystem --suppress=nullPointerRedundantCheck -Igateway -I. "$@" >"$out" 2>&1; then
	passed=$((passed + 1))
else
	failed=$((failed + 1))
	cat "$out"
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
