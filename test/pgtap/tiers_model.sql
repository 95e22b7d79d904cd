--
-- tiers_model: a random shop, against a slow and obvious replay in SQL; day by
-- day against at once; and more money, which never lowers a tier
--
\set QUIET on
SET client_min_messages = error;
SET jit = off;
SELECT plan(34);

CREATE TABLE orders (line integer GENERATED ALWAYS AS IDENTITY, customer integer, day date, amount numeric);
-- The same customers, the same order, each time: 100 who buy now and then for
-- two years, with one refund in eight; 1001 to 1100 spend more on the same days
CREATE FUNCTION chance(seed text) RETURNS double precision LANGUAGE SQL IMMUTABLE RETURN ('x' || substr(md5(seed), 1, 7))::bit(28)::integer / 268435456.0;
INSERT INTO orders (customer, day, amount)
SELECT c + shadow, date '2022-03-01' + (chance('start ' || c) * 300)::integer + (CASE WHEN n = 1 THEN 0 ELSE chance('gap ' || c || ' ' || n) * (1 + c % 5) * 150 END)::integer,
	round((5 + 55 * chance('amount ' || c || ' ' || n))::numeric, c % 3) * CASE WHEN n > 1 AND chance('refund ' || c || ' ' || n) < 0.125 THEN -1 ELSE 1 END
	+ CASE WHEN shadow > 0 AND chance('more ' || c || ' ' || n) < 0.4 THEN round(chance('much ' || c || ' ' || n)::numeric * 60, 2) ELSE 0 END
FROM generate_series(1, 100) AS c, generate_series(1, 4 + (c * 7) % 23) AS n, unnest('{0,1000}'::integer[]) AS shadow;
CALL tiering.create_pipeline('shop', 'orders', 'customer', 'day', 'amount', time_zone => 'UTC');
CALL tiering.refresh('shop', as_of => '2020-01-01');

-- --- the obvious replay ---------------------------------------------------------------

\set until '''2024-02-29'''
CREATE TABLE enrolled AS SELECT customer, min(day) AS day FROM orders WHERE amount >= 0 AND customer <= 100 GROUP BY customer;
-- net money and orders until each day
CREATE TABLE sofar AS
SELECT c.customer, d::date AS day, sum(COALESCE(o.net, 0)) OVER w AS net, (sum(COALESCE(o.orders, 0)) OVER w)::integer AS orders
FROM enrolled AS c CROSS JOIN generate_series(date '2022-01-01', :until, '1 day') AS d
	LEFT JOIN (SELECT customer, day, sum(amount) AS net, count(*) FILTER (WHERE amount >= 0) AS orders FROM orders GROUP BY customer, day) AS o ON o.customer = c.customer AND o.day = d
WINDOW w AS (PARTITION BY c.customer ORDER BY d);
CREATE UNIQUE INDEX ON sofar (customer, day);
ANALYZE sofar;
-- first day of a calendar's period of some months
CREATE FUNCTION period_start(day date, months integer, fiscal_month integer DEFAULT 1) RETURNS date LANGUAGE SQL IMMUTABLE
	RETURN (date_trunc('month', day::timestamp) - make_interval(months => (extract(year FROM day) * 12 + extract(month FROM day) - fiscal_month)::integer % months))::date;
CREATE TABLE policy (name text PRIMARY KEY, kind text, length interval, period integer, fiscal integer DEFAULT 1,
	thresholds numeric[], orders integer[], combine text, upgrade text DEFAULT 'at once', downgrade text DEFAULT 'at once', landing text DEFAULT 'earned');
