
/*
 * pipeline: the registry of models, and which of them scores
 */

-- Warns of customers who were there before the data begin: a first quarter
-- with many more new customers than the later ones have
CREATE FUNCTION tiering.notice_truncation(pipeline text, as_of date, fit_since date)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	q record;
BEGIN
	EXECUTE format($sql$
SELECT min(f.first_day) AS begins, sum(f.customers) FILTER (WHERE f.quarter = 0) AS first_quarter,
	sum(f.customers) FILTER (WHERE f.quarter > 0) / NULLIF(max(f.quarter), 0) AS later_quarters
FROM (
	SELECT d.first_day, count(*) AS customers, floor((d.first_day - min(d.first_day) OVER ()) / 91.31)::integer AS quarter
	FROM (SELECT tiering.first_purchase(history, $1) AS first_day FROM %I.purchase_history OFFSET 0) AS d
	WHERE d.first_day IS NOT NULL AND (d.first_day >= $2 OR $2 IS NULL)
	GROUP BY d.first_day
) AS f$sql$, pipeline) INTO q USING as_of, fit_since;
	IF q.first_quarter > 2 * q.later_quarters AND q.first_quarter >= 100 THEN
		RAISE NOTICE '% customers first bought in the first quarter of the data, later quarters have % on average',
				q.first_quarter, round(q.later_quarters)
			USING HINT = format('Many of them were customers before, and the fit takes them for new ones. CALL tiering.alter_pipeline(%L, fit_since => %L) leaves them out; clv_holdout() before and after tells whether that is better.',
				pipeline, to_char(q.begins + 91, 'YYYY-MM-DD'));
	END IF;
END;
$$;

-- Fits one model to the records; NULL if nobody has one.  Numbers keep all their
-- digits, whatever the session asks for.
CREATE FUNCTION tiering.fit_model(pipeline text, kind text, fit_since date)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET extra_float_digits = 1
AS $$
DECLARE
	fitted jsonb;
BEGIN
	EXECUTE format($sql$
SELECT to_jsonb(f.model) || jsonb_build_object('first_purchase', f.first_purchase, 'last_purchase', f.last_purchase)
FROM (
	SELECT tiering.%I(%s) AS model, min(s.as_of - (s.age * 7)::integer) AS first_purchase,
		max(s.as_of - ((s.age - s.recency) * 7)::integer) AS last_purchase
	FROM (%s) AS s WHERE s.as_of - (s.age * 7)::integer >= $1 OR $1 IS NULL
) AS f
WHERE f.first_purchase IS NOT NULL$sql$, kind || '_fit',
		CASE kind WHEN 'gamma_gamma' THEN 's.frequency, s.monetary' ELSE 's.frequency, s.recency, s.age' END,
		tiering.clv_records_sql(pipeline, 'day')) INTO fitted USING fit_since;
	RETURN fitted;
END;
$$;

-- Stores a fitted model as the next version, and puts it in use if it may be
CREATE FUNCTION tiering.keep_model(pipeline text, this_run bigint, model text, kind text, fitted jsonb, metrics jsonb,
	use boolean, note text)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	kept integer;
BEGIN
	IF use THEN
		EXECUTE format('UPDATE %I.model SET in_use = false WHERE model = $1 AND in_use', pipeline) USING model;
	END IF;
	EXECUTE format($sql$
INSERT INTO %1$I.model (model, version, kind, run, as_of, fit_since, first_purchase, last_purchase, customers, status,
	parameters, fit, metrics, in_use, note)
SELECT $1, COALESCE((SELECT max(version) FROM %1$I.model WHERE model = $1), 0) + 1, $2, r.run, r.as_of, p.fit_since,
	($3 ->> 'first_purchase')::date, ($3 ->> 'last_purchase')::date,
	COALESCE(($3 ->> 'customers')::bigint, 0), COALESCE($3 ->> 'status', 'too_few'), $4, COALESCE($3, '{}'), $5, $6, $7
FROM %1$I.run AS r CROSS JOIN %1$I.pipeline AS p WHERE r.run = $8
RETURNING version$sql$, pipeline) INTO kept
	USING model, kind, fitted, (
		SELECT array_agg((fitted ->> u.name)::double precision ORDER BY u.n)
		FROM unnest(CASE kind WHEN 'gamma_gamma' THEN '{p,q,v}' WHEN 'nbd' THEN '{r,alpha}'
			WHEN 'pareto_nbd' THEN '{r,alpha,s,beta}' ELSE '{r,alpha,a,b}' END::text[]) WITH ORDINALITY AS u(name, n)
		WHERE fitted ->> u.name IS NOT NULL), metrics, use, note, this_run;
	RETURN kept;
