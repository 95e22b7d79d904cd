
/*
 * pipeline: what else is known of customers who may leave: dated rows of other
 * relations, and contracts
 */

-- Refuses a feature that could know the future, or that names what is not there
CREATE FUNCTION tiering.refuse_unsound_feature()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	kind regtype;
	id_sql text;
	found record;
BEGIN
	IF NEW.feature = ANY (tiering.churn_training_names() || ARRAY['contract_days', '']) THEN
		RAISE EXCEPTION 'feature "%" is one of the history''s own', NEW.feature
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Choose another name.';
	ELSIF NEW.kind <> 'static' AND NEW.day_column IS NULL THEN
		RAISE EXCEPTION 'feature "%" has no day_column, so nobody knows since when it has been so', NEW.feature
			USING ERRCODE = 'invalid_parameter_value', DETAIL = 'On a day of the past it would tell what came later.',
				  HINT = 'Name the column with the day from which a row is known; or, for what never changes, take the kind static.';
	ELSIF NEW.kind NOT IN ('last', 'sum', 'count', 'static') THEN
		RAISE EXCEPTION 'kind "%" is unknown', NEW.kind
			USING ERRCODE = 'invalid_parameter_value', HINT = 'There are: last, sum, count, static.';
	ELSIF NEW.kind = 'static' AND NEW.day_column IS NOT NULL OR NEW.within_days IS NOT NULL AND NEW.kind NOT IN ('sum', 'count') OR (NEW.value_column IS NULL) <> (NEW.kind = 'count') THEN
		RAISE EXCEPTION 'feature "%" of kind % %', NEW.feature, NEW.kind, CASE WHEN NEW.kind = 'static' AND NEW.day_column IS NOT NULL THEN 'has a day_column' WHEN NEW.kind = 'count' AND NEW.value_column IS NOT NULL THEN 'has a value_column'
				WHEN NEW.value_column IS NULL THEN 'has no value_column' ELSE 'has within_days' END
			USING ERRCODE = 'invalid_parameter_value', HINT = 'static has no day; count has no value, the others have one; sum and count alone look back within_days.';
	END IF;
	id_sql := tiering.relation_id_sql(TG_TABLE_SCHEMA, NEW.relation, NEW.customer_column);
	BEGIN
		EXECUTE format('SELECT count(s.id) AS rows, count(h.customer_id) AS known, EXISTS (SELECT FROM %I.purchase_history) AS any FROM (SELECT %s AS id FROM %s AS s) AS s LEFT JOIN %1$I.purchase_history AS h ON h.customer_id = s.id',
			TG_TABLE_SCHEMA, id_sql, NEW.relation) INTO found;
	EXCEPTION WHEN data_exception THEN
		RAISE EXCEPTION 'column "%" of % holds what is no customer of the orders: %', NEW.customer_column, NEW.relation, SQLERRM
			USING ERRCODE = 'datatype_mismatch', HINT = 'Name the column with the ids that the orders have.';
	END;
	IF found.any AND found.rows > 0 AND found.known = 0 THEN
		RAISE WARNING 'no customer of the orders is in column "%" of %', NEW.customer_column, NEW.relation
			USING HINT = 'See that it holds the same ids.';
	END IF;
	IF NEW.day_column IS NOT NULL THEN
		EXECUTE format('SELECT tiering.source_date_sql($1, $2, p.time_zone, ''day_column'') FROM %I.pipeline AS p', TG_TABLE_SCHEMA) USING NEW.relation, NEW.day_column;
	END IF;
	IF NEW.value_column IS NOT NULL THEN
		kind := tiering.source_column_type(NEW.relation, NEW.value_column, 'value_column');
		IF tiering.encoding_type(kind) IS DISTINCT FROM 'number' AND kind <> 'boolean'::regtype OR kind = 'interval'::regtype THEN
			RAISE EXCEPTION 'column "%" of % has type %, which is no number and no boolean', NEW.value_column, NEW.relation, kind
				USING ERRCODE = 'datatype_mismatch', HINT = 'Make it one in a view, such as country = ''France''.';
		END IF;
	END IF;
	RETURN NEW;
END;
$$;

COMMENT ON FUNCTION tiering.refuse_unsound_feature() IS
'internal: refuses a feature that could know the future';

