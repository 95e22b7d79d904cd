--
-- train: models by name on any query, against features made by hand
--
\set QUIET on
SET client_min_messages = warning;
SELECT plan(69);

CREATE TABLE sale (customer integer, day date, amount numeric);
INSERT INTO sale SELECT n % 50, date '2024-01-01' + n % 300, n FROM generate_series(1, 1000) AS n;
CALL tiering.create_pipeline('shop', 'sale', 'customer', 'day', 'amount');

-- subscribers: text with blanks around it, rare values, numbers in text, dates, what is not known
CREATE TABLE subscriber AS
SELECT n AS id, 'S-' || n AS code, (ARRAY['basic', 'pro', ' team '])[1 + n % 3] AS plan, CASE WHEN n % 11 = 0 THEN NULL WHEN n % 11 = 1 THEN '  ' WHEN n % 2 = 0 THEN 'web' WHEN n % 7 = 3 THEN 'fair ' || n ELSE 'shop' END AS channel,
	n % 4 = 1 AS paperless, date '2020-01-01' + n % 700 AS since, CASE WHEN n % 13 > 0 THEN (n * 37 % 1000) / 10.0 END::numeric AS spend,
	CASE WHEN n % 9 = 0 THEN ' ' ELSE (n * 17 % 300)::text END AS minutes, timestamptz '2024-01-01 00:00+00' + n % 50 * interval '1 hour' AS seen, (n % 20) * interval '1 day' AS waited,
	CASE WHEN n % 97 = 0 THEN NULL WHEN sin(n * 1.7) + (n % 3) / 2.0 - (n * 37 % 1000) / 1000.0 + CASE WHEN n % 4 = 1 THEN 0.5 ELSE 0 END > 0.4 THEN 'Yes' ELSE 'No' END AS left_us
FROM generate_series(1, 3000) AS n;

CREATE TABLE said AS SELECT * FROM tiering.train('shop', 'leaving', 'SELECT * FROM subscriber', 'left_us', options => '{"id": "id"}');
SELECT is((SELECT version || ' ' || status || ' ' || rows || ' ' || features FROM said), (SELECT '1 converged ' || count(left_us) || ' 11' FROM subscriber), 'a model is trained on the labelled rows');
SELECT is(tiering.encoding_names(encoding)::text, '{"plan = pro","plan = team","channel = shop","channel is another","channel is missing",paperless,since,spend,minutes,seen,waited}'::text[]::text, 'columns become features, a code that tells rows apart does not') FROM shop.model WHERE model = 'leaving';
SELECT is(tiering.encoding_columns(encoding)::text, '{plan,plan,channel,channel,channel,paperless,since,spend,minutes,seen,waited}', '-- each is of a column') FROM shop.model WHERE model = 'leaving';

-- --- the same as by hand ------------------------------------------------------------------

CREATE VIEW by_hand AS SELECT id, left_us = 'Yes' AS label, ARRAY[(plan = 'pro')::integer, (btrim(plan) = 'team')::integer, COALESCE(channel = 'shop', false)::integer, COALESCE(channel LIKE 'fair%', false)::integer, COALESCE(btrim(channel) = '', true)::integer,
	paperless::integer, since - date '2000-01-01', spend, NULLIF(btrim(minutes), '')::double precision, extract(epoch FROM seen - timestamptz '2000-01-01 00:00+00') / 86400, extract(day FROM waited)]::double precision[] AS features FROM subscriber;
SELECT is((SELECT count(*) FROM by_hand AS h JOIN subscriber AS s USING (id), shop.model AS m WHERE m.model = 'leaving' AND tiering.encode_row(m.encoding, s) IS DISTINCT FROM h.features), 0::bigint, 'features are those made by hand');
SELECT ok(max(abs(tiering.predict(m.classifier, h.features) - tiering.predict(c, h.features))) < 1e-12, 'the model is that of the features') FROM by_hand AS h, shop.model AS m, (SELECT tiering.logistic_fit(label, features, '{"l2": 1}') AS c FROM by_hand) AS f WHERE m.model = 'leaving';
SELECT ok(abs((SELECT log_loss FROM said) - f.log_loss) < 1e-12 AND abs((SELECT auc FROM said) - f.auc) < 1e-12, 'held-out metrics are of rows that each model did not know') FROM (
	SELECT tiering.log_loss(p.label, p.p) AS log_loss, tiering.auc(p.label, p.p) AS auc FROM (
		SELECT h.label, tiering.predict(c.c, h.features) AS p FROM (SELECT *, abs(hashtextextended(features::text, 0) % 5) AS fold FROM by_hand WHERE label IS NOT NULL) AS h JOIN (
			SELECT k, tiering.logistic_fit(label, features, '{"l2": 1}') FILTER (WHERE abs(hashtextextended(features::text, 0) % 5) <> k) AS c FROM by_hand, generate_series(0, 4) AS k GROUP BY k) AS c ON c.k = h.fold) AS p) AS f;
