
/*
 * pipeline, part seven: customers that were merged
 */

-- Customers that were merged: id is now customer_id.  A table of the
-- pipeline's own, so that a change in the relation shows as a difference.
CREATE FUNCTION tiering.define_identity(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
	other record;
	customer_type text;
BEGIN
	EXECUTE format('SELECT * FROM %I.pipeline', pipeline) INTO STRICT p;
	IF p.identity IS NULL THEN
		RETURN;
	END IF;
	customer_type := tiering.column_type(p.orders, p.customer_id);
	-- a cast could make two customers one
	SELECT a.attname, tiering.column_type(p.identity, a.attname) AS type INTO other
	FROM pg_attribute AS a, pg_attribute AS o
	WHERE a.attrelid = p.identity AND a.attname IN ('id', 'merged_into')
	  AND o.attrelid = p.orders AND o.attname = p.customer_id AND a.atttypid <> o.atttypid;
	IF FOUND THEN
		RAISE EXCEPTION 'column "%" of % has type %, and customers have type %', other.attname, p.identity, other.type, customer_type
			USING ERRCODE = 'datatype_mismatch', HINT = 'Cast it in a view.';
	END IF;
	-- one that is there stays, since the profile reads it; it is filled anew
	IF to_regclass(format('%I.customer_identity', pipeline)) IS NOT NULL THEN
		EXECUTE format('DELETE FROM %I.customer_identity', pipeline);
	ELSE
		EXECUTE format($sql$
CREATE TABLE %1$I.customer_identity (
	id %2$s PRIMARY KEY,
	customer_id %2$s NOT NULL
);
COMMENT ON TABLE %1$I.customer_identity IS 'customers that were merged, as of the last refresh: id is now customer_id';
$sql$, pipeline, customer_type);
	END IF;
	EXECUTE format($sql$
CREATE VIEW %1$I.customer_merge AS
SELECT id, merged_into
FROM %2$s
WHERE id IS NOT NULL AND merged_into IS NOT NULL AND id <> merged_into;
COMMENT ON VIEW %1$I.customer_merge IS 'the merges as the identity relation has them';
COMMENT ON COLUMN %1$I.customer_merge.id IS 'customer that was merged';
COMMENT ON COLUMN %1$I.customer_merge.merged_into IS 'into this one';
COMMENT ON COLUMN %1$I.customer_identity.id IS 'customer that was merged';
COMMENT ON COLUMN %1$I.customer_identity.customer_id IS 'the one it is now';
$sql$, pipeline, p.identity);
END;
$$;

-- Follows the identity relation to its end and stores the result; returns
-- the SQL of an array of the customers whose histories that changes.
CREATE FUNCTION tiering.refresh_identity(pipeline text)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	twice text;
	ring text;
	affected bigint;
BEGIN
	EXECUTE format('SELECT id::text FROM %I.customer_merge GROUP BY id HAVING count(DISTINCT merged_into) > 1 LIMIT 1', pipeline)
		INTO twice;
	IF twice IS NOT NULL THEN
		RAISE EXCEPTION 'customer "%" is merged into more than one other', twice
			USING ERRCODE = 'cardinality_violation', HINT = 'Keep one row for each id.';
	END IF;
	EXECUTE format($sql$
CREATE TABLE %1$I.identity_fresh AS
WITH RECURSIVE step AS (
	SELECT DISTINCT id, merged_into FROM %1$I.customer_merge
), chain AS (
	SELECT id, merged_into AS customer_id FROM step
	UNION ALL
	SELECT c.id, s.merged_into FROM chain AS c JOIN step AS s ON s.id = c.customer_id
) CYCLE customer_id SET is_cycle USING path
SELECT c.id, c.customer_id, c.is_cycle
FROM chain AS c
WHERE c.is_cycle OR NOT EXISTS (SELECT FROM step AS s WHERE s.id = c.customer_id)$sql$, pipeline);
	EXECUTE format('SELECT id::text FROM %I.identity_fresh WHERE is_cycle LIMIT 1', pipeline) INTO ring;
	IF ring IS NOT NULL THEN
		RAISE EXCEPTION 'merges lead from customer "%" round in a circle', ring
			USING ERRCODE = 'invalid_recursion', HINT = 'Each chain of merges ends at one customer.';
	END IF;
	EXECUTE format($sql$
CREATE TABLE %1$I.identity_affected AS
SELECT DISTINCT v.customer_id
FROM %1$I.customer_identity AS o FULL JOIN %1$I.identity_fresh AS n ON n.id = o.id
	CROSS JOIN LATERAL (VALUES (o.id), (n.id), (o.customer_id), (n.customer_id)) AS v(customer_id)
WHERE o.customer_id IS DISTINCT FROM n.customer_id AND v.customer_id IS NOT NULL$sql$, pipeline);
	GET DIAGNOSTICS affected = ROW_COUNT;
	IF affected > 0 THEN
		EXECUTE format('DELETE FROM %I.customer_identity', pipeline);
		EXECUTE format('INSERT INTO %1$I.customer_identity SELECT id, customer_id FROM %1$I.identity_fresh', pipeline);
	END IF;
	EXECUTE format('DROP TABLE %I.identity_fresh', pipeline);
	RETURN affected;
END;
$$;
