#!/bin/sh
# Apache Kafka with a user whose password comes from a file: formats the volume once, then serves.
set -eu

configuration=${KAFKA_CONFIGURATION:-/etc/tanzhang/server.properties}
password=$(cat "${KAFKA_PASSWORD_FILE:-/run/secrets/kafka-password}")
bin=${KAFKA_HOME:-/opt/kafka}/bin

if [ -z "$password" ]; then
    echo "start.sh: the file of the password is empty" >&2
    exit 1
fi
# A volume that is formatted already is left as it is, its users with it: Kafka refuses it under
# another id, also with --ignore-formatted.
data=$(sed -n 's/^log\.dirs=//p' "$configuration")
if [ ! -e "$data/meta.properties" ]; then
    "$bin/kafka-storage.sh" format --config "$configuration" \
        --cluster-id="$("$bin/kafka-storage.sh" random-uuid)" \
        --add-scram "SCRAM-SHA-512=[name=tanzhang,password=$password]"
fi
exec "$bin/kafka-server-start.sh" "$configuration"
