
/*
 * pipeline: the tables that hold what cannot be computed again
 */

CREATE FUNCTION tiering.define_tables(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format($sql$
CREATE TABLE %1$I.pipeline (
	pipeline text NOT NULL PRIMARY KEY,
	orders regclass NOT NULL,
	customer_id text NOT NULL,
	ordered_at text NOT NULL,
	amount text NOT NULL,
	order_id text,
	product_id text,
	quantity text,
	changed_at text,
	currency text,
	filter text,
	time_zone text,
	bins integer NOT NULL,
	rule_set text NOT NULL,
	rfm_window interval,
	refunds text NOT NULL,
	materialization text NOT NULL,
	histories text NOT NULL,
	customers regclass,
	products regclass,
	identity regclass,
	purchase_model text NOT NULL,
	clv_horizon interval NOT NULL,
	annual_discount_rate double precision NOT NULL,
	gross_margin double precision NOT NULL,
	interval_level double precision NOT NULL,
	fit_since date,
	fit_every integer NOT NULL,
	as_of date,
	changes_by text,
	source_columns smallint[],
	published jsonb NOT NULL DEFAULT '[]',
	source_version integer NOT NULL DEFAULT 1,
	last_run bigint,
	scored_run bigint,
	created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE %1$I.run (
	run bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	as_of date NOT NULL,
	state text NOT NULL CHECK (state IN ('running', 'done', 'failed')),
	started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	finished_at timestamptz,
	pid integer NOT NULL DEFAULT pg_backend_pid(),
	backend_start timestamptz,
	full_requested boolean NOT NULL,
	refit_requested boolean NOT NULL,
	build text CHECK (build IN ('full', 'changes', 'view')),
	source_lines bigint,
	lines_left_out bigint,
	customers bigint,
	changed_from xid8,
	changed_from_time timestamptz,
	system_identifier bigint,
	source_parts oid[],
	settings_version integer NOT NULL,
	source_version integer,
	bins integer,
	since date,
	r_cutoffs double precision[],
	f_cutoffs double precision[],
	m_cutoffs double precision[],
	newest_purchase date,
	error text
);
CREATE TABLE %1$I.log (
	run bigint NOT NULL REFERENCES %1$I.run ON DELETE CASCADE,
	step text NOT NULL,
	state text NOT NULL CHECK (state IN ('running', 'done', 'failed')),
	rows bigint,
	started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	finished_at timestamptz,
	duration interval GENERATED ALWAYS AS (finished_at - started_at) STORED,
	detail text,
	PRIMARY KEY (run, step)
);
CREATE TABLE %1$I.segment_rule (
	rule_set text NOT NULL,
	bins integer NOT NULL,
	"position" integer NOT NULL,
	segment text NOT NULL,
	r_min integer NOT NULL,
	r_max integer NOT NULL,
	f_min integer NOT NULL,
	f_max integer NOT NULL,
	m_min integer NOT NULL,
	m_max integer NOT NULL,
	PRIMARY KEY (rule_set, "position")
);
INSERT INTO %1$I.segment_rule SELECT * FROM tiering.segment_rules();
CREATE TABLE %1$I.model (
	model text NOT NULL,
	version integer NOT NULL,
	kind text NOT NULL,
	run bigint,
	fitted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	as_of date,
	fit_since date,
	first_purchase date,
	last_purchase date,
	customers bigint NOT NULL,
	status text NOT NULL,
	parameters double precision[],
	fit jsonb NOT NULL,
	metrics jsonb,
	in_use boolean NOT NULL,
	note text,
	classifier tiering.classifier,
	encoding jsonb,
	recommender tiering.recommender,
	checksum text GENERATED ALWAYS AS (encode(sha256(tiering.classifier_send(classifier) || decode(md5(COALESCE(encoding::text, '')), 'hex')), 'hex')) STORED,
	PRIMARY KEY (model, version),
	CHECK (model IN ('purchase', 'value', 'churn', 'recommend') OR encoding IS NOT NULL),
	CHECK (model NOT IN ('purchase', 'value', 'churn', 'recommend') OR as_of IS NOT NULL),
	CHECK (version BETWEEN 1 AND 1000000000),
	CHECK (CASE model WHEN 'value' THEN kind = 'gamma_gamma' WHEN 'purchase' THEN kind IN ('nbd', 'bgnbd', 'mbgnbd', 'pareto_nbd')
		WHEN 'churn' THEN kind IN ('recency', 'no_purchase', 'logistic', 'boosting')
		WHEN 'recommend' THEN kind IN ('popular', 'popular_in_group', 'buy_again', 'similar', 'factors', 'ease', 'blend') ELSE kind IN ('logistic', 'boosting') END),
	CHECK (classifier IS NULL OR model NOT IN ('purchase', 'value', 'recommend')),
	CHECK (recommender IS NULL OR model = 'recommend'),
	CHECK (model IN ('purchase', 'value') OR NOT in_use OR classifier IS NOT NULL OR recommender IS NOT NULL),
	-- records are summarized in weeks
	CHECK (model <> 'purchase' OR COALESCE(fit ->> 'time_unit', 'week') = 'week')
);
CREATE UNIQUE INDEX model_in_use ON %1$I.model (model) WHERE in_use;
COMMENT ON TABLE %1$I.model IS 'every model that was fitted, and which of them score customers';
COMMENT ON COLUMN %1$I.model.model IS 'what it is for: purchase, value, churn or recommend, or the name that train() was given';
COMMENT ON COLUMN %1$I.model.classifier IS 'the model itself, of churn and of train()';
COMMENT ON COLUMN %1$I.model.recommender IS 'the model itself, of recommendations; of former versions it is not kept';
COMMENT ON COLUMN %1$I.model.encoding IS 'how the columns of a query become features, of train()';
COMMENT ON COLUMN %1$I.model.checksum IS 'SHA-256 of the classifier with its encoding';
COMMENT ON COLUMN %1$I.model.version IS 'number, counted for each use';
COMMENT ON COLUMN %1$I.model.kind IS 'which model: nbd, bgnbd, mbgnbd, pareto_nbd; gamma_gamma; recency, no_purchase, logistic, boosting; popular, popular_in_group, buy_again, similar, factors, ease, blend';
COMMENT ON COLUMN %1$I.model.run IS 'run that fitted it';
COMMENT ON COLUMN %1$I.model.fitted_at IS 'when';
COMMENT ON COLUMN %1$I.model.as_of IS 'last day whose purchases it knows; NULL: of train(), which knows no days';
COMMENT ON COLUMN %1$I.model.fit_since IS 'it knows customers who first bought on this day or later; NULL: all';
COMMENT ON COLUMN %1$I.model.first_purchase IS 'first day of purchases that it knows';
COMMENT ON COLUMN %1$I.model.last_purchase IS 'last day of purchases that it knows';
COMMENT ON COLUMN %1$I.model.metrics IS 'how well each kind of model foretold the last part of the data, or the model of train() rows that it did not know; NULL: that was not tried';
COMMENT ON COLUMN %1$I.model.customers IS 'how many it was fitted to; of train(), rows';
COMMENT ON COLUMN %1$I.model.status IS 'converged, ridge, boundary, too_few, separated, not_converged, or fitted, of trees';
COMMENT ON COLUMN %1$I.model.parameters IS 'in the order of the model''s constructor, times in weeks; of recommendations the weights of the blend';
COMMENT ON COLUMN %1$I.model.fit IS 'all that the fit said: parameters, standard errors and covariances, log-likelihood; of train() its query, target and options';
COMMENT ON COLUMN %1$I.model.in_use IS 'does it score customers?  At most one for each use';
COMMENT ON COLUMN %1$I.model.note IS 'why it was fitted, and why this kind';
COMMENT ON TABLE %1$I.pipeline IS 'settings of this pipeline; change them with tiering.alter_pipeline()';
COMMENT ON TABLE %1$I.run IS 'one row a refresh: state, day of analysis, cut points, what was known of the orders';
COMMENT ON TABLE %1$I.log IS 'one row a step of a refresh, with rows and duration; it can be watched while a refresh runs';
COMMENT ON TABLE %1$I.segment_rule IS 'boxes of scores and the segment they belong to; yours to edit, see tiering.segment_check()';
COMMENT ON COLUMN %1$I.pipeline.changes_by IS 'what tells changed orders: row versions, changed_at, or nothing, and then every refresh reads all';
COMMENT ON COLUMN %1$I.pipeline.source_columns IS 'numbers of the columns with customer, time and amount, which outlast a new name';
COMMENT ON COLUMN %1$I.pipeline.published IS 'columns of customer_profile with their types, in their order';
COMMENT ON COLUMN %1$I.pipeline.last_run IS 'newest run; every refresh writes it, so that one with an older snapshot fails';
COMMENT ON COLUMN %1$I.pipeline.scored_run IS 'run whose scores are published';
COMMENT ON COLUMN %1$I.pipeline.source_version IS 'counts the changes of settings that make other histories';
COMMENT ON COLUMN %1$I.run.changed_from IS 'transactions from here on may hold orders that the histories lack';
COMMENT ON COLUMN %1$I.run.lines_left_out IS 'rows that pass the filter but have no customer, date or amount';
COMMENT ON COLUMN %1$I.log.rows IS 'rows that the step wrote';
COMMENT ON COLUMN %1$I.pipeline.pipeline IS 'name of the pipeline when it was made';
COMMENT ON COLUMN %1$I.pipeline.orders IS 'the relation with the orders';
COMMENT ON COLUMN %1$I.pipeline.customer_id IS 'its column with the customer';
COMMENT ON COLUMN %1$I.pipeline.ordered_at IS 'its column with the time of the order';
COMMENT ON COLUMN %1$I.pipeline.amount IS 'its column with the money';
COMMENT ON COLUMN %1$I.pipeline.order_id IS 'its column with the order; NULL: each row is an order';
COMMENT ON COLUMN %1$I.pipeline.product_id IS 'its column with the product';
COMMENT ON COLUMN %1$I.pipeline.quantity IS 'its column with the number of pieces';
COMMENT ON COLUMN %1$I.pipeline.changed_at IS 'its column with the time of the last change';
COMMENT ON COLUMN %1$I.pipeline.currency IS 'its column with the currency';
COMMENT ON COLUMN %1$I.pipeline.filter IS 'condition that a row must meet';
COMMENT ON COLUMN %1$I.pipeline.time_zone IS 'zone that decides where a day ends';
COMMENT ON COLUMN %1$I.pipeline.bins IS 'number of scores';
COMMENT ON COLUMN %1$I.pipeline.rule_set IS 'segment rules in use';
COMMENT ON COLUMN %1$I.pipeline.rfm_window IS 'how far back scores look; NULL: all the way';
COMMENT ON COLUMN %1$I.pipeline.refunds IS 'reduce: refunds reduce money; void: a day whose refunds take all back is no purchase';
COMMENT ON COLUMN %1$I.pipeline.materialization IS 'how customer_rfm and customer_clv are kept';
COMMENT ON COLUMN %1$I.pipeline.histories IS 'table: kept by refresh; view: a materialized view';
COMMENT ON COLUMN %1$I.pipeline.customers IS 'relation with what is known of customers';
COMMENT ON COLUMN %1$I.pipeline.products IS 'relation with what is known of products';
COMMENT ON COLUMN %1$I.pipeline.identity IS 'relation with merged customers';
COMMENT ON COLUMN %1$I.pipeline.purchase_model IS 'model of purchases: bgnbd, mbgnbd, pareto_nbd, or auto: the one that foretells best';
COMMENT ON COLUMN %1$I.pipeline.clv_horizon IS 'how far ahead value is counted';
COMMENT ON COLUMN %1$I.pipeline.annual_discount_rate IS 'what money loses in a year, 0.1 for ten percent';
COMMENT ON COLUMN %1$I.pipeline.gross_margin IS 'share of a purchase that is gained';
COMMENT ON COLUMN %1$I.pipeline.interval_level IS 'share of customers whose value lies in its interval; 0: no intervals';
COMMENT ON COLUMN %1$I.pipeline.fit_since IS 'models are fitted to customers who first bought on this day or later; NULL: all';
COMMENT ON COLUMN %1$I.pipeline.fit_every IS 'days between two fits';
COMMENT ON COLUMN %1$I.pipeline.as_of IS 'pinned day of the analysis where histories are a view; NULL: the last complete day';
COMMENT ON COLUMN %1$I.pipeline.created_at IS 'when the pipeline was made';
COMMENT ON COLUMN %1$I.run.run IS 'number';
COMMENT ON COLUMN %1$I.run.as_of IS 'day of the analysis';
COMMENT ON COLUMN %1$I.run.state IS 'running, done or failed';
COMMENT ON COLUMN %1$I.run.started_at IS 'when it began';
COMMENT ON COLUMN %1$I.run.finished_at IS 'when it ended';
COMMENT ON COLUMN %1$I.run.pid IS 'server process that runs it';
COMMENT ON COLUMN %1$I.run.backend_start IS 'when that process began, which tells it from a later one of the same number';
COMMENT ON COLUMN %1$I.run.full_requested IS 'was a full build asked for?';
COMMENT ON COLUMN %1$I.run.refit_requested IS 'were new models asked for?';
COMMENT ON COLUMN %1$I.run.build IS 'how the histories were made: full, changes or view';
COMMENT ON COLUMN %1$I.run.source_lines IS 'rows of the source in the histories';
COMMENT ON COLUMN %1$I.run.customers IS 'customers scored';
COMMENT ON COLUMN %1$I.run.changed_from_time IS 'the same for sources with a column changed_at';
COMMENT ON COLUMN %1$I.run.system_identifier IS 'server that changed_from belongs to';
COMMENT ON COLUMN %1$I.run.source_parts IS 'tables that the source consisted of';
COMMENT ON COLUMN %1$I.run.settings_version IS 'settings when the run began';
COMMENT ON COLUMN %1$I.run.source_version IS 'settings that the histories were made with';
COMMENT ON COLUMN %1$I.run.bins IS 'number of scores';
COMMENT ON COLUMN %1$I.run.since IS 'first day that counts; NULL: all of them';
COMMENT ON COLUMN %1$I.run.r_cutoffs IS 'cut points of minus recency_days';
COMMENT ON COLUMN %1$I.run.f_cutoffs IS 'cut points of frequency';
COMMENT ON COLUMN %1$I.run.m_cutoffs IS 'cut points of monetary';
COMMENT ON COLUMN %1$I.run.newest_purchase IS 'day of the newest purchase until as_of';
COMMENT ON COLUMN %1$I.run.error IS 'why it failed';
COMMENT ON COLUMN %1$I.log.run IS 'run that the step belongs to';
COMMENT ON COLUMN %1$I.log.step IS 'histories, cutoffs, models, customer_rfm, customer_clv, churn, tiers or recommend';
COMMENT ON COLUMN %1$I.log.state IS 'running, done or failed';
COMMENT ON COLUMN %1$I.log.started_at IS 'when it began';
COMMENT ON COLUMN %1$I.log.finished_at IS 'when it ended';
COMMENT ON COLUMN %1$I.log.duration IS 'how long it took';
COMMENT ON COLUMN %1$I.log.detail IS 'what was done, or why it failed';
COMMENT ON COLUMN %1$I.segment_rule.rule_set IS 'name of the set that the rule belongs to';
COMMENT ON COLUMN %1$I.segment_rule.bins IS 'bins that the bounds count in';
COMMENT ON COLUMN %1$I.segment_rule."position" IS 'place in the set, best customers first';
COMMENT ON COLUMN %1$I.segment_rule.segment IS 'name of the segment';
COMMENT ON COLUMN %1$I.segment_rule.r_min IS 'lowest R score';
COMMENT ON COLUMN %1$I.segment_rule.r_max IS 'highest R score';
COMMENT ON COLUMN %1$I.segment_rule.f_min IS 'lowest F score';
COMMENT ON COLUMN %1$I.segment_rule.f_max IS 'highest F score';
COMMENT ON COLUMN %1$I.segment_rule.m_min IS 'lowest M score';
COMMENT ON COLUMN %1$I.segment_rule.m_max IS 'highest M score';
$sql$, pipeline);
END;
$$;

COMMENT ON FUNCTION tiering.define_tables(text) IS
'makes the tables of a new pipeline: settings, runs, log, models and segment rules';
