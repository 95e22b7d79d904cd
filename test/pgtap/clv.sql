--
-- clv: purchase and value models, fitted and asked
--
\set QUIET on
SET client_min_messages = warning;
SET search_path = tiering, public, pg_catalog;
SELECT plan(99);

CREATE FUNCTION near(a double precision, b double precision, relative double precision DEFAULT 1e-6) RETURNS boolean LANGUAGE SQL
RETURN abs(a - b) <= relative * abs(b);
CREATE FUNCTION error_of(statement text, what text DEFAULT 'code') RETURNS text LANGUAGE plpgsql AS $$
DECLARE code text; message text; hint text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	RETURN CASE what WHEN 'code' THEN code WHEN 'hint' THEN hint ELSE message END;
END $$;

-- --- CDNOW ------------------------------------------------------------------
-- test/data/cdnow_summary.csv: the 2,357 customers of the CDNOW sample (Fader and Hardie 2001) on 30 September 1997, times in
-- days; from the summary in the lifetimes package (MIT licence, Cam Davidson-Pilon), whose weeks are rounded to two decimals

CREATE TABLE cdnow (repeat_days integer, recency_days integer, age_days integer, mean_value numeric);
\copy cdnow FROM 'test/data/cdnow_summary.csv' WITH (FORMAT csv, HEADER)
CREATE TABLE weeks AS SELECT row_number() OVER () AS id, repeat_days AS x, recency_days / 7.0::float8 AS tx, age_days / 7.0::float8 AS age, mean_value::float8 AS m FROM cdnow;
CREATE TABLE model AS SELECT bgnbd_fit(x, tx, age) AS bg, mbgnbd_fit(x, tx, age) AS mbg, pareto_nbd_fit(x, tx, age) AS pareto, nbd_fit(x, tx, age) AS nbd, gamma_gamma_fit(x, m) AS gg FROM weeks;

SELECT ok(near((bg).r, .242594522) AND near((bg).alpha, 4.41360202) AND near((bg).a, .792922017) AND near((bg).b, 2.42590678), 'BG/NBD: the published optimum, and four digits more') FROM model;
SELECT ok(near((bg).log_likelihood, -9582.42920667, 1e-9), '-- its likelihood') FROM model;
SELECT ok(near((mbg).r, .524843159) AND near((mbg).alpha, 6.18308528) AND near((mbg).a, .891359391) AND near((mbg).b, 1.61400224), 'MBG/NBD') FROM model;
SELECT ok(near((mbg).log_likelihood, -9582.13571555, 1e-9), '-- its likelihood') FROM model;
SELECT ok(near((pareto).r, .553277047) AND near((pareto).alpha, 10.5776835) AND near((pareto).s, .606239989) AND near((pareto).beta, 11.6687353), 'Pareto/NBD') FROM model;
SELECT ok(near((pareto).log_likelihood, -9594.97617894, 1e-9), '-- its likelihood') FROM model;
SELECT ok(near((gg).p, 6.24957227, 2e-4) AND near((gg).q, 3.74422467, 2e-4) AND near((gg).v, 15.4435210, 5e-4), 'Gamma-Gamma, as near as means in cents allow') FROM model;
SELECT is((gg).customers, 946::bigint, 'of those with a repeat purchase that is worth something') FROM model;
SELECT ok((gg).pearson BETWEEN .11 AND .12 AND (gg).spearman BETWEEN .20 AND .21, 'it tells how number and value of purchases go together') FROM model;
SELECT is(ARRAY[(bg).status, (mbg).status, (pareto).status, (nbd).status, (gg).status], array_fill('converged'::text, ARRAY[5]), 'all converged') FROM model;
SELECT ok((bg).gradient_norm < 1e-9 AND (mbg).gradient_norm < 1e-9 AND (pareto).gradient_norm < 1e-9 AND (gg).gradient_norm < 1e-9, 'the slope is zero at the top') FROM model;
SELECT ok((nbd).log_likelihood < (bg).log_likelihood, 'nobody leaves in NBD, which fits worse') FROM model;
SELECT is((bg).time_unit || (bg).customers, 'week2357', 'unit and customers are kept') FROM model;
SELECT ok(near((bg).log_likelihood, (SELECT sum(log_likelihood(bg, x, tx, age)) FROM weeks), 1e-12)
	AND near((pareto).log_likelihood, (SELECT sum(log_likelihood(pareto, x, tx, age)) FROM weeks), 1e-12)
	AND near((mbg).log_likelihood, (SELECT sum(log_likelihood(mbg, x, tx, age)) FROM weeks), 1e-12)
	AND near((nbd).log_likelihood, (SELECT sum(log_likelihood(nbd, x, tx, age)) FROM weeks), 1e-12)
	AND near((gg).log_likelihood, (SELECT sum(log_likelihood(gg, x, m)) FROM weeks WHERE m > 0), 1e-12), 'likelihoods of customers add up to that of the fit') FROM model;

