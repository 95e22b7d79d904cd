
/*
 * history: the type purchase_history, its aggregates and its accessors
 */

CREATE TYPE tiering.purchase_history;

CREATE FUNCTION tiering.purchase_history_in(cstring)
RETURNS tiering.purchase_history
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_purchase_history_in';

CREATE FUNCTION tiering.purchase_history_out(tiering.purchase_history)
RETURNS cstring
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_purchase_history_out';

CREATE FUNCTION tiering.purchase_history_recv(internal)
RETURNS tiering.purchase_history
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_purchase_history_recv';

CREATE FUNCTION tiering.purchase_history_send(tiering.purchase_history)
RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_purchase_history_send';

CREATE TYPE tiering.purchase_history (
	INPUT = tiering.purchase_history_in,
	OUTPUT = tiering.purchase_history_out,
	RECEIVE = tiering.purchase_history_recv,
	SEND = tiering.purchase_history_send,
	INTERNALLENGTH = VARIABLE,
	STORAGE = extended
);

COMMENT ON TYPE tiering.purchase_history IS
'one customer''s purchases day by day: orders, gross and refunded money, exact and compact';
COMMENT ON FUNCTION tiering.purchase_history_in(cstring) IS 'text input';
COMMENT ON FUNCTION tiering.purchase_history_out(tiering.purchase_history) IS 'text output';
COMMENT ON FUNCTION tiering.purchase_history_recv(internal) IS 'binary input';
COMMENT ON FUNCTION tiering.purchase_history_send(tiering.purchase_history) IS 'binary output';

-- order and hash

CREATE FUNCTION tiering.purchase_history_lt(tiering.purchase_history, tiering.purchase_history)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_purchase_history_lt';

COMMENT ON FUNCTION tiering.purchase_history_lt(tiering.purchase_history, tiering.purchase_history) IS 'implements the operator <';

CREATE FUNCTION tiering.purchase_history_le(tiering.purchase_history, tiering.purchase_history)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_purchase_history_le';

COMMENT ON FUNCTION tiering.purchase_history_le(tiering.purchase_history, tiering.purchase_history) IS 'implements the operator <=';

CREATE FUNCTION tiering.purchase_history_eq(tiering.purchase_history, tiering.purchase_history)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_purchase_history_eq';

COMMENT ON FUNCTION tiering.purchase_history_eq(tiering.purchase_history, tiering.purchase_history) IS 'implements the operator =';

CREATE FUNCTION tiering.purchase_history_ne(tiering.purchase_history, tiering.purchase_history)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_purchase_history_ne';

COMMENT ON FUNCTION tiering.purchase_history_ne(tiering.purchase_history, tiering.purchase_history) IS 'implements the operator <>';

CREATE FUNCTION tiering.purchase_history_ge(tiering.purchase_history, tiering.purchase_history)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_purchase_history_ge';

COMMENT ON FUNCTION tiering.purchase_history_ge(tiering.purchase_history, tiering.purchase_history) IS 'implements the operator >=';

CREATE FUNCTION tiering.purchase_history_gt(tiering.purchase_history, tiering.purchase_history)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_purchase_history_gt';

COMMENT ON FUNCTION tiering.purchase_history_gt(tiering.purchase_history, tiering.purchase_history) IS 'implements the operator >';

CREATE FUNCTION tiering.purchase_history_cmp(tiering.purchase_history, tiering.purchase_history)
RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_purchase_history_cmp';

CREATE FUNCTION tiering.purchase_history_hash(tiering.purchase_history)
RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_purchase_history_hash';

CREATE FUNCTION tiering.purchase_history_hash_extended(tiering.purchase_history, bigint)
RETURNS bigint
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_purchase_history_hash_extended';

COMMENT ON FUNCTION tiering.purchase_history_cmp(tiering.purchase_history, tiering.purchase_history) IS 'order, for btree indexes';
COMMENT ON FUNCTION tiering.purchase_history_hash(tiering.purchase_history) IS 'hash';
COMMENT ON FUNCTION tiering.purchase_history_hash_extended(tiering.purchase_history, bigint) IS 'hash with a seed';

