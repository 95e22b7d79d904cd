/*-------------------------------------------------------------------------
 *
 * spend.c
 *	  The curve of spend against the sum that it stands for.
 *
 * The chance to spend more than y times one's scale is the sum, over numbers
 * of purchases n, of the chance of n and that of a beta prime (p n, p x + q)
 * to be above y.
 *
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <string.h>

#include "model/special.h"
#include "model/spend.h"
#include "random_purchases.h"

#define NEGLIGIBLE	1e-10
#define MOST		20000		/* purchases that a sum is worth its time for */
#define STEPS		400			/* of a walk along a curve */

#define COUNT(table)	(sizeof(table) / sizeof((table)[0]))

/* A customer who is one still, and what his purchases are worth */
typedef struct Buyer
{
	PurchaseModel model;
	PurchaseRecord record;
	GammaGamma	value;
	double		horizon;
	double		least;
	double	   *chance;			/* of 0, 1, 2, ... purchases */
	size_t		count;
} Buyer;

static const double leasts[] = {0.25, 0.025, 0.0005, 5e-6};
static long buyers = 0;
static long refused = 0;
static long wrong_some = 0;
static long wrong_below = 0;
static long far_off = 0;
static long rising = 0;
static long too_many = 0;

/*
 * Tails by how small they, or their rests, are as shares of all that buy.  What
 * is smaller still is held to a millionth of all, see below.
 */
typedef struct Tally
{
	double		from;
	double		tolerance;
	long		tails;
	long		wrong;
	double		worst;
} Tally;

static Tally tallies[] = {
	{.from = 0.1, .tolerance = 1e-5}, {.from = 1e-3, .tolerance = 2e-4}
};

static void
show(const char *what, const Buyer *buyer, double above, double y, double found)
{
	printf("# %s: %s(%.17g, %.17g, %.17g, %.17g) x=%g t_x=%.17g T=%.17g "
		   "horizon=%.17g p=%.17g q=%.17g least=%g: tail %.17g, y %.17g, "
		   "found %.17g\n", what, purchase_methods[buyer->model.kind]->name,
		   buyer->model.parameter[0], buyer->model.parameter[1],
		   buyer->model.parameter[2], buyer->model.parameter[3],
		   buyer->record.x, buyer->record.t_x, buyer->record.T, buyer->horizon,
		   buyer->value.p, buyer->value.q, buyer->least, above, y, found);
}

/* Does a tail, or a rest, agree?  A few that do not are shown. */
static void
tally(const Buyer *buyer, double above, double y, double found, double error,
	  double share)
{
	Tally	   *tally = tallies;

	while (tally < tallies + COUNT(tallies) && share < tally->from)
		tally++;
	if (tally == tallies + COUNT(tallies))
		return;
	tally->tails++;
	if (!(error <= tally->worst))
		tally->worst = error;
	if (!(error <= tally->tolerance) && tally->wrong++ < 5)
		show("tail", buyer, above, y, found);
}

/* The chances, until the rest is negligible; false if that is too far */
static bool
fill_chances(Buyer *buyer)
{
	PurchaseProcess process = purchase_alive(&buyer->model, &buyer->record);
	const PurchaseMethods *methods = purchase_methods[buyer->model.kind];
	double		rest;

	buyer->chance = malloc(MOST * sizeof(double));
	buyer->chance[0] = methods->none(&process, buyer->horizon);
	buyer->count = 1;
	for (rest = 1 - buyer->chance[0]; rest > NEGLIGIBLE;)
	{
		if (buyer->count == MOST)
			return false;
		buyer->chance[buyer->count] =
			methods->probability(&process, (double) buyer->count, buyer->horizon);
		rest -= buyer->chance[buyer->count++];
	}
	return true;
}

/* The definition: the chance of more than y, or of a purchase and no more */
static double
direct(const Buyer *buyer, double y, bool upper)
{
	double		w = y / (1 + y);
	double		b = buyer->value.p * buyer->record.x + buyer->value.q;
	double		sum = 0;

	for (size_t n = 1; n < buyer->count; n++)
	{
		double		a = buyer->value.p * (double) n;

		if (buyer->chance[n] > 0)
			sum += buyer->chance[n] * (upper ? beta_inc(b, a, 1 / (1 + y), w)
									   : beta_inc(a, b, w, 1 / (1 + y)));
	}
	return sum;
}

/* Customers who spend v + x times their mean are those of scale 1 */
static double
spend_below(const Buyer *buyer, double y)
{
	double		sum = buyer->chance[0];

	for (size_t n = 1; n < buyer->count; n++)
		sum += buyer->chance[n] *
			gamma_gamma_spend_below(&buyer->value, buyer->record.x, 3, (double) n,
									y * (buyer->value.v + buyer->record.x * 3));
	return sum;
}

