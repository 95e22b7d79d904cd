/*-------------------------------------------------------------------------
 *
 * segment.c
 *	  The shipped segment rules in SQL.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "model/rfm.h"
#include "model/segment.h"

/* One row for each box of the shipped rules, in their order */
PG_FUNCTION_INFO_V1(tiering_segment_rules);
Datum
tiering_segment_rules(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < segment_rule_count; i++)
	{
		const SegmentRule *rule = &segment_rules[i];
		Datum		values[10];
		bool		nulls[10] = {false};

		values[0] = CStringGetTextDatum("standard");
		values[1] = Int32GetDatum(SEGMENT_BINS);
		values[2] = Int32GetDatum(i + 1);
		values[3] = CStringGetTextDatum(rule->segment);
		values[4] = Int32GetDatum(rule->r_min);
		values[5] = Int32GetDatum(rule->r_max);
		values[6] = Int32GetDatum(rule->f_min);
		values[7] = Int32GetDatum(rule->f_max);
		values[8] = Int32GetDatum(rule->m_min);
		values[9] = Int32GetDatum(rule->m_max);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(tiering_rfm_segment);
Datum
tiering_rfm_segment(PG_FUNCTION_ARGS)
{
	int			r = PG_GETARG_INT32(0);
	int			f = PG_GETARG_INT32(1);
	int			m = PG_GETARG_INT32(2);
	const char *segment = segment_of(r, f, m);

	if (segment == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("scores %d, %d, %d are not all between 1 and %d",
						r, f, m, SEGMENT_BINS),
				 errhint("Map scores of other bins with segment_score() first.")));
	PG_RETURN_TEXT_P(cstring_to_text(segment));
}

/* Refuses numbers of bins that nobody scores on */
static void
check_bins(int bins, int rule_bins)
{
	if (bins < RFM_MIN_BINS || bins > RFM_MAX_BINS ||
		rule_bins < RFM_MIN_BINS || rule_bins > RFM_MAX_BINS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("bins %d and %d are not both between %d and %d",
						bins, rule_bins, RFM_MIN_BINS, RFM_MAX_BINS)));
}

static int
map_score(int score, int bins, int rule_bins)
{
	if (score < 1 || score > bins)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("score %d is not between 1 and %d", score, bins)));
	return segment_map_score(score, bins, rule_bins);
}

/* A score on one number of bins as one on another */
PG_FUNCTION_INFO_V1(tiering_segment_score);
Datum
tiering_segment_score(PG_FUNCTION_ARGS)
{
	int			bins = PG_GETARG_INT32(1);
	int			rule_bins = PG_GETARG_INT32(2);

	check_bins(bins, rule_bins);
	PG_RETURN_INT32(map_score(PG_GETARG_INT32(0), bins, rule_bins));
}

/* The number of the cell of the rules that three scores fall into: one key to join on */
PG_FUNCTION_INFO_V1(tiering_segment_cell);
Datum
tiering_segment_cell(PG_FUNCTION_ARGS)
{
	int			bins = PG_GETARG_INT32(3);
	int			rule_bins = PG_GETARG_INT32(4);
	int			cell = 0;

	check_bins(bins, rule_bins);
	for (int i = 0; i < 3; i++)
		cell = cell * rule_bins +
			map_score(PG_GETARG_INT32(i), bins, rule_bins) - 1;
	PG_RETURN_INT32(cell + 1);
}

/* Writes a score of one to three digits */
static char *
put_score(char *p, int score)
{
	if (score > 99)
		*p++ = (char) ('0' + score / 100);
	if (score > 9)
		*p++ = (char) ('0' + score / 10 % 10);
	*p++ = (char) ('0' + score % 10);
	return p;
}

/* Three scores as one text: 545, or 10-9-10 where a score may have two digits */
PG_FUNCTION_INFO_V1(tiering_rfm_cell);
Datum
tiering_rfm_cell(PG_FUNCTION_ARGS)
{
	bool		apart = PG_GETARG_INT32(3) > 9;
	char		cell[16];
	char	   *p = cell;

	for (int i = 0; i < 3; i++)
	{
		int			score = PG_GETARG_INT32(i);

		if (score < 1 || score > RFM_MAX_BINS)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("score %d is not between 1 and %d",
							score, RFM_MAX_BINS)));
		if (apart && i > 0)
			*p++ = '-';
		p = put_score(p, score);
	}
	PG_RETURN_TEXT_P(cstring_to_text_with_len(cell, p - cell));
}
