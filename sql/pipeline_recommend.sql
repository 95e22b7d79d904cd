
/*
 * pipeline: what to offer whom; settings, items and what customers have of them
 */

-- Types of customers and products in the tables of recommendations.  Those of products
-- are as the source has them, once something is recommended.
CREATE FUNCTION tiering.recommend_types(pipeline text, OUT customer text, OUT product text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
	is_used boolean := false;
BEGIN
	EXECUTE format('SELECT * FROM %I.pipeline', pipeline) INTO STRICT p;
	customer := tiering.customer_type(pipeline);
	product := COALESCE(tiering.column_type(to_regclass(format('%I.recommend_item', pipeline)), 'product_id'), 'text');
	IF to_regclass(format('%I.recommend_policy', pipeline)) IS NOT NULL THEN
		EXECUTE format('SELECT EXISTS (SELECT FROM %I.recommend_policy)', pipeline) INTO is_used;
	END IF;
	IF is_used AND p.product_id IS NOT NULL THEN
		product := tiering.column_type(p.orders, p.product_id);
	END IF;
END;
$$;

COMMENT ON FUNCTION tiering.recommend_types(text) IS
'internal: types of ids in the tables of recommendations';

-- Do the tables have other types than they should?
CREATE FUNCTION tiering.recommend_types_differ(pipeline text)
RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	place regclass := to_regclass(format('%I.recommendation', pipeline));
	t record;
BEGIN
	SELECT * INTO t FROM tiering.recommend_types(pipeline);
	RETURN place IS NOT NULL AND (tiering.column_type(place, 'customer_id'), tiering.column_type(place, 'product_id')) IS DISTINCT FROM (t.customer, t.product);
END;
$$;

COMMENT ON FUNCTION tiering.recommend_types_differ(text) IS
'internal: do the tables of recommendations have ids of other types?';

-- Relations of recommendations that have ids, what uses them first
CREATE FUNCTION tiering.recommend_relations()
RETURNS text[]
LANGUAGE SQL IMMUTABLE
RETURN '{customer_profile,next_offer,product_season,recommend_performance,recommend_customer,recommend_purchase,recommend_product,recommendation,product_affinity,recommend_history,recommend_feedback,recommend_item}'::text[];

COMMENT ON FUNCTION tiering.recommend_relations() IS
'internal: relations of recommendations that have ids';

-- Makes them anew where their ids have another type now; what others use is not dropped
CREATE FUNCTION tiering.retype_recommend(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	grants text[] := tiering.grants_sql(pipeline, tiering.recommend_relations());
	has_feedback boolean;
BEGIN
	IF NOT tiering.recommend_types_differ(pipeline) THEN
		RETURN;
	END IF;
	EXECUTE format('SELECT EXISTS (SELECT FROM %I.recommend_feedback)', pipeline) INTO has_feedback;
	IF has_feedback THEN
		RAISE EXCEPTION 'recommend_feedback of pipeline "%" has rows with ids of another type', pipeline
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = format('Keep them elsewhere and TRUNCATE %I.recommend_feedback.', pipeline);
	END IF;
	PERFORM tiering.drop_relations(pipeline, tiering.recommend_relations());
	EXECUTE format('DELETE FROM %I.model AS m WHERE m.model = ''recommend''', pipeline);
	PERFORM tiering.define_recommend(pipeline);
	PERFORM tiering.define_recommend_sources(pipeline);
	PERFORM tiering.define_recommend_views(pipeline);
	PERFORM tiering.define_profile(pipeline);
	PERFORM tiering.grant_again(pipeline, grants);
END;
$$;

COMMENT ON FUNCTION tiering.retype_recommend(text) IS
'internal: makes the relations of recommendations anew for ids of another type';

-- The tables of recommendations.  Without a row in recommend_policy nothing is recommended.
CREATE FUNCTION tiering.define_recommend(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning
AS $$
DECLARE
	t record;
BEGIN
	SELECT * INTO t FROM tiering.recommend_types(pipeline);
	EXECUTE format($sql$
CREATE TABLE IF NOT EXISTS %1$I.recommend_policy (
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	n integer NOT NULL CHECK (n BETWEEN 1 AND 100),
	horizon_days integer NOT NULL CHECK (horizon_days BETWEEN 7 AND 365),
	only_new boolean NOT NULL,
	product_name text,
	product_category text,
	product_filter text,
	product_once text,
	product_tier text,
	customer_group text,
	most_in_category integer NOT NULL CHECK (most_in_category BETWEEN 0 AND 100),
	diversity double precision NOT NULL CHECK (diversity BETWEEN 0 AND 0.9),
	min_customers integer NOT NULL CHECK (min_customers >= 2),
	rest_days integer NOT NULL CHECK (rest_days BETWEEN 0 AND 36500),
	half_life_days double precision NOT NULL CHECK (half_life_days BETWEEN 0 AND 36500),
	click_weight double precision NOT NULL CHECK (click_weight >= 0 AND click_weight < 1),
	max_memory_mb integer NOT NULL CHECK (max_memory_mb BETWEEN 1 AND 1048576)
);
CREATE TABLE IF NOT EXISTS %1$I.recommend_item (item integer PRIMARY KEY, product_id %3$s NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS %1$I.recommend_history (customer_id %2$s PRIMARY KEY, items integer[] NOT NULL, days date[] NOT NULL);
CREATE TABLE IF NOT EXISTS %1$I.recommendation (
	customer_id %2$s NOT NULL,
	rank integer NOT NULL,
	product_id %3$s NOT NULL,
	score double precision NOT NULL,
	reason text NOT NULL,
	model text NOT NULL,
	as_of date NOT NULL,
	PRIMARY KEY (customer_id, rank)
);
CREATE TABLE IF NOT EXISTS %1$I.product_affinity (
	product_id %3$s NOT NULL,
	other_product_id %3$s NOT NULL,
	rank integer NOT NULL,
	similarity double precision NOT NULL,
	customers bigint NOT NULL,
	product_customers bigint NOT NULL,
	other_customers bigint NOT NULL,
	lift double precision NOT NULL,
	PRIMARY KEY (product_id, rank)
);
CREATE TABLE IF NOT EXISTS %1$I.recommend_quality (
	run bigint NOT NULL,
	ranking text NOT NULL,
	setting text NOT NULL CHECK (setting IN ('all', 'new', 'cold')),
	origin date NOT NULL,
	horizon_days integer NOT NULL,
	n integer NOT NULL,
	customers bigint NOT NULL,
	ndcg double precision,
	recall double precision,
	"precision" double precision,
	average_precision double precision,
	hit_rate double precision,
	coverage double precision,
	novelty double precision,
	is_chosen boolean NOT NULL DEFAULT false,
	PRIMARY KEY (run, ranking, setting)
);
CREATE TABLE IF NOT EXISTS %1$I.recommend_feedback (
	feedback bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	customer_id %2$s NOT NULL,
	product_id %3$s NOT NULL,
	event text NOT NULL CHECK (event IN ('shown', 'clicked', 'bought', 'dismissed')),
	"position" integer CHECK ("position" > 0),
	model text,
	happened_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS recommend_feedback_customer ON %1$I.recommend_feedback (customer_id) WHERE event = 'dismissed';
CREATE OR REPLACE TRIGGER forgotten AFTER DELETE OR TRUNCATE ON %1$I.recommend_policy FOR EACH STATEMENT EXECUTE FUNCTION tiering.forget_recommendations()$sql$, pipeline, t.customer, t.product);
	PERFORM tiering.comment_recommend(pipeline);
END;
$$;

COMMENT ON FUNCTION tiering.define_recommend(text) IS
'internal: makes the tables of recommendations';

-- Without a policy there are no recommendations
CREATE FUNCTION tiering.forget_recommendations()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format('DELETE FROM %1$I.recommendation; DELETE FROM %1$I.recommend_history; DELETE FROM %1$I.product_affinity', TG_TABLE_SCHEMA);
	RETURN NULL;
END;
$$;

COMMENT ON FUNCTION tiering.forget_recommendations() IS
'internal: empties recommendation when its policy goes';

-- A column of the products or customers p, as text; of none a NULL
CREATE FUNCTION tiering.recommend_column_sql(relation regclass, column_name text, role text)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF relation IS NULL OR column_name IS NULL THEN
		RETURN 'NULL::text';
	END IF;
	PERFORM tiering.source_column_type(relation, column_name, role);
	RETURN format('p.%I::text', column_name);
END;
$$;

COMMENT ON FUNCTION tiering.recommend_column_sql(regclass, text, text) IS
'internal: a column of the products or customers as SQL';

-- Is a line o of an order a purchase of its product?
CREATE FUNCTION tiering.is_product_bought_sql()
RETURNS text
LANGUAGE SQL IMMUTABLE
RETURN 'o.counts AND isfinite(o.ordered_on) AND o.product_id IS NOT NULL AND o.amount >= 0 AND (o.quantity > 0 OR o.quantity IS NULL)';

COMMENT ON FUNCTION tiering.is_product_bought_sql() IS
'internal: is a line of an order a purchase of its product, as SQL';

-- What the step reads: items with what is known of them, purchases by item, groups
-- of customers.  As views, so that what the owner wrote is not run as text by others.
CREATE FUNCTION tiering.define_recommend_sources(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
	g record;
	products regclass;
	customers regclass;
BEGIN
	EXECUTE format('SELECT * FROM %I.pipeline', pipeline) INTO STRICT p;
	EXECUTE format('SELECT s.* FROM (SELECT) AS one LEFT JOIN %I.recommend_policy AS s ON true', pipeline) INTO g;
	PERFORM tiering.require_recommend_relations(pipeline);
	-- without a policy their ids need not fit
	products := CASE WHEN g.one THEN p.products END;
	customers := CASE WHEN g.one THEN p.customers END;
	EXECUTE format($sql$
CREATE OR REPLACE VIEW %1$I.recommend_product AS
SELECT i.item, i.product_id, COALESCE(NULLIF(%2$s, ''), i.product_id::text) AS name, %3$s AS category, %4$s AS is_offered, %5$s AS is_once, %6$s AS tier
FROM %1$I.recommend_item AS i%7$s$sql$, pipeline,
		tiering.recommend_column_sql(products, g.product_name, 'product_name'), tiering.recommend_column_sql(products, g.product_category, 'product_category'),
		CASE WHEN products IS NULL OR g.product_filter IS NULL THEN 'true' ELSE format(E'((%s\n) IS TRUE)', g.product_filter) END,
		CASE WHEN products IS NULL OR g.product_once IS NULL THEN 'false' ELSE format(E'((%s\n) IS TRUE)', g.product_once) END,
		tiering.recommend_column_sql(products, g.product_tier, 'product_tier'),
		CASE WHEN products IS NULL THEN '' ELSE format(' LEFT JOIN %s AS p ON p.id = i.product_id', products) END);
	EXECUTE format($sql$
CREATE OR REPLACE VIEW %1$I.recommend_purchase AS
SELECT o.customer_id, o.source_customer_id, i.item, o.ordered_on
FROM %1$I.order_line AS o JOIN %1$I.recommend_item AS i ON i.product_id = o.product_id%2$s
WHERE %3$s$sql$, pipeline,
		CASE WHEN tiering.column_type(to_regclass(format('%I.order_line', pipeline)), 'product_id') = tiering.column_type(to_regclass(format('%I.recommend_item', pipeline)), 'product_id') THEN '' ELSE '::text' END,
		tiering.is_product_bought_sql());
	EXECUTE format($sql$
CREATE OR REPLACE VIEW %1$I.recommend_customer AS
SELECT %2$s AS customer_id, %3$s AS customer_group
FROM %4$s$sql$, pipeline,
		CASE WHEN customers IS NULL THEN format('NULL::%s', tiering.customer_type(pipeline)) ELSE format('(%s)::%s', replace(tiering.profile_id_sql(pipeline, customers), 'c.id', 'p.id'), tiering.customer_type(pipeline)) END,
		-- a name, not a story
		format('NULLIF(left(%s, 200), '''')', tiering.recommend_column_sql(customers, g.customer_group, 'customer_group')),
		CASE WHEN customers IS NULL THEN '(SELECT) AS p WHERE false' ELSE format('%s AS p', customers)
			-- who was merged into another is no customer
			|| CASE WHEN p.identity IS NULL THEN '' ELSE format(' WHERE NOT EXISTS (SELECT FROM %I.customer_identity AS i WHERE i.id = p.id)', pipeline) END END);
END;
$$;

COMMENT ON FUNCTION tiering.define_recommend_sources(text) IS
'internal: makes the views that recommendations are made from';

-- Refuses settings that name columns of a relation that the pipeline does not have
CREATE FUNCTION tiering.require_recommend_relations(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	missing record;
	gone record;
	p record;
BEGIN
	EXECUTE format($sql$
SELECT v.relation FROM %1$I.pipeline AS p CROSS JOIN %1$I.recommend_policy AS g CROSS JOIN LATERAL (VALUES ('products', p.products), ('customers', p.customers)) AS v(relation, place)
WHERE v.place IS NOT NULL AND NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = v.place) LIMIT 1$sql$, pipeline) INTO gone;
	IF gone.relation IS NOT NULL THEN
		RAISE EXCEPTION 'the % relation of pipeline "%" was dropped', gone.relation, pipeline
			USING ERRCODE = 'undefined_table', HINT = format('CALL tiering.alter_pipeline(%L, %s => ...) names another one, and ''-'' none.', pipeline, gone.relation);
	END IF;
	EXECUTE format($sql$
SELECT v.setting, v.relation FROM %1$I.pipeline AS p CROSS JOIN %1$I.recommend_policy AS g CROSS JOIN LATERAL (VALUES
	('product_name', g.product_name, 'products', p.products), ('product_category', g.product_category, 'products', p.products),
	('product_filter', g.product_filter, 'products', p.products), ('product_once', g.product_once, 'products', p.products),
	('product_tier', g.product_tier, 'products', p.products), ('customer_group', g.customer_group, 'customers', p.customers)) AS v(setting, value, relation, place)
WHERE v.value IS NOT NULL AND v.place IS NULL LIMIT 1$sql$, pipeline) INTO missing;
	IF missing.setting IS NOT NULL THEN
		RAISE EXCEPTION '% needs the % relation, and pipeline "%" has none', missing.setting, missing.relation, pipeline
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = format('CALL tiering.alter_pipeline(%L, %s => ...) names it.', pipeline, missing.relation);
	END IF;
	EXECUTE format('SELECT p.products, p.orders, p.product_id FROM %1$I.pipeline AS p CROSS JOIN %1$I.recommend_policy AS g', pipeline) INTO p;
	IF p.products IS NOT NULL AND p.product_id IS NOT NULL THEN
		EXECUTE format('SELECT FROM %s AS p JOIN %s AS o ON p.id = o.%I LIMIT 0', p.products, p.orders, p.product_id);
	END IF;
EXCEPTION WHEN undefined_function THEN
	RAISE EXCEPTION 'id of % has type %, which cannot be compared with that of the products in the orders, %', p.products,
			tiering.column_type(p.products, 'id'), tiering.column_type(p.orders, p.product_id)
		USING ERRCODE = 'datatype_mismatch', DETAIL = 'It was named as products.', HINT = 'Cast it in a view.';
END;
$$;

COMMENT ON FUNCTION tiering.require_recommend_relations(text) IS
'internal: refuses settings of relations that the pipeline does not have';

-- Refuses conditions on products that do not work, and a cap that caps nothing
CREATE FUNCTION tiering.check_recommend_conditions(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	g record;
	setting text;
	condition text;
	message text;
BEGIN
	EXECUTE format('SELECT s.*, p.products FROM %1$I.recommend_policy AS s CROSS JOIN %1$I.pipeline AS p', pipeline) INTO STRICT g;
	PERFORM tiering.require_recommend_relations(pipeline);
	FOR setting, condition IN SELECT v.* FROM (VALUES ('product_filter', g.product_filter), ('product_once', g.product_once)) AS v(s, c) WHERE v.c IS NOT NULL LOOP
		-- text that closes a parenthesis not its own does not pass between these
		EXECUTE format(E'SELECT ARRAY[%s\n]::boolean[] FROM %s AS p LIMIT 0', condition, g.products);
	END LOOP;
	setting := NULL;
	IF g.most_in_category > 0 AND g.product_category IS NULL THEN
		RAISE EXCEPTION 'most_in_category % needs product_category', g.most_in_category
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Name the column of the products with the category.';
	END IF;
EXCEPTION WHEN syntax_error_or_access_rule_violation OR data_exception THEN
	IF setting IS NULL OR SQLSTATE = '42501' THEN
		RAISE;
	END IF;
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
	RAISE EXCEPTION '% of pipeline "%" does not work: %', setting, pipeline, replace(message, 'at or near "]"', 'at its end')
		USING ERRCODE = SQLSTATE, DETAIL = format('It is: %s', condition),
			  HINT = format('It is a condition on the columns of %s, under the name p; other names in it need their schema.', g.products);
END;
$$;

COMMENT ON FUNCTION tiering.check_recommend_conditions(text) IS
'internal: refuses conditions on products that do not work';

-- Says what to offer and what not; from the next refresh on customers get
-- recommendations.  What is not named stays as it is; an empty text takes a setting away.
CREATE PROCEDURE tiering.create_recommendations(name text, n integer DEFAULT NULL, horizon_days integer DEFAULT NULL, only_new boolean DEFAULT NULL,
	product_name text DEFAULT NULL, product_category text DEFAULT NULL, product_filter text DEFAULT NULL, product_once text DEFAULT NULL, product_tier text DEFAULT NULL,
	customer_group text DEFAULT NULL, most_in_category integer DEFAULT NULL, diversity double precision DEFAULT NULL, min_customers integer DEFAULT NULL,
	rest_days integer DEFAULT NULL, half_life_days double precision DEFAULT NULL, click_weight double precision DEFAULT NULL, max_memory_mb integer DEFAULT NULL)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
BEGIN
	PERFORM tiering.require_pipeline(name);
	EXECUTE format('SELECT * FROM %I.pipeline', name) INTO STRICT p;
	IF p.product_id IS NULL THEN
		RAISE EXCEPTION 'pipeline "%" does not know the product of an order line', name
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = format('CALL tiering.alter_pipeline(%L, product_id => ...) names the column.', name);
	END IF;
	PERFORM tiering.require_id_type(p.orders, p.product_id, 'product_id'),
		tiering.require_number('n', n, 1, 100), tiering.require_number('horizon_days', horizon_days, 7, 365),
		tiering.require_number('most_in_category', most_in_category, 0, 100), tiering.require_number('diversity', diversity::numeric, 0, 0.9),
		tiering.require_number('min_customers', min_customers, 2, 1000000000), tiering.require_number('rest_days', rest_days, 0, 36500),
		tiering.require_number('half_life_days', half_life_days::numeric, 0, 36500), tiering.require_number('click_weight', click_weight::numeric, 0, 0.99),
		tiering.require_number('max_memory_mb', max_memory_mb, 1, 1048576);
	EXECUTE format($sql$
INSERT INTO %1$I.recommend_policy AS g (n, horizon_days, only_new, product_name, product_category, product_filter, product_once, product_tier, customer_group,
	most_in_category, diversity, min_customers, rest_days, half_life_days, click_weight, max_memory_mb)
SELECT COALESCE($1, o.n, 10), COALESCE($2, o.horizon_days, 90), COALESCE($3, o.only_new, false), NULLIF(COALESCE($4, o.product_name), ''), NULLIF(COALESCE($5, o.product_category), ''),
	NULLIF(COALESCE($6, o.product_filter), ''), NULLIF(COALESCE($7, o.product_once), ''), NULLIF(COALESCE($8, o.product_tier), ''), NULLIF(COALESCE($9, o.customer_group), ''),
	COALESCE($10, o.most_in_category, 0), COALESCE($11, o.diversity, 0), COALESCE($12, o.min_customers, 5), COALESCE($13, o.rest_days, 90),
	COALESCE($14, o.half_life_days, 180), COALESCE($15, o.click_weight, 0.2), COALESCE($16, o.max_memory_mb, 1024)
FROM (SELECT) AS one LEFT JOIN %1$I.recommend_policy AS o ON true
ON CONFLICT (one) DO UPDATE SET (n, horizon_days, only_new, product_name, product_category, product_filter, product_once, product_tier, customer_group,
	most_in_category, diversity, min_customers, rest_days, half_life_days, click_weight, max_memory_mb) = (EXCLUDED.n, EXCLUDED.horizon_days, EXCLUDED.only_new, EXCLUDED.product_name,
	EXCLUDED.product_category, EXCLUDED.product_filter, EXCLUDED.product_once, EXCLUDED.product_tier, EXCLUDED.customer_group, EXCLUDED.most_in_category, EXCLUDED.diversity,
	EXCLUDED.min_customers, EXCLUDED.rest_days, EXCLUDED.half_life_days, EXCLUDED.click_weight, EXCLUDED.max_memory_mb)$sql$, name)
		USING n, horizon_days, only_new, product_name, product_category, product_filter, product_once, product_tier, customer_group,
			most_in_category, diversity, min_customers, rest_days, half_life_days, click_weight, max_memory_mb;
	PERFORM tiering.check_recommend_conditions(name);
	PERFORM tiering.retype_recommend(name);
	-- names and conditions that do not work are refused now, and not by the next refresh
	PERFORM tiering.define_recommend_sources(name);
	-- they go with a column that is dropped with all that depends on it
	PERFORM tiering.define_recommend_views(name);
	RAISE NOTICE 'pipeline "%" recommends products', name
		USING HINT = format('CALL tiering.refresh(%L) makes the recommendations.', name);
END;
$$;

COMMENT ON PROCEDURE tiering.create_recommendations(text, integer, integer, boolean, text, text, text, text, text, text, integer, double precision, integer, integer, double precision, double precision, integer) IS
'says what to offer in a pipeline: from the next refresh on customers get recommendations';