SELECT ok(near(p_alive(bg, 2, 30.43, 38.86), 0.7266, 1e-4), 'P(alive) of customer 1, as published') FROM model;
SELECT ok(near(expected_purchases(bg, 2, 30.43, 38.86, 39), 1.226, 1e-3), 'and the purchases he is expected to make in 39 weeks') FROM model;
SELECT is((SELECT count(*) FROM weeks, LATERAL p_alive(bg, x, tx, age) AS p WHERE NOT p BETWEEN 0 AND 1 OR x = 0 AND p <> 1), 0::bigint, 'BG/NBD: one who has not bought again cannot have left') FROM model;
SELECT is((SELECT count(*) FROM weeks, LATERAL p_alive(pareto, x, tx, age) AS p WHERE p NOT BETWEEN 0 AND 1), 0::bigint, 'a probability is one') FROM model;
SELECT is(p_alive(nbd, 2, 30, 38), 1::float8, 'nobody leaves in NBD') FROM model;
SELECT is(expected_purchases(bg, 2, 30, 38, 5e-324), 0::float8, 'a time too short for a double ends') FROM model;
SELECT ok(expected_purchases(bg, x, tx, age, 0) = 0 AND p_no_purchase(bg, x, tx, age, 0) = 1 AND expected_purchases(pareto, x, tx, age, 0) = 0
	AND p_no_purchase(pareto, x, tx, age, 0) = 1, 'no time, no purchase') FROM model, weeks WHERE id = 6;
SELECT ok(near(purchase_probability(bg, 0, 39) + (SELECT sum(purchase_probability(bg, n, 39)) FROM generate_series(1, 500) AS n), 1, 1e-12)
	AND near((SELECT sum(purchase_probability(pareto, n, 39)) FROM generate_series(0, 500) AS n), 1, 1e-12)
	AND near((SELECT sum(purchase_probability(mbg, n, 39)) FROM generate_series(0, 500) AS n), 1, 1e-12), 'all chances together are one') FROM model;
SELECT ok(near((SELECT sum(n * purchase_probability(bg, n, 39)) FROM generate_series(1, 900) AS n), expected_purchases(bg, 39), 1e-9)
	AND near((SELECT sum(n * purchase_probability(pareto, n, 39)) FROM generate_series(1, 900) AS n), expected_purchases(pareto, 39), 1e-9)
	AND near((SELECT sum(n * purchase_probability(mbg, n, 39)) FROM generate_series(1, 900) AS n), expected_purchases(mbg, 39), 1e-9), 'and their mean is the mean') FROM model;
SELECT ok(near(expected_order_value(gg, 0, NULL), (gg).p * (gg).v / ((gg).q - 1), 1e-12), 'a new customer''s orders are worth the mean of all') FROM model;
SELECT ok(near(expected_order_value(gg, 2, 22.345), 24.65, 1e-3), 'an old one''s lie between his own and that') FROM model;

