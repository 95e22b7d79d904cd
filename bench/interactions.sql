-- Lines of orders: some customers buy much more than others, some items sell much
-- more than others, and half of what a customer buys is to his taste, one of 50.
-- Two years, eight lines an order. Seeded.
SELECT setseed(0.6);
CREATE TABLE :table AS
SELECT o.order_id, o.customer_id, o.ordered_on, 1 + floor(99 * random())::integer AS amount,
	CASE WHEN random() < 0.5 THEN floor(exp(random() * ln(:items)))::integer
		ELSE 50 * floor(exp(random() * ln(:items / 50)))::integer + o.customer_id % 50 END AS item
FROM (
	SELECT i AS order_id, 1 + floor(power(random(), 1.5) * :customers)::integer AS customer_id,
		date '2023-01-01' + floor(random() * 731)::integer AS ordered_on, 1 + floor(random() * 15)::integer AS lines
	FROM generate_series(1, :lines / 8) AS i
	OFFSET 0
) AS o CROSS JOIN LATERAL generate_series(1, o.lines) AS n;
VACUUM ANALYZE :table;
