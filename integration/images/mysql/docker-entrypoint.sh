#!/bin/sh
# What the tests and docker-compose.yml use of the official image: MYSQL_ROOT_PASSWORD, MYSQL_DATABASE, MYSQL_USER,
# MYSQL_PASSWORD and scripts in /docker-entrypoint-initdb.d.
set -eu

[ "${1#-}" = "$1" ] || set -- mysqld "$@"
[ "$1" = mysqld ] || exec "$@"

quoted() { printf '%s' "$1" | sed "s/[\\\\']/\\\\&/g; s/^/'/; s/$/'/"; }

if [ ! -d /var/lib/mysql/mysql ]; then
  root=$(quoted "${MYSQL_ROOT_PASSWORD:?is the password of root}")
  mysqld --initialize-insecure --user=mysql

  # Nobody from outside gets in before all is set up.
  "$@" --user=mysql --skip-networking &
  until mysql -e 'SELECT 1' >/dev/null 2>&1; do
    kill -0 $! || exit 1
    sleep 0.1
  done
  mysql <<SQL
    CREATE USER root@'%' IDENTIFIED BY $root;
    GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;
    ALTER USER root@localhost IDENTIFIED BY $root;
SQL
  export MYSQL_PWD="$MYSQL_ROOT_PASSWORD"
  if [ -n "${MYSQL_DATABASE:-}" ]; then
    mysql -e "CREATE DATABASE \`$MYSQL_DATABASE\`"
  fi
  if [ -n "${MYSQL_USER:-}" ]; then
    mysql <<SQL
      CREATE USER '$MYSQL_USER'@'%' IDENTIFIED BY $(quoted "$MYSQL_PASSWORD");
      GRANT ALL ON \`${MYSQL_DATABASE:-$MYSQL_USER}\`.* TO '$MYSQL_USER'@'%';
SQL
  fi
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh) . "$file" ;;
      *.sql) mysql "${MYSQL_DATABASE:-}" <"$file" ;;
    esac
  done
  mysql -e SHUTDOWN
  unset MYSQL_PWD
  wait $!
fi
exec "$@" --user=mysql
