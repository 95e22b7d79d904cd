
/*
 * pipeline: the profile, one row a customer
 */

-- What the profile says of a customer: name, expression, comment, in order.
-- A later topic appends its rows.
CREATE FUNCTION tiering.profile_columns()
RETURNS TABLE (column_name text, expression text, description text)
LANGUAGE SQL IMMUTABLE
BEGIN ATOMIC
	VALUES
		('customer_id', 'r.customer_id', 'the customer, as the source has it'),
		('as_of', 'r.as_of', 'day of the analysis; later purchases do not count'),
		('first_purchase', 'tiering.first_purchase(h.history, r.as_of)', 'day of the first purchase'),
		('last_purchase', 'tiering.last_purchase(h.history, r.as_of)', 'day of the last purchase'),
		('orders', 'tiering.order_count(h.history, r.as_of)', 'orders in all'),
		('purchase_days', 'tiering.purchase_days(h.history, r.as_of)', 'days with an order'),
		('gross_total', 'tiering.gross_total(h.history, r.as_of)', 'money of the orders, before refunds'),
		('refunded_total', 'tiering.refunded_total(h.history, r.as_of)', 'money given back'),
		('net_total', 'tiering.net_total(h.history, r.as_of)', 'money of the orders less refunds'),
		('mean_order_value', 'round(tiering.mean_order_value(h.history, r.as_of), 2)', 'gross money per order'),
		('mean_gap_days', 'tiering.mean_gap(h.history, r.as_of)', 'mean number of days between purchase days'),
		('last_gap_days', 'tiering.last_gap(h.history, r.as_of)', 'days between the last two purchase days'),
		('recency_days', 'r.recency_days', 'days from the last purchase to as_of'),
		('frequency', 'r.frequency', 'orders within the RFM window'),
		('monetary', 'r.monetary', 'net money within the RFM window'),
		('r_score', 'r.r_score', 'score of recency: the higher, the more recent'),
		('f_score', 'r.f_score', 'score of frequency: the higher, the more orders'),
		('m_score', 'r.m_score', 'score of monetary value: the higher, the more money'),
		('rfm_cell', 'r.rfm_cell', 'the three scores as one text'),
		('segment', 'r.segment', 'name of the segment'),
		('p_alive', 'v.p_alive', 'probability that he is a customer still; NULL if the model knows of no leaving'),
		('expected_purchases', 'v.expected_purchases', 'mean number of purchase days until the horizon'),
		('clv', 'v.clv', 'value of those, times the margin, discounted to as_of'),
		('clv_lower', 'v.clv_lower', 'the customer''s own value lies from here ...'),
		('clv_upper', 'v.clv_upper', '... to here, in interval_level of all cases'),
		('clv_decile', 'v.clv_decile', '1 for the tenth of customers with the highest value, 10 for the lowest'),
		('tier', 't.tier', 'code of the tier; NULL: no programme has decided'),
		('tier_since', 't.since', 'first day with it'),
		('tier_valid_until', 't.valid_until', 'last day with it if nothing more is bought'),
		('next_tier', 't.next_tier', 'next higher tier'),
		('next_tier_progress', 't.progress', 'how much of it is there, 0 to 1'),
		('lifecycle_stage', 'u.stage', 'new, active, mature, declining, dormant or lost; NULL: churn is not scored'),
		('churn_probability', 'u.probability', 'probability that he buys nothing within the horizon of churn_policy'),
		('wakeup_due', 'u.wakeup_due', 'day on which he became overdue'),
		('value_at_risk', 'v.clv * tiering.leaves_if_alive(u.probability, v.p_alive)', 'his value, times the probability that he leaves within that'),
		('next_product', 'o.product_id::text', 'product to offer next; NULL: nothing is recommended'),
		('next_product_score', 'o.score', 'probability that he buys it within the horizon of recommend_policy, where the blend recommends'),
		('next_product_reason', 'o.reason', 'why');
END;

-- The columns of the profile in their order: what is published keeps its
-- place and its type, what is new comes after it.
CREATE FUNCTION tiering.profile_layout(published jsonb, customers regclass)
RETURNS TABLE (place bigint, column_name text, expression text, type text, description text, is_attribute boolean)
LANGUAGE SQL STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH wanted AS (
		SELECT c.column_name, c.expression, NULL AS type, c.description, false AS is_attribute, row_number() OVER () AS n
		FROM tiering.profile_columns() AS c
		UNION ALL
		SELECT a.attname, format('c.%I', a.attname), tiering.column_type(customers, a.attname),
			COALESCE(col_description(a.attrelid, a.attnum), 'from the customers relation'), true, 10000 + a.attnum
		FROM pg_attribute AS a
		WHERE a.attrelid = customers AND a.attnum > 0 AND NOT a.attisdropped AND a.attname <> 'id'
	), kept AS (
		SELECT e.value ->> 'column' AS column_name, e.value ->> 'type' AS type, e.ordinality AS n
		FROM jsonb_array_elements(published) WITH ORDINALITY AS e
	)
	SELECT row_number() OVER (ORDER BY p.n NULLS LAST, w.n),
		COALESCE(p.column_name, w.column_name),
		COALESCE(w.expression, format('NULL::%s', p.type)),
		COALESCE(p.type, w.type),
		COALESCE(w.description, 'no longer filled'),
		COALESCE(w.is_attribute, false)
	FROM wanted AS w FULL JOIN kept AS p ON p.column_name = w.column_name
