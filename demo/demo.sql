-- Two years of a real shop, from its order lines to segments of customers.
-- Run by demo/run as the owner of the database, who is no superuser; the
-- variable "data" names the folder with the unpacked files.
\set QUIET on
\set ON_ERROR_STOP on
\pset pager off
\pset footer off
\pset border 1
\timing off
SET client_min_messages = warning;

CREATE EXTENSION customer_tiering;

CREATE TABLE order_line (
	invoice text NOT NULL,
	stock_code text NOT NULL,
	quantity integer NOT NULL,
	ordered_at timestamp NOT NULL,
	price numeric(10,3) NOT NULL,
	customer_id integer,		-- a quarter of the lines have none
	amount numeric(12,3) GENERATED ALWAYS AS (quantity * price) STORED
);
CREATE TABLE product (id text PRIMARY KEY, name text, recommendable boolean NOT NULL);
CREATE TABLE customer (id integer PRIMARY KEY, country text NOT NULL);

\set file :data '/order_line.csv'
\set load '\\copy order_line (invoice, stock_code, quantity, ordered_at, price, customer_id) from ' :'file' ' csv header'
:load
\set file :data '/product.csv'
\set load '\\copy product from ' :'file' ' csv header'
:load
\set file :data '/customer.csv'
\set load '\\copy customer from ' :'file' ' csv header'
:load
CREATE INDEX ON order_line (customer_id);	-- what asks of one customer is fast then
VACUUM ANALYZE order_line, product, customer;

\echo
\echo '== 1. The orders: lines of invoices, as the shop has them'
\echo
SELECT count(*) AS lines, count(DISTINCT invoice) AS invoices, count(DISTINCT customer_id) AS customers,
	count(*) FILTER (WHERE customer_id IS NULL) AS lines_without_customer,
	count(*) FILTER (WHERE quantity < 0) AS lines_taken_back,
	min(ordered_at)::date AS first_day, max(ordered_at)::date AS last_day
FROM order_line;

\echo '== 2. One call makes a pipeline, one call refreshes it as of the last day of the data'
\echo
\echo 'CALL tiering.create_pipeline(''shop'', orders => ''order_line'', customer_id => ''customer_id'','
\echo '     ordered_at => ''ordered_at'', amount => ''amount'', order_id => ''invoice'','
\echo '     product_id => ''stock_code'', quantity => ''quantity'', refunds => ''void'','
\echo '     customers => ''customer'', products => ''product'');'
\echo 'CALL tiering.refresh(''shop'', as_of => ''2011-12-09'');'
CALL tiering.create_pipeline('shop', orders => 'order_line', customer_id => 'customer_id',
	ordered_at => 'ordered_at', amount => 'amount', order_id => 'invoice',
	product_id => 'stock_code', quantity => 'quantity', refunds => 'void',
	customers => 'customer', products => 'product');
SET client_min_messages = notice;
CALL tiering.refresh('shop', as_of => '2011-12-09');
SET client_min_messages = warning;
\echo

\echo '== 3. Segments: who the customers are'
\echo
SELECT segment, customers, round(100 * customer_share, 1) AS "customers %",
	orders, round(revenue) AS "revenue GBP", round(100 * revenue_share, 1) AS "revenue %",
	mean_recency_days AS "days since last order", mean_frequency AS "orders each"
FROM shop.segment_summary
UNION ALL
SELECT 'all', sum(customers), 100.0, sum(orders), round(sum(revenue)), 100.0, NULL, NULL
FROM shop.segment_summary;

\echo 'Not in it: lines without a customer, cancelled invoices, and customers whose purchases were all taken back:'
\echo
SELECT run.lines_left_out AS lines_without_customer,
	(SELECT count(*) FROM shop.purchase WHERE amount < 0) AS invoices_that_are_refunds,
	(SELECT count(*) FROM shop.purchase_history) - run.customers AS customers_without_a_purchase
FROM shop.run;

\echo '== R x F heat map: customers by recency score (down) and frequency score (across)'
\echo
SELECT r_score AS "R \ F",
	max(customers) FILTER (WHERE f_score = 1) AS "1",
	max(customers) FILTER (WHERE f_score = 2) AS "2",
	max(customers) FILTER (WHERE f_score = 3) AS "3",
	max(customers) FILTER (WHERE f_score = 4) AS "4",
	max(customers) FILTER (WHERE f_score = 5) AS "5"