static double
some_of(const Buyer *buyer)
{
	double		sum = 0;

	for (size_t n = 1; n < buyer->count; n++)
		sum += buyer->chance[n];
	return sum;
}

/* The curve of a buyer; false if none was laid out */
static bool
make_curve(const Buyer *buyer, SpendCurve *curve)
{
	double	   *used;

	if (!spend_curve_plan(&buyer->value, buyer->record.x, buyer->chance,
						  buyer->count, buyer->least, curve))
		return false;
	if (curve->count > SPEND_NODES)
		too_many++;
	curve->node = calloc(curve->count, sizeof(SpendNode));
	used = malloc(buyer->count * sizeof(double));
	memcpy(used, buyer->chance, buyer->count * sizeof(double));
	spend_curve_fill(&buyer->value, buyer->record.x, used, buyer->count, curve);
	free(used);
	return true;
}

/* Does the y of a tail have that tail? */
static void
check_tail(const Buyer *buyer, const SpendCurve *curve, double above)
{
	double		y = spend_curve_at(curve, above);
	double		rest = curve->some - above;
	bool		upper = above < rest;
	double		found = direct(buyer, y, upper);
	double		error = fabs(found - (upper ? above : rest)) / fmin(above, rest);

	tally(buyer, above, y, upper ? found : curve->some - found, error,
		  fmin(above, rest) / curve->some);
	if (!(fabs(found - (upper ? above : rest)) <= 1e-6))
	{
		far_off++;
		show("far off", buyer, above, y, upper ? found : curve->some - found);
	}
	if (random_below(8) == 0 &&
		!(fabs(1 - spend_below(buyer, y) - direct(buyer, y, true)) <=
		  1e-9 + 2 * NEGLIGIBLE))
	{
		wrong_below++;
		show("below", buyer, above, y, 1 - spend_below(buyer, y));
	}
}

/* The larger the chance to be exceeded, the smaller is y */
static void
walk(const Buyer *buyer, const SpendCurve *curve)
{
	double		before = INFINITY;

	for (int i = 0; i <= STEPS; i++)
	{
		double		share = (double) i / STEPS;
		double		above = buyer->least +
			(curve->some * (1 - 1e-9) - buyer->least) * share * share;
		double		y = spend_curve_at(curve, above);

		if (!(y >= 0 && y <= before * (1 + 1e-12)) && rising++ < 5)
			show("rises", buyer, above, y, before);
		before = y;
	}
}

static void
check_curve(const Buyer *buyer, const SpendCurve *curve)
{
	if (!(fabs(curve->some - some_of(buyer)) <= 1e-12))
		wrong_some++;
	if (curve->some <= buyer->least * 1.001)
		return;
	check_tail(buyer, curve, buyer->least);
	for (int i = 0; i < 3; i++)
		check_tail(buyer, curve, random_between(buyer->least, curve->some));
	check_tail(buyer, curve, random_size(buyer->least, curve->some * 0.999));
	/* and just below all of it */
	for (int i = 2; i <= 8; i += 2)
		if (curve->some * (1 - pow(0.1, i)) > buyer->least)
			check_tail(buyer, curve, curve->some * (1 - pow(0.1, i)));
	walk(buyer, curve);
}

static Buyer
random_buyer(void)
{
	static const PurchaseKind kinds[] = {
		PURCHASE_NBD, PURCHASE_BGNBD, PURCHASE_MBGNBD, PURCHASE_PARETO_NBD
	};
	Buyer		buyer = {.model.kind = kinds[random_below(4)]};

	buyer.model.parameter[0] = random_size(0.1, 20);
	buyer.model.parameter[1] = buyer.model.parameter[0] * random_size(0.3, 60);
	buyer.model.parameter[2] = random_size(0.1, 10);
	buyer.model.parameter[3] = random_size(0.5, 60);
	buyer.record.T = random_size(1, 300);
	if (random_below(4) > 0)
	{
		buyer.record.x = floor(random_size(1, 121));
		buyer.record.t_x = random_between(0.1, 1) * buyer.record.T;
	}
	buyer.value.p = random_size(0.05, 200);
	buyer.value.q = random_size(1.05, 30);
	buyer.value.v = random_size(0.1, 1000);
	buyer.horizon = random_size(1, 500);
	buyer.least = leasts[random_below(COUNT(leasts))];
	return buyer;
}

static void
test_curves(void)
{
	long		times = rounds(4000);

	while (buyers < times)
	{
		Buyer		buyer = random_buyer();
		SpendCurve	curve;

		if (fill_chances(&buyer))
		{
			buyers++;
			if (!make_curve(&buyer, &curve))
				refused++;
			else
			{
				check_curve(&buyer, &curve);
				free(curve.node);
			}
		}
		free(buyer.chance);
	}
	ok(wrong_some == 0, "the chance of any purchase");
	for (size_t i = 0; i < COUNT(tallies); i++)
		ok(tallies[i].wrong == 0, "%ld tails of %g of all that buy, or more, are "
		   "those of the sum: %ld are not, the worst %.1e", tallies[i].tails,
		   tallies[i].from, tallies[i].wrong, tallies[i].worst);
	ok(far_off == 0, "every chance is known to a millionth");
	ok(wrong_below == 0, "what is not above is below");
	ok(rising == 0, "less is spent more often: %ld steps are not down", rising);
	ok(too_many == 0, "no curve has more than %d nodes", SPEND_NODES);
	ok(refused < buyers / 20, "%ld of %ld would have more", refused, buyers);
}

