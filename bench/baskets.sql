-- Baskets of about ten items: some items sell much more than others, and a
-- bundle of three is mostly bought together. Seeded.
SELECT setseed(0.5);
CREATE TABLE basket AS
SELECT DISTINCT b AS basket, item
FROM (
	SELECT b, floor(exp(random() * ln(:items)))::integer AS item
	FROM generate_series(1, :baskets) AS b, LATERAL generate_series(1, 5 + (random() * 8)::integer + b * 0) AS n
	UNION ALL
	SELECT k.b, 20 * k.bundle + m
	FROM (SELECT b, 1 + floor(exp(random() * ln(:items / 21)))::integer AS bundle FROM generate_series(1, :baskets) AS b OFFSET 0) AS k, generate_series(1, 3) AS m
	WHERE (k.b * 7 + m) % 10 < 8
) AS s
ORDER BY basket;
VACUUM ANALYZE basket;
