/*-------------------------------------------------------------------------
 *
 * special.h
 *	  Special functions, in forms that keep their digits where the textbook
 *	  ones subtract large numbers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MODEL_SPECIAL_H
#define MODEL_SPECIAL_H

extern double log_rising(double a, double n);
extern double log_beta_ratio(double a, double b, double n);
extern double log1p_minus(double u);
extern double log1p_exp(double y);
extern double digamma(double x);
extern double trigamma(double x);
extern double stirling_error(double n);
extern double deviance(double x, double mean);
extern double normal_tail_quantile(double tail);
extern double beta_inc(double a, double b, double x, double y);

#endif							/* MODEL_SPECIAL_H */
