--
-- units: amounts of money are exact, at the scale they come with
--
SET search_path = tiering, public;
SET datestyle = ISO;

CREATE FUNCTION pg_temp.attempt(query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  EXECUTE query INTO result;
  RETURN coalesce(result, 'NULL');
EXCEPTION WHEN OTHERS THEN
  RETURN format('%s %s', SQLSTATE, SQLERRM);
END $$;

-- one amount
SELECT amount, pg_temp.attempt(format(
  'SELECT tiering.purchase_history_agg(''2024-01-31''::date, %L::numeric)', amount)) AS history
FROM unnest(ARRAY[
  '0', '0.00', '0.000000', '0.0000000', '-0', '-0.00',
  '1', '12.5', '12.50', '12.500000', '12.5000000', '12.50000000000000000000',
  '0.000001', '0.0000010', '0.0000001', '0.00000100000000000000001',
  '1e2', '1.0e2', '1e-6', '1e-7', '123456789.123456',
  '9999', '10000', '10000.0001', '99999999', '100000000',
  '999999999999999', '999999999999999.999999', '999999999999999.9999990',
  '999999999999999.9999999', '1000000000000000', '1000000000000000.000000', '1e100',
  '-1', '-12.50', '-0.000001', '-0.0000001', '-999999999999999.999999',
  '-1000000000000000', '-1e100',
  'NaN', 'Infinity', '-Infinity'
]) WITH ORDINALITY AS t(amount, n) ORDER BY n;

-- numeric keeps its digits in groups of four: every number of places on both sides
SELECT count(*) AS cases,
  count(*) FILTER (WHERE gross_total(h, 'infinity')::text = a::text) AS exact
FROM (SELECT trunc(v, p) AS a, purchase_history_agg('2024-01-31'::date, trunc(v, p)) AS h
      FROM generate_series(0, 6) p,
        generate_series(0, 14) d,
        LATERAL (SELECT (round(9.87654321012345678901 * 10 ^ d::numeric, 6)) AS v) x
      GROUP BY p, d, v) t;

-- trailing zeros of numeric are part of its scale, not of its digits
SELECT count(*) AS cases,
  count(*) FILTER (WHERE gross_total(h, 'infinity')::text = a::text) AS exact
FROM (SELECT round(v, p) AS a, purchase_history_agg('2024-01-31'::date, round(v, p)) AS h
      FROM generate_series(0, 6) p,
        unnest(ARRAY[0, 1, 10, 10000, 100000000, 100000001, 0.5, 0.0001, 10000.0001]) v
      WHERE v = round(v, p)
      GROUP BY p, v) t;

-- numeric has a long form for large scales and exponents, and is packed, compressed or apart in a table
CREATE TABLE units_stored (n int, a numeric);
INSERT INTO units_stored SELECT n, a::numeric FROM unnest(ARRAY[
  '12.5', '12.5' || repeat('0', 70), '-12.5' || repeat('0', 16000), '0.' || repeat('0', 70), '999999999999999.999999' || repeat('0', 100),
  '0.000001' || repeat('0', 5000), '0.' || repeat('0', 100) || '1', '1' || repeat('0', 400), '-1' || repeat('0', 400) || '.5',
  repeat('9', 8000), '0.' || repeat('123456789', 1000), '1000000000000000' || '.' || repeat('0', 200)
]) WITH ORDINALITY AS t(a, n);
SELECT n, length(a::text) AS length, left(pg_temp.attempt(format(
  'SELECT tiering.purchase_history_agg(''2024-01-31''::date, a) FROM units_stored WHERE n = %s', n)), 60) AS history
FROM units_stored ORDER BY n;
DROP TABLE units_stored;

-- totals have the digits and the scale of sum()
SELECT why, sum(a) AS sum, net_total(h, 'infinity') AS net,
  gross_total(h, 'infinity') AS gross, refunded_total(h, 'infinity') AS refunded,
  sum(a)::text = net_total(h, 'infinity')::text AS same_text
FROM (VALUES
  ('one scale', ARRAY[12.50, 7.25, -3.10]),
  ('scales mixed', ARRAY[1, 2.5, 0.125, -0.25]),
  ('smallest scale last', ARRAY[0.000001, 1]),
  ('no money', ARRAY[0.00, 0]),
  ('nothing left', ARRAY[12.50, -12.50]),
  ('below zero', ARRAY[1.00, -12.50]),
  ('only refunds', ARRAY[-1.00, -12.5]),
  ('what binary fractions cannot', ARRAY[0.1, 0.2, 0.3]),
  ('large', ARRAY[999999999999999.999999, 999999999999999.999999, -0.000001])
) AS v(why, amounts),
  LATERAL (SELECT purchase_history_agg('2024-01-31'::date, x) AS h FROM unnest(amounts) x) y,
  LATERAL unnest(amounts) a
GROUP BY why, h, amounts ORDER BY why COLLATE "C";

-- totals are wider than a day
SELECT gross_total(h, 'infinity') AS gross, refunded_total(h, 'infinity') AS refunded,
  net_total(h, 'infinity') AS net, mean_order_value(h, 'infinity') AS mean
FROM (SELECT rollup(format('1;6;%s,1,%s.999999,%s.999999', '2024-01-01'::date + n,
        repeat('9', 24), CASE n WHEN 1 THEN repeat('9', 24) ELSE '0' END)::purchase_history) AS h
      FROM generate_series(1, 50) n) t;

-- the money of one day
CREATE FUNCTION pg_temp.money(VARIADIC amounts text[]) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
  RETURN (SELECT rollup(('1;6;2024-01-31,' || a)::purchase_history)
          FROM unnest(amounts) WITH ORDINALITY AS t(a, n));
EXCEPTION WHEN OTHERS THEN
  RETURN format('%s %s', SQLSTATE, SQLERRM);
END $$;
SELECT pg_temp.money('1,999999999999999999999999', '1,0.999999') AS largest;
SELECT pg_temp.money('1,999999999999999999999999', '1,1') AS too_large;
SELECT pg_temp.money('1,1', '1,999999999999999999999999') AS too_large_other_way;
SELECT pg_temp.money('1,500000000000000000000000', '1,499999999999999999999999', '1,1') AS three;
SELECT pg_temp.money('1,1', '1,499999999999999999999999', '1,500000000000000000000000') AS three_again;
SELECT pg_temp.money('0,0,999999999999999999999999', '0,0,0.999999') AS largest_refund;
SELECT pg_temp.money('0,0,999999999999999999999999', '0,0,1') AS refund_too_large;
-- gross and refunds do not make up for each other
SELECT pg_temp.money('1,999999999999999999999999', '0,0,5', '1,1') AS no_balance;
-- a smaller scale moves to the larger one and stays within the limit
SELECT merge('1;0;2024-01-31,1,999999999999999999999999', '1;6;2024-02-01,1,0.000001');
SELECT pg_temp.attempt($$SELECT tiering.merge('1;0;2024-01-31,1,999999999999999999999999',
  '1;6;2024-01-31,1,1.000000')$$);

-- the orders of one day
CREATE FUNCTION pg_temp.orders(VARIADIC counts bigint[]) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
  RETURN (SELECT purchase_history_agg('2024-01-31'::date, 1, c) FROM unnest(counts) c);
EXCEPTION WHEN OTHERS THEN
  RETURN format('%s %s', SQLSTATE, SQLERRM);
END $$;
SELECT pg_temp.orders(1), pg_temp.orders(2147483647), pg_temp.orders(2147483646, 1);
SELECT pg_temp.orders(2147483648) AS a, pg_temp.orders(9223372036854775807) AS b,
  pg_temp.orders(-1) AS c, pg_temp.orders(-9223372036854775808) AS d;
SELECT pg_temp.orders(2147483647, 1) AS a, pg_temp.orders(1, 2147483647) AS b,
  pg_temp.orders(2147483647, 2147483647, 2147483647) AS c;
SELECT pg_temp.attempt($$SELECT tiering.merge('1;0;2024-01-31,2147483647,1', '1;0;2024-01-31,1,1')$$);
-- other days do not count
SELECT order_count(merge('1;0;2024-01-31,2147483647,1', '1;0;2024-02-01,2147483647,1'), 'infinity');

-- zero: a purchase for nothing
SELECT purchase_history_agg('2024-01-31'::date, a) FROM unnest(ARRAY[0, 0.0, 0]) a;

-- text: at most as many decimal places as the scale says
SELECT t, pg_temp.attempt(format('SELECT %L::tiering.purchase_history', '1;3;2024-01-31,1,' || t)) AS history
FROM unnest(ARRAY['1', '1.2', '1.23', '1.234', '1.2345', '1.2340', '001.5']) WITH ORDINALITY AS x(t, n)
ORDER BY n;
