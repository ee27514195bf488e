#!/usr/bin/env bash
# Builds the images of the five servers from Debian packages, for machines that reach no image registry: a base by
# debootstrap, and on it one image for each server, with the environment variables of the official ones. What is there
# already is reused. Prints a line `export REKEY_…_IMAGE=…` for each; all else goes to stderr.
#   eval "$(integration/images/build.sh)"
set -euo pipefail
cd "$(dirname "$0")"

suite=sid
base=rekey-debian:$suite
servers=(postgres mysql mariadb redis valkey)
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

build_base() {
  local mirror
  # The mirror that this machine uses; debootstrap knows one itself where there is no apt to ask.
  mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' 2>/dev/null | head -n 1)
  debootstrap --variant=minbase "$suite" "$logs/root" ${mirror:+"$mirror"} >"$logs/base" 2>&1 || return
  rm -rf "$logs"/root/var/cache/apt/archives/*.deb
  tar -C "$logs/root" -c . | docker import --change 'CMD ["bash"]' - "$base" >>"$logs/base" 2>&1
}

build() {
  local server=$1
  docker build --tag "rekey-$server" "$server" >"$logs/$server" 2>&1
}

# $1 is what was built, with which exit code ($2).
report() {
  if [ "$2" -ne 0 ]; then
    tail -n 40 "$logs/$1"
    echo "$1 could not be built"
    failed=1
  else
    echo "$1 is built"
  fi >&2
}

failed=0
if ! docker image inspect "$base" >/dev/null 2>&1; then
  status=0
  build_base || status=$?
  report base "$status"
  [ "$failed" -eq 0 ] || exit 1
fi

declare -A builds
for server in "${servers[@]}"; do
  build "$server" &
  builds[$server]=$!
done
for server in "${servers[@]}"; do
  status=0
  wait "${builds[$server]}" || status=$?
  report "$server" "$status"
done
[ "$failed" -eq 0 ] || exit 1

for server in "${servers[@]}"; do
  echo "export REKEY_${server^^}_IMAGE=rekey-$server"
done
