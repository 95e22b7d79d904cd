
/*
 * pipeline: one customer's tier, explained and live
 */

-- Refuses to go on where no programme is in use
CREATE FUNCTION tiering.tier_programme_in_use(pipeline text)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	used text;
BEGIN
	EXECUTE format('SELECT programme FROM %I.tier_programme WHERE in_use', pipeline) INTO used;
	IF used IS NULL THEN
		RAISE EXCEPTION 'no tier programme of pipeline "%" is in use', pipeline
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'CALL tiering.create_tiers(...) makes one.';
	END IF;
	RETURN used;
END;
$$;

COMMENT ON FUNCTION tiering.tier_programme_in_use(text) IS
'internal: name of the programme in use';

-- One customer's rows for a replay: dated rows of other relations, and what was given
CREATE FUNCTION tiering.tier_case_of(pipeline text, programme text, customer anyelement, OUT entries tiering.tier_entry[], OUT overrides tiering.tier_override[], OUT enrolled date)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	query text := tiering.tier_entries_sql(pipeline, programme);
	enrolment record;
	is_merged boolean := false;
BEGIN
	SELECT * INTO enrolment FROM tiering.tier_enrolment_sql(pipeline, programme);
	IF to_regclass(format('%I.customer_identity', pipeline)) IS NOT NULL THEN
		EXECUTE format('SELECT EXISTS (SELECT FROM %I.customer_identity AS i WHERE i.id = $1)', pipeline) INTO is_merged USING customer;
	END IF;
	IF enrolment.joined <> '' AND NOT is_merged THEN
		EXECUTE format('SELECT %s FROM (SELECT $1 AS customer_id) AS h%s', enrolment.expression, enrolment.joined) INTO enrolled USING customer;
	END IF;
	IF query IS NOT NULL THEN
		EXECUTE format('SELECT e.entries FROM (%s) AS e WHERE e.customer_id = $1', query) INTO entries USING customer;
	END IF;
	EXECUTE format('SELECT array_agg(ROW(g.tier, g.valid_from, g.valid_until, g.at_least)::tiering.tier_override ORDER BY g.override) FROM (%s) AS g WHERE g.customer_id = $1', tiering.tier_overrides_sql(pipeline))
		INTO overrides USING customer;
END;
$$;

COMMENT ON FUNCTION tiering.tier_case_of(text, text, anyelement) IS
'internal: what a replay of one customer''s tiers looks at, besides his purchases';

-- Reads the orders, not the histories, so that a purchase of a second ago counts
CREATE FUNCTION tiering.tier_now_of(pipeline text, customer anyelement)
RETURNS tiering.tier_standing
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	used text;
	history tiering.purchase_history;
	given record;
	today date;
BEGIN
	PERFORM tiering.require_pipeline(pipeline);
	used := tiering.tier_programme_in_use(pipeline);
	EXECUTE format('SELECT (clock_timestamp() AT TIME ZONE COALESCE(p.time_zone, current_setting(''TimeZone'')))::date FROM %I.pipeline AS p', pipeline) INTO today;
	EXECUTE format('SELECT tiering.purchase_history_agg(o.purchased_on, o.amount) FROM %I.purchase AS o WHERE o.customer_id = $1', pipeline)
		INTO history USING customer;
	SELECT * INTO given FROM tiering.tier_case_of(pipeline, used, customer);
	RETURN tiering.tier_standing(history, given.entries, given.overrides, given.enrolled, tiering.tier_document(pipeline, used), today);
END;
$$;

COMMENT ON FUNCTION tiering.tier_now_of(text, anyelement) IS
'internal: does the work of tier_now()';

-- An id of any type, and one as text, which is what a literal without a type is
CREATE FUNCTION tiering.tier_now(pipeline text, customer anyelement)
RETURNS tiering.tier_standing
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN tiering.tier_now_of(pipeline, customer);
END;
$$;

COMMENT ON FUNCTION tiering.tier_now(text, anyelement) IS
'where a customer stands today, by the orders as they are this moment';

CREATE FUNCTION tiering.tier_now(pipeline text, customer text)
RETURNS tiering.tier_standing
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	standing tiering.tier_standing;
BEGIN
	PERFORM tiering.require_pipeline(pipeline);
	EXECUTE format('SELECT (tiering.tier_now_of($1, $2::%s)).*', tiering.customer_type(pipeline)) INTO standing USING pipeline, customer;
	RETURN standing;
END;
$$;

COMMENT ON FUNCTION tiering.tier_now(text, text) IS
'the same for an id as text';

