
/*
 * pipeline: models of any label by any columns, kept by name
 */

-- What train() takes of its options; the others are the fit's
CREATE FUNCTION tiering.training_options(options jsonb, OUT positive text, OUT id text, OUT folds integer, OUT categories integer, OUT least_rows integer,
	OUT fit jsonb)
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	o record;
BEGIN
	IF jsonb_typeof(COALESCE(options, '{}')) <> 'object' THEN
		RAISE EXCEPTION 'options are no object'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Pass such as ''{"positive": "Yes"}''.';
	ELSIF options ? 'names' THEN
		RAISE EXCEPTION 'option "names" is not taken here'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Features are named by the columns of the query.';
	END IF;
	FOR o IN SELECT v.key, v.least, v.most, v.standard, CASE WHEN options ->> v.key ~ '^[0-9]{1,4}$' THEN (options ->> v.key)::integer END AS value
		FROM (VALUES ('folds', 0, 20, 5), ('categories', 1, 200, 30), ('least_rows', 1, 9999, 10)) AS v(key, least, most, standard) LOOP
		IF options ? o.key AND (o.value BETWEEN o.least AND o.most) IS NOT TRUE OR o.value = 1 AND o.key = 'folds' THEN
			RAISE EXCEPTION 'option "%" is no whole number from % to %', o.key, o.least, o.most
				USING ERRCODE = 'invalid_parameter_value', HINT = format('%s is the default; folds are none or two at least.', o.standard);
		END IF;
	END LOOP;
	positive := options ->> 'positive';
	id := options ->> 'id';
	folds := COALESCE((options ->> 'folds')::integer, 5);
	categories := COALESCE((options ->> 'categories')::integer, 30);
	least_rows := COALESCE((options ->> 'least_rows')::integer, 10);
	fit := COALESCE(options, '{}') - '{positive,id,folds,categories,least_rows}'::text[];
END;
$$;

COMMENT ON FUNCTION tiering.training_options(jsonb) IS
'internal: reads the options of train()';