SELECT is((SELECT metrics ->> 'rows' FROM shop.model WHERE model = 'leaving'), (SELECT rows::text FROM said), '-- of all rows once');
SELECT ok((SELECT auc FROM said) > 0.6, '-- and good');
SELECT is((SELECT checksum FROM shop.model WHERE model = 'leaving'), (SELECT encode(sha256(tiering.classifier_send(classifier) || decode(md5(encoding::text), 'hex')), 'hex') FROM shop.model WHERE model = 'leaving'), 'the checksum is of the model with its encoding');

-- --- predictions ----------------------------------------------------------------------------

SELECT is((SELECT count(*) FROM tiering.predict_batch('shop', 'leaving', 'SELECT * FROM subscriber') AS b JOIN by_hand AS h ON h.id::text = b.id, shop.model AS m WHERE m.model = 'leaving' AND b.probability = tiering.predict(m.classifier, h.features)), 3000::bigint, 'probabilities of many rows');
SELECT is((SELECT string_agg(id, ' ' ORDER BY "row") FROM tiering.predict_batch('shop', 'leaving', 'SELECT * FROM subscriber ORDER BY id DESC LIMIT 3 -- the last')), '3000 2999 2998', '-- in the order of the query, a comment at its end or not');
SELECT is(tiering.predict('shop', 'leaving', s), (SELECT probability FROM tiering.predict_batch('shop', 'leaving', 'SELECT * FROM subscriber WHERE id = 7;')), 'of one row') FROM subscriber AS s WHERE id = 7;
SELECT is(tiering.predict('shop', 'leaving', r), tiering.predict('shop', 'leaving', s), 'of a row in another order of columns, without the label and with others') FROM subscriber AS s, LATERAL (SELECT waited, seen, minutes, spend, since, paperless, channel, plan, 'x' AS more) AS r WHERE id = 8;
SELECT is(tiering.predict('shop', 'leaving', r), tiering.predict('shop', 'leaving', s), 'numbers and booleans may come as text') FROM subscriber AS s, LATERAL (SELECT waited, seen, minutes::integer, spend::text, since, paperless::text, channel::varchar(20), plan::char(10)) AS r WHERE id = 8;
SELECT ok(abs(sum(contribution) - ln(p / (1 - p))) < 1e-9, 'contributions of columns add up to the log odds') FROM (SELECT e.*, tiering.predict('shop', 'leaving', s) AS p FROM subscriber AS s, LATERAL tiering.explain('shop', 'leaving', s) AS e WHERE s.id = 7) AS e GROUP BY p;
SELECT is((SELECT value FROM subscriber AS s, LATERAL tiering.explain('shop', 'leaving', s) AS e WHERE s.id = 7 AND e."column" = 'plan'), (SELECT plan FROM subscriber WHERE id = 7), '-- beside the values of the row');
SELECT is(tiering.encode_row(m.encoding, r)::text, '{0,0,0,1,0,NULL,NULL,NULL,NULL,NULL,NULL}', 'values that were never seen, and what is not known') FROM shop.model AS m, (SELECT 'gold' AS plan, 'moon' AS channel, NULL::boolean AS paperless, NULL::date AS since, NULL::integer AS spend, ''::text AS minutes, NULL::timestamptz AS seen, NULL::interval AS waited) AS r WHERE model = 'leaving';
SELECT is((SELECT count(*) FROM tiering.predict_batch('shop', 'leaving', 'SELECT * FROM subscriber WHERE false')), 0::bigint, 'no rows, no probabilities');

-- --- boosting, versions, the same again -----------------------------------------------------------

