/*
 * customer_tiering: customers, what they are worth and who is leaving, from
 * the orders table that a database already has.
 */

-- complain if the script is sourced in psql rather than by CREATE EXTENSION
\echo Use "CREATE EXTENSION customer_tiering" to load this file. \quit

GRANT USAGE ON SCHEMA tiering TO PUBLIC;

COMMENT ON SCHEMA tiering IS
'customer_tiering: functions, types and procedures; each pipeline has a schema of its own';
