
/*
 * tier: levels of one customer, replayed under a policy
 */

CREATE TYPE tiering.tier_entry AS (metric integer, day date, amount numeric);
COMMENT ON TYPE tiering.tier_entry IS 'what a metric of a policy gains on a day, or what it is from that day on';
COMMENT ON COLUMN tiering.tier_entry.metric IS 'number of the metric in the policy document, from 1';
COMMENT ON COLUMN tiering.tier_entry.day IS 'the day';
COMMENT ON COLUMN tiering.tier_entry.amount IS 'gain, or the new value';

CREATE TYPE tiering.tier_override AS (tier text, valid_from date, valid_until date, at_least boolean);
COMMENT ON TYPE tiering.tier_override IS 'a level that was given by hand';
COMMENT ON COLUMN tiering.tier_override.tier IS 'code of the level';
COMMENT ON COLUMN tiering.tier_override.valid_from IS 'first day';
COMMENT ON COLUMN tiering.tier_override.valid_until IS 'last day; infinity: no last one';
COMMENT ON COLUMN tiering.tier_override.at_least IS 'true: a higher level that is earned is shown; false: just this one';

CREATE TYPE tiering.tier_event AS (valid_from date, version integer, rank integer, tier text, reason text, metrics jsonb);
COMMENT ON TYPE tiering.tier_event IS 'from a day on a customer has another level';
COMMENT ON COLUMN tiering.tier_event.valid_from IS 'first day of the level';
COMMENT ON COLUMN tiering.tier_event.version IS 'version of the policy';
COMMENT ON COLUMN tiering.tier_event.rank IS 'rank of the level in it, 0 the lowest';
COMMENT ON COLUMN tiering.tier_event.tier IS 'code of the level';
COMMENT ON COLUMN tiering.tier_event.reason IS 'enrolled, upgraded, downgraded, policy, given, given ended or corrected';
COMMENT ON COLUMN tiering.tier_event.metrics IS 'metrics of the window that it was decided by';

CREATE TYPE tiering.tier_standing AS (version integer, rank integer, tier text, since date, is_given boolean,
	window_from date, window_until date, valid_until date, then_tier text, metrics jsonb,
	next_tier text, missing_for_next jsonb, progress double precision, missing_to_keep jsonb);
COMMENT ON TYPE tiering.tier_standing IS 'a customer''s level on a day, and what leads away from it';
COMMENT ON COLUMN tiering.tier_standing.version IS 'version of the policy';
COMMENT ON COLUMN tiering.tier_standing.rank IS 'rank of the level in it, 0 the lowest';
COMMENT ON COLUMN tiering.tier_standing.tier IS 'code of the level';
COMMENT ON COLUMN tiering.tier_standing.since IS 'first day of the level';
COMMENT ON COLUMN tiering.tier_standing.is_given IS 'was it given by hand?';
COMMENT ON COLUMN tiering.tier_standing.window_from IS 'first day that counts; NULL: all';
COMMENT ON COLUMN tiering.tier_standing.window_until IS 'last day of the window; NULL: it has none';
COMMENT ON COLUMN tiering.tier_standing.valid_until IS 'last day of the level if nothing more is bought; NULL: none in the next twenty years';
COMMENT ON COLUMN tiering.tier_standing.then_tier IS 'level after that';
COMMENT ON COLUMN tiering.tier_standing.metrics IS 'metrics of the window so far';
COMMENT ON COLUMN tiering.tier_standing.next_tier IS 'next higher level; NULL at the top';
COMMENT ON COLUMN tiering.tier_standing.missing_for_next IS 'what of which metric is missing for it; NULL: nothing';
COMMENT ON COLUMN tiering.tier_standing.progress IS 'how much of it is there, 0 to 1';
COMMENT ON COLUMN tiering.tier_standing.missing_to_keep IS 'what is missing to keep the level that was earned; NULL: nothing';

CREATE FUNCTION tiering.tier_events(history tiering.purchase_history, entries tiering.tier_entry[], overrides tiering.tier_override[],
	enrolled date, policy jsonb, since date, told text, until date)
RETURNS tiering.tier_event[]
AS 'MODULE_PATHNAME', 'tiering_tier_events'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 500;

COMMENT ON FUNCTION tiering.tier_events(tiering.purchase_history, tiering.tier_entry[], tiering.tier_override[], date, jsonb, date, text, date) IS
'changes of a customer''s level from since until a day, under a policy document; told is the level that was published before since';

CREATE FUNCTION tiering.tier_standing(history tiering.purchase_history, entries tiering.tier_entry[], overrides tiering.tier_override[],
	enrolled date, policy jsonb, as_of date)
RETURNS tiering.tier_standing
AS 'MODULE_PATHNAME', 'tiering_tier_standing'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 500;

COMMENT ON FUNCTION tiering.tier_standing(tiering.purchase_history, tiering.tier_entry[], tiering.tier_override[], date, jsonb, date) IS
'a customer''s level on a day under a policy document, until when, and what is missing for the next one';

CREATE TYPE tiering.tier_review AS (standing tiering.tier_standing, events tiering.tier_event[]);
COMMENT ON TYPE tiering.tier_review IS 'what an evaluation found of a customer';
COMMENT ON COLUMN tiering.tier_review.standing IS 'where he stands; NULL: he has no tier any more';
COMMENT ON COLUMN tiering.tier_review.events IS 'changes of his level';

CREATE FUNCTION tiering.tier_review(history tiering.purchase_history, entries tiering.tier_entry[], overrides tiering.tier_override[],
	enrolled date, policy jsonb, since date, told text, until date, stored tiering.tier_standing)
RETURNS tiering.tier_review
AS 'MODULE_PATHNAME', 'tiering_tier_review'
LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;

COMMENT ON FUNCTION tiering.tier_review(tiering.purchase_history, tiering.tier_entry[], tiering.tier_override[], date, jsonb, date, text, date, tiering.tier_standing) IS
'tier_events() and tier_standing() at once; NULL where there are no events and the standing is the stored one';

-- Months and days of a length of time; NULL for one that has hours, or anything negative
CREATE FUNCTION tiering.months_of(span interval)
RETURNS integer
LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN extract(year FROM span) >= 0 AND extract(month FROM span) >= 0 AND extract(day FROM span) >= 0
		AND extract(epoch FROM span - date_trunc('day', span)) = 0
	THEN (extract(year FROM span) * 12 + extract(month FROM span))::integer END;

COMMENT ON FUNCTION tiering.months_of(interval) IS 'internal: months of a length of time that has whole days';

CREATE FUNCTION tiering.days_of(span interval)
RETURNS integer
LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN tiering.months_of(span) IS NOT NULL THEN extract(day FROM span)::integer END;

COMMENT ON FUNCTION tiering.days_of(interval) IS 'internal: days of a length of time, besides its months';
