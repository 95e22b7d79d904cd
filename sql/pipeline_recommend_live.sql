
/*
 * pipeline: recommendations of this moment
 */

-- Refuses a name that no pipeline has
CREATE FUNCTION tiering.require_recommend_policy(pipeline text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF pipeline IS NULL OR to_regclass(format('%I.recommend_policy', pipeline)) IS NULL THEN
		RAISE EXCEPTION 'pipeline "%" does not exist', COALESCE(pipeline, 'null')
			USING ERRCODE = 'undefined_object', HINT = 'The view tiering.pipelines lists those that you may read.';
	END IF;
END;
$$;

COMMENT ON FUNCTION tiering.require_recommend_policy(text) IS
'internal: refuses a name that no pipeline has';

-- Type of a customer's id, without a length that would cut one id down to another
CREATE FUNCTION tiering.recommend_id_type(pipeline text)
RETURNS text
LANGUAGE SQL STABLE
SET search_path = pg_catalog, pg_temp
RETURN (SELECT format_type(a.atttypid, -1) FROM pg_attribute AS a WHERE a.attrelid = to_regclass(format('%I.recommendation', pipeline)) AND a.attname = 'customer_id');

COMMENT ON FUNCTION tiering.recommend_id_type(text) IS
'internal: type of a customer''s id, without its length';

-- Recommendations of this moment for one customer, of what he bought until now.  May
-- the best of them be offered?  That is asked of them alone, and of all products only
-- where they are compared with each other, or too few remain.
CREATE FUNCTION tiering.recommend_to_sql(pipeline text, of_all boolean)
RETURNS text
LANGUAGE SQL IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN format($sql$
SELECT row_number() OVER (ORDER BY r.rank)::integer, i.product_id::text, i.name, r.score,
	tiering.recommend_reason_text(r.reason, (SELECT b.name FROM %1$I.recommend_product AS b WHERE b.item = r.because AND b.is_offered), r.times, r.last_on, r.gap_days, c.customer_group), CASE WHEN h.items IS NULL THEN m.fit ->> 'cold' ELSE m.kind END
FROM %1$I.model AS m
	CROSS JOIN (SELECT (SELECT g.customer_group FROM %1$I.recommend_customer AS g WHERE g.customer_id = $1 LIMIT 1) AS customer_group,
		COALESCE((SELECT s.rank FROM %1$I.tier_standing AS s WHERE s.customer_id = $1), -1) AS tier_rank) AS c
	CROSS JOIN LATERAL (SELECT array_agg(o.item) AS items, array_agg(o.ordered_on) AS days, max(o.ordered_on) AS last_day FROM %1$I.recommend_purchase AS o
		WHERE o.source_customer_id = ANY ($9) AND o.ordered_on <= GREATEST(current_date + 1, m.as_of)) AS h
	CROSS JOIN LATERAL tiering.recommend_numbered(m.recommender, h.items, h.days, GREATEST(m.as_of, h.last_day, (SELECT r.as_of FROM %1$I.run AS r WHERE r.state = 'done' ORDER BY r.run DESC LIMIT 1)), c.customer_group, m.parameters, CASE WHEN h.items IS NULL THEN m.fit ->> 'cold' ELSE m.kind END, $3, $4, %2$s
		|| ARRAY(SELECT i.item FROM %1$I.recommend_feedback AS f JOIN %1$I.recommend_item AS i USING (product_id) WHERE f.customer_id = ANY ($9) AND f.event = 'dismissed' AND f.happened_at >= now() - interval '1 day' * $5),
		CASE WHEN $6 THEN ARRAY(SELECT i.item FROM %1$I.recommend_product AS i WHERE i.is_once) END, $7, $8) AS r
	JOIN %1$I.recommend_product AS i ON i.item = r.item
WHERE m.model = 'recommend' AND m.in_use AND i.is_offered AND (i.tier IS NULL OR c.tier_rank >= (SELECT min(t.rank) FROM %1$I.tier AS t WHERE t.tier = i.tier))
ORDER BY r.rank
LIMIT $2$sql$, pipeline, CASE WHEN of_all THEN format($sql$ARRAY(SELECT i.item FROM %1$I.recommend_product AS i
			WHERE NOT i.is_offered OR i.tier IS NOT NULL AND (c.tier_rank >= (SELECT min(t.rank) FROM %1$I.tier AS t WHERE t.tier = i.tier)) IS NOT TRUE)$sql$, pipeline) ELSE '''{}''::integer[]' END);

COMMENT ON FUNCTION tiering.recommend_to_sql(text, boolean) IS
'internal: query for recommendations of this moment for one customer';

-- All ids of one customer: his own, and those that were merged into him
CREATE FUNCTION tiering.known_as(pipeline text, customer anyelement)
RETURNS anyarray
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	ids ALIAS FOR $0;
BEGIN
	ids := ARRAY[customer];
	IF to_regclass(format('%I.customer_identity', pipeline)) IS NOT NULL THEN
		EXECUTE format('SELECT $1 || ARRAY(SELECT i.id FROM %I.customer_identity AS i WHERE i.customer_id = $2)', pipeline) INTO ids USING ids, customer;
	END IF;
	RETURN ids;
END;
$$;

COMMENT ON FUNCTION tiering.known_as(text, anyelement) IS
'internal: all ids of one customer, merged ones too';

CREATE FUNCTION tiering.recommend_to(pipeline text, customer anyelement, n integer)
RETURNS TABLE (rank integer, product_id text, name text, score double precision, reason text, model text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
	found bigint := 0;
	wanted integer;
BEGIN
	PERFORM tiering.require_recommend_policy(pipeline);
	EXECUTE format('SELECT * FROM %I.recommend_policy', pipeline) INTO p;
	IF p.n IS NULL THEN
		RETURN;	-- nothing is recommended here
	END IF;
	wanted := COALESCE(n, p.n);
	IF wanted NOT BETWEEN 1 AND 100 THEN
		RAISE EXCEPTION 'n % is not between 1 and 100', wanted USING ERRCODE = 'invalid_parameter_value', HINT = 'Ten are usual.';
	END IF;
	IF to_regclass(format('%I.customer_identity', pipeline)) IS NOT NULL THEN
		EXECUTE format('SELECT COALESCE((SELECT i.customer_id FROM %I.customer_identity AS i WHERE i.id = $1), $1)', pipeline) INTO customer USING customer;
	END IF;
	IF p.diversity = 0 AND p.most_in_category = 0 THEN
		RETURN QUERY SELECT q.* FROM tiering.cached_query(tiering.recommend_to_sql(pipeline, false), customer, wanted, 2 * wanted + 20, p.only_new, p.rest_days, p.product_once IS NOT NULL, 0, 0::double precision, tiering.known_as(pipeline, customer))
			AS q(rank integer, product_id text, name text, score double precision, reason text, model text);
		GET DIAGNOSTICS found = ROW_COUNT;
	END IF;
	IF found < wanted THEN
		-- what was found already stands first there, too
		RETURN QUERY EXECUTE tiering.recommend_to_sql(pipeline, true) || ' OFFSET $10' USING customer, wanted - found, wanted, p.only_new, p.rest_days, p.product_once IS NOT NULL, p.most_in_category, p.diversity, tiering.known_as(pipeline, customer), found;
	END IF;
END;
$$;

COMMENT ON FUNCTION tiering.recommend_to(text, anyelement, integer) IS
'internal: does the work of recommend()';

CREATE FUNCTION tiering.recommend(pipeline text, customer anyelement, n integer DEFAULT NULL)
RETURNS TABLE (rank integer, product_id text, name text, score double precision, reason text, model text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM tiering.require_recommend_policy(pipeline);
	IF format_type(pg_typeof(customer), -1) = tiering.recommend_id_type(pipeline) THEN
		RETURN QUERY SELECT * FROM tiering.recommend_to(pipeline, customer, n);
	ELSE
		RETURN QUERY SELECT * FROM tiering.recommend(pipeline, customer::text, n);
	END IF;
END;
$$;

COMMENT ON FUNCTION tiering.recommend(text, anyelement, integer) IS
'what to offer a customer now: purchases committed a moment ago count';

CREATE FUNCTION tiering.recommend(pipeline text, customer text, n integer DEFAULT NULL)
RETURNS TABLE (rank integer, product_id text, name text, score double precision, reason text, model text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id_type text;
BEGIN
	PERFORM tiering.require_recommend_policy(pipeline);
	id_type := tiering.recommend_id_type(pipeline);
	BEGIN
		EXECUTE format('SELECT $1::%s', id_type) USING customer;
	EXCEPTION WHEN data_exception THEN
		RAISE EXCEPTION 'customer "%" is none of pipeline "%", whose ids are of type %', customer, pipeline, id_type
			USING ERRCODE = 'invalid_text_representation', HINT = 'Pass an id as the orders have it.';
	END;
	RETURN QUERY EXECUTE format('SELECT * FROM tiering.recommend_to($1, $2::%s, $3)', id_type) USING pipeline, customer, n;
END;
$$;

COMMENT ON FUNCTION tiering.recommend(text, text, integer) IS
'the same for an id as text';
