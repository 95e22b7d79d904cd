--
-- purchase_history as text and as bytes
--
SET search_path = tiering, public;
SET datestyle = ISO;

-- the result of a query, or its error in one line
CREATE FUNCTION pg_temp.attempt(query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  result text;
  detail text;
BEGIN
  EXECUTE query INTO result;
  RETURN coalesce(result, 'NULL');
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN format('%s %s %s', SQLSTATE, SQLERRM, nullif('[' || detail || ']', '[]'));
END $$;

-- what is read is printed in one form
SELECT c AS input, pg_temp.attempt(format('SELECT %L::purchase_history', c)) AS output
FROM unnest(ARRAY[
  '1;2',
  '1;0',
  '1;6',
  '1;2;2011-01-03,2,74.50;2011-02-14,0,0.00,12.90',
  '1;0;2011-01-03,2,74;2011-02-14,0,0,12',
  '1;6;2011-01-03,1,0.000001,0.000001',
  '1;2;2011-01-03,1,0.00',
  '1;2;2011-01-03,1,5',
  '1;2;2011-01-03,1,5.5,1.5',
  '1;2;2011-01-03,1,5.50,0.00',
  '1;2;2011-01-03,1,5,50',
  '1;2;0001-01-01,1,1.00;9999-12-31,2147483647,999999999999999999999999.99,999999999999999999999999.99',
  '1;6;2011-01-03,0,0.000000,999999999999999999999999.999999',
  '1;2;2000-02-29,1,1.00;2004-02-29,1,1.00'
]) WITH ORDINALITY AS t(c, n) ORDER BY n;

-- what is not a history, and where reading stops
SELECT c AS input, pg_temp.attempt(format('SELECT %L::purchase_history', c)) AS error
FROM unnest(ARRAY[
  '',
  ' ',
  'x',
  '0;2',
  '2;2',
  '10;2',
  '-1;2',
  '1;10',
  ' 1;2',
  '1;2 ',
  '1;2;',
  '1;2;;',
  '1;2;x',
  '1;2;2011-01-03,',
  '1;2;2011-01-03,1,',
  '1;2;2011-01-03,1,1.00,',
  '1;2;2011-01-03,1,1.00;',
  '1;2;2011-01-03,1,1.00,1.00,1.00',
  '1;2;2011-01-03,1,1.00 ',
  '1;2;2011-01-03,1,1.00' || chr(10),
  '1;2;2011-01-03, 1,1.00',
  '1;2;2011-1-3,1,1.00',
  '1;2;11-01-03,1,1.00',
  '1;2;2011-02-29,1,1.00',
  '1;2;1900-02-29,1,1.00',
  '1;2;2011-13-01,1,1.00',
  '1;2;2011-00-01,1,1.00',
  '1;2;2011-01-32,1,1.00',
  '1;2;2011-01-00,1,1.00',
  '1;2;20110103,1,1.00',
  '1;2;0000-12-31,1,1.00',
  '1;2;infinity,1,1.00',
  '1;2;-infinity,1,1.00',
  '1;2;2011-01-03,1,1.00;2011-01-03,1,1.00',
  '1;2;2011-01-03,1,1.00;2011-01-02,1,1.00',
  '1;2;2011-01-03,-1,1.00',
  '1;2;2011-01-03,x,1.00',
  '1;2;2011-01-03,2147483648,1.00',
  '1;2;2011-01-03,99999999999999999999,1.00',
  '1;2;2011-01-03,1,-1.00',
  '1;2;2011-01-03,1,+1.00',
  '1;2;2011-01-03,1,1.000',
  '1;2;2011-01-03,1,1.001',
  '1;2;2011-01-03,1,1.',
  '1;0;2011-01-03,1,1.',
  '1;0;2011-01-03,1,1.0',
  '1;2;2011-01-03,1,.50',
  '1;2;2011-01-03,1,1e2',
  '1;2;2011-01-03,1,NaN',
  '1;2;2011-01-03,1,Infinity',
  '1;2;2011-01-03,1,1.00,-1.00',
  '1;2;2011-01-03,1,1000000000000000000000000.00',
  '1;6;2011-01-03,1,1000000000000000000000000',
  '1;2;2011-01-03,0,0.00,1000000000000000000000000',
  '1;2;2011-01-03,1,99999999999999999999999999999999999999999999'
]) WITH ORDINALITY AS t(c, n) ORDER BY n;

-- the same without the place
SELECT c AS input, split_part(pg_temp.attempt(format('SELECT %L::purchase_history', c)), ' [', 1) AS error
FROM unnest(ARRAY[
  '1',
  '1;',
  '1;7',
  '1;-1',
  '1;x',
  '1,2',
  '1;2;2011-01-03',
  '1;2;2011-01-03,1',
  '1;2;2011-01-03 BC,1,1.00',
  '1;2;10000-01-01,1,1.00',
  '1;2;2011-01-03,1.5,1.00',
  '1;2;2011-01-03,0,0.00',
  '1;2;2011-01-03,0,0.00,0.00',
  '1;2;2011-01-03,0,1.00',
  '1;2;2011-01-03,0,1.00,1.00'
]) WITH ORDINALITY AS t(c, n) ORDER BY n;

-- a long input is not repeated in full
SELECT length(pg_temp.attempt(format('SELECT %L::purchase_history',
  '1;2;2011-01-03,1,' || repeat('9', 100000)))) < 1000 AS short;

-- the same text whatever the session
CREATE TABLE io_session (h purchase_history);
INSERT INTO io_session VALUES ('1;2;2011-01-03,2,74.50;2011-02-14,0,0.00,12.90');
SET datestyle = 'German, DMY';
SET timezone = 'Pacific/Kiritimati';
SET extra_float_digits = -15;
SELECT h, h::text::purchase_history = h AS same FROM io_session;
SET datestyle = 'SQL, MDY';
SET timezone = 'America/New_York';
SET extra_float_digits = 3;
SELECT h, h::text::purchase_history = h AS same FROM io_session;
SET datestyle = ISO;
RESET timezone;
RESET extra_float_digits;
DROP TABLE io_session;

-- bytes are stored, so they never change: 734139 = 2011-01-03 counted from 0001-01-01
SELECT t AS text, encode(purchase_history_send(t::purchase_history), 'hex') AS bytes
FROM unnest(ARRAY[
  '1;2',
  '1;6',
  '1;0;0001-01-01,1,0',
  '1;2;2011-01-03,2,74.50;2011-02-14,0,0.00,12.90',
  '1;2;9999-12-31,1,1.27,1.28'
]) WITH ORDINALITY AS x(t, n) ORDER BY n;

-- binary input: bytea goes through a file as its plain bytes
SELECT file, format('rm -f %L', file) AS remove
FROM (SELECT current_setting('data_directory') || '/customer_tiering_io.tmp' AS file) t \gset
CREATE TABLE io_read (h purchase_history);
CREATE TABLE io_name (file text);
INSERT INTO io_name VALUES (:'file');
CREATE FUNCTION pg_temp.receive(bytes bytea) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  name text := (SELECT file FROM io_name);
BEGIN
  EXECUTE format('COPY (SELECT %L::bytea) TO %L (FORMAT binary)', bytes, name);
  DELETE FROM io_read;
  EXECUTE format('COPY io_read FROM %L (FORMAT binary)', name);
  RETURN (SELECT h FROM io_read);
EXCEPTION WHEN OTHERS THEN
  RETURN format('%s %s', SQLSTATE, SQLERRM);
END $$;

SELECT hex, why, pg_temp.receive(decode(hex, 'hex')) AS result
FROM (VALUES
  ('1200', 'empty'),
  ('1600', 'empty, scale 6'),
  ('1202ed9db301029a3aab01008a0a', 'two days'),
  ('10010000', 'an order for nothing on the first day'),
  ('1201e8cefb0605', 'the last day'),
  ('120105ffffffff0705', '2147483647 orders'),
  ('', 'nothing'),
  ('12', 'one byte'),
  ('0200', 'format 0'),
  ('2200', 'format 2'),
  ('1700', 'scale 7'),
  ('120000', 'a byte more'),
  ('12010405ff', 'a byte more after a day'),
  ('12020405', 'a day less than announced'),
  ('120104', 'the end is missing'),
  ('1281000405', 'a count in needless bytes'),
  ('1201840005', 'a step in needless bytes'),
  ('1201048500', 'money in needless bytes'),
  ('1201050105', 'one order, written out'),
  ('12010500', 'neither order nor refund'),
  ('1201060500', 'a refund of nothing'),
  ('120105808080800805', '2147483648 orders'),
  ('120204050005', 'the same day twice'),
  ('1201eccefb0605', 'the day after the last'),
  ('12ffffffffffffffffff01', '2^64 - 1 days'),
  -- a bag is never sent, so it is not read either
  ('1a0000000000000000000000', 'an empty bag'),
  ('1a00000002000000000000000405', 'a bag with a day')
) AS v(hex, why);

-- recv(send(x)) = x, alone and in arrays, byte for byte
CREATE TABLE io_write (n int, h purchase_history, many purchase_history[]);
INSERT INTO io_write
SELECT n, t::purchase_history, ARRAY[t, NULL, '1;0']::purchase_history[]
FROM unnest(ARRAY[
  '1;2',
  '1;2;2011-01-03,2,74.50;2011-02-14,0,0.00,12.90',
  '1;6;0001-01-01,1,0.000000;9999-12-31,2147483647,999999999999999999999999.999999',
  NULL
]) WITH ORDINALITY AS x(t, n);
CREATE TABLE io_again (LIKE io_write);
COPY io_write TO :'file' (FORMAT binary);
COPY io_again FROM :'file' (FORMAT binary);
SELECT n, w.h::text = r.h::text AS same_text,
  purchase_history_send(w.h) = purchase_history_send(r.h) AS same_bytes,
  w.many::text = r.many::text AS same_array
FROM io_write w JOIN io_again r USING (n) ORDER BY n;

-- and by text
COPY io_write TO :'file';
TRUNCATE io_again;
COPY io_again FROM :'file';
SELECT n, w.h::text = r.h::text AS same_text, w.many::text = r.many::text AS same_array
FROM io_write w JOIN io_again r USING (n) ORDER BY n;

COPY (SELECT WHERE false) TO PROGRAM :'remove';
DROP TABLE io_read, io_name, io_write, io_again;

-- a history too long for a page is stored as any value
CREATE TABLE io_long (h purchase_history);
INSERT INTO io_long
SELECT purchase_history_agg('2000-01-01'::date + n, 1 + (n * 7919 % 100000) / 100.0)
FROM generate_series(1, 8000) n;
SELECT length(h::text) > 100000 AS long, h::text::purchase_history = h AS same,
  order_count(h, 'infinity') AS orders, last_purchase(h, 'infinity') AS last_day
FROM io_long;
ALTER TABLE io_long ALTER h SET STORAGE external;
UPDATE io_long SET h = merge(h, NULL);
SELECT h::text::purchase_history = h AS same, order_count(h, '2000-01-31') AS january
FROM io_long;
DROP TABLE io_long;

-- NULL
SELECT NULL::purchase_history IS NULL AS is_null;
