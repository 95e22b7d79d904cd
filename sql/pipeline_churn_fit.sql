
/*
 * pipeline: models of churn, fitted, chosen and judged out of time
 */

-- Log odds of a probability, of one that is certain those of a millionth of a millionth
CREATE FUNCTION tiering.log_odds(probability double precision)
RETURNS double precision
LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE
RETURN ln(GREATEST(probability, 1e-12::double precision) / GREATEST(1 - probability, 1e-12::double precision));

COMMENT ON FUNCTION tiering.log_odds(double precision) IS
'internal: logarithm of p / (1 - p)';

-- The candidates: what each looks at, and how it is fitted.  The first is the
-- rule that the others have to beat.
CREATE FUNCTION tiering.churn_candidates(pipeline text)
RETURNS TABLE (n integer, candidate text, fit text, features text, options jsonb)
LANGUAGE SQL STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	VALUES (1, 'recency', 'logistic_fit', format('ARRAY[r.features[%s]]', array_position(tiering.churn_feature_names(), 'recency_days')), '{"transform": "asinh", "names": ["recency_days"]}'::jsonb),
		(2, 'no_purchase', 'logistic_fit', format('ARRAY[tiering.log_odds(r.features[%s])]', array_position(tiering.churn_training_names(), 'p_no_purchase')), '{"names": ["p_no_purchase"]}'),
		(3, 'logistic', 'logistic_fit', 'r.features', jsonb_build_object('transform', 'asinh', 'l2', 30, 'names', tiering.churn_training_names(pipeline))),
		(4, 'boosting', 'boost_fit', 'r.features', jsonb_build_object('rounds', 80, 'learning_rate', 0.1, 'min_child_weight', 20, 'l2', 10, 'names', tiering.churn_training_names(pipeline)))
$$;

COMMENT ON FUNCTION tiering.churn_candidates(text) IS
'internal: candidates of a model of churn, the baseline first';

-- Days whose horizon is over on a day, from which a model learns then: month by
-- month back, and the season of a year ago
CREATE FUNCTION tiering.churn_learning_days(first_day date, day date, horizon_days integer)
RETURNS SETOF date
LANGUAGE SQL IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT d.day FROM (
		SELECT $2 - horizon_days - 30 * k AS day FROM generate_series(0, 5) AS k
		UNION SELECT $2 - 365 WHERE horizon_days <= 365
	) AS d
	WHERE d.day >= first_day + GREATEST(60, horizon_days)
$$;

COMMENT ON FUNCTION tiering.churn_learning_days(date, date, integer) IS
'internal: days from which a model of churn learns on a day';

-- The days of a comparison, and those that a model knew on each: what scores now
-- is made as what was judged
CREATE FUNCTION tiering.churn_windows(first_day date, last_day date, horizon_days integer)
RETURNS TABLE (purpose text, origin date)
LANGUAGE SQL IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
	WITH judged AS (
		SELECT v.purpose, v.day FROM (VALUES ('choose', last_day - 2 * horizon_days), ('report', last_day - horizon_days), ('score', last_day)) AS v(purpose, day)
	)
	SELECT 'before ' || j.purpose, l.day FROM judged AS j, LATERAL tiering.churn_learning_days(first_day, j.day, horizon_days) AS l(day)
	UNION ALL
	SELECT j.purpose, j.day FROM judged AS j
	WHERE j.purpose <> 'score' AND EXISTS (SELECT FROM tiering.churn_learning_days(first_day, j.day, horizon_days))
$$;

COMMENT ON FUNCTION tiering.churn_windows(date, date, integer) IS
'internal: days on which models of churn are compared and judged, and what they knew then';

-- Rows of all windows, in a table of its own; so many customers of each day will do
CREATE FUNCTION tiering.gather_churn_rows(pipeline text, last_day date)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	enough CONSTANT integer := 20000;
	p record;
	first_day date;
	customers bigint;
	w record;
