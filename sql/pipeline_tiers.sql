
/*
 * pipeline: tier programmes and their policies
 */

-- The tables that declare programmes.  Rows are the owner's to write; what is
-- saved is checked when the transaction ends.
CREATE FUNCTION tiering.define_tier_policies(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF to_regclass(format('%I.tier_programme', pipeline)) IS NOT NULL THEN
		RETURN;
	END IF;
	EXECUTE format($sql$
CREATE TABLE %1$I.tier_programme (
	programme text PRIMARY KEY CHECK (programme <> ''),
	in_use boolean NOT NULL DEFAULT false,
	corrections text NOT NULL DEFAULT 'from_now' CHECK (corrections IN ('from_now', 'retroactive')),
	enrolled_column text,
	-- one at most when the transaction ends
	CONSTRAINT tier_programme_in_use EXCLUDE USING btree (in_use WITH =) WHERE (in_use) DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE %1$I.tier_metric (
	metric text PRIMARY KEY CHECK (metric <> ''),
	kind text NOT NULL CHECK (kind IN ('net_spend', 'gross_spend', 'orders', 'purchase_days', 'sum', 'last', 'profile', 'percentile')),
	relation regclass,
	customer_column text,
	day_column text,
	value_column text,
	CHECK (CASE WHEN kind IN ('sum', 'last') THEN num_nulls(relation, customer_column, day_column, value_column) = 0
		ELSE num_nonnulls(relation, customer_column, day_column) = 0 AND (value_column IS NOT NULL) = (kind IN ('profile', 'percentile')) END)
);
INSERT INTO %1$I.tier_metric (metric, kind)
SELECT m, m FROM unnest('{net_spend,gross_spend,orders,purchase_days}'::text[]) AS m;
INSERT INTO %1$I.tier_metric (metric, kind, value_column) VALUES
	('clv', 'profile', 'clv'), ('clv_percentile', 'percentile', 'clv'), ('spend_percentile', 'percentile', 'net_total'),
	('r_score', 'profile', 'r_score'), ('f_score', 'profile', 'f_score'), ('m_score', 'profile', 'm_score');
CREATE TABLE %1$I.tier_policy (
	programme text NOT NULL REFERENCES %1$I.tier_programme ON UPDATE CASCADE ON DELETE CASCADE,
	version integer NOT NULL CHECK (version >= 1),
	valid_from date NOT NULL DEFAULT '0001-01-01' CHECK (valid_from BETWEEN '0001-01-01' AND '9999-12-31'),
	window_kind text NOT NULL DEFAULT 'rolling' CHECK (window_kind IN ('lifetime', 'rolling', 'calendar', 'enrolment', 'term', 'cycle')),
	window_length interval,
	fiscal_month integer NOT NULL DEFAULT 1 CHECK (fiscal_month BETWEEN 1 AND 12),
	cycle_start date CHECK (cycle_start BETWEEN '0001-01-01' AND '9999-12-31'),
	decision_period interval,
	upgrade text NOT NULL DEFAULT 'at once' CHECK (upgrade IN ('at once', 'next period')),
	downgrade text NOT NULL DEFAULT 'at once' CHECK (downgrade IN ('never', 'at once', 'end of period', 'end of next period')),
	landing text NOT NULL DEFAULT 'earned' CHECK (landing IN ('earned', 'one level')),
	grace interval NOT NULL DEFAULT '0',
	rounded_to text NOT NULL DEFAULT 'day' CHECK (rounded_to IN ('day', 'month', 'quarter', 'half-year', 'year')),
	minimum_stay interval NOT NULL DEFAULT '0',
	PRIMARY KEY (programme, version)
);
CREATE TABLE %1$I.tier (
	programme text NOT NULL,
	version integer NOT NULL,
	rank integer NOT NULL CHECK (rank BETWEEN 0 AND 31),
	tier text NOT NULL CHECK (tier <> ''),
	combine text NOT NULL DEFAULT 'all' CHECK (combine IN ('all', 'any', 'weights')),
	weight_needed integer NOT NULL DEFAULT 0 CHECK (weight_needed BETWEEN 0 AND 1000000),
	floor_rank integer NOT NULL DEFAULT 0,
	CHECK (floor_rank BETWEEN 0 AND rank),
	PRIMARY KEY (programme, version, rank),
	UNIQUE (programme, version, tier),
	FOREIGN KEY (programme, version) REFERENCES %1$I.tier_policy ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE TABLE %1$I.tier_condition (
	programme text NOT NULL,
	version integer NOT NULL,
	rank integer NOT NULL,
	metric text NOT NULL REFERENCES %1$I.tier_metric ON UPDATE CASCADE,
	threshold numeric NOT NULL CHECK (abs(threshold) < 1e15 AND threshold = round(threshold, 6)),
	weight integer NOT NULL DEFAULT 1 CHECK (weight BETWEEN 0 AND 1000000),
	PRIMARY KEY (programme, version, rank, metric),
	FOREIGN KEY (programme, version, rank) REFERENCES %1$I.tier ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE TABLE %1$I.tier_name (
	tier text NOT NULL,
	language text NOT NULL,
	name text NOT NULL,
	PRIMARY KEY (tier, language)
);
INSERT INTO %1$I.tier_name SELECT * FROM tiering.tier_names();
$sql$, pipeline);
	PERFORM tiering.guard_tier_policies(pipeline);
	PERFORM tiering.comment_tier_policies(pipeline);
END;
$$;

-- Two sets of names ship: junior to top, and bronze to platinum
CREATE FUNCTION tiering.tier_names()
RETURNS TABLE (tier text, language text, name text)
LANGUAGE SQL IMMUTABLE
BEGIN ATOMIC
	VALUES
		('junior', 'en', 'Junior'), ('middle', 'en', 'Middle'), ('senior', 'en', 'Senior'), ('top', 'en', 'Top'),
		('junior', 'zh', '初级会员'), ('middle', 'zh', '中级会员'), ('senior', 'zh', '高级会员'), ('top', 'zh', '顶级会员'),
		('bronze', 'en', 'Bronze'), ('silver', 'en', 'Silver'), ('gold', 'en', 'Gold'), ('platinum', 'en', 'Platinum'),
		('bronze', 'zh', '青铜会员'), ('silver', 'zh', '白银会员'), ('gold', 'zh', '黄金会员'), ('platinum', 'zh', '铂金会员');
END;

COMMENT ON FUNCTION tiering.tier_names() IS
'names of the tiers that a new pipeline knows, in English and Chinese';

-- Rows of decided versions stay as they are, and what is saved makes sense
CREATE FUNCTION tiering.guard_tier_policies(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	relation text;
BEGIN
	EXECUTE format('CREATE TRIGGER decided BEFORE UPDATE OF programme ON %I.tier_programme FOR EACH ROW WHEN (NEW.programme <> OLD.programme) EXECUTE FUNCTION tiering.keep_decided_name()',
		pipeline);
	FOREACH relation IN ARRAY '{tier_programme,tier_policy,tier,tier_condition,tier_metric}'::text[] LOOP
		EXECUTE format('CREATE TRIGGER whole BEFORE TRUNCATE ON %I.%I FOR EACH STATEMENT EXECUTE FUNCTION tiering.refuse_truncate()', pipeline, relation);
	END LOOP;
	FOREACH relation IN ARRAY '{tier_policy,tier,tier_condition}'::text[] LOOP
		EXECUTE format('CREATE TRIGGER decided BEFORE INSERT OR UPDATE OR DELETE ON %I.%I FOR EACH ROW EXECUTE FUNCTION tiering.keep_decided_policy()',
			pipeline, relation);
		EXECUTE format('CREATE CONSTRAINT TRIGGER sound AFTER INSERT OR UPDATE OR DELETE ON %I.%I DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tiering.refuse_unsound_policy()',
			pipeline, relation);
	END LOOP;
	EXECUTE format('CREATE TRIGGER sound BEFORE INSERT OR UPDATE ON %I.tier_metric FOR EACH ROW EXECUTE FUNCTION tiering.refuse_unsound_metric()', pipeline);
	EXECUTE format('CREATE CONSTRAINT TRIGGER sound AFTER INSERT OR UPDATE ON %I.tier_programme DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tiering.refuse_unsound_policy()',
		pipeline);
END;
$$;

-- Refuses a programme that is not there
CREATE FUNCTION tiering.require_tier_programme(pipeline text, programme text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found boolean;
	known text;
BEGIN
	-- a deferred check may come after the programme was deleted
	EXECUTE format('SELECT EXISTS (SELECT FROM %1$I.tier_programme AS g WHERE g.programme = $1), string_agg(quote_literal(g.programme), '', '') FROM %1$I.tier_programme AS g', pipeline)
		INTO found, known USING programme;
	IF NOT found THEN
		RAISE EXCEPTION 'programme "%" does not exist', programme
			USING ERRCODE = 'undefined_object', HINT = COALESCE('There are: ' || known || '.', 'Make one with tiering.create_tiers().');
	END IF;
END;
$$;

-- All versions of a programme as the C functions take them; NULL if it has none.
-- Days are counted as the server counts them.
CREATE FUNCTION tiering.tier_document(pipeline text, of_programme text)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	document jsonb;
BEGIN
	EXECUTE format($sql$
WITH metric AS (
	SELECT m.metric, row_number() OVER (ORDER BY m.metric) - 1 AS number,
		CASE WHEN m.kind IN ('profile', 'percentile') THEN 'last' ELSE m.kind END AS kind
	FROM %1$I.tier_metric AS m
	WHERE EXISTS (SELECT FROM %1$I.tier_condition AS c WHERE c.programme = $1 AND c.metric = m.metric)
), level AS (
	SELECT l.version, jsonb_agg(jsonb_build_object('code', l.tier, 'combine', l.combine, 'weight_needed', l.weight_needed, 'floor', l.floor_rank,
		'conditions', (SELECT COALESCE(jsonb_agg(jsonb_build_object('metric', m.number, 'threshold', c.threshold, 'weight', c.weight) ORDER BY m.number), '[]')
			FROM jsonb_to_recordset(l.conditions) AS c(metric text, threshold numeric, weight integer) JOIN metric AS m USING (metric))) ORDER BY l.rank) AS levels
	FROM tiering.tier_levels($2, $1) AS l GROUP BY l.version
)
SELECT jsonb_build_object(
	'metrics', (SELECT COALESCE(jsonb_agg(jsonb_build_object('metric', m.metric, 'kind', m.kind) ORDER BY m.number), '[]') FROM metric AS m),
	'versions', jsonb_agg(jsonb_build_object('version', p.version, 'valid_from', p.valid_from - date '2000-01-01',
		'window_kind', p.window_kind, 'window_months', COALESCE(tiering.months_of(p.window_length), 0), 'window_days', COALESCE(tiering.days_of(p.window_length), 0),
		'fiscal_month', p.fiscal_month, 'cycle_start', COALESCE(p.cycle_start, '2000-01-01') - date '2000-01-01',
		'period_months', COALESCE(tiering.months_of(p.decision_period), 0), 'upgrade', p.upgrade, 'downgrade', p.downgrade, 'landing', p.landing,
		'grace_months', tiering.months_of(p.grace), 'grace_days', tiering.days_of(p.grace),
		'round_months', CASE p.rounded_to WHEN 'month' THEN 1 WHEN 'quarter' THEN 3 WHEN 'half-year' THEN 6 WHEN 'year' THEN 12 ELSE 0 END,
		'stay_months', tiering.months_of(p.minimum_stay), 'stay_days', tiering.days_of(p.minimum_stay),
		'levels', l.levels) ORDER BY p.version))
FROM %1$I.tier_policy AS p JOIN level AS l USING (version)
WHERE p.programme = $1
HAVING count(*) > 0$sql$, pipeline) INTO document USING of_programme, pipeline;
	RETURN document;
END;
$$;

COMMENT ON FUNCTION tiering.tier_document(text, text) IS
'all versions of a programme''s policy as one document, which tier_events() and tier_standing() take';

CREATE FUNCTION tiering.comment_tier_policies(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format($sql$
COMMENT ON TABLE %1$I.tier_programme IS 'programmes of tiers; one may be in use, the others can be simulated';
COMMENT ON COLUMN %1$I.tier_programme.programme IS 'its name';
COMMENT ON COLUMN %1$I.tier_programme.in_use IS 'does it decide the customers'' tiers?';
COMMENT ON COLUMN %1$I.tier_programme.corrections IS 'from_now: late orders change no tier that was told; retroactive: they do';
COMMENT ON COLUMN %1$I.tier_programme.enrolled_column IS 'date column of the customers relation: since when somebody is a member, also if he has not bought; NULL: since the first purchase';
COMMENT ON TABLE %1$I.tier_metric IS 'what tiers can be earned by; yours to add to';
COMMENT ON COLUMN %1$I.tier_metric.metric IS 'its name';
COMMENT ON COLUMN %1$I.tier_metric.kind IS 'net_spend, gross_spend, orders, purchase_days; sum, last: of dated rows of a relation; profile, percentile: of a column of customer_profile, stored at each evaluation';
COMMENT ON COLUMN %1$I.tier_metric.relation IS 'sum, last: the relation';
COMMENT ON COLUMN %1$I.tier_metric.customer_column IS 'its column with the customer';
COMMENT ON COLUMN %1$I.tier_metric.day_column IS 'its column with the day';
COMMENT ON COLUMN %1$I.tier_metric.value_column IS 'its column with the number, or that of customer_profile';
COMMENT ON TABLE %1$I.tier_policy IS 'versions of a programme''s policy: which days count, and when tiers are decided';
COMMENT ON COLUMN %1$I.tier_policy.programme IS 'the programme';
COMMENT ON COLUMN %1$I.tier_policy.version IS '1, 2, 3, ...';
COMMENT ON COLUMN %1$I.tier_policy.valid_from IS 'first day on which it decides';
COMMENT ON COLUMN %1$I.tier_policy.window_kind IS 'days that count: lifetime; rolling: the last ones; calendar: this month, quarter or year; enrolment: since the last anniversary of joining; term: of the tier; cycle: since the last of a row of days';
COMMENT ON COLUMN %1$I.tier_policy.window_length IS 'how many; NULL: all';
COMMENT ON COLUMN %1$I.tier_policy.fiscal_month IS 'month with which a year begins';
COMMENT ON COLUMN %1$I.tier_policy.cycle_start IS 'first day of any cycle';
COMMENT ON COLUMN %1$I.tier_policy.decision_period IS 'lifetime, rolling: period at whose end tiers are decided';
COMMENT ON COLUMN %1$I.tier_policy.upgrade IS 'at once, or with the next period';
COMMENT ON COLUMN %1$I.tier_policy.downgrade IS 'never, at once, end of period, end of next period';
COMMENT ON COLUMN %1$I.tier_policy.landing IS 'to what was earned, or one level lower at a time';
COMMENT ON COLUMN %1$I.tier_policy.grace IS 'time to make a lapse good after it is due';
COMMENT ON COLUMN %1$I.tier_policy.rounded_to IS 'a tier ends with a day, month, quarter, half-year or year';
COMMENT ON COLUMN %1$I.tier_policy.minimum_stay IS 'a tier is kept for so long at least';
COMMENT ON TABLE %1$I.tier IS 'levels of a version';
COMMENT ON COLUMN %1$I.tier.programme IS 'the programme';
COMMENT ON COLUMN %1$I.tier.version IS 'version of its policy';
COMMENT ON COLUMN %1$I.tier.rank IS '0 for the base tier, which needs nothing, and up';
COMMENT ON COLUMN %1$I.tier.tier IS 'code; a tier of the same code is the same in all versions';
COMMENT ON COLUMN %1$I.tier.combine IS 'all of its conditions, any of them, or those of a weight of weight_needed';
COMMENT ON COLUMN %1$I.tier.weight_needed IS 'for weights: how much those that hold must add up to';
COMMENT ON COLUMN %1$I.tier.floor_rank IS 'who has the tier, or a higher one, never falls below this rank';
COMMENT ON TABLE %1$I.tier_condition IS 'thresholds of a tier';
COMMENT ON COLUMN %1$I.tier_condition.programme IS 'the programme';
COMMENT ON COLUMN %1$I.tier_condition.version IS 'version of its policy';
COMMENT ON COLUMN %1$I.tier_condition.rank IS 'rank of the tier';
COMMENT ON COLUMN %1$I.tier_condition.metric IS 'the metric';
COMMENT ON COLUMN %1$I.tier_condition.threshold IS 'least value; reached exactly is reached';
COMMENT ON COLUMN %1$I.tier_condition.weight IS 'for weights: what it counts';
COMMENT ON TABLE %1$I.tier_name IS 'names of tiers in any language; they decide nothing';
COMMENT ON COLUMN %1$I.tier_name.tier IS 'code of the tier';
COMMENT ON COLUMN %1$I.tier_name.language IS 'such as en or zh';
COMMENT ON COLUMN %1$I.tier_name.name IS 'what members read'$sql$, pipeline);
END;
$$;

COMMENT ON FUNCTION tiering.comment_tier_policies(text) IS
'internal: comments on the tables of tier policies';
COMMENT ON FUNCTION tiering.define_tier_policies(text) IS
'internal: makes the tables of tier policies';
COMMENT ON FUNCTION tiering.guard_tier_policies(text) IS
'internal: makes the triggers of tier policies';
COMMENT ON FUNCTION tiering.require_tier_programme(text, text) IS
'internal: refuses a programme that does not exist';

-- Refuses a text that is none of a list; NULL is left to the default
CREATE FUNCTION tiering.require_choice(argument text, value text, choices text[])
RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF value <> ALL (choices) THEN
		RAISE EXCEPTION '% "%" is unknown', argument, value
			USING ERRCODE = 'invalid_parameter_value', HINT = format('Choose one of: %s.', array_to_string(choices, ', '));
	END IF;
END;
$$;

COMMENT ON FUNCTION tiering.require_choice(text, text, text[]) IS
'internal: refuses a text that is none of a list';

-- A programme, or its next version, of one metric with a threshold for each tier
-- above the base; anything else is written into the tables
CREATE PROCEDURE tiering.create_tiers(
	name text, programme text, thresholds numeric[], metric text DEFAULT 'net_spend',
	tiers text[] DEFAULT '{bronze,silver,gold,platinum}', window_kind text DEFAULT 'rolling',
	window_length interval DEFAULT NULL, decision_period interval DEFAULT NULL,
	upgrade text DEFAULT 'at once', downgrade text DEFAULT NULL, landing text DEFAULT 'earned',
	grace interval DEFAULT '0', rounded_to text DEFAULT 'day', minimum_stay interval DEFAULT '0',
	fiscal_month integer DEFAULT 1, cycle_start date DEFAULT NULL, valid_from date DEFAULT NULL,
	corrections text DEFAULT NULL, in_use boolean DEFAULT NULL)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	known text;
	wrong numeric;
	next_version integer;
	has_periods boolean := window_kind NOT IN ('lifetime', 'rolling') OR decision_period IS NOT NULL;
BEGIN
	PERFORM tiering.require_pipeline(name);
	IF programme IS NULL OR thresholds IS NULL OR tiers IS NULL OR metric IS NULL THEN
		RAISE EXCEPTION 'programme, thresholds, tiers and metric must not be null' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	EXECUTE format('SELECT string_agg(quote_literal(m.metric), '', '' ORDER BY m.metric) FROM %I.tier_metric AS m HAVING NOT bool_or(m.metric = $1)', name)
		INTO known USING metric;
	IF known IS NOT NULL THEN
		RAISE EXCEPTION 'metric "%" is unknown', metric
			USING ERRCODE = 'undefined_object', HINT = format('There are: %s. Others are rows of %I.tier_metric.', known, name);
	END IF;
	IF array_ndims(thresholds) > 1 OR array_ndims(tiers) > 1 THEN
		RAISE EXCEPTION 'thresholds % and tiers % are no lists', thresholds, tiers
			USING ERRCODE = 'array_subscript_error', HINT = 'Pass one dimension, such as {100,500}.';
	END IF;
	SELECT u.threshold INTO wrong FROM unnest(thresholds) AS u(threshold) WHERE (abs(u.threshold) < 1e15) IS NOT TRUE LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'threshold % is not a number below 10^15', COALESCE(wrong::text, 'null')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Pass the least value that each tier asks for.';
	END IF;
	IF cardinality(thresholds) <> cardinality(tiers) - 1 THEN
		RAISE EXCEPTION '% thresholds do not fit % tiers', cardinality(thresholds), cardinality(tiers)
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Pass one for each tier above the lowest, which needs nothing.';
	END IF;
	PERFORM tiering.require_choice('window_kind', window_kind, '{lifetime,rolling,calendar,enrolment,term,cycle}');
	PERFORM tiering.require_choice('upgrade', upgrade, '{at once,next period}');
	PERFORM tiering.require_choice('downgrade', downgrade, '{never,at once,end of period,end of next period}');
	PERFORM tiering.require_choice('landing', landing, '{earned,one level}');
	PERFORM tiering.require_choice('rounded_to', rounded_to, '{day,month,quarter,half-year,year}');
	PERFORM tiering.require_choice('corrections', corrections, '{from_now,retroactive}');
	IF in_use THEN
		EXECUTE format('UPDATE %I.tier_programme AS g SET in_use = false WHERE g.in_use AND g.programme <> $1', name) USING programme;
	END IF;
	EXECUTE format($sql$
INSERT INTO %1$I.tier_programme (programme, in_use, corrections)
VALUES ($1, COALESCE($2, NOT EXISTS (SELECT FROM %1$I.tier_programme AS g WHERE g.in_use)), COALESCE($3, 'from_now'))
ON CONFLICT (programme) DO UPDATE SET in_use = COALESCE($2, tier_programme.in_use), corrections = COALESCE($3, tier_programme.corrections)$sql$, name)
		USING programme, in_use, corrections;
	EXECUTE format('SELECT COALESCE(max(p.version), 0) + 1 FROM %I.tier_policy AS p WHERE p.programme = $1', name) INTO next_version USING programme;
	IF next_version > 1 AND valid_from IS NULL THEN
		RAISE EXCEPTION 'programme "%" has a version, and the next one has no valid_from', programme
			USING ERRCODE = 'null_value_not_allowed', HINT = 'Pass the first day on which it is to decide.';
	END IF;
	EXECUTE format($sql$
INSERT INTO %I.tier_policy (programme, version, valid_from, window_kind, window_length, fiscal_month, cycle_start, decision_period,
	upgrade, downgrade, landing, grace, rounded_to, minimum_stay)
VALUES ($1, $2, COALESCE($3, '0001-01-01'), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)$sql$, name)
		USING programme, next_version, valid_from, window_kind,
			CASE WHEN window_kind = 'lifetime' THEN window_length ELSE COALESCE(window_length, interval '1 year') END,
			fiscal_month, cycle_start, decision_period, upgrade,
			COALESCE(downgrade, CASE WHEN has_periods THEN 'end of period' ELSE 'at once' END), landing, grace, rounded_to, minimum_stay;
	EXECUTE format('INSERT INTO %I.tier (programme, version, rank, tier) SELECT $1, $2, u.n - 1, u.tier FROM unnest($3) WITH ORDINALITY AS u(tier, n)', name)
		USING programme, next_version, tiers;
	EXECUTE format('INSERT INTO %I.tier_condition (programme, version, rank, metric, threshold) SELECT $1, $2, u.n, $3, u.threshold FROM unnest($4) WITH ORDINALITY AS u(threshold, n)', name)
		USING programme, next_version, metric, thresholds;
	-- now rather than when the transaction ends
	EXECUTE format('SET CONSTRAINTS %1$I.sound IMMEDIATE', name);
	EXECUTE format('SET CONSTRAINTS %1$I.sound DEFERRED', name);
END;
$$;

COMMENT ON PROCEDURE tiering.create_tiers(text, text, numeric[], text, text[], text, interval, interval, text, text, text, interval, text, interval, integer, date, date, text, boolean) IS
'makes a programme of tiers, or its next version, with a threshold of one metric for each tier; in use if no other one is';