CREATE OPERATOR tiering.< (
	FUNCTION = tiering.purchase_history_lt,
	LEFTARG = tiering.purchase_history, RIGHTARG = tiering.purchase_history,
	COMMUTATOR = OPERATOR(tiering.>), NEGATOR = OPERATOR(tiering.>=),
	RESTRICT = pg_catalog.scalarltsel, JOIN = pg_catalog.scalarltjoinsel
);

COMMENT ON OPERATOR tiering.< (tiering.purchase_history, tiering.purchase_history) IS 'is less than';

CREATE OPERATOR tiering.<= (
	FUNCTION = tiering.purchase_history_le,
	LEFTARG = tiering.purchase_history, RIGHTARG = tiering.purchase_history,
	COMMUTATOR = OPERATOR(tiering.>=), NEGATOR = OPERATOR(tiering.>),
	RESTRICT = pg_catalog.scalarlesel, JOIN = pg_catalog.scalarlejoinsel
);

COMMENT ON OPERATOR tiering.<= (tiering.purchase_history, tiering.purchase_history) IS 'is less than or equal to';

CREATE OPERATOR tiering.= (
	FUNCTION = tiering.purchase_history_eq,
	LEFTARG = tiering.purchase_history, RIGHTARG = tiering.purchase_history,
	COMMUTATOR = OPERATOR(tiering.=), NEGATOR = OPERATOR(tiering.<>),
	RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel,
	HASHES, MERGES
);

COMMENT ON OPERATOR tiering.= (tiering.purchase_history, tiering.purchase_history) IS 'equals';

CREATE OPERATOR tiering.<> (
	FUNCTION = tiering.purchase_history_ne,
	LEFTARG = tiering.purchase_history, RIGHTARG = tiering.purchase_history,
	COMMUTATOR = OPERATOR(tiering.<>), NEGATOR = OPERATOR(tiering.=),
	RESTRICT = pg_catalog.neqsel, JOIN = pg_catalog.neqjoinsel
);

COMMENT ON OPERATOR tiering.<> (tiering.purchase_history, tiering.purchase_history) IS 'differs from';

CREATE OPERATOR tiering.>= (
	FUNCTION = tiering.purchase_history_ge,
	LEFTARG = tiering.purchase_history, RIGHTARG = tiering.purchase_history,
	COMMUTATOR = OPERATOR(tiering.<=), NEGATOR = OPERATOR(tiering.<),
	RESTRICT = pg_catalog.scalargesel, JOIN = pg_catalog.scalargejoinsel
);

COMMENT ON OPERATOR tiering.>= (tiering.purchase_history, tiering.purchase_history) IS 'is greater than or equal to';

CREATE OPERATOR tiering.> (
	FUNCTION = tiering.purchase_history_gt,
	LEFTARG = tiering.purchase_history, RIGHTARG = tiering.purchase_history,
	COMMUTATOR = OPERATOR(tiering.<), NEGATOR = OPERATOR(tiering.<=),
	RESTRICT = pg_catalog.scalargtsel, JOIN = pg_catalog.scalargtjoinsel
);

COMMENT ON OPERATOR tiering.> (tiering.purchase_history, tiering.purchase_history) IS 'is greater than';

CREATE OPERATOR CLASS tiering.purchase_history_ops
DEFAULT FOR TYPE tiering.purchase_history USING btree AS
	OPERATOR 1 tiering.<,
	OPERATOR 2 tiering.<=,
	OPERATOR 3 tiering.=,
	OPERATOR 4 tiering.>=,
	OPERATOR 5 tiering.>,
	FUNCTION 1 tiering.purchase_history_cmp(tiering.purchase_history, tiering.purchase_history);

CREATE OPERATOR CLASS tiering.purchase_history_ops
DEFAULT FOR TYPE tiering.purchase_history USING hash AS
	OPERATOR 1 tiering.=,
	FUNCTION 1 tiering.purchase_history_hash(tiering.purchase_history),
	FUNCTION 2 tiering.purchase_history_hash_extended(tiering.purchase_history, bigint);

-- aggregates: the state is a purchase_history too, so every plan may split them

CREATE FUNCTION tiering.merge(a tiering.purchase_history, b tiering.purchase_history)
RETURNS tiering.purchase_history
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_merge';

