#!/bin/sh
# Installs what a task needs from Debian 12, and nothing else:   tests/setup.sh build|demo|test|long|tools ...
#
#   build   compiler and libraries              demo    a private Postfix and Dovecot (make demo)
#   test    what the tests run besides          tools   clang and friends: make fuzz, tidy, V=tsan
#   long    what only the long form needs: Java and BouncyCastle
#
# Does nothing, and needs no rights, when everything is there. Otherwise it wants root. Postfix is installed without a
# configuration and no service is started: the demo and the tests run their own copies in a private directory.
set -eu

BUILD="build-essential pkg-config libetpan-dev libmilter-dev libssl-dev libsqlite3-dev libcurl4-gnutls-dev
	libjansson-dev libyaml-dev libgmime-3.0-dev libical-dev libvectorscan-dev libcmocka-dev libseccomp-dev"
DEMO="postfix dovecot-imapd dovecot-lmtpd openssl python3"
TEST="python3-pytest swaks libnet-ssleay-perl gpgsm libnss3-tools s-nail isync procps clang-format shellcheck"
LONG="default-jdk-headless libbcmail-java"
TOOLS="clang clang-tidy libclang-rt-dev cppcheck"

die()
{
	echo "setup: $*" >&2
	exit 1
}

# An npm from elsewhere is as good, and Debian's would be in its way.
command -v npm >/dev/null 2>&1 || TEST="$TEST nodejs npm"

[ $# -gt 0 ] || die "say what for: build, demo, test, long, tools"
want=
for group in "$@"; do
	case $group in
	build) want="$want $BUILD" ;;
	demo) want="$want $DEMO" ;;
	test) want="$want $TEST" ;;
	long) want="$want $LONG" ;;
	tools) want="$want $TOOLS" ;;
	*) die "$group is not one of build, demo, test, long, tools" ;;
	esac
done

command -v dpkg-query >/dev/null 2>&1 || die "this is not Debian; install these yourself:$want"
missing=
for p in $want; do
	case $(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null) in
	installed) ;;
	*) missing="$missing $p" ;;
	esac
done
[ -n "$missing" ] || exit 0

[ "$(id -u)" -eq 0 ] || die "not root, and these packages are missing:$missing
setup: run it as root (sudo make ...), or install them first."
case " $missing " in
*" postfix "*)
	# A Postfix of ours would throw out the mail server this machine has.
	other=$(dpkg-query -W -f '${db:Status-Status} ${Package} ${Provides}\n' |
		sed -n 's/^installed \([^ ]*\) .*mail-transport-agent.*/\1/p' | grep -v '^postfix$' || :)
	[ -z "$other" ] || die "this machine already has a mail server: $(echo "$other" | tr '\n' ' ')
setup: Postfix would replace it. Nothing was changed. Use a machine or container without a mail server."
	echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
	;;
esac

# Debian starts what it installs, unless this file says no. An administrator's own file stays as it is.
guard=/usr/sbin/policy-rc.d
ours=
cleanup()
{
	[ -z "$ours" ] || rm -f "$guard"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM
if [ ! -e "$guard" ]; then
	printf '#!/bin/sh\nexit 101\n' >"$guard"
	ours=yes
	chmod 755 "$guard"
fi

echo "setup: installing$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
run()
{
	"$@" </dev/null >"$log" 2>&1 && return 0
	tail -n 20 "$log" >&2
	die "this failed: $* (the whole output is in $log)"
}
# Stale package lists are the usual reason for a failure: fetch new ones first.
run apt-get update -q
# shellcheck disable=SC2086 # a list of words
run apt-get install -y -q --no-install-recommends $missing
rm -f "$log"
