
/*
 * rfm: one call for the analyst
 */

-- Arguments by number: rfm_table() below has a column and an argument of one
-- name, which only a function in SQL may have.
CREATE FUNCTION tiering.rfm_rows(regclass, text, text, text, date, integer, text, text, text)
RETURNS TABLE (customer_id text, recency_days integer, frequency integer, monetary numeric,
	r_score integer, f_score integer, m_score integer, rfm_cell text, segment text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	missing text;
	lines text;
	most record;
	cuts text := 'rfm_cutoffs';
	-- R's package cuts the days since the last purchase and turns the scores round
	r_value text := '- s.recency_days';
	r_score text := 's.score_r';
BEGIN
	SELECT string_agg(v.argument, ', ') INTO missing FROM (VALUES
		('source', $1::text), ('customer_id', $2), ('ordered_at', $3), ('amount', $4), ('as_of', $5::text),
		('bins', $6::text), ('method', $7)) AS v(argument, value)
	WHERE v.value IS NULL;
	IF missing IS NOT NULL THEN
		RAISE EXCEPTION 'argument(s) % must not be null', missing USING ERRCODE = 'null_value_not_allowed';
	END IF;
	IF $5 NOT BETWEEN '0001-01-01' AND '9999-12-31' THEN
		RAISE EXCEPTION 'as_of % is not between 0001-01-01 and 9999-12-31', $5
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Pass the last day that is to count.';
	END IF;
	IF $6 NOT BETWEEN 2 AND 100 THEN
		RAISE EXCEPTION 'bins % is not between 2 and 100', $6
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Five bins are usual.';
	END IF;
	IF $7 = 'r' THEN
		cuts := 'rfm_cutoffs_r';
		r_value := 's.recency_days';
		r_score := format('%s + 1 - s.score_r', $6);
	ELSIF $7 <> 'value' THEN
		RAISE EXCEPTION 'method "%" is unknown', $7
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Choose one of: value, r.';
	END IF;
	PERFORM tiering.source_column_type($1, $2, 'customer_id');
	lines := format('SELECT %I AS customer, %s AS day, %s AS amount%s FROM %s', $2,
		tiering.source_date_sql($1, $3, $8), tiering.source_amount_sql($1, $4),
		CASE WHEN $9 IS NULL THEN '' ELSE format(', %I AS order_key', $9) END, $1);
	IF $9 IS NOT NULL THEN
		PERFORM tiering.source_column_type($1, $9, 'order_id');
		lines := format('SELECT customer, min(day), sum(amount) FROM (%1$s) AS l WHERE order_key IS NOT NULL GROUP BY customer, order_key'
			' UNION ALL SELECT customer, day, amount FROM (%1$s) AS l WHERE order_key IS NULL', lines);
	END IF;
	-- the histories once, since both the cut points and the scores need them
	RETURN QUERY EXECUTE format($sql$
WITH history AS MATERIALIZED (
	SELECT * FROM tiering.purchase_histories(%1$L) AS h(customer %2$s, history tiering.purchase_history)
), scored AS MATERIALIZED (
	SELECT h.customer, (h.rfm).*
	FROM (SELECT h.customer, tiering.rfm(h.history, $1) AS rfm FROM history AS h OFFSET 0) AS h
	WHERE (h.rfm).recency_days IS NOT NULL
), cut AS MATERIALIZED (
	SELECT tiering.%3$I(%4$s, %5$s) AS r, tiering.%3$I(s.frequency, %5$s) AS f,
		tiering.%3$I(tiering.money_value(s.monetary), %5$s) AS m
	FROM scored AS s
)
SELECT s.customer::text, s.recency_days, s.frequency, s.monetary, s.r, s.f, s.m,
	tiering.rfm_cell(s.r, s.f, s.m, %5$s),
	tiering.rfm_segment(tiering.segment_score(s.r, %5$s, 5), tiering.segment_score(s.f, %5$s, 5),
		tiering.segment_score(s.m, %5$s, 5))
FROM (
	SELECT s.*, %6$s AS r, tiering.rfm_score(s.frequency, s.cut_f) AS f,
		tiering.rfm_score(tiering.money_value(s.monetary), s.cut_m) AS m
	FROM (
		SELECT s.*, c.f AS cut_f, c.m AS cut_m, tiering.rfm_score(%4$s, c.r) AS score_r
		FROM scored AS s CROSS JOIN cut AS c
	) AS s
) AS s$sql$, lines, tiering.column_type($1, $2), cuts, r_value, $6, r_score) USING $5;

	IF $9 IS NULL THEN
		EXECUTE format('SELECT count(*) AS rows FROM (%s) AS l WHERE customer IS NOT NULL AND amount >= 0'
			' GROUP BY customer, day HAVING count(*) > 5 LIMIT 1', lines) INTO most;
		IF most.rows IS NOT NULL THEN
			RAISE NOTICE 'each row counts as one order, and a customer has % rows on one day', most.rows
				USING HINT = 'If rows are lines of orders, pass order_id, or frequency counts lines.';
		END IF;
	END IF;
END;
$$;

COMMENT ON FUNCTION tiering.rfm_rows(regclass, text, text, text, date, integer, text, text, text) IS
'does the work of rfm_table()';

CREATE FUNCTION tiering.rfm_table(source regclass, customer_id text, ordered_at text, amount text, as_of date,
	bins integer DEFAULT 5, method text DEFAULT 'value', time_zone text DEFAULT NULL, order_id text DEFAULT NULL)
RETURNS TABLE (customer_id text, recency_days integer, frequency integer, monetary numeric,
	r_score integer, f_score integer, m_score integer, rfm_cell text, segment text)
LANGUAGE SQL STABLE
BEGIN ATOMIC
	SELECT * FROM tiering.rfm_rows($1, $2, $3, $4, $5, $6, $7, $8, $9);
END;

COMMENT ON FUNCTION tiering.rfm_table(regclass, text, text, text, date, integer, text, text, text) IS
'RFM values, scores and segment of every customer of any orders table; method r scores as R''s rfm package does';