COMMENT ON FUNCTION tiering.merge(tiering.purchase_history, tiering.purchase_history) IS
'both histories as one; a NULL counts as no purchases';

CREATE FUNCTION tiering.purchase_history_combine(tiering.purchase_history, tiering.purchase_history)
RETURNS tiering.purchase_history
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_merge';

CREATE FUNCTION tiering.purchase_history_final(tiering.purchase_history)
RETURNS tiering.purchase_history
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_purchase_history_final';

COMMENT ON FUNCTION tiering.purchase_history_combine(tiering.purchase_history, tiering.purchase_history) IS
'merges two transition states of purchase_history_agg() and rollup()';
COMMENT ON FUNCTION tiering.purchase_history_final(tiering.purchase_history) IS
'canonical form of a transition state';

CREATE FUNCTION tiering.purchase_history_accum(state tiering.purchase_history, purchased_on date, amount numeric)
RETURNS tiering.purchase_history
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_purchase_history_accum_date';

CREATE AGGREGATE tiering.purchase_history_agg(purchased_on date, amount numeric) (
	SFUNC = tiering.purchase_history_accum,
	STYPE = tiering.purchase_history,
	SSPACE = 128,
	FINALFUNC = tiering.purchase_history_final,
	COMBINEFUNC = tiering.purchase_history_combine,
	PARALLEL = SAFE
);

COMMENT ON FUNCTION tiering.purchase_history_accum(tiering.purchase_history, date, numeric) IS
'adds one row to a history';
COMMENT ON AGGREGATE tiering.purchase_history_agg(date, numeric) IS
'history of a customer from one row an order; a negative amount is a refund';

CREATE FUNCTION tiering.purchase_history_accum(state tiering.purchase_history, purchased_on date, amount numeric, orders bigint)
RETURNS tiering.purchase_history
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_purchase_history_accum_date';

CREATE AGGREGATE tiering.purchase_history_agg(purchased_on date, amount numeric, orders bigint) (
	SFUNC = tiering.purchase_history_accum,
	STYPE = tiering.purchase_history,
	SSPACE = 128,
	FINALFUNC = tiering.purchase_history_final,
	COMBINEFUNC = tiering.purchase_history_combine,
	PARALLEL = SAFE
);

COMMENT ON FUNCTION tiering.purchase_history_accum(tiering.purchase_history, date, numeric, bigint) IS
'adds one row to a history';
COMMENT ON AGGREGATE tiering.purchase_history_agg(date, numeric, bigint) IS
'history of a customer from rows that each stand for so many orders; a negative amount is a refund';

CREATE FUNCTION tiering.purchase_history_accum(state tiering.purchase_history, purchased_at timestamp, amount numeric)
RETURNS tiering.purchase_history
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_purchase_history_accum_timestamp';

CREATE AGGREGATE tiering.purchase_history_agg(purchased_at timestamp, amount numeric) (
	SFUNC = tiering.purchase_history_accum,
	STYPE = tiering.purchase_history,
	SSPACE = 128,
	FINALFUNC = tiering.purchase_history_final,
	COMBINEFUNC = tiering.purchase_history_combine,
	PARALLEL = SAFE
);

COMMENT ON FUNCTION tiering.purchase_history_accum(tiering.purchase_history, timestamp, numeric) IS
'adds one row to a history';
COMMENT ON AGGREGATE tiering.purchase_history_agg(timestamp, numeric) IS
'history of a customer from one row an order; a negative amount is a refund';

CREATE FUNCTION tiering.purchase_history_accum(state tiering.purchase_history, purchased_at timestamp, amount numeric, orders bigint)
RETURNS tiering.purchase_history
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_purchase_history_accum_timestamp';

CREATE AGGREGATE tiering.purchase_history_agg(purchased_at timestamp, amount numeric, orders bigint) (
	SFUNC = tiering.purchase_history_accum,
	STYPE = tiering.purchase_history,
	SSPACE = 128,
	FINALFUNC = tiering.purchase_history_final,
	COMBINEFUNC = tiering.purchase_history_combine,
	PARALLEL = SAFE
);

COMMENT ON FUNCTION tiering.purchase_history_accum(tiering.purchase_history, timestamp, numeric, bigint) IS
'adds one row to a history';
COMMENT ON AGGREGATE tiering.purchase_history_agg(timestamp, numeric, bigint) IS
'history of a customer from rows that each stand for so many orders; a negative amount is a refund';