/* Fixed corners, so that they are seen whatever the seed */
static void
check_corners(void)
{
	static const double shapes[] = {0.05, 1, 200};
	static const double spreads[] = {1.05, 4, 30};
	static const double counts[] = {0, 1, 120};
	static const double horizons[] = {1, 52, 500};

	for (int i = 0; i < 3 * 3 * 3 * 3 * 4; i++)
	{
		Buyer		buyer = {
			.model = {PURCHASE_PARETO_NBD, {0.55, 10.6, 0.61, 11.7}},
			.record = {counts[i % 3], counts[i % 3] > 0 ? 70 : 0, 78},
			.value = {shapes[i / 3 % 3], spreads[i / 9 % 3], 15},
			.horizon = horizons[i / 27 % 3],
			.least = leasts[i / 81]
		};
		SpendCurve	curve;

		if (fill_chances(&buyer) && make_curve(&buyer, &curve))
		{
			check_curve(&buyer, &curve);
			free(curve.node);
		}
		free(buyer.chance);
	}
}

static void
test_none(void)
{
	GammaGamma	value = {6, 4, 15};
	double		never[] = {1, 0, 0, 0};
	double		once[] = {0.5, 0.5};
	SpendCurve	curve;

	ok(spend_curve_plan(&value, 2, never, 1, 0.025, &curve) && curve.count == 0 &&
	   curve.some == 0, "no chances of purchases: no curve");
	ok(spend_curve_plan(&value, 2, never, 4, 0.025, &curve) && curve.count == 0,
	   "nor with chances of zero");
	ok(spend_curve_plan(&value, 2, once, 2, 0.025, &curve) && curve.count > 0 &&
	   curve.some == 0.5, "one purchase has a curve");
}

static bool
is_near(const SpendCurve *curve, double above, double y)
{
	double		found = spend_curve_at(curve, above);

	printf("# exceeded by %g: %.10g, not %g\n", above, found, y);
	return fabs(found - y) < 1e-5 * y;
}

/* One purchase that is certain: a quantile of one beta prime */
static void
test_one(void)
{
	GammaGamma	value = {1, 3, 1};
	Buyer		buyer = {.value = value, .least = 0.001, .count = 2};
	double		chance[] = {0, 1};
	SpendCurve	curve;

	buyer.chance = chance;
	/* shapes (1, 3): above y are (1 + y)^-3 */
	ok(make_curve(&buyer, &curve) && is_near(&curve, 0.125, 1) &&
	   is_near(&curve, 0.001, 9) && is_near(&curve, 1 / 1.331, 0.1),
	   "one purchase of a known distribution");
	free(curve.node);
}

/* Values nearly alike, of numbers far apart: too many nodes */
static void
test_too_many(void)
{
	double	   *chance = calloc(100001, sizeof(double));
	GammaGamma	alike = {1e7, 1e7, 1};
	GammaGamma	usual = {6, 4, 15};
	SpendCurve	curve;
	long		wrong = 0;
	long		no = 0;

	chance[1] = 0.5;
	chance[1000] = 0.5;
	ok(!spend_curve_plan(&alike, 0, chance, 1001, 0.025, &curve),
	   "too narrow for the nodes there are");
	ok(spend_curve_plan(&usual, 0, chance, 1001, 0.025, &curve) &&
	   curve.count <= SPEND_NODES, "others are not");
	chance[1000] = 0;
	chance[100000] = 0.5;
	ok(!spend_curve_plan(&alike, 0, chance, 100001, 0.025, &curve),
	   "too much work");
	for (double size = 1; size < 1e8; size *= 1.5)
		for (double last = 2; last <= 100000; last *= 7)
		{
			GammaGamma	value = {size, size, 1};

			memset(chance, 0, 100001 * sizeof(double));
			chance[1] = chance[(int) last] = 0.5;
			if (!spend_curve_plan(&value, 0, chance, (size_t) last + 1, 5e-6, &curve))
				no++;
			else if (curve.count > SPEND_NODES ||
					 (double) curve.count * last > SPEND_WORK + 3 * last)
				wrong++;
		}
	ok(wrong == 0 && no > 0, "%ld have no plan, and none is too large", no);
	free(chance);
}

int
main(void)
{
	random_begin();
	test_none();
	test_one();
	check_corners();
	test_curves();
	test_too_many();
	return tap_done();
}
