#!/bin/sh
# Make the secrets that docker-compose.yml mounts, in deploy/compose/secrets. What exists is
# kept; the token with which services ask each other is renewed each time.
set -eu
cd "$(dirname "$0")/../.."
directory=deploy/compose/secrets
mkdir -p "$directory"
chmod 700 "$directory"
# What is mounted from the clone is read by users of the containers' own; a strict umask hides it.
chmod -R a+rX deploy/compose/kafka deploy/compose/postgres deploy/prometheus deploy/grafana
docker compose build setup
exec docker compose run --rm --user "$(id -u):$(id -g)" secrets
