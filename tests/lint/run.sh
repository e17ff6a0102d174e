#!/bin/sh
# The quick checks of the sources; each is one line, the last line alone is the total "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 1
passed=0 failed=0
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT

try()
{
	name=$1
	shift
	if "$@" >"$out" 2>&1; then
		passed=$((passed + 1))
		echo "lint: $name"
	else
		failed=$((failed + 1))
		head -n 40 "$out"
		echo "lint: $name: FAILED"
	fi
}

# What git knows or would add: never a build directory.
listed()
{
	git ls-files -co --exclude-standard -- "$@" | sort -u | while read -r f; do
		[ -f "$f" ] && echo "$f"
	done
}

formatted()
{
	listed '*.c' '*.h' | xargs -r clang-format --dry-run -Werror
}
shell_scripts()
{
	listed '*.sh' .ci/run | xargs -r shellcheck
}
python_compiles()
{
	listed '*.py' | xargs -r /usr/bin/python3 -c '
import ast, sys
bad = 0
for name in sys.argv[1:]:
    text = open(name, encoding="utf-8").read()
    ast.parse(text, name)
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > 120 or line != line.rstrip():
            print(f"{name}:{number}: longer than 120 columns, or blanks at the end")
            bad = 1
sys.exit(bad)'
}
text_is_clean()
{
	! listed . | grep -vE '^(LICENSE|tests/(fuzz/corpus|golden|mails|cases)/|.*\.(eml|der|p7m|gz|png))' |
		xargs -r grep -nIE '[[:blank:]]+$|^<<<<<<<|^>>>>>>>'
}
one_page_files()
{
	listed 'gateway/*.c' 'policies/*.c' 'milter/*.c' | xargs -r wc -l |
		awk '$2 != "total" && $1 > 700 { print $2 ": " $1 " lines; split it"; bad = 1 } END { exit bad }'
}

try "includes point to lower layers only" tests/lint/layers.sh
try "no call that prints, guesses or forks" tests/lint/no-phi.sh
try "sources are formatted (make format)" formatted
try "shell scripts pass shellcheck" shell_scripts
try "python parses, 120 columns" python_compiles
try "no trailing blanks, no conflict marks" text_is_clean
try "every verb of the command stands in its manual page" tests/lint/man.sh
try "no file is longer than it should be" one_page_files
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
