#!/bin/sh
# What the tests and docker-compose.yml use of the official image: MARIADB_ROOT_PASSWORD, MARIADB_DATABASE, MARIADB_USER,
# MARIADB_PASSWORD and scripts in /docker-entrypoint-initdb.d.
set -eu

[ "${1#-}" = "$1" ] || set -- mariadbd "$@"
[ "$1" = mariadbd ] || exec "$@"

quoted() { printf '%s' "$1" | sed "s/[\\\\']/\\\\&/g; s/^/'/; s/$/'/"; }

if [ ! -d /var/lib/mysql/mysql ]; then
  root=$(quoted "${MARIADB_ROOT_PASSWORD:?is the password of root}")
  mariadb-install-db --user=mysql --skip-test-db --auth-root-authentication-method=normal >/dev/null

  # Nobody from outside gets in before all is set up.
  "$@" --user=mysql --skip-networking &
  until mariadb -e 'SELECT 1' >/dev/null 2>&1; do
    kill -0 $! || exit 1
    sleep 0.1
  done
  mariadb <<SQL
    CREATE USER root@'%' IDENTIFIED BY $root;
    GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;
    -- Made for the name of this host; they would stand before root@'%'.
    DROP USER IF EXISTS root@'$(hostname)', ''@'$(hostname)', ''@localhost;
    ALTER USER root@localhost IDENTIFIED BY $root;
SQL
  export MYSQL_PWD="$MARIADB_ROOT_PASSWORD"
  if [ -n "${MARIADB_DATABASE:-}" ]; then
    mariadb -e "CREATE DATABASE \`$MARIADB_DATABASE\`"
  fi
  if [ -n "${MARIADB_USER:-}" ]; then
    mariadb <<SQL
      CREATE USER '$MARIADB_USER'@'%' IDENTIFIED BY $(quoted "$MARIADB_PASSWORD");
      GRANT ALL ON \`${MARIADB_DATABASE:-$MARIADB_USER}\`.* TO '$MARIADB_USER'@'%';
SQL
  fi
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh) . "$file" ;;
      *.sql) mariadb "${MARIADB_DATABASE:-}" <"$file" ;;
    esac
  done
  mariadb -e SHUTDOWN
  unset MYSQL_PWD
  wait $!
fi
exec "$@" --user=mysql
