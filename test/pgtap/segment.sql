--
-- segments: one name for each cell, and scores of other bins
--
BEGIN;
SET LOCAL search_path = public, tiering;
SELECT plan(13);

CREATE TEMP TABLE cells AS
SELECT r, f, m, rfm_segment(r, f, m) AS segment
FROM generate_series(1, 5) r, generate_series(1, 5) f, generate_series(1, 5) m;

SELECT is_empty($$
  SELECT r, f, m, count(s.segment) FROM cells LEFT JOIN segment_rules() s
    ON r BETWEEN r_min AND r_max AND f BETWEEN f_min AND f_max AND m BETWEEN m_min AND m_max
  GROUP BY r, f, m HAVING count(s.segment) <> 1$$, 'each cell is in one box');
SELECT is_empty($$
  SELECT r, f, m, c.segment, s.segment FROM cells c JOIN segment_rules() s
    ON r BETWEEN r_min AND r_max AND f BETWEEN f_min AND f_max AND m BETWEEN m_min AND m_max
  WHERE c.segment <> s.segment$$, 'and has its name');
SELECT is((SELECT sum((r_max - r_min + 1) * (f_max - f_min + 1) * (m_max - m_min + 1)) FROM segment_rules()), 125::bigint, 'the boxes have 125 cells');
SELECT is((SELECT array_agg(position ORDER BY position) FROM segment_rules()),
  (SELECT array_agg(i) FROM generate_series(1, (SELECT count(*)::int FROM segment_rules())) i), 'positions have no gap');
SELECT is((SELECT array_agg(DISTINCT rule_set || bins) FROM segment_rules()), '{standard5}', 'one rule set of five bins');
SELECT is((SELECT count(*) FROM cells WHERE segment IS NULL OR segment = ''), 0::bigint, 'no cell without a name');

SELECT throws_ok($$SELECT rfm_segment(0, 1, 1)$$, '22023', NULL, 'a score of 0');
SELECT throws_ok($$SELECT rfm_segment(1, 6, 1)$$, '22023', NULL, 'a score of 6');
SELECT is(rfm_segment(NULL, 1, 1), NULL, 'no score, no segment');

SELECT is_empty($$
  SELECT score, bins, rule_bins FROM generate_series(2, 100, 7) bins, generate_series(2, 100, 9) rule_bins, generate_series(1, bins) score
  WHERE segment_score(score, bins, rule_bins) IS DISTINCT FROM ceil(rule_bins * score / bins::numeric)::int$$, 'ceil(rule_bins * score / bins)');
SELECT is_empty($$
  SELECT bins, score FROM generate_series(2, 100) bins, generate_series(1, bins) score WHERE segment_score(score, bins, bins) <> score$$,
  'as many bins: the score itself');
SELECT is_empty($$
  SELECT bins FROM generate_series(2, 100) bins WHERE segment_score(bins, bins, 5) <> 5$$, 'the best stay the best');
SELECT is_empty($$
  SELECT bins, score FROM generate_series(2, 100) bins, generate_series(2, bins) score
  WHERE segment_score(score - 1, bins, 5) > segment_score(score, bins, 5)$$, 'a better score is never worse');

SELECT * FROM finish();
ROLLBACK;
