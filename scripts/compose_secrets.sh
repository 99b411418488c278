#!/bin/sh
# Writes the secrets that docker-compose.yml asks for, once; what is there already stays.
set -eu
cd "$(dirname "$0")/.."
umask 077
mkdir -p secrets
random() { head -c 48 /dev/urandom | base64 | tr -d '/+=\n' | head -c 32; }
for name in database_password broker_password objects_access_key objects_secret_key; do
    [ -s "secrets/$name" ] || random >"secrets/$name"
done
[ -s secrets/objects_config.json ] || cat >secrets/objects_config.json <<JSON
{"identities": [{"name": "hie", "credentials": [{"accessKey": "$(cat secrets/objects_access_key)",
 "secretKey": "$(cat secrets/objects_secret_key)"}], "actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}
JSON
[ -s secrets/audit-key.pem ] || openssl genpkey -algorithm ed25519 -out secrets/audit-key.pem 2>/dev/null
# the containers run as another user than the one who wrote the files
chmod 755 secrets && chmod 644 secrets/*
echo "secrets/ is ready; keep it out of backups that others can read"
