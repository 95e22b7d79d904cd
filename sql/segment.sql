
/*
 * segment: named segments by rule
 */

CREATE FUNCTION tiering.segment_rules()
RETURNS TABLE (rule_set text, bins integer, "position" integer, segment text,
	r_min integer, r_max integer, f_min integer, f_max integer,
	m_min integer, m_max integer)
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
