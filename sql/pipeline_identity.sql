
/*
 * pipeline: customers that were merged
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
	  AND o.attrelid = p.orders AND o.attname = p.customer_id
	  AND (a.atttypid <> o.atttypid OR o.atttypmod NOT IN (-1, a.atttypmod) OR NOT tiering.collations_agree(p.identity, a.attname, p.orders, p.customer_id));
	IF FOUND THEN
		RAISE EXCEPTION 'column "%" of % has type %, and customers have type %', other.attname, p.identity, other.type, customer_type
			USING ERRCODE = 'datatype_mismatch', HINT = 'Cast it in a view.';
	END IF;
	EXECUTE format($sql$
CREATE VIEW %1$I.customer_merge AS
SELECT id, merged_into
FROM %2$s
WHERE id IS NOT NULL AND merged_into IS NOT NULL AND id <> merged_into;
COMMENT ON VIEW %1$I.customer_merge IS 'the merges as the identity relation has them';
COMMENT ON COLUMN %1$I.customer_merge.id IS 'customer that was merged';
COMMENT ON COLUMN %1$I.customer_merge.merged_into IS 'into this one';
$sql$, pipeline, p.identity);
	-- a table that is there stays, since the profile reads it; it is filled anew
	IF p.histories = 'view' THEN
		EXECUTE format('CREATE VIEW %I.customer_identity AS %s', pipeline, tiering.identity_sql(pipeline));
	ELSIF to_regclass(format('%I.customer_identity', pipeline)) IS NOT NULL THEN
		EXECUTE format('DELETE FROM %I.customer_identity', pipeline);
	ELSE
		EXECUTE format('CREATE TABLE %1$I.customer_identity (id %2$s PRIMARY KEY, customer_id %2$s NOT NULL); CREATE INDEX customer_identity_customer ON %1$I.customer_identity (customer_id)',
			pipeline, customer_type);
	END IF;
	EXECUTE format($sql$
COMMENT ON %2$s %1$I.customer_identity IS 'customers that were merged: id is now customer_id, at the end of all merges';
COMMENT ON COLUMN %1$I.customer_identity.id IS 'customer that was merged';
COMMENT ON COLUMN %1$I.customer_identity.customer_id IS 'the one it is now';
$sql$, pipeline, CASE p.histories WHEN 'view' THEN 'VIEW' ELSE 'TABLE' END);
END;
$$;

-- Refuses merges that have no end; true if they have one
CREATE FUNCTION tiering.refuse_merge(twice text, ring text)
RETURNS boolean
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF twice IS NOT NULL THEN
		RAISE EXCEPTION 'customer "%" is merged into more than one other', twice
			USING ERRCODE = 'cardinality_violation', HINT = 'Keep one row for each id in the identity relation.';
	END IF;
	IF ring IS NOT NULL THEN
		RAISE EXCEPTION 'merges lead from customer "%" round in a circle', ring
			USING ERRCODE = 'invalid_recursion', HINT = 'Each chain of merges ends at one customer.';
	END IF;
	RETURN true;
END;
$$;

-- The query that follows each merge to its end
CREATE FUNCTION tiering.identity_sql(pipeline text)
RETURNS text
LANGUAGE SQL IMMUTABLE
RETURN pg_catalog.format($sql$
WITH RECURSIVE step AS (
	SELECT DISTINCT id, merged_into FROM %1$I.customer_merge
), chain AS (
	SELECT id, merged_into AS customer_id FROM step
	UNION ALL
	SELECT c.id, s.merged_into FROM chain AS c JOIN step AS s ON s.id = c.customer_id
) CYCLE customer_id SET is_cycle USING path
SELECT c.id, c.customer_id
FROM chain AS c
WHERE NOT EXISTS (SELECT FROM step AS s WHERE s.id = c.customer_id)
	AND (SELECT tiering.refuse_merge(min(t.id::text), NULL)
		 FROM (SELECT id FROM step GROUP BY id HAVING count(*) > 1) AS t)
	AND (SELECT tiering.refuse_merge(NULL, min(r.id::text)) FROM chain AS r WHERE r.is_cycle)$sql$, pipeline);

-- Stores where the merges lead now, and in identity_affected the customers
-- whose histories that changes; returns their number.
CREATE FUNCTION tiering.refresh_identity(pipeline text)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	affected bigint;
BEGIN
	EXECUTE format('CREATE TABLE %I.identity_fresh AS %s', pipeline, tiering.identity_sql(pipeline));
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
