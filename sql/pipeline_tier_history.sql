
/*
 * pipeline: which tier each customer has, and had
 */

-- The tables that hold decisions.  Where ids are of another type than before,
-- those that nobody has used yet are made anew.
CREATE FUNCTION tiering.define_tier_history(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	id_type text := tiering.customer_type(pipeline);
	relation text;
	is_used boolean;
BEGIN
	FOREACH relation IN ARRAY '{tier_override,tier_snapshot,tier_decision,tier_standing}'::text[] LOOP
		CONTINUE WHEN to_regclass(format('%I.%I', pipeline, relation)) IS NULL
			OR tiering.column_type(to_regclass(format('%I.%I', pipeline, relation)), 'customer_id') = id_type;
		EXECUTE format('SELECT EXISTS (SELECT FROM %I.%I)', pipeline, relation) INTO is_used;
		IF is_used THEN
			RAISE EXCEPTION 'customers have tiers, and their ids are now of type %', id_type
				USING ERRCODE = 'object_not_in_prerequisite_state',
					  HINT = format('Keep the type, or empty %I.%I first.', pipeline, relation);
		END IF;
		EXECUTE format('DROP TABLE %I.%I', pipeline, relation);
	END LOOP;
	EXECUTE format($sql$
CREATE TABLE IF NOT EXISTS %1$I.tier_evaluation (
	evaluation bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	programme text NOT NULL,
	as_of date NOT NULL,
	decided_from date,
	evaluated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	customers bigint,
	decisions bigint,
	policy jsonb NOT NULL
);
CREATE TABLE IF NOT EXISTS %1$I.tier_override (
	override bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	customer_id %2$s NOT NULL,
	tier text NOT NULL,
	valid_from date NOT NULL DEFAULT current_date,
	valid_until date NOT NULL DEFAULT 'infinity',
	at_least boolean NOT NULL DEFAULT true,
	reason text NOT NULL CHECK (reason <> ''),
	author text NOT NULL DEFAULT session_user,
	given_at timestamptz NOT NULL DEFAULT now(),
	CHECK (valid_from <= valid_until)
);
CREATE INDEX IF NOT EXISTS tier_override_customer ON %1$I.tier_override (customer_id);
CREATE TABLE IF NOT EXISTS %1$I.tier_snapshot (
	metric text NOT NULL,
	customer_id %2$s NOT NULL,
	day date NOT NULL,
	value numeric NOT NULL,
	PRIMARY KEY (metric, customer_id, day)
);
CREATE TABLE IF NOT EXISTS %1$I.tier_decision (
	customer_id %2$s NOT NULL,
	valid_from date NOT NULL,
	programme text NOT NULL,
	version integer,
	rank integer,
	tier text,
	reason text NOT NULL,
	metrics jsonb,
	evaluation bigint NOT NULL,
	recorded_at timestamptz NOT NULL,
	superseded_at timestamptz,
	superseded_until date
);
-- a level ends where the next begins, so that none overlap: no customer has two
-- that begin on one day
CREATE UNIQUE INDEX IF NOT EXISTS tier_decision_live ON %1$I.tier_decision (customer_id, valid_from) WHERE superseded_at IS NULL;
CREATE INDEX IF NOT EXISTS tier_decision_left ON %1$I.tier_decision (customer_id) WHERE superseded_at IS NULL AND tier IS NULL;
CREATE INDEX IF NOT EXISTS tier_decision_superseded ON %1$I.tier_decision (customer_id) WHERE superseded_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS %1$I.tier_standing (
	customer_id %2$s PRIMARY KEY,
	version integer NOT NULL,
	rank integer NOT NULL,
	tier text NOT NULL,
	since date NOT NULL,
	is_given boolean NOT NULL,
	valid_until date,
	then_tier text,
	metrics jsonb NOT NULL,
	next_tier text,
	missing_for_next jsonb,
	progress double precision,
	missing_to_keep jsonb
)$sql$, pipeline, id_type);
	EXECUTE format('CREATE OR REPLACE TRIGGER sound BEFORE INSERT OR UPDATE ON %I.tier_override FOR EACH ROW EXECUTE FUNCTION tiering.refuse_unknown_tier()', pipeline);
	PERFORM tiering.comment_tier_history(pipeline);
END;
$$;

COMMENT ON FUNCTION tiering.define_tier_history(text) IS
'internal: makes the tables of tier decisions';

-- A tier that is given by hand is one of the programme in use
CREATE FUNCTION tiering.refuse_unknown_tier()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	known text;
	found boolean;
BEGIN
	EXECUTE format($sql$
SELECT string_agg(DISTINCT quote_literal(t.tier), ', '), COALESCE(bool_or(t.tier = $1), false)
FROM %1$I.tier AS t JOIN %1$I.tier_programme AS g USING (programme) WHERE g.in_use$sql$, TG_TABLE_SCHEMA) INTO known, found USING NEW.tier;
	IF NOT found THEN
		RAISE EXCEPTION 'tier "%" does not exist in the programme in use', NEW.tier
			USING ERRCODE = 'foreign_key_violation', HINT = COALESCE('There are: ' || known || '.', 'No programme is in use.');
	END IF;
	RETURN NEW;
END;
$$;

COMMENT ON FUNCTION tiering.refuse_unknown_tier() IS
'internal: refuses an override into a tier that does not exist';

CREATE FUNCTION tiering.comment_tier_history(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format($sql$
COMMENT ON TABLE %1$I.tier_evaluation IS 'one row an evaluation of all customers';
COMMENT ON COLUMN %1$I.tier_evaluation.evaluation IS 'its number';
COMMENT ON COLUMN %1$I.tier_evaluation.programme IS 'programme in use';
COMMENT ON COLUMN %1$I.tier_evaluation.as_of IS 'last day that was decided';
COMMENT ON COLUMN %1$I.tier_evaluation.decided_from IS 'first day that was open; NULL: all';
COMMENT ON COLUMN %1$I.tier_evaluation.evaluated_at IS 'when';
COMMENT ON COLUMN %1$I.tier_evaluation.customers IS 'customers with a tier';
COMMENT ON COLUMN %1$I.tier_evaluation.decisions IS 'decisions that it wrote';
COMMENT ON COLUMN %1$I.tier_evaluation.policy IS 'the policy that it decided by, as tier_document() gave it';
COMMENT ON TABLE %1$I.tier_override IS 'tiers given by hand; yours to write';
COMMENT ON COLUMN %1$I.tier_override.override IS 'its number; of two, the later one is shown';
COMMENT ON COLUMN %1$I.tier_override.customer_id IS 'the customer, as the source has it';
COMMENT ON COLUMN %1$I.tier_override.tier IS 'code of the tier';
COMMENT ON COLUMN %1$I.tier_override.valid_from IS 'first day';
COMMENT ON COLUMN %1$I.tier_override.valid_until IS 'last day; infinity: no last one';
COMMENT ON COLUMN %1$I.tier_override.at_least IS 'true: a higher tier that is earned is shown; false: just this one';
COMMENT ON COLUMN %1$I.tier_override.reason IS 'why';
COMMENT ON COLUMN %1$I.tier_override.author IS 'who gave it';
COMMENT ON COLUMN %1$I.tier_override.given_at IS 'when';
COMMENT ON TABLE %1$I.tier_snapshot IS 'values, at evaluations, of metrics that have no dates, where they changed';
COMMENT ON COLUMN %1$I.tier_snapshot.metric IS 'the metric';
COMMENT ON COLUMN %1$I.tier_snapshot.customer_id IS 'the customer, as the source has it';
COMMENT ON COLUMN %1$I.tier_snapshot.day IS 'day of the evaluation';
COMMENT ON COLUMN %1$I.tier_snapshot.value IS 'value from that day on';
COMMENT ON TABLE %1$I.tier_decision IS 'what tier_history is made of: a tier from a day on, until the next';
COMMENT ON COLUMN %1$I.tier_decision.customer_id IS 'the customer, as the source has it';
COMMENT ON COLUMN %1$I.tier_decision.valid_from IS 'first day of the tier';
COMMENT ON COLUMN %1$I.tier_decision.programme IS 'programme that decided';
COMMENT ON COLUMN %1$I.tier_decision.version IS 'version of its policy';
COMMENT ON COLUMN %1$I.tier_decision.rank IS 'rank of the tier in that';
COMMENT ON COLUMN %1$I.tier_decision.tier IS 'code of the tier; NULL: the customer has left';
COMMENT ON COLUMN %1$I.tier_decision.reason IS 'why';
COMMENT ON COLUMN %1$I.tier_decision.metrics IS 'metrics of the window that it was decided by';
COMMENT ON COLUMN %1$I.tier_decision.evaluation IS 'evaluation that decided it';
COMMENT ON COLUMN %1$I.tier_decision.recorded_at IS 'when';
COMMENT ON COLUMN %1$I.tier_decision.superseded_at IS 'when it was taken back; NULL: it holds';
COMMENT ON COLUMN %1$I.tier_decision.superseded_until IS 'where it ended then; NULL: it was the last one';
COMMENT ON TABLE %1$I.tier_standing IS 'where each customer stands since the last evaluation; customer_tier shows it';
COMMENT ON COLUMN %1$I.tier_standing.customer_id IS 'the customer, as the source has it';
COMMENT ON COLUMN %1$I.tier_standing.version IS 'version of the policy';
COMMENT ON COLUMN %1$I.tier_standing.rank IS 'rank of the tier in it';
COMMENT ON COLUMN %1$I.tier_standing.tier IS 'code of the tier';
COMMENT ON COLUMN %1$I.tier_standing.since IS 'first day with it';
COMMENT ON COLUMN %1$I.tier_standing.is_given IS 'was it given by hand?';
COMMENT ON COLUMN %1$I.tier_standing.valid_until IS 'last day with it if nothing more is bought';
COMMENT ON COLUMN %1$I.tier_standing.then_tier IS 'tier after that';
COMMENT ON COLUMN %1$I.tier_standing.metrics IS 'metrics of the window when something last happened';
COMMENT ON COLUMN %1$I.tier_standing.next_tier IS 'next higher tier';
COMMENT ON COLUMN %1$I.tier_standing.missing_for_next IS 'what is missing for it';
COMMENT ON COLUMN %1$I.tier_standing.progress IS 'how much of it is there, 0 to 1';
COMMENT ON COLUMN %1$I.tier_standing.missing_to_keep IS 'what is missing to keep the tier'$sql$, pipeline);
END;
$$;

COMMENT ON FUNCTION tiering.comment_tier_history(text) IS
'internal: comments on the tables of tier decisions';
