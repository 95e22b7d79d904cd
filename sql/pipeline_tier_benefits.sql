
/*
 * pipeline: what tiers are good for
 */

-- The tables of benefits.  An entitlement holds from its tier on upwards, so a
-- higher tier has all that a lower one has.
CREATE FUNCTION tiering.define_tier_benefits(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF to_regclass(format('%I.tier_benefit', pipeline)) IS NOT NULL THEN
		RETURN;
	END IF;
	EXECUTE format($sql$
CREATE TABLE %1$I.tier_occasion (
	occasion text PRIMARY KEY CHECK (occasion <> ''),
	date_column text
);
INSERT INTO %1$I.tier_occasion VALUES ('always', NULL), ('enrolment', NULL);
CREATE TABLE %1$I.tier_benefit (
	benefit text PRIMARY KEY CHECK (benefit <> ''),
	name text NOT NULL,
	kind text NOT NULL DEFAULT 'service',
	value numeric,
	occasion text NOT NULL DEFAULT 'always' REFERENCES %1$I.tier_occasion ON UPDATE CASCADE,
	whole_month boolean NOT NULL DEFAULT false,
	replaces text REFERENCES %1$I.tier_benefit ON UPDATE CASCADE,
	valid_from date NOT NULL DEFAULT '-infinity',
	valid_until date NOT NULL DEFAULT 'infinity',
	CHECK (valid_from <= valid_until),
	CHECK (replaces <> benefit)
);
CREATE TABLE %1$I.tier_entitlement (
	programme text NOT NULL REFERENCES %1$I.tier_programme ON UPDATE CASCADE ON DELETE CASCADE,
	benefit text NOT NULL REFERENCES %1$I.tier_benefit ON UPDATE CASCADE ON DELETE CASCADE,
	tier text,
	PRIMARY KEY (programme, benefit)
);
CREATE TRIGGER sound BEFORE INSERT OR UPDATE ON %1$I.tier_entitlement FOR EACH ROW EXECUTE FUNCTION tiering.refuse_unsound_entitlement();
CREATE TRIGGER sound AFTER INSERT OR UPDATE ON %1$I.tier_benefit FOR EACH ROW EXECUTE FUNCTION tiering.refuse_lesser_benefit();
CREATE TRIGGER sound AFTER INSERT OR UPDATE OR DELETE ON %1$I.tier_occasion FOR EACH STATEMENT EXECUTE FUNCTION tiering.redefine_benefits();
CREATE TRIGGER enrolled AFTER INSERT ON %1$I.tier_programme FOR EACH ROW WHEN (NEW.enrolled_column IS NOT NULL) EXECUTE FUNCTION tiering.redefine_benefits();
CREATE TRIGGER enrolled_elsewhere AFTER UPDATE ON %1$I.tier_programme FOR EACH ROW
	WHEN ((NEW.programme, NEW.enrolled_column) IS DISTINCT FROM (OLD.programme, OLD.enrolled_column)) EXECUTE FUNCTION tiering.redefine_benefits();
CREATE TRIGGER enrolled_no_more AFTER DELETE ON %1$I.tier_programme FOR EACH ROW WHEN (OLD.enrolled_column IS NOT NULL) EXECUTE FUNCTION tiering.redefine_benefits();
COMMENT ON TABLE %1$I.tier_occasion IS 'when a benefit is due: always, on the day of the enrolment, or on a date of the customers relation; yours to add to';
COMMENT ON COLUMN %1$I.tier_occasion.occasion IS 'its name';
COMMENT ON COLUMN %1$I.tier_occasion.date_column IS 'date column of the customers relation, such as birthday';
COMMENT ON TABLE %1$I.tier_benefit IS 'catalogue of benefits; yours to write';
COMMENT ON COLUMN %1$I.tier_benefit.benefit IS 'code';
COMMENT ON COLUMN %1$I.tier_benefit.name IS 'what members read';
COMMENT ON COLUMN %1$I.tier_benefit.kind IS 'such as discount, gift, points, service, event';
COMMENT ON COLUMN %1$I.tier_benefit.value IS 'percent, points or money, as the kind has it';
COMMENT ON COLUMN %1$I.tier_benefit.occasion IS 'when it is due';
COMMENT ON COLUMN %1$I.tier_benefit.whole_month IS 'is it due in the whole month of the occasion, and not on the day alone?';
COMMENT ON COLUMN %1$I.tier_benefit.replaces IS 'lesser benefit that whoever has this one does not get';
COMMENT ON COLUMN %1$I.tier_benefit.valid_from IS 'first day of the offer';
COMMENT ON COLUMN %1$I.tier_benefit.valid_until IS 'last day';
COMMENT ON TABLE %1$I.tier_entitlement IS 'which tier has which benefits: each holds for its tier and all above; yours to write';
COMMENT ON COLUMN %1$I.tier_entitlement.programme IS 'the programme';
COMMENT ON COLUMN %1$I.tier_entitlement.benefit IS 'the benefit';
COMMENT ON COLUMN %1$I.tier_entitlement.tier IS 'lowest tier that has it; NULL: all'$sql$, pipeline);
END;
$$;

COMMENT ON FUNCTION tiering.define_tier_benefits(text) IS
'internal: makes the tables of benefits';

-- An entitlement is that of a tier that exists
CREATE FUNCTION tiering.refuse_unsound_entitlement()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	known text;
	found boolean;
BEGIN
	EXECUTE format('SELECT string_agg(DISTINCT quote_literal(t.tier), '', ''), COALESCE(bool_or(t.tier = $2), false) FROM %I.tier AS t WHERE t.programme = $1', TG_TABLE_SCHEMA)
		INTO known, found USING NEW.programme, NEW.tier;
	IF NEW.tier IS NOT NULL AND NOT found THEN
		RAISE EXCEPTION 'tier "%" does not exist in programme "%"', NEW.tier, NEW.programme
			USING ERRCODE = 'foreign_key_violation', HINT = COALESCE('There are: ' || known || '.', 'It has no tiers.');
	END IF;
	RETURN NEW;
END;
$$;

COMMENT ON FUNCTION tiering.refuse_unsound_entitlement() IS
'internal: refuses an entitlement of a tier that does not exist';

-- Whoever has a benefit has not less than the one that it replaces
CREATE FUNCTION tiering.refuse_lesser_benefit()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	worse record;
	goes_round boolean;
BEGIN
	EXECUTE format($sql$
WITH RECURSIVE lesser(benefit) AS (
	SELECT b.replaces FROM %1$I.tier_benefit AS b WHERE b.benefit = $1
	UNION
	SELECT b.replaces FROM lesser AS l JOIN %1$I.tier_benefit AS b ON b.benefit = l.benefit
)
SELECT EXISTS (SELECT FROM lesser AS l WHERE l.benefit = $1)$sql$, TG_TABLE_SCHEMA) INTO goes_round USING NEW.benefit;
	IF goes_round THEN
		RAISE EXCEPTION 'benefit "%" replaces itself by way of others', NEW.benefit
			USING ERRCODE = 'check_violation', HINT = 'Nobody would have any of them: let one replace nothing.';
	END IF;
	EXECUTE format($sql$
SELECT b.benefit, b.value, b.occasion, l.benefit AS lesser, l.value AS lesser_value, l.occasion AS lesser_occasion,
	b.occasion = 'always' OR b.occasion = l.occasion AND b.whole_month >= l.whole_month AS is_due_then
FROM %1$I.tier_benefit AS b JOIN %1$I.tier_benefit AS l ON l.benefit = b.replaces
WHERE $1 IN (b.benefit, l.benefit)
	AND (l.kind = b.kind AND (l.value <= b.value OR l.value IS NULL) IS NOT TRUE
		OR NOT (b.occasion = 'always' OR b.occasion = l.occasion AND b.whole_month >= l.whole_month))$sql$, TG_TABLE_SCHEMA) INTO worse USING NEW.benefit;
	IF NOT worse.is_due_then THEN
		RAISE EXCEPTION 'benefit "%" replaces "%", and is not due on all its days: a higher tier would have less', worse.benefit, worse.lesser
			USING ERRCODE = 'check_violation', DETAIL = format('Their occasions are "%s" and "%s".', worse.occasion, worse.lesser_occasion),
				  HINT = 'Let it replace nothing, or give both the same occasion and whole_month.';
	ELSIF worse.benefit IS NOT NULL THEN
		RAISE EXCEPTION 'benefit "%" of % replaces "%" of %: a higher tier would have less', worse.benefit, COALESCE(worse.value::text, 'no value'), worse.lesser, worse.lesser_value
			USING ERRCODE = 'check_violation', HINT = 'Raise its value, or let it replace nothing.';
	END IF;
	RETURN NULL;
END;
$$;

COMMENT ON FUNCTION tiering.refuse_lesser_benefit() IS
'internal: refuses a benefit that replaces one that is worth more, or is due on other days';

CREATE FUNCTION tiering.redefine_benefits()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM tiering.define_customer_benefit(TG_TABLE_SCHEMA);
	RETURN NULL;
END;
$$;

COMMENT ON FUNCTION tiering.redefine_benefits() IS
'internal: makes customer_benefit anew when an occasion or a date of enrolment is named';

-- The next day, today included, on which a date comes round; 29 February comes
-- on the 28th where a year has none
CREATE FUNCTION tiering.next_anniversary(day date, today date)
RETURNS date
LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN NOT isfinite(day) OR NOT isfinite(today) THEN NULL
	WHEN (day + (extract(year FROM today) - extract(year FROM day))::integer * interval '1 year')::date >= today
	THEN (day + (extract(year FROM today) - extract(year FROM day))::integer * interval '1 year')::date
	ELSE (day + (extract(year FROM today) - extract(year FROM day) + 1)::integer * interval '1 year')::date END;

COMMENT ON FUNCTION tiering.next_anniversary(date, date) IS
'the next day, today included, on which a date comes round; 29 February comes on the 28th where a year has none';

-- Who is entitled to what today
CREATE FUNCTION tiering.define_customer_benefit(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
	o record;
	dates text := ' WHEN false THEN NULL::date';
	joined text := '';
BEGIN
	EXECUTE format('SELECT * FROM %I.pipeline', pipeline) INTO STRICT p;
	FOR o IN EXECUTE format($sql$
SELECT format('b.occasion = %%L', t.occasion) AS condition, t.date_column, format('occasion "%%s"', t.occasion) AS name
FROM %1$I.tier_occasion AS t WHERE t.date_column IS NOT NULL
UNION ALL
SELECT format('b.occasion = ''enrolment'' AND e.programme = %%L', g.programme), g.enrolled_column, format('programme "%%s"', g.programme)
FROM %1$I.tier_programme AS g WHERE g.enrolled_column IS NOT NULL
ORDER BY 1$sql$, pipeline) LOOP
		IF p.customers IS NULL THEN
			RAISE EXCEPTION '% needs a column of the customers, and the pipeline has none', o.name
				USING ERRCODE = 'object_not_in_prerequisite_state', HINT = format('CALL tiering.alter_pipeline(%L, customers => ...) names them.', pipeline);
		END IF;
		dates := dates || format(' WHEN %s THEN %s', o.condition, tiering.customer_date_sql(p.customers, o.date_column, COALESCE(p.time_zone, 'UTC'), 'date of ' || o.name));
		joined := format('LEFT JOIN %s AS c ON %s = s.customer_id', p.customers, tiering.profile_id_sql(pipeline, p.customers));
	END LOOP;
	EXECUTE format($sql$
CREATE OR REPLACE VIEW %1$I.customer_benefit AS
SELECT r.customer_id, r.tier, r.benefit, r.name, r.kind, r.value, r.occasion, tiering.next_anniversary(r.day, r.today) AS next_on,
	COALESCE(r.occasion = 'always' OR tiering.next_anniversary(r.day, CASE WHEN r.whole_month THEN date_trunc('month', r.today)::date ELSE r.today END)
		<= CASE WHEN r.whole_month THEN (date_trunc('month', r.today) + interval '1 month - 1 day')::date ELSE r.today END, false) AS is_due, r.valid_until
FROM (
	SELECT s.customer_id, s.tier, b.*, n.today,
		COALESCE(CASE%2$s END, CASE b.occasion WHEN 'enrolment' THEN tiering.first_purchase(h.history, n.today) END) AS day
	FROM %1$I.tier_standing AS s
		CROSS JOIN (SELECT x.programme FROM %1$I.tier_evaluation AS x ORDER BY x.evaluation DESC LIMIT 1) AS e
		CROSS JOIN (SELECT (now() AT TIME ZONE COALESCE(p.time_zone, current_setting('TimeZone')))::date AS today FROM %1$I.pipeline AS p) AS n
		JOIN %1$I.tier_entitlement AS x ON x.programme = e.programme
		LEFT JOIN %1$I.tier AS t ON t.programme = x.programme AND t.version = s.version AND t.tier = x.tier
		JOIN %1$I.tier_benefit AS b ON b.benefit = x.benefit AND n.today BETWEEN b.valid_from AND b.valid_until
		LEFT JOIN %1$I.purchase_history AS h ON h.customer_id = s.customer_id
		%3$s
	WHERE (x.tier IS NULL OR t.rank <= s.rank)
		AND NOT EXISTS (
			SELECT FROM %1$I.tier_entitlement AS y JOIN %1$I.tier_benefit AS g ON g.benefit = y.benefit AND n.today BETWEEN g.valid_from AND g.valid_until
				LEFT JOIN %1$I.tier AS u ON u.programme = y.programme AND u.version = s.version AND u.tier = y.tier
			WHERE y.programme = e.programme AND g.replaces = b.benefit AND (y.tier IS NULL OR u.rank <= s.rank))
) AS r$sql$, pipeline, dates, joined);
	EXECUTE format($sql$
COMMENT ON VIEW %1$I.customer_benefit IS 'who is entitled to what: one row for each customer and benefit of his tier';
COMMENT ON COLUMN %1$I.customer_benefit.customer_id IS 'the customer, as the source has it';
COMMENT ON COLUMN %1$I.customer_benefit.tier IS 'code of his tier';
COMMENT ON COLUMN %1$I.customer_benefit.benefit IS 'code of the benefit';
COMMENT ON COLUMN %1$I.customer_benefit.name IS 'its name';
COMMENT ON COLUMN %1$I.customer_benefit.kind IS 'its kind';
COMMENT ON COLUMN %1$I.customer_benefit.value IS 'percent, points or money';
COMMENT ON COLUMN %1$I.customer_benefit.occasion IS 'when it is due';
COMMENT ON COLUMN %1$I.customer_benefit.next_on IS 'next day of the occasion, today included';
COMMENT ON COLUMN %1$I.customer_benefit.is_due IS 'may he have it today?';
COMMENT ON COLUMN %1$I.customer_benefit.valid_until IS 'last day of the offer'$sql$, pipeline);
END;
$$;

COMMENT ON FUNCTION tiering.define_customer_benefit(text) IS
'internal: makes customer_benefit';
