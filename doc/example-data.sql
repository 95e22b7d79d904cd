/*
 * The tables that the examples in README.md and doc/ use.
 *
 *   psql -d DATABASE -f doc/example-data.sql
 *
 * Every example is run on them by test/t/090_doc_examples.pl, and its output
 * is compared with the one that is printed.
 */

-- all or nothing: a second time it fails, and changes nothing
BEGIN;

-- one row an order; a negative amount is a refund
CREATE TABLE orders (
	order_no integer PRIMARY KEY,
	customer_id text,
	ordered_on date NOT NULL,
	amount numeric(10,2) NOT NULL
);
INSERT INTO orders VALUES
	(1, 'ann', '2025-01-10', 40.00),
	(2, 'ann', '2025-03-05', 60.00),
	(3, 'ann', '2025-05-20', 55.50),
	(4, 'ann', '2025-05-20', 20.00),	-- a second order on that day
	(5, 'ann', '2025-06-02', -20.00),	-- and taken back
	(6, 'bob', '2025-01-15', 15.00),
	(7, 'bob', '2025-02-14', 25.00),
	(8, 'cat', '2025-06-20', 300.00),
	(9, 'dan', '2024-11-30', 80.00),
	(10, 'dan', '2024-11-30', -80.00),	-- cancelled on the day of the order
	(11, 'eve', '2025-06-28', 0.00),	-- a free sample
	(12, NULL, '2025-06-29', 12.00);	-- paid in cash, customer unknown

-- one row a line of an order, at a moment
CREATE TABLE order_line (
	invoice text NOT NULL,
	customer_id bigint,
	sold_at timestamptz NOT NULL,
	sku text NOT NULL,
	quantity integer NOT NULL,
	amount numeric(10,2) NOT NULL,
	currency text NOT NULL
);
INSERT INTO order_line VALUES
	('A-1', 1001, '2025-05-31 22:50+00', 'mug', 2, 12.00, 'GBP'),	-- ten to midnight in London
	('A-1', 1001, '2025-05-31 22:50+00', 'tea', 1, 6.50, 'GBP'),
	('A-2', 1001, '2025-05-31 23:10+00', 'pot', 1, 30.00, 'GBP'),	-- ten past
	('A-3', 1002, '2025-06-10 09:00+00', 'mug', 6, 36.00, 'GBP'),
	('A-3', 1002, '2025-06-10 09:00+00', 'tea', -1, -6.50, 'GBP'),	-- a discount within the order
	('A-4', 1002, '2025-06-12 15:30+00', 'mug', -1, -6.00, 'GBP'),	-- a refund
	('A-5', 1003, '2025-06-15 12:00+00', 'tea', 3, 22.00, 'EUR');

-- what is known of customers; fay has not bought yet
CREATE TABLE customer (
	id text PRIMARY KEY,
	country text NOT NULL,
	enrolled_on date NOT NULL
);
COMMENT ON COLUMN customer.country IS 'where the customer lives';
INSERT INTO customer VALUES
	('ann', 'GB', '2024-12-30'), ('bob', 'GB', '2025-01-15'), ('cat', 'DE', '2025-06-20'),
	('dan', 'FR', '2024-11-30'), ('eve', 'GB', '2025-06-01'), ('fay', 'DE', '2025-06-25');

-- two accounts that turned out to be one person
CREATE TABLE merged_customer (
	id text PRIMARY KEY,
	merged_into text NOT NULL
);
INSERT INTO merged_customer VALUES ('bob', 'ann');

-- a shop of 1,000 customers over two years, made by chance: each buys at a rate of
-- his own, and after each purchase he may leave for good; one row an order
CREATE TABLE sale (
	customer_id integer NOT NULL,
	sold_on date NOT NULL,
	amount numeric(10,2) NOT NULL
);
DO $$
DECLARE
	rate double precision;		-- purchases a week
	leaving double precision;	-- chance to leave after a purchase
	scale double precision;		-- of his amounts
	day double precision;
BEGIN
	PERFORM setseed(0.1);
	FOR customer IN 1..1000 LOOP
		rate := -ln(1 - random()) / 8;
		leaving := 1 - (1 - random()) ^ 0.25;
		scale := -60 / ln((1 - random()) * (1 - random()) * (1 - random()));
		day := random() * 180;
		WHILE day < 730 LOOP
			INSERT INTO sale VALUES (customer, DATE '2023-01-02' + floor(day)::integer,
				round((-scale * ln((1 - random()) * (1 - random())))::numeric, 2));
			EXIT WHEN random() < leaving;
			day := day - 7 * ln(1 - random()) / rate;
		END LOOP;
	END LOOP;
END $$;

-- a grocer with 300 customers and 27 articles over a year and a half, made by chance:
-- everybody has a favourite kind of food, and buys bread and milk; one row a line
CREATE TABLE article (
	id integer PRIMARY KEY,
	name text NOT NULL,
	kind text NOT NULL,
	on_sale boolean NOT NULL
);
INSERT INTO article
SELECT n, name, (ARRAY['breakfast', 'pasta', 'baking', 'drinks'])[1 + (n - 1) / 6], true
FROM unnest('{oats,honey,jam,butter,eggs,muesli,spaghetti,tomatoes,basil,parmesan,olives,pesto,flour,sugar,yeast,vanilla,chocolate,cream,coffee,tea,juice,water,lemonade,beer}'::text[]) WITH ORDINALITY AS a(name, n);
INSERT INTO article VALUES (25, 'bread', 'daily', true), (26, 'milk', 'daily', true), (27, 'delivery', 'fee', false);
CREATE TABLE grocery (
	customer_id integer NOT NULL,
	bought_on date NOT NULL,
	basket integer NOT NULL,
	article_id integer NOT NULL,
	amount numeric(10,2) NOT NULL
);
DO $$
DECLARE
	basket integer := 0;
	day integer;
BEGIN
	PERFORM setseed(0.2);
	FOR customer IN 1..300 LOOP
		day := floor(random() * 200);
		WHILE day < 540 LOOP
			basket := basket + 1;
			INSERT INTO grocery
			SELECT customer, DATE '2024-01-01' + day, basket, l.article, (2 + l.article % 5) * (1 + customer % 3)
			FROM (
				SELECT 1 + 6 * (customer % 4) + floor(random() * random() * 6)::integer AS article FROM generate_series(1, 3)
				UNION SELECT 1 + floor(random() * 24)::integer WHERE random() < 0.3
				UNION SELECT 25 WHERE random() < 0.6 UNION SELECT 26 WHERE random() < 0.5 UNION SELECT 27 WHERE random() < 0.5
			) AS l;
			EXIT WHEN random() < 0.03 * (customer % 5);
			day := day + 3 + floor(-ln(1 - random()) * (5 + customer % 40));
		END LOOP;
	END LOOP;
END $$;

COMMIT;
