/*-------------------------------------------------------------------------
 *
 * tier_result.c
 *	  Metrics and what is missing of them, as SQL values.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "tier_result.h"
#include "units_numeric.h"

#include "compat.h"

/* A metric with the decimal places that it has */
static Numeric
shortest(SignedUnits units)
{
	int			scale = TIER_SCALE;

	while (scale > 0 && units % 10 == 0)
	{
		units /= 10;
		scale--;
	}
	return DatumGetNumeric(numeric_from_units(units, scale));
}

static void
push(JsonbParseState **state, const char *name, SignedUnits units)
{
	JsonbValue	key = {.type = jbvString};
	JsonbValue	value = {.type = jbvNumeric};

	key.val.string.val = unconstify(char *, name);
	key.val.string.len = strlen(name);
	value.val.numeric = shortest(units);
	pushJsonbValue(state, WJB_KEY, &key);
	pushJsonbValue(state, WJB_VALUE, &value);
}

static Datum
finish(JsonbParseState **state)
{
	return JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(state,
														   WJB_END_OBJECT, NULL)));
}

/* All metrics by their names */
Datum
tier_metrics(const TierRules *rules, const SignedUnits *metric)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int m = 0; m < rules->metrics; m++)
		push(&state, rules->metric[m], metric[m]);
	return finish(&state);
}

/* How much of which metric the conditions of a level want still; false: nothing */
bool
tier_missing(const TierRules *rules, const TierLevel *level,
			 const TierState *state, Datum *missing)
{
	JsonbParseState *parse = NULL;
	bool		any = false;

	pushJsonbValue(&parse, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < level->conditions; i++)
	{
		const TierCondition *condition = &level->condition[i];
		SignedUnits gap = condition->threshold -
			state->sum[condition->metric].sum;

		if (gap <= 0)
			continue;
		any = true;
		push(&parse, rules->metric[condition->metric], gap);
	}
	*missing = finish(&parse);
	return any;
}

/* The share of a condition that is there */
static double
share_of(const TierCondition *condition, const TierState *state)
{
	SignedUnits sum = state->sum[condition->metric].sum;

	if (sum >= condition->threshold)
		return 1;
	return sum <= 0 ? 0 : (double) sum / (double) condition->threshold;
}

/* How far a customer is on his way to a level, 0 to 1 */
double
tier_progress(const TierLevel *level, const TierState *state)
{
	double		least = 1;
	double		most = 0;
	double		weight = 0;

	for (int i = 0; i < level->conditions; i++)
	{
		double		share = share_of(&level->condition[i], state);

		least = Min(least, share);
		most = Max(most, share);
		weight += share == 1 ? level->condition[i].weight : 0;
	}
	switch (level->combine)
	{
		case TIER_ALL:
			return least;
		case TIER_ANY:
			return most;
		case TIER_WEIGHTS:
			return level->weight_needed == 0 ? 1
				: Min(weight / level->weight_needed, 1);
	}
	return 0;
}

const char *
tier_reason(TierReason reason)
{
	static const char *const reasons[] = {
		[TIER_ENROLLED] = "enrolled",
		[TIER_UPGRADED] = "upgraded",
		[TIER_DOWNGRADED] = "downgraded",
		[TIER_POLICY] = "policy",
		[TIER_GIVEN] = "given",
		[TIER_GIVEN_ENDED] = "given ended"
	};

	return reasons[reason];
}