-- Runs the query once, with the names that the caller sees
CREATE FUNCTION tiering.gather_training_rows(query text, path text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM set_config('search_path', path, true);
	EXECUTE format(E'CREATE TEMPORARY TABLE customer_tiering_row ON COMMIT DROP AS SELECT * FROM (%s\n) AS q', rtrim(query, E'; \t\r\n'));
	PERFORM set_config('search_path', 'pg_catalog, pg_temp', true);
END;
$$;

COMMENT ON FUNCTION tiering.gather_training_rows(text, text) IS
'internal: puts the rows of a query into a table of the session';

-- The label as SQL: which of two values is meant to be foretold
CREATE FUNCTION tiering.training_label_sql(target text, positive text)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type oid := (SELECT a.atttypid FROM pg_attribute AS a WHERE a.attrelid = 'pg_temp.customer_tiering_row'::regclass AND a.attname = target AND a.attnum > 0 AND NOT a.attisdropped);
	found text[];
	truths text[];
BEGIN
	IF type IS NULL THEN
		RAISE EXCEPTION 'the query has no column "%"', target
			USING ERRCODE = 'undefined_column', HINT = 'target names the column that is to be foretold.';
	ELSIF type = 'boolean'::regtype AND positive IS NULL THEN
		RETURN format('t.%I', target);
	END IF;
	EXECUTE format('SELECT array_agg(v.value ORDER BY v.value COLLATE "C") FROM (SELECT DISTINCT btrim(t.%I::text) COLLATE "C" AS value FROM pg_temp.customer_tiering_row AS t WHERE btrim(t.%1$I::text) COLLATE "C" <> '''' LIMIT 3) AS v', target)
		INTO found;
	truths := ARRAY(SELECT f FROM unnest(found) AS f WHERE CASE WHEN positive IS NULL THEN lower(f) IN ('1', 't', 'true', 'y', 'yes') ELSE f = positive END);
	IF found IS NULL THEN
		RAISE EXCEPTION 'target "%" has no value in any row', target
			USING ERRCODE = 'invalid_parameter_value', HINT = 'A model learns from rows whose label is known.';
	ELSIF cardinality(found) > 2 OR cardinality(truths) <> 1 THEN
		RAISE EXCEPTION 'target "%" has the values %: %', target, array_to_string(found, ', ') || CASE WHEN cardinality(found) > 2 THEN ', ...' ELSE '' END,
				CASE WHEN cardinality(found) > 2 THEN 'more than two' WHEN positive IS NOT NULL THEN format('%s is none of them', positive) WHEN truths = '{}' THEN 'which of them is true?' ELSE 'both mean true' END
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Pass ''{"positive": "..."}'' with one of two values, or a boolean column.';
	END IF;
	RETURN format('NULLIF(btrim(t.%I::text) COLLATE "C", '''') = %L', target, truths[1]);
END;
$$;

COMMENT ON FUNCTION tiering.training_label_sql(text, text) IS
'internal: the label of a row that a model is trained on, as SQL';

-- How a text column becomes features: as a number if it is one in every row, else
-- a feature for each value that is not rare.  NULL: it says nothing.
CREATE FUNCTION tiering.encode_text_column(name text, kind text, label text, most integer, least_rows integer)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	c record;
	reference text;
BEGIN
	EXECUTE format($sql$
SELECT COALESCE(bool_and(v.value ~ '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,2})?$' AND length(v.value) <= 50 AND v.value !~ '^[+-]?0[0-9]') FILTER (WHERE v.value IS NOT NULL), false) AS is_number
FROM (SELECT NULLIF(btrim(t.%I::text, ' ') COLLATE "C", '') AS value FROM pg_temp.customer_tiering_row AS t WHERE %s IS NOT NULL) AS v$sql$, name, label) INTO c;
	IF c.is_number THEN
		RETURN jsonb_build_object('column', name, 'type', 'number');
	END IF;
	EXECUTE format($sql$
SELECT COALESCE(array_agg(s.value ORDER BY s.n) FILTER (WHERE s.is_kept), '{}') AS kept, COALESCE(sum(s.count) FILTER (WHERE NOT s.is_kept AND s.value IS NOT NULL), 0) >= $2 AS other,
	COALESCE(sum(s.count) FILTER (WHERE s.value IS NULL), 0) >= $2 AS missing
FROM (
	SELECT v.value, v.count, v.n, v.value IS NOT NULL AND v.count >= $2 AND v.n <= $1 AND length(v.value) <= 200 AS is_kept
	FROM (
		SELECT v.value, count(*) AS count, row_number() OVER (ORDER BY v.value IS NULL, count(*) DESC, v.value COLLATE "C") AS n
		FROM (SELECT NULLIF(btrim(t.%I::text, ' ') COLLATE "C", '') AS value FROM pg_temp.customer_tiering_row AS t WHERE %s IS NOT NULL) AS v GROUP BY v.value
	) AS v
) AS s$sql$, name, label) INTO c USING most, least_rows;
	IF cardinality(c.kept) = 0 OR cardinality(c.kept) = 1 AND NOT c.other AND NOT c.missing THEN
		RETURN NULL;
	END IF;
	-- all features of a column add up to 1; trees can do with that, and with fewer splits
	IF kind = 'logistic' OR cardinality(c.kept) = 2 AND NOT c.other AND NOT c.missing THEN
		reference := c.kept[1];
	END IF;
	RETURN jsonb_build_object('column', name, 'type', 'text', 'values', to_jsonb(CASE WHEN reference IS NULL THEN c.kept ELSE c.kept[2:] END),
		'reference', reference, 'other', c.other, 'missing', c.missing);
END;
$$;

COMMENT ON FUNCTION tiering.encode_text_column(text, text, text, integer, integer) IS
'internal: how a text column becomes features';

-- How the columns of the query become features
CREATE FUNCTION tiering.training_encoding(kind text, target text, label text, o record)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	a record;
	encoded jsonb;
	features bigint;
	is_id boolean;
	encoding jsonb := '[]';
BEGIN
	IF o.id IS NOT NULL AND tiering.column_type('pg_temp.customer_tiering_row', o.id) IS NULL THEN
		RAISE EXCEPTION 'the query has no column "%"', o.id
			USING ERRCODE = 'undefined_column', HINT = 'The option "id" names the column that tells the rows apart.';
	END IF;
	FOR a IN SELECT x.attname AS name, format_type(x.atttypid, x.atttypmod) AS type_name, tiering.encoding_type(x.atttypid) AS type FROM pg_attribute AS x
		WHERE x.attrelid = 'pg_temp.customer_tiering_row'::regclass AND x.attnum > 0 AND NOT x.attisdropped AND x.attname <> target AND x.attname IS DISTINCT FROM o.id
		ORDER BY x.attnum LOOP
		IF a.type IS NULL THEN
			RAISE EXCEPTION 'column "%" is of type %, which cannot be encoded', a.name, a.type_name
				USING ERRCODE = 'datatype_mismatch', HINT = 'Cast it to a number, a boolean, a date or text, or leave it out of the query.';
		END IF;
		encoded := CASE a.type WHEN 'text' THEN tiering.encode_text_column(a.name, kind, label, o.categories, o.least_rows)
			ELSE jsonb_build_object('column', a.name, 'type', a.type) END;
		IF encoded IS NULL THEN
			RAISE NOTICE 'column "%" is left out: it has no two values that % rows have each', a.name, o.least_rows;
		ELSE
			encoding := encoding || encoded;
			EXECUTE format('SELECT count(*) > 1 AND count(DISTINCT t.%I) = count(*) FROM pg_temp.customer_tiering_row AS t', a.name) INTO is_id;
			IF is_id AND a.type_name IN ('smallint', 'integer', 'bigint') THEN
				RAISE NOTICE 'column "%" is another number in each row, and learned from', a.name
					USING HINT = format('If it only tells rows apart, pass ''{"id": %s}''.', to_jsonb(a.name));
			END IF;
		END IF;
	END LOOP;
	SELECT sum(CASE e ->> 'type' WHEN 'text' THEN jsonb_array_length(e -> 'values') + (e ->> 'other')::boolean::integer + (e ->> 'missing')::boolean::integer ELSE 1 END)
		INTO features FROM jsonb_array_elements(encoding) AS e;
	IF features > 500 THEN
		RAISE EXCEPTION 'the query makes % features, more than 500', features
			USING ERRCODE = 'program_limit_exceeded', HINT = 'Leave columns out, or pass a lower number of "categories".';
	END IF;
	IF encoding = '[]' THEN
		RAISE EXCEPTION 'the query has no columns to learn from'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Besides the target it needs a number, a boolean, a date, or a text with values that many rows have.';
	END IF;
	RETURN encoding;
END;
$$;

COMMENT ON FUNCTION tiering.training_encoding(text, text, text, record) IS
'internal: how the columns of a query become features';

-- Labels and features, each row in a fold that depends on what is in it alone
CREATE FUNCTION tiering.encode_training_rows(label text, encoding jsonb, folds integer)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET extra_float_digits = 1
AS $$
BEGIN
	EXECUTE format($sql$
CREATE TEMPORARY TABLE customer_tiering_fold ON COMMIT DROP AS
SELECT f.label, f.features, CASE WHEN $2 > 0 THEN abs(hashtextextended(f.features::text, 0) %% $2)::integer END AS fold
FROM (SELECT %s AS label, tiering.encode_row($1, t.*) AS features FROM pg_temp.customer_tiering_row AS t) AS f
WHERE f.label IS NOT NULL$sql$, label) USING encoding, folds;
END;
$$;

COMMENT ON FUNCTION tiering.encode_training_rows(text, jsonb, integer) IS
'internal: labels and features of the rows that a model is trained on';

CREATE FUNCTION tiering.fit_named(kind text, options jsonb, held_out integer)
RETURNS tiering.classifier
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	fitted tiering.classifier;
BEGIN
	EXECUTE format('SELECT tiering.%I(r.label, r.features, $1) FROM pg_temp.customer_tiering_fold AS r WHERE $2 IS NULL OR r.fold <> $2',
		CASE kind WHEN 'boosting' THEN 'boost_fit' ELSE 'logistic_fit' END) INTO fitted USING options, held_out;
	RETURN fitted;
END;
$$;

COMMENT ON FUNCTION tiering.fit_named(text, jsonb, integer) IS
'internal: fits a model to all rows but those of a fold';

-- How well a model foretells rows that it was not fitted to: each fold by a model
-- of the others.  NULL: there are too few rows.
CREATE FUNCTION tiering.judge_named(kind text, options jsonb, folds integer)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET extra_float_digits = 1
AS $$
DECLARE
	told jsonb;
	fitted tiering.classifier;
BEGIN
	CREATE TEMPORARY TABLE customer_tiering_told (fold integer, label boolean, p double precision) ON COMMIT DROP;
	IF folds = 0 THEN
		RETURN NULL;
	END IF;
	FOR k IN 0 .. folds - 1 LOOP
		fitted := tiering.fit_named(kind, options, k);
		IF fitted IS NULL OR (tiering.classifier_summary(fitted)).status = 'too_few' THEN
			RETURN NULL;
		END IF;
		EXECUTE 'INSERT INTO pg_temp.customer_tiering_told SELECT r.fold, r.label, tiering.predict($2, r.features) FROM pg_temp.customer_tiering_fold AS r WHERE r.fold = $1'
			USING k, fitted;
	END LOOP;
	EXECUTE $sql$
SELECT jsonb_build_object('folds', $1, 'rows', s.rows, 'rate', s.rate, 'auc', s.auc, 'log_loss', s.log_loss, 'brier', s.brier, 'lift_at_10', s.lift,
	'slope', (s.line).slope, 'intercept', (s.line).intercept, 'auc_of_folds',
	(SELECT jsonb_agg(f.auc ORDER BY f.fold) FROM (SELECT t.fold, tiering.auc(t.label, t.p) AS auc FROM pg_temp.customer_tiering_told AS t GROUP BY t.fold) AS f))
FROM (
	SELECT count(*) AS rows, avg(t.label::integer) AS rate, tiering.auc(t.label, t.p) AS auc, tiering.log_loss(t.label, t.p) AS log_loss, tiering.brier(t.label, t.p) AS brier,
		tiering.lift_at(t.label, t.p, 0.1) AS lift, tiering.calibration_line(t.label, t.p) AS line
	FROM pg_temp.customer_tiering_told AS t
) AS s$sql$ INTO told USING folds;
	RETURN told;
END;
$$;

COMMENT ON FUNCTION tiering.judge_named(text, jsonb, integer) IS
'internal: how well a model foretells rows that it was not fitted to';

-- Refuses what cannot be trained before anything is run
CREATE FUNCTION tiering.check_training(pipeline text, name text, query text, target text, kind text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM tiering.require_pipeline(pipeline);
	IF name IS NULL OR name IN ('', 'purchase', 'value', 'churn') OR length(name) > 63 THEN
		RAISE EXCEPTION 'model name "%" is not free', name
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Choose 1 to 63 letters; purchase, value and churn are the pipeline''s own.';
	ELSIF kind IS NULL OR kind NOT IN ('logistic', 'boosting') THEN
		RAISE EXCEPTION 'kind "%" is unknown', kind
			USING ERRCODE = 'invalid_parameter_value', HINT = 'There are: logistic, boosting.';
	ELSIF query IS NULL OR target IS NULL THEN
		RAISE EXCEPTION 'query or target is null'
			USING ERRCODE = 'null_value_not_allowed', HINT = 'Pass a SELECT, and the name of the column that is to be foretold.';
	END IF;
END;
$$;

COMMENT ON FUNCTION tiering.check_training(text, text, text, text, text) IS
'internal: refuses what cannot be trained';

-- Says where a model is worse than the one it follows, or too good to be true
CREATE FUNCTION tiering.warn_of_training(pipeline text, name text, metrics jsonb)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	former record;
BEGIN
	IF (metrics ->> 'auc')::double precision > 0.98 THEN
		RAISE WARNING 'model "%" foretells all but everything, with an AUC of %', name, round((metrics ->> 'auc')::numeric, 3)
			USING DETAIL = 'Mostly a column is filled in when the label is known.', HINT = 'See feature_importance() of its classifier.';
	END IF;
	EXECUTE format('SELECT m.version, (m.metrics ->> ''log_loss'')::numeric AS log_loss FROM %I.model AS m WHERE m.model = $1 AND m.in_use', pipeline) INTO former USING name;
	IF former.log_loss < (metrics ->> 'log_loss')::numeric THEN
		RAISE NOTICE 'it foretells worse than version %, which it follows: its log-loss is %, that was %', former.version, round((metrics ->> 'log_loss')::numeric, 4), round(former.log_loss, 4)
			USING HINT = format('CALL tiering.use_model(%L, %L, %s) goes back to that one.', pipeline, name, former.version);
	END IF;
END;
$$;

COMMENT ON FUNCTION tiering.warn_of_training(text, text, jsonb) IS
'internal: warns of a model that is worse than the former one, or too good';

CREATE FUNCTION tiering.train_named(pipeline text, name text, query text, target text, kind text, options jsonb, path text,
	OUT version integer, OUT status text, OUT rows bigint, OUT features integer, OUT auc double precision, OUT log_loss double precision)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET extra_float_digits = 1
AS $$
DECLARE
	o record;
	label text;
	encoding jsonb;
	fit_options jsonb;
	labels bigint;
	metrics jsonb;
	fitted tiering.classifier;
BEGIN
	PERFORM tiering.check_training(pipeline, name, query, target, kind);
	SELECT * INTO o FROM tiering.training_options(options);
	PERFORM tiering.gather_training_rows(query, path);
	label := tiering.training_label_sql(target, o.positive);
	EXECUTE format('SELECT count(%s), count(DISTINCT %1$s) FROM pg_temp.customer_tiering_row AS t', label) INTO rows, labels;
	IF labels < 2 THEN
		RAISE EXCEPTION 'the query gives % labelled rows, with % different labels', rows, labels
			USING ERRCODE = 'invalid_parameter_value', HINT = 'A model learns from rows of both labels.';
	END IF;
	encoding := tiering.training_encoding(kind, target, label, o);
	fit_options := CASE kind WHEN 'logistic' THEN '{"l2": 1}'::jsonb ELSE '{}' END || o.fit || jsonb_build_object('names', tiering.encoding_names(encoding));
	PERFORM tiering.encode_training_rows(label, encoding, o.folds);
	metrics := tiering.judge_named(kind, fit_options, o.folds);
	fitted := tiering.fit_named(kind, fit_options, NULL);
	SELECT s.status, s.features INTO status, features FROM tiering.classifier_summary(fitted) AS s;
	PERFORM tiering.warn_of_training(pipeline, name, metrics);
	auc := metrics ->> 'auc';
	log_loss := metrics ->> 'log_loss';
	DROP TABLE pg_temp.customer_tiering_row, pg_temp.customer_tiering_fold, pg_temp.customer_tiering_told;
	EXECUTE format('LOCK TABLE %I.model IN SHARE ROW EXCLUSIVE MODE', pipeline);
	EXECUTE format('UPDATE %I.model AS m SET in_use = false WHERE m.model = $1 AND m.in_use', pipeline) USING name;
	EXECUTE format($sql$
INSERT INTO %1$I.model (model, version, kind, customers, status, fit, metrics, in_use, note, classifier, encoding)
SELECT $1, COALESCE((SELECT max(m.version) FROM %1$I.model AS m WHERE m.model = $1), 0) + 1, $2, $3, $4, $5, $6, true, 'train()', $7, $8
RETURNING version$sql$, pipeline) INTO version
		USING name, kind, rows, status, jsonb_build_object('query', query, 'target', target, 'options', COALESCE(options, '{}')), metrics, fitted, encoding;
END;
$$;

COMMENT ON FUNCTION tiering.train_named(text, text, text, text, text, jsonb, text) IS
'internal: trains and stores a model, with the names that a caller sees';

-- The caller's search_path is that of the query, and of nothing else
CREATE FUNCTION tiering.train(pipeline text, name text, query text, target text, kind text DEFAULT 'logistic', options jsonb DEFAULT '{}',
	OUT version integer, OUT status text, OUT rows bigint, OUT features integer, OUT auc double precision, OUT log_loss double precision)
LANGUAGE SQL
BEGIN ATOMIC
	SELECT t.version, t.status, t.rows, t.features, t.auc, t.log_loss
	FROM tiering.train_named(pipeline, name, query, target, kind, options, current_setting('search_path')) AS t;
END;

COMMENT ON FUNCTION tiering.train(text, text, text, text, text, jsonb) IS
'trains a model that foretells a column of a query by the others, and keeps it in the pipeline''s table model; auc and log_loss are of rows that it did not know';
