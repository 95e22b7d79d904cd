--
-- segment: the shipped rules and their names
--
SET search_path = tiering, public;

-- the result of a query, or its error in one line
CREATE FUNCTION pg_temp.attempt(query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  EXECUTE query INTO result;
  RETURN coalesce(result, 'NULL');
EXCEPTION WHEN OTHERS THEN
  RETURN format('%s %s', SQLSTATE, SQLERRM);
END $$;

SELECT * FROM segment_rules() ORDER BY position;
SELECT count(*) AS rules, count(DISTINCT position) AS positions, min(position), max(position),
  bool_and(rule_set = 'standard' AND bins = 5) AS standard,
  bool_and(1 <= r_min AND r_min <= r_max AND r_max <= 5 AND 1 <= f_min AND f_min <= f_max AND f_max <= 5
    AND 1 <= m_min AND m_min <= m_max AND m_max <= 5) AS boxes
FROM segment_rules();

-- each of 125 cells exactly once, and by its rule's name
SELECT count(*) AS cells, min(rules) AS least, max(rules) AS most,
  count(*) FILTER (WHERE names = ARRAY[rfm_segment(r, f, m)]) AS named
FROM (SELECT r, f, m, count(segment) AS rules, array_agg(segment) AS names
      FROM generate_series(1, 5) r CROSS JOIN generate_series(1, 5) f CROSS JOIN generate_series(1, 5) m
        LEFT JOIN segment_rules() ON r BETWEEN r_min AND r_max AND f BETWEEN f_min AND f_max AND m BETWEEN m_min AND m_max
      GROUP BY r, f, m) t;
SELECT rfm_segment(r, f, m) COLLATE "C" AS segment, count(*) AS cells
FROM generate_series(1, 5) r, generate_series(1, 5) f, generate_series(1, 5) m
GROUP BY 1 ORDER BY 1;
-- the best and the worst
SELECT rfm_segment(5, 5, 5) AS best, rfm_segment(1, 1, 1) AS worst;

-- outside of 1 to 5
SELECT r, f, m, pg_temp.attempt(format('SELECT tiering.rfm_segment(%L, %L, %L)', r, f, m)) AS result
FROM (VALUES (0, 1, 1), (1, 0, 1), (1, 1, 0), (6, 1, 1), (1, 6, 1), (1, 1, 6), (-1, 5, 5),
  (-2147483648, 2147483647, 3), (NULL, 1, 1), (1, NULL, 1), (1, 1, NULL), (NULL, 9, 9), (NULL, NULL, NULL)
) AS v(r, f, m);

-- scores on other bins: ceil(rule_bins * score / bins)
SELECT bins, rule_bins, array_agg(segment_score(score, bins, rule_bins) ORDER BY score) AS scores
FROM (VALUES (5, 5), (10, 5), (4, 5), (3, 5), (2, 5), (7, 5), (5, 10), (5, 2)) AS v(bins, rule_bins),
  generate_series(1, bins) score
GROUP BY bins, rule_bins ORDER BY rule_bins, bins;
SELECT count(*) AS cases,
  count(*) FILTER (WHERE segment_score(score, bins, rule_bins) = ceil(rule_bins * score / bins::numeric)) AS as_defined,
  count(*) FILTER (WHERE segment_score(score, bins, rule_bins) BETWEEN 1 AND rule_bins) AS within
FROM unnest(ARRAY[2, 3, 5, 10, 99, 100]) bins, unnest(ARRAY[2, 3, 5, 7, 100]) rule_bins, generate_series(1, bins) score;

SELECT score, bins, rule_bins, pg_temp.attempt(format('SELECT tiering.segment_score(%L, %L, %L)', score, bins, rule_bins)) AS result
FROM (VALUES (0, 5, 5), (6, 5, 5), (-1, 5, 5), (1, 0, 5), (1, -5, 5), (1, 5, 0), (2147483647, 2147483647, 2147483647),
  (-2147483648, 5, 5), (NULL, 5, 5), (1, NULL, 5), (1, 5, NULL)
) AS v(score, bins, rule_bins);

-- the cell of a rule set: every one has its own number, without a gap
SELECT bins, rule_bins, count(*) AS cells, count(DISTINCT cell) AS numbers, min(cell), max(cell),
  bool_and(cell = ((ceil(rule_bins * r / bins::numeric) - 1) * rule_bins + ceil(rule_bins * f / bins::numeric) - 1) * rule_bins
    + ceil(rule_bins * m / bins::numeric)) AS as_defined
FROM (VALUES (5, 5), (3, 3), (10, 5), (2, 5)) AS v(bins, rule_bins), generate_series(1, bins) r, generate_series(1, bins) f,
  generate_series(1, bins) m, LATERAL segment_cell(r, f, m, bins, rule_bins) AS cell
GROUP BY bins, rule_bins ORDER BY bins, rule_bins;
SELECT segment_cell(100, 100, 100, 100, 100) AS largest;
SELECT v AS arguments, pg_temp.attempt(format('SELECT tiering.segment_cell(%s)', v)) AS result
FROM unnest(ARRAY['0, 1, 1, 5, 5', '1, 6, 1, 5, 5', '1, 1, -1, 5, 5', '1, 1, 1, 1, 5', '1, 1, 1, 5, 101', '1, NULL, 1, 5, 5']) AS v;