$$;

-- The id of the customers relation as a customer's id: an expression that is
-- NULL for one that no customer can have.  Refuses a type that another id
-- would come out of, such as a shorter text.
CREATE FUNCTION tiering.profile_id_sql(pipeline text, customers regclass)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	whole regtype[] := ARRAY['smallint', 'integer', 'bigint'];
	texts regtype[] := ARRAY['text', 'character varying', 'name'];
	place regclass := to_regclass(format('%I.purchase', pipeline));
	ours_sql text := tiering.customer_type(pipeline);
	theirs record;
	ours record;
BEGIN
	SELECT tiering.source_column_type(customers, 'id', 'key of the customers relation') AS kind, a.atttypid, a.atttypmod
	INTO theirs FROM pg_attribute AS a WHERE a.attrelid = customers AND a.attname = 'id';
	SELECT tiering.source_column_type(place, 'customer_id', 'customer_id') AS kind, a.atttypid, a.atttypmod,
		-- a domain may cut or refuse as its base type does not
		t.typtype <> 'd' OR t.typtypmod = -1 AND NOT t.typnotnull
			AND NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.contypid = t.oid)
			AND (SELECT b.typtype FROM pg_type AS b WHERE b.oid = t.typbasetype) <> 'd' AS takes_all
	INTO ours FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid WHERE a.attrelid = place AND a.attname = 'customer_id';
	IF tiering.collations_agree(customers, 'id', place, 'customer_id') THEN
		IF (theirs.atttypid, theirs.atttypmod) = (ours.atttypid, ours.atttypmod) THEN
			RETURN 'c.id';
		ELSIF ours.takes_all AND theirs.kind = ANY (whole) AND ours.kind = ANY (whole) THEN
			RETURN format('CASE WHEN c.id BETWEEN %1$s AND %2$s THEN c.id::%3$s END',
				CASE ours.kind WHEN 'smallint'::regtype THEN -32768 WHEN 'integer'::regtype THEN -2147483648 ELSE -9223372036854775808 END,
				CASE ours.kind WHEN 'smallint'::regtype THEN 32767 WHEN 'integer'::regtype THEN 2147483647 ELSE 9223372036854775807 END,
				ours_sql);
		-- casts that lose nothing, to a type that cuts nothing
		ELSIF ours.takes_all AND ours.atttypmod = -1
			  AND (theirs.kind = ours.kind
				   OR theirs.kind = ANY (texts) AND ours.kind = ANY (texts[1:2])
				   OR theirs.kind = ANY (whole) AND ours.kind = 'numeric'::regtype) THEN
			RETURN format('c.id::%s', ours_sql);
		END IF;
	END IF;
	RAISE EXCEPTION 'id of % has type %, which is not that of the customers, %', customers,
			tiering.column_type(customers, 'id'), ours_sql
		USING ERRCODE = 'datatype_mismatch', DETAIL = 'It was named as customers.',
			  HINT = 'Cast it in a view.';
END;
$$;

-- A column of the profile for whom RFM does not score
CREATE FUNCTION tiering.profile_unscored_sql(expression text)
RETURNS text
LANGUAGE SQL IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN CASE WHEN expression = 'r.as_of' THEN 'd.as_of'
	-- refunds alone are no purchase, but they are money
	WHEN expression LIKE '%h.history%' THEN replace(expression, 'r.as_of', 'd.as_of')
	WHEN expression LIKE 'r.%' THEN 'NULL'
	ELSE expression END;

COMMENT ON FUNCTION tiering.profile_unscored_sql(text) IS
'internal: a column of the profile for whom RFM does not score, as SQL';