SELECT ok(aic(bg) = 8 - 2 * (bg).log_likelihood AND near(bic(bg), 4 * ln(2357) - 2 * (bg).log_likelihood, 1e-14), 'criteria by their definition') FROM model;
SELECT ok(aic(mbg) < aic(bg) AND aic(bg) < aic(pareto), 'MBG/NBD fits CDNOW best') FROM model;
SELECT ok(near((likelihood_ratio(bg, nbd)).statistic, 2 * ((bg).log_likelihood - (nbd).log_likelihood), 1e-14) AND (likelihood_ratio(bg, nbd)).p_value < 1e-70, 'customers leave') FROM model;
SELECT is(error_of('SELECT likelihood_ratio(bgnbd_fit(x, tx, age, 0.1), (SELECT nbd FROM model)) FROM weeks'), '22023', 'a penalized likelihood is none');
SELECT is(aic(bgnbd(1, 1, 1, 1)), NULL, 'a model that was not fitted has none');
SELECT is((SELECT count(*) FROM model, frequency_recency_grid(bg, 39, 39, 10, 13)), 131::bigint, 'the heat map has its cells');
SELECT is((SELECT count(*) FROM model, frequency_recency_grid(pareto, 39, 26, 10, 13) AS g WHERE g.p_alive <> p_alive(pareto, g.frequency, g.recency, 39)
	OR g.expected_purchases <> expected_purchases(pareto, g.frequency, g.recency, 39, 26)), 0::bigint, 'each what the functions say');

-- --- value ------------------------------------------------------------------

SELECT ok(near(discounted_purchases(bg, 2, 30, 38, 39, 0), expected_purchases(bg, 2, 30, 38, 39), 1e-9)
	AND near(discounted_purchases(pareto, 2, 30, 38, 39, 0), expected_purchases(pareto, 2, 30, 38, 39), 1e-9), 'without discount: the purchases') FROM model;
SELECT ok(near(discounted_purchases(pareto, 2, 30, 38, 1e6, 0.15), discounted_purchases(pareto, 2, 30, 38, 'infinity', 0.15), 1e-9)
	AND near(discounted_purchases(bg, 2, 30, 38, 1e6, 0.15), discounted_purchases(bg, 2, 30, 38, 'infinity', 0.15), 1e-9), 'a far horizon is as good as none') FROM model;
SELECT ok(near(discounted_purchases(bg, 2, 30, 38, 52, 0.15), (SELECT sum((expected_purchases(bg, 2, 30, 38, w / 100.0) - expected_purchases(bg, 2, 30, 38, (w - 1) / 100.0))
	* 1.15 ^ (- (w - 0.5) / 100 / (365.2425 / 7))) FROM generate_series(1, 5200) AS w), 1e-6), 'BG/NBD: the same as purchases of each hundredth of a week, discounted') FROM model;
SELECT ok(near(discounted_purchases(pareto, 2, 30, 38, 52, 0.15), (SELECT sum((expected_purchases(pareto, 2, 30, 38, w / 100.0) - expected_purchases(pareto, 2, 30, 38, (w - 1) / 100.0))
	* 1.15 ^ (- (w - 0.5) / 100 / (365.2425 / 7))) FROM generate_series(1, 5200) AS w), 1e-6), 'Pareto/NBD too') FROM model;
