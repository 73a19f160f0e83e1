#!/bin/sh
# Generates what docker-compose.yml mounts as secrets, once; what is there stays.
#
#   deploy/docker/secrets.sh [directory]
set -eu
umask 077
dir=${1:-"$(dirname "$0")/../../.secrets"}
mkdir -p "$dir"
cd "$dir"

# put writes standard input to a file unless that exists.
put() { if [ -e "$1" ]; then cat >/dev/null; else cat >"$1"; fi; }
random() { openssl rand -base64 32; }
# key is a project key: a prefix and 45 characters.
key() { printf '%s_' "$1"; openssl rand 4096 | tr -dc 'a-hjkmnp-tv-z0-9' | head -c 45; }

[ -e principal_key ] || openssl genpkey -algorithm ed25519 -out principal_key
openssl pkey -in principal_key -pubout | put principal_public_keys
[ -e credential_key ] || openssl genpkey -algorithm ed25519 -out credential_key
openssl pkey -in credential_key -pubout | put credential_public_keys
random | put service_key
openssl rand -hex 24 | put postgres_password

for service in identity sessions teams notifications payments; do
	echo "k1:$(random)" | put "${service}_encryption_keys"
	random | put "${service}_code_key"
	[ -e "${service}_postgres_url" ] ||
		echo "postgres://$service:$(openssl rand -hex 24)@postgres:5432/$service" | put "${service}_postgres_url"
done

# Run by the Postgres image when it makes its data directory.
for service in identity sessions teams notifications payments; do
	password=$(sed 's|.*://[^:]*:\([^@]*\)@.*|\1|' "${service}_postgres_url")
	echo "CREATE ROLE $service LOGIN PASSWORD '$password';"
	echo "CREATE DATABASE $service OWNER $service;"
	echo "REVOKE ALL ON DATABASE $service FROM PUBLIC;"
done | put databases.sql

put seed.json <<JSON
{"projects": {"internal": {"id": "internal", "publishable_client_key": "$(key pck)",
  "secret_server_key": "$(key ssk)", "super_secret_admin_key": "$(key sak)"}}}
JSON

# Containers run as another user; the directory keeps everybody else out.
chmod 0644 ./*
echo "secrets are in $PWD"
