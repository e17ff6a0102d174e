#!/bin/sh
# compile_commands.json for editors: cdb.sh 'COMPILER AND FLAGS' FILE ...
command=$(printf '%s' "$1" | sed 's/\\/\\\\/g; s/"/\\"/g')
shift
here=$(pwd)
echo "["
comma=
for file in "$@"; do
	printf '%s{"directory": "%s", "file": "%s", "command": "%s -c %s"}' "$comma" "$here" "$file" "$command" "$file"
	comma=",
"
done
printf '\n]\n'
