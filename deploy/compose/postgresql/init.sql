-- Makes a database and its owner for each service and for the observer's ledger,
-- and a user that may only read the ledger, for Grafana. psql runs it once, on a
-- new server; the passwords come from the environment.
\set ON_ERROR_STOP on
\getenv services_password SERVICES_DB_PASSWORD
\getenv grafana_password GRAFANA_DB_PASSWORD

CREATE ROLE orders       LOGIN PASSWORD :'services_password';
CREATE ROLE inventory    LOGIN PASSWORD :'services_password';
CREATE ROLE payment      LOGIN PASSWORD :'services_password';
CREATE ROLE delivery     LOGIN PASSWORD :'services_password';
CREATE ROLE notification LOGIN PASSWORD :'services_password';
CREATE ROLE ledger       LOGIN PASSWORD :'services_password';

-- "order" is a word of SQL, so that database has the plural's name.
CREATE DATABASE orders       OWNER orders;
CREATE DATABASE inventory    OWNER inventory;
CREATE DATABASE payment      OWNER payment;
CREATE DATABASE delivery     OWNER delivery;
CREATE DATABASE notification OWNER notification;
CREATE DATABASE ledger       OWNER ledger;

-- No service gets into another's database.
REVOKE CONNECT ON DATABASE orders, inventory, payment, delivery, notification, ledger FROM PUBLIC;

-- Grafana reads the ledger and nothing else; a query that takes long is ended.
CREATE ROLE grafana LOGIN PASSWORD :'grafana_password' CONNECTION LIMIT 20;
ALTER ROLE grafana SET default_transaction_read_only = on;
ALTER ROLE grafana SET statement_timeout = '10s';
GRANT CONNECT ON DATABASE ledger TO grafana;
\connect ledger
GRANT USAGE ON SCHEMA public TO grafana;
ALTER DEFAULT PRIVILEGES FOR ROLE ledger IN SCHEMA public GRANT SELECT ON TABLES TO grafana;