FROM shop.rfm_heatmap
GROUP BY r_score
ORDER BY r_score DESC;

\echo '== The ten best customers'
\echo
SELECT customer_id, country, round(net_total) AS "net GBP", orders, last_purchase, rfm_cell, segment
FROM shop.customer_profile
WHERE orders > 0
ORDER BY net_total DESC, customer_id
LIMIT 10;

\echo '== Customers to win back: they bought much and often, and have stopped'
\echo
SELECT customer_id, country, round(net_total) AS "net GBP", orders, purchase_days, last_purchase, recency_days,
	round(mean_gap_days::numeric, 1) AS "usual gap, days"
FROM shop.customer_profile
WHERE segment = 'Cannot Lose'
ORDER BY net_total DESC, customer_id
LIMIT 10;

\echo '== What the customers will be worth: the next year, by tenths of customers'
\echo
SELECT clv_decile AS tenth, count(*) AS customers, round(avg(p_alive)::numeric, 2) AS "P(alive)",
	round(avg(expected_purchases)::numeric, 1) AS "purchase days each",
	round(sum(clv)::numeric) AS "value GBP", round(100 * (sum(clv) / sum(sum(clv)) OVER ())::numeric, 1) AS "value %"
FROM shop.customer_clv
WHERE clv IS NOT NULL
GROUP BY clv_decile
ORDER BY clv_decile;

\echo '== The models that say so'
\echo
SELECT model, kind, customers, status, note FROM shop.model WHERE in_use ORDER BY model;

\echo '== Most valuable customers: what is expected of them, and where 95 of 100 such customers will end up'
\echo
SELECT customer_id, repeat_days, round(p_alive::numeric, 2) AS "P(alive)", round(expected_purchases::numeric, 1) AS "purchase days",
	round(clv) AS "value GBP", round(clv_lower) || ' to ' || round(clv_upper) AS "his own",
	round(expected_clv_lower) || ' to ' || round(expected_clv_upper) AS "the mean"
FROM shop.customer_clv
ORDER BY clv DESC NULLS LAST, customer_id
LIMIT 5;

\echo '== Customers to win back: perhaps lost, perhaps not, and worth much if not'
\echo
SELECT customer_id, country, round(net_total) AS "net GBP", purchase_days, last_purchase, round(p_alive::numeric, 2) AS "P(alive)",
	round((clv / p_alive)::numeric) AS "GBP if he is one still", round((clv / p_alive - clv)::numeric) AS "to win back"
FROM shop.customer_profile
WHERE p_alive BETWEEN 0.1 AND 0.8 AND net_total > 0
ORDER BY clv / p_alive - clv DESC NULLS LAST, customer_id
LIMIT 10;

\echo '== Is it any good?  Models that knew the first year and a half, asked for the last half year'
\echo
SELECT model, status, customers, actual AS "purchase days", round(expected::numeric) AS expected, round(100 * bias::numeric, 1) AS "bias %",
	round(mean_absolute_error::numeric, 3) AS "mean error", round(root_mean_squared_error::numeric, 3) AS "root mean square",
	round(log_likelihood::numeric) AS "log-likelihood", round(100 * value_bias::numeric, 1) AS "bias of value %"
FROM tiering.clv_holdout('shop', '2011-06-09', '2011-12-09');

\echo '== 4. Tiers: by net money of the last year, with 60 days of grace; one call declares them'
\echo
\echo 'CALL tiering.create_tiers(''shop'', ''club'', ''{500,2000,5000}'', window_length => ''1 year'', grace => ''60 days'');'
\echo 'SELECT tiering.evaluate_tiers(''shop'', ''2011-12-09'');      -- refresh() does it from now on'
CALL tiering.create_tiers('shop', 'club', '{500,2000,5000}', window_length => '1 year', grace => '60 days');
\o /dev/null
SELECT tiering.evaluate_tiers('shop', '2011-12-09');
\o
\echo
SELECT tier_name AS tier, customers, round(100.0 * customers / sum(customers) OVER (), 1) AS "customers %",
	round(revenue) AS "revenue GBP", round(100 * revenue_share, 1) AS "revenue %"
