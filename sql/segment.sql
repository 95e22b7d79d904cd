
/*
 * segment: named segments by rule
 */

CREATE TYPE tiering.segment_rule AS (
	rule_set text,
	bins integer,
	"position" integer,
	segment text,
	r_min integer,
	r_max integer,
	f_min integer,
	f_max integer,
	m_min integer,
	m_max integer
);

COMMENT ON TYPE tiering.segment_rule IS
'one box of R, F and M scores that belongs to a segment; all bounds are inclusive';

CREATE FUNCTION tiering.segment_rules()
RETURNS SETOF tiering.segment_rule
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 14
AS 'MODULE_PATHNAME', 'tiering_segment_rules';

COMMENT ON FUNCTION tiering.segment_rules() IS
'the shipped segments as boxes of R, F and M scores';

CREATE FUNCTION tiering.rfm_segment(r_score integer, f_score integer, m_score integer)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_rfm_segment';

COMMENT ON FUNCTION tiering.rfm_segment(integer, integer, integer) IS
'name of the shipped segment for three scores between 1 and 5';

CREATE FUNCTION tiering.segment_score(score integer, bins integer, rule_bins integer)
RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_segment_score';

COMMENT ON FUNCTION tiering.segment_score(integer, integer, integer) IS
'a score on so many bins as a score on the bins of the rules: ceil(rule_bins * score / bins)';

CREATE FUNCTION tiering.segment_cell(r_score integer, f_score integer, m_score integer, bins integer, rule_bins integer)
RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_segment_cell';

COMMENT ON FUNCTION tiering.segment_cell(integer, integer, integer, integer, integer) IS
'number, from 1, of the cell of the rules that three scores on so many bins fall into';

CREATE FUNCTION tiering.rfm_cell(r_score integer, f_score integer, m_score integer, bins integer)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_rfm_cell';

COMMENT ON FUNCTION tiering.rfm_cell(integer, integer, integer, integer) IS
'three scores as one text: 545, or 10-9-10 with ten bins and more';

-- A SET clause keeps the planner from looking inside, where it would expect a
-- thousand rows
CREATE FUNCTION tiering.scores(bins integer)
RETURNS SETOF integer
LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $$ SELECT generate_series(1, bins) $$;

COMMENT ON FUNCTION tiering.scores(integer) IS 'the scores from 1 to bins';

CREATE FUNCTION tiering.segment_check(rules tiering.segment_rule[])
RETURNS TABLE (problem text, r_score integer, f_score integer, m_score integer, segments text[])
LANGUAGE SQL IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH rule AS MATERIALIZED (
		SELECT * FROM pg_catalog.unnest(rules)
	), broken AS MATERIALIZED (
		SELECT x.problem, rule.segment
		FROM rule CROSS JOIN LATERAL (VALUES
			('unknown number of bins', rule.bins IS NULL OR rule.bins NOT BETWEEN 2 AND 100),
			('bins differ within the set', rule.bins <> (SELECT pg_catalog.min(bins) FROM rule)),
			('segment without a name', rule.segment IS NULL OR rule.segment = ''),
			('bounds missing', (rule.r_min + rule.r_max + rule.f_min + rule.f_max + rule.m_min + rule.m_max) IS NULL),
			('bounds inverted', rule.r_min > rule.r_max OR rule.f_min > rule.f_max OR rule.m_min > rule.m_max),
			('bounds outside the bins', LEAST(rule.r_min, rule.f_min, rule.m_min) < 1
				OR GREATEST(rule.r_max, rule.f_max, rule.m_max) > rule.bins)
		) AS x(problem, is_so)
		WHERE x.is_so
	), axis AS (
		SELECT s.score FROM tiering.scores((SELECT pg_catalog.min(bins) FROM rule)) AS s(score)
		WHERE NOT EXISTS (SELECT FROM broken)
	), cell AS (
		SELECT r.score AS r, f.score AS f, m.score AS m,
			pg_catalog.count(rule.segment) AS boxes,
			pg_catalog.array_agg(rule.segment ORDER BY rule."position", rule.segment) AS names
		FROM axis AS r CROSS JOIN axis AS f CROSS JOIN axis AS m
			LEFT JOIN rule ON r.score BETWEEN rule.r_min AND rule.r_max
				AND f.score BETWEEN rule.f_min AND rule.f_max
				AND m.score BETWEEN rule.m_min AND rule.m_max
		GROUP BY r.score, f.score, m.score
	)
	SELECT 'no rules', NULL::integer, NULL::integer, NULL::integer, NULL::text[]
	WHERE NOT EXISTS (SELECT FROM rule)
	UNION ALL
	SELECT broken.problem, NULL, NULL, NULL, pg_catalog.array_agg(broken.segment ORDER BY broken.segment)
	FROM broken GROUP BY broken.problem
	UNION ALL
	SELECT CASE WHEN cell.boxes = 0 THEN 'hole' ELSE 'overlap' END, cell.r, cell.f, cell.m,
		CASE WHEN cell.boxes > 0 THEN cell.names END
	FROM cell WHERE cell.boxes <> 1
	ORDER BY 1, 2, 3, 4;
END;

COMMENT ON FUNCTION tiering.segment_check(tiering.segment_rule[]) IS
'every hole, overlap and broken rule of a rule set; no row if it is sound';

CREATE FUNCTION tiering.segment_cells(rules tiering.segment_rule[])
RETURNS TABLE (bins integer, r_score integer, f_score integer, m_score integer, segment text)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE ROWS 125
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	first_problem record;
BEGIN
	SELECT c.*, count(*) OVER () AS problems INTO first_problem
	FROM tiering.segment_check(rules) AS c LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'segment rules have % problem(s), the first: %', first_problem.problems,
				first_problem.problem ||
				CASE WHEN first_problem.r_score IS NULL THEN ''
					 ELSE format(' at R %s, F %s, M %s', first_problem.r_score,
								 first_problem.f_score, first_problem.m_score) END
			USING ERRCODE = 'check_violation',
				  DETAIL = CASE WHEN first_problem.problem = 'hole' THEN 'No rule covers it.'
						WHEN first_problem.segments IS NULL THEN 'tiering.segment_rules() has the standard ones.'
						ELSE format('Segments: %s.', array_to_string(first_problem.segments, ', ')) END,
				  HINT = 'tiering.segment_check() lists every one.';
	END IF;
	RETURN QUERY
		SELECT rule.bins, r, f, m, rule.segment
		FROM unnest(rules) AS rule
			JOIN tiering.scores(rules[1].bins) AS r ON r BETWEEN rule.r_min AND rule.r_max
			JOIN tiering.scores(rules[1].bins) AS f ON f BETWEEN rule.f_min AND rule.f_max
			JOIN tiering.scores(rules[1].bins) AS m ON m BETWEEN rule.m_min AND rule.m_max;
END;
$$;

COMMENT ON FUNCTION tiering.segment_cells(tiering.segment_rule[]) IS
'the segment of every cell; refuses a rule set with a hole, an overlap or a broken rule';
