
/*
 * pipeline: recommendations, judged by what was bought after them
 */

-- Customers of a day with what they bought then and within the horizon after it; of
-- what was sold before and is offered.  A share of them will do, told by their ids.
CREATE FUNCTION tiering.recommend_cases_sql(pipeline text, origin date, horizon_days integer, share double precision)
RETURNS text
LANGUAGE SQL IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN format($sql$
SELECT h.customer_id, c.customer_group, hashtext(to_jsonb(h.customer_id)::text) AS seed, h.items, h.days, b.before, b.bought
FROM (
	SELECT k.customer_id, COALESCE(array_agg(DISTINCT u.item) FILTER (WHERE u.day <= %2$L), '{}') AS before, array_agg(DISTINCT u.item) FILTER (WHERE u.day > %2$L AND u.day <= %3$L AND s.first_day <= %2$L) AS bought
	FROM %1$I.recommend_history AS k CROSS JOIN LATERAL unnest(k.items, k.days) AS u(item, day) JOIN %1$I.recommend_first AS s ON s.item = u.item
	WHERE k.days[cardinality(k.days)] > %2$L AND (%4$s >= 1 OR hashtext(to_jsonb(k.customer_id)::text) < -2147483648 + %4$s * 4294967296)
	GROUP BY k.customer_id
) AS b
	JOIN %1$I.recommend_history AS h ON h.customer_id = b.customer_id
	LEFT JOIN %1$I.recommend_customer AS c ON c.customer_id = b.customer_id
WHERE b.bought IS NOT NULL$sql$, pipeline, origin, origin + horizon_days, share);

COMMENT ON FUNCTION tiering.recommend_cases_sql(text, date, integer, double precision) IS
'internal: query for customers of a day and what they bought after it';

-- How good all rankings were on a day, by what was bought after it
CREATE FUNCTION tiering.judge_recommend(pipeline text, origin date, horizon_days integer, n integer, weights double precision[])
RETURNS TABLE (ranking text, setting text, customers bigint, ndcg double precision, recall double precision, "precision" double precision,
	average_precision double precision, hit_rate double precision, coverage double precision, novelty double precision)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	enough CONSTANT integer := 20000;
	customers bigint;
	has_groups boolean;
BEGIN
	EXECUTE format('SELECT count(*), (SELECT p.customer_group IS NOT NULL FROM %1$I.recommend_policy AS p) FROM %1$I.recommend_history', pipeline) INTO customers, has_groups;
	RETURN QUERY EXECUTE format($sql$
WITH list AS MATERIALIZED (
	SELECT t.ranking, CASE WHEN k.before = '{}' THEN 'cold' WHEN t.only_new THEN 'new' ELSE 'all' END AS setting, t.items,
		CASE WHEN t.only_new THEN ARRAY(SELECT b FROM unnest(k.bought) AS b WHERE b <> ALL (k.before)) ELSE k.bought END AS relevant
	FROM (%2$s) AS k, LATERAL tiering.recommend_by_all((SELECT r.recommender FROM %1$I.recommend_trial AS r WHERE r.origin = $1),
		CASE WHEN k.before = '{}' THEN '{}' ELSE k.items END, CASE WHEN k.before = '{}' THEN '{}' ELSE k.days END, $1, k.customer_group,
		ARRAY(SELECT i.item FROM %1$I.recommend_product AS i WHERE NOT i.is_offered), $3, $2) AS t
	WHERE NOT (t.only_new AND k.before = '{}') AND (k.before <> '{}' OR t.ranking IN ('popular', 'popular_in_group', 'blend'))
		AND (t.ranking <> 'popular_in_group' OR $4)
), sold AS (
	SELECT u.item, count(DISTINCT h.customer_id) AS customers FROM %1$I.recommend_history AS h, unnest(h.items, h.days) AS u(item, day) WHERE u.day <= $1 GROUP BY u.item
), everybody AS (
	SELECT count(*) FILTER (WHERE h.days[1] <= $1) AS customers, (SELECT count(*) FROM %1$I.recommend_first AS f WHERE f.first_day <= $1) AS items FROM %1$I.recommend_history AS h
), spread AS (
	SELECT l.ranking, l.setting, count(*)::double precision / max(e.items) AS coverage, sum(-ln(s.customers::double precision / e.customers) / ln(2) * l.times ORDER BY s.customers, l.times) / sum(l.times)::double precision AS novelty
	FROM (SELECT t.ranking, t.setting, u.item, count(*) AS times FROM list AS t, unnest(t.items) AS u(item) WHERE t.relevant <> '{}' GROUP BY t.ranking, t.setting, u.item) AS l
		JOIN sold AS s ON s.item = l.item CROSS JOIN everybody AS e
	GROUP BY l.ranking, l.setting
)
SELECT l.ranking, l.setting, count(*), tiering.ndcg_at(l.items, l.relevant, $2), tiering.recall_at(l.items, l.relevant, $2), tiering.precision_at(l.items, l.relevant, $2),
	tiering.average_precision_at(l.items, l.relevant, $2), tiering.hit_rate_at(l.items, l.relevant, $2), max(s.coverage), max(s.novelty)
FROM list AS l LEFT JOIN spread AS s USING (ranking, setting)
WHERE l.relevant <> '{}'
GROUP BY l.ranking, l.setting$sql$, pipeline, tiering.recommend_cases_sql(pipeline, origin, horizon_days, LEAST(1, enough / GREATEST(customers, 1)::double precision)))
		USING origin, n, weights, has_groups;