SELECT is(version || ' ' || status || ' ' || features, '2 fitted 13', 'the same name again is the next version') FROM tiering.train('shop', 'leaving', 'SELECT * FROM subscriber ORDER BY id', 'left_us', 'boosting', '{"id": "id", "rounds": 30}');
SELECT is((SELECT string_agg(version || ' ' || in_use, ', ' ORDER BY version) FROM shop.model WHERE model = 'leaving'), '1 false, 2 true', '-- which is in use');
SELECT is((SELECT count(*) FROM tiering.train('shop', 'leaving', 'SELECT * FROM subscriber ORDER BY spend DESC NULLS FIRST, id DESC', 'left_us', 'boosting', '{"id": "id", "rounds": 30}')), 1::bigint, 'rows in another order');
SELECT is((SELECT count(DISTINCT (checksum, metrics)) FROM shop.model WHERE model = 'leaving' AND version > 1), 1::bigint, '-- give the same model, with the same metrics');
SELECT is(tiering.predict('shop', 'leaving', s), tiering.predict(m.classifier, tiering.encode_row(m.encoding, s)), 'the newest one is asked') FROM subscriber AS s, shop.model AS m WHERE s.id = 9 AND m.model = 'leaving' AND m.version = 3;
CALL tiering.use_model('shop', 'leaving', 1);
SELECT is((SELECT string_agg(version::text, ' ') FROM shop.model WHERE model = 'leaving' AND in_use), '1', 'back to an older one');
SELECT is(tiering.predict('shop', 'leaving', s), tiering.predict(m.classifier, tiering.encode_row(m.encoding, s)), '-- which is asked then') FROM subscriber AS s, shop.model AS m WHERE s.id = 9 AND m.model = 'leaving' AND m.version = 1;
CALL tiering.use_model('shop', 'leaving', NULL);
SELECT throws_ok($$SELECT tiering.predict('shop', 'leaving', s) FROM subscriber AS s LIMIT 1$$, '42704', 'pipeline "shop" has no model "leaving" in use', 'none of them');
SELECT throws_ok($$CALL tiering.use_model('shop', 'leaving', 9)$$, '42704', 'pipeline "shop" has no model "leaving" of version 9', 'a version that is not there');
SELECT throws_ok($$CALL tiering.use_model('shop', 'purchase', 1)$$, '42704', NULL, 'the models of the pipeline are not its business');
CALL tiering.use_model('shop', 'leaving', 3);
SELECT is((SELECT fit ->> 'query' FROM shop.model WHERE model = 'leaving' AND version = 1), 'SELECT * FROM subscriber', 'what it was trained on is kept');
SELECT is((SELECT metrics FROM shop.model WHERE model = 'quick'), NULL, 'without folds nothing is judged: ' || status) FROM tiering.train('shop', 'quick', 'SELECT plan, spend, left_us FROM subscriber', 'left_us', options => '{"folds": 0}');
SELECT is(tiering.encoding_names(encoding), '{"plan is another",spend}', 'fewer values, the rest in one') FROM shop.model, (SELECT tiering.train('shop', 'few', 'SELECT plan, spend, left_us FROM subscriber', 'left_us', options => '{"categories": 1}')) AS t WHERE model = 'few';
SELECT is(status || ' ' || features, 'converged 1', 'a positive label of one''s own') FROM tiering.train('shop', 'plan', $$SELECT spend, CASE WHEN plan = 'pro' THEN 'Pro' ELSE 'no' END AS kind FROM subscriber$$, 'kind', options => '{"positive": "Pro"}');
SELECT is((SELECT avg(probability) > 0.3 AND avg(probability) < 0.37 FROM tiering.predict_batch('shop', 'plan', 'SELECT spend FROM subscriber')), true, '-- is the one that is foretold');
SELECT is(status, 'converged', 'a boolean label, with NULLs') FROM tiering.train('shop', 'bool', $$SELECT spend, left_us = 'Yes' AS leaves FROM subscriber$$, 'leaves');
SELECT is(status, 'converged', 'labels 0 and 1') FROM tiering.train('shop', 'digits', $$SELECT spend, (left_us = 'Yes')::integer AS leaves FROM subscriber$$, 'leaves');
CALL tiering.refresh('shop', as_of => '2024-10-27');
SELECT is((SELECT count(*) FROM shop.model WHERE model = 'leaving' AND in_use), 1::bigint, 'a refresh leaves it alone');

-- a row type that changes while a loop runs
CREATE TABLE changing AS SELECT 7 AS spend;
CREATE FUNCTION encoded() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	r changing;
	said text := '';
