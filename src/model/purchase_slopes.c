/*-------------------------------------------------------------------------
 *
 * purchase_slopes.c
 *	  Likelihoods of purchase models with their first and second derivatives.
 *
 * A record has come about in one of two ways, customer still or left, so the
 * likelihood is a sum of two terms.  Derivatives of the logarithm of a sum
 * are means over its terms.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "model/decline.h"
#include "model/purchase_slopes.h"
#include "model/special.h"

/* Adds log Gamma(a + n) - log Gamma(a) as a function of parameter i */
static void
add_rising(Slopes *slopes, int i, double a, double n)
{
	slopes->value += log_rising(a, n);
	slopes->first[i] += digamma(a + n) - digamma(a);
	slopes->second[i][i] += trigamma(a + n) - trigamma(a);
}

/* Adds log B(a, b + n) / B(a, b) as a function of parameters i and i + 1 */
static void
add_beta_ratio(Slopes *slopes, int i, double a, double b, double n)
{
	double		both = digamma(a + b) - digamma(a + b + n);
	double		curve = trigamma(a + b) - trigamma(a + b + n);

	slopes->value += log_beta_ratio(a, b, n);
	slopes->first[i] += both;
	slopes->first[i + 1] += digamma(b + n) - digamma(b) + both;
	slopes->second[i][i] += curve;
	slopes->second[i + 1][i] += curve;
	slopes->second[i + 1][i + 1] += trigamma(b + n) - trigamma(b) + curve;
}

/* Adds log (scale / (scale + T))^power as a function of shape i, of which the
 * power is a sum, and scale i + 1 */
static void
add_power(Slopes *slopes, int i, double power, double scale, double T)
{
	double		all = scale + T;
	double		lost = T / all;
	double		fall = log1p(T / scale);

	slopes->value -= power * fall;
	slopes->first[i] -= fall;
	slopes->first[i + 1] += power * lost / scale;
	slopes->second[i + 1][i] += lost / scale;
	slopes->second[i + 1][i + 1] -= power * lost * (scale + all) /
		(scale * scale * all);
}

/* Adds log(1 + e^odds) */
static void
add_odds(Slopes *slopes, const Slopes *odds)
{
	double		least = exp(-fabs(odds->value));
	double		share = (odds->value < 0 ? least : 1) / (1 + least);

	slopes->value += fmax(odds->value, 0) + log1p(least);
	for (int i = 0; i < FIT_MAX; i++)
	{
		slopes->first[i] += share * odds->first[i];
		for (int j = 0; j <= i; j++)
			slopes->second[i][j] += share * (odds->second[i][j] + (1 - share) *
											 odds->first[i] * odds->first[j]);
	}
}

/* The logarithm of e^a + e^b; the result goes to a */
static void
add_logs(Slopes *a, const Slopes *b)
{
	Slopes		odds;

	if (a->value == -INFINITY)
	{
		*a = *b;
		return;
	}
	odds.value = b->value - a->value;
	for (int i = 0; i < FIT_MAX; i++)
	{
		odds.first[i] = b->first[i] - a->first[i];
		for (int j = 0; j <= i; j++)
			odds.second[i][j] = b->second[i][j] - a->second[i][j];
	}
	add_odds(a, &odds);
}

static void
nbd_count(const double *parameter, double x, Slopes *slopes)
{
	double		alpha = parameter[1];

	add_rising(slopes, 0, parameter[0], x);
	slopes->value -= x * log(alpha);
	slopes->first[1] -= x / alpha;
	slopes->second[1][1] += x / (alpha * alpha);
}

static void
nbd_times(const double *parameter, const PurchaseRecord *record, Slopes *slopes)
{
	add_power(slopes, 0, parameter[0] + record->x, parameter[1], record->T);
}

static void
bgnbd_count(const double *parameter, double x, Slopes *slopes)
{
	nbd_count(parameter, x, slopes);
	add_beta_ratio(slopes, 2, parameter[2], parameter[3], x);
}

static void
mbgnbd_count(const double *parameter, double x, Slopes *slopes)
{
	nbd_count(parameter, x, slopes);
	add_beta_ratio(slopes, 2, parameter[2], parameter[3], x + 1);
}