SELECT ok(near(discounted_clv(bg, gg, 2, 30, 38, 22.345, 'infinity', 0.15, 0.3), 0.3 * expected_order_value(gg, 2, 22.345) * discounted_purchases(bg, 2, 30, 38, 'infinity', 0.15), 1e-14), 'value is margin, order value and purchases') FROM model;
SELECT is(discounted_clv(bg, gg, 0, 0, 38, NULL, 39, 0.15) IS NULL, false, 'one who has not bought again has a value') FROM model;
SELECT is(discounted_clv(bg, gg, 1, 3, 38, NULL, 39, 0.15), NULL, 'purchases of unknown value have none') FROM model;
SELECT is(error_of($$SELECT discounted_purchases(bg, 2, 30, 38, 'infinity', 0) FROM model$$), '22003', 'without discount and without end there is no mean');
SELECT ok(discounted_purchases(bgnbd(.24, 4.4, 1.5, 2.4), 2, 30, 38, 'infinity', 0) > 0, 'but where a is above 1 there is');
SELECT is(error_of($$SELECT discounted_clv(bg, gg, 2, 30, 38, 22, 39, 0.15, 1, 'day') FROM model$$, 'message'), 'time unit "day" is not the model''s, "week"', 'a record in another unit is refused');
SELECT ok(near(discounted_purchases(bgnbd(.24, 4.4 * 7, .79, 2.4, 'day'), 2, 210, 266, 273, 0.15), discounted_purchases(bgnbd(.24, 4.4, .79, 2.4), 2, 30, 38, 39, 0.15), 1e-9), 'a rate is for a year, whatever the unit');
SELECT is(error_of('SELECT expected_order_value(gamma_gamma(2, .5, 10), 0, NULL)'), '22003', 'values so unequal that they have no mean are refused');
SELECT ok(expected_order_value(gamma_gamma(2, .5, 10), 1, 10) > 0, 'for one whose own purchases make it finite they are not');

-- --- intervals ----------------------------------------------------------------

SELECT is(purchases_interval(bg, 2, 30, 38, 0), ROW(0, 0)::record, 'no time, no purchase') FROM model;
SELECT ok((SELECT sum(c) FROM (SELECT CASE n WHEN 0 THEN p_no_purchase(bgnbd((bg).r + 2, (bg).alpha + 38, (bg).a, (bg).b + 2), 0, 0, 0, 39) ELSE purchase_probability(bgnbd((bg).r + 2, (bg).alpha + 38, (bg).a, (bg).b + 2), n, 39) END AS c
	FROM generate_series(0, 4) AS n) AS s) > 0, 'one who is alive is a new customer with other parameters') FROM model;
SELECT ok((i).lower <= expected_purchases(bg, x, tx, age, 39) AND (i).upper >= expected_purchases(bg, x, tx, age, 39), 'the mean lies inside') FROM model, weeks, LATERAL (SELECT purchases_interval(bg, x, tx, age, 39, 0.9) AS i) AS s WHERE id = 6;
SELECT ok((purchases_interval(bg, 7, 29, 38, 39, 0.99)).upper >= (purchases_interval(bg, 7, 29, 38, 39, 0.5)).upper, 'surer is wider') FROM model;
SELECT ok((c).lower = 0 AND (c).upper > 0.3 * expected_order_value(gg, 2, 22) * expected_purchases(bg, 2, 30, 38, 39), 'the value lies inside of its own') FROM model, LATERAL (SELECT clv_interval(bg, gg, 2, 30, 38, 22, 39, 0.95, 0.3) AS c) AS s;
-- the chances of an interval's ends, by the definition
SELECT ok((SELECT 1 - p_alive(bg, 7, 29, 38) + p_alive(bg, 7, 29, 38) * sum(purchase_probability(now, n, 39)) FROM generate_series(0, upper) AS n) >= 0.975
	AND (SELECT 1 - p_alive(bg, 7, 29, 38) + p_alive(bg, 7, 29, 38) * sum(purchase_probability(now, n, 39)) FROM generate_series(0, upper - 1) AS n) < 0.975, 'the upper end is the smallest number that at most one in forty exceeds')
FROM model, LATERAL (SELECT bgnbd((bg).r + 7, (bg).alpha + 38, (bg).a, (bg).b + 7) AS now) AS a, LATERAL purchases_interval(bg, 7, 29, 38, 39);

-- --- the same bits -------------------------------------------------------------

