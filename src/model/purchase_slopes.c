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

#include "model/pareto_nbd.h"
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

/* Adds (scale / (scale + T))^power, power being shape + x, but for the x-th
 * power of scale, as a function of shape i and scale i + 1 */
static void
add_power(Slopes *slopes, int i, double shape, double x, double scale, double T)
{
	double		all = scale + T;

	slopes->value -= shape * log1p(T / scale) + x * log(all);
	slopes->first[i] -= log1p(T / scale);
	slopes->first[i + 1] += shape / scale - (shape + x) / all;
	slopes->second[i + 1][i] += T / (scale * all);
	slopes->second[i + 1][i + 1] += (shape + x) / (all * all) -
		shape / (scale * scale);
}

/* The logarithm of e^a + e^b; the result goes to a */
static void
add_logs(Slopes *a, const Slopes *b)
{
	double		most = fmax(a->value, b->value);
	double		of_a = exp(a->value - most);
	double		of_b = exp(b->value - most);
	double		share = of_b / (of_a + of_b);

	for (int i = 0; i < FIT_MAX; i++)
		for (int j = 0; j <= i; j++)
			a->second[i][j] += share * (b->second[i][j] - a->second[i][j]) +
				share * (1 - share) * (b->first[i] - a->first[i]) *
				(b->first[j] - a->first[j]);
	for (int i = 0; i < FIT_MAX; i++)
		a->first[i] += share * (b->first[i] - a->first[i]);
	a->value = most + log(of_a + of_b);
}

static void
nbd_count(const double *parameter, double x, Slopes *slopes)
{
	add_rising(slopes, 0, parameter[0], x);
}

static void
nbd_times(const double *parameter, const PurchaseRecord *record, Slopes *slopes)
{
	add_power(slopes, 0, parameter[0], record->x, parameter[1], record->T);
}

static void
bgnbd_count(const double *parameter, double x, Slopes *slopes)
{
	add_rising(slopes, 0, parameter[0], x);
	add_beta_ratio(slopes, 2, parameter[2], parameter[3], x);
}

static void
mbgnbd_count(const double *parameter, double x, Slopes *slopes)
{
	add_rising(slopes, 0, parameter[0], x);
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

/* Derivatives of log of the integrand of add_left_between() at v */
static void
integrand_slopes(double A, double R, double B, double s, double v,
				 Slopes *slopes)
{
	double		far_a = A + v;
	double		far_b = B + v;

	slopes->first[0] = -log1p(v / A);
	slopes->first[1] = R / A - R / far_a;
	slopes->first[2] = -log1p(v / B);
	slopes->first[3] = s / B - (s + 1) / far_b;
	slopes->second[1][0] = 1 / A - 1 / far_a;
	slopes->second[1][1] = R / (far_a * far_a) - R / (A * A);
	slopes->second[3][2] = 1 / B - 1 / far_b;
	slopes->second[3][3] = (s + 1) / (far_b * far_b) - s / (B * B);
}

/*
 * The integral over v from 0 to T - t_x of (1 + v/A)^-R (1 + v/B)^-(s+1) / B,
 * where A = alpha + t_x and B = beta + t_x.  The derivatives of its logarithm
 * are means, over the integrand, of those of the integrand's.
 */
static void
add_left_between(Slopes *slopes, const double *parameter,
				 const PurchaseRecord *record)
{
	double		A = parameter[1] + record->t_x;
	double		B = parameter[3] + record->t_x;
	double		R = parameter[0] + record->x;
	double		s = parameter[2];
	Slopes		mean = {0};
	QuadratureRule rule;
	double		C = decline_rule(A, R, B, s + 1, record->T - record->t_x, &rule);

	for (size_t k = 0; k < rule.count; k++)
	{
		double		weight = rule.node[k].weight / rule.sum;
		Slopes		here = {0};

		integrand_slopes(A, R, B, s, C * expm1(rule.node[k].u), &here);
		for (int i = 0; i < FIT_MAX; i++)
		{
			mean.first[i] += weight * here.first[i];
			for (int j = 0; j <= i; j++)
				mean.second[i][j] += weight *
					(here.second[i][j] + here.first[i] * here.first[j]);
		}
	}
	slopes->value += log(C / B) + rule.peak + log(rule.sum);
	for (int i = 0; i < FIT_MAX; i++)
	{
		for (int j = 0; j <= i; j++)
			slopes->second[i][j] += mean.second[i][j] -
				mean.first[i] * mean.first[j];
		slopes->first[i] += mean.first[i];
	}
}

static void
pareto_nbd_times(const double *parameter, const PurchaseRecord *record,
				 Slopes *slopes)
{
	double		s = parameter[2];
	Slopes		gone = {0};

	nbd_times(parameter, record, slopes);
	add_power(slopes, 2, s, 0, parameter[3], record->T);
	if (record->T == record->t_x)
		return;
	nbd_times(parameter, &(PurchaseRecord) {record->x, 0, record->t_x}, &gone);
	add_power(&gone, 2, s, 0, parameter[3], record->t_x);
	gone.value += log(s);
	gone.first[2] += 1 / s;
	gone.second[2][2] -= 1 / (s * s);
	add_left_between(&gone, parameter, record);
	add_logs(slopes, &gone);
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