BEGIN
	EXECUTE format('SELECT * FROM %I.churn_policy', pipeline) INTO STRICT p;
	EXECUTE format('SELECT min(s.day), count(s.day) FROM (SELECT tiering.first_purchase(h.history, $1) AS day FROM %I.purchase_history AS h) AS s', pipeline)
		INTO first_day, customers USING last_day;
	IF p.contracts IS NOT NULL THEN
		EXECUTE format('SELECT min(c.started), GREATEST($1, count(DISTINCT c.customer_id)) FROM (%s) AS c WHERE isfinite(c.started)', tiering.churn_contracts_sql(pipeline))
			INTO first_day, customers USING customers;
	END IF;
	EXECUTE format('CREATE UNLOGGED TABLE %I.churn_row (origin date, churned boolean, features double precision[])', pipeline);
	FOR w IN SELECT DISTINCT x.origin FROM tiering.churn_windows(first_day, last_day, p.horizon_days) AS x ORDER BY 1 LOOP
		EXECUTE format('INSERT INTO %I.churn_row (origin, churned, features) SELECT $1, r.churned, r.features FROM (%s) AS r', pipeline,
			tiering.churn_rows_sql(pipeline, tiering.churn_purchase_kind(pipeline), w.origin, p.horizon_days, p.active_within,
				LEAST(1, enough / GREATEST(customers, 1)::double precision))) USING w.origin;
	END LOOP;
	EXECUTE format('CREATE UNLOGGED TABLE %I.churn_window AS SELECT * FROM tiering.churn_windows($1, $2, $3)', pipeline) USING first_day, last_day, p.horizon_days;
	EXECUTE format('ANALYZE %1$I.churn_row; ANALYZE %1$I.churn_window', pipeline);
END;
$$;

COMMENT ON FUNCTION tiering.gather_churn_rows(text, date) IS
'internal: rows that models of churn learn from and are judged by';

-- Warns of features that alone foretell all but everything: they know the future,
-- mostly, since somebody fills them in when a customer leaves.  Returns their names.
CREATE FUNCTION tiering.warn_of_prophets(pipeline text)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	f record;
	found text;
BEGIN
	FOR f IN EXECUTE format($sql$
SELECT s.name, s.auc FROM (
	SELECT u.name, GREATEST(a.known, 1 - a.known, a.told, 1 - a.told) AS auc
	FROM unnest($1) WITH ORDINALITY AS u(name, n), LATERAL (
		SELECT tiering.auc(r.churned, COALESCE(r.features[u.n], -1e99::double precision)) AS known, tiering.auc(r.churned, CASE WHEN r.features[u.n] IS NULL THEN 1 ELSE 0 END) AS told FROM %I.churn_row AS r
	) AS a
	WHERE u.n > $2 AND u.name <> 'contract_days'
) AS s WHERE s.auc > 0.98 ORDER BY s.name$sql$, pipeline) USING tiering.churn_training_names(pipeline), cardinality(tiering.churn_training_names()) LOOP
		found := concat_ws(', ', found, f.name);
		RAISE WARNING 'feature "%" alone foretells who leaves, with an AUC of %', f.name, round(f.auc::numeric, 3)
			USING DETAIL = 'Mostly such a column is filled in when a customer leaves, or knows later days.',
				  HINT = format('See that its day is the one on which it was known, or DELETE FROM %I.churn_feature WHERE feature = %L.', pipeline, f.name);
	END LOOP;
	RETURN found;
END;
$$;

COMMENT ON FUNCTION tiering.warn_of_prophets(text) IS
'internal: warns of features that know the future';

-- Fits a candidate to the rows of a purpose
CREATE FUNCTION tiering.fit_churn(pipeline text, candidate text, purpose text)
RETURNS tiering.classifier
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	c record;
	fitted tiering.classifier;
BEGIN
	SELECT * INTO STRICT c FROM tiering.churn_candidates(pipeline) AS x WHERE x.candidate = fit_churn.candidate;
	EXECUTE format('SELECT tiering.%3$I(r.churned, %2$s, $2) FROM %1$I.churn_row AS r WHERE r.origin IN (SELECT w.origin FROM %1$I.churn_window AS w WHERE w.purpose = $1)',
		pipeline, c.features, c.fit) INTO fitted USING purpose, c.options;
	RETURN fitted;
END;
$$;

COMMENT ON FUNCTION tiering.fit_churn(text, text, text) IS
'internal: fits a candidate to the rows of a purpose';

