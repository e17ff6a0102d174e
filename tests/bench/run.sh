#!/bin/sh
# Runs the benchmarks: run.sh DIR-OF-PROGRAMS [NAME]. A benchmark is DIR/bench/bench_NAME or tests/bench/NAME.py.
dir=$1 name=$2
ran=0 failed=0
for b in "$dir"/bench/bench_* tests/bench/*.py; do
	[ -e "$b" ] || continue
	this=$(basename "$b" .py)
	this=${this#bench_}
	[ -z "$name" ] || [ "$name" = "$this" ] || continue
	ran=$((ran + 1))
	echo "== $this"
	case $b in
	*.py) /usr/bin/python3 -B "$b" --programs "$dir" ;;
	*) "$b" ;;
	esac || { failed=$((failed + 1)); echo "bench $this: FAILED"; }
done
[ "$ran" -gt 0 ] || { echo "bench: no benchmark of that name" >&2; exit 1; }
[ "$failed" -eq 0 ]
