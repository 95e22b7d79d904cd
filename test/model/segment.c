/*-------------------------------------------------------------------------
 *
 * segment.c
 *	  The shipped segments cover each cell exactly once.
 *
 *-------------------------------------------------------------------------
 */
#include <string.h>

#include "model/segment.h"
#include "tap.h"

int
main(void)
{
	int			once = 0;
	int			named = 0;
	int			outside = 0;
	int			beyond = 0;
	int			mapped = 0;
	int			asked = 0;
	bool		boxes = true;

	for (int r = -1; r <= 7; r++)
		for (int f = -1; f <= 7; f++)
			for (int m = -1; m <= 7; m++)
			{
				bool		inside = r >= 1 && r <= 5 && f >= 1 && f <= 5 && m >= 1 && m <= 5;
				int			covered = 0;
				const char *name = NULL;
				const char *given = segment_of(r, f, m);

				for (int i = 0; i < segment_rule_count; i++)
				{
					const SegmentRule *rule = &segment_rules[i];

					if (rule->r_min <= r && r <= rule->r_max && rule->f_min <= f &&
						f <= rule->f_max && rule->m_min <= m && m <= rule->m_max)
					{
						covered++;
						name = rule->segment;
					}
				}
				if (inside)
				{
					once += covered == 1;
					named += given != NULL && name != NULL && strcmp(given, name) == 0;
				}
				else
				{
					outside += covered;
					beyond += given != NULL;
				}
			}
	ok(once == 125, "each of 125 cells is covered exactly once");
	ok(named == 125, "each cell has the name of its rule");
	ok(outside == 0, "no rule reaches outside");
	ok(beyond == 0, "no name for scores outside");

	for (int i = 0; i < segment_rule_count; i++)
	{
		const SegmentRule *rule = &segment_rules[i];

		boxes = boxes && rule->segment[0] != '\0' && rule->r_min <= rule->r_max &&
			rule->f_min <= rule->f_max && rule->m_min <= rule->m_max;
	}
	ok(boxes, "no box is empty");

	ok(strcmp(segment_of(5, 5, 5), "Champions") == 0, "the best are Champions");
	ok(strcmp(segment_of(1, 1, 1), "Lost") == 0, "the worst are Lost");

	for (int bins = 2; bins <= 100; bins++)
		for (int rule_bins = 2; rule_bins <= 100; rule_bins += 7)
			for (int score = 1; score <= bins; score++)
			{
				int			up = 1;	/* smallest with up * bins >= rule_bins * score */

				while (up * bins < rule_bins * score)
					up++;
				mapped += segment_map_score(score, bins, rule_bins) == up;
				asked++;
			}
	ok(mapped == asked, "scores on other bins, rounded up");
	return tap_done();
}
