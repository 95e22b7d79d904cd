
/*
 * ranking: how good recommended lists are
 */

CREATE FUNCTION tiering.ranking_ndcg_accum(bigint[], anyarray, anyarray, integer)
RETURNS bigint[]
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_ranking_ndcg_accum';

CREATE FUNCTION tiering.ranking_recall_accum(bigint[], anyarray, anyarray, integer)
RETURNS bigint[]
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_ranking_recall_accum';

CREATE FUNCTION tiering.ranking_precision_accum(bigint[], anyarray, anyarray, integer)
RETURNS bigint[]
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_ranking_precision_accum';

CREATE FUNCTION tiering.ranking_average_precision_accum(bigint[], anyarray, anyarray, integer)
RETURNS bigint[]
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_ranking_average_precision_accum';

CREATE FUNCTION tiering.ranking_hit_rate_accum(bigint[], anyarray, anyarray, integer)
RETURNS bigint[]
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_ranking_hit_rate_accum';

COMMENT ON FUNCTION tiering.ranking_ndcg_accum(bigint[], anyarray, anyarray, integer) IS
'transition function of ndcg_at()';
COMMENT ON FUNCTION tiering.ranking_recall_accum(bigint[], anyarray, anyarray, integer) IS
'transition function of recall_at()';
COMMENT ON FUNCTION tiering.ranking_precision_accum(bigint[], anyarray, anyarray, integer) IS
'transition function of precision_at()';
COMMENT ON FUNCTION tiering.ranking_average_precision_accum(bigint[], anyarray, anyarray, integer) IS
'transition function of average_precision_at()';
COMMENT ON FUNCTION tiering.ranking_hit_rate_accum(bigint[], anyarray, anyarray, integer) IS
'transition function of hit_rate_at()';

CREATE FUNCTION tiering.ranking_combine(bigint[], bigint[])
RETURNS bigint[]
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_ranking_combine';

CREATE FUNCTION tiering.ranking_final(bigint[])
RETURNS double precision
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'tiering_ranking_final';

COMMENT ON FUNCTION tiering.ranking_combine(bigint[], bigint[]) IS
'combine function of aggregates over recommended lists';
COMMENT ON FUNCTION tiering.ranking_final(bigint[]) IS
'final function of aggregates over recommended lists';

CREATE AGGREGATE tiering.ndcg_at(recommended anyarray, relevant anyarray, n integer) (
	SFUNC = tiering.ranking_ndcg_accum,
	STYPE = bigint[],
	INITCOND = '{0,0,0,0}',
	FINALFUNC = tiering.ranking_final,
	COMBINEFUNC = tiering.ranking_combine,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE tiering.ndcg_at(anyarray, anyarray, integer) IS
'gain of the hits among the first n places over the most that n places can gain, a hit at rank r being worth 1 / log2(r + 1); mean over lists';

CREATE AGGREGATE tiering.recall_at(recommended anyarray, relevant anyarray, n integer) (
	SFUNC = tiering.ranking_recall_accum,
	STYPE = bigint[],
	INITCOND = '{0,0,0,0}',
	FINALFUNC = tiering.ranking_final,
	COMBINEFUNC = tiering.ranking_combine,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE tiering.recall_at(anyarray, anyarray, integer) IS
'share of the relevant items that stand among the first n; mean over lists';

CREATE AGGREGATE tiering.precision_at(recommended anyarray, relevant anyarray, n integer) (
	SFUNC = tiering.ranking_precision_accum,
	STYPE = bigint[],
	INITCOND = '{0,0,0,0}',
	FINALFUNC = tiering.ranking_final,
	COMBINEFUNC = tiering.ranking_combine,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE tiering.precision_at(anyarray, anyarray, integer) IS
'hits among the first n places, over n; mean over lists';

CREATE AGGREGATE tiering.average_precision_at(recommended anyarray, relevant anyarray, n integer) (
	SFUNC = tiering.ranking_average_precision_accum,
	STYPE = bigint[],
	INITCOND = '{0,0,0,0}',
	FINALFUNC = tiering.ranking_final,
	COMBINEFUNC = tiering.ranking_combine,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE tiering.average_precision_at(anyarray, anyarray, integer) IS
'precision at each hit among the first n places, summed, over the hits that were possible; mean over lists (MAP)';

CREATE AGGREGATE tiering.hit_rate_at(recommended anyarray, relevant anyarray, n integer) (
	SFUNC = tiering.ranking_hit_rate_accum,
	STYPE = bigint[],
	INITCOND = '{0,0,0,0}',
	FINALFUNC = tiering.ranking_final,
	COMBINEFUNC = tiering.ranking_combine,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE tiering.hit_rate_at(anyarray, anyarray, integer) IS
'share of lists with a hit among the first n';