FROM shop.tier_summary
ORDER BY rank DESC;

\echo '== Movement by quarter'
\echo
SELECT to_char(date_trunc('quarter', month), 'YYYY "Q"Q') AS quarter, sum(customers) FILTER (WHERE direction = 'new') AS new,
	sum(customers) FILTER (WHERE direction = 'up') AS up, sum(customers) FILTER (WHERE direction = 'down') AS down
FROM shop.tier_movement
GROUP BY date_trunc('quarter', month)
ORDER BY date_trunc('quarter', month);

\echo '== One customer: why he has his tier, and what would change it'
\echo
SELECT topic, explanation
FROM tiering.explain_tier('shop', (
	SELECT customer_id FROM shop.customer_tier WHERE tier = 'gold' AND missing_to_keep IS NOT NULL AND NOT is_given ORDER BY valid_until, customer_id LIMIT 1));

\echo '== Another policy beside it, with nothing written: calendar years, and one tier lower at a time'
\echo
CALL tiering.create_tiers('shop', 'calendar', '{500,2000,5000}', window_kind => 'calendar', window_length => '1 year', landing => 'one level');
CALL tiering.create_tiers('shop', 'strict', '{1000,4000,10000}', window_length => '1 year', grace => '30 days');
SELECT tier, customers_today AS "customers: club", customers AS calendar, round(revenue_today) AS "GBP in 2011: club", round(revenue) AS calendar,
	upgrades_today || ' up, ' || downgrades_today || ' down' AS "moves: club", upgrades || ' up, ' || downgrades || ' down' AS calendar
FROM tiering.simulate_tiers('shop', 'calendar', '2011-01-01', '2011-12-09')
ORDER BY rank DESC;

\echo '== And a stricter one: twice the thresholds, half the grace'
\echo
SELECT tier, customers_today AS "customers: club", customers AS strict, round(revenue_today) AS "GBP in 2011: club", round(revenue) AS strict,
	upgrades_today || ' up, ' || downgrades_today || ' down' AS "moves: club", upgrades || ' up, ' || downgrades || ' down' AS strict
FROM tiering.simulate_tiers('shop', 'strict', '2011-01-01', '2011-12-09')
ORDER BY rank DESC;

\echo '== 5. Churn: leaving is 90 days without a purchase; one call says so, and the past judges the scores'
\echo
\echo 'CALL tiering.create_churn(''shop'');'
\echo 'CALL tiering.refresh(''shop'', as_of => ''2011-12-09'');'
CALL tiering.create_churn('shop');
CALL tiering.refresh('shop', as_of => '2011-12-09');
\echo
\echo '-- choose: the day that chose; report: a later day, which had no part in it'
SELECT candidate, purpose, origin AS "scored on", customers, round(100 * churn_rate::numeric, 1) AS "left %", round(auc::numeric, 3) AS "AUC",
	round(log_loss::numeric, 4) AS "log-loss", round(brier::numeric, 4) AS "Brier", round(lift_at_10::numeric, 2) AS "lift at 10 %",
	round(slope::numeric, 2) AS slope, round(intercept::numeric, 2) AS intercept, round(100 * flagged_returned::numeric) AS "flagged, came back %",
	CASE WHEN is_chosen THEN 'scores' ELSE '' END AS " "
FROM shop.churn_quality
WHERE run = (SELECT max(run) FROM shop.churn_quality)
ORDER BY purpose, candidate;

\echo '== Risk and value: what to do with whom'
\echo
SELECT value_band AS value, risk, customers, round(clv::numeric) AS "CLV GBP", round(value_at_risk::numeric) AS "at risk GBP", action
FROM shop.value_matrix
ORDER BY array_position('{high,medium,low}', value_band), array_position('{high,medium,low,lost}', risk);

\echo '== Ten customers worth a call: customers still, and likely to be silent for 90 days'
\echo
SELECT customer_id AS customer, stage, round(probability::numeric, 2) AS "leaves", round(value_at_risk::numeric) AS "at risk GBP",
	array_to_string(reasons, '; ') AS reasons
