-- Recommendations of a pipeline: who gets what, why, and what is never offered.
\set QUIET on
\pset format unaligned
\pset tuples_only on
\pset pager off
SET client_min_messages = error;
SELECT no_plan();

-- a shop with three tastes: a customer buys of one of them, and milk every few weeks
CREATE TABLE product (id text PRIMARY KEY, title text, kind text, sellable boolean NOT NULL DEFAULT true, durable boolean NOT NULL DEFAULT false, lowest_tier text);
INSERT INTO product SELECT 't' || t || '-' || i, 'Thing ' || i || ' of ' || t, 'taste ' || t, true, i = 1, NULL FROM generate_series(1, 3) AS t, generate_series(1, 12) AS i;
INSERT INTO product VALUES ('milk', 'Milk', 'dairy', true, false, NULL), ('post', 'Postage', NULL, false, false, NULL), ('rare', 'A rare thing', 'rarities', true, false, NULL), ('never', 'Never sold', NULL, true, false, NULL);
CREATE TABLE customer (id integer PRIMARY KEY, town text);
INSERT INTO customer SELECT c, CASE WHEN c % 3 = 0 THEN 'Ayr' ELSE 'Bath' END FROM generate_series(1, 310) AS c;
CREATE TABLE line (customer_id integer, bought_on date, order_no text, product_id text, quantity integer, amount numeric(10,2));
SELECT setseed(0.42);
INSERT INTO line
SELECT c, d.day, c || '/' || d.day, p.id, 1, 5
FROM generate_series(1, 300) AS c
	CROSS JOIN LATERAL (SELECT DATE '2024-01-01' + (random() * 30)::integer + 15 * k AS day FROM generate_series(0, 33) AS k WHERE random() < 0.5 AND c > 0) AS d
	CROSS JOIN LATERAL (
		-- each day anew
		SELECT 't' || (c % 3 + 1) || '-' || (1 + floor(11.999 * random() * random()))::integer AS id FROM generate_series(1, 2) WHERE d.day > '2000-01-01'
		UNION SELECT 'milk' WHERE random() < 0.4 UNION SELECT 'post' WHERE random() < 0.9 UNION SELECT 't' || (1 + floor(random() * 2.999))::integer || '-3' WHERE random() < 0.2
	) AS p;
INSERT INTO line VALUES (1, '2025-03-01', 'r1', 'rare', 1, 9), (1, '2025-03-01', 'r1', 'milk', 1, 5), (2, '2025-03-02', 'r2', 'rare', 1, 9);
-- not purchases: a return, a cancelled line
INSERT INTO line VALUES (3, '2025-03-01', 'x1', 'never', -1, -5), (4, '2025-03-01', 'x2', 'never', 0, 0);
CREATE INDEX ON line (customer_id);
CALL tiering.create_pipeline('shop', orders => 'line', customer_id => 'customer_id', ordered_at => 'bought_on', amount => 'amount', order_id => 'order_no', quantity => 'quantity');

SELECT throws_ok($$CALL tiering.create_recommendations('shop')$$, '55000', 'pipeline "shop" does not know the product of an order line', 'without products there is nothing to recommend');
CALL tiering.alter_pipeline('shop', product_id => 'product_id');
SELECT throws_ok($$CALL tiering.create_recommendations('shop', product_name => 'title')$$, '55000', 'product_name needs the products relation, and pipeline "shop" has none', 'names of products need the products');
CALL tiering.alter_pipeline('shop', products => 'product', customers => 'customer');
SELECT throws_ok($$CALL tiering.create_recommendations('shop', product_name => 'nothing')$$, '42703', NULL, 'a column that is not there is refused');
SELECT throws_ok($$CALL tiering.create_recommendations('shop', product_filter => 'sellable AND')$$, '42601', 'product_filter of pipeline "shop" does not work: syntax error at its end', 'a condition that is none is refused');
SELECT throws_ok($$CALL tiering.create_recommendations('shop', product_once => 'true) OR (false')$$, '42601', NULL, 'and one that closes what is not its own');
SELECT throws_ok($$CALL tiering.create_recommendations('shop', product_filter => 'nothing > 0')$$, '42703', 'product_filter of pipeline "shop" does not work: column "nothing" does not exist', 'and one of no column');
SELECT throws_ok($$CALL tiering.create_recommendations('shop', most_in_category => 2)$$, '22023', 'most_in_category 2 needs product_category', 'a cap needs something to cap');
SELECT throws_ok($$CALL tiering.create_recommendations('shop', n => 0)$$, '22023', 'n 0 is not between 1 and 100', 'none are too few');
SELECT throws_ok($$CALL tiering.create_recommendations('shop', horizon_days => 1000)$$, '22023', 'horizon_days 1000 is not between 7 and 365', 'a horizon is a year at most');
SELECT throws_ok($$CALL tiering.create_recommendations('shop', min_customers => 1)$$, '22023', NULL, 'one customer would be known');
SELECT is((SELECT count(*) FROM shop.recommend_policy), 0::bigint, 'and nothing was kept of all that');
SELECT throws_ok($$CALL tiering.create_recommendations('elsewhere')$$, '42704', NULL, 'a pipeline that is not there is refused');

CALL tiering.create_recommendations('shop', n => 5, horizon_days => 60, product_name => 'title', product_category => 'kind', product_filter => 'sellable', customer_group => 'town');
CALL tiering.refresh('shop', as_of => '2025-06-20');

