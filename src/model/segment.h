/*-------------------------------------------------------------------------
 *
 * segment.h
 *	  Named segments: boxes of R, F and M scores.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_SEGMENT_H
#define MODEL_SEGMENT_H

#define SEGMENT_BINS	5		/* bins of the shipped rules */

/* One box; all bounds are inclusive */
typedef struct SegmentRule
{
	const char *segment;		/* name, as published */
	int			r_min;
	int			r_max;
	int			f_min;
	int			f_max;
	int			m_min;
	int			m_max;
} SegmentRule;

extern const SegmentRule segment_rules[];
extern const int segment_rule_count;
extern const char *segment_of(int r, int f, int m);
extern int	segment_map_score(int score, int bins, int rule_bins);

#endif							/* MODEL_SEGMENT_H */