CREATE FUNCTION tiering.purchase_history_accum(state tiering.purchase_history, purchased_at timestamptz, amount numeric, time_zone text)
RETURNS tiering.purchase_history
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_purchase_history_accum_timestamptz';

CREATE AGGREGATE tiering.purchase_history_agg(purchased_at timestamptz, amount numeric, time_zone text) (
	SFUNC = tiering.purchase_history_accum,
	STYPE = tiering.purchase_history,
	SSPACE = 128,
	FINALFUNC = tiering.purchase_history_final,
	COMBINEFUNC = tiering.purchase_history_combine,
	PARALLEL = SAFE
);

COMMENT ON FUNCTION tiering.purchase_history_accum(tiering.purchase_history, timestamptz, numeric, text) IS
'adds one row to a history';
COMMENT ON AGGREGATE tiering.purchase_history_agg(timestamptz, numeric, text) IS
'history of a customer from one row an order; a negative amount is a refund';

CREATE FUNCTION tiering.purchase_history_accum(state tiering.purchase_history, purchased_at timestamptz, amount numeric, time_zone text, orders bigint)
RETURNS tiering.purchase_history
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_purchase_history_accum_timestamptz';

CREATE AGGREGATE tiering.purchase_history_agg(purchased_at timestamptz, amount numeric, time_zone text, orders bigint) (
	SFUNC = tiering.purchase_history_accum,
	STYPE = tiering.purchase_history,
	SSPACE = 128,
	FINALFUNC = tiering.purchase_history_final,
	COMBINEFUNC = tiering.purchase_history_combine,
	PARALLEL = SAFE
);

COMMENT ON FUNCTION tiering.purchase_history_accum(tiering.purchase_history, timestamptz, numeric, text, bigint) IS
'adds one row to a history';
COMMENT ON AGGREGATE tiering.purchase_history_agg(timestamptz, numeric, text, bigint) IS
'history of a customer from rows that each stand for so many orders; a negative amount is a refund';