-- What each customer had reached on each day, and had on it
CREATE TABLE reached (customer integer, day date, rank integer);
CREATE FUNCTION reach(p policy) RETURNS void LANGUAGE SQL AS $$
	TRUNCATE reached;
	INSERT INTO reached
	-- width_bucket(): how many of the thresholds are reached
	SELECT s.customer, s.day, CASE p.combine WHEN 'money' THEN width_bucket(w.net, p.thresholds) WHEN 'orders' THEN width_bucket(w.orders, p.orders)
		WHEN 'all' THEN least(width_bucket(w.net, p.thresholds), width_bucket(w.orders, p.orders)) WHEN 'any' THEN greatest(width_bucket(w.net, p.thresholds), width_bucket(w.orders, p.orders)) END
	FROM sofar AS s LEFT JOIN sofar AS b ON b.customer = s.customer
			AND b.day = CASE p.kind WHEN 'rolling' THEN (s.day - p.length)::date WHEN 'calendar' THEN period_start(s.day, p.period, p.fiscal) - 1 END
		CROSS JOIN LATERAL (SELECT s.net - COALESCE(b.net, 0) AS net, s.orders - COALESCE(b.orders, 0) AS orders) AS w
	WHERE s.day >= '2022-03-01'
$$;
CREATE FUNCTION replay(p policy) RETURNS TABLE (customer integer, day date, rank integer) LANGUAGE plpgsql AS $$
DECLARE
	r record;
BEGIN
	FOR r IN
		SELECT a.customer, a.day, a.rank AS earned, e.day = a.day AS is_first, lag(a.rank) OVER (PARTITION BY a.customer ORDER BY a.day) AS yesterday,
			p.period IS NOT NULL AND period_start(a.day, p.period, p.fiscal) = a.day AS begins
		FROM reached AS a JOIN enrolled AS e ON e.customer = a.customer AND e.day <= a.day ORDER BY a.customer, a.day
	LOOP
		IF r.is_first THEN
			rank := CASE p.upgrade WHEN 'at once' THEN r.earned ELSE 0 END;
		ELSE
			IF r.begins AND p.downgrade = 'end of period' AND r.yesterday < rank THEN
				rank := CASE p.landing WHEN 'earned' THEN r.yesterday ELSE greatest(r.yesterday, rank - 1) END;
			END IF;
			IF r.begins AND p.upgrade = 'next period' THEN
				rank := greatest(rank, r.yesterday);
			END IF;
			IF p.upgrade = 'at once' THEN
				rank := greatest(rank, r.earned);
			END IF;
			IF p.downgrade = 'at once' THEN
				rank := least(rank, r.earned);
			END IF;
		END IF;
		customer := r.customer;
		day := r.day;
		RETURN NEXT;
	END LOOP;
END $$;

-- --- the same, told -------------------------------------------------------------------

CREATE FUNCTION tiers_of(p policy) RETURNS text[] LANGUAGE SQL RETURN (SELECT array_agg('t' || k ORDER BY k) FROM generate_series(0, cardinality(p.thresholds)) AS k);
CREATE FUNCTION declare_tiers(p policy, more text DEFAULT '') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CALL tiering.create_tiers(''shop'', %L, %L, metric => %L, tiers => %L, window_kind => %L, window_length => %L, decision_period => %L, fiscal_month => %s, upgrade => %L%s, landing => %L%s)',
		p.name, CASE p.combine WHEN 'orders' THEN p.orders::text ELSE p.thresholds::text END, CASE p.combine WHEN 'orders' THEN 'orders' ELSE 'net_spend' END, tiers_of(p),
		p.kind, CASE p.kind WHEN 'calendar' THEN make_interval(months => p.period) ELSE p.length END, CASE WHEN p.kind <> 'calendar' THEN make_interval(months => p.period) END,
		p.fiscal, p.upgrade, CASE WHEN p.kind <> 'term' THEN format(', downgrade => %L', p.downgrade) END, p.landing, more);
	IF p.combine IN ('all', 'any') THEN
		INSERT INTO shop.tier_condition SELECT p.name, 1, k, 'orders', p.orders[k] FROM generate_subscripts(p.orders, 1) AS k;
		UPDATE shop.tier SET combine = p.combine WHERE rank > 0;
	END IF;