FROM shop.customer_churn
WHERE risk <> 'low' AND value_at_risk IS NOT NULL
ORDER BY value_at_risk DESC, customer_id
LIMIT 10;

\echo '== 6. Recommendations: what to offer each customer next; one call says what may be offered'
\echo
\echo 'CALL tiering.create_recommendations(''shop'', product_name => ''name'', product_filter => ''recommendable'','
\echo '     customer_group => ''country'');'
\echo 'CALL tiering.refresh(''shop'', as_of => ''2011-12-09'');           -- learns, judges, recommends: half a minute'
CALL tiering.create_recommendations('shop', product_name => 'name', product_filter => 'recommendable', customer_group => 'country');
CALL tiering.refresh('shop', as_of => '2011-12-09');
\echo
\echo '-- judged on 90 days of which nothing was known; all: what a customer has may be offered again; new: it may not;'
\echo '-- cold: customers who had never bought'
SELECT setting, ranking, customers, round(ndcg::numeric, 3) AS "NDCG at 10", round(recall::numeric, 3) AS recall, round("precision"::numeric, 3) AS "precision",
	round(average_precision::numeric, 3) AS "MAP", round(100 * hit_rate::numeric) AS "customers hit %", round(100 * coverage::numeric, 1) AS "products shown %",
	CASE WHEN is_chosen THEN 'recommends' ELSE '' END AS " "
FROM shop.recommend_quality
WHERE run = (SELECT max(run) FROM shop.recommend_quality)
ORDER BY array_position('{all,new,cold}', setting), ndcg DESC;

\echo '== Four customers: what to offer, and why'
\echo '-- score: the probability that he buys it within 90 days, if he buys at all; bought with: what he has that speaks most for it'
\echo
SELECT r.customer_id AS customer, r.rank, p.name AS product, round(r.score::numeric, 2) AS score, r.reason
FROM shop.recommendation AS r JOIN product AS p ON p.id = r.product_id
WHERE r.customer_id IN (13047, 12431, 12583, 13256) AND r.rank <= 4
ORDER BY r.customer_id, r.rank;

\echo '== The same for one customer at this moment, never what he has'
\echo
CALL tiering.create_recommendations('shop', only_new => true);
SELECT rank, name AS product, round(score::numeric, 2) AS score, reason FROM tiering.recommend('shop', 13047, 5);
CALL tiering.create_recommendations('shop', only_new => false);

\echo '== Bought together in one order: the strongest rules between products in one of a hundred orders'
\echo
SELECT array_to_string(antecedent_names, ' + ') AS "who buys", consequent_name AS "buys too", baskets AS orders, round(confidence::numeric, 2) AS confidence,
	round(lift::numeric, 1) AS lift
FROM tiering.product_rules('shop', min_support => 0.01, min_confidence => 0.3)
ORDER BY lift DESC, baskets DESC, 1
LIMIT 8;

\echo '== The next offer, with what is at stake: customers worth keeping who are likely to leave'
\echo
SELECT customer_id AS customer, tier, round(value_at_risk::numeric) AS "at risk GBP", round(churn_probability::numeric, 2) AS leaves, name AS offer, reason
FROM shop.next_offer
WHERE churn_probability >= 0.4
ORDER BY value_at_risk DESC NULLS LAST, customer_id
LIMIT 5;

\echo '== The whole road: one SELECT each'
\echo
\echo '  orders          SELECT * FROM shop.purchase WHERE customer_id = 17850;'
\echo '  segments        SELECT * FROM shop.segment_summary;'
\echo '  value           SELECT * FROM shop.customer_clv ORDER BY clv DESC NULLS LAST LIMIT 10;'
\echo '  tier            SELECT * FROM shop.customer_tier WHERE downgrade_on IS NOT NULL ORDER BY downgrade_on LIMIT 10;'
\echo '  churn           SELECT * FROM shop.customer_churn WHERE risk <> ''low'' ORDER BY value_at_risk DESC NULLS LAST LIMIT 10;'
\echo '  recommendation  SELECT * FROM shop.next_offer ORDER BY value_at_risk DESC NULLS LAST LIMIT 10;'
\echo
