#!/usr/bin/env bash
# Run once by the image of PostgreSQL, on an empty volume: a database and a role per service,
# and a role that may read them all. Passwords are those of the addresses that the services get.
# The image sources it when its mode is lost: nothing may be set that breaks what comes after.
set -e

address() {
    cat "${SECRETS:-/run/secrets}/$1-database-url"
}

password_in() {
    local rest="${1#*://*:}"
    local password="${rest%@*}"
    if [ "$password" = "$1" ] || [ -z "$password" ] || [ "${password#*%}" != "$password" ]; then
        echo "databases.sh: expected postgresql://role:password@host/database, password without %" >&2
        return 1
    fi
    printf '%s' "$password"
}

run_sql() {
    psql --set ON_ERROR_STOP=1 --no-password --no-psqlrc --quiet \
        --username "$POSTGRES_USER" --dbname postgres "$@"
}

AUDIT_PASSWORD=$(password_in "$(address audit-industrial)")
export AUDIT_PASSWORD
run_sql <<'SQL'
\getenv password AUDIT_PASSWORD
create role audit login password :'password';
alter role audit set default_transaction_read_only = on;
grant pg_read_all_data to audit;
revoke all on database postgres, template1 from public;
SQL

for service in industrial agri personal grading points; do
    ROLE_PASSWORD=$(password_in "$(address "$service")")
    export ROLE_PASSWORD
    run_sql --set service="$service" <<'SQL'
\getenv password ROLE_PASSWORD
create role :"service" login password :'password';
create database :"service" owner :"service";
revoke all on database :"service" from public;
grant connect on database :"service" to audit;
SQL
    echo "databases.sh: $service"
done
unset AUDIT_PASSWORD ROLE_PASSWORD