CREATE FUNCTION tiering.define_churn_features(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format($sql$
CREATE TABLE IF NOT EXISTS %1$I.churn_feature (
	feature text PRIMARY KEY CHECK (length(feature) <= 63),
	kind text NOT NULL CHECK (kind IN ('last', 'sum', 'count', 'static')),
	relation regclass NOT NULL,
	customer_column text NOT NULL,
	day_column text,
	value_column text,
	within_days integer CHECK (within_days BETWEEN 1 AND 36500)
);
CREATE OR REPLACE TRIGGER sound BEFORE INSERT OR UPDATE ON %1$I.churn_feature FOR EACH ROW EXECUTE FUNCTION tiering.refuse_unsound_feature();
COMMENT ON TABLE %1$I.churn_feature IS 'what else models of churn look at: dated rows of other relations; yours to fill';
COMMENT ON COLUMN %1$I.churn_feature.feature IS 'its name';
COMMENT ON COLUMN %1$I.churn_feature.kind IS 'last: the newest value; sum, count: of the rows of the days before; static: a value that never changes';
COMMENT ON COLUMN %1$I.churn_feature.relation IS 'the relation';
COMMENT ON COLUMN %1$I.churn_feature.customer_column IS 'its column with the customer';
COMMENT ON COLUMN %1$I.churn_feature.day_column IS 'its column with the day from which a row is known; NULL for static alone';
COMMENT ON COLUMN %1$I.churn_feature.value_column IS 'its column with a number or a boolean; NULL for count alone';
COMMENT ON COLUMN %1$I.churn_feature.within_days IS 'sum, count: how far back; NULL: all the way'$sql$, pipeline);
END;
$$;

COMMENT ON FUNCTION tiering.define_churn_features(text) IS
'internal: makes the table of features of other relations';

-- Names of what a training set of a pipeline has
CREATE FUNCTION tiering.churn_training_names(pipeline text)
RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	extra text[];
BEGIN
	PERFORM tiering.require_pipeline(pipeline);
	EXECUTE format('SELECT array_agg(f.feature ORDER BY f.feature COLLATE "C") FROM %I.churn_feature AS f', pipeline) INTO extra;
	RETURN tiering.churn_training_names() || extra || (CASE WHEN tiering.churn_contracts_sql(pipeline) IS NOT NULL THEN '{contract_days}' ELSE '{}' END)::text[];
END;
$$;

COMMENT ON FUNCTION tiering.churn_training_names(text) IS
'names of the features of churn_training_set() of a pipeline, with those of other relations';

-- One feature of other relations on a day, of the customers who have rows
CREATE FUNCTION tiering.churn_feature_sql(pipeline text, f record, zone text, day date)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	-- what is no number, or too large for one, is not known
	value text := CASE WHEN f.kind = 'count' THEN '1' WHEN tiering.source_column_type(f.relation, f.value_column, 'value_column') = 'boolean'::regtype
		THEN format('s.%I::integer', f.value_column) ELSE format('CASE WHEN s.%1$I BETWEEN -1e90 AND 1e90 THEN s.%1$I END', f.value_column) END;
	at_sql text := CASE WHEN f.kind = 'static' THEN 'NULL::date' ELSE format('s.%I', f.day_column) END;
	day_sql text := CASE WHEN f.kind = 'static' THEN 'NULL::date' ELSE tiering.source_date_sql(f.relation, f.day_column, zone, 'day_column') END;
	rows_sql text;
BEGIN
	-- a date column is named without its table
	rows_sql := tiering.survivors_sql(pipeline, format('SELECT %s AS customer_id, %s AS day, %s AS at, (%s)::double precision AS value FROM %s AS s', tiering.relation_id_sql(pipeline, f.relation, f.customer_column), day_sql, at_sql, value, f.relation), 'q.day, q.at, q.value');
	IF f.kind <> 'static' THEN
		rows_sql := format('SELECT * FROM (%s) AS d WHERE d.day <= %L%s', rows_sql, day, CASE WHEN f.within_days IS NOT NULL THEN format(' AND d.day > %L', day - f.within_days) ELSE '' END);
	END IF;
	RETURN format('SELECT v.customer_id, %s AS value FROM (%s) AS v WHERE v.customer_id IS NOT NULL GROUP BY v.customer_id',
		CASE f.kind WHEN 'last' THEN '(array_agg(v.value ORDER BY v.at DESC, v.value DESC NULLS LAST))[1]' WHEN 'static' THEN 'max(v.value)' ELSE 'sum(v.value)' END, rows_sql);
END;
$$;

COMMENT ON FUNCTION tiering.churn_feature_sql(text, record, text, date) IS
'internal: query for a feature of another relation on a day';

-- Features of other relations on a day: a query, and what customers without rows
-- have.  NULL: there are none.
CREATE FUNCTION tiering.churn_extra_sql(pipeline text, day date, OUT query text, OUT nothing text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	f record;
	zone text;
	parts text[] := '{}';
	columns text[] := '{}';
	nothings text[] := '{}';
BEGIN
	EXECUTE format('SELECT p.time_zone FROM %I.pipeline AS p', pipeline) INTO zone;
	FOR f IN EXECUTE format('SELECT x.*, row_number() OVER (ORDER BY x.feature COLLATE "C") AS n FROM %I.churn_feature AS x ORDER BY x.feature COLLATE "C"', pipeline) LOOP
		IF NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = f.relation) THEN
			RAISE EXCEPTION 'the relation of feature "%" was dropped', f.feature
				USING ERRCODE = 'undefined_table', HINT = format('DELETE FROM %I.churn_feature WHERE feature = %L, or name another relation.', pipeline, f.feature);
		END IF;
		parts := parts || format('SELECT v.customer_id, %s AS n, v.value FROM (%s) AS v', f.n, tiering.churn_feature_sql(pipeline, f, zone, day));
		columns := columns || CASE WHEN f.kind IN ('sum', 'count') THEN format('COALESCE(max(e.value) FILTER (WHERE e.n = %s), 0)', f.n) ELSE format('max(e.value) FILTER (WHERE e.n = %s)', f.n) END;
		nothings := nothings || CASE WHEN f.kind IN ('sum', 'count') THEN '0' ELSE 'NULL' END;
	END LOOP;
	IF parts <> '{}' THEN
		query := format('SELECT e.customer_id, ARRAY[%s]::double precision[] AS extra FROM (%s) AS e GROUP BY e.customer_id', array_to_string(columns, ', '), array_to_string(parts, ' UNION ALL '));
		nothing := format('ARRAY[%s]::double precision[]', array_to_string(nothings, ', '));
	END IF;
END;
$$;

COMMENT ON FUNCTION tiering.churn_extra_sql(text, date) IS
'internal: query for the features of other relations on a day';

-- All contracts, customer by customer, with first and last day; NULL: this
-- pipeline has none
CREATE FUNCTION tiering.churn_contracts_sql(pipeline text)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
BEGIN
	EXECUTE format('SELECT c.contracts, c.contract_customer, c.contract_start, c.contract_end, p.time_zone FROM %1$I.churn_policy AS c CROSS JOIN %1$I.pipeline AS p', pipeline) INTO p;
	IF p.contracts IS NULL THEN
		RETURN NULL;
	ELSIF NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = p.contracts) THEN
		RAISE EXCEPTION 'the contracts of pipeline "%" were dropped', pipeline
			USING ERRCODE = 'undefined_table', HINT = format('CALL tiering.create_churn(%L, contracts => ...) names them again.', pipeline);
	END IF;
	RETURN tiering.survivors_sql(pipeline, format('SELECT %s AS customer_id, %s AS started, COALESCE(%s, ''infinity'') AS ended FROM %s AS s', tiering.relation_id_sql(pipeline, p.contracts, p.contract_customer),
		tiering.source_date_sql(p.contracts, p.contract_start, p.time_zone, 'contract_start'), tiering.source_date_sql(p.contracts, p.contract_end, p.time_zone, 'contract_end'), p.contracts), 'q.started, q.ended');
