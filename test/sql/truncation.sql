--
-- truncation: data that begin in the middle of the customers' lives
--
SET client_min_messages = warning;
CREATE TABLE orders (customer integer, day date, amount numeric);
-- 400 who were there before, and are seen in the first quarter; 50 new ones a quarter
INSERT INTO orders SELECT c, date '2023-01-01' + c % 90 + n * (20 + c % 70), 10 FROM generate_series(1, 400) AS c, generate_series(0, 5) AS n;
INSERT INTO orders SELECT 400 + c, date '2023-04-03' + c * 365 / 200 + n * 30, 10 FROM generate_series(1, 200) AS c, generate_series(0, c % 4) AS n;
CALL tiering.create_pipeline('shop', 'orders', 'customer', 'day', 'amount');
CALL tiering.refresh('shop', as_of => '2024-03-31');

SET client_min_messages = notice;
SELECT tiering.notice_truncation('shop', '2024-03-31', NULL);
-- what the hint says is enough
SELECT tiering.notice_truncation('shop', '2024-03-31', '2023-04-02');
-- a shop that grows evenly, and one of one quarter, say nothing
SELECT tiering.notice_truncation('shop', '2023-03-31', NULL);
DELETE FROM orders WHERE customer BETWEEN 61 AND 400;
SET client_min_messages = warning;
CALL tiering.refresh('shop', as_of => '2024-03-31');
SET client_min_messages = notice;
SELECT tiering.notice_truncation('shop', '2024-03-31', NULL);

SET client_min_messages = warning;
CALL tiering.drop_pipeline('shop');
DROP TABLE orders;