-- A customer's history, and a day's standing by it; the same for all that explain
CREATE FUNCTION tiering.tier_conditions_text(pipeline text, programme text, version integer, of_tier text)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	words text;
BEGIN
	EXECUTE format($sql$
SELECT CASE t.combine WHEN 'all' THEN string_agg(format('%%s of at least %%s', c.metric, c.threshold), ' and ' ORDER BY c.metric)
	WHEN 'any' THEN string_agg(format('%%s of at least %%s', c.metric, c.threshold), ' or ' ORDER BY c.metric)
	ELSE format('weights of %%s from: ', t.weight_needed) || string_agg(format('%%s of at least %%s (%%s)', c.metric, c.threshold, c.weight), ', ' ORDER BY c.metric) END
FROM %1$I.tier AS t JOIN %1$I.tier_condition AS c USING (programme, version, rank)
WHERE t.programme = $1 AND t.version = $2 AND t.tier = $3
GROUP BY t.combine, t.weight_needed$sql$, pipeline) INTO words USING programme, version, of_tier;
	RETURN COALESCE(words, 'nothing: everybody has it');
END;
$$;

COMMENT ON FUNCTION tiering.tier_conditions_text(text, text, integer, text) IS
'internal: the conditions of a tier in words';

-- A length of time in words, whatever the session's style of intervals
CREATE FUNCTION tiering.span_text(span interval)
RETURNS text
LANGUAGE SQL IMMUTABLE
SET search_path = pg_catalog, pg_temp
SET intervalstyle = postgres
AS $$ SELECT replace(span::text, 'mon', 'month') $$;

COMMENT ON FUNCTION tiering.span_text(interval) IS
'internal: a length of time in words';

CREATE FUNCTION tiering.tier_window_text(pipeline text, of_programme text, of_version integer)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
	span text;
BEGIN
	EXECUTE format('SELECT * FROM %I.tier_policy WHERE programme = $1 AND version = $2', pipeline) INTO p USING of_programme, of_version;
	span := tiering.span_text(p.window_length);
	RETURN CASE p.window_kind
			WHEN 'lifetime' THEN 'all purchases count'
			WHEN 'rolling' THEN format('purchases of the last %s count', span)
			WHEN 'calendar' THEN format('calendar periods of %s count%s', span, CASE WHEN p.fiscal_month <> 1 THEN format(', years that begin with month %s', p.fiscal_month) ELSE '' END)
			WHEN 'enrolment' THEN format('periods of %s since the enrolment count', span)
			WHEN 'term' THEN format('terms of %s since the tier was reached count', span)
			ELSE format('cycles of %s since %s count', span, to_char(p.cycle_start, 'YYYY-MM-DD')) END
		|| format('; upgrade %s', CASE p.upgrade WHEN 'at once' THEN 'at once' ELSE 'with the next period' END)
		|| CASE WHEN p.downgrade = 'never' THEN ', downgrade never' ELSE format(', downgrade %s', p.downgrade)
			|| CASE p.landing WHEN 'one level' THEN ', one tier at a time' ELSE ', to what was earned' END END
		|| CASE WHEN p.downgrade <> 'never' AND p.grace <> interval '0' THEN format(', grace of %s', tiering.span_text(p.grace)) ELSE '' END
		|| CASE WHEN p.downgrade <> 'never' AND p.rounded_to <> 'day' THEN format(', until the end of the %s', p.rounded_to) ELSE '' END
		|| CASE WHEN p.downgrade <> 'never' AND p.minimum_stay <> interval '0' THEN format(', kept for %s at least', tiering.span_text(p.minimum_stay)) ELSE '' END;
END;
$$;

COMMENT ON FUNCTION tiering.tier_window_text(text, text, integer) IS
'internal: a policy''s window in words';

-- Purchases of the window in words, the newest first, up to ten
CREATE FUNCTION tiering.tier_purchases_text(history tiering.purchase_history, from_day date, until_day date)
RETURNS text
LANGUAGE SQL IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(format('%s (%s)', to_char(d.purchased_on, 'YYYY-MM-DD'), round(d.net, LEAST(scale(d.net), GREATEST(2, scale(trim_scale(d.net)))))), ', ' ORDER BY d.purchased_on DESC) FILTER (WHERE d.n <= 10)
		|| CASE WHEN count(*) > 10 THEN format(' and %s days before', count(*) - 10) ELSE '' END
	FROM (
		SELECT p.purchased_on, p.amount - p.refunded AS net, row_number() OVER (ORDER BY p.purchased_on DESC) AS n
		FROM tiering.purchases(history) AS p
		WHERE p.purchased_on <= until_day AND (p.purchased_on >= from_day OR from_day IS NULL)
	) AS d
