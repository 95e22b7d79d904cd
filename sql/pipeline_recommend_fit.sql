
/*
 * pipeline: recommendations, learned from what came after days of the past
 */

-- Numbers products that are new, and gathers what each customer bought of them.  A
-- product keeps its number while a model is in use; anew, all get those that a new
-- pipeline would give them, so that the same orders make the same model.
CREATE FUNCTION tiering.gather_recommend_histories(pipeline text, day date, anew boolean)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	gathered bigint;
BEGIN
	IF anew THEN
		EXECUTE format('DELETE FROM %I.recommend_item', pipeline);
	END IF;
	BEGIN
		EXECUTE format($sql$
INSERT INTO %1$I.recommend_item (item, product_id)
SELECT (SELECT COALESCE(max(i.item), 0) FROM %1$I.recommend_item AS i) + row_number() OVER (ORDER BY n.product_id), n.product_id
FROM (
	SELECT DISTINCT o.product_id FROM %1$I.order_line AS o
	WHERE %2$s
		AND NOT EXISTS (SELECT FROM %1$I.recommend_item AS i WHERE i.product_id = o.product_id)
) AS n$sql$, pipeline, tiering.is_product_bought_sql());
	EXCEPTION WHEN program_limit_exceeded THEN
		RAISE EXCEPTION 'a product of pipeline "%" has an id that is too long: %', pipeline, SQLERRM
			USING ERRCODE = 'program_limit_exceeded', HINT = 'Make it shorter in a view of the orders, or leave it out by the filter of the pipeline.';
	END;
	EXECUTE format($sql$
CREATE UNLOGGED TABLE %1$I.recommend_fresh AS
SELECT s.customer_id, array_agg(s.item) AS items, array_agg(s.ordered_on) AS days
FROM (SELECT DISTINCT o.customer_id, o.ordered_on, o.item FROM %1$I.recommend_purchase AS o WHERE o.ordered_on <= %2$L ORDER BY 1, 2, 3) AS s
GROUP BY s.customer_id$sql$, pipeline, day);
	EXECUTE format($sql$
DELETE FROM %1$I.recommend_history AS h WHERE NOT EXISTS (SELECT FROM %1$I.recommend_fresh AS f WHERE f.customer_id = h.customer_id);
INSERT INTO %1$I.recommend_history AS h SELECT f.customer_id, f.items, f.days FROM %1$I.recommend_fresh AS f
ON CONFLICT (customer_id) DO UPDATE SET (items, days) = (EXCLUDED.items, EXCLUDED.days) WHERE (h.items, h.days) IS DISTINCT FROM (EXCLUDED.items, EXCLUDED.days);
DROP TABLE %1$I.recommend_fresh$sql$, pipeline);
	EXECUTE format('ANALYZE %1$I.recommend_item; ANALYZE %1$I.recommend_history', pipeline);
	EXECUTE format('SELECT count(*) FROM %I.recommend_history', pipeline) INTO gathered;
	RETURN gathered;
END;
$$;

COMMENT ON FUNCTION tiering.gather_recommend_histories(text, date, boolean) IS
'internal: numbers products and gathers what each customer bought of them';

-- What a recommender learns from: purchases, clicks on what was shown, groups of customers
CREATE FUNCTION tiering.recommend_events_sql(pipeline text)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
	has_clicks boolean;
	clicks text;
BEGIN
	EXECUTE format('SELECT g.*, COALESCE(p.time_zone, ''UTC'') AS time_zone FROM %1$I.recommend_policy AS g CROSS JOIN %1$I.pipeline AS p', pipeline) INTO STRICT p;
	EXECUTE format('SELECT EXISTS (SELECT FROM %I.recommend_feedback AS f WHERE f.event = ''clicked'')', pipeline) INTO has_clicks;
	clicks := tiering.survivors_sql(pipeline, format('SELECT f.customer_id, n.item, (f.happened_at AT TIME ZONE %2$L)::date AS day FROM %1$I.recommend_feedback AS f JOIN %1$I.recommend_item AS n USING (product_id) WHERE f.event = ''clicked''', pipeline, p.time_zone), 'q.item, q.day');
	RETURN format('SELECT e.customer_id, e.item, e.day%3$s%4$s FROM (SELECT h.customer_id, u.item, u.day, 1::double precision AS weight, true AS bought FROM %1$I.recommend_history AS h, unnest(h.items, h.days) AS u(item, day)%2$s) AS e%5$s', pipeline,
		CASE WHEN has_clicks AND p.click_weight > 0 THEN format(' UNION ALL SELECT f.customer_id, f.item, f.day, %s::double precision, false FROM (%s) AS f', p.click_weight, clicks) ELSE '' END,
		CASE WHEN has_clicks AND p.click_weight > 0 THEN ', e.weight, e.bought' ELSE '' END,
		CASE WHEN p.customer_group IS NOT NULL THEN ', c.customer_group AS "group"' ELSE '' END,
		CASE WHEN p.customer_group IS NOT NULL THEN format(' LEFT JOIN %I.recommend_customer AS c ON c.customer_id = e.customer_id', pipeline) ELSE '' END);