END;
$$;

-- Why models are to be fitted now; NULL if those in use will do
CREATE FUNCTION tiering.refit_reason(pipeline text, this_run bigint, asked boolean)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	reason text;
BEGIN
	EXECUTE format($sql$
SELECT CASE
	WHEN m.version IS NULL THEN 'first fit'
	WHEN $2 THEN 'asked for'
	WHEN m.wanted IS DISTINCT FROM p.purchase_model OR m.fit_since IS DISTINCT FROM p.fit_since OR m.settings_version <> p.source_version
		THEN 'settings changed'
	WHEN r.as_of < m.as_of OR r.as_of >= m.as_of + p.fit_every THEN 'due'
	WHEN r.customers > 1.1 * m.customers_then THEN 'many new customers' END
FROM %1$I.pipeline AS p JOIN %1$I.run AS r ON r.run = $1
	LEFT JOIN LATERAL (
		SELECT x.version, x.as_of, x.fit_since, f.customers AS customers_then, f.settings_version, x.fit ->> 'wanted' AS wanted
		FROM %1$I.model AS x LEFT JOIN %1$I.run AS f ON f.run = x.run
		WHERE x.model = 'purchase' ORDER BY x.version DESC LIMIT 1) AS m ON true$sql$, pipeline)
		INTO reason USING this_run, COALESCE(asked, false);
	RETURN reason;
END;
$$;

-- How well each model would have foretold the last part of the data, of which
-- it knew nothing: NULL where they are too short to tell.  A sample of customers
-- will do, the same one always.
CREATE FUNCTION tiering.compare_models(pipeline text, day date)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET extra_float_digits = 1
AS $$
DECLARE
	known record;
	calibration_end date;
	holdout_end date;
	compared jsonb;
BEGIN
	EXECUTE format($sql$
SELECT min(f.first_day) AS begins, count(*) AS customers, max(f.last_day) AS ends,
	(SELECT floor(extract(epoch FROM p.clv_horizon) / 86400)::integer FROM %1$I.pipeline AS p) AS horizon
FROM (
	SELECT tiering.first_purchase(history, $1) AS first_day, tiering.last_purchase(history, $1) AS last_day
	FROM %1$I.purchase_history OFFSET 0
) AS f
WHERE f.first_day >= (SELECT p.fit_since FROM %1$I.pipeline AS p) IS NOT FALSE$sql$, pipeline) INTO known USING day;
	-- days after the last purchase may not be loaded yet
	holdout_end := LEAST(day, known.ends);
	IF (holdout_end - known.begins >= 84) IS NOT TRUE THEN
		RETURN NULL;
	END IF;
	calibration_end := holdout_end - LEAST((holdout_end - known.begins) / 3, known.horizon);
	EXECUTE format($sql$
SELECT jsonb_object_agg(m.model, to_jsonb(m) - 'model')
FROM (
	SELECT h.model, min(h.status) AS status, count(*) AS customers, sum(h.actual) AS actual, sum(h.expected) AS expected,
		sum(CASE WHEN h.probability >= 0 THEN ln(GREATEST(h.probability, 1e-300)) END) AS log_likelihood,
		avg(abs(h.expected - h.actual)) AS mean_absolute_error, sqrt(avg(tiering.square(h.expected - h.actual))) AS root_mean_squared_error
	FROM (%s) AS h
	GROUP BY h.model
	HAVING count(*) >= 100
) AS m$sql$, tiering.clv_holdout_sql(pipeline, GREATEST(1, ceil(known.customers / 20000.0)::integer)))
		INTO compared USING calibration_end, holdout_end;
	RETURN CASE WHEN compared IS NOT NULL
		THEN jsonb_build_object('calibration_end', calibration_end, 'holdout_end', holdout_end, 'models', compared) END;