CREATE AGGREGATE tiering.rollup(history tiering.purchase_history) (
	SFUNC = tiering.purchase_history_combine,
	STYPE = tiering.purchase_history,
	SSPACE = 256,
	FINALFUNC = tiering.purchase_history_final,
	COMBINEFUNC = tiering.purchase_history_combine,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE tiering.rollup(tiering.purchase_history) IS
'all histories as one: several shops of a customer, or all customers of a shop';

-- slices

CREATE FUNCTION tiering.history_until(history tiering.purchase_history, as_of date)
RETURNS tiering.purchase_history
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_history_until';

COMMENT ON FUNCTION tiering.history_until(tiering.purchase_history, date) IS
'what was known at the end of as_of';

CREATE FUNCTION tiering.history_between(history tiering.purchase_history, first_day date, last_day date)
RETURNS tiering.purchase_history
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_history_between';

COMMENT ON FUNCTION tiering.history_between(tiering.purchase_history, date, date) IS
'the days from first_day to last_day, both included';

CREATE FUNCTION tiering.history_void_refunds(history tiering.purchase_history)
RETURNS tiering.purchase_history
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_history_void_refunds';

COMMENT ON FUNCTION tiering.history_void_refunds(tiering.purchase_history) IS
'without the purchases of days whose refunds took all their money back';

CREATE FUNCTION tiering.purchases(history tiering.purchase_history)
RETURNS TABLE (purchased_on date, orders integer, amount numeric, refunded numeric)
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 12
AS 'MODULE_PATHNAME', 'tiering_purchases';

COMMENT ON FUNCTION tiering.purchases(tiering.purchase_history) IS
'the history as rows, one a day with any movement';

-- accessors: what happened until the end of as_of

CREATE FUNCTION tiering.first_purchase(history tiering.purchase_history, as_of date)
RETURNS date
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_first_purchase';

COMMENT ON FUNCTION tiering.first_purchase(tiering.purchase_history, date) IS
'day of the first purchase; NULL if none';

CREATE FUNCTION tiering.last_purchase(history tiering.purchase_history, as_of date)
RETURNS date
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_last_purchase';

COMMENT ON FUNCTION tiering.last_purchase(tiering.purchase_history, date) IS
'day of the last purchase; NULL if none';

CREATE FUNCTION tiering.order_count(history tiering.purchase_history, as_of date)
RETURNS bigint
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_order_count';

COMMENT ON FUNCTION tiering.order_count(tiering.purchase_history, date) IS
'number of orders';

CREATE FUNCTION tiering.most_orders_in_a_day(history tiering.purchase_history, as_of date)
RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_most_orders_in_a_day';

COMMENT ON FUNCTION tiering.most_orders_in_a_day(tiering.purchase_history, date) IS
'orders on the busiest day';

CREATE FUNCTION tiering.purchase_days(history tiering.purchase_history, as_of date)
RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_purchase_days';

COMMENT ON FUNCTION tiering.purchase_days(tiering.purchase_history, date) IS
'number of days with an order';

CREATE FUNCTION tiering.gross_total(history tiering.purchase_history, as_of date)
RETURNS numeric
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_gross_total';

COMMENT ON FUNCTION tiering.gross_total(tiering.purchase_history, date) IS
'money of the orders, before refunds';

CREATE FUNCTION tiering.refunded_total(history tiering.purchase_history, as_of date)
RETURNS numeric
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_refunded_total';

COMMENT ON FUNCTION tiering.refunded_total(tiering.purchase_history, date) IS
'money given back, as a positive number';

CREATE FUNCTION tiering.net_total(history tiering.purchase_history, as_of date)
RETURNS numeric
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_net_total';

COMMENT ON FUNCTION tiering.net_total(tiering.purchase_history, date) IS
'money of the orders less refunds';

CREATE FUNCTION tiering.mean_order_value(history tiering.purchase_history, as_of date)
RETURNS numeric
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_mean_order_value';

COMMENT ON FUNCTION tiering.mean_order_value(tiering.purchase_history, date) IS
'gross money per order; NULL without orders';

CREATE FUNCTION tiering.mean_gap(history tiering.purchase_history, as_of date)
RETURNS double precision
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_mean_gap';

COMMENT ON FUNCTION tiering.mean_gap(tiering.purchase_history, date) IS
'mean number of days between purchase days; NULL if fewer than two';

CREATE FUNCTION tiering.last_gap(history tiering.purchase_history, as_of date)
RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_last_gap';

COMMENT ON FUNCTION tiering.last_gap(tiering.purchase_history, date) IS
'days between the last two purchase days; NULL if fewer than two';

CREATE FUNCTION tiering.gaps(history tiering.purchase_history, as_of date)
RETURNS integer[]
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_gaps';

COMMENT ON FUNCTION tiering.gaps(tiering.purchase_history, date) IS
'days from each purchase day to the next, oldest first';

CREATE FUNCTION tiering.local_date(instant timestamptz, time_zone text)
RETURNS date
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_local_date';

COMMENT ON FUNCTION tiering.local_date(timestamptz, text) IS
'calendar day of an instant where the shop is';

-- the fast road to the histories of all customers

CREATE FUNCTION tiering.purchase_histories(query text)
RETURNS SETOF record
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED ROWS 100000 COST 1000000
AS 'MODULE_PATHNAME', 'tiering_purchase_histories';

CREATE FUNCTION tiering.purchase_histories(query text, customers anyarray)
RETURNS SETOF record
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED ROWS 10000 COST 100000
AS 'MODULE_PATHNAME', 'tiering_purchase_histories';

COMMENT ON FUNCTION tiering.purchase_histories(text) IS
'histories of all customers of a query that gives customer, date, amount and, if wanted, source rows';
COMMENT ON FUNCTION tiering.purchase_histories(text, anyarray) IS
'the same for a query with a parameter $1, such as the customers to look at';

-- not for use by hand: refresh writes all histories with it

CREATE FUNCTION tiering.store_purchase_histories(new_table regclass, query text, void_refunds boolean)
RETURNS bigint
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'tiering_store_purchase_histories';

COMMENT ON FUNCTION tiering.store_purchase_histories(regclass, text, boolean) IS
'writes the histories of a query straight into a new table without indexes; returns their number';