-- How well a candidate foretells a day, fitted to what was known on it
CREATE FUNCTION tiering.judge_churn(pipeline text, this_run bigint, candidate text, purpose text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	c record;
	fitted tiering.classifier := tiering.fit_churn(pipeline, candidate, 'before ' || purpose);
BEGIN
	IF fitted IS NULL OR NOT (tiering.classifier_summary(fitted)).status IN ('converged', 'fitted') THEN
		RETURN;
	END IF;
	SELECT * INTO STRICT c FROM tiering.churn_candidates(pipeline) AS x WHERE x.candidate = judge_churn.candidate;
	EXECUTE format($sql$
INSERT INTO %1$I.churn_quality (run, candidate, purpose, origin, horizon_days, customers, churn_rate, auc, log_loss, brier, lift_at_10, slope, intercept, flagged_returned)
SELECT $1, $2, $3, w.origin, (SELECT p.horizon_days FROM %1$I.churn_policy AS p), q.customers, q.churn_rate, q.auc, q.log_loss, q.brier, q.lift, (q.line).slope, (q.line).intercept,
	1 - q.lift * q.churn_rate
FROM (SELECT x.origin FROM %1$I.churn_window AS x WHERE x.purpose = $3) AS w CROSS JOIN LATERAL (
	SELECT count(*) AS customers, avg(r.churned::integer)::double precision AS churn_rate, tiering.auc(r.churned, r.p) AS auc, tiering.log_loss(r.churned, r.p) AS log_loss,
		tiering.brier(r.churned, r.p) AS brier, tiering.lift_at(r.churned, r.p, 0.1) AS lift, tiering.calibration_line(r.churned, r.p) AS line
	FROM (SELECT r.churned, tiering.predict($4, %2$s) AS p FROM %1$I.churn_row AS r WHERE r.origin = w.origin OFFSET 0) AS r
	HAVING count(r.p) > 0
) AS q$sql$, pipeline, c.features) USING this_run, candidate, purpose, fitted;
END;
$$;

COMMENT ON FUNCTION tiering.judge_churn(text, bigint, text, text) IS
'internal: fits a candidate as on a day, and says how well it foretold';

-- The rule beside the candidates: of those whom it flags, who came back by himself?
CREATE FUNCTION tiering.judge_wakeup(pipeline text, this_run bigint)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format($sql$
INSERT INTO %1$I.churn_quality (run, candidate, purpose, origin, horizon_days, customers, churn_rate, auc, lift_at_10, flagged_returned)
SELECT $1, 'wakeup', 'report', r.origin, p.horizon_days, count(*), avg(r.churned::integer), tiering.auc(r.churned, r.features[%2$s]), NULL,
	1 - avg(r.churned::integer) FILTER (WHERE r.features[%4$s] > p.wakeup_ratio * CASE WHEN r.features[%3$s] > p.wakeup_gaps THEN r.features[%5$s] ELSE u.usual_gap END)
FROM %1$I.churn_row AS r CROSS JOIN %1$I.churn_policy AS p CROSS JOIN (
	SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY g.features[%5$s]) AS usual_gap FROM %1$I.churn_row AS g WHERE g.origin = (SELECT w.origin FROM %1$I.churn_window AS w WHERE w.purpose = 'report')) AS u
WHERE r.origin = (SELECT w.origin FROM %1$I.churn_window AS w WHERE w.purpose = 'report')
GROUP BY r.origin, p.horizon_days$sql$, pipeline, array_position(tiering.churn_feature_names(), 'overdue_ratio'), array_position(tiering.churn_feature_names(), 'purchase_days'),
		array_position(tiering.churn_feature_names(), 'recency_days'), array_position(tiering.churn_feature_names(), 'mean_gap_days'))
		USING this_run;
END;
$$;

COMMENT ON FUNCTION tiering.judge_wakeup(text, bigint) IS
'internal: how well the wake-up rule foretells';

