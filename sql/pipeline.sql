
/*
 * pipeline: create, alter, drop, list
 */

-- Refuses settings that make no sense; run after every change of them
CREATE FUNCTION tiering.check_settings(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
	given record;
	rule_bins integer;
BEGIN
	EXECUTE format('SELECT * FROM %I.pipeline', pipeline) INTO STRICT p;
	IF p.bins NOT BETWEEN 2 AND 100 THEN
		RAISE EXCEPTION 'bins % is not between 2 and 100', p.bins
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Five bins are usual.';
	END IF;
	FOR given IN SELECT * FROM (VALUES
			('refunds', p.refunds, ARRAY['reduce', 'void']),
			('materialization', p.materialization, ARRAY['materialized view', 'table', 'view']),
			('histories', p.histories, ARRAY['table', 'view']),
			('purchase_model', p.purchase_model, ARRAY['auto', 'bgnbd', 'mbgnbd', 'pareto_nbd'])) AS v(setting, value, allowed)
		WHERE v.value <> ALL (v.allowed)
	LOOP
		RAISE EXCEPTION '% "%" is unknown', given.setting, given.value
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = format('Choose one of: %s.', array_to_string(given.allowed, ', '));
	END LOOP;
	IF p.rfm_window <= interval '0' OR p.rfm_window < interval '1 day' THEN
		RAISE EXCEPTION 'rfm_window % is shorter than a day', p.rfm_window
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Pass, for example, ''1 year''.';
	END IF;
	IF p.rfm_window > interval '1000 years' THEN
		RAISE EXCEPTION 'rfm_window % is longer than 1000 years', p.rfm_window
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Without rfm_window all purchases count.';
	END IF;
	IF p.clv_horizon NOT BETWEEN interval '1 day' AND interval '100 years' THEN
		RAISE EXCEPTION 'clv_horizon % is not between a day and 100 years', p.clv_horizon
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Pass, for example, ''1 year''.';
	END IF;
	IF NOT isfinite(p.fit_since) THEN
		RAISE EXCEPTION 'fit_since % is not a day', p.fit_since
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Pass the first day of purchases that are to be fitted, or leave it out.';
	END IF;
	IF p.interval_level NOT BETWEEN 0 AND 0.999999999 THEN
		RAISE EXCEPTION 'interval_level % is not between 0 and 0.999999999', p.interval_level
			USING ERRCODE = 'invalid_parameter_value', HINT = '0.95 holds 95 of 100 customers; 0 makes no intervals.';
	END IF;
	PERFORM tiering.require_number('annual_discount_rate', p.annual_discount_rate::numeric, 0, 1),
		tiering.require_number('gross_margin', p.gross_margin::numeric, 0.000001, 1),
		tiering.require_number('fit_every', p.fit_every, 1, 36525);
	FOR given IN SELECT * FROM (VALUES
			('customer_id', p.customer_id), ('order_id', p.order_id), ('product_id', p.product_id),
			('quantity', p.quantity), ('changed_at', p.changed_at), ('currency', p.currency)) AS v(role, column_name)
		WHERE v.column_name IS NOT NULL
	LOOP
		PERFORM tiering.source_column_type(p.orders, given.column_name, given.role);
	END LOOP;
	IF p.products IS NOT NULL THEN
		PERFORM tiering.source_column_type(p.products, 'id', 'key of the products relation');
	END IF;
	IF p.identity IS NOT NULL THEN
		PERFORM tiering.source_column_type(p.identity, 'id', 'key of the identity relation');
		PERFORM tiering.source_column_type(p.identity, 'merged_into', 'target of the identity relation');
	END IF;
	EXECUTE format('SELECT min(bins) FROM %I.segment_rule WHERE rule_set = $1', pipeline)
		INTO rule_bins USING p.rule_set;
	IF rule_bins IS NULL THEN
		RAISE EXCEPTION 'rule set "%" does not exist in pipeline "%"', p.rule_set, pipeline
			USING ERRCODE = 'undefined_object',
				  HINT = format('Begin with the standard rules, insert yours into %I.segment_rule, then CALL tiering.alter_pipeline(%L, rule_set => %L).',
						pipeline, pipeline, p.rule_set);
	END IF;
	PERFORM tiering.source_date_sql(p.orders, p.ordered_at, p.time_zone);
	PERFORM tiering.source_amount_sql(p.orders, p.amount);
	PERFORM tiering.require_zone(p.time_zone);
	IF p.changed_at IS NOT NULL THEN
		PERFORM tiering.source_time_sql(p.orders, p.changed_at, COALESCE(p.time_zone, 'UTC'));
	END IF;
	IF p.quantity IS NOT NULL THEN
		PERFORM tiering.source_amount_sql(p.orders, p.quantity, 'quantity');
	END IF;
	PERFORM tiering.require_id_type(p.orders, p.customer_id, 'customer_id');
	IF NOT has_table_privilege(p.orders, 'SELECT') AND NOT has_any_column_privilege(p.orders, 'SELECT') THEN
		EXECUTE format('SELECT FROM %s LIMIT 0', p.orders);	-- the server's own error
	END IF;
END;
$$;

-- Makes the relations above the tables, in their order
CREATE FUNCTION tiering.define_all(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM tiering.define_identity(pipeline);
	PERFORM tiering.define_source(pipeline);
	PERFORM tiering.define_histories(pipeline);
	PERFORM tiering.define_cutoffs(pipeline);
	PERFORM tiering.define_customer_rfm(pipeline);
	PERFORM tiering.define_clv(pipeline);
	PERFORM tiering.define_summaries(pipeline);
	PERFORM tiering.define_tier_policies(pipeline);
	PERFORM tiering.define_tier_history(pipeline);
	PERFORM tiering.define_tier_views(pipeline);
	PERFORM tiering.define_tier_benefits(pipeline);
	PERFORM tiering.define_customer_benefit(pipeline);
	PERFORM tiering.define_churn(pipeline);
	PERFORM tiering.define_churn_features(pipeline);
	PERFORM tiering.define_churn_views(pipeline);
	PERFORM tiering.define_recommend(pipeline);
	PERFORM tiering.define_recommend_sources(pipeline);
	PERFORM tiering.define_recommend_views(pipeline);
	PERFORM tiering.define_profile(pipeline);
END;
$$;

CREATE PROCEDURE tiering.create_pipeline(
	name text, orders regclass, customer_id text, ordered_at text, amount text,
	order_id text DEFAULT NULL, product_id text DEFAULT NULL, quantity text DEFAULT NULL,
	changed_at text DEFAULT NULL, filter text DEFAULT NULL, time_zone text DEFAULT NULL,
	bins integer DEFAULT 5, rule_set text DEFAULT 'standard',
	materialization text DEFAULT 'materialized view', histories text DEFAULT 'table',
	refunds text DEFAULT 'reduce', rfm_window interval DEFAULT NULL, currency text DEFAULT NULL,
	customers regclass DEFAULT NULL, products regclass DEFAULT NULL, identity regclass DEFAULT NULL,
	purchase_model text DEFAULT 'auto', clv_horizon interval DEFAULT '1 year',
	annual_discount_rate double precision DEFAULT 0.1, gross_margin double precision DEFAULT 1,
	interval_level double precision DEFAULT 0.95, fit_since date DEFAULT NULL, fit_every integer DEFAULT 7)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	missing text;
BEGIN
	SELECT string_agg(v.argument, ', ') INTO missing FROM (VALUES
		('name', name), ('orders', orders::text), ('customer_id', customer_id), ('ordered_at', ordered_at),
		('amount', amount), ('bins', bins::text), ('rule_set', rule_set), ('materialization', materialization),
		('histories', histories), ('refunds', refunds), ('purchase_model', purchase_model),
		('clv_horizon', clv_horizon::text), ('annual_discount_rate', annual_discount_rate::text),
		('gross_margin', gross_margin::text), ('interval_level', interval_level::text), ('fit_every', fit_every::text)) AS v(argument, value)
	WHERE v.value IS NULL;
	IF missing IS NOT NULL THEN
		RAISE EXCEPTION 'argument(s) % must not be null', missing USING ERRCODE = 'null_value_not_allowed';
	END IF;
	IF octet_length(name) > 63 OR name = '' THEN
		RAISE EXCEPTION 'pipeline name "%" has % bytes, not 1 to 63', name, octet_length(name)
			USING ERRCODE = 'invalid_name', HINT = 'It becomes the name of a schema.';
	END IF;
	IF to_regnamespace(quote_ident(name)) IS NOT NULL THEN
		RAISE EXCEPTION 'schema "%" already exists', name
			USING ERRCODE = 'duplicate_schema',
				  HINT = 'A pipeline makes a schema of its own: choose another name, or call tiering.drop_pipeline() first.';
	END IF;
	IF (SELECT c.relpersistence FROM pg_class AS c WHERE c.oid = orders) = 't' THEN
		RAISE EXCEPTION '% is a temporary table', orders
			USING ERRCODE = 'wrong_object_type', HINT = 'Load the orders into an ordinary table.';
	END IF;
	-- zone and columns are checked before anything is made
	PERFORM tiering.source_column_type(orders, customer_id, 'customer_id');
	PERFORM tiering.source_date_sql(orders, ordered_at, time_zone);
	PERFORM tiering.source_amount_sql(orders, amount);

	EXECUTE format('CREATE SCHEMA %I', name);
	EXECUTE format('COMMENT ON SCHEMA %I IS %L', name, format('customer_tiering pipeline over %s', orders));
	PERFORM tiering.define_tables(name);
	EXECUTE format($sql$
INSERT INTO %I.pipeline (pipeline, orders, customer_id, ordered_at, amount, order_id, product_id, quantity,
	changed_at, filter, time_zone, bins, rule_set, materialization, histories, refunds, rfm_window,
	currency, customers, products, identity, purchase_model, clv_horizon, annual_discount_rate, gross_margin,
	interval_level, fit_since, fit_every)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
	$22, $23, $24, $25, $26, $27, $28)$sql$, name)
	USING name, orders, customer_id, ordered_at, amount, NULLIF(order_id, ''), NULLIF(product_id, ''),
		NULLIF(quantity, ''), NULLIF(changed_at, ''), NULLIF(filter, ''),
		NULLIF(time_zone, ''), bins, rule_set, materialization, histories, refunds,
		rfm_window, NULLIF(currency, ''), NULLIF(customers::oid, 0)::regclass,
		NULLIF(products::oid, 0)::regclass, NULLIF(identity::oid, 0)::regclass,
		purchase_model, clv_horizon, annual_discount_rate, gross_margin, interval_level, fit_since, fit_every;
	PERFORM tiering.check_settings(name);
	PERFORM tiering.define_all(name);
	RAISE NOTICE 'pipeline "%" is made, and empty', name
		USING HINT = format('CALL tiering.refresh(%L) fills it.', name);
END;
$$;

CREATE PROCEDURE tiering.alter_pipeline(
	name text, orders regclass DEFAULT NULL, customer_id text DEFAULT NULL, ordered_at text DEFAULT NULL,
	amount text DEFAULT NULL, order_id text DEFAULT NULL, product_id text DEFAULT NULL, quantity text DEFAULT NULL,
	changed_at text DEFAULT NULL, filter text DEFAULT NULL, time_zone text DEFAULT NULL,
	bins integer DEFAULT NULL, rule_set text DEFAULT NULL,
	materialization text DEFAULT NULL, histories text DEFAULT NULL,
	refunds text DEFAULT NULL, rfm_window interval DEFAULT NULL, currency text DEFAULT NULL,
	customers regclass DEFAULT NULL, products regclass DEFAULT NULL, identity regclass DEFAULT NULL,
	purchase_model text DEFAULT NULL, clv_horizon interval DEFAULT NULL,
	annual_discount_rate double precision DEFAULT NULL, gross_margin double precision DEFAULT NULL,
	interval_level double precision DEFAULT NULL, fit_since date DEFAULT NULL, fit_every integer DEFAULT NULL)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	before record;
	after record;
	source_changed boolean;
	rebuilt text[] := ARRAY['recommend_purchase', 'purchase', 'order_line', 'customer_merge'];
	grants text[];
BEGIN
	PERFORM tiering.require_pipeline(name);
	IF orders = 0::regclass THEN
		RAISE EXCEPTION 'orders cannot be taken away from a pipeline'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Name another table, or drop the pipeline.';
	END IF;
	PERFORM tiering.lock_pipeline(name);
	EXECUTE format('SELECT * FROM %I.pipeline', name) INTO STRICT before;
	-- an empty text, '-' as a relation and interval '0' take a setting away
	EXECUTE format($sql$
UPDATE %I.pipeline SET
	orders = COALESCE($1, orders), customer_id = COALESCE($2, customer_id),
	ordered_at = COALESCE($3, ordered_at), amount = COALESCE($4, amount),
	order_id = NULLIF(COALESCE($5, order_id), ''), product_id = NULLIF(COALESCE($6, product_id), ''),
	quantity = NULLIF(COALESCE($7, quantity), ''), changed_at = NULLIF(COALESCE($8, changed_at), ''),
	filter = NULLIF(COALESCE($9, filter), ''), time_zone = NULLIF(COALESCE($10, time_zone), ''),
	bins = COALESCE($11, bins), rule_set = COALESCE($12, rule_set),
	materialization = COALESCE($13, materialization), histories = COALESCE($14, histories),
	refunds = COALESCE($15, refunds), rfm_window = NULLIF(COALESCE($16, rfm_window), interval '0'),
	currency = NULLIF(COALESCE($17, currency), ''),
	customers = NULLIF(COALESCE($18, customers)::oid, 0)::regclass,
	products = NULLIF(COALESCE($19, products)::oid, 0)::regclass,
	identity = NULLIF(COALESCE($20, identity)::oid, 0)::regclass,
	purchase_model = COALESCE($21, purchase_model), clv_horizon = COALESCE($22, clv_horizon),
	annual_discount_rate = COALESCE($23, annual_discount_rate), gross_margin = COALESCE($24, gross_margin),
	interval_level = COALESCE($25, interval_level),
	fit_since = NULLIF(COALESCE($26, fit_since), '-infinity'), fit_every = COALESCE($27, fit_every)
RETURNING *$sql$, name) INTO STRICT after
	USING orders, customer_id, ordered_at, amount, order_id, product_id, quantity, changed_at, filter, time_zone,
		bins, rule_set, materialization, histories, refunds, rfm_window, currency, customers, products, identity,
		purchase_model, clv_horizon, annual_discount_rate, gross_margin, interval_level, fit_since, fit_every;
	PERFORM tiering.check_settings(name);
	IF rule_set IS NOT NULL THEN
		-- broken rules are refused here, and not only by the next refresh
		EXECUTE format('SELECT count(*) FROM %I.segment_cell', name);
	END IF;
	source_changed := (before.orders, before.customer_id, before.ordered_at, before.amount, before.order_id,
			before.product_id, before.quantity, before.changed_at, before.currency, before.filter,
			before.time_zone, before.refunds, before.identity)
		IS DISTINCT FROM (after.orders, after.customer_id, after.ordered_at, after.amount, after.order_id,
			after.product_id, after.quantity, after.changed_at, after.currency, after.filter,
			after.time_zone, after.refunds, after.identity)
		OR orders IS NOT NULL;	-- named again: its definition may have changed
	IF source_changed THEN
		EXECUTE format('UPDATE %I.pipeline SET source_version = source_version + 1', name);
	END IF;
	IF before.histories <> after.histories OR before.materialization <> after.materialization
	   OR source_changed AND after.histories = 'view'
	   OR tiering.column_type(to_regclass(format('%I.purchase_history', name)), 'customer_id')
		IS DISTINCT FROM tiering.column_type(after.orders, after.customer_id) THEN
		PERFORM tiering.redefine_all(name);
		RETURN;
	END IF;
	IF source_changed THEN
		grants := tiering.grants_sql(name, rebuilt);
		PERFORM tiering.drop_relations(name, rebuilt);
		PERFORM tiering.define_identity(name);
		PERFORM tiering.define_source(name);
	END IF;
	PERFORM tiering.retype_recommend(name);
	PERFORM tiering.define_recommend_sources(name);
	PERFORM tiering.define_recommend_views(name);
	PERFORM tiering.grant_again(name, grants);
	PERFORM tiering.define_profile(name);
	PERFORM tiering.define_customer_benefit(name);
	IF after.identity IS NULL THEN
		PERFORM tiering.drop_relations(name, ARRAY['customer_identity']);
	END IF;
END;
$$;

-- What uses some of a pipeline's relations from outside of them
CREATE FUNCTION tiering.used_by(pipeline text, relations text[])
RETURNS text
LANGUAGE SQL STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH own AS (
		SELECT c.oid FROM pg_class AS c
		WHERE c.relnamespace = to_regnamespace(quote_ident(pipeline)) AND c.relname = ANY (relations)
	), use AS (
		SELECT DISTINCT COALESCE(pg_describe_object('pg_class'::regclass, w.ev_class, 0),
				pg_describe_object(d.classid, d.objid, d.objsubid)) AS who,
			pg_describe_object('pg_class'::regclass, own.oid, 0) AS what
		FROM own
			JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = own.oid AND d.deptype = 'n'
			LEFT JOIN pg_rewrite AS w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
			LEFT JOIN pg_constraint AS k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
			LEFT JOIN pg_attrdef AS v ON d.classid = 'pg_attrdef'::regclass AND v.oid = d.objid
			LEFT JOIN pg_trigger AS t ON d.classid = 'pg_trigger'::regclass AND t.oid = d.objid
		WHERE COALESCE(w.ev_class, k.conrelid, v.adrelid, t.tgrelid, 0) NOT IN (SELECT o.oid FROM own AS o)
	)
	SELECT string_agg(format('%s depends on %s', who, what), E'\n' ORDER BY who, what) FROM use
$$;

-- Drops some of a pipeline's relations; one that others use is kept, and all
-- that stands in the way is named
CREATE FUNCTION tiering.drop_relations(pipeline text, relations text[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	users text := tiering.used_by(pipeline, relations);
	relation record;
	used_by text;
BEGIN
	FOR relation IN
		SELECT c.relname, CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END AS kind
		FROM unnest(relations) WITH ORDINALITY AS u(relname, n)
			JOIN pg_class AS c ON c.relname = u.relname AND c.relkind IN ('r', 'v', 'm')
			JOIN pg_namespace AS s ON s.oid = c.relnamespace AND s.nspname = pipeline
		ORDER BY u.n
	LOOP
		BEGIN
			EXECUTE format('DROP %s %I.%I', relation.kind, pipeline, relation.relname);
		EXCEPTION WHEN dependent_objects_still_exist THEN
			GET STACKED DIAGNOSTICS used_by = PG_EXCEPTION_DETAIL;
			RAISE EXCEPTION 'cannot rebuild %.%, which other objects use', quote_ident(pipeline), quote_ident(relation.relname)
				USING ERRCODE = 'dependent_objects_still_exist', DETAIL = COALESCE(users, used_by),
					  HINT = 'Drop them, change the pipeline, and create them again.';
		END;
	END LOOP;
END;
$$;

-- Statements that grant again what is granted on some relations and their columns
CREATE FUNCTION tiering.grants_sql(pipeline text, relations text[])
RETURNS text[]
LANGUAGE SQL STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH granted AS (
		SELECT c.relname, c.relowner, NULL AS attname, c.relacl AS acl
		FROM pg_class AS c
		WHERE c.relnamespace = to_regnamespace(quote_ident(pipeline)) AND c.relname = ANY (relations)
		UNION ALL
		SELECT c.relname, c.relowner, a.attname, a.attacl
		FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
		WHERE c.relnamespace = to_regnamespace(quote_ident(pipeline)) AND c.relname = ANY (relations)
	)
	SELECT array_agg(format('GRANT %s%s ON %I.%I TO %s%s', x.privilege_type,
			CASE WHEN g.attname IS NULL THEN '' ELSE format(' (%I)', g.attname) END, pipeline, g.relname,
			CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END,
			CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END))
	FROM granted AS g
		CROSS JOIN LATERAL aclexplode(g.acl) AS x
		LEFT JOIN pg_roles AS r ON r.oid = x.grantee
	WHERE x.grantee <> g.relowner
$$;

-- Runs those for relations that are there again
CREATE FUNCTION tiering.grant_again(pipeline text, grants text[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	one text;
BEGIN
	FOREACH one IN ARRAY COALESCE(grants, '{}') LOOP
		BEGIN
			EXECUTE one;
		EXCEPTION WHEN undefined_table THEN
			NULL;	-- a relation that the pipeline has no more
		END;
	END LOOP;
END;
$$;

-- Makes everything above the tables anew; rights granted on it are granted again
CREATE FUNCTION tiering.redefine_all(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	published text[] := ARRAY['customer_profile', 'next_offer', 'product_season', 'recommend_performance', 'recommend_customer', 'recommend_purchase', 'recommend_product', 'recommendation', 'recommend_history', 'recommend_feedback', 'product_affinity', 'recommend_item', 'value_matrix', 'customer_churn', 'churn_model', 'churn_score', 'customer_benefit', 'tier_summary', 'tier_movement', 'customer_tier', 'tier_history', 'segment_summary', 'rfm_heatmap', 'customer_clv', 'clv_model', 'customer_rfm', 'segment_cell',
		'rfm_cutoff', 'day', 'purchase_history', 'purchase_history_stored', 'purchase', 'order_line',
		'customer_identity', 'customer_merge'];
	grants text[];
	indexes text;
BEGIN
	grants := tiering.grants_sql(pipeline, published);
	SELECT string_agg(format('%I.%I', pipeline, i.relname), ', ') INTO indexes
	FROM pg_class AS c JOIN pg_index AS x ON x.indrelid = c.oid JOIN pg_class AS i ON i.oid = x.indexrelid
	WHERE c.relnamespace = to_regnamespace(quote_ident(pipeline)) AND c.relname IN ('customer_rfm', 'customer_clv')
	  AND i.relname <> c.relname || '_key';
	PERFORM tiering.drop_relations(pipeline, ARRAY['customer_profile', 'next_offer', 'product_season', 'recommend_performance', 'recommend_customer', 'recommend_purchase', 'recommend_product', 'value_matrix', 'customer_churn', 'churn_model', 'customer_benefit', 'tier_summary', 'tier_movement', 'customer_tier', 'tier_history', 'rfm_heatmap', 'segment_summary',
		'customer_clv', 'clv_model', 'customer_rfm', 'segment_cell', 'rfm_cutoff', 'day', 'purchase_history', 'purchase_history_stored',
		'purchase', 'order_line', 'customer_identity', 'customer_merge']);
	IF tiering.recommend_types_differ(pipeline) THEN
		-- no view stands in the way any more
		PERFORM tiering.drop_relations(pipeline, tiering.recommend_relations());
		EXECUTE format('DELETE FROM %I.model AS m WHERE m.model = ''recommend''', pipeline);
	END IF;
	EXECUTE format('UPDATE %I.pipeline SET source_version = source_version + 1', pipeline);
	PERFORM tiering.define_all(pipeline);
	PERFORM tiering.grant_again(pipeline, grants);
	RAISE NOTICE 'the relations of pipeline "%" were made anew and are empty', pipeline
		USING HINT = format('CALL tiering.refresh(%L) fills them.', pipeline);
	IF indexes IS NOT NULL THEN
		RAISE NOTICE 'indexes of your own went with the old relations: %', indexes
			USING HINT = 'Create them again.';
	END IF;
END;
$$;

CREATE PROCEDURE tiering.drop_pipeline(name text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	used_by text;
	own text[] := ARRAY['customer_profile', 'next_offer', 'product_season', 'recommend_performance', 'recommend_customer', 'recommend_purchase', 'recommend_product', 'recommendation', 'product_affinity',
		'recommend_history', 'recommend_feedback', 'recommend_quality', 'recommend_item', 'recommend_policy', 'value_matrix', 'customer_churn', 'churn_model', 'churn_score', 'churn_quality', 'churn_feature', 'churn_policy', 'customer_benefit', 'tier_summary', 'tier_movement', 'customer_tier', 'tier_history', 'tier_standing', 'tier_decision', 'tier_snapshot',
		'tier_override', 'tier_evaluation', 'tier_entitlement', 'tier_benefit', 'tier_occasion', 'tier_name', 'tier_condition', 'tier', 'tier_policy', 'tier_metric', 'tier_programme', 'rfm_heatmap', 'segment_summary', 'customer_clv', 'clv_model', 'customer_rfm', 'segment_cell',
		'rfm_cutoff', 'day', 'purchase_history', 'purchase_history_stored', 'purchase', 'order_line',
		'customer_identity', 'customer_merge', 'model', 'log', 'run', 'segment_rule', 'pipeline'];
	stranger text;
BEGIN
	PERFORM tiering.require_pipeline(name);
	PERFORM tiering.lock_pipeline(name);
	SELECT string_agg(quote_ident(c.relname), ', ' ORDER BY c.relname) INTO stranger
	FROM pg_class AS c
	WHERE c.relnamespace = to_regnamespace(quote_ident(name))
	  AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relname <> ALL (own);
	IF stranger IS NOT NULL THEN
		RAISE EXCEPTION 'schema "%" holds relations that are not the pipeline''s: %', name, stranger
			USING ERRCODE = 'dependent_objects_still_exist',
				  HINT = 'Move or drop them first; or DROP SCHEMA ... CASCADE drops everything.';
	END IF;
	PERFORM tiering.drop_relations(name, own);
	EXECUTE format('DROP SCHEMA %I', name);
EXCEPTION WHEN dependent_objects_still_exist THEN
	GET STACKED DIAGNOSTICS used_by = PG_EXCEPTION_DETAIL;
	RAISE EXCEPTION 'cannot drop pipeline "%", which other objects use', name
		USING ERRCODE = 'dependent_objects_still_exist', DETAIL = COALESCE(NULLIF(used_by, ''), stranger, ''),
			  HINT = 'Drop or move them first; or DROP SCHEMA ... CASCADE drops everything.';
END;
$$;

-- One at a time: refresh, alter and drop take this lock until they commit
CREATE FUNCTION tiering.lock_pipeline(pipeline text)
RETURNS void
LANGUAGE SQL
BEGIN ATOMIC
	SELECT pg_catalog.pg_advisory_xact_lock(
		pg_catalog.hashtextextended('customer_tiering pipeline ' || pipeline, 0));
END;

CREATE FUNCTION tiering.try_lock_pipeline(pipeline text)
RETURNS boolean
LANGUAGE SQL
BEGIN ATOMIC
	SELECT pg_catalog.pg_try_advisory_xact_lock(
		pg_catalog.hashtextextended('customer_tiering pipeline ' || pipeline, 0));
END;

-- Is a session still there and at work?  What it hides from the caller counts as yes.
CREATE FUNCTION tiering.session_runs(session_pid integer, started timestamptz)
RETURNS boolean
LANGUAGE SQL STABLE
BEGIN ATOMIC
	SELECT EXISTS (
		SELECT FROM pg_catalog.pg_stat_activity AS a
		WHERE a.pid = session_pid AND a.datname = pg_catalog.current_database()
			AND (a.backend_start IS NULL OR a.backend_start = started)
			AND COALESCE(a.state, 'active') IN ('active', 'disabled'));
END;

COMMENT ON FUNCTION tiering.session_runs(integer, timestamptz) IS
'internal: is a session still there and at work?';

-- Reads the pipelines that the caller may read.  A table may only look like a
-- pipeline's: it is read by plain_rows(), which runs nobody's code.
CREATE FUNCTION tiering.list_pipelines()
RETURNS TABLE (pipeline text, owner name, orders text, histories text, materialization text,
	state text, run bigint, as_of date, last_started timestamptz, last_finished timestamptz, age interval,
	duration interval, customers bigint, source_lines bigint, build text, error text)
LANGUAGE SQL STABLE
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, YMD'
AS $$
	WITH place AS MATERIALIZED (
		SELECT n.nspname, r.rolname, p.oid AS pipeline_table, u.oid AS run_table
		FROM pg_class AS p
			JOIN pg_namespace AS n ON n.oid = p.relnamespace
			JOIN pg_class AS u ON u.relnamespace = n.oid AND u.relname = 'run' AND u.relowner = p.relowner
			JOIN pg_roles AS r ON r.oid = p.relowner
		WHERE p.relname = 'pipeline' AND p.relkind = 'r' AND u.relkind = 'r'
		  AND has_schema_privilege(n.oid, 'USAGE')
		  AND has_table_privilege(p.oid, 'SELECT') AND has_table_privilege(u.oid, 'SELECT')
	)
	SELECT place.nspname, place.rolname, s.f[1], s.f[2], s.f[3],
		CASE WHEN u.f[2] = 'running' AND NOT tiering.session_runs(u.f[10]::integer, u.f[11]::timestamptz)
			 THEN 'interrupted' ELSE COALESCE(u.f[2], 'new') END, u.f[1]::bigint,
		u.f[3]::date, u.f[4]::timestamptz, d.f[5]::timestamptz, clock_timestamp() - d.f[5]::timestamptz,
		d.f[5]::timestamptz - d.f[4]::timestamptz, d.f[6]::bigint, d.f[7]::bigint, u.f[8], u.f[9]
	FROM place
		CROSS JOIN LATERAL tiering.plain_rows(place.pipeline_table,
			ARRAY['orders', 'histories', 'materialization'], '{regclass,text,text}') AS s(f)
		LEFT JOIN LATERAL (
			SELECT r.f FROM tiering.plain_rows(place.run_table, ARRAY['run', 'state', 'as_of', 'started_at',
				'finished_at', 'customers', 'source_lines', 'build', 'error', 'pid', 'backend_start'],
				'{bigint,text,date,timestamptz,timestamptz,bigint,bigint,text,text,integer,timestamptz}') AS r(f)
			ORDER BY r.f[1]::bigint DESC LIMIT 1) AS u ON true
		LEFT JOIN LATERAL (
			SELECT r.f FROM tiering.plain_rows(place.run_table, ARRAY['run', 'state', 'as_of', 'started_at',
				'finished_at', 'customers', 'source_lines', 'build', 'error'],
				'{bigint,text,date,timestamptz,timestamptz,bigint,bigint,text,text}') AS r(f)
			-- times that never were would stop everybody from reading this
			WHERE r.f[2] = 'done' AND r.f[4]::timestamptz BETWEEN '2000-01-01' AND '2200-01-01'
				AND r.f[5]::timestamptz BETWEEN '2000-01-01' AND '2200-01-01' ORDER BY r.f[1]::bigint DESC LIMIT 1) AS d ON true
	ORDER BY place.nspname
$$;

CREATE VIEW tiering.pipelines AS
SELECT pipeline, owner, orders, histories, materialization, state, run, as_of, last_started,
	last_finished, age, duration, customers, source_lines, build, error
FROM tiering.list_pipelines();

GRANT SELECT ON tiering.pipelines TO PUBLIC;

COMMENT ON VIEW tiering.pipelines IS 'the pipelines that you may read: settings, newest run, age of the newest finished one';
COMMENT ON COLUMN tiering.pipelines.pipeline IS 'name, which is that of its schema';
COMMENT ON COLUMN tiering.pipelines.owner IS 'who may refresh and change it';
COMMENT ON COLUMN tiering.pipelines.orders IS 'the relation that it reads';
COMMENT ON COLUMN tiering.pipelines.histories IS 'table or view';
COMMENT ON COLUMN tiering.pipelines.materialization IS 'how customer_rfm and customer_clv are kept';
COMMENT ON COLUMN tiering.pipelines.run IS 'number of the newest run';
COMMENT ON COLUMN tiering.pipelines.as_of IS 'day of the newest run''s analysis';
COMMENT ON COLUMN tiering.pipelines.last_started IS 'when the newest run began';
COMMENT ON COLUMN tiering.pipelines.last_finished IS 'when a refresh last finished';
COMMENT ON COLUMN tiering.pipelines.duration IS 'how long that one took';
COMMENT ON COLUMN tiering.pipelines.customers IS 'customers that it scored';
COMMENT ON COLUMN tiering.pipelines.source_lines IS 'rows of the orders that it used';
COMMENT ON COLUMN tiering.pipelines.error IS 'why the newest run failed';
COMMENT ON COLUMN tiering.pipelines.state IS 'of the newest run: new, running, done, failed, or interrupted if its session has gone';
COMMENT ON COLUMN tiering.pipelines.age IS 'time since a refresh last finished';
COMMENT ON COLUMN tiering.pipelines.build IS 'how the newest run made the histories: full, changes or view';

CREATE FUNCTION tiering.segment_check(pipeline text, rule_set text DEFAULT NULL)
RETURNS TABLE (problem text, r_score integer, f_score integer, m_score integer, segments text[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM tiering.require_pipeline(pipeline);
	RETURN QUERY EXECUTE format($sql$
SELECT c.* FROM tiering.segment_check(ARRAY(
	SELECT ROW(s.rule_set, s.bins, s."position", s.segment,
		s.r_min, s.r_max, s.f_min, s.f_max, s.m_min, s.m_max)::tiering.segment_rule
	FROM %1$I.segment_rule AS s
	WHERE s.rule_set = COALESCE($1, (SELECT p.rule_set FROM %1$I.pipeline AS p)))) AS c$sql$, pipeline)
	USING rule_set;
END;
$$;

COMMENT ON FUNCTION tiering.segment_check(text, text) IS
'every hole, overlap and broken rule of a pipeline''s rule set; no row if it is sound';
COMMENT ON PROCEDURE tiering.create_pipeline(text, regclass, text, text, text, text, text, text, text, text, text,
	integer, text, text, text, text, interval, text, regclass, regclass, regclass, text, interval, double precision,
	double precision, double precision, date, integer) IS
'makes a schema that turns an orders table into scores, segments and profiles';
COMMENT ON PROCEDURE tiering.alter_pipeline(text, regclass, text, text, text, text, text, text, text, text, text,
	integer, text, text, text, text, interval, text, regclass, regclass, regclass, text, interval, double precision,
	double precision, double precision, date, integer) IS
'changes settings of a pipeline: NULL keeps one, an empty text takes it away';
COMMENT ON PROCEDURE tiering.drop_pipeline(text) IS
'drops a pipeline and its schema; refuses while other objects use it';
