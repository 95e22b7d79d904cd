/*-------------------------------------------------------------------------
 *
 * fit.c
 *	  Maximum likelihood by Newton's method, over logarithms of parameters.
 *
 * Where the likelihood is not concave, or a step does not pay, the Hessian is
 * damped until it does (Levenberg and Marquardt).
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "model/fit.h"

#define LONGEST_STEP	2.0		/* no parameter changes more than e^2 at once */
#define GRADIENT_GOAL	1e-12	/* of the mean log-likelihood */
#define STEP_GOAL		1e-11
#define DAMPING_LIMIT	1e15	/* no step is short enough to pay */
#define VAGUE			3.0		/* a parameter uncertain by e^3 is not found */
#define FAR_OFF			9.0		/* a logarithm near the limits of the search */

const char *
fit_status_name(FitStatus status)
{
	static const char *const names[] = {
		"converged", "ridge", "boundary", "too_few", "not_converged", "stopped"
	};

	return names[status];
}

/*
 * Solves (damping I - H) step = gradient by Cholesky; false if not definite.
 * What is held makes no step.
 */
static bool
damped_step(const Fit *fit, double damping, const bool *held, double *step)
{
	int			n = fit->parameters;
	double		l[FIT_MAX][FIT_MAX];

	for (int i = 0; i < n; i++)
	{
		double		y;

		for (int j = 0; j <= i; j++)
		{
			double		sum = (i == j ? damping : 0) - fit->best.hessian[i][j];

			if (held[i] || held[j])
				sum = i == j;
			for (int k = 0; k < j; k++)
				sum -= l[i][k] * l[j][k];
			if (i != j)
				l[i][j] = sum / l[j][j];
			else if (sum > 1e-14)
				l[i][i] = sqrt(sum);
			else
				return false;
		}
		y = held[i] ? 0 : fit->best.gradient[i];
		for (int k = 0; k < i; k++)
			y -= l[i][k] * step[k];
		step[i] = y / l[i][i];
	}
	for (int i = n - 1; i >= 0; i--)
	{
		for (int k = i + 1; k < n; k++)
			step[i] -= l[k][i] * step[k];
		step[i] /= l[i][i];
	}
	return true;
}

/* Are value, slope and curvature numbers? */
static bool
is_finite(const FitPoint *point, int n)
{
	double		sum = point->value;

	for (int i = 0; i < n; i++)
	{
		sum += point->gradient[i];
		for (int j = 0; j < n; j++)
			sum += point->hessian[i][j];
	}
	return isfinite(sum);
}

static double
largest(const double *v, int n)
{
	double		most = 0;

	for (int i = 0; i < n; i++)
		most = fmax(most, fabs(v[i]));
	return most;
}

/* A step that leads nowhere beyond a limit: what would go there is held */
static bool
find_step(const Fit *fit, double damping, double *step)
{
	const double *at = fit->best.at;
	bool		held[FIT_MAX] = {false};

	for (int i = 0; i < fit->parameters; i++)
	{
		if (i == 0 && !damped_step(fit, damping, held, step))
			return false;
		if (fabs(at[i]) >= FIT_LIMIT && at[i] * step[i] > 0)
		{
			held[i] = true;
			i = -1;
		}
	}
	return true;
}

/* Makes a step no longer than allowed, which ends where it meets a limit */
static void
take_step(const Fit *fit, const double *step, FitPoint *next)
{
	const double *at = fit->best.at;
	double		most = largest(step, fit->parameters);
	double		scale = most > LONGEST_STEP ? LONGEST_STEP / most : 1;

	for (int i = 0; i < fit->parameters; i++)
		if (fabs(at[i] + scale * step[i]) > FIT_LIMIT)
			scale = (FIT_LIMIT - copysign(at[i], at[i] * step[i])) / fabs(step[i]);
	for (int i = 0; i < fit->parameters; i++)
	{
		next->at[i] = at[i] + scale * step[i];
		/* there, and not a last digit before */
		if (fabs(next->at[i]) > FIT_LIMIT - STEP_GOAL)
			next->at[i] = copysign(FIT_LIMIT, next->at[i]);
	}
}

static void
note_near(Fit *fit)
{
	if (largest(fit->best.at, fit->parameters) <= FAR_OFF)
		memcpy(fit->near, fit->best.at, sizeof(fit->near));
}