END;
$$;

COMMENT ON FUNCTION tiering.churn_contracts_sql(text) IS
'internal: query for the contracts of a pipeline';

-- Warns of contracts whose customers are nobody's the pipeline knows
CREATE FUNCTION tiering.warn_of_contracts(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	contracts text := tiering.churn_contracts_sql(pipeline);
	found record;
BEGIN
	IF contracts IS NULL THEN
		RETURN;
	END IF;
	EXECUTE format('SELECT count(c.customer_id) AS rows, count(h.customer_id) AS known, EXISTS (SELECT FROM %I.purchase_history) AS any FROM (%s) AS c LEFT JOIN %1$I.purchase_history AS h ON h.customer_id = c.customer_id', pipeline, contracts) INTO found;
	IF found.any AND found.known < found.rows / 10.0 THEN
		RAISE WARNING 'of % contracts, % are of customers of the orders', found.rows, found.known
			USING HINT = 'See that contract_customer names the column with the ids that the orders have.';
	END IF;
END;
$$;

COMMENT ON FUNCTION tiering.warn_of_contracts(text) IS
'internal: warns of contracts of customers who are not known';

-- What models of churn are made of: another setup wants another model
CREATE FUNCTION tiering.churn_setup(pipeline text)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET extra_float_digits = 1
SET quote_all_identifiers = off
AS $$
DECLARE
	setup jsonb;
BEGIN
	EXECUTE format($sql$
SELECT jsonb_build_object('policy', (SELECT to_jsonb(c) FROM %1$I.churn_policy AS c), 'purchase_model', $1, 'source', (SELECT p.source_version FROM %1$I.pipeline AS p),
	'features', (SELECT COALESCE(jsonb_agg(to_jsonb(f) ORDER BY f.feature COLLATE "C"), '[]') FROM %1$I.churn_feature AS f))$sql$, pipeline)
		INTO setup USING tiering.churn_purchase_kind(pipeline);
	RETURN setup;
END;
$$;

COMMENT ON FUNCTION tiering.churn_setup(text) IS
'internal: what models of churn are made of';