END;
$$;

-- What a comparison says of the kinds, the preferred first: those that converged
-- and foretell as well as the best within 1 %, rather one in which one-time
-- buyers may leave.  Gains are over the kind in use, in per cent.
CREATE FUNCTION tiering.ranked_models(compared jsonb, present text)
RETURNS TABLE (n bigint, kind text, is_likeliest boolean, converged boolean, gain numeric, takes_over boolean)
LANGUAGE SQL IMMUTABLE
BEGIN ATOMIC
	SELECT row_number() OVER (ORDER BY m.converged DESC,
			m.log_likelihood >= m.highest - 0.01 * abs(m.highest) DESC NULLS LAST, m.n),
		m.kind, m.log_likelihood IS NOT DISTINCT FROM m.highest AND m.converged, m.converged, m.gain,
		COALESCE(m.converged AND m.gain > 1 AND m.root_mean_squared_error <= m.present_error, false)
	FROM (
		SELECT k.kind, k.n, v.log_likelihood, v.root_mean_squared_error, COALESCE(v.status = 'converged', false) AS converged,
			max(v.log_likelihood) FILTER (WHERE v.status = 'converged') OVER () AS highest,
			100 * (v.log_likelihood - i.log_likelihood) / NULLIF(abs(i.log_likelihood), 0) AS gain,
			i.root_mean_squared_error AS present_error
		FROM unnest('{mbgnbd,pareto_nbd,bgnbd}'::text[]) WITH ORDINALITY AS k(kind, n)
			LEFT JOIN LATERAL jsonb_to_record(compared #> ARRAY['models', k.kind])
				AS v(status text, log_likelihood numeric, root_mean_squared_error double precision) ON true
			LEFT JOIN LATERAL jsonb_to_record(compared #> ARRAY['models', present])
				AS i(log_likelihood numeric, root_mean_squared_error double precision) ON true
	) AS m;
END;

-- The kinds of model to fit, in order until one converges.  The one in use goes
-- only if another foretells better by more than 1 % twice running, on different
-- days, so that values do not flap.
CREATE FUNCTION tiering.choose_models(pipeline text, INOUT compared jsonb, OUT kinds text[], OUT note text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	present text;
	former jsonb;
	best record;
	likeliest record;
	rival record;
BEGIN
	EXECUTE format('SELECT kind FROM %I.model WHERE model = $1 AND in_use AND status = $2 AND kind <> $3', pipeline)
		INTO present USING 'purchase', 'converged', 'nbd';
	EXECUTE format('SELECT metrics FROM %I.model WHERE model = $1 ORDER BY version DESC LIMIT 1', pipeline)
		INTO former USING 'purchase';
	SELECT array_agg(m.kind ORDER BY m.n) INTO kinds FROM tiering.ranked_models(compared, present) AS m;
	IF present IS NOT NULL THEN
		kinds := ARRAY[present];
	END IF;
	IF compared IS NULL THEN
		note := 'too few data to compare models';
		RETURN;
	END IF;
	SELECT * INTO likeliest FROM tiering.ranked_models(compared, present) AS m WHERE m.is_likeliest ORDER BY m.n LIMIT 1;
	SELECT * INTO best FROM tiering.ranked_models(compared, present) AS m WHERE m.n = 1;
	SELECT * INTO rival FROM tiering.ranked_models(compared, present) AS m WHERE m.takes_over ORDER BY m.n LIMIT 1;
	IF likeliest.kind IS NULL THEN
		note := format('none converged before the hold-out, %s %s', COALESCE(present, best.kind),
			CASE WHEN present IS NULL THEN 'is tried first' ELSE 'stays' END);
	ELSIF present IS NULL THEN
		note := format(CASE WHEN best.kind = likeliest.kind THEN '%s foretells best'
				|| CASE WHEN EXISTS (SELECT FROM tiering.ranked_models(compared, present) AS m WHERE NOT m.converged) THEN ' of those that converged' ELSE '' END
			ELSE '%s foretells as well as %s within 1 %%' END, best.kind, likeliest.kind);
	ELSIF rival.kind IS NOT NULL AND former ->> 'challenger' = rival.kind
		AND former ->> 'holdout_end' <> compared ->> 'holdout_end' THEN
		note := format('%s foretells better than %s by %s %% again and is to follow it', rival.kind, present, round(rival.gain, 2));
		kinds := ARRAY[rival.kind, present];
	ELSIF rival.kind IS NOT NULL THEN
		note := format('%s stays: %s foretells better by %s %%, and takes over if it does again', present, rival.kind, round(rival.gain, 2));
		compared := compared || jsonb_build_object('challenger', rival.kind);
	ELSIF present = likeliest.kind THEN
		note := format('%s foretells best again', present);
	ELSIF likeliest.gain <= 0 THEN
		note := format('%s stays: nothing that converged foretells better', present);
	ELSIF likeliest.gain <= 1 THEN
		note := format('%s stays: %s foretells better by %s %% only', present, likeliest.kind, round(likeliest.gain, 2));
	ELSE
		note := format('%s stays: %s has a likelihood better by %s %%, but a larger error', present, likeliest.kind, round(likeliest.gain, 2));
	END IF;
END;
$$;

-- What scores when no model was found: the former one, or NBD on a ridge or a boundary
CREATE FUNCTION tiering.fall_back(pipeline text, this_run bigint, kind text, status text, wanted text, fit_since date,
	compared jsonb)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	good boolean;
	nested jsonb;
BEGIN
	EXECUTE format('SELECT EXISTS (SELECT FROM %I.model WHERE model = $1 AND in_use AND status = $2 AND kind <> $3)', pipeline)
		INTO good USING 'purchase', 'converged', 'nbd';
	IF good THEN
		RETURN ' the former model stays,';
	ELSIF status = 'too_few' THEN
		RETURN '';
	END IF;
	nested := tiering.fit_model(pipeline, 'nbd', fit_since) || jsonb_build_object('wanted', wanted);
	-- at its boundary all customers are alike, which is a model as well
	PERFORM tiering.keep_model(pipeline, this_run, 'purchase', 'nbd', nested, compared, nested ->> 'status' IN ('converged', 'boundary'),
		format('%s: %s', kind, status) || CASE nested ->> 'status' WHEN 'boundary' THEN ', nbd: boundary' ELSE '' END);
	RETURN format(' nbd %s,', nested ->> 'status');
END;
$$;

-- Warns where there is no value to publish, or none that knows of leaving
CREATE FUNCTION tiering.warn_of_models(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	m record;
BEGIN
	EXECUTE format('SELECT kind, status, value_version FROM %I.clv_model', pipeline) INTO m;
	IF m.kind IS NULL OR m.kind = 'nbd' OR m.value_version IS NULL THEN
		RAISE WARNING 'pipeline "%": %', pipeline, CASE
				WHEN m.kind IS NULL THEN 'no customer can be valued yet'
				WHEN m.value_version IS NULL THEN 'purchases are expected, but their value is not known'
				ELSE 'nobody is known to leave, so P(alive) is NULL' END
			USING DETAIL = format('Models: %s.', m.status),
				HINT = format('SELECT kind, status, note FROM %I.model says what was fitted; see "Status" in doc/clv.md.', pipeline);
	END IF;
END;
$$;

-- The step that fits models.  One that is not the top of its likelihood never
-- replaces one that is; with none to keep, NBD, in which nobody leaves, scores.
CREATE FUNCTION tiering.refresh_models(pipeline text, this_run bigint, OUT row_count bigint, OUT note text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
	reason text;
	why text;
	kinds text[];
	kind text;
	compared jsonb;
	fitted jsonb;
	found_status text;
	first_status text;
BEGIN
	EXECUTE format('SELECT x.*, r.as_of AS day, r.refit_requested FROM %1$I.pipeline AS x CROSS JOIN %1$I.run AS r WHERE r.run = $1', pipeline)
		INTO STRICT p USING this_run;
	row_count := 0;
	reason := tiering.refit_reason(pipeline, this_run, p.refit_requested);
	IF reason IS NULL THEN
		EXECUTE format('SELECT CASE WHEN EXISTS (SELECT FROM %I.model WHERE model = $1 AND in_use) THEN $2 ELSE $3 END', pipeline)
			INTO note USING 'purchase', 'the models in use will do', 'no model is in use, and no fit is due';
		RETURN;
	END IF;
	PERFORM tiering.notice_truncation(pipeline, p.day, p.fit_since);
	kinds := ARRAY[p.purchase_model];
	IF p.purchase_model = 'auto' THEN
		BEGIN
			compared := tiering.compare_models(pipeline, p.day);
		EXCEPTION WHEN numeric_value_out_of_range THEN
			-- scores are worth more than a comparison
			RAISE WARNING 'models could not be compared: %', SQLERRM;
			why := 'models could not be compared';
		END;
		SELECT c.compared, c.kinds, COALESCE(why, c.note) INTO compared, kinds, why FROM tiering.choose_models(pipeline, compared) AS c;
	END IF;
	why := concat_ws(', ', reason, why);
	note := why || ':';
	FOREACH kind IN ARRAY kinds LOOP
		fitted := COALESCE(tiering.fit_model(pipeline, kind, p.fit_since), '{}') || jsonb_build_object('wanted', p.purchase_model);
		found_status := COALESCE(fitted ->> 'status', 'too_few');
		first_status := COALESCE(first_status, found_status);
		PERFORM tiering.keep_model(pipeline, this_run, 'purchase', kind, fitted, compared, found_status = 'converged', why);
		row_count := row_count + 1;
		note := format('%s %s %s,', note, kind, found_status);
		EXIT WHEN found_status IN ('converged', 'too_few');
	END LOOP;
	IF found_status <> 'converged' THEN
		note := note || tiering.fall_back(pipeline, this_run, kinds[1], first_status, p.purchase_model, p.fit_since, compared);
	END IF;
	fitted := tiering.fit_model(pipeline, 'gamma_gamma', p.fit_since);
	found_status := COALESCE(fitted ->> 'status', 'too_few');
	PERFORM tiering.keep_model(pipeline, this_run, 'value', 'gamma_gamma', fitted, NULL,
		found_status = 'converged' AND (fitted ->> 'q')::double precision > 1, reason);
	note := format('%s gamma_gamma %s', note, found_status);
	row_count := row_count + 1;
	PERFORM tiering.warn_of_models(pipeline);
END;
$$;

-- Why a model of a pipeline's step is to be fitted now; NULL if the last one will do.
-- setup is what it depends on; apart is what its fit has beside that.
CREATE FUNCTION tiering.model_reason(pipeline text, this_run bigint, model text, setup jsonb, apart text)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	reason text;
BEGIN
	EXECUTE format($sql$
SELECT CASE WHEN m.version IS NULL THEN 'first fit'
	WHEN r.refit_requested THEN 'asked for'
	WHEN m.fit ->> 'purchase_model' <> $3 ->> 'purchase_model' THEN 'another purchase model'
	WHEN m.fit - $4 <> $3 THEN 'settings changed'
	WHEN r.as_of < m.as_of OR r.as_of >= m.as_of + p.fit_every THEN 'due'
	WHEN r.customers > 1.1 * (SELECT f.customers FROM %1$I.run AS f WHERE f.run = m.run) THEN 'many new customers' END
FROM %1$I.pipeline AS p JOIN %1$I.run AS r ON r.run = $1
	LEFT JOIN LATERAL (SELECT * FROM %1$I.model AS x WHERE x.model = $2 ORDER BY x.version DESC LIMIT 1) AS m ON true$sql$, pipeline) INTO reason USING this_run, model, setup, apart;
	RETURN reason;
END;
$$;

COMMENT ON FUNCTION tiering.model_reason(text, bigint, text, jsonb, text) IS
'internal: why a model of a step is to be fitted';