BEGIN
	FOR i IN 1 .. 3 LOOP
		SELECT * INTO r FROM changing;
		said := said || tiering.encode_row('[{"column": "spend", "type": "number"}]', r)::text;
		IF i = 1 THEN
			EXECUTE 'ALTER TABLE changing ' || (SELECT string_agg(format('ADD c%s integer DEFAULT 1', n), ', ') FROM generate_series(1, 1000) AS n);
		ELSIF i = 2 THEN
			ALTER TABLE changing DROP c7;
		END IF;
	END LOOP;
	RETURN said;
END $$;
SELECT is(encoded(), '{7}{7}{7}', 'a row type that changes meanwhile');

-- names, collations and settings that could come in the way
CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
SELECT is(t.status || ' ' || t.features, 'converged 4', 'columns of any name and collation') FROM tiering.train('shop', 'odd', $$SELECT left_us COLLATE "C" AS "row", plan COLLATE any_case AS t, spend AS q, minutes AS "a ""b"" $$ || '$$' || $$" FROM subscriber$$, 'row') AS t;
SELECT is(count(probability), 3000::bigint, '-- can be trained on, and predicted') FROM tiering.predict_batch('shop', 'odd', $$SELECT plan AS t, spend AS q, minutes AS "a ""b"" $$ || '$$' || $$" FROM subscriber$$);
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SELECT is(t.features, 2, 'so are strings as in old times') FROM tiering.train('shop', 'old', 'SELECT left_us, minutes, ''c'' || id % 2 AS kind FROM subscriber', 'left_us') AS t;
RESET standard_conforming_strings;
RESET escape_string_warning;

-- --- whose names ------------------------------------------------------------------------------------

CREATE SCHEMA elsewhere;
CREATE TABLE elsewhere.visitor AS SELECT spend, paperless AS label FROM subscriber;
CREATE FUNCTION elsewhere.abs(bigint) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'called'; END $$;
CREATE FUNCTION elsewhere.predict(tiering.classifier, double precision[]) RETURNS double precision LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'called'; END $$;
CREATE FUNCTION elsewhere.row_number() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'called'; END $$;
SET search_path = elsewhere, pg_catalog, public;
SELECT public.is(t.status, 'converged', 'the query finds what the caller sees') FROM tiering.train('shop', 'seen', 'SELECT * FROM visitor', 'label') AS t;
SELECT public.is(pg_catalog.count(*), 3000::bigint, '-- and so do predictions') FROM tiering.predict_batch('shop', 'seen', 'SELECT * FROM visitor');
SELECT public.is(current_setting('search_path'), 'elsewhere, pg_catalog, public', '-- and nothing of it is changed');
RESET search_path;

-- --- rights -------------------------------------------------------------------------------------------

CREATE ROLE train_guest;
GRANT USAGE ON SCHEMA tiering, shop TO train_guest;
GRANT SELECT ON subscriber TO train_guest;
SET ROLE train_guest;
SELECT throws_ok($$SELECT tiering.train('shop', 'mine', 'SELECT * FROM subscriber', 'left_us')$$, '42501', NULL, 'only the owner trains');
SELECT throws_ok($$SELECT tiering.predict_batch('shop', 'leaving', 'SELECT * FROM subscriber')$$, '42501', NULL, 'who may not read the models cannot use them');
RESET ROLE;
GRANT SELECT ON shop.model TO train_guest;
SET ROLE train_guest;
SELECT is((SELECT count(*) FROM tiering.predict_batch('shop', 'leaving', 'SELECT * FROM subscriber')), 3000::bigint, 'who may does');
SELECT throws_ok($$SELECT tiering.predict_batch('shop', 'leaving', 'SELECT day AS id FROM sale')$$, '42501', NULL, '-- with what he may read');
RESET ROLE;
REVOKE ALL ON SCHEMA tiering, shop FROM train_guest;
REVOKE ALL ON subscriber, shop.model FROM train_guest;
DROP ROLE train_guest;

-- --- refused, and nothing changed -----------------------------------------------------------------------

