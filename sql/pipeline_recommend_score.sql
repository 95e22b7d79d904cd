
/*
 * pipeline: recommendations, for all customers at once and for one of this moment
 */

-- Why a product is recommended, in words
CREATE FUNCTION tiering.recommend_reason_text(reason text, because text, times integer, last_on date, gap_days double precision, customer_group text)
RETURNS text
LANGUAGE SQL STABLE PARALLEL SAFE
RETURN CASE reason
	WHEN 'due again' THEN 'due again: bought ' || times || ' times, every ' || CASE round(gap_days) WHEN 1 THEN 'day' ELSE round(gap_days) || ' days' END || ', last on ' || to_char(last_on, 'YYYY-MM-DD')
	WHEN 'bought before' THEN 'bought before: ' || CASE times WHEN 1 THEN 'once' ELSE times || ' times' END || ', last on ' || to_char(last_on, 'YYYY-MM-DD')
	WHEN 'bought with' THEN 'bought with ' || because
	WHEN 'in season' THEN 'popular at this time of year'
	WHEN 'popular in group' THEN 'popular in ' || customer_group
	ELSE 'popular now' END;

COMMENT ON FUNCTION tiering.recommend_reason_text(text, text, integer, date, double precision, text) IS
'internal: why a product is recommended, in words';

-- Items that are not offered now: to nobody, or to nobody below a tier.  One row a
-- rank; -1: no tier.
CREATE FUNCTION tiering.recommend_excluded_sql(pipeline text)
RETURNS text
LANGUAGE SQL IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN format($sql$
SELECT r.rank, (SELECT array_agg(i.item) FROM %1$I.recommend_product AS i LEFT JOIN (SELECT s.tier, min(s.rank) AS rank FROM %1$I.tier AS s GROUP BY s.tier) AS t ON t.tier = i.tier
	WHERE NOT i.is_offered OR i.tier IS NOT NULL AND COALESCE(t.rank, 2147483647) > r.rank) AS items
FROM (SELECT -1 AS rank UNION SELECT s.rank FROM %1$I.tier AS s WHERE EXISTS (SELECT FROM %1$I.recommend_product AS i WHERE i.tier IS NOT NULL)) AS r$sql$, pipeline);

COMMENT ON FUNCTION tiering.recommend_excluded_sql(text) IS
'internal: query for the items that are not offered, by rank of the tier';

-- Everybody who gets recommendations: who bought, and who is known without a purchase;
-- with what is not to be offered to him
CREATE FUNCTION tiering.recommend_everybody_sql(pipeline text)
RETURNS text
LANGUAGE SQL IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN format($sql$
SELECT k.customer_id, k.items, k.days, k.customer_group, CASE WHEN x.rank IS NULL THEN n.items ELSE x.items END || d.items AS excluded
FROM (
	SELECT h.customer_id, h.items, h.days, c.customer_group FROM %1$I.recommend_history AS h LEFT JOIN %1$I.recommend_customer AS c ON c.customer_id = h.customer_id
	UNION ALL
	SELECT c.customer_id, '{}', '{}', c.customer_group FROM %1$I.recommend_customer AS c
	WHERE c.customer_id IS NOT NULL AND NOT EXISTS (SELECT FROM %1$I.recommend_history AS h WHERE h.customer_id = c.customer_id)
) AS k
	LEFT JOIN %1$I.tier_standing AS s ON s.customer_id = k.customer_id
	LEFT JOIN (
		SELECT f.customer_id, array_agg(DISTINCT i.item) AS items FROM %1$I.recommend_policy AS p, %1$I.recommend_feedback AS f JOIN %1$I.recommend_item AS i USING (product_id)
		WHERE f.event = 'dismissed' AND f.happened_at >= now() - interval '1 day' * p.rest_days GROUP BY f.customer_id
	) AS d ON d.customer_id = k.customer_id
	LEFT JOIN %1$I.recommend_excluded AS x ON x.rank = COALESCE(s.rank, -1)
	LEFT JOIN %1$I.recommend_excluded AS n ON n.rank = -1$sql$, pipeline);

COMMENT ON FUNCTION tiering.recommend_everybody_sql(text) IS
'internal: query for all customers who get recommendations';