/* Climbs from a start until there is nothing to gain; false if told to stop */
bool
fit_climb(Fit *fit, const double *start, int iterations)
{
	double		damping = 0;

	fit->status = FIT_NOT_CONVERGED;
	fit->iterations = 0;
	memcpy(fit->best.at, start, sizeof(double) * fit->parameters);
	memcpy(fit->near, fit->best.at, sizeof(fit->near));
	if (!fit->objective(&fit->best, fit->arg))
	{
		fit->status = FIT_STOPPED;
		return false;
	}
	if (!is_finite(&fit->best, fit->parameters))
	{
		fit->best.value = -INFINITY;
		return true;
	}
	while (fit->iterations < iterations)
	{
		double		step[FIT_MAX];
		double		moved = 0;
		FitPoint	next;

		while (!find_step(fit, damping, step) && damping < DAMPING_LIMIT)
			damping = damping == 0 ? 1e-6 : damping * 4;
		if (damping >= DAMPING_LIMIT)
			break;
		take_step(fit, step, &next);
		fit->iterations++;
		if (!fit->objective(&next, fit->arg))
		{
			fit->status = FIT_STOPPED;
			return false;
		}
		for (int i = 0; i < fit->parameters; i++)
			moved = fmax(moved, fabs(next.at[i] - fit->best.at[i]));
		/* at the top the value is flat to its last digits: trust the gradient */
		if (is_finite(&next, fit->parameters) &&
			next.value >= fit->best.value - 1e-12 * fabs(fit->best.value) &&
			(next.value > fit->best.value ||
			 largest(next.gradient, fit->parameters) <
			 largest(fit->best.gradient, fit->parameters)))
		{
			fit->best = next;
			note_near(fit);
			damping = damping < 1e-8 ? 0 : damping / 8;
			if (moved < STEP_GOAL ||
				largest(next.gradient, fit->parameters) < GRADIENT_GOAL)
			{
				fit->status = FIT_CONVERGED;
				break;
			}
		}
		else if (moved < 1e-7)
		{
			/* nothing better nearby: as good as digits allow */
			fit->status = FIT_CONVERGED;
			break;
		}
		else
			damping = damping == 0 ? 1e-6 : damping * 16;
	}
	fit->gradient_norm = largest(fit->best.gradient, fit->parameters);
	return true;
}

/* Inverts the information matrix; false if it has no inverse */
static bool
invert(const Fit *fit, double inverse[FIT_MAX][FIT_MAX])
{
	static const bool held[FIT_MAX] = {false};
	Fit			unit = *fit;

	for (int column = 0; column < fit->parameters; column++)
	{
		double		step[FIT_MAX];

		memset(unit.best.gradient, 0, sizeof(unit.best.gradient));
		unit.best.gradient[column] = 1;
		if (!damped_step(&unit, 0, held, step))
			return false;
		for (int row = 0; row < fit->parameters; row++)
			inverse[row][column] = step[row];
	}
	return true;
}

/*
 * Standard errors and covariances, and whether the top that was found is one:
 * parameters that ran away, or that the data say nothing of, are not found.
 */
void
fit_judge(Fit *fit)
{
	double		inverse[FIT_MAX][FIT_MAX];
	bool		definite = invert(fit, inverse);
	bool		far_off = false;
	bool		vague = !definite;

	for (int i = 0; i < fit->parameters; i++)
	{
		for (int j = 0; j < fit->parameters; j++)
			fit->log_covariance[i][j] = definite
				? (inverse[i][j] + inverse[j][i]) / 2 / fit->observations : NAN;
		fit->log_error[i] = definite && inverse[i][i] > 0
			? sqrt(inverse[i][i] / fit->observations) : INFINITY;
		vague = vague || !(fit->log_error[i] < VAGUE);
		far_off = far_off || fabs(fit->best.at[i]) > FAR_OFF;
		if (fabs(fit->best.at[i]) >= FIT_LIMIT)
			vague = far_off = true;
	}
	if (fit->status == FIT_CONVERGED && fit->gradient_norm > 1e-7)
		fit->status = FIT_NOT_CONVERGED;
	if (vague && fit->status != FIT_STOPPED)
		fit->status = far_off ? FIT_BOUNDARY : FIT_RIDGE;
}
