#!/bin/sh
# Calls that have no place in a program that carries patients' words: they print, they guess lengths, they start
# shells, they are not for threads. What remains allowed stands in tests/lint/no-phi.allow, a line "file call" each,
# and a line there that is not needed any more is a mistake too.
set -eu
cd "$(dirname "$0")/../.."
allow=tests/lint/no-phi.allow
found=$(mktemp)
trap 'rm -f "$found"' EXIT

banned='printf|vprintf|puts|putchar|perror|syslog|vsyslog|strcpy|strcat|strncpy|strncat|stpcpy|sprintf|vsprintf|gets'
banned="$banned|atoi|atol|atoll|atof|system|popen|fork|vfork|strtok|localtime|gmtime|mktime|asctime|ctime"
banned="$banned|setenv|putenv|unsetenv|tmpnam|mktemp|tempnam|gethostbyname|strerror|rand|srand|alloca|exit"
# The command may print: that is what it is for. Comments and strings do not call anything.
files=$(find gateway policies milter -name '*.[ch]' 2>/dev/null | sort)
[ -n "$files" ] || { echo "no source found"; exit 1; }
# shellcheck disable=SC2086 # a list of files
awk -v banned="$banned" '
FNR == 1 { inside = 0 }
{
	line = $0
	gsub(/\\./, "", line)
	gsub(/"[^"]*"/, "\"\"", line)
	if (inside) {
		if (!sub(/^.*\*\//, "", line))
			next
		inside = 0
	}
	gsub(/\/\*[^*]*\*+([^\/*][^*]*\*+)*\//, "", line)
	sub(/\/\/.*/, "", line)
	if (sub(/\/\*.*/, "", line))
		inside = 1
	while (match(line, "(^|[^A-Za-z0-9_.>])(" banned ")[ \t]*\\(")) {
		call = substr(line, RSTART, RLENGTH)
		gsub(/[^a-z]/, "", call)
		line = substr(line, RSTART + RLENGTH)
		print FILENAME, call, FNR
	}
}' $files </dev/null >"$found"

bad=0
while read -r file call row; do
	case $file:$call in
	gateway/ctl/*:printf | gateway/ctl/*:puts | gateway/ctl/*:putchar) continue ;;
	gateway/ctl/*:exit | gateway/bridge/main.c:exit | milter/main.c:exit) continue ;;
	esac
	grep -qx "$file $call" "$allow" && continue
	echo "$file:$row: $call() is not used here"
	bad=1
done <"$found"
grep -v '^#' "$allow" | while read -r file call; do
	[ -n "$file" ] || continue
	grep -q "^$file $call " "$found" || { echo "$allow: $file does not call $call() any more"; exit 1; }
done || bad=1
exit $bad