CREATE FUNCTION tiering.define_profile(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
	bought text;
	enrolled text;
	lapsed text;
	taken text;
	id text;
	message text;
BEGIN
	EXECUTE format('SELECT * FROM %I.pipeline', pipeline) INTO STRICT p;
	IF p.customers IS NOT NULL THEN
		PERFORM tiering.source_column_type(p.customers, 'id', 'key of the customers relation');
		SELECT l.column_name INTO taken FROM tiering.profile_columns() AS l
			JOIN pg_attribute AS a ON a.attname = l.column_name
		WHERE a.attrelid = p.customers AND a.attnum > 0 AND NOT a.attisdropped;
		IF FOUND THEN
			RAISE EXCEPTION 'column "%" of % is a name that the profile uses', taken, p.customers
				USING ERRCODE = 'duplicate_column',
					  HINT = 'Pass a view of the customers with that column renamed.';
		END IF;
		PERFORM tiering.require_id_type(p.customers, 'id', 'key of the customers relation');
		id := tiering.profile_id_sql(pipeline, p.customers);
	END IF;
	SELECT string_agg(format('%s AS %I', l.expression, l.column_name), E',\n\t' ORDER BY l.place),
		string_agg(format('%s AS %I',
			CASE WHEN l.column_name = 'customer_id' THEN id ELSE tiering.profile_unscored_sql(l.expression) END, l.column_name), E',\n\t' ORDER BY l.place),
		string_agg(format('%s AS %I',
			CASE WHEN l.column_name = 'customer_id' THEN 'v.customer_id' WHEN l.is_attribute THEN format('NULL::%s', l.type)
				 ELSE tiering.profile_unscored_sql(l.expression) END, l.column_name), E',\n\t' ORDER BY l.place)
	INTO bought, enrolled, lapsed
	FROM tiering.profile_layout(p.published, p.customers) AS l;

	EXECUTE format($sql$
CREATE OR REPLACE VIEW %1$I.customer_profile AS
SELECT %2$s
FROM %1$I.customer_rfm AS r
	JOIN %1$I.purchase_history AS h ON h.customer_id = r.customer_id
	LEFT JOIN %1$I.customer_clv AS v ON v.customer_id = r.customer_id
	LEFT JOIN %1$I.tier_standing AS t ON t.customer_id = r.customer_id
	LEFT JOIN %1$I.churn_score AS u ON u.customer_id = r.customer_id
	LEFT JOIN %1$I.recommendation AS o ON o.customer_id = r.customer_id AND o.rank = 1$sql$, pipeline, bought) ||
		CASE WHEN p.customers IS NULL THEN ''
			 ELSE format($sql$
	LEFT JOIN %2$s AS c ON c.id = r.customer_id
UNION ALL
SELECT %3$s
FROM %2$s AS c CROSS JOIN %1$I.rfm_cutoff AS d
	LEFT JOIN %1$I.purchase_history AS h ON h.customer_id = c.id
	LEFT JOIN %1$I.customer_clv AS v ON v.customer_id = c.id
	LEFT JOIN %1$I.tier_standing AS t ON t.customer_id = c.id
	LEFT JOIN %1$I.churn_score AS u ON u.customer_id = c.id
	LEFT JOIN %1$I.recommendation AS o ON o.customer_id = c.id AND o.rank = 1
WHERE %4$s IS NOT NULL
	AND NOT EXISTS (SELECT FROM %1$I.customer_rfm AS r WHERE r.customer_id = c.id)$sql$ ||
				CASE WHEN p.identity IS NULL THEN '' ELSE $sql$
	AND NOT EXISTS (SELECT FROM %1$I.customer_identity AS i WHERE i.id = c.id)$sql$ END,
				pipeline, p.customers, enrolled, id) END ||
		-- whose purchases are all older than the window is a customer all the same
		CASE WHEN p.rfm_window IS NULL THEN ''
			 ELSE format($sql$
UNION ALL
SELECT %2$s
FROM %1$I.customer_clv AS v CROSS JOIN %1$I.rfm_cutoff AS d
	JOIN %1$I.purchase_history AS h ON h.customer_id = v.customer_id
	LEFT JOIN %1$I.tier_standing AS t ON t.customer_id = v.customer_id
	LEFT JOIN %1$I.churn_score AS u ON u.customer_id = v.customer_id
	LEFT JOIN %1$I.recommendation AS o ON o.customer_id = v.customer_id AND o.rank = 1
WHERE NOT EXISTS (SELECT FROM %1$I.customer_rfm AS r WHERE r.customer_id = v.customer_id)$sql$ ||
				CASE WHEN p.customers IS NULL THEN '' ELSE $sql$
	AND NOT EXISTS (SELECT FROM %3$s AS c WHERE c.id = v.customer_id)$sql$ END,
				pipeline, lapsed, p.customers) END;

	EXECUTE format($sql$
UPDATE %1$I.pipeline SET published = (
	SELECT jsonb_agg(jsonb_build_object('column', a.attname, 'type', tiering.column_type(a.attrelid::regclass, a.attname)) ORDER BY a.attnum)
	FROM pg_attribute AS a
	WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped)
RETURNING *$sql$, pipeline) INTO p USING format('%I.customer_profile', pipeline);
	EXECUTE (SELECT string_agg(format('COMMENT ON COLUMN %I.customer_profile.%I IS %L;',
			pipeline, l.column_name, l.description), ' ')
		FROM tiering.profile_layout(p.published, p.customers) AS l);
	EXECUTE format('COMMENT ON VIEW %I.customer_profile IS %L', pipeline,
		'one row a customer, keyed by customer_id: what the purchases say' ||
		CASE WHEN p.customers IS NULL THEN '' ELSE ', and what the customers relation knows' END);
EXCEPTION WHEN invalid_table_definition THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
	RAISE EXCEPTION 'a published column of %.customer_profile cannot keep its type: %', quote_ident(pipeline), message
		USING ERRCODE = 'invalid_table_definition',
			  HINT = 'Pass a view of the customers that casts the column to its former type, or gives it another name.';
END;
$$;