-- everybody gets something, best first
SELECT is((SELECT state FROM shop.log WHERE step = 'recommend'), 'done', 'a refresh recommends');
SELECT is((SELECT count(DISTINCT customer_id) FROM shop.recommendation), 310::bigint, 'every customer gets something, also who never bought');
SELECT is((SELECT count(*) FROM shop.recommendation), 1550::bigint, 'five each');
SELECT is((SELECT count(*) FROM (SELECT customer_id FROM shop.recommendation GROUP BY customer_id HAVING array_agg(rank ORDER BY rank) <> '{1,2,3,4,5}' OR count(DISTINCT product_id) < 5) AS x), 0::bigint, 'ranked from 1, each product once');
SELECT is((SELECT count(*) FROM (SELECT score > lag(score) OVER (PARTITION BY customer_id ORDER BY rank) AS rises FROM shop.recommendation) AS x WHERE rises), 0::bigint, 'scores fall');
SELECT is((SELECT count(*) FROM shop.recommendation WHERE product_id = 'post'), 0::bigint, 'what does not meet the condition is not offered');
SELECT is((SELECT count(*) FROM shop.recommendation WHERE product_id IN ('never')), 0::bigint, 'what was only returned was not sold');
SELECT ok((SELECT avg((r.product_id LIKE 't' || (r.customer_id % 3 + 1) || '-%' OR r.product_id = 'milk')::integer) > 0.9 FROM shop.recommendation AS r WHERE r.customer_id <= 300), 'nine of ten are of the customer''s taste');
SELECT is((SELECT string_agg(DISTINCT kind, ',') FROM shop.model WHERE model = 'recommend' AND in_use), 'blend', 'the blend is the best here');
SELECT ok((SELECT bool_and(score BETWEEN 0 AND 1) FROM shop.recommendation WHERE model = 'blend'), 'its scores are probabilities');
SELECT ok((SELECT count(DISTINCT model) = 1 FROM shop.recommendation WHERE customer_id > 300), 'customers without a purchase have one ranking');
SELECT ok((SELECT bool_and(reason ~ '^popular') FROM shop.recommendation WHERE customer_id > 300), 'and get what is popular');
SELECT is((SELECT count(*) FROM shop.recommendation AS r WHERE reason !~ '^(due again: bought [0-9]+ times, every ([0-9]+ days|day), last on [0-9-]+|bought before: (once|[0-9]+ times), last on [0-9-]+|bought with .+|goes with earlier purchases|popular now|popular at this time of year|popular in (Ayr|Bath))$'), 0::bigint, 'every row says why');
SELECT is((SELECT count(*) FROM shop.recommendation AS r CROSS JOIN LATERAL regexp_match(reason, '^bought with (.+)$') AS m(m) WHERE m IS NOT NULL
	AND NOT EXISTS (SELECT FROM line AS l JOIN product AS p ON p.id = l.product_id WHERE l.customer_id = r.customer_id AND p.title = m.m[1])), 0::bigint, '"bought with" names what the customer himself bought');
SELECT is((SELECT count(*) FROM shop.recommendation AS r CROSS JOIN LATERAL regexp_match(reason, '^(?:due again: bought|bought before:) (once|[0-9]+).*last on (.*)$') AS m(m) WHERE m IS NOT NULL
	AND (SELECT count(DISTINCT l.bought_on) || ' ' || max(l.bought_on) FROM line AS l WHERE l.customer_id = r.customer_id AND l.product_id = r.product_id) <> replace(m.m[1], 'once', '1') || ' ' || m.m[2]), 0::bigint, 'and the others how often and when he did');

-- terms that all candidates of a customer share, against plain SQL
SELECT results_eq($$
	SELECT DISTINCT h.customer_id, round(t.features[14]::numeric, 9), round(t.features[15]::numeric, 9), t.features[16], t.features[17], t.features[18]
	FROM shop.recommend_history AS h, shop.model AS m, LATERAL tiering.recommend_training(m.recommender, h.items, h.days, '2025-06-20', NULL, NULL, '{}', 1, 0) AS t
	WHERE m.model = 'recommend' AND m.in_use AND h.customer_id BETWEEN 3 AND 60 ORDER BY 1$$, $$
	SELECT h.customer_id, (SELECT round(ln(1 + count(DISTINCT i))::numeric, 9) FROM unnest(h.items) AS i), (SELECT round(ln(1 + sum(2 ^ ((d - DATE '2025-06-20') / 365.0)))::numeric, 9) FROM unnest(h.days) AS d), max(t.features[1]), max(t.features[2]), max(t.features[3])
	FROM shop.recommend_history AS h, shop.model AS m, LATERAL tiering.recommend_training(m.recommender, h.items, h.days, '2025-06-20', NULL, NULL, '{}', 1, 0) AS t
	WHERE m.model = 'recommend' AND m.in_use AND h.customer_id BETWEEN 3 AND 60 GROUP BY h.customer_id, h.items, h.days ORDER BY 1$$, 'what candidates of a customer have in common is that of plain SQL');

