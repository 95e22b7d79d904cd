/*-------------------------------------------------------------------------
 *
 * clv_oracle.c
 *	  Every function of every purchase and value model against values that
 *	  test/oracle/clv_oracle.py worked out with 60 digits and more.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/gamma_gamma.h"
#include "model/purchase.h"
#include "tap.h"

#define TOLERANCE	1e-9
#define FIELDS		12
#define KINDS		64

/* Cases of one function of one model */
typedef struct Tally
{
	char		name[64];
	int			cases;
	int			wrong;
	double		worst;
	char		worst_case[1100];
} Tally;

static Tally tallies[KINDS];
static int	tally_count = 0;

static Tally *
tally_of(const char *function, const char *model)
{
	char		name[64];

	snprintf(name, sizeof(name), "%s of %s", function, model);
	for (int i = 0; i < tally_count; i++)
		if (strcmp(tallies[i].name, name) == 0)
			return &tallies[i];
	if (tally_count == KINDS)
		abort();
	memcpy(tallies[tally_count].name, name, sizeof(name));
	return &tallies[tally_count++];
}

/* Splits a line at its commas */
static int
split(char *line, char **field)
{
	int			count = 0;

	line[strcspn(line, "\r\n")] = '\0';
	for (field[count++] = line; *line != '\0'; line++)
		if (*line == ',' && count < FIELDS)
		{
			*line = '\0';
			field[count++] = line + 1;
		}
	return count;
}

static double
gamma_gamma_value(const char *function, const double *p, double x, double mean)
{
	GammaGamma	model = {p[0], p[1], p[2]};

	return strcmp(function, "log_likelihood") == 0
		? gamma_gamma_log_likelihood(&model, x, mean)
		: gamma_gamma_order_value(&model, x, mean);
}

static bool
is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* Our value for a line of the oracle */
static double
our_value(const char *function, const PurchaseModel *model,
		  const PurchaseRecord *record, double t, double rate)
{
	PurchaseProcess process = purchase_alive(model, record);

	if (is(function, "log_likelihood"))
		return purchase_log_likelihood(model, record);
	if (is(function, "p_alive"))
		return purchase_p_alive(model, record);
	if (is(function, "expected_purchases"))
		return purchase_expected(model, record, t);
	if (is(function, "expected_new"))
		return purchase_expected_new(model, t);
	if (is(function, "purchase_probability"))
		return purchase_probability(model, record->x, t);
	if (is(function, "p_no_purchase"))
		return purchase_p_none(model, record,
							   purchase_methods[model->kind]->none(&process, t));
	if (is(function, "discounted_purchases"))
		return purchase_discounted(model, record, t, rate);
	return NAN;
}

static void
check_line(char *line)
{
	char		copy[1000];
	char	   *field[FIELDS];
	double		number[FIELDS] = {0};
	PurchaseModel model = {0};
	PurchaseRecord record;
	Tally	   *tally;
	double		ours;
	double		error;

	snprintf(copy, sizeof(copy), "%s", line);
	copy[strcspn(copy, "\n")] = '\0';
	if (split(line, field) != FIELDS)
		abort();
	for (int i = 2; i < FIELDS; i++)
		number[i] = strtod(field[i], NULL);
	tally = tally_of(field[0], field[1]);
	memcpy(model.parameter, &number[2], sizeof(model.parameter));
	record = (PurchaseRecord) {number[6], number[7], number[8]};
	while (model.kind < PURCHASE_KINDS &&
		   !is(purchase_methods[model.kind]->name, field[1]))
		if (++model.kind == PURCHASE_KINDS)
			break;
	ours = is(field[1], "gamma_gamma")
		? gamma_gamma_value(field[0], &number[2], record.x, record.t_x)
		: our_value(field[0], &model, &record, number[9], number[10]);
	error = ours == number[11] ? 0 : fabs(ours - number[11]) / fabs(number[11]);
	if (isnan(error))
		error = INFINITY;
	tally->cases++;
	if (!(error <= TOLERANCE))
		tally->wrong++;
	if (!(error <= tally->worst))
	{
		tally->worst = error;
		snprintf(tally->worst_case, sizeof(tally->worst_case), "%s: %.17g",
				 copy, ours);
	}
	if (getenv("ORACLE_SHOW") != NULL && !(error <= TOLERANCE))
		printf("# %.2e %s ours %.17g\n", error, copy, ours);
}

int
main(void)
{
	const char *path = getenv("ORACLE") != NULL ? getenv("ORACLE")
		: "test/oracle/clv_oracle.csv";
	FILE	   *file = fopen(path, "r");
	char		line[1000];

	if (file == NULL || fgets(line, sizeof(line), file) == NULL)
	{
		ok(false, "the oracle's values can be read");
		return tap_done();
	}
	while (fgets(line, sizeof(line), file) != NULL)
		check_line(line);
	fclose(file);
	ok(tally_count >= 30, "the oracle knows all functions");
	for (int i = 0; i < tally_count; i++)
		if (!ok(tallies[i].wrong == 0, "%s: %d cases within %g, the worst %.1e",
				tallies[i].name, tallies[i].cases, TOLERANCE, tallies[i].worst))
			printf("# %d wrong, the worst: %s\n", tallies[i].wrong,
				   tallies[i].worst_case);
	return tap_done();
}