CREATE TABLE before AS SELECT * FROM shop.model;
SELECT throws_ok(format('SELECT tiering.train(%s)', s), c, m, t) FROM (VALUES
	($$'nowhere', 'a', 'SELECT 1 AS x', 'x'$$, '42704', 'pipeline "nowhere" does not exist', 'no pipeline'), ($$'shop', 'churn', 'SELECT * FROM subscriber', 'left_us'$$, '22023', 'model name "churn" is not free', 'a name of the pipeline''s own'),
	($$'shop', 'a', 'SELECT * FROM subscriber', 'left_us', 'magic'$$, '22023', 'kind "magic" is unknown', 'an unknown kind'), ($$'shop', 'a', NULL, 'left_us'$$, '22004', 'query or target is null', 'no query'),
	($$'shop', 'a', 'SELECT * FROM subscriber', 'gone'$$, '42703', 'the query has no column "gone"', 'no such target'), ($$'shop', 'a', 'SELECT * FROM subscriber', 'left_us', 'logistic', '{"id": "gone"}'$$, '42703', 'the query has no column "gone"', 'no such id'),
	($$'shop', 'a', 'SELECT spend, plan FROM subscriber', 'plan'$$, '22023', 'target "plan" has the values basic, pro, team, ...: more than two', 'three labels'), ($$'shop', 'a', 'SELECT spend, plan FROM subscriber WHERE id % 3 > 0', 'plan'$$, '22023', 'target "plan" has the values pro, team: which of them is true?', 'two that could be either'),
	($$'shop', 'a', 'SELECT spend, left_us FROM subscriber WHERE left_us = ''No''', 'left_us', 'logistic', '{"positive": "No"}'$$, '22023', 'the query gives 1792 labelled rows, with 1 different labels', 'one label'),
	($$'shop', 'a', 'SELECT spend, paperless FROM subscriber WHERE false', 'paperless'$$, '22023', 'the query gives 0 labelled rows, with 0 different labels', 'no rows'), ($$'shop', 'a', 'SELECT left_us, code FROM subscriber', 'left_us'$$, '22023', 'the query has no columns to learn from', 'nothing to learn from'),
	($$'shop', 'a', 'SELECT paperless, ARRAY[1] AS list FROM subscriber', 'paperless'$$, '42804', 'column "list" is of type integer[], which cannot be encoded', 'a list'), ($$'shop', 'a', 'SELECT paperless, CASE WHEN id = 7 THEN float8 ''NaN'' ELSE 1 END AS x FROM subscriber', 'paperless'$$, '22023', 'column "x" is "NaN", which is no finite number', 'NaN'),
	($$'shop', 'a', 'SELECT paperless, CASE WHEN id = 7 THEN ''infinity'' ELSE since END AS since FROM subscriber', 'paperless'$$, '22023', 'column "since" is "infinity", which is no finite date', 'a date without end'),
	($$'shop', 'a', 'SELECT spend, paperless FROM subscriber', 'paperless', 'logistic', '{"depth": 3}'$$, '22023', 'option "depth" is unknown', 'an option of another kind'), ($$'shop', 'a', 'SELECT spend, paperless FROM subscriber', 'paperless', 'logistic', '{"folds": 1}'$$, '22023', 'option "folds" is no whole number from 0 to 20', 'one fold'),
	($$'shop', 'a', 'SELECT paperless, ' || (SELECT string_agg(format('id %% %s AS c%s', n, n), ', ') FROM generate_series(2, 502) AS n) || ' FROM subscriber', 'paperless'$$, '54000', 'the query makes 501 features, more than 500', 'too many features'),
	($$'shop', 'a', 'SELECT spend, paperless FROM subscriber', 'paperless', 'logistic', '{"names": []}'$$, '22023', 'option "names" is not taken here', 'names')) AS v(s, c, m, t);
SELECT throws_ok(s, c, m, t) FROM (VALUES
	($$SELECT tiering.predict('shop', 'nobody', ROW(1))$$, '42704', 'pipeline "shop" has no model "nobody" in use', 'no such model'), ($$SELECT tiering.predict('shop', 'leaving', s) FROM (SELECT 1 AS spend) AS s$$, '42703', 'row has no column "plan"', 'a row without a column'),
	($$SELECT tiering.predict('shop', 'plan', s) FROM (SELECT 'much' AS spend) AS s$$, '22023', 'column "spend" is "much", which is no number', 'text where a number was'), ($$SELECT tiering.encode_row('[{"column": "a", "type": "text", "values": [1]}]', s) FROM (SELECT 1 AS a) AS s$$, '22023', 'encoding has no usable "values"', 'an encoding that is none')) AS v(s, c, m, t);
SELECT is((SELECT array_agg((model, version, in_use, checksum)::text ORDER BY model, version) FROM shop.model), (SELECT array_agg((model, version, in_use, checksum)::text ORDER BY model, version) FROM before), 'nothing of that changed anything');

SELECT * FROM finish();