-- privacy
SELECT is((SELECT count(*) FROM shop.product_affinity WHERE 'rare' IN (product_id, other_product_id)), 0::bigint, 'what two bought is in no report');
SELECT is((SELECT count(*) FROM shop.recommendation WHERE product_id = 'rare' AND customer_id NOT IN (1, 2)), 0::bigint, 'and is offered to nobody else');
SELECT is((SELECT count(*) FROM shop.recommendation WHERE reason LIKE '%rare%' AND customer_id NOT IN (1, 2)), 0::bigint, 'nor named to anybody else');
SELECT ok((SELECT min(customers) >= 5 FROM shop.product_affinity), 'pairs rest on five customers at least');

-- affinity against plain SQL
SELECT results_eq($$SELECT a.product_id, a.other_product_id, a.customers, a.product_customers, a.other_customers, round(a.similarity::numeric, 9), round(a.lift::numeric, 9) FROM shop.product_affinity AS a ORDER BY 1, 2$$, $$
	WITH has AS (SELECT DISTINCT customer_id, product_id FROM line JOIN product AS o ON o.id = product_id AND o.sellable WHERE quantity > 0 AND amount >= 0), n AS (SELECT product_id, count(*) AS c FROM has GROUP BY product_id),
	pair AS (SELECT a.product_id AS a, b.product_id AS b, count(*) AS n FROM has AS a JOIN has AS b USING (customer_id) WHERE a.product_id <> b.product_id GROUP BY 1, 2 HAVING count(*) >= 5),
	ranked AS (SELECT pair.*, na.c AS ca, nb.c AS cb, pair.n / (sqrt(na.c) * sqrt(nb.c) + 3) AS s FROM pair JOIN n AS na ON na.product_id = a JOIN n AS nb ON nb.product_id = b),
	top AS (SELECT *, row_number() OVER (PARTITION BY a ORDER BY s DESC, b COLLATE "C") AS r FROM ranked)
	SELECT a, b, n, ca, cb, round(s::numeric, 9), round((n * (SELECT count(DISTINCT customer_id) FROM has)::float8 / (ca * cb))::numeric, 9) FROM top WHERE r <= 20 ORDER BY 1, 2$$, 'affinity is that of plain SQL');

-- quality against plain SQL: what is popular, and what was bought after the day
SELECT is((SELECT DISTINCT origin FROM shop.recommend_quality), DATE '2025-06-20' - 60, 'what judges is a horizon before the last day');
PREPARE popular AS
WITH has AS (SELECT DISTINCT l.customer_id, l.product_id, l.bought_on FROM line AS l JOIN product AS p ON p.id = l.product_id WHERE l.quantity > 0 AND l.amount >= 0 AND p.sellable),
	before AS (SELECT * FROM has WHERE bought_on <= '2025-04-21'),
	counted AS (SELECT product_id, sum(2 ^ (-(DATE '2025-04-21' - bought_on) / 90.0::float8)) AS popularity FROM before GROUP BY product_id HAVING count(DISTINCT customer_id) >= 5),
	top AS (SELECT product_id, row_number() OVER (ORDER BY popularity DESC) AS r FROM counted),
	bought AS (SELECT DISTINCT h.customer_id, h.product_id FROM has AS h WHERE h.bought_on > '2025-04-21' AND h.bought_on <= '2025-06-20' AND h.product_id IN (SELECT product_id FROM before) AND h.customer_id IN (SELECT customer_id FROM before)),
	score AS (
		SELECT customer_id, coalesce(sum(1 / log(2::numeric, r::numeric + 1)) FILTER (WHERE r <= 5), 0) AS gain, count(*) AS relevant, count(*) FILTER (WHERE r <= 5)::numeric / count(*) AS recall
		FROM bought LEFT JOIN top USING (product_id) GROUP BY customer_id)
SELECT count(*), round(avg(gain / (SELECT sum(1 / log(2::numeric, i::numeric + 1)) FROM generate_series(1, least(5, relevant)) AS i)), 9), round(avg(recall), 9) FROM score;
PREPARE judged AS SELECT customers, round(ndcg::numeric, 9), round(recall::numeric, 9) FROM shop.recommend_quality WHERE setting = 'all' AND ranking = 'popular';
SELECT results_eq('judged', 'popular', 'what is popular is judged as plain SQL does');
SELECT ok((SELECT max(ndcg) FILTER (WHERE ranking = 'blend') > 1.2 * max(ndcg) FILTER (WHERE ranking = 'popular') FROM shop.recommend_quality WHERE setting = 'all'), 'the blend is better than popularity');
SELECT ok((SELECT bool_and(ndcg BETWEEN 0 AND 1 AND recall BETWEEN 0 AND 1 AND "precision" BETWEEN 0 AND 1 AND coverage BETWEEN 0 AND 1 AND novelty >= 0 AND hit_rate BETWEEN 0 AND 1) FROM shop.recommend_quality), 'measures are within their bounds');
SELECT results_eq($$SELECT ranking, setting, customers, round(ndcg::numeric, 12) FROM tiering.recommend_holdout('shop', '2025-04-21', 5) ORDER BY 1, 2$$,
	$$SELECT ranking, setting, customers, round(ndcg::numeric, 12) FROM shop.recommend_quality ORDER BY 1, 2$$, 'recommend_holdout() says what the refresh found');
