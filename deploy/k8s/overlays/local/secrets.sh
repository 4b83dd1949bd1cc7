#!/bin/sh
# Make the secrets of the local overlay: in secrets/ the signing key, in *.env what kustomize takes.
# What exists is kept. `tanzhang token --key secrets/signing-key.pem` gives tokens.
set -eu
cd "$(dirname "$0")"
umask 077
tanzhang secrets secrets
random() {
    od -An -N32 -tx1 /dev/urandom | tr -d ' \n'
}
[ -s secrets/webhook-key ] || random > secrets/webhook-key
[ -s secrets/audit-password ] || random > secrets/audit-password
cat > keys.env <<EOF
jwks.json=$(tr -d '\n' < secrets/jwks.json)
erasure-key=$(cat secrets/erasure-key)
webhook-key=$(cat secrets/webhook-key)
service-token=$(cat secrets/service-token)
EOF
cat > audit-db.env <<EOF
username=audit
password=$(cat secrets/audit-password)
EOF