SELECT is((SELECT bgnbd_fit(x, tx, age ORDER BY random()) FROM weeks), bg, 'whatever the order of rows') FROM model;
SELECT is((SELECT pareto_nbd_fit(x, tx, age ORDER BY id DESC) FROM weeks), pareto, '-- Pareto/NBD') FROM model;
SELECT is((SELECT gamma_gamma_fit(x, m ORDER BY md5(id::text)) FROM weeks), gg, '-- Gamma-Gamma') FROM model;
SELECT is((SELECT bgnbd_fit(x, tx, age, 0) FROM weeks), bg, 'a penalizer of 0 is none') FROM model;
CREATE TABLE many AS SELECT w.* FROM weeks AS w, generate_series(1, 40);
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;
CREATE TEMP TABLE parallel_fit AS SELECT bgnbd_fit(x, tx, age) AS bg, mbgnbd_fit(x, tx, age) AS mbg FROM many;
SET max_parallel_workers_per_gather = 0;
SELECT is((SELECT ROW(bgnbd_fit(x, tx, age), mbgnbd_fit(x, tx, age))::text FROM many), (SELECT f::text FROM parallel_fit AS f), 'in parallel workers');
SELECT ok(near((SELECT (f.bg).r FROM parallel_fit AS f), (bg).r, 1e-7) AND near((SELECT (f.bg).log_likelihood FROM parallel_fit AS f), 40 * (bg).log_likelihood, 1e-12), 'forty times the customers are the same model') FROM model;

-- --- other units, penalizer ------------------------------------------------------

SELECT ok(near((d).alpha, 7 * (bg).alpha, 1e-7) AND near((d).r, (bg).r, 1e-7) AND near((d).a, (bg).a, 1e-7) AND (d).time_unit = 'day', 'in days alpha is seven times as large, and all else the same')
FROM model, (SELECT bgnbd_fit(x, tx * 7, age * 7, 0, 'day') AS d FROM weeks) AS s;
SELECT ok((p).a < (bg).a AND (p).log_likelihood < (bg).log_likelihood AND (p).penalizer = 0.01 AND (p).status = 'converged', 'a penalizer draws parameters to zero')
FROM model, (SELECT bgnbd_fit(x, tx, age, 0.01) AS p FROM weeks) AS s;

-- --- what is no customer, and what is no model ---------------------------------------

CREATE TABLE few AS SELECT 0 AS x, 0::float8 AS tx, 30::float8 AS age FROM generate_series(1, 50);
SELECT is((SELECT (bgnbd_fit(x, tx, age)).status FROM few), 'too_few', 'one-time buyers only');
SELECT is((SELECT (pareto_nbd_fit(x, tx, age)).r FROM few), NULL, 'have no parameters');
SELECT is(error_of('SELECT p_alive(bgnbd_fit(x, tx, age), 1, 2, 3) FROM few', 'message'), 'model has no parameters', 'and a model without them is refused');
SELECT is((SELECT (bgnbd_fit(x, tx, age)).status FROM weeks WHERE id <= 2), 'too_few', 'two customers');
SELECT is((SELECT bgnbd_fit(x, tx, age) FROM weeks WHERE false), NULL, 'nobody');
SELECT is((SELECT (bgnbd_fit(NULL::int, tx, age)).customers FROM weeks), 0::bigint, 'rows with NULL are left out');
SELECT ok((SELECT (bgnbd_fit(3, 10, 20)).status <> 'converged' FROM weeks), 'all equal: not found, and said so');
SELECT ok((SELECT (pareto_nbd_fit(3, 10, 20)).status <> 'converged' FROM weeks), '-- Pareto/NBD');
SELECT is((SELECT (bgnbd_fit(0, 0, 0)).status FROM weeks), 'too_few', 'ages of zero');
SELECT is((SELECT (gamma_gamma_fit(x, 0)).status FROM weeks), 'too_few', 'purchases worth nothing');
SELECT is(error_of(format('SELECT %s', call)), '22023', call || ' is refused') FROM unnest(ARRAY[
	'bgnbd(0, 1, 1, 1)', 'bgnbd(1, 1, 1, ''NaN'')', 'pareto_nbd(1, -1, 1, 1)', 'gamma_gamma(1, 1, ''infinity'')', 'bgnbd(1, 1, 1, 1, ''fortnight'')',
	'p_alive(bgnbd(1, 1, 1, 1), -1, 0, 5)', 'p_alive(bgnbd(1, 1, 1, 1), 1, 6, 5)', 'p_alive(bgnbd(1, 1, 1, 1), 0, 1, 5)', 'p_alive(bgnbd(1, 1, 1, 1), 1, ''NaN'', 5)',
	'p_alive(bgbb(1, 1, 1, 1), 1, 1.5, 5)', 'expected_purchases(bgnbd(1, 1, 1, 1), -1)', 'expected_purchases(bgnbd(1, 1, 1, 1), ''infinity'')',
	'discounted_purchases(bgnbd(1, 1, 1, 1), 1, 1, 2, 3, -0.1)', 'purchases_interval(bgnbd(1, 1, 1, 1), 1, 1, 2, 3, 1)', 'purchase_probability(bgnbd(1, 1, 1, 1), -1, 3)',
	'bgnbd_fit(1, 1, 2, penalizer) FROM (VALUES (0.1::float8), (0.2)) AS v(penalizer)', 'bgnbd_fit(1, 3, 2)']) AS call;