SELECT is((SELECT count(*) FROM pg_class WHERE relnamespace = 'shop'::regnamespace AND relname IN ('recommend_row', 'recommend_trial', 'recommend_window', 'recommend_first', 'recommend_fresh', 'recommend_everybody', 'recommend_excluded')), 0::bigint, 'and leaves nothing behind');
SELECT throws_ok($$SELECT * FROM tiering.recommend_holdout('shop', '2026-01-01')$$, '22023', NULL, 'a day after the last purchase is refused');
SELECT throws_ok($$SELECT * FROM tiering.recommend_holdout('shop', NULL)$$, '22023', NULL, 'so is none');
SELECT throws_ok($$SELECT * FROM tiering.recommend_holdout('shop', '4713-01-01 BC')$$, '22023', NULL, 'and a day before all days');
SELECT throws_ok($$SELECT * FROM tiering.recommend_holdout('shop', '2024-02-01')$$, '22023', 'there is too little history before split_date 2024-02-01', 'and one before which too little is known');
SELECT throws_ok($$SELECT * FROM tiering.recommend_holdout('shop', '2025-04-21', 0)$$, '22023', 'n 0 is not between 1 and 100', 'and none at all');

-- of this moment
PREPARE stored AS SELECT rank, product_id, reason FROM shop.recommendation WHERE customer_id = 7 ORDER BY rank;
PREPARE live AS SELECT rank, product_id, reason FROM tiering.recommend('shop', 7) ORDER BY rank;
SELECT results_eq('live', 'stored', 'recommend() gives what is stored while nothing has changed');
SELECT results_eq($$SELECT rank, product_id FROM tiering.recommend('shop', '7', 5)$$, $$SELECT rank, product_id FROM shop.recommendation WHERE customer_id = 7 ORDER BY rank$$, 'also by an id as text');
SELECT is((SELECT count(*) FROM tiering.recommend('shop', 7, 20)), 20::bigint, 'more on demand');
SELECT is((SELECT count(*) FROM tiering.recommend('shop', 99999, 3)), 3::bigint, 'somebody unknown gets what is popular');
SELECT throws_ok($$SELECT * FROM tiering.recommend('shop', 7, 101)$$, '22023', 'n 101 is not between 1 and 100', 'but not everything');
SELECT throws_ok($$SELECT * FROM tiering.recommend('nowhere', 7)$$, '42704', NULL, 'nor of a pipeline that is not there');
SELECT throws_ok($$SELECT * FROM tiering.recommend('nowhere', '7')$$, '42704', NULL, 'whatever the id');
SELECT is((SELECT count(*) FROM tiering.product_rules('shop', 0.0001, 0.01) WHERE 'rare' = consequent OR 'rare' = ANY (antecedent)), 0::bigint, 'no rule names what two bought');
SELECT ok((SELECT count(*) > 0 FROM tiering.product_rules('shop', 0.0001, 0.01, min_customers => 2) WHERE 'rare' = consequent OR 'rare' = ANY (antecedent)), 'but to whoever may ask for it');
SELECT throws_ok($$SELECT * FROM tiering.cached_query(NULL, 1) AS q(x integer)$$, 'XX000', NULL, 'no query is no crash');
BEGIN;
INSERT INTO line VALUES (7, 'infinity', 'i1', 't1-9', 1, 5), (7, '-infinity', 'i2', 't1-8', 1, 5), (7, '2199-01-01', 'i3', 't1-7', 1, 5);
SELECT results_eq('live', 'stored', 'orders of no day, or of one that is far to come, change nothing');
ROLLBACK;
BEGIN;
INSERT INTO line VALUES (305, '2025-06-21', 'n1', 't2-5', 1, 5), (305, '2025-06-21', 'n1', 't2-6', 1, 5);
SELECT ok((SELECT bool_and(model = 'blend') AND count(*) FILTER (WHERE product_id LIKE 't2-%') >= 4 FROM tiering.recommend('shop', 305, 5)), 'a first purchase of this moment tells the taste');
SELECT ok((SELECT count(*) > 0 FROM tiering.recommend('shop', 305, 10) WHERE reason LIKE 'bought with Thing _ of 2'), 'and is given as the reason');
ROLLBACK;
BEGIN;
UPDATE product SET sellable = false WHERE id = (SELECT product_id FROM shop.recommendation WHERE customer_id = 7 AND rank = 1);
SELECT results_eq('live', $$SELECT rank - 1, product_id, reason FROM shop.recommendation WHERE customer_id = 7 AND rank > 1 UNION ALL (SELECT 5, product_id, reason FROM tiering.recommend('shop', 7, 5) WHERE rank = 5) ORDER BY 1$$, 'what is not offered any more is left out at once');
UPDATE product SET sellable = id = 'milk';
SELECT results_eq($$SELECT product_id FROM tiering.recommend('shop', 7, 5)$$, $$VALUES ('milk')$$, 'also if next to nothing remains');
ROLLBACK;

-- clicks tell of taste, not of sales
INSERT INTO shop.recommend_feedback (customer_id, product_id, event, happened_at) SELECT c, 'rare', 'clicked', '2025-06-01' FROM generate_series(1, 200) AS c;
CALL tiering.refresh('shop', as_of => '2025-06-20', refit => true);
SELECT is((SELECT count(*) FROM shop.recommendation WHERE product_id = 'rare' AND customer_id NOT IN (1, 2)), 0::bigint, 'what two bought stays theirs, however often it was clicked');
SELECT is((SELECT count(*) FROM shop.product_season WHERE category = 'rarities'), 0::bigint, 'and it has no season');
DELETE FROM shop.recommend_feedback;
CALL tiering.refresh('shop', as_of => '2025-06-20', refit => true);