END $$;
CREATE TABLE told (customer integer, tier text, rank integer, valid daterange, version integer, reason text, metrics jsonb);
CREATE TABLE told_otherwise (LIKE told);
-- Evaluates on some days and keeps in a table what is told; the rest is taken back
CREATE FUNCTION tell(p policy, days date[], into_other boolean DEFAULT false, more text DEFAULT '') RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	d date;
	rows told[];
BEGIN
	BEGIN
		PERFORM declare_tiers(p, more);
		SET CONSTRAINTS ALL IMMEDIATE;
		FOREACH d IN ARRAY days LOOP
			PERFORM tiering.evaluate_tiers('shop', d);
		END LOOP;
		rows := ARRAY(SELECT ROW(customer_id, tier, rank, valid, version, reason, metrics)::told FROM shop.tier_history WHERE superseded_at IS NULL);
		RAISE EXCEPTION SQLSTATE 'ZZ000';
	EXCEPTION WHEN SQLSTATE 'ZZ000' THEN
		NULL;
	END;
	IF into_other THEN
		TRUNCATE told_otherwise;
		INSERT INTO told_otherwise SELECT * FROM unnest(rows);
	ELSE
		TRUNCATE told;
		INSERT INTO told SELECT * FROM unnest(rows);
	END IF;
END $$;
-- Where what is told and the replay differ, and how many tiers there were
CREATE FUNCTION compared(p policy) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM reach(p);
	PERFORM tell(p, ARRAY[date '2024-02-29']);
	RETURN (WITH change AS (
		SELECT r.customer, r.day, 't' || r.rank AS tier FROM (SELECT *, lag(rank) OVER (PARTITION BY customer ORDER BY day) AS before FROM replay(p)) AS r WHERE r.rank IS DISTINCT FROM r.before
	), difference AS (
		(SELECT *, 'replayed' AS by FROM (TABLE change EXCEPT SELECT customer, lower(valid), tier FROM told WHERE customer <= 100) AS a)
		UNION ALL
		(SELECT *, 'told' FROM (SELECT customer, lower(valid), tier FROM told WHERE customer <= 100 EXCEPT TABLE change) AS b)
	)
	SELECT count(*) || ' differences' || COALESCE((SELECT ', the first: ' || string_agg(d::text, ' ') FROM (SELECT * FROM difference ORDER BY day, customer LIMIT 4) AS d), '')
		|| CASE WHEN (SELECT count(*) FROM change) < 150 THEN ', but hardly any tiers' ELSE '' END FROM difference);
