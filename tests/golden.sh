#!/bin/sh
# The worked examples: golden.sh DIR-OF-PROGRAMS. Every tests/cases/*.json goes to the verb that runs it (the file's name
# says which); every verb prints its own total. The last line alone is the sum "N passed, N failed".
programs=$1
passed=0 failed=0
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
for file in tests/cases/*.json; do
	case ${file##*/} in
	policy_*) noun=policy ;;
	response_time_*) noun=promise ;;
	*)
		echo "golden: nobody runs $file"
		failed=$((failed + 1))
		continue
		;;
	esac
	"$programs/portico" "$noun" cases "$file" >"$out" 2>&1
	rc=$?
	line=$(tail -n 1 "$out")
	p=${line%% passed,*} f=${line##*passed, } f=${f%% failed*}
	case $p:$f in
	*[!0-9:]* | :* | *:) p=0 f=1 ;;
	esac
	[ "$rc" -eq 0 ] || [ "$f" -gt 0 ] || f=1
	[ "$f" -eq 0 ] || sed '$d' "$out"
	echo "golden: ${file##*/}: $p passed, $f failed"
	passed=$((passed + p)) failed=$((failed + f))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