-- dismissed, shown, clicked, bought
INSERT INTO shop.recommend_feedback (customer_id, product_id, event, "position", model, happened_at)
SELECT 7, product_id, 'dismissed', rank, model, now() FROM shop.recommendation WHERE customer_id = 7 AND rank = 1;
SELECT is((SELECT count(*) FROM tiering.recommend('shop', 7, 30) WHERE product_id = (SELECT product_id FROM shop.recommendation WHERE customer_id = 7 AND rank = 1)), 0::bigint, 'what was dismissed rests');
SELECT is((SELECT count(*) FROM tiering.recommend('shop', 8, 30) WHERE product_id = (SELECT product_id FROM shop.recommendation WHERE customer_id = 8 AND rank = 1)), 1::bigint, 'for nobody else');
UPDATE shop.recommend_feedback SET happened_at = now() - interval '91 days';
SELECT results_eq('live', 'stored', 'and comes back after its time');
INSERT INTO shop.recommend_feedback (customer_id, product_id, event, "position", model)
SELECT c, 'milk', e, 1 + c % 2, 'blend' FROM generate_series(1, 10) AS c, unnest(ARRAY['shown', 'clicked', 'bought']) AS e WHERE e = 'shown' OR e = 'clicked' AND c <= 4 OR e = 'bought' AND c <= 2;
SELECT results_eq($$SELECT "position", shown, clicked, bought, click_through, conversion FROM shop.recommend_performance WHERE shown > 0 ORDER BY 1$$, $$VALUES (1, 5::bigint, 2::bigint, 1::bigint, 0.4, 0.2), (2, 5, 2, 1, 0.4, 0.2)$$, 'click-through and conversion, by ranking and position');
SELECT throws_ok($$INSERT INTO shop.recommend_feedback (customer_id, product_id, event) VALUES (1, 'milk', 'seen')$$, '23514', NULL, 'an event that is none is refused');

-- beside it
SELECT is((SELECT count(*) FROM shop.next_offer), 310::bigint, 'one next offer for each customer');
SELECT is((SELECT (product_id, name) FROM shop.next_offer WHERE customer_id = 7), (SELECT (r.product_id, p.title) FROM shop.recommendation AS r JOIN product AS p ON p.id = r.product_id WHERE r.customer_id = 7 AND rank = 1), 'it is the best recommendation, with its name');
SELECT is((SELECT next_product || next_product_reason FROM shop.customer_profile WHERE customer_id = 7), (SELECT product_id || reason FROM shop.recommendation WHERE customer_id = 7 AND rank = 1), 'the profile has it too');
SELECT ok((SELECT next_product IS NOT NULL FROM shop.customer_profile WHERE customer_id = 310), 'also of one who never bought');
SELECT is((SELECT round(avg(seasonal_index), 3) FROM shop.product_season WHERE category = 'taste 1'), 1.000, 'seasonal indexes are 1 on average');

SELECT results_eq('SELECT * FROM shop.product_season ORDER BY 1, 2', $$
	WITH has AS (SELECT DISTINCT l.customer_id, l.product_id, l.bought_on, p.kind, extract(month FROM l.bought_on)::integer AS month FROM line AS l JOIN product AS p ON p.id = l.product_id WHERE l.quantity > 0 AND l.amount >= 0),
	known AS (SELECT extract(month FROM d)::integer AS month, count(*) AS days FROM generate_series((SELECT min(bought_on) FROM has), timestamp '2025-06-20', '1 day') AS d GROUP BY 1),
	sum AS (SELECT h.kind, h.month, count(*) AS purchases FROM has AS h GROUP BY 1, 2 HAVING count(DISTINCT customer_id) >= 5)
	SELECT s.kind, s.month, s.purchases, k.days, round(s.purchases::numeric / k.days / (SELECT sum(o.purchases::numeric / j.days) / 12 FROM sum AS o JOIN known AS j USING (month) WHERE o.kind IS NOT DISTINCT FROM s.kind), 3)
	FROM sum AS s JOIN known AS k USING (month) ORDER BY 1, 2$$, 'the season is that of plain SQL');
SELECT ok((SELECT max(days) = 62 AND min(days) = 30 FROM shop.product_season), '-- where some months are known twice and some once');

