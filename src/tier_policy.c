/*-------------------------------------------------------------------------
 *
 * tier_policy.c
 *	  Policies as SQL passes them: one document with all versions.
 *
 * The document is the same for all customers of a query, so each call site
 * keeps what it read.  It may come from anybody: all that is read is checked.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "history.h"
#include "json_member.h"
#include "tier_policy.h"
#include "units_numeric.h"

#include "compat.h"

#define MOST_VERSIONS	1000
#define MOST_MONTHS		12000
#define MOST_DAYS		400000

/* What a call site keeps */
typedef struct KnownRules
{
	struct varlena *document;
	MemoryContext context;
	TierRules	rules;
} KnownRules;

/* Refuses a document that has something else where this is looked for */
static void pg_attribute_noreturn()
refuse(const char *key)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("policy document has no usable \"%s\"", key),
			 errhint("Take the document from tier_document().")));
}

/* What an object has under a key */
static JsonbValue *
member(JsonbContainer *object, const char *key, enum jbvType type)
{
	JsonbValue *value = json_member(object, key);

	if (value == NULL || value->type != type)
		refuse(key);
	return value;
}

static int
integer_member(JsonbContainer *object, const char *key, int least, int most)
{
	JsonbValue *value = member(object, key, jbvNumeric);
	int32		number =
		DatumGetInt32(DirectFunctionCall1(numeric_int4,
										  NumericGetDatum(value->val.numeric)));

	if (number < least || number > most)
		refuse(key);
	return number;
}

