--
-- pipeline: from an orders table to scores and segments
--
SET client_min_messages = warning;
SET datestyle = ISO;
\set VERBOSITY default
\set SHOW_CONTEXT never

CREATE TABLE orders (
  order_no text, customer_id text, ordered_at timestamptz, sku text, quantity integer, amount numeric(10,2), status text);
INSERT INTO orders VALUES
  ('1', 'ann',   '2024-01-10 09:00+00', 'tea',    1,   5.00, 'paid'),
  ('1', 'ann',   '2024-01-10 09:00+00', 'cup',    2,  18.00, 'paid'),
  ('2', 'ann',   '2024-03-01 23:30+00', 'pot',    1,  40.00, 'paid'),  -- the second of March in Berlin
  ('3', 'ann',   '2024-03-20 12:00+00', 'pot',   -1, -40.00, 'paid'),  -- a refund
  ('4', 'bob',   '2023-06-01 12:00+00', 'tea',    1,   5.00, 'paid'),
  ('5', 'carla', '2024-03-30 12:00+00', 'tea',    4,  20.00, 'paid'),
  ('5', 'carla', '2024-03-31 12:00+00', 'cup',   -1,  -9.00, 'paid'),  -- a line of order 5: together a purchase
  ('6', 'carla', '2024-02-15 12:00+00', 'pot',    1,  40.00, 'paid'),
  ('7', 'dan',   '2024-03-15 12:00+00', 'sample', 1,   0.00, 'paid'),  -- nothing to pay is a purchase
  ('8', 'eve',   '2024-03-16 12:00+00', 'cup',   -1,  -9.00, 'paid'),  -- refunds alone are none
  (NULL, 'finn', '2024-03-16 12:00+00', 'cup',    1,   9.00, 'paid'),  -- without a number: two orders
  (NULL, 'finn', '2024-03-16 12:00+00', 'cup',    1,   9.00, 'paid'),
  ('9', 'ann',   '2024-03-31 22:30+00', 'tea',    1,   5.00, 'paid'),  -- the first of April in Berlin
  ('10', 'bob',  '2024-03-01 12:00+00', 'pot',    9, 900.00, 'test'),
  ('11', NULL,   '2024-03-01 12:00+00', 'pot',    1,  40.00, 'paid'),
  ('12', 'bob',  NULL,                  'pot',    1,  40.00, 'paid'),
  ('13', 'bob',  '2024-03-01 12:00+00', 'pot',    1,   NULL, 'paid');

CALL tiering.create_pipeline('shop', orders => 'orders', customer_id => 'customer_id', ordered_at => 'ordered_at',
  amount => 'amount', order_id => 'order_no', product_id => 'sku', quantity => 'quantity',
  filter => 'status = ''paid''', time_zone => 'Europe/Berlin');
\d shop.*_rfm
\dv shop.*
\dt shop.*
SELECT pipeline, orders, histories, materialization, state, run, customers FROM tiering.pipelines;

CALL tiering.refresh('shop', as_of => '2024-03-31');
SELECT pipeline, state, run, as_of, customers, source_lines, build, error FROM tiering.pipelines;
SELECT run, step, state, rows, detail, duration >= interval '0' AS timed FROM shop.log ORDER BY run, started_at;
SELECT as_of, state, build, source_lines, lines_left_out, customers, newest_purchase, bins, r_cutoffs, f_cutoffs, m_cutoffs FROM shop.run;

SELECT * FROM shop.order_line ORDER BY counts, customer_id, ordered_on, amount \gdesc
SELECT customer_id, purchased_on, amount, lines FROM shop.purchase ORDER BY 1, 2, 3;
SELECT customer_id, history, source_rows FROM shop.purchase_history ORDER BY 1;
SELECT * FROM shop.customer_rfm ORDER BY 1;
SELECT segment, customers, customer_share, orders, revenue, revenue_share, mean_recency_days, mean_frequency, mean_monetary FROM shop.segment_summary;
SELECT r_score, f_score, customers, revenue, mean_monetary FROM shop.rfm_heatmap WHERE customers > 0;
-- a double's last digits are the machine's
SELECT key, value FROM shop.customer_profile AS p, json_each_text(row_to_json(p)) WHERE customer_id = 'ann' AND key <> 'expected_purchases';

-- nothing changed
CALL tiering.refresh('shop', as_of => '2024-03-31');
SELECT build, rows, detail FROM shop.run JOIN shop.log USING (run) WHERE run = 2 AND step = 'histories';

-- an order more, one corrected, one that passes the filter no more
INSERT INTO orders VALUES ('14', 'gina', '2024-03-31 10:00+00', 'tea', 1, 5, 'paid');
UPDATE orders SET amount = 50 WHERE order_no = '6';
UPDATE orders SET status = 'test' WHERE order_no = '7';
CALL tiering.refresh('shop', as_of => '2024-03-31');
SELECT build, rows, detail FROM shop.run JOIN shop.log USING (run) WHERE run = 3 AND step = 'histories';
SELECT customer_id, recency_days, frequency, monetary, rfm_cell, segment FROM shop.customer_rfm ORDER BY 1;

-- one deleted
DELETE FROM orders WHERE order_no = '4';
CALL tiering.refresh('shop', as_of => '2024-03-31');
SELECT build, rows, detail FROM shop.run JOIN shop.log USING (run) WHERE run = 4 AND step = 'histories';
SELECT customer_id, recency_days, frequency, monetary, rfm_cell, segment FROM shop.customer_rfm ORDER BY 1;

-- another day, another number of bins, a window
CALL tiering.refresh('shop', as_of => '2024-03-15');
SELECT customer_id, recency_days, frequency, monetary, rfm_cell, segment FROM shop.customer_rfm ORDER BY 1;
CALL tiering.alter_pipeline('shop', bins => 3, rfm_window => '1 month');
CALL tiering.refresh('shop', as_of => '2024-03-31');
SELECT * FROM shop.day;
SELECT customer_id, recency_days, frequency, monetary, rfm_cell, segment FROM shop.customer_rfm ORDER BY 1;

CALL tiering.drop_pipeline('shop');
SELECT count(*) FROM tiering.pipelines;
\dn shop
DROP TABLE orders;