/* Left after the last purchase, having survived so many chances before that */
static void
add_gone(Slopes *slopes, const double *parameter, const PurchaseRecord *record,
		 double survived)
{
	Slopes		gone = {0};
	double		a = parameter[2];
	double		b = parameter[3] + survived;

	nbd_times(parameter, &(PurchaseRecord) {record->x, 0, record->t_x}, &gone);
	gone.value += log(a / b);
	gone.first[2] += 1 / a;
	gone.first[3] -= 1 / b;
	gone.second[2][2] -= 1 / (a * a);
	gone.second[3][3] += 1 / (b * b);
	add_logs(slopes, &gone);
}

static void
bgnbd_times(const double *parameter, const PurchaseRecord *record,
			Slopes *slopes)
{
	nbd_times(parameter, record, slopes);
	if (record->x > 0)
		add_gone(slopes, parameter, record, record->x - 1);
}

static void
mbgnbd_times(const double *parameter, const PurchaseRecord *record,
			 Slopes *slopes)
{
	nbd_times(parameter, record, slopes);
	add_gone(slopes, parameter, record, record->x);
}

/* Left since the last purchase: the chance of leaving now, and all the time */
static void
pareto_nbd_times(const double *parameter, const PurchaseRecord *record,
				 Slopes *slopes)
{
	double		R = parameter[0] + record->x;
	double		s = parameter[2];
	double		end = parameter[3] + record->T;
	Slopes		gone = {0};

	add_power(slopes, 0, R, parameter[1], record->T);
	add_power(slopes, 2, s, parameter[3], record->T);
	if (record->T == record->t_x)
		return;
	gone.value = log(s / end);
	gone.first[2] = 1 / s;
	gone.first[3] = -1 / end;
	gone.second[2][2] = -1 / (s * s);
	gone.second[3][3] = 1 / (end * end);
	decline_add_slopes(parameter[1] + record->t_x, R, parameter[3] + record->t_x,
					   s + 1, record->T - record->t_x, &gone);
	add_odds(slopes, &gone);
}

/* Adds sign times the logarithm of parameter i, plus j unless it is -1, plus c */
static void
add_log(Slopes *slopes, double sign, const double *parameter, int i, int j,
		double c)
{
	double		sum = parameter[i] + (j < 0 ? 0 : parameter[j]) + c;

	slopes->value += sign * log(sum);
	slopes->first[i] += sign / sum;
	slopes->second[i][i] -= sign / (sum * sum);
	if (j < 0)
		return;
	slopes->first[j] += sign / sum;
	slopes->second[j][j] -= sign / (sum * sum);
	slopes->second[j > i ? j : i][j > i ? i : j] -= sign / (sum * sum);
}

static void
bgbb_count(const double *parameter, double x, Slopes *slopes)
{
	add_rising(slopes, 0, parameter[0], x);
}

/* Left at one of the opportunities since the last purchase, or not */
static void
bgbb_times(const double *parameter, const PurchaseRecord *record, Slopes *slopes)
{
	double		idle = record->t_x - record->x;
	Slopes		gone;

	add_rising(slopes, 1, parameter[1], idle);
	for (double i = 0; i < record->t_x; i++)
		add_log(slopes, -1, parameter, 0, 1, i);
	add_beta_ratio(slopes, 2, parameter[2], parameter[3], record->t_x);
	gone = *slopes;
	gone.value = -INFINITY;
	for (double i = record->t_x; i < record->T; i++, idle++)
	{
		Slopes		now = *slopes;

		add_log(&now, 1, parameter, 2, -1, 0);
		add_log(&now, -1, parameter, 2, 3, i);
		add_logs(&gone, &now);
		add_log(slopes, 1, parameter, 3, -1, i);
		add_log(slopes, -1, parameter, 2, 3, i);
		add_log(slopes, 1, parameter, 1, -1, idle);
		add_log(slopes, -1, parameter, 0, 1, i);
	}
	add_logs(slopes, &gone);
}

const PurchaseSlopes purchase_slopes[PURCHASE_KINDS] = {
	[PURCHASE_BGBB] = {bgbb_count, bgbb_times},
	[PURCHASE_NBD] = {nbd_count, nbd_times},
	[PURCHASE_BGNBD] = {bgnbd_count, bgnbd_times},
	[PURCHASE_MBGNBD] = {mbgnbd_count, mbgnbd_times},
	[PURCHASE_PARETO_NBD] = {nbd_count, pareto_nbd_times},
};
