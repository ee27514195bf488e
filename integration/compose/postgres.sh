# Two roles in one owner: what either makes belongs to both.
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv a APP_A_PASSWORD
\getenv b APP_B_PASSWORD
CREATE ROLE app_owner NOLOGIN;
CREATE DATABASE app OWNER app_owner;
CREATE ROLE app_a LOGIN PASSWORD :'a' IN ROLE app_owner;
CREATE ROLE app_b LOGIN PASSWORD :'b' IN ROLE app_owner;
ALTER ROLE app_a SET role = app_owner;
ALTER ROLE app_b SET role = app_owner;
SQL