END $$;
-- Days on which who spent more had less
CREATE FUNCTION lowered_by_money(p policy, more text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM tell(p, ARRAY[date '2024-02-29'], more => more);
	RETURN (SELECT count(*) || COALESCE(', such as ' || min(format('%s in %s, %s though he spends more in %s', l.tier, l.valid, r.tier, r.valid)), '')
		FROM told AS l JOIN told AS r ON r.customer = l.customer + 1000 AND r.valid && l.valid AND r.rank < l.rank);
END $$;
-- Rows that other days of evaluation make otherwise
CREATE FUNCTION otherwise(p policy, days date[], more text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM tell(p, ARRAY[date '2024-02-29'], more => more);
	PERFORM tell(p, days, true, more);
	RETURN (SELECT count(*) || COALESCE(', such as ' || min(d::text), '') FROM ((TABLE told EXCEPT TABLE told_otherwise) UNION ALL (TABLE told_otherwise EXCEPT TABLE told)) AS d);
END $$;

INSERT INTO policy (name, kind, length, period, thresholds, orders, combine, downgrade, upgrade, landing, fiscal) VALUES
	('lifetime', 'lifetime', NULL, NULL, '{50,150,300}', NULL, 'money', 'at once', 'at once', 'earned', 1),
	('lifetime, by quarters', 'lifetime', NULL, 3, '{50,150,300}', NULL, 'money', 'end of period', 'at once', 'earned', 1),
	('lifetime, never', 'lifetime', NULL, NULL, '{50,150,300}', NULL, 'money', 'never', 'at once', 'earned', 1),
	('rolling 90 days', 'rolling', '90 days', NULL, '{30,80,150}', NULL, 'money', 'at once', 'at once', 'earned', 1),
	('rolling month', 'rolling', '1 month', NULL, '{20,60}', NULL, 'money', 'at once', 'at once', 'earned', 1),
	('rolling year, by months', 'rolling', '1 year', 1, '{50,100,200}', NULL, 'money', 'end of period', 'at once', 'earned', 1),
	('rolling 90 days, by fiscal quarters, one level', 'rolling', '90 days', 3, '{30,80,150}', NULL, 'money', 'end of period', 'at once', 'one level', 2),
	('orders of a rolling half year', 'rolling', '6 months', NULL, '{0,0,0}', '{2,4,6}', 'orders', 'at once', 'at once', 'earned', 1),
	('calendar month', 'calendar', NULL, 1, '{20,60}', NULL, 'money', 'at once', 'at once', 'earned', 1),
	('calendar quarter, end of period', 'calendar', NULL, 3, '{20,60,120}', NULL, 'money', 'end of period', 'at once', 'earned', 1),
	('fiscal half-year, one level', 'calendar', NULL, 6, '{30,80,150}', NULL, 'money', 'end of period', 'at once', 'one level', 4),
	('fiscal quarter, next period', 'calendar', NULL, 3, '{20,60,120}', NULL, 'money', 'end of period', 'next period', 'earned', 3),
	('calendar half-year, money and orders', 'calendar', NULL, 6, '{20,60,120}', '{1,3,5}', 'all', 'end of period', 'at once', 'earned', 1),
	('rolling 120 days, money or orders', 'rolling', '120 days', NULL, '{40,100,160}', '{2,4,6}', 'any', 'at once', 'at once', 'earned', 1);
SELECT is(compared(p), '0 differences', 'replayed in SQL: ' || name) FROM policy AS p;

-- --- more money ------------------------------------------------------------------------

SELECT is(lowered_by_money(p), '0', 'more money never lowers a tier: ' || name) FROM policy AS p WHERE combine = 'money' AND kind <> 'lifetime';
SELECT is(lowered_by_money(p, more), '0', '-- nor does it with' || more || ': ' || name)
FROM policy AS p, unnest('{", grace => ''20 days''",", rounded_to => ''month''"}'::text[]) AS more WHERE name = 'rolling 90 days';
UPDATE policy SET downgrade = 'end of next period' WHERE name = 'calendar quarter, end of period';
SELECT is(lowered_by_money(p), '0', '-- nor at the end of the next period: calendar quarter') FROM policy AS p WHERE name = 'calendar quarter, end of period';

-- --- day by day --------------------------------------------------------------------------

CREATE TABLE day_list AS SELECT array_agg(d::date ORDER BY d) AS days FROM (SELECT generate_series(date '2023-09-27', '2023-10-03', '1 day') AS d UNION SELECT v::date FROM unnest('{2022-05-17,2022-12-31,2023-01-01,2023-03-31,2024-02-28,2024-02-29}'::text[]) AS v) AS a;
SELECT is(otherwise(p, days), '0', 'the same day by day as at once: ' || name) FROM policy AS p, day_list WHERE name IN ('lifetime, by quarters', 'rolling 90 days', 'calendar quarter, end of period', 'fiscal quarter, next period', 'fiscal half-year, one level');
SELECT is(otherwise(p, days, more), '0', '-- with' || more) FROM policy AS p, day_list,
	unnest('{", grace => ''20 days''",", minimum_stay => ''2 months''",", rounded_to => ''quarter'', grace => ''1 month'', minimum_stay => ''100 days''"}'::text[]) AS more WHERE name = 'rolling 90 days';
UPDATE policy SET kind = 'term', length = '60 days' WHERE name = 'rolling 90 days';
SELECT is(otherwise(p, days, ', downgrade => ''end of period'''), '0', '-- and in terms of 60 days') FROM policy AS p, day_list WHERE name = 'rolling 90 days';

SELECT * FROM finish();