-- settings
CALL tiering.create_recommendations('shop', only_new => true, most_in_category => 2, product_once => 'durable', diversity => 0.2);
CALL tiering.refresh('shop', as_of => '2025-06-20');
SELECT is((SELECT count(*) FROM shop.recommendation AS r WHERE EXISTS (SELECT FROM line AS l WHERE l.customer_id = r.customer_id AND l.product_id = r.product_id AND l.quantity > 0)), 0::bigint, 'only new: nobody gets what he has');
SELECT is((SELECT count(*) FROM (SELECT r.customer_id FROM shop.recommendation AS r JOIN product AS p ON p.id = r.product_id GROUP BY r.customer_id, p.kind HAVING count(*) > 2) AS x), 0::bigint, 'two of a category at most');
SELECT matches((SELECT note FROM shop.model WHERE model = 'recommend' AND in_use), '^settings changed', 'other settings are learned anew');
SELECT is((SELECT count(*) FROM shop.model WHERE recommender IS NOT NULL), 1::bigint, 'of former models the figures are enough');
CALL tiering.create_recommendations('shop', only_new => false, most_in_category => 0, diversity => 0);
CALL tiering.refresh('shop', as_of => '2025-06-20');
SELECT is((SELECT count(*) FROM shop.recommendation AS r JOIN product AS p ON p.id = r.product_id AND p.durable WHERE EXISTS (SELECT FROM line AS l WHERE l.customer_id = r.customer_id AND l.product_id = r.product_id)), 0::bigint, 'what lasts is not offered twice');
SELECT ok((SELECT count(*) > 0 FROM shop.recommendation AS r WHERE EXISTS (SELECT FROM line AS l WHERE l.customer_id = r.customer_id AND l.product_id = r.product_id)), 'other things are');
SELECT is((SELECT count(*) FROM shop.model WHERE model = 'recommend'), 5::bigint, 'a model a setting');
CALL tiering.refresh('shop', as_of => '2025-06-20');
SELECT is((SELECT detail FROM shop.log WHERE step = 'recommend' ORDER BY run DESC LIMIT 1), 'the model in use will do', 'and none where nothing has changed');

-- tiers
CALL tiering.create_tiers('shop', 'club', '{100,300,1000}', window_length => '1 year');
UPDATE product SET lowest_tier = 'gold' WHERE id = 'milk';
CALL tiering.create_recommendations('shop', product_tier => 'lowest_tier');
CALL tiering.refresh('shop', as_of => '2025-06-20');
SELECT ok((SELECT count(*) > 0 FROM shop.recommendation AS r JOIN shop.customer_tier AS t USING (customer_id) WHERE r.product_id = 'milk'), 'some get what is for a higher tier');
SELECT is((SELECT count(*) FROM shop.recommendation AS r JOIN shop.customer_tier AS t USING (customer_id) WHERE r.product_id = 'milk' AND t.tier NOT IN ('gold', 'platinum')), 0::bigint, 'and they have it');
SELECT ok((SELECT count(*) > 20 FROM shop.customer_tier WHERE tier IN ('bronze', 'silver')), '-- which not all do');
SELECT is((SELECT count(*) FROM tiering.recommend('shop', (SELECT customer_id FROM shop.customer_tier WHERE tier = 'bronze' ORDER BY customer_id LIMIT 1), 40) WHERE product_id = 'milk'), 0::bigint, 'recommend() keeps to it');
SELECT ok((SELECT bool_and(o.tier IS NOT DISTINCT FROM t.tier) FROM shop.next_offer AS o LEFT JOIN shop.customer_tier AS t USING (customer_id)), 'the next offer shows the tier');

-- no look into the future
CREATE TABLE before AS SELECT * FROM tiering.recommend_holdout('shop', '2025-02-01', 5);
INSERT INTO product SELECT 'a new one ' || i, 'New ' || i, 'new', true, false, NULL FROM generate_series(1, 9) AS i;
INSERT INTO line SELECT c, DATE '2025-05-01' + i, c || '/new' || i, 'a new one ' || i, 1, 5 FROM generate_series(1, 100) AS c, generate_series(1, 9) AS i;
DELETE FROM line WHERE bought_on > '2025-05-15' AND customer_id % 2 = 0;
CALL tiering.refresh('shop', as_of => '2025-06-20');
SELECT results_eq($$SELECT ranking, setting, customers, ndcg, recall, hit_rate FROM tiering.recommend_holdout('shop', '2025-02-01', 5) ORDER BY 1, 2$$,
	'SELECT ranking, setting, customers, ndcg, recall, hit_rate FROM before ORDER BY 1, 2', 'what came after the window that judges changes nothing');

-- what may not be offered takes nobody's place
CREATE TABLE many_article AS SELECT i AS id, i > 400 AS on_sale FROM generate_series(1, 600) AS i;
CREATE TABLE many_line AS SELECT c, DATE '2025-01-01' + c % 50 AS d, 1 AS amount, 1 + (c * 7 + k * k * 13) % (CASE WHEN k < 15 THEN 400 ELSE 600 END) AS p FROM generate_series(1, 400) AS c, generate_series(1, 20) AS k;
CREATE TABLE many_customer AS SELECT c AS id FROM generate_series(1, 401) AS c;
CALL tiering.create_pipeline('many', 'many_line', 'c', 'd', 'amount', product_id => 'p', products => 'many_article', customers => 'many_customer');
CALL tiering.create_recommendations('many', product_filter => 'on_sale', min_customers => 2, horizon_days => 7);
CALL tiering.refresh('many', as_of => '2025-02-25');
SELECT results_eq('SELECT DISTINCT count(*) FROM many.recommendation GROUP BY customer_id', ARRAY[10::bigint], 'everybody gets ten, though what sells best is not on sale');
SELECT is((SELECT count(*) FROM tiering.recommend('many', 401)), 10::bigint, 'also live, who never bought');
SELECT ok((SELECT count(*) > 100 AND bool_and(r.reason LIKE 'popular%') FROM many.recommendation AS r WHERE r.model = 'buy_again' AND NOT EXISTS (SELECT FROM many_line AS l WHERE l.c = r.customer_id AND l.p = r.product_id)), 'a ranking that does not look at taste does not speak of it');
SELECT throws_ok(format('SELECT tiering.recommend_numbered(m.recommender, ''{1}'', %s, %s, NULL, %s, ''blend'', 5, false, NULL, NULL, 0, %s) FROM many.model AS m WHERE m.model = ''recommend'' AND m.in_use', d, a, w, v), code, message, message)
FROM (VALUES ('NULL', '''infinity''', 'NULL', '0', '22023', 'as_of is not a day'), ('NULL', 'NULL', 'array_fill(''NaN''::double precision, ''{38}'')', '0', '22023', 'weight 1 is not a finite number'),
	('NULL', 'NULL', 'NULL', '''NaN''', '22023', 'diversity NaN is not between 0 and 1'), ('''{2025-01-01,2025-01-02}''', 'NULL', 'NULL', '0', '2202E', '2 days do not fit 1 items')) AS x(d, a, w, v, code, message);
