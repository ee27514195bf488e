# Two accounts with the same rights. The passwords of this file must be without quotes and backslashes.
mariadb --user root --password="$MARIADB_ROOT_PASSWORD" <<SQL
CREATE DATABASE app;
CREATE USER app_a@'%' IDENTIFIED BY '$APP_A_PASSWORD';
CREATE USER app_b@'%' IDENTIFIED BY '$APP_B_PASSWORD';
GRANT ALL ON app.* TO app_a@'%', app_b@'%';
SQL
