
/*
 * pipeline: the orders as every later step reads them
 */

-- A table with its partitions and inheritance children
CREATE FUNCTION tiering.relation_parts(source regclass)
RETURNS TABLE (relid oid)
LANGUAGE SQL STABLE
BEGIN ATOMIC
	WITH RECURSIVE part AS (
		SELECT source::oid AS relid
		UNION
		SELECT i.inhrelid FROM part JOIN pg_catalog.pg_inherits AS i ON i.inhparent = part.relid
	)
	SELECT part.relid FROM part ORDER BY part.relid;
END;

-- Can changed rows be told by their row version?  Only plain tables have one.
CREATE FUNCTION tiering.has_row_versions(source regclass)
RETURNS boolean
LANGUAGE SQL STABLE
BEGIN ATOMIC
	SELECT pg_catalog.bool_and(c.relkind = 'p' OR c.relkind IN ('r', 'm') AND am.amname = 'heap')
	FROM tiering.relation_parts(source) AS part
		JOIN pg_catalog.pg_class AS c ON c.oid = part.relid
		LEFT JOIN pg_catalog.pg_am AS am ON am.oid = c.relam;
END;

-- Do they tell everything, for what the orders are now?  A foreign part has
-- none, and row security may change what the owner sees.
CREATE FUNCTION tiering.row_versions_tell(source regclass)
RETURNS boolean
LANGUAGE SQL STABLE
BEGIN ATOMIC
	SELECT tiering.has_row_versions(source) AND NOT EXISTS (
		SELECT FROM tiering.relation_parts(source) AS t WHERE pg_catalog.row_security_active(t.relid));
END;

-- Does the filter give the same for a row as long as the row is the same?
-- The server knows the answer: it asks it of the predicate of an index.
CREATE FUNCTION tiering.filter_is_fixed(pipeline text, orders regclass, filter text)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	trial text;
BEGIN
	IF filter IS NULL THEN
		RETURN true;
	END IF;
	-- under the table's own name, which the filter may use
	trial := (SELECT c.relname FROM pg_class AS c WHERE c.oid = orders);
	IF to_regclass(format('%I.%I', pipeline, trial)) IS NOT NULL THEN
		trial := 'filter_trial';
	END IF;
	BEGIN
		EXECUTE format('CREATE TABLE %I.%I (LIKE %s)', pipeline, trial, orders);
		EXECUTE format(E'CREATE INDEX ON %I.%I ((1)) WHERE (%s\n)', pipeline, trial, filter);
	EXCEPTION WHEN invalid_object_definition OR feature_not_supported OR undefined_table
			OR insufficient_privilege OR invalid_column_reference THEN
		RETURN false;
	END;
	EXECUTE format('DROP TABLE %I.%I', pipeline, trial);
	RETURN true;
END;
$$;

-- What tells changed orders
CREATE FUNCTION tiering.changes_by(pipeline text, orders regclass, changed_at text, filter text)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT tiering.filter_is_fixed(pipeline, orders, filter) THEN
		RAISE NOTICE 'the filter may change its mind about a row that has not changed: every refresh reads all orders'
			USING HINT = 'Filter by the row''s own columns with immutable functions to have changes found.';
		RETURN 'nothing';
	ELSIF EXISTS (SELECT FROM tiering.relation_parts(orders) AS t WHERE row_security_active(t.relid)) THEN
		RAISE NOTICE 'row security of % may change what the owner sees: every refresh reads all orders', orders
			USING HINT = 'A pipeline whose owner bypasses row security has changes found.';
		RETURN 'nothing';
	ELSIF tiering.has_row_versions(orders) THEN
		IF NOT has_column_privilege(orders, 'xmin', 'SELECT') THEN
			RAISE NOTICE 'without the right to read xmin of % every refresh reads all orders', orders
				USING HINT = format('GRANT SELECT (xmin) ON %s has changes found.', orders);
			RETURN 'nothing';
		END IF;
		RETURN 'row versions';
	ELSIF changed_at IS NOT NULL THEN
		RETURN 'changed_at';
	END IF;
	RAISE NOTICE 'changes in % cannot be told from row versions: every refresh reads all of it', orders
		USING HINT = 'Name a column with the time of the last change as changed_at.';
	RETURN 'nothing';
END;
$$;