SELECT is((SELECT count(*) FROM many.model AS m, tiering.recommend_numbered(m.recommender, '{500,501,502}', '{-infinity,infinity,2025-01-01}', '2025-02-01', NULL, NULL, 'buy_again', 100, false, NULL, NULL, 0, 0) AS r WHERE m.model = 'recommend' AND m.in_use AND r.times > 0), 1::bigint, 'days that are none are left out');
UPDATE many_article SET on_sale = false;
CALL tiering.refresh('many', as_of => '2025-02-25');
SELECT is((SELECT count(*) FROM many.recommendation), 0::bigint, 'nothing on sale, nothing offered');
CALL tiering.drop_pipeline('many');

-- the same orders make the same model, whenever a product came and whatever the session's settings
CREATE TABLE again_line AS SELECT customer_id, bought_on, product_id, amount FROM line WHERE product_id <> 'milk' AND quantity > 0;
CALL tiering.create_pipeline('again', 'again_line', 'customer_id', 'bought_on', 'amount', product_id => 'product_id', products => 'product');
CALL tiering.create_recommendations('again', n => 5, horizon_days => 60, product_name => 'title', product_filter => 'sellable');
CALL tiering.refresh('again', as_of => '2025-06-20');
INSERT INTO again_line SELECT customer_id, bought_on, product_id, amount FROM line WHERE product_id = 'milk' AND quantity > 0;
SET extra_float_digits = -15;
SET DateStyle = German;
CALL tiering.refresh('again', as_of => '2025-06-20', refit => true);
SELECT ok((SELECT bool_and(reason ~ 'every ([0-9]+ days|day), last on [0-9]{4}-') FROM again.recommendation WHERE reason LIKE 'due again%') IS TRUE, 'reasons are written alike');
RESET extra_float_digits;
RESET DateStyle;
CREATE TABLE grown AS SELECT customer_id, rank, product_id, score, reason, model FROM again.recommendation;
CREATE TABLE grown_quality AS SELECT ranking, setting, ndcg, recall, coverage, novelty FROM again.recommend_quality WHERE run = (SELECT max(run) FROM again.recommend_quality);
CALL tiering.drop_pipeline('again');
CREATE TABLE mixed_line AS SELECT * FROM again_line ORDER BY md5(again_line::text);
CALL tiering.create_pipeline('again', 'mixed_line', 'customer_id', 'bought_on', 'amount', product_id => 'product_id', products => 'product');
CALL tiering.create_recommendations('again', n => 5, horizon_days => 60, product_name => 'title', product_filter => 'sellable');
CALL tiering.refresh('again', as_of => '2025-06-20');
SELECT results_eq('SELECT customer_id, rank, product_id, score, reason, model FROM again.recommendation ORDER BY 1, 2', 'SELECT * FROM grown ORDER BY 1, 2', 'the same orders make the same recommendations, bit by bit');
SELECT results_eq('SELECT ranking, setting, ndcg, recall, coverage, novelty FROM again.recommend_quality ORDER BY 1, 2', 'SELECT * FROM grown_quality ORDER BY 1, 2', 'and the same measures');
SELECT is((SELECT count(*) FROM again.recommendation WHERE reason LIKE '%Postage%'), 0::bigint, 'reasons do not name what is not offered');
SELECT is((SELECT count(*) FROM again.product_affinity WHERE 'post' IN (product_id, other_product_id)), 0::bigint, 'nor do pairs');
CALL tiering.drop_pipeline('again');
SELECT throws_ok($$CALL tiering.create_recommendations('shop', product_filter => 'EXISTS (SELECT FROM stock)')$$, '42P01', 'product_filter of pipeline "shop" does not work: relation "stock" does not exist', 'a condition on a relation that is not found says whose it is');

-- plans that are at work stay, however many others come
CREATE FUNCTION many_queries() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE found integer;
BEGIN
	FOR i IN 1..70 LOOP
		SELECT q.x INTO found FROM tiering.cached_query(format('SELECT %s + $1', i), 5) AS q(x integer);
	END LOOP;
	RETURN found;
END $$;
SELECT results_eq($$SELECT x FROM tiering.cached_query('SELECT many_queries() + $1 FROM generate_series(1, 3)', 1) AS q(x integer)$$, 'VALUES (76), (76), (76)', 'a query that asks many others keeps its plan');

