\set ON_ERROR_STOP on
-- What `stagedrollout db roles` prints for the administrator, for a server of one's own: two roles and a database. It may be run
-- again, and then sets the passwords anew. The passwords are read from files, in the folder that SECRETS names.
\set owner_password `cat "$SECRETS/owner"`
\set daemon_password `cat "$SECRETS/database"`
SELECT 'CREATE ROLE stagedrollout_owner LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'stagedrollout_owner') \gexec
SELECT 'CREATE ROLE stagedrollout LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'stagedrollout') \gexec
ALTER ROLE stagedrollout_owner PASSWORD :'owner_password';
ALTER ROLE stagedrollout PASSWORD :'daemon_password';
SELECT 'CREATE DATABASE stagedrollout OWNER stagedrollout_owner'
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'stagedrollout') \gexec
\connect stagedrollout
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO stagedrollout_owner;