$$;

COMMENT ON FUNCTION tiering.tier_purchases_text(tiering.purchase_history, date, date) IS
'internal: days of purchases with their net money, in words';

-- A jsonb of numbers in words
CREATE FUNCTION tiering.tier_numbers_text(numbers jsonb, joined_by text)
RETURNS text
LANGUAGE SQL IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(format('%s %s', n.key, n.value), joined_by ORDER BY n.key) FROM jsonb_each_text(numbers) AS n
$$;

COMMENT ON FUNCTION tiering.tier_numbers_text(jsonb, text) IS
'internal: metrics in words';

-- Where the metrics of a window come from: purchases, rows of other relations, or
-- the newest value
CREATE FUNCTION tiering.tier_sources_text(document jsonb, history tiering.purchase_history, entries tiering.tier_entry[], from_day date, until_day date)
RETURNS text
LANGUAGE SQL IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH metric AS (
		SELECT m.value ->> 'metric' AS metric, m.value ->> 'kind' AS kind, m.ordinality FROM jsonb_array_elements(document -> 'metrics') WITH ORDINALITY AS m
	), entry AS (
		SELECT m.metric, m.kind, e.day, e.amount, row_number() OVER (PARTITION BY m.metric ORDER BY e.day DESC, e.amount DESC) AS n, count(*) OVER (PARTITION BY m.metric) AS count
		FROM unnest(entries) AS e JOIN metric AS m ON m.ordinality = e.metric
		WHERE e.day <= until_day AND (m.kind = 'last' OR e.day >= from_day OR from_day IS NULL)
	)
	SELECT COALESCE(string_agg(w.words, '' ORDER BY w.place, w.words), '') FROM (
		SELECT 1 AS place, ' from purchases on ' || tiering.tier_purchases_text(history, from_day, until_day) AS words
		WHERE EXISTS (SELECT FROM metric AS m WHERE m.kind NOT IN ('sum', 'last'))
		UNION ALL
		SELECT 2, format('; %s from rows of %s', e.metric, string_agg(format('%s (%s)', to_char(e.day, 'YYYY-MM-DD'), trim_scale(e.amount)), ', ' ORDER BY e.n) FILTER (WHERE e.n <= CASE e.kind WHEN 'last' THEN 1 ELSE 10 END))
			|| CASE WHEN max(e.count) > 10 AND e.kind = 'sum' THEN format(' and %s rows before', max(e.count) - 10) ELSE '' END
		FROM entry AS e GROUP BY e.metric, e.kind
	) AS w
$$;

COMMENT ON FUNCTION tiering.tier_sources_text(jsonb, tiering.purchase_history, tiering.tier_entry[], date, date) IS
'internal: what metrics are made of, in words';

-- What a decision was, as it was told, and what it was made of
CREATE FUNCTION tiering.tier_decision_text(pipeline text, customer anyelement, told record, history tiering.purchase_history, given record, document jsonb)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	day date := lower(told.valid);
	is_term boolean := EXISTS (SELECT FROM jsonb_array_elements(document -> 'versions') AS v
		WHERE (v.value ->> 'version')::integer = told.version AND v.value ->> 'window_kind' = 'term');
	then_was tiering.tier_standing;
	from_words text := '';
BEGIN
	-- a term begins on the day after what led to it; the first one with the day of joining
	then_was := tiering.tier_standing(history, given.entries, given.overrides, given.enrolled, document, CASE WHEN is_term THEN day - 1 ELSE day END);
	IF told.reason IN ('enrolled', 'upgraded') AND (is_term OR then_was.metrics = told.metrics) THEN
		from_words := tiering.tier_sources_text(document, history, given.entries, CASE WHEN is_term AND told.reason = 'enrolled' THEN day ELSE then_was.window_from END, day);
	END IF;
	RETURN format('%s%s, with %s%s',
		CASE told.reason
			WHEN 'enrolled' THEN CASE WHEN tiering.first_purchase(history, day) = day THEN 'first purchase' ELSE 'a member since then' END
			WHEN 'upgraded' THEN 'upgraded from ' || told.former_tier
			WHEN 'downgraded' THEN 'downgraded from ' || told.former_tier
			WHEN 'policy' THEN 'another version or programme'
			WHEN 'given' THEN 'given by hand'
			WHEN 'given ended' THEN 'what was given by hand ended'
			ELSE 'corrected, since what is known of earlier days has changed' END,
		CASE told.reason WHEN 'given' THEN (SELECT format(' by %s: %s', g.author, g.reason) FROM tiering.tier_given_to(pipeline, customer, day, told.tier) AS g) ELSE '' END,
		tiering.tier_numbers_text(told.metrics, ', '),
		from_words);