-- products that are there twice, columns and relations that go
CREATE TABLE twice AS SELECT id, title, kind, sellable, durable, lowest_tier FROM product UNION ALL SELECT 'milk', 'More milk', 'dairy', true, false, NULL;
CALL tiering.alter_pipeline('shop', products => 'twice');
SELECT throws_ok($$CALL tiering.refresh('shop', as_of => '2025-06-20')$$, '21000', 'product "milk" has more than one row in public.twice', 'a product with two rows is refused');
ALTER TABLE twice DROP COLUMN kind CASCADE;
CALL tiering.create_recommendations('shop', product_category => '');
SELECT ok(to_regclass('shop.next_offer') IS NOT NULL AND to_regclass('shop.product_season') IS NOT NULL, 'what went with a column comes back');
DROP TABLE twice CASCADE;
SELECT throws_ok($$CALL tiering.create_recommendations('shop', n => 4)$$, '42P01', 'the products relation of pipeline "shop" was dropped', 'a relation that is gone is named');
CALL tiering.alter_pipeline('shop', products => 'product');
CALL tiering.create_recommendations('shop', n => 5);
CALL tiering.refresh('shop', as_of => '2025-06-20');

-- merged customers
CREATE TABLE merged AS SELECT 309 AS id, 308 AS merged_into;
CALL tiering.alter_pipeline('shop', identity => 'merged');
CALL tiering.refresh('shop', as_of => '2025-06-20');
SELECT is((SELECT count(DISTINCT customer_id) FILTER (WHERE customer_id = 309) || ' ' || count(DISTINCT customer_id) FROM shop.recommendation), '0 309', 'who was merged into another gets nothing of his own');
SELECT results_eq($$SELECT rank, product_id FROM tiering.recommend('shop', 309)$$, $$SELECT rank, product_id FROM tiering.recommend('shop', 308)$$, 'but those of the customer he is');
CALL tiering.alter_pipeline('shop', identity => '-');
CALL tiering.refresh('shop', as_of => '2025-06-20');

-- rights
CREATE ROLE check_reader;
GRANT USAGE ON SCHEMA shop TO check_reader;
SET ROLE check_reader;
SELECT throws_ok($$SELECT * FROM tiering.recommend('shop', 7)$$, '42501', NULL, 'without rights on the tables nobody learns anything');
SELECT throws_ok($$SELECT * FROM shop.recommendation$$, '42501', NULL, 'neither from the table');
SELECT throws_ok($$SELECT * FROM tiering.recommend_holdout('shop', '2025-04-21')$$, '42501', NULL, 'nor from the past');
RESET ROLE;
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO check_reader;
SET ROLE check_reader;
SELECT is((SELECT count(*) FROM tiering.recommend('shop', 7)), 5::bigint, 'with them a shop''s web server may ask');
RESET ROLE;
DROP OWNED BY check_reader;
DROP ROLE check_reader;

-- little to go by
DELETE FROM shop.recommend_policy;
SELECT is((SELECT count(*) FROM tiering.recommend('shop', 7, 5)), 0::bigint, 'not even live');
SELECT is((SELECT count(*) FROM shop.recommendation), 0::bigint, 'without a policy there are no recommendations');
SELECT is((SELECT string_agg(step, ',') FROM tiering.refresh_steps('shop') WHERE step = 'recommend'), NULL, 'and no step for them');
CREATE TABLE few AS SELECT 1 AS c, DATE '2025-01-01' AS d, 1 AS amount, 10 AS p;
CALL tiering.create_pipeline('few', 'few', 'c', 'd', 'amount', product_id => 'p');
CALL tiering.create_recommendations('few');
CALL tiering.refresh('few', as_of => '2025-01-02');
SELECT is((SELECT count(*) FROM few.recommendation), 0::bigint, 'of one purchase nothing follows');
SELECT is((SELECT format_type(atttypid, -1) FROM pg_attribute WHERE attrelid = 'few.recommendation'::regclass AND attname = 'product_id'), 'integer', 'ids of products keep their type');
INSERT INTO few SELECT c, DATE '2025-01-01' + c, 1, 10 FROM generate_series(2, 9) AS c;
CALL tiering.refresh('few', as_of => '2025-02-01', refit => true);
SELECT is((SELECT string_agg(DISTINCT product_id || ' ' || model, ',') FROM few.recommendation), '10 buy_again', 'of one product: to buy it again');
SELECT matches((SELECT note FROM few.model WHERE model = 'recommend' AND in_use), 'too little history to judge anything', 'and that is said');
TRUNCATE few;
CALL tiering.refresh('few', as_of => '2025-02-01', refit => true);
SELECT is((SELECT count(*) FROM few.recommendation), 0::bigint, 'of none: nothing');
CREATE VIEW on_few AS SELECT customer_id FROM few.recommendation;
SELECT throws_ok($$CALL tiering.alter_pipeline('few', product_id => 'd')$$, '2BP01', NULL, 'ids of another type would take a view of others away: refused');
DROP VIEW on_few;
CALL tiering.alter_pipeline('few', product_id => 'd');
SELECT is((SELECT format_type(atttypid, -1) FROM pg_attribute WHERE attrelid = 'few.recommendation'::regclass AND attname = 'product_id'), 'date', 'without it they change');
CALL tiering.drop_pipeline('few');
CALL tiering.drop_pipeline('shop');
SELECT is(to_regnamespace('shop')::text, NULL, 'all of it goes with the pipeline');
SELECT finish();
