/*-------------------------------------------------------------------------
 *
 * segment.c
 *	  The shipped segment rules.
 *
 * Best customers come first.  The boxes cover each of the 125 cells exactly
 * once; a test counts them.
 *
 *-------------------------------------------------------------------------
 */
#include <stddef.h>

#include "model/segment.h"

const SegmentRule segment_rules[] = {
	/* bought lately */
	{"Champions", 4, 5, 4, 5, 4, 5},
	{"Loyal", 4, 5, 4, 5, 1, 3},
	{"Potential Loyalist", 4, 5, 2, 3, 1, 5},
	{"New", 5, 5, 1, 1, 1, 5},
	{"Promising", 4, 4, 1, 1, 1, 5},
	/* in between */
	{"Loyal", 3, 3, 4, 5, 1, 5},
	{"Need Attention", 3, 3, 3, 3, 1, 5},
	{"About to Sleep", 3, 3, 1, 2, 1, 5},
	/* long ago */
	{"Cannot Lose", 1, 2, 4, 5, 4, 5},
	{"At Risk", 1, 2, 4, 5, 1, 3},
	{"At Risk", 1, 2, 3, 3, 1, 5},
	{"Hibernating", 1, 2, 2, 2, 1, 5},
	{"Hibernating", 2, 2, 1, 1, 1, 5},
	{"Lost", 1, 1, 1, 1, 1, 5},
};

const int	segment_rule_count = sizeof(segment_rules) / sizeof(segment_rules[0]);

/* The segment of a cell; NULL if the scores are not among 1 to 5 */
const char *
segment_of(int r, int f, int m)
{
	for (int i = 0; i < segment_rule_count; i++)
	{
		const SegmentRule *rule = &segment_rules[i];

		if (r >= rule->r_min && r <= rule->r_max &&
			f >= rule->f_min && f <= rule->f_max &&
			m >= rule->m_min && m <= rule->m_max)
			return rule->segment;
	}
	return NULL;
}

/* A score on one number of bins as a score on another: ceil(b * s / bins) */
int
segment_map_score(int score, int bins, int rule_bins)
{
	return (rule_bins * score + bins - 1) / bins;
}
