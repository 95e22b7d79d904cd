
/*
 * pipeline: what models of train() foretell
 */

-- Puts a version of a model of train() in use; NULL: none
CREATE PROCEDURE tiering.use_model(pipeline text, name text, version integer)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	is_there boolean;
BEGIN
	PERFORM tiering.require_pipeline(pipeline);
	EXECUTE format('SELECT EXISTS (SELECT FROM %I.model AS m WHERE m.model = $1 AND m.encoding IS NOT NULL AND (m.version = $2 OR $2 IS NULL))', pipeline) INTO is_there USING name, version;
	IF NOT is_there THEN
		RAISE EXCEPTION 'pipeline "%" has no model "%"%', pipeline, name, COALESCE(' of version ' || version, '')
			USING ERRCODE = 'undefined_object', HINT = format('SELECT model, version, in_use FROM %I.model WHERE encoding IS NOT NULL lists them.', pipeline);
	END IF;
	EXECUTE format('UPDATE %I.model AS m SET in_use = false WHERE m.model = $1 AND m.in_use', pipeline) USING name;
	EXECUTE format('UPDATE %I.model AS m SET in_use = true WHERE m.model = $1 AND m.version = $2', pipeline) USING name, version;
END;
$$;

COMMENT ON PROCEDURE tiering.use_model(text, text, integer) IS
'puts a version of a model of train() in use; NULL: none of them';

-- The model of a name that is in use
CREATE FUNCTION tiering.named_model(pipeline text, name text, OUT version integer, OUT classifier tiering.classifier, OUT encoding jsonb, OUT id text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF to_regclass(format('%I.model', pipeline)) IS NULL THEN
		RAISE EXCEPTION 'pipeline "%" does not exist', pipeline
			USING ERRCODE = 'undefined_object', HINT = 'The view tiering.pipelines lists those that you may read.';
	END IF;
	EXECUTE format('SELECT m.version, m.classifier, m.encoding, m.fit #>> ''{options,id}'' FROM %I.model AS m WHERE m.model = $1 AND m.in_use AND m.encoding IS NOT NULL', pipeline)
		INTO version, classifier, encoding, id USING name;
	IF version IS NULL THEN
		RAISE EXCEPTION 'pipeline "%" has no model "%" in use', pipeline, name
			USING ERRCODE = 'undefined_object', HINT = format('tiering.train() makes one; SELECT model, version, in_use FROM %I.model lists them.', pipeline);
	END IF;
END;
$$;

COMMENT ON FUNCTION tiering.named_model(text, text) IS
'internal: the model of a name that is in use';

CREATE FUNCTION tiering.predict(pipeline text, name text, "row" record)
RETURNS double precision
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	m record;
BEGIN
	SELECT * INTO m FROM tiering.named_model(pipeline, name);
	RETURN tiering.predict(m.classifier, tiering.encode_row(m.encoding, "row"));
END;
$$;

COMMENT ON FUNCTION tiering.predict(text, text, record) IS
'probability of a row by the columns that a model was trained on; for many rows, predict_batch()';

CREATE FUNCTION tiering.explain(pipeline text, name text, "row" record)
RETURNS TABLE ("column" text, value text, contribution double precision)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	m record;
BEGIN
	SELECT * INTO m FROM tiering.named_model(pipeline, name);
	RETURN QUERY SELECT COALESCE(c.name, 'base'), to_jsonb("row") ->> c.name, sum(e.contribution)
	FROM tiering.explain(m.classifier, tiering.encode_row(m.encoding, "row")) AS e
		LEFT JOIN unnest(tiering.encoding_columns(m.encoding)) WITH ORDINALITY AS c(name, n) ON c.n = e.feature
	GROUP BY c.name ORDER BY c.name IS NOT NULL, abs(sum(e.contribution)) DESC, c.name;
END;
$$;

COMMENT ON FUNCTION tiering.explain(text, text, record) IS
'what each column adds to the log odds of a row, the strongest first; all add up to the log odds';

CREATE FUNCTION tiering.predict_rows(pipeline text, name text, query text, path text)
RETURNS TABLE ("row" bigint, id text, probability double precision)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	m record;
BEGIN
	SELECT * INTO m FROM tiering.named_model(pipeline, name);
	PERFORM set_config('search_path', path, true);
	RETURN QUERY EXECUTE format(E'SELECT pg_catalog.row_number() OVER (), %s, tiering.predict($1, tiering.encode_row($2, q.*)) FROM (%s\n) AS q',
		CASE WHEN m.id IS NULL THEN 'NULL::pg_catalog.text' ELSE format('q.%I::pg_catalog.text', m.id) END, rtrim(query, E'; \t\r\n')) USING m.classifier, m.encoding;
END;
$$;

COMMENT ON FUNCTION tiering.predict_rows(text, text, text, text) IS
'internal: probabilities of the rows of a query, with the names that a caller sees';

CREATE FUNCTION tiering.predict_batch(pipeline text, name text, query text)
RETURNS TABLE ("row" bigint, id text, probability double precision)
LANGUAGE SQL STABLE
BEGIN ATOMIC
	SELECT p."row", p.id, p.probability FROM tiering.predict_rows(pipeline, name, query, current_setting('search_path')) AS p;
END;

COMMENT ON FUNCTION tiering.predict_batch(text, text, text) IS
'probabilities of the rows of a query, in its order, with the column that the option "id" of train() named';
