#!/bin/sh
# Prints the public key of the development issuer as a JWKS, for servers that listen beyond loopback in a cluster of one's
# own: with OIDC_ISSUER=boxoffice-development they trust what `boxoffice token` signs with the same key.
#
#   jwks.sh DATA_DIR/issuer.key >jwks.json
set -eu
key=${1:?"the issuer's key is needed: DATA_DIR/issuer.key, which \`boxoffice token\` makes"}

base64url() { base64 -w 0 | tr '+/' '-_' | tr -d '='; }

# The last 32 bytes of the public key in DER are the key itself.
public=$(openssl pkey -in "$key" -pubout -outform DER | tail -c 32 | base64url)
# Its name is its thumbprint (RFC 7638).
name=$(printf '{"crv":"Ed25519","kty":"OKP","x":"%s"}' "$public" | openssl dgst -sha256 -binary | base64url)
printf '{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"%s","x":"%s"}]}\n' "$name" "$public"
