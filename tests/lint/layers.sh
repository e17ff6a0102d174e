#!/bin/sh
# An include may only point to the same layer or a lower one. The order is the one of the Makefile's LAYERS.
set -eu
cd "$(dirname "$0")/../.."
files=$(find gateway policies milter -name '*.[ch]' 2>/dev/null | sort)
# shellcheck disable=SC2086 # a list of files
awk '
BEGIN {
	n = split("base conf mail policies crypto store portal mailbox flow", order, " ")
	for (i = 1; i <= n; i++)
		rank[order[i]] = i
	programs = n + 1
	bad = seen = 0
}
FNR == 1 {
	path = FILENAME
	seen++
	split(path, dir, "/")
	layer = dir[1] == "gateway" ? dir[2] : dir[1]
	own = (layer in rank) ? rank[layer] : programs
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, q, "\"")
	inc = q[2]
	if (split(inc, p, "/") < 2) {
		printf "%s:%d: \"%s\" does not name its layer: write \"%s/%s\"\n", path, FNR, inc, layer, inc
		bad++
		next
	}
	their = (p[1] in rank) ? rank[p[1]] : programs
	if (own == programs && their == programs && p[1] != layer && p[1] != "gateway") {
		printf "%s:%d: program %s includes program %s\n", path, FNR, layer, p[1]
		bad++
	} else if (their > own) {
		printf "%s:%d: layer %s includes the higher layer %s\n", path, FNR, layer, p[1]
		bad++
	}
}
END {
	if (seen == 0) {
		print "no source found"
		bad++
	}
	exit bad > 0
}' $files </dev/null
