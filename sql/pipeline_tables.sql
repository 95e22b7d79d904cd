
/*
 * pipeline, part two: the tables that hold what cannot be computed again
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
	as_of date,
	changes_by text,
	published jsonb NOT NULL DEFAULT '[]',
	source_version integer NOT NULL DEFAULT 1,
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
COMMENT ON TABLE %1$I.pipeline IS 'settings of this pipeline; change them with tiering.alter_pipeline()';
COMMENT ON TABLE %1$I.run IS 'one row a refresh: state, day of analysis, cut points, what was known of the orders';
COMMENT ON TABLE %1$I.log IS 'one row a step of a refresh, with rows and duration; it can be watched while a refresh runs';
COMMENT ON TABLE %1$I.segment_rule IS 'boxes of scores and the segment they belong to; yours to edit, see tiering.segment_check()';
COMMENT ON COLUMN %1$I.pipeline.changes_by IS 'what tells changed orders: row versions, changed_at, or nothing, and then every refresh reads all';
COMMENT ON COLUMN %1$I.pipeline.published IS 'columns of customer_profile with their types, in their order';
COMMENT ON COLUMN %1$I.pipeline.source_version IS 'counts the changes of settings that make other histories';
COMMENT ON COLUMN %1$I.run.changed_from IS 'transactions from here on may hold orders that the histories lack';
COMMENT ON COLUMN %1$I.run.lines_left_out IS 'rows that pass the filter but have no customer, date or amount';
COMMENT ON COLUMN %1$I.log.rows IS 'rows that the step wrote';
$sql$, pipeline);
END;
$$;

COMMENT ON FUNCTION tiering.define_tables(text) IS
'makes the tables of a new pipeline: settings, runs, log and segment rules';
