#!/bin/sh
# Makes the passwords and keys of the compose platform in deploy/compose/secrets, once; those that are there stay.
# Nothing of it is committed. To begin anew: `docker compose … down --volumes`, then remove the folder.
set -eu
umask 022
cd "$(dirname "$0")"
# The folder is its owner's alone. The files in it are readable by all, because the containers' users are others.
mkdir -p secrets
chmod 0700 secrets
cd secrets

password() { openssl rand -hex 24; }

once() { # once FILE < CONTENT
  if [ -e "$1" ]; then cat >/dev/null; else cat >"$1.new" && mv "$1.new" "$1" && echo "made secrets/$1"; fi
}

[ -e service.key ] || openssl genpkey -algorithm ed25519 | once service.key
chmod 0644 service.key
for server in postgres mariadb grafana; do password | tr -d '\n' | once "$server.password"; done

# A context knows its own database and its own password. These files belong together, so all are made or none.
if [ ! -e operator.env ]; then
  : >postgres.sql
  : >mariadb.sql
  : >operator.draft
  for context in ticket booking mypage; do
    own=$(password)
    printf "CREATE ROLE %s LOGIN CREATEDB PASSWORD '%s';\n" "$context" "$own" >>postgres.sql
    url="postgres://$context:$own@postgres:5432/$context"
    echo "DATABASE_URL=$url" >"$context.env"
    echo "$(echo "$context" | tr '[:lower:]' '[:upper:]')_DATABASE_URL=$url" >>operator.draft
  done
  for context in payment notification; do
    own=$(password)
    {
      printf "CREATE USER '%s'@'%%' IDENTIFIED BY '%s';\n" "$context" "$own"
      # Its own database, and those beside it: the simulated provider's ledger is payment_provider.
      printf "GRANT ALL ON \`%s\`.* TO '%s'@'%%';\n" "$context" "$context"
      printf "GRANT ALL ON \`%s\\\\_%%\`.* TO '%s'@'%%';\n" "$context" "$context"
    } >>mariadb.sql
    url="mysql://$context:$own@mariadb:3306/$context"
    echo "DATABASE_URL=$url" >"$context.env"
    echo "$(echo "$context" | tr '[:lower:]' '[:upper:]')_DATABASE_URL=$url" >>operator.draft
  done
  mv operator.draft operator.env
  echo "made the databases' passwords"
fi

once oidc.env <<END
KC_BOOTSTRAP_ADMIN_USERNAME=admin
KC_BOOTSTRAP_ADMIN_PASSWORD=$(password)
ALICE_PASSWORD=$(password)
ACME_PASSWORD=$(password)
END
