
/*
 * pipeline: recommendations for all customers, and what shows them
 */

-- Why a product is recommended, in words
CREATE FUNCTION tiering.recommend_reason_text(reason text, because text, times integer, last_on date, gap_days double precision, customer_group text)
RETURNS text
LANGUAGE SQL STABLE PARALLEL SAFE
RETURN CASE reason
	WHEN 'due again' THEN 'due again: bought ' || times || ' times, every ' || CASE round(gap_days) WHEN 1 THEN 'day' ELSE round(gap_days)::integer || ' days' END || ', last on ' || to_char(last_on, 'YYYY-MM-DD')
	WHEN 'bought before' THEN 'bought before: ' || CASE times WHEN 1 THEN 'once' ELSE times || ' times' END || ', last on ' || to_char(last_on, 'YYYY-MM-DD')
	WHEN 'bought with' THEN COALESCE('bought with ' || because, 'goes with earlier purchases')
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
LANGUAGE SQL STABLE
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
		SELECT f.customer_id, array_agg(DISTINCT f.item) AS items FROM (%2$s) AS f GROUP BY f.customer_id
	) AS d ON d.customer_id = k.customer_id
	LEFT JOIN %1$I.recommend_excluded AS x ON x.rank = COALESCE(s.rank, -1)
	LEFT JOIN %1$I.recommend_excluded AS n ON n.rank = -1$sql$, pipeline,
	tiering.survivors_sql(pipeline, format('SELECT f.customer_id, n.item FROM %1$I.recommend_policy AS p, %1$I.recommend_feedback AS f JOIN %1$I.recommend_item AS n USING (product_id) WHERE f.event = ''dismissed'' AND f.happened_at >= now() - interval ''1 day'' * p.rest_days', pipeline), 'q.item'));

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

-- Warns where nothing can be offered, to nobody or to those of a tier that is none
CREATE FUNCTION tiering.warn_of_recommend(pipeline text, is_empty boolean)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	has_customers boolean;
	u record;
BEGIN
	EXECUTE format('SELECT EXISTS (SELECT FROM %I.recommend_history)', pipeline) INTO has_customers;
	IF is_empty AND has_customers THEN
		RAISE WARNING 'pipeline "%": no product may be offered to anybody', pipeline
			USING HINT = 'product_filter, the tiers that product_tier names, or min_customers leave nothing.';
	END IF;
	EXECUTE format('SELECT count(*) AS products, min(i.tier) AS tier FROM %1$I.recommend_product AS i WHERE i.is_offered AND i.tier IS NOT NULL AND NOT EXISTS (SELECT FROM %1$I.tier AS t WHERE t.tier = i.tier)', pipeline) INTO u;
	IF u.products > 0 THEN
		RAISE WARNING 'pipeline "%": % product(s) ask for a tier that there is not, such as "%"', pipeline, u.products, u.tier
			USING HINT = format('They are offered to nobody. SELECT tier FROM %I.tier lists the tiers.', pipeline);
	END IF;
END;
$$;

COMMENT ON FUNCTION tiering.warn_of_recommend(text, boolean) IS
'internal: warns where nothing can be offered';

-- The step that recommends
CREATE FUNCTION tiering.refresh_recommend(pipeline text, this_run bigint, OUT row_count bigint, OUT note text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET extra_float_digits = 1
AS $$
DECLARE
	reason text;
	day date;
	kind text;
	products regclass;
BEGIN
	EXECUTE format('SELECT r.as_of FROM %I.run AS r WHERE r.run = $1', pipeline) INTO day USING this_run;
	EXECUTE format('SELECT p.products FROM %I.pipeline AS p', pipeline) INTO products;
	PERFORM tiering.refuse_twice(products, 'product');
	reason := tiering.model_reason(pipeline, this_run, 'recommend', tiering.recommend_setup(pipeline), 'cold');
	PERFORM tiering.gather_recommend_histories(pipeline, day, reason IS NOT NULL);
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
FROM %1$I.recommend_fresh AS f JOIN %1$I.recommend_item AS i ON i.item = f.item LEFT JOIN %1$I.recommend_product AS b ON b.item = f.because AND b.is_offered$sql$, pipeline) USING day;
		GET DIAGNOSTICS row_count = ROW_COUNT;
		PERFORM tiering.drop_relations(pipeline, ARRAY['recommend_fresh', 'recommend_everybody', 'recommend_excluded']);
	END IF;
	EXECUTE format('ANALYZE %I.recommendation', pipeline);
	PERFORM tiering.warn_of_recommend(pipeline, kind IS NOT NULL AND row_count = 0);
	note := COALESCE(note, CASE WHEN kind IS NULL THEN 'no model is in use' ELSE 'the model in use will do' END);
END;
$$;

COMMENT ON FUNCTION tiering.refresh_recommend(text, bigint) IS
'internal: the step that recommends';

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
WITH known AS (
	SELECT extract(month FROM d.day)::integer AS month, count(*) AS days, count(*) OVER () AS months
	FROM (SELECT min(h.days[1]) AS first_day, GREATEST(max(h.days[cardinality(h.days)]), (SELECT r.as_of FROM %1$I.run AS r WHERE r.state = 'done' ORDER BY r.run DESC LIMIT 1)) AS last_day FROM %1$I.recommend_history AS h) AS span,
		generate_series(0, span.last_day - span.first_day) AS n, LATERAL (SELECT span.first_day + n AS day) AS d
	GROUP BY 1
)
SELECT s.category, s.month, s.purchases, k.days, round(s.purchases::numeric / k.days * k.months / sum(s.purchases::numeric / k.days) OVER (PARTITION BY s.category), 3) AS seasonal_index
FROM (
	SELECT i.category, extract(month FROM u.day)::integer AS month, count(*) AS purchases
	FROM %1$I.recommend_history AS h, unnest(h.items, h.days) AS u(item, day) JOIN %1$I.recommend_product AS i ON i.item = u.item
	GROUP BY i.category, extract(month FROM u.day)
	-- of what few bought in a month nobody learns
	HAVING count(DISTINCT h.customer_id) >= (SELECT p.min_customers FROM %1$I.recommend_policy AS p)
) AS s JOIN known AS k ON k.month = s.month$sql$, pipeline);
	PERFORM tiering.comment_recommend_views(pipeline);
END;
$$;

COMMENT ON FUNCTION tiering.define_recommend_views(text) IS
'internal: makes next_offer, recommend_performance and product_season';