END;
$$;

COMMENT ON FUNCTION tiering.recommend_events_sql(text) IS
'internal: query for what a recommender learns from';

-- A recommender as it would have been on a day.  Without the module, or where it
-- would take too much memory, it goes without EASE.
CREATE FUNCTION tiering.fit_recommender(pipeline text, day date)
RETURNS tiering.recommender
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
	items integer;
	categories integer[];
	has_ease boolean;
BEGIN
	EXECUTE format('SELECT * FROM %I.recommend_policy', pipeline) INTO STRICT p;
	EXECUTE format('SELECT max(i.item) FROM %I.recommend_item AS i', pipeline) INTO items;
	IF p.product_category IS NOT NULL THEN
		EXECUTE format('SELECT array_agg(s.category ORDER BY s.item) FROM (SELECT r.item, CASE WHEN r.category IS NULL THEN 0 ELSE dense_rank() OVER (ORDER BY r.category COLLATE "C") END::integer AS category FROM %I.recommend_product AS r) AS s', pipeline)
			INTO categories;
	END IF;
	has_ease := tiering.ease_is_installed() AND items::bigint * items * 8 <= p.max_memory_mb::bigint * 1024 * 1024;
	RETURN tiering.recommender_fit(tiering.recommend_events_sql(pipeline),
		jsonb_build_object('half_life_days', p.half_life_days, 'horizon_days', p.horizon_days, 'min_customers', p.min_customers, 'max_memory_mb', p.max_memory_mb)
			|| CASE WHEN has_ease THEN '{}' ELSE '{"ease_neighbours": 0}'::jsonb END,
		day, NULL, items, categories);
END;
$$;

COMMENT ON FUNCTION tiering.fit_recommender(text, date) IS
'internal: fits a recommender to what was known on a day';

-- Days of the past on which recommendations are tried out: those that the blend
-- learns from before it is judged, the one that judges, and those it learns from in the end
CREATE FUNCTION tiering.recommend_windows(first_day date, last_day date, horizon_days integer)
RETURNS TABLE (purpose text, origin date)
LANGUAGE SQL IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT v.purpose, v.origin
	FROM (VALUES ('learn', last_day - 3 * horizon_days), ('learn', last_day - 2 * horizon_days), ('report', last_day - horizon_days),
		('learn again', last_day - 2 * horizon_days), ('learn again', last_day - horizon_days)) AS v(purpose, origin)
	WHERE v.origin >= first_day + GREATEST(60, horizon_days)
$$;

COMMENT ON FUNCTION tiering.recommend_windows(date, date, integer) IS
'internal: days on which recommendations are tried out';

-- Of candidates that were not bought so many teach the blend: all of them in a small
-- shop.  The blend's intercept makes up for it.
CREATE FUNCTION tiering.recommend_taught_share(pipeline text)
RETURNS double precision
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	share double precision;
BEGIN
	EXECUTE format('SELECT GREATEST(0.3, LEAST(1, 1500 / GREATEST(count(*), 1)::double precision)) FROM %I.recommend_history', pipeline) INTO share;
	RETURN share;
END;
$$;

COMMENT ON FUNCTION tiering.recommend_taught_share(text) IS
'internal: share of candidates that were not bought from which the blend learns';

