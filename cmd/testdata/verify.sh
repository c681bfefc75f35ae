#!/bin/sh
# A signature of the vault, computed once more by a program that shares nothing
# with it: openssl. Needs Go and openssl; prints both and fails where they differ.
#
#	sh cmd/testdata/verify.sh
set -eu
cd "$(dirname "$0")/../.."
command -v openssl >/dev/null || { echo "openssl is not installed" >&2; exit 1; }

work=$(mktemp -d /tmp/vXXXXXX)
daemon=
trap '[ -z "$daemon" ] || { kill "$daemon"; wait "$daemon" || :; }; rm -rf "$work"' EXIT
go build -buildvcs=false -o "$work/" ./cmd/vaultd ./cmd/vaultctl
PATH=$work:$PATH
export PATH HOME="$work" BFXVAULT_DIR="$work/v"

umask 077
echo "correct horse battery staple" >"$work/pass"
head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$work/secret"

vaultd 2>"$work/log" &
daemon=$!
vaultctl status --wait 20s >/dev/null
proof="--passphrase-file $work/pass"
{
	vaultctl init $proof
	vaultctl key add main --api-key verify --permissions read,trade --secret-file "$work/secret" $proof
	vaultctl bot add me --uid "$(id -u)" $proof
	vaultctl grant me main --allow read,trade $proof
} >/dev/null 2>&1 || { echo "the vault could not be made" >&2; cat "$work/log" >&2; exit 1; }

# check PATH BODY signs a request and compares.
check() {
	vaultctl sign main "$1" --body "$2" --json >"$work/answer"
	nonce=$(sed -n 's/.*"bfx-nonce":"\([0-9]*\)".*/\1/p' "$work/answer")
	signed=$(sed -n 's/.*"bfx-signature":"\([0-9a-f]*\)".*/\1/p' "$work/answer")
	computed=$(printf '/api/%s%s%s' "$1" "$nonce" "$2" |
		openssl dgst -sha384 -hmac "$(cat "$work/secret")" | sed 's/.*= *//')
	echo "$1"
	echo "  vault:   $signed"
	echo "  openssl: $computed"
	[ -n "$signed" ] && [ "$signed" = "$computed" ] || { echo "they differ" >&2; exit 1; }
}
check v2/auth/r/wallets ''
check v2/auth/r/wallets '{}'
check v2/auth/w/order/submit '{"type":"EXCHANGE LIMIT","symbol":"tBTCUSD","amount":"0.01","price":"60000"}'