END;
$$;

COMMENT ON FUNCTION tiering.judge_recommend(text, date, integer, integer, double precision[]) IS
'internal: how good rankings were on a day';

-- Judges the rankings on the last day whose horizon is over, and says which is to be published
CREATE FUNCTION tiering.choose_recommend(pipeline text, this_run bigint, OUT ranking text, OUT cold text, OUT is_simple boolean, OUT note text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
	day date;
	learned record;
	best record;
	plain record;
BEGIN
	EXECUTE format('SELECT * FROM %I.recommend_policy', pipeline) INTO STRICT p;
	EXECUTE format('SELECT x.origin FROM %I.recommend_window AS x WHERE x.purpose = ''report''', pipeline) INTO day;
	ranking := CASE WHEN p.only_new THEN 'popular' ELSE 'buy_again' END;
	cold := 'popular';
	is_simple := false;	-- nothing was compared yet
	IF day IS NULL THEN
		note := format('too little history to judge anything: %s', ranking);
		RETURN;
	END IF;
	SELECT * INTO learned FROM tiering.learn_blend(pipeline, 'learn');
	EXECUTE format($sql$
INSERT INTO %I.recommend_quality (run, ranking, setting, origin, horizon_days, n, customers, ndcg, recall, "precision", average_precision, hit_rate, coverage, novelty)
SELECT $1, j.ranking, j.setting, $2, $3, $4, j.customers, j.ndcg, j.recall, j."precision", j.average_precision, j.hit_rate, j.coverage, j.novelty
FROM tiering.judge_recommend($5, $2, $3, $4, $6) AS j$sql$, pipeline) USING this_run, day, p.horizon_days, p.n, pipeline, learned.weights;
	EXECUTE format('SELECT q.ranking, q.ndcg FROM %I.recommend_quality AS q WHERE q.run = $1 AND q.setting = $2 AND q.ranking IN (''popular'', ''buy_again'') ORDER BY q.ndcg DESC, q.ranking LIMIT 1', pipeline)
		INTO plain USING this_run, CASE WHEN p.only_new THEN 'new' ELSE 'all' END;
	EXECUTE format('SELECT q.ranking, q.ndcg FROM %I.recommend_quality AS q WHERE q.run = $1 AND q.setting = $2 ORDER BY q.ndcg DESC, q.ranking LIMIT 1', pipeline)
		INTO best USING this_run, CASE WHEN p.only_new THEN 'new' ELSE 'all' END;
	IF best.ranking IS NULL THEN
		note := format('nobody bought within the window that judges: %s', ranking);
		RETURN;
	END IF;
	ranking := best.ranking;
	is_simple := ranking = plain.ranking;
	EXECUTE format('SELECT COALESCE((SELECT q.ranking FROM %I.recommend_quality AS q WHERE q.run = $1 AND q.setting = ''cold'' ORDER BY q.ndcg DESC, q.ranking LIMIT 1), $2)', pipeline) INTO cold USING this_run, cold;
	EXECUTE format('UPDATE %I.recommend_quality AS q SET is_chosen = true WHERE q.run = $1 AND q.ranking = CASE q.setting WHEN ''cold'' THEN $3 ELSE $2 END', pipeline) USING this_run, ranking, cold;
	note := concat_ws('; ', format('%s, NDCG@%s %s, %s %s', ranking, p.n, round(best.ndcg::numeric, 3), plain.ranking, round(plain.ndcg::numeric, 3)), learned.note,
		CASE WHEN is_simple THEN 'nothing beats it' END);
END;
$$;

COMMENT ON FUNCTION tiering.choose_recommend(text, bigint) IS
'internal: judges the rankings and says which is to be published';

-- How good recommendations would have been from a day on
CREATE FUNCTION tiering.recommend_holdout(pipeline text, split_date date, n integer DEFAULT 10)
RETURNS TABLE (ranking text, setting text, customers bigint, ndcg double precision, recall double precision, "precision" double precision,
	average_precision double precision, hit_rate double precision, coverage double precision, novelty double precision)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET extra_float_digits = 1
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