-- Weights of the blend, from the candidates of some days and what came of them: of
-- what is new to a customer, and of what he has.  Where one of the two cannot be
-- learned it counts as often as it came true.  NULL: nothing could be learned.
CREATE FUNCTION tiering.learn_blend(pipeline text, purpose text, OUT weights double precision[], OUT note text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	share CONSTANT double precision := tiering.recommend_taught_share(pipeline);
	names text[] := tiering.recommend_feature_names();
	learned integer := 0;
	m record;
BEGIN
	weights := '{}';
	FOR m IN EXECUTE format($sql$
SELECT o.owned, tiering.logistic_fit(r.label, r.features, jsonb_build_object('l2', 10, 'names', to_jsonb($1))) FILTER (WHERE r.features[$2] = o.owned) AS classifier,
	ln((count(*) FILTER (WHERE r.label AND r.features[$2] = o.owned) + 0.5) / (count(*) FILTER (WHERE NOT r.label AND r.features[$2] = o.owned) + 0.5)::double precision) AS log_odds
FROM (VALUES (0), (1)) AS o(owned) LEFT JOIN %1$I.recommend_row AS r ON r.origin IN (SELECT w.origin FROM %1$I.recommend_window AS w WHERE w.purpose = $3)
GROUP BY o.owned ORDER BY o.owned$sql$, pipeline) USING names, array_position(names, 'owned'), purpose LOOP
		IF (tiering.classifier_summary(m.classifier)).status = 'converged' THEN
			learned := learned + 1;
			weights := weights || ARRAY(
				SELECT COALESCE(c.estimate, 0) + CASE WHEN c.n = 1 THEN ln(share) ELSE 0 END FROM tiering.coefficients(m.classifier) WITH ORDINALITY AS c(term, estimate, std_error, z, p, lower, upper, note, n) ORDER BY c.n);
		ELSE
			weights := weights || (m.log_odds + ln(share)) || array_fill(0::double precision, ARRAY[cardinality(names)]);
			note := concat_ws('; ', note, format('too little to learn from of what customers %s', CASE m.owned WHEN 0 THEN 'do not have' ELSE 'have' END));
		END IF;
	END LOOP;
	IF learned = 0 THEN
		weights := NULL;
	END IF;
END;
$$;

COMMENT ON FUNCTION tiering.learn_blend(text, text) IS
'internal: weights of the blend';

-- Recommenders of the days that are tried out, and rows that the blend learns from
CREATE FUNCTION tiering.gather_recommend_rows(pipeline text, last_day date)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	enough CONSTANT integer := 5000;
	p record;
	first_day date;
	customers bigint;
	w record;
BEGIN
	EXECUTE format('SELECT * FROM %I.recommend_policy', pipeline) INTO STRICT p;
	EXECUTE format('CREATE UNLOGGED TABLE %1$I.recommend_first AS SELECT u.item, min(u.day) AS first_day FROM %1$I.recommend_history AS h, unnest(h.items, h.days) AS u(item, day) JOIN %1$I.recommend_product AS i ON i.item = u.item AND i.is_offered GROUP BY u.item', pipeline);
	EXECUTE format('SELECT min(f.first_day), (SELECT count(*) FROM %1$I.recommend_history) FROM %1$I.recommend_first AS f', pipeline) INTO first_day, customers;
	EXECUTE format('CREATE UNLOGGED TABLE %I.recommend_window AS SELECT * FROM tiering.recommend_windows($1, $2, $3)', pipeline) USING first_day, last_day, p.horizon_days;
	EXECUTE format('CREATE UNLOGGED TABLE %I.recommend_trial (origin date PRIMARY KEY, recommender tiering.recommender)', pipeline);
	EXECUTE format('CREATE UNLOGGED TABLE %I.recommend_row (origin date, label boolean, features double precision[])', pipeline);
	EXECUTE format('ANALYZE %1$I.recommend_first; ANALYZE %1$I.recommend_window', pipeline);
	FOR w IN EXECUTE format('SELECT DISTINCT x.origin FROM %I.recommend_window AS x ORDER BY 1', pipeline) LOOP
		EXECUTE format('INSERT INTO %I.recommend_trial VALUES ($1, tiering.fit_recommender($2, $1))', pipeline) USING w.origin, pipeline;
		EXECUTE format($sql$
INSERT INTO %1$I.recommend_row (origin, label, features)
SELECT $1, t.label, t.features
FROM (%2$s) AS k, LATERAL tiering.recommend_training((SELECT r.recommender FROM %1$I.recommend_trial AS r WHERE r.origin = $1), k.items, k.days, $1, k.customer_group,
	ARRAY(SELECT i.item FROM %1$I.recommend_product AS i WHERE NOT i.is_offered), k.bought, $2, k.seed) AS t
WHERE k.before <> '{}'$sql$, pipeline, tiering.recommend_cases_sql(pipeline, w.origin, p.horizon_days, LEAST(1, enough / GREATEST(customers, 1)::double precision))) USING w.origin, tiering.recommend_taught_share(pipeline);
	END LOOP;
	EXECUTE format('ANALYZE %I.recommend_row', pipeline);
END;
$$;

COMMENT ON FUNCTION tiering.gather_recommend_rows(text, date) IS
'internal: recommenders of days of the past, and what the blend learns from';

-- What a model of recommendations was made with: where that changes it is made anew
CREATE FUNCTION tiering.recommend_setup(pipeline text)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	setup jsonb;
BEGIN
	EXECUTE format($sql$
SELECT jsonb_build_object('horizon_days', g.horizon_days, 'only_new', g.only_new, 'n', g.n, 'half_life_days', g.half_life_days, 'min_customers', g.min_customers, 'product_category', g.product_category,
	'customer_group', g.customer_group, 'click_weight', g.click_weight, 'max_memory_mb', g.max_memory_mb, 'ease', tiering.ease_is_installed(), 'terms', cardinality(tiering.recommend_feature_names()), 'source_version', p.source_version)
FROM %1$I.recommend_policy AS g CROSS JOIN %1$I.pipeline AS p$sql$, pipeline) INTO setup;
	RETURN setup;
END;
$$;

COMMENT ON FUNCTION tiering.recommend_setup(text) IS
'internal: settings that a model of recommendations depends on';

-- Learns, judges, and puts what is best in use
CREATE FUNCTION tiering.refit_recommend(pipeline text, this_run bigint, reason text, OUT note text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
	day date;
	chosen record;
	learned record;
	ranking text;
	fitted tiering.recommender;
BEGIN
	EXECUTE format('SELECT * FROM %I.recommend_policy', pipeline) INTO STRICT p;
	EXECUTE format('SELECT r.as_of FROM %I.run AS r WHERE r.run = $1', pipeline) INTO day USING this_run;
	PERFORM tiering.gather_recommend_rows(pipeline, day);
	SELECT * INTO chosen FROM tiering.choose_recommend(pipeline, this_run);
	SELECT * INTO learned FROM tiering.learn_blend(pipeline, 'learn again');
	ranking := CASE WHEN chosen.ranking <> 'blend' OR learned.weights IS NOT NULL THEN chosen.ranking WHEN p.only_new THEN 'popular' ELSE 'buy_again' END;
	note := format('%s: %s', reason, chosen.note);
	IF chosen.is_simple OR ranking <> chosen.ranking THEN
		RAISE WARNING 'pipeline "%": recommendations are no better than a simple rule: %', pipeline, ranking USING DETAIL = note;
	END IF;
	fitted := tiering.fit_recommender(pipeline, day);
	EXECUTE format('UPDATE %I.model AS m SET in_use = false WHERE m.model = ''recommend'' AND m.in_use', pipeline);
	-- one recommender is enough: of former ones the figures stay
	EXECUTE format('UPDATE %I.model AS m SET recommender = NULL WHERE m.model = ''recommend'' AND m.recommender IS NOT NULL', pipeline);
	EXECUTE format($sql$
INSERT INTO %1$I.model (model, version, kind, run, as_of, customers, status, parameters, fit, metrics, in_use, note, recommender)
SELECT 'recommend', COALESCE((SELECT max(m.version) FROM %1$I.model AS m WHERE m.model = 'recommend'), 0) + 1, $1, $2, $3, (SELECT count(*) FROM %1$I.recommend_history), 'fitted', $4, $5,
	(SELECT jsonb_agg(to_jsonb(q) - 'run' ORDER BY q.setting, q.ranking) FROM %1$I.recommend_quality AS q WHERE q.run = $2), $6 IS NOT NULL, $7, $6$sql$, pipeline)
		USING ranking, this_run, day, learned.weights, tiering.recommend_setup(pipeline) || jsonb_build_object('cold', CASE WHEN chosen.cold <> 'blend' OR learned.weights IS NOT NULL THEN chosen.cold ELSE 'popular' END), fitted, note;
	PERFORM tiering.store_affinity(pipeline);
	PERFORM tiering.drop_relations(pipeline, ARRAY['recommend_row', 'recommend_trial', 'recommend_window', 'recommend_first']);
END;
$$;

COMMENT ON FUNCTION tiering.refit_recommend(text, bigint, text) IS
'internal: learns, judges and stores a model of recommendations';

-- Pairs of products that the same customers bought, for reports; of none that few did
CREATE FUNCTION tiering.store_affinity(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
BEGIN
	EXECUTE format('SELECT * FROM %I.recommend_policy', pipeline) INTO STRICT p;
	EXECUTE format('DELETE FROM %I.product_affinity', pipeline);
	EXECUTE format($sql$
INSERT INTO %1$I.product_affinity (product_id, other_product_id, rank, similarity, customers, product_customers, other_customers, lift)
SELECT a.product_id, b.product_id, s.rank, s.similarity, s.customers, s.item_customers, s.neighbour_customers, s.lift
FROM tiering.item_similarity($1, jsonb_build_object('neighbours', 20, 'min_customers', $2, 'max_memory_mb', $3)) AS s
	JOIN %1$I.recommend_item AS a ON a.item = s.item::integer JOIN %1$I.recommend_item AS b ON b.item = s.neighbour::integer$sql$, pipeline)
		USING format('SELECT h.customer_id, u.item FROM %1$I.recommend_history AS h, unnest(h.items) AS u(item) JOIN %1$I.recommend_product AS i ON i.item = u.item AND i.is_offered', pipeline), p.min_customers, p.max_memory_mb;
END;
$$;

COMMENT ON FUNCTION tiering.store_affinity(text) IS
'internal: fills product_affinity';