-- Recommendations for everybody; of one table, so that workers may share the work
CREATE FUNCTION tiering.recommendation_sql(pipeline text, day date)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
	kind text;
	cold text;
BEGIN
	EXECUTE format('SELECT * FROM %I.recommend_policy', pipeline) INTO STRICT p;
	EXECUTE format('SELECT m.kind, m.fit ->> ''cold'' FROM %I.model AS m WHERE m.model = ''recommend'' AND m.in_use', pipeline) INTO kind, cold;
	RETURN format($sql$
SELECT k.customer_id, k.customer_group, k.ranking, (k.r).*
FROM (
	SELECT e.customer_id, e.customer_group, CASE WHEN e.items = '{}' THEN %3$L ELSE %4$L END AS ranking,
		tiering.recommend_numbered((SELECT m.recommender FROM %1$I.model AS m WHERE m.model = 'recommend' AND m.in_use), e.items, e.days, %2$L, e.customer_group,
			(SELECT m.parameters FROM %1$I.model AS m WHERE m.model = 'recommend' AND m.in_use), CASE WHEN e.items = '{}' THEN %3$L ELSE %4$L END, %5$s, %6$L,
			e.excluded, (SELECT array_agg(i.item) FROM %1$I.recommend_product AS i WHERE i.is_once), %7$s, %8$L) AS r
	FROM %1$I.recommend_everybody AS e
) AS k$sql$, pipeline, day, cold, kind, p.n, p.only_new, p.most_in_category, p.diversity);
END;
$$;

COMMENT ON FUNCTION tiering.recommendation_sql(text, date) IS
'internal: query for the recommendations of all customers';

