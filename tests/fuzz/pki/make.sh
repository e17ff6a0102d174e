#!/bin/sh
# Makes the fixed keys and the seeds of fuzz_open and fuzz_cms_shape. Run by hand, from the top of the checkout, when
# the seeds shall change; the keys protect nothing.
set -eu
cd tests/fuzz/pki
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

issue() { # id email
	openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
	printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature,keyAgreement\nextendedKeyUsage=emailProtection\nsubjectAltName=email:%s\nsubjectKeyIdentifier=hash\n' "$2" >"$tmp/ext"
	openssl req -new -key "$1.key" -subj "/CN=$1" -out "$tmp/csr" 2>/dev/null
	openssl x509 -req -in "$tmp/csr" -CA root.crt -CAkey "$tmp/root.key" -CAcreateserial -CAserial "$tmp/serial" \
		-days 36500 -sha256 -extfile "$tmp/ext" -out "$1.crt" 2>/dev/null
}

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$tmp/root.key" -subj /CN=r \
	-days 36500 -out root.crt 2>/dev/null
issue gw gw@c.example
issue lee lee@c.example

head() { printf 'From: lee@c.example\r\n'; }
text() { printf 'Content-Type: text/plain\r\n\r\nhi\r\n'; }
sign() { openssl cms -sign -signer lee.crt -inkey lee.key -md sha256 "$@"; }
crypt() { openssl cms -encrypt "$@" gw.crt; }

out=../corpus/open
rm -f "$out"/*
{ head; text; } >"$out/plain"
{ head; text | sign; } >"$out/signed"
{ head; text | sign -nodetach; } >"$out/opaque"
{ head; text | sign -nodetach -stream -indef; } >"$out/opaque-ber"
{ head; text | crypt -aes256; } >"$out/cbc"
{ head; text | crypt -aes-256-gcm; } >"$out/gcm"
{ head; text | sign | crypt -aes256; } >"$out/cbc-signed"
{ head; text | sign | crypt -aes-128-gcm; } >"$out/gcm-signed"
{ head; text | crypt -aes128 | sign; } >"$out/signed-cbc"
{ head; printf 'Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n'; text | crypt -aes256 | sed 1d; printf '\r\n--m--\r\n'; } >"$out/mixed"

out=../corpus/cms_shape
rm -f "$out"/*
text | sign -outform DER >"$out/signed"
text | sign -nodetach -stream -indef -outform DER >"$out/opaque-ber"
text | crypt -aes256 -outform DER >"$out/ecdh"
text | crypt -aes-256-gcm -outform DER >"$out/gcm"
openssl req -x509 -newkey rsa:1024 -nodes -keyout "$tmp/r.key" -subj /CN=r -out "$tmp/r.crt" 2>/dev/null
text | openssl cms -encrypt -aes256 -outform DER "$tmp/r.crt" >"$out/rsa"
text | openssl cms -encrypt -aes256 -outform DER -recip "$tmp/r.crt" -keyopt rsa_padding_mode:oaep \
	-keyopt rsa_oaep_md:sha256 >"$out/oaep"
text | openssl cms -sign -signer "$tmp/r.crt" -inkey "$tmp/r.key" -keyopt rsa_padding_mode:pss -outform DER >"$out/pss"
text | openssl cms -encrypt -aes256 -pwri_password x -outform DER >"$out/password"