END;
$$;

COMMENT ON FUNCTION tiering.tier_decision_text(text, anyelement, record, tiering.purchase_history, record, jsonb) IS
'internal: a decision in words';

-- What is missing for a tier: all of it, one of it, or as much as weighs enough
CREATE FUNCTION tiering.tier_missing_text(pipeline text, programme text, of_version integer, of_tier text, missing jsonb)
RETURNS text
LANGUAGE SQL STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE t.combine WHEN 'all' THEN tiering.tier_numbers_text(missing, ' and ') WHEN 'any' THEN tiering.tier_numbers_text(missing, ' or ')
		ELSE 'enough of ' || tiering.tier_numbers_text(missing, ', ') END
	FROM tiering.tier_levels(pipeline, programme) AS t WHERE t.version = of_version AND t.tier = of_tier
$$;

COMMENT ON FUNCTION tiering.tier_missing_text(text, text, integer, text, jsonb) IS
'internal: what is missing for a tier, in words';

-- What would change a tier, in words; nothing where the orders of now give another
CREATE FUNCTION tiering.tier_outlook_text(pipeline text, programme text, s tiering.tier_standing)
RETURNS TABLE (topic text, explanation text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
BEGIN
	RETURN QUERY
	SELECT v.topic, v.explanation FROM (VALUES
		('next tier', format('%s asks for %s%s', s.next_tier, tiering.tier_conditions_text(pipeline, programme, s.version, s.next_tier),
			COALESCE('; missing: ' || tiering.tier_missing_text(pipeline, programme, s.version, s.next_tier, s.missing_for_next), '; reached, and given with the next period')), s.next_tier IS NOT NULL),
		('to keep it', format('missing: %s', tiering.tier_missing_text(pipeline, programme, s.version, s.tier, s.missing_to_keep)), s.missing_to_keep IS NOT NULL AND NOT s.is_given),
		('without purchases', format('%s from %s', s.then_tier, to_char(s.valid_until + 1, 'YYYY-MM-DD')), s.valid_until IS NOT NULL),
		('without purchases', 'the tier stays', s.valid_until IS NULL)
	) AS v(topic, explanation, applies) WHERE v.applies;
END;
$$;

COMMENT ON FUNCTION tiering.tier_outlook_text(text, text, tiering.tier_standing) IS
'internal: what would change a tier, in words';

-- Why there is no tier on a day
CREATE FUNCTION tiering.no_tier_text(pipeline text, customer anyelement, day date)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	begins date;
BEGIN
	EXECUTE format('SELECT min(p.valid_from) FROM %1$I.tier_policy AS p JOIN %1$I.tier_programme AS g USING (programme) WHERE g.in_use', pipeline) INTO begins;
	RETURN format('no tier on %s: %s', to_char(day, 'YYYY-MM-DD'), CASE WHEN begins > day
		THEN format('the programme in use begins on %s', to_char(begins, 'YYYY-MM-DD'))
		ELSE format('customer %s is no member then', COALESCE(customer::text, 'null')) END);
END;
$$;

COMMENT ON FUNCTION tiering.no_tier_text(text, anyelement, date) IS
'internal: why a customer has no tier on a day, in words';

CREATE FUNCTION tiering.explain_tier_of(pipeline text, customer anyelement, as_of date)
RETURNS TABLE (topic text, explanation text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	told record;
	last_day date;
	day date := as_of;
	history tiering.purchase_history;
	given record;
	document jsonb;
	s tiering.tier_standing;
	tier_words text;
BEGIN
	PERFORM tiering.require_pipeline(pipeline);
	EXECUTE format('SELECT max(e.as_of) FROM %I.tier_evaluation AS e', pipeline) INTO last_day;
	day := COALESCE(day, last_day);
	IF (day <= last_day) IS NOT TRUE OR NOT isfinite(day) THEN
		RAISE EXCEPTION 'tiers of pipeline "%" are decided until %, not until %', pipeline, COALESCE(to_char(last_day, 'YYYY-MM-DD'), 'no day'), COALESCE(day::text, 'null')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Pass a day until then; tier_now() tells of this moment.';
	END IF;
	EXECUTE format($sql$
SELECT h.*, n.name FROM %1$I.tier_history AS h LEFT JOIN %1$I.tier_name AS n ON n.tier = h.tier AND n.language = 'en'
WHERE h.customer_id = $1 AND h.superseded_at IS NULL AND h.valid @> $2$sql$, pipeline) INTO told USING customer, day;
	IF told.tier IS NULL THEN
		RETURN QUERY VALUES ('tier', tiering.no_tier_text(pipeline, customer, day));
		RETURN;
	END IF;
	tier_words := format('%s since %s, rank %s, by version %s of programme "%s"', COALESCE(told.name, told.tier), to_char(lower(told.valid), 'YYYY-MM-DD'), told.rank, told.version, told.programme);
	document := tiering.tier_document(pipeline, told.programme);
	IF document IS NULL THEN
		RETURN QUERY VALUES ('tier', tier_words || ', which was deleted since');
		RETURN;
	END IF;
	EXECUTE format('SELECT h.history FROM %I.purchase_history AS h WHERE h.customer_id = $1', pipeline) INTO history USING customer;
	SELECT * INTO given FROM tiering.tier_case_of(pipeline, told.programme, customer);
	s := tiering.tier_standing(history, given.entries, given.overrides, given.enrolled, document, day);
	RETURN QUERY VALUES
		('tier', tier_words),
		('decision', tiering.tier_decision_text(pipeline, customer, told, history, given, document)),
		('rule', format('%s%s', CASE WHEN s.version <> told.version THEN format('by version %s now: ', s.version) ELSE '' END,
			tiering.tier_conditions_text(pipeline, told.programme, COALESCE(s.version, told.version), told.tier))),
		('window', tiering.tier_window_text(pipeline, told.programme, COALESCE(s.version, told.version)));
	IF s.rank IS NOT NULL THEN
		RETURN QUERY VALUES ('counts now', format('%s%s', tiering.tier_numbers_text(s.metrics, ', '),
			tiering.tier_sources_text(document, history, given.entries, s.window_from, LEAST(day, COALESCE(s.window_until, day)))));
	END IF;
	RETURN QUERY SELECT 'given', format('%s by %s: %s, from %s%s', CASE WHEN g.at_least THEN 'at least this' ELSE 'just this' END, g.author, g.reason,
		to_char(g.valid_from, 'YYYY-MM-DD'), CASE WHEN isfinite(g.valid_until) THEN ' to ' || to_char(g.valid_until, 'YYYY-MM-DD') ELSE ' on' END)
	FROM tiering.tier_given_to(pipeline, customer, day, told.tier) AS g WHERE s.is_given;
	IF s.tier = told.tier THEN
		RETURN QUERY SELECT * FROM tiering.tier_outlook_text(pipeline, told.programme, s);
	ELSE
		RETURN QUERY VALUES ('note', format('what is known today would have given %s on that day; what was told stays', COALESCE(s.tier, 'no tier')));
	END IF;
END;
$$;

COMMENT ON FUNCTION tiering.explain_tier_of(text, anyelement, date) IS
'internal: does the work of explain_tier()';

CREATE FUNCTION tiering.explain_tier(pipeline text, customer anyelement, as_of date DEFAULT NULL)
RETURNS TABLE (topic text, explanation text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY SELECT * FROM tiering.explain_tier_of(pipeline, customer, as_of);
END;
$$;

COMMENT ON FUNCTION tiering.explain_tier(text, anyelement, date) IS
'why a customer has, or had, his tier, what counts, and what would change it, in words';

CREATE FUNCTION tiering.explain_tier(pipeline text, customer text, as_of date DEFAULT NULL)
RETURNS TABLE (topic text, explanation text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM tiering.require_pipeline(pipeline);
	RETURN QUERY EXECUTE format('SELECT * FROM tiering.explain_tier_of($1, $2::%s, $3)', tiering.customer_type(pipeline)) USING pipeline, customer, as_of;
END;
$$;

COMMENT ON FUNCTION tiering.explain_tier(text, text, date) IS
'the same for an id as text';

-- Who gave a customer a tier that holds on a day
CREATE FUNCTION tiering.tier_given_to(pipeline text, customer anyelement, day date, of_tier text)
RETURNS TABLE (author text, reason text, at_least boolean, valid_from date, valid_until date)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT g.author, g.reason, g.at_least, g.valid_from, g.valid_until FROM (%s) AS g WHERE g.customer_id = $1 AND $2 BETWEEN g.valid_from AND g.valid_until AND g.tier = $3 ORDER BY g.override DESC LIMIT 1', tiering.tier_overrides_sql(pipeline))
		USING customer, day, of_tier;
END;
$$;

COMMENT ON FUNCTION tiering.tier_given_to(text, anyelement, date, text) IS
'internal: who gave a customer a tier, and why';
