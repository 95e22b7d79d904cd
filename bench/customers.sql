-- Customers as the purchase models have them: each buys at a rate of his own,
-- and after a repeat purchase he may leave (BG/NBD with r 1, alpha 8, a 1, b 4;
-- Gamma-Gamma with p 2, q 3, v 60). A year and a half. Seeded.
SELECT setseed(0.43);
CREATE TABLE sale AS
SELECT c.customer_id, date '2023-01-01' + floor(c.first_day + 7 * t.week)::integer AS sold_on,
	round((-c.scale * ln((1 - random()) * (1 - random())))::numeric, 2) AS amount
FROM (
	SELECT i AS customer_id, random() * 273 AS first_day, -ln(1 - random()) / 8 AS rate,
		-60 / ln((1 - random()) * (1 - random()) * (1 - random())) AS scale,
		-- purchases until he leaves: geometric, with a chance of his own
		ceil(ln(1 - random()) / ln(power(1 - random(), 0.25)))::integer AS purchases
	FROM generate_series(1, :customers) AS i
	OFFSET 0
) AS c CROSS JOIN LATERAL (
	SELECT 0 AS week
	UNION ALL
	SELECT sum(-ln(1 - random()) / c.rate) OVER (ORDER BY n) FROM generate_series(1, LEAST(c.purchases, 500)) AS n
) AS t(week)
WHERE c.first_day + 7 * t.week < 546;
VACUUM ANALYZE sale;