static char *
text_member(JsonbContainer *object, const char *key)
{
	JsonbValue *value = member(object, key, jbvString);

	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* The place of a text in a list of what it may be */
static int
choice_member(JsonbContainer *object, const char *key,
			  const char *const *choices, int count)
{
	char	   *text = text_member(object, key);

	for (int i = 0; i < count; i++)
		if (strcmp(text, choices[i]) == 0)
			return i;
	refuse(key);
}

#define CHOICE(object, key, choices) \
	choice_member(object, key, choices, lengthof(choices))

/* An array of so many objects */
static JsonbContainer *
array_member(JsonbContainer *object, const char *key, int least, int most,
			 int *count)
{
	JsonbContainer *array = member(object, key, jbvBinary)->val.binary.data;

	if (!JsonContainerIsArray(array) || JsonContainerSize(array) < least ||
		JsonContainerSize(array) > most)
		refuse(key);
	*count = JsonContainerSize(array);
	return array;
}

static JsonbContainer *
element(JsonbContainer *array, int i, const char *key)
{
	JsonbValue *value = getIthJsonbValueFromContainer(array, i);

	if (value == NULL || value->type != jbvBinary)
		refuse(key);
	return value->val.binary.data;
}

/* A day, as it is counted by the server */
static int32
day_member(JsonbContainer *object, const char *key)
{
	return integer_member(object, key, -HISTORY_DAY_OF_EPOCH,
						  HISTORY_LAST_DAY - HISTORY_DAY_OF_EPOCH) +
		HISTORY_DAY_OF_EPOCH;
}

/* A length of time, from two members */
static CalendarSpan
span_member(JsonbContainer *object, const char *months, const char *days)
{
	CalendarSpan span = {
		integer_member(object, months, 0, MOST_MONTHS),
		integer_member(object, days, 0, MOST_DAYS)
	};

	return span;
}

/* An amount in the units that all metrics are counted in */
SignedUnits
tier_units(Datum number)
{
	Amount		amount;

	amount_from_numeric(number, &amount);
	return (SignedUnits) amount.units * (amount.negative ? -1 : 1) *
		(SignedUnits) units_power_of_ten(TIER_SCALE - amount.scale);
}

/* The number of a code, the same in all versions */
static int
add_name(TierRules *rules, char *code)
{
	for (int i = 0; i < rules->names; i++)
		if (strcmp(rules->name[i], code) == 0)
			return i;
	rules->name[rules->names] = code;
	return rules->names++;
}

static void
read_level(JsonbContainer *object, TierRules *rules, TierPolicy *policy,
		   int rank)
{
	static const char *const combines[] = {"all", "any", "weights"};
	TierLevel  *level = &policy->level[rank];
	JsonbContainer *conditions = array_member(object, "conditions",
											  rank == 0 ? 0 : 1,
											  rank == 0 ? 0 : TIER_CONDITIONS,
											  &level->conditions);

	level->name = add_name(rules, text_member(object, "code"));
	level->combine = CHOICE(object, "combine", combines);
	level->weight_needed = integer_member(object, "weight_needed", 0, 1000000);
	level->floor = integer_member(object, "floor", 0, rank);
	for (int i = 0; i < level->conditions; i++)
	{
		JsonbContainer *condition = element(conditions, i, "conditions");

		level->condition[i].metric = integer_member(condition, "metric", 0,
													rules->metrics - 1);
		level->condition[i].threshold =
			tier_units(NumericGetDatum(member(condition, "threshold",
											  jbvNumeric)->val.numeric));
		level->condition[i].weight = integer_member(condition, "weight", 0, 1000000);
	}
}

/* What each level of the version before is in this one */
static void
find_successors(TierPolicy *policy)
{
	const TierPolicy *before = policy - 1;

	for (int rank = 0; rank < before->levels; rank++)
	{
		policy->successor[rank] = Min(rank, policy->levels - 1);
		for (int k = 0; k < policy->levels; k++)
			if (policy->level[k].name == before->level[rank].name)
				policy->successor[rank] = k;
	}
}

static void
check_window(const TierPolicy *policy)
{
	bool		has_length = !calendar_is_empty(policy->span);
	bool		has_periods = policy->window != TIER_LIFETIME &&
		policy->window != TIER_ROLLING;

	if (policy->window == TIER_LIFETIME ? has_length : !has_length)
		refuse("window_months");
	if (policy->window == TIER_CALENDAR &&
		(policy->span.days > 0 || 12 % policy->span.months != 0))
		refuse("window_months");
	if (12 % Max(policy->period_months, 1) != 0)
		refuse("period_months");
	if (12 % Max(policy->round_months, 1) != 0)
		refuse("round_months");
	if (policy->window == TIER_TERM && policy->downgrade == TIER_DOWNGRADE_AT_ONCE)
		refuse("downgrade");
	if (policy->downgrade == TIER_DOWNGRADE_AT_ONCE && policy->soft)
		refuse("landing");
	if (!has_periods && policy->period_months == 0 &&
		(policy->upgrade == TIER_UPGRADE_NEXT_PERIOD ||
		 policy->downgrade >= TIER_DOWNGRADE_PERIOD_END))
		refuse("period_months");
}

static void
read_policy(JsonbContainer *object, TierRules *rules, int number)
{
	static const char *const windows[] = {
		"lifetime", "rolling", "calendar", "enrolment", "term", "cycle"
	};
	static const char *const upgrades[] = {"at once", "next period"};
	static const char *const downgrades[] = {
		"never", "at once", "end of period", "end of next period"
	};
	static const char *const landings[] = {"earned", "one level"};
	TierPolicy *policy = &rules->policy[number];
	JsonbContainer *levels = array_member(object, "levels", 1, TIER_LEVELS,
										  &policy->levels);

	rules->version[number] = integer_member(object, "version", 1, PG_INT32_MAX);
	policy->valid_from = day_member(object, "valid_from");
	if (number > 0 && policy->valid_from <= (policy - 1)->valid_from)
		refuse("valid_from");
	policy->window = CHOICE(object, "window_kind", windows);
	policy->span = span_member(object, "window_months", "window_days");
	policy->first_month = integer_member(object, "fiscal_month", 1, 12);
	policy->origin = day_member(object, "cycle_start");
	policy->period_months = integer_member(object, "period_months", 0, 12);
	policy->upgrade = CHOICE(object, "upgrade", upgrades);
	policy->downgrade = CHOICE(object, "downgrade", downgrades);
	policy->soft = CHOICE(object, "landing", landings) == 1;
	policy->grace = span_member(object, "grace_months", "grace_days");
	policy->round_months = integer_member(object, "round_months", 0, 12);
	policy->stay = span_member(object, "stay_months", "stay_days");
	check_window(policy);
	for (int rank = 0; rank < policy->levels; rank++)
		read_level(element(levels, rank, "levels"), rules, policy, rank);
	if (number > 0)
		find_successors(policy);
}

static void
read_rules(Jsonb *document, TierRules *rules)
{
	static const char *const sources[] = {
		"net_spend", "gross_spend", "orders", "purchase_days", "sum", "last"
	};
	JsonbContainer *metrics = array_member(&document->root, "metrics", 0,
										   TIER_METRICS, &rules->metrics);
	JsonbContainer *versions = array_member(&document->root, "versions", 1,
											MOST_VERSIONS, &rules->policies);

	for (int i = 0; i < rules->metrics; i++)
	{
		JsonbContainer *metric = element(metrics, i, "metrics");

		rules->metric[i] = text_member(metric, "metric");
		rules->source[i] = CHOICE(metric, "kind", sources);
	}
	rules->policy = palloc0(rules->policies * sizeof(TierPolicy));
	rules->version = palloc0(rules->policies * sizeof(int));
	rules->name = palloc0(rules->policies * TIER_LEVELS * sizeof(char *));
	for (int i = 0; i < rules->policies; i++)
		read_policy(element(versions, i, "versions"), rules, i);
}

/* The rules in an argument */
const TierRules *
tier_rules(FunctionCallInfo fcinfo, int argument)
{
	KnownRules *known = fcinfo->flinfo->fn_extra;
	struct varlena *given = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(argument));
	MemoryContext context;
	MemoryContext old;

	if (known != NULL && VARSIZE_ANY(given) == VARSIZE_ANY(known->document) &&
		memcmp(given, known->document, VARSIZE_ANY(given)) == 0)
		return &known->rules;
	context = AllocSetContextCreate(CurrentMemoryContext, "tier rules",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	known = palloc0(sizeof(KnownRules));
	known->context = context;
	known->document = palloc(VARSIZE_ANY(given));
	memcpy(known->document, given, VARSIZE_ANY(given));
	read_rules(DatumGetJsonbP(PointerGetDatum(known->document)), &known->rules);
	MemoryContextSwitchTo(old);
	/* read without an error: now they are kept instead of others */
	MemoryContextSetParent(context, fcinfo->flinfo->fn_mcxt);
	if (fcinfo->flinfo->fn_extra != NULL)
		MemoryContextDelete(((KnownRules *) fcinfo->flinfo->fn_extra)->context);
	fcinfo->flinfo->fn_extra = known;
	return &known->rules;
}

/* The number of a code; -1 where no version has it */
int
tier_name(const TierRules *rules, const char *code)
{
	for (int i = 0; i < rules->names; i++)
		if (strcmp(rules->name[i], code) == 0)
			return i;
	return -1;
}