-- The source as every later step reads it: one row a line of an order
CREATE FUNCTION tiering.define_source(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
	message text;
BEGIN
	EXECUTE format('SELECT * FROM %I.pipeline', pipeline) INTO STRICT p;
	IF p.filter IS NOT NULL THEN
		-- text that closes a parenthesis not its own does not pass between these
		EXECUTE format(E'SELECT ARRAY[%s\n] FROM %s LIMIT 0', p.filter, p.orders);
	END IF;
	p.changes_by := tiering.changes_by(pipeline, p.orders, p.changed_at, p.filter);
	EXECUTE format('UPDATE %I.pipeline SET changes_by = $1, source_columns = $2', pipeline) USING p.changes_by, ARRAY(
		SELECT DISTINCT a.attnum FROM pg_attribute AS a
		WHERE a.attrelid = p.orders AND a.attname IN (p.customer_id, p.ordered_at, p.amount));
	EXECUTE format($sql$
CREATE VIEW %1$I.order_line AS
SELECT %12$s AS customer_id, o.customer_id AS source_customer_id,
	o.ordered_on, o.amount, o.order_id, o.product_id, o.quantity, o.currency, o.changed, o.passes,
	%14$s AS counts
FROM (
	SELECT %3$I AS customer_id,
		%4$s AS ordered_on,
		%5$s AS amount,
		%6$s AS order_id,
		%7$s AS product_id,
		%8$s AS quantity,
		%9$s AS currency,
		%10$s AS changed,
		%11$s AS passes
	FROM %2$s
) AS o%13$s$sql$,
		pipeline, p.orders, p.customer_id,
		tiering.source_date_sql(p.orders, p.ordered_at, p.time_zone),
		tiering.source_amount_sql(p.orders, p.amount),
		COALESCE(quote_ident(p.order_id), 'NULL::text'),
		COALESCE(quote_ident(p.product_id), 'NULL::text'),
		COALESCE(quote_ident(p.quantity) || '::numeric', 'NULL::numeric'),
		COALESCE(quote_ident(p.currency) || '::text', 'NULL::text'),
		CASE p.changes_by WHEN 'row versions' THEN 'xmin'
			 WHEN 'changed_at' THEN tiering.source_time_sql(p.orders, p.changed_at, p.time_zone)
			 ELSE 'NULL::xid' END,
		COALESCE('((' || p.filter || E'\n\t\t) IS TRUE)', 'true'),
		CASE WHEN p.identity IS NULL THEN 'o.customer_id'
			 ELSE 'COALESCE(i.customer_id, o.customer_id)' END,
		CASE WHEN p.identity IS NULL THEN ''
			 ELSE format(' LEFT JOIN %I.customer_identity AS i ON i.id = o.customer_id', pipeline) END,
		-- from PostgreSQL 17 on the planner takes a foreign table at its word that a
		-- column is NOT NULL, and drops the test; this one it does not see through
		CASE WHEN EXISTS (SELECT FROM tiering.relation_parts(p.orders) AS t JOIN pg_class AS c ON c.oid = t.relid WHERE c.relkind = 'f')
			 THEN 'o.passes AND num_nulls(o.customer_id, o.ordered_on, o.amount) = 0'
			 ELSE 'o.passes AND o.customer_id IS NOT NULL AND o.ordered_on IS NOT NULL AND o.amount IS NOT NULL' END);

	-- lines of one order are one purchase or refund, on the order's first day;
	-- a line without an order id is an order of its own
	EXECUTE format(CASE WHEN p.order_id IS NULL THEN $sql$
CREATE VIEW %1$I.purchase AS
SELECT customer_id, ordered_on AS purchased_on, amount, 1::bigint AS lines
FROM %1$I.order_line
WHERE counts$sql$ ELSE $sql$
CREATE VIEW %1$I.purchase AS
SELECT customer_id, min(ordered_on) AS purchased_on, sum(amount) AS amount, count(*) AS lines
FROM %1$I.order_line
WHERE counts AND order_id IS NOT NULL
GROUP BY customer_id, order_id
UNION ALL
SELECT customer_id, ordered_on, amount, 1
FROM %1$I.order_line
WHERE counts AND order_id IS NULL$sql$ END, pipeline);

	EXECUTE format($sql$
COMMENT ON VIEW %1$I.order_line IS 'the source as the pipeline reads it, one row a line; counts tells which rows make histories';
COMMENT ON VIEW %1$I.purchase IS 'one row an order: the amount decides whether it is a purchase (zero or more) or a refund';
COMMENT ON COLUMN %1$I.order_line.changed IS 'what tells a changed row: its xmin, or the column named as changed_at';
COMMENT ON COLUMN %1$I.order_line.passes IS 'does the row pass the filter?';
COMMENT ON COLUMN %1$I.order_line.counts IS 'does it pass the filter and have a customer, a date and an amount?';
COMMENT ON COLUMN %1$I.order_line.customer_id IS 'the customer';
COMMENT ON COLUMN %1$I.order_line.source_customer_id IS 'the customer as the source has him, before merges';
COMMENT ON COLUMN %1$I.order_line.ordered_on IS 'local day';
COMMENT ON COLUMN %1$I.order_line.amount IS 'money, exact';
COMMENT ON COLUMN %1$I.order_line.order_id IS 'the order';
COMMENT ON COLUMN %1$I.order_line.product_id IS 'the product';
COMMENT ON COLUMN %1$I.order_line.quantity IS 'number of pieces';
COMMENT ON COLUMN %1$I.order_line.currency IS 'the currency';
COMMENT ON COLUMN %1$I.purchase.customer_id IS 'the customer';
COMMENT ON COLUMN %1$I.purchase.purchased_on IS 'day of the orders first line';
COMMENT ON COLUMN %1$I.purchase.amount IS 'net money of the order';
COMMENT ON COLUMN %1$I.purchase.lines IS 'rows of the source that the order is made of';
$sql$, pipeline);
	-- a type that cannot be grouped and a missing right show here
	EXECUTE format('SELECT customer_id FROM %I.purchase GROUP BY customer_id LIMIT 0', pipeline);
EXCEPTION WHEN syntax_error_or_access_rule_violation OR data_exception THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
	-- as the filter's author sees it
	message := replace(replace(message, 'in index predicates', 'in a filter'), 'at or near "]"', 'at its end');
	IF p.filter IS NULL OR SQLSTATE = '42501' THEN
		RAISE;
	END IF;
	RAISE EXCEPTION 'filter of pipeline "%" does not work: %', pipeline, message
		USING ERRCODE = SQLSTATE, DETAIL = format('The filter is: %s', p.filter),
			  HINT = 'It is a condition on the columns of the orders; other names in it need their schema, as in shop.is_paid(status).';
END;
$$;
