-- Orders as a large shop has them: some customers buy much more than others,
-- three years, amounts to the cent, in no order. Seeded: the same each time.
CREATE EXTENSION customer_tiering;
SELECT setseed(0.42);
CREATE TABLE orders (
	order_id bigint NOT NULL,
	customer_id bigint NOT NULL,
	ordered_on date NOT NULL,
	amount numeric(12,2) NOT NULL
);
INSERT INTO orders
SELECT i, 1 + floor(power(random(), 1.3) * :customers)::bigint,
	date '2022-01-01' + floor(random() * 1096)::integer,
	round(exp(1 + 4 * random())::numeric, 2)
FROM generate_series(1, :orders) AS i;
VACUUM ANALYZE orders;