-- --- records of histories --------------------------------------------------------------

SELECT is(clv_summary(purchase_history_agg(d, a), '2024-03-01'), ROW(2, 20 / 7.0::float8, 60 / 7.0::float8, 20::float8)::record, 'two repeat days; the first is left out, refunds count for nothing')
FROM (VALUES (date '2024-01-01', 5), ('2024-01-11', 10), ('2024-01-11', 20), ('2024-01-21', 10), ('2024-01-31', -10), ('2024-03-02', 99)) AS v(d, a);
SELECT is(clv_summary(purchase_history_agg(d, a), '2023-12-31'), NULL, 'nothing bought yet, no record') FROM (VALUES (date '2024-01-01', 5)) AS v(d, a);
SELECT is(clv_summary(purchase_history_agg(d, a), '2024-01-01', 'day'), ROW(0, 0::float8, 0::float8, NULL::float8)::record, 'a customer of today') FROM (VALUES (date '2024-01-01', 5)) AS v(d, a);

-- --- the formula by hand ----------------------------------------------------------------

SELECT is(clv_formula(4, 50.25, 0.3, 3, 20), 160.9, 'four orders of 50.25 a year at 30 percent for three years, less 20');
SELECT is(clv_formula(4, 50.25, 0.3, 3), 180.9, 'without a cost of acquisition');
SELECT is(clv_formula(4, 50.25, 0.3, 3, 20, 2, 1), 16 * 50.25 * 0.9 - 20, 'a weight is an exponent');
SELECT is(clv_formula(1e20, 0.000001, 1, 1), 1e14, 'exact, however large');
SELECT is(clv_formula_extended(4, 50.25, 0.3, 2.5, 20, 1, 0.5, 10, 8, 0.5), 4 * 50.25 * 0.3 * 2.5 - 20 + 2.5 * 1 * 0.5 * 10 - (8 + 4 + 0.5 * 2), 'referrals add, service costs take away and decline');
SELECT is(clv_formula_extended(4, 50.25, 0.3, 3, 20), clv_formula(4, 50.25, 0.3, 3, 20), 'the extended formula without extensions');
SELECT is(clv_formula(4, NULL, 0.3, 3), NULL, 'what is unknown is unknown');
SELECT is(error_of('SELECT clv_formula(4, 50, 1.3, 3)', 'message'), 'gross_margin 1.3 is not between 0 and 1', 'a margin above all');
SELECT is(error_of('SELECT clv_formula(''NaN'', 50, 0.3, 3)', 'message'), 'purchases_per_year NaN is not a finite number from 0 on', 'no number');
SELECT is(error_of('SELECT clv_formula_extended(4, 50, 0.3, 101)'), '22023', 'too many years');

SELECT * FROM finish();