-- The step that recommends
CREATE FUNCTION tiering.refresh_recommend(pipeline text, this_run bigint, OUT row_count bigint, OUT note text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	reason text;
	day date;
	kind text;
	products regclass;
	customers bigint;
BEGIN
	EXECUTE format('SELECT r.as_of FROM %I.run AS r WHERE r.run = $1', pipeline) INTO day USING this_run;
	EXECUTE format('SELECT p.products FROM %I.pipeline AS p', pipeline) INTO products;
	PERFORM tiering.refuse_twice(products, 'product');
	PERFORM tiering.gather_recommend_histories(pipeline, day);
	reason := tiering.model_reason(pipeline, this_run, 'recommend', tiering.recommend_setup(pipeline), 'cold');
	IF reason IS NOT NULL THEN
		SELECT r.note INTO note FROM tiering.refit_recommend(pipeline, this_run, reason) AS r;
	END IF;
	EXECUTE format('SELECT m.kind FROM %I.model AS m WHERE m.model = ''recommend'' AND m.in_use', pipeline) INTO kind;
	EXECUTE format('DELETE FROM %I.recommendation', pipeline);
	row_count := 0;
	IF kind IS NOT NULL THEN
		EXECUTE format('CREATE UNLOGGED TABLE %I.recommend_excluded AS %s', pipeline, tiering.recommend_excluded_sql(pipeline));
		EXECUTE format('ANALYZE %I.recommend_excluded', pipeline);
		EXECUTE format('CREATE UNLOGGED TABLE %I.recommend_everybody AS %s', pipeline, tiering.recommend_everybody_sql(pipeline));
		EXECUTE format('ANALYZE %I.recommend_everybody', pipeline);
		EXECUTE format('CREATE UNLOGGED TABLE %I.recommend_fresh AS %s', pipeline, tiering.recommendation_sql(pipeline, day));
		EXECUTE format($sql$
INSERT INTO %1$I.recommendation (customer_id, rank, product_id, score, reason, model, as_of)
SELECT f.customer_id, f.rank, i.product_id, f.score, tiering.recommend_reason_text(f.reason, b.name, f.times, f.last_on, f.gap_days, f.customer_group), f.ranking, $1
FROM %1$I.recommend_fresh AS f JOIN %1$I.recommend_item AS i ON i.item = f.item LEFT JOIN %1$I.recommend_product AS b ON b.item = f.because$sql$, pipeline) USING day;
		GET DIAGNOSTICS row_count = ROW_COUNT;
		PERFORM tiering.drop_relations(pipeline, ARRAY['recommend_fresh', 'recommend_everybody', 'recommend_excluded']);
	END IF;
	EXECUTE format('ANALYZE %I.recommendation', pipeline);
	EXECUTE format('SELECT count(*) FROM %I.recommend_history', pipeline) INTO customers;
	IF kind IS NOT NULL AND row_count = 0 AND customers > 0 THEN
		RAISE WARNING 'pipeline "%": no product may be offered to anybody', pipeline
			USING HINT = 'product_filter, the tiers that product_tier names, or min_customers leave nothing.';
	END IF;
	note := COALESCE(note, CASE WHEN kind IS NULL THEN 'no model is in use' ELSE 'the model in use will do' END);
END;
$$;

COMMENT ON FUNCTION tiering.refresh_recommend(text, bigint) IS
'internal: the step that recommends';

-- Refuses a name that no pipeline has
CREATE FUNCTION tiering.require_recommend_policy(pipeline text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF to_regclass(format('%I.recommend_policy', pipeline)) IS NULL THEN
		RAISE EXCEPTION 'pipeline "%" does not exist', COALESCE(pipeline, 'null')
			USING ERRCODE = 'undefined_object', HINT = 'The view tiering.pipelines lists those that you may read.';
	END IF;
END;
$$;

COMMENT ON FUNCTION tiering.require_recommend_policy(text) IS
'internal: refuses a name that no pipeline has';

-- Recommendations of this moment for one customer, of what he bought until now.  May
-- the best of them be offered?  That is asked of them alone, and of all products only
-- where they are compared with each other, or too few remain.
CREATE FUNCTION tiering.recommend_to_sql(pipeline text, of_all boolean)
RETURNS text
LANGUAGE SQL IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN format($sql$
SELECT row_number() OVER (ORDER BY r.rank)::integer, i.product_id::text, i.name, r.score,
	tiering.recommend_reason_text(r.reason, (SELECT b.name FROM %1$I.recommend_product AS b WHERE b.item = r.because), r.times, r.last_on, r.gap_days, c.customer_group), CASE WHEN h.items IS NULL THEN m.fit ->> 'cold' ELSE m.kind END
FROM %1$I.model AS m
	CROSS JOIN (SELECT (SELECT g.customer_group FROM %1$I.recommend_customer AS g WHERE g.customer_id = $1 LIMIT 1) AS customer_group,
		COALESCE((SELECT s.rank FROM %1$I.tier_standing AS s WHERE s.customer_id = $1), -1) AS tier_rank) AS c
	CROSS JOIN (SELECT array_agg(o.item) AS items, array_agg(o.ordered_on) AS days, max(o.ordered_on) FILTER (WHERE o.ordered_on <= current_date + 1) AS last_day FROM %1$I.recommend_purchase AS o WHERE o.customer_id = $1) AS h
	CROSS JOIN LATERAL tiering.recommend_numbered(m.recommender, h.items, h.days, GREATEST(m.as_of, h.last_day), c.customer_group, m.parameters, CASE WHEN h.items IS NULL THEN m.fit ->> 'cold' ELSE m.kind END, $3, $4, %2$s
		|| ARRAY(SELECT i.item FROM %1$I.recommend_feedback AS f JOIN %1$I.recommend_item AS i USING (product_id) WHERE f.customer_id = $1 AND f.event = 'dismissed' AND f.happened_at >= now() - interval '1 day' * $5),
		CASE WHEN $6 THEN ARRAY(SELECT i.item FROM %1$I.recommend_product AS i WHERE i.is_once) END, $7, $8) AS r
	JOIN %1$I.recommend_product AS i ON i.item = r.item
WHERE m.model = 'recommend' AND m.in_use AND i.is_offered AND (i.tier IS NULL OR c.tier_rank >= (SELECT min(t.rank) FROM %1$I.tier AS t WHERE t.tier = i.tier))
ORDER BY r.rank
LIMIT $2$sql$, pipeline, CASE WHEN of_all THEN format($sql$ARRAY(SELECT i.item FROM %1$I.recommend_product AS i
			WHERE NOT i.is_offered OR i.tier IS NOT NULL AND (c.tier_rank >= (SELECT min(t.rank) FROM %1$I.tier AS t WHERE t.tier = i.tier)) IS NOT TRUE)$sql$, pipeline) ELSE '''{}''::integer[]' END);

COMMENT ON FUNCTION tiering.recommend_to_sql(text, boolean) IS
'internal: query for recommendations of this moment for one customer';

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
		RETURN QUERY SELECT q.* FROM tiering.cached_query(tiering.recommend_to_sql(pipeline, false), customer, wanted, 2 * wanted + 20, p.only_new, p.rest_days, p.product_once IS NOT NULL, 0, 0::double precision)
			AS q(rank integer, product_id text, name text, score double precision, reason text, model text);
		GET DIAGNOSTICS found = ROW_COUNT;
	END IF;
	IF found < wanted THEN
		-- what was found already stands first there, too
		RETURN QUERY EXECUTE tiering.recommend_to_sql(pipeline, true) || ' OFFSET $9' USING customer, wanted - found, wanted, p.only_new, p.rest_days, p.product_once IS NOT NULL, p.most_in_category, p.diversity, found;
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
	RETURN QUERY SELECT * FROM tiering.recommend_to(pipeline, customer, n);
END;
$$;

COMMENT ON FUNCTION tiering.recommend(text, anyelement, integer) IS
'what to offer a customer now: purchases committed a moment ago count';

CREATE FUNCTION tiering.recommend(pipeline text, customer text, n integer DEFAULT NULL)
RETURNS TABLE (rank integer, product_id text, name text, score double precision, reason text, model text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM tiering.require_recommend_policy(pipeline);
	RETURN QUERY EXECUTE format('SELECT * FROM tiering.recommend_to($1, $2::%s, $3)', tiering.customer_type(pipeline)) USING pipeline, customer, n;
END;
$$;

COMMENT ON FUNCTION tiering.recommend(text, text, integer) IS
'the same for an id as text';

-- What reports and those who show offers read
CREATE FUNCTION tiering.define_recommend_views(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format($sql$
CREATE OR REPLACE VIEW %1$I.next_offer AS
SELECT o.customer_id, o.product_id, i.name, o.score, o.reason, o.model, o.as_of, t.tier, b.benefit, b.name AS benefit_name, v.clv, u.probability AS churn_probability,
	v.clv * tiering.leaves_if_alive(u.probability, v.p_alive) AS value_at_risk
FROM %1$I.recommendation AS o
	LEFT JOIN %1$I.recommend_product AS i ON i.product_id = o.product_id
	LEFT JOIN %1$I.tier_standing AS t ON t.customer_id = o.customer_id
	LEFT JOIN (
		SELECT DISTINCT ON (x.customer_id) x.customer_id, x.benefit, x.name FROM %1$I.customer_benefit AS x WHERE x.is_due ORDER BY x.customer_id, x.valid_until, x.value DESC NULLS LAST, x.benefit
	) AS b ON b.customer_id = o.customer_id
	LEFT JOIN %1$I.customer_clv AS v ON v.customer_id = o.customer_id
	LEFT JOIN %1$I.churn_score AS u ON u.customer_id = o.customer_id
WHERE o.rank = 1;
CREATE OR REPLACE VIEW %1$I.recommend_performance AS
SELECT f.model, f."position", count(*) FILTER (WHERE f.event = 'shown') AS shown, count(*) FILTER (WHERE f.event = 'clicked') AS clicked,
	count(*) FILTER (WHERE f.event = 'bought') AS bought, count(*) FILTER (WHERE f.event = 'dismissed') AS dismissed,
	round(count(*) FILTER (WHERE f.event = 'clicked')::numeric / NULLIF(count(*) FILTER (WHERE f.event = 'shown'), 0), 4) AS click_through,
	round(count(*) FILTER (WHERE f.event = 'bought')::numeric / NULLIF(count(*) FILTER (WHERE f.event = 'shown'), 0), 4) AS conversion
FROM %1$I.recommend_feedback AS f
GROUP BY f.model, f."position";
CREATE OR REPLACE VIEW %1$I.product_season AS
SELECT s.category, s.month, s.purchases, round(s.purchases * 12 / NULLIF(sum(s.purchases) OVER (PARTITION BY s.category), 0), 3) AS seasonal_index
FROM (
	SELECT m.category, m.month, avg(m.purchases) AS purchases
	FROM (
		SELECT i.category, date_trunc('month', u.day)::date AS first_day, extract(month FROM u.day)::integer AS month, count(*) AS purchases
		FROM %1$I.recommend_history AS h, unnest(h.items, h.days) AS u(item, day) JOIN %1$I.recommend_product AS i ON i.item = u.item
		GROUP BY i.category, date_trunc('month', u.day), extract(month FROM u.day)
		-- of what few bought in a month nobody learns
		HAVING count(DISTINCT h.customer_id) >= (SELECT p.min_customers FROM %1$I.recommend_policy AS p)
	) AS m
	GROUP BY m.category, m.month
) AS s$sql$, pipeline);
	PERFORM tiering.comment_recommend_views(pipeline);
END;
$$;

COMMENT ON FUNCTION tiering.define_recommend_views(text) IS
'internal: makes next_offer, recommend_performance and product_season';

-- How good recommendations would have been from a day on
CREATE FUNCTION tiering.recommend_holdout(pipeline text, split_date date, n integer DEFAULT 10)
RETURNS TABLE (ranking text, setting text, customers bigint, ndcg double precision, recall double precision, "precision" double precision,
	average_precision double precision, hit_rate double precision, coverage double precision, novelty double precision)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
	learned record;
	is_judged boolean;
BEGIN
	PERFORM tiering.require_pipeline(pipeline);
	PERFORM tiering.lock_pipeline(pipeline);
	EXECUTE format('SELECT g.*, (SELECT max(h.days[cardinality(h.days)]) FROM %1$I.recommend_history AS h) AS last_day FROM (SELECT) AS one LEFT JOIN %1$I.recommend_policy AS g ON true', pipeline) INTO p;
	IF p.last_day IS NULL THEN
		RAISE EXCEPTION 'pipeline "%" has no recommendations', pipeline
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = format('CALL tiering.create_recommendations(%L); CALL tiering.refresh(%1$L).', pipeline);
	ELSIF n NOT BETWEEN 1 AND 100 OR n IS NULL THEN
		RAISE EXCEPTION 'n % is not between 1 and 100', n USING ERRCODE = 'invalid_parameter_value', HINT = 'Ten are usual.';
	ELSIF (split_date >= '0001-01-01' AND split_date < p.last_day) IS NOT TRUE THEN
		RAISE EXCEPTION 'split_date % is not before the last purchase, of %', COALESCE(split_date::text, 'null'), p.last_day
			USING ERRCODE = 'invalid_parameter_value', HINT = format('Leave %s days after it, which are to be foretold.', p.horizon_days);
	END IF;
	IF split_date + p.horizon_days > p.last_day THEN
		RAISE NOTICE 'the last purchase is % days after split_date, less than the horizon of %', p.last_day - split_date, p.horizon_days
			USING HINT = 'What was bought is incomplete: recall comes out too high, precision too low.';
	END IF;
	PERFORM tiering.gather_recommend_rows(pipeline, split_date + p.horizon_days);
	EXECUTE format('SELECT EXISTS (SELECT FROM %I.recommend_window AS x WHERE x.purpose = ''report'')', pipeline) INTO is_judged;
	IF NOT is_judged THEN
		RAISE EXCEPTION 'there is too little history before split_date %', split_date
			USING ERRCODE = 'invalid_parameter_value', HINT = format('It takes %s days of purchases.', GREATEST(60, p.horizon_days));
	END IF;
	SELECT * INTO learned FROM tiering.learn_blend(pipeline, 'learn');
	RETURN QUERY SELECT * FROM tiering.judge_recommend(pipeline, split_date, p.horizon_days, $3, learned.weights) AS j ORDER BY j.setting, j.ndcg DESC;
	PERFORM tiering.drop_relations(pipeline, ARRAY['recommend_row', 'recommend_trial', 'recommend_window', 'recommend_first']);
END;
$$;

COMMENT ON FUNCTION tiering.recommend_holdout(text, date, integer) IS
'how good each ranking would have been on a day, and the blend that was learned before it';