-- Compares the candidates on one day and judges them on a later one; returns the
-- one that is to score
CREATE FUNCTION tiering.choose_churn(pipeline text, this_run bigint, OUT candidate text, OUT note text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	c record;
	purposes text[];
	chooses text := 'choose';
	best record;
	baseline double precision;
BEGIN
	-- of days without customers, or on which all or nobody left, nothing is learned
	EXECUTE format($sql$
SELECT COALESCE(array_agg(w.purpose), '{}') FROM (SELECT DISTINCT x.purpose FROM %1$I.churn_window AS x) AS w
WHERE (SELECT count(DISTINCT r.churned) FROM %1$I.churn_row AS r WHERE r.origin IN (SELECT o.origin FROM %1$I.churn_window AS o WHERE o.purpose = CASE WHEN w.purpose LIKE 'before %%' THEN w.purpose ELSE 'before ' || w.purpose END)) = 2
	AND EXISTS (SELECT FROM %1$I.churn_row AS r JOIN %1$I.churn_window AS o USING (origin) WHERE o.purpose = w.purpose)$sql$, pipeline) INTO purposes;
	candidate := 'recency';
	IF NOT 'report' = ANY (purposes) THEN
		note := CASE WHEN 'before score' = ANY (purposes) THEN 'history for one window only, so nothing was judged: the rule of recency'
			ELSE 'too little history for any window' END;
		RETURN;
	END IF;
	FOR c IN SELECT * FROM tiering.churn_candidates(pipeline) AS x WHERE x.fit <> 'boost_fit' OR tiering.boosting_is_installed() ORDER BY x.n LOOP
		PERFORM tiering.judge_churn(pipeline, this_run, c.candidate, p.purpose) FROM unnest(ARRAY['choose', 'report']) AS p(purpose) WHERE p.purpose = ANY (purposes);
	END LOOP;
	PERFORM tiering.judge_wakeup(pipeline, this_run);
	IF NOT 'choose' = ANY (purposes) THEN
		chooses := 'report';
	END IF;
	EXECUTE format($sql$
SELECT q.candidate, q.log_loss FROM %I.churn_quality AS q WHERE q.run = $1 AND q.purpose = $2 AND q.log_loss IS NOT NULL
ORDER BY q.log_loss, q.candidate LIMIT 1$sql$, pipeline) INTO best USING this_run, chooses;
	EXECUTE format('SELECT q.log_loss FROM %I.churn_quality AS q WHERE q.run = $1 AND q.purpose = $2 AND q.candidate = $3', pipeline)
		INTO baseline USING this_run, chooses, 'recency';
	IF best.candidate IS NULL THEN
		note := 'no candidate could be fitted: the rule of recency';
		RETURN;
	END IF;
	candidate := best.candidate;
	EXECUTE format('UPDATE %I.churn_quality SET is_chosen = true WHERE run = $1 AND candidate = $2', pipeline) USING this_run, candidate;
	note := format('%s, log-loss %s, recency %s', candidate, round(best.log_loss::numeric, 4), COALESCE(round(baseline::numeric, 4)::text, 'none'))
		|| CASE chooses WHEN 'report' THEN '; history for two windows only: what chose also reports' ELSE '' END;
END;
$$;

COMMENT ON FUNCTION tiering.choose_churn(text, bigint) IS
'internal: compares and judges the candidates, and says which is to score';

-- Warns where nobody is scored, and where scores are not worth their name
CREATE FUNCTION tiering.warn_of_churn(pipeline text, this_run bigint, kind text, note text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	q record;
BEGIN
	EXECUTE format($sql$
SELECT c.auc, c.log_loss, r.log_loss AS plain, p.horizon_days, p.horizon_days + GREATEST(60, p.horizon_days) AS least FROM %1$I.churn_policy AS p
	LEFT JOIN %1$I.churn_quality AS c ON c.run = $1 AND c.purpose = 'report' AND c.is_chosen LEFT JOIN %1$I.churn_quality AS r ON r.run = $1 AND r.purpose = 'report' AND r.candidate = 'recency'$sql$, pipeline)
		INTO q USING this_run;
	IF kind IS NULL THEN
		RAISE WARNING 'pipeline "%": no model of churn could be fitted', pipeline
			USING DETAIL = note, HINT = format('A horizon of %s days wants %s days of history, in which some leave and some stay; a shorter one wants less.', q.horizon_days, q.least);
	ELSIF q.log_loss IS NULL THEN
		RAISE WARNING 'pipeline "%": scores of churn could not be judged', pipeline
			USING DETAIL = note, HINT = format('That wants %s days of history with a horizon of %s; a shorter one wants less.', q.least + q.horizon_days, q.horizon_days);
	ELSIF q.log_loss > q.plain OR q.auc < 0.55 THEN
		RAISE WARNING 'pipeline "%": scores of churn are no better than the days since the last purchase', pipeline
			USING DETAIL = format('On the day that judged, the AUC was %s, the log-loss %s, that of the rule %s.', round(q.auc::numeric, 3), round(q.log_loss::numeric, 4), round(q.plain::numeric, 4)),
				  HINT = 'What the pipeline knows says little of who leaves: see churn_feature for what else it may look at.';
	ELSIF q.auc > 0.98 THEN
		RAISE WARNING 'pipeline "%": scores of churn are too good to be true, with an AUC of %', pipeline, round(q.auc::numeric, 3)
			USING HINT = 'Mostly some column knows the future: see feature_importance() of the model.';
	END IF;
END;
$$;

COMMENT ON FUNCTION tiering.warn_of_churn(text, bigint, text, text) IS
'internal: warns where nobody is scored, or badly';

-- Fits the candidate that was chosen to the newest days whose labels are known,
-- and puts it in use
CREATE FUNCTION tiering.refit_churn(pipeline text, this_run bigint, reason text, OUT kind text, OUT note text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET extra_float_digits = 1
AS $$
DECLARE
	chosen record;
	fitted tiering.classifier;
	summary record;
	day date;
	prophets text;
BEGIN
	EXECUTE format('SELECT r.as_of FROM %I.run AS r WHERE r.run = $1', pipeline) INTO day USING this_run;
	PERFORM tiering.gather_churn_rows(pipeline, day);
	prophets := tiering.warn_of_prophets(pipeline);
	SELECT * INTO chosen FROM tiering.choose_churn(pipeline, this_run);
	fitted := tiering.fit_churn(pipeline, chosen.candidate, 'before score');
	note := format('%s: %s', reason, chosen.note) || COALESCE('; too good to be true: ' || prophets, '');
	SELECT s.* INTO summary FROM tiering.classifier_summary(fitted) AS s;
	kind := CASE WHEN summary.status IN ('converged', 'fitted') THEN chosen.candidate END;
	-- one of another policy, or that knows what is to come, scores nobody
	EXECUTE format('UPDATE %I.model AS m SET in_use = false WHERE m.model = ''churn'' AND m.in_use AND ($1 OR m.as_of > $2 OR m.fit - ''origins'' <> $3)', pipeline)
		USING kind IS NOT NULL, day, tiering.churn_setup(pipeline);
	IF kind IS NULL THEN
		EXECUTE format('SELECT $1 || CASE WHEN EXISTS (SELECT FROM %I.model AS m WHERE m.model = ''churn'' AND m.in_use) THEN ''; no model could be fitted, the former one stays'' ELSE ''; no model could be fitted, nobody is scored'' END', pipeline)
			INTO note USING note;
	END IF;
	PERFORM tiering.warn_of_churn(pipeline, this_run, kind, note);
	EXECUTE format($sql$
INSERT INTO %1$I.model (model, version, kind, run, as_of, customers, status, fit, metrics, in_use, note, classifier)
SELECT 'churn', COALESCE((SELECT max(m.version) FROM %1$I.model AS m WHERE m.model = 'churn'), 0) + 1, $1, $2, $3, $4, $5,
	$6 || jsonb_build_object('origins', (SELECT jsonb_agg(w.origin ORDER BY w.origin) FROM %1$I.churn_window AS w WHERE w.purpose = 'before score')),
	(SELECT jsonb_agg(to_jsonb(q) - 'run' ORDER BY q.candidate, q.purpose) FROM %1$I.churn_quality AS q WHERE q.run = $2), $7, $8, $9$sql$, pipeline)
		USING chosen.candidate, this_run, day, COALESCE(summary.rows, 0), COALESCE(summary.status, 'too_few'), tiering.churn_setup(pipeline), kind IS NOT NULL, note, fitted;
	PERFORM tiering.drop_relations(pipeline, ARRAY['churn_row', 'churn_window']);
END;
$$;

COMMENT ON FUNCTION tiering.refit_churn(text, bigint, text) IS
'internal: fits, judges and stores a model of churn';
