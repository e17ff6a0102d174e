#!/bin/sh
# Every noun and verb of the command stands in its manual page.
table=gateway/ctl/portico.c page=conf/man/portico.8 missing=0
words=$(sed -n 's/^	{ "\([a-z]*\)", "\([a-z]*\)".*/\1 \2/p' "$table")
[ -n "$words" ] || { echo "man.sh: no verbs found in $table" >&2; exit 1; }
echo "$words" | while read -r noun verb; do
	grep -q "^\.It Cm $noun${verb:+ $verb}\( \|\$\)" "$page" || { echo "$page: nothing about: portico $noun $verb" >&2; exit 1; }
done || missing=1
exit $missing
