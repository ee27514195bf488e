#!/bin/sh
# What the tests and docker-compose.yml use of the official image: every word is the server's.
set -eu

[ "${1#-}" = "$1" ] || set -- valkey-server "$@"
[ "$1" = valkey-server ] || exec "$@"

# The server's own caution about a default account without a password is for hosts, not for containers.
exec setpriv --reuid valkey --regid valkey --init-groups "$@" --protected-mode no
