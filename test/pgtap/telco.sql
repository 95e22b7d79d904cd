--
-- telco: real churn, on the raw columns as they come, against scikit-learn
--
-- The set is IBM's (Apache-2.0; github.com/IBM/telco-customer-churn-on-icp4d, commit d5371f5, data/Telco-Customer-Churn.csv)
-- and is not part of this repository.  Where it lies at test/data/telco_churn.csv.gz it is used: 7,043 lines, as
-- test/oracle/telco_oracle.py reads them.
--
\set QUIET on
SET client_min_messages = warning;
\set have `test -e test/data/telco_churn.csv.gz && echo 1 || echo 0`
SELECT plan(7);
\if :have

\ir labelled.psql
TRUNCATE oracle;
\copy oracle FROM 'test/data/telco_values.csv' WITH (FORMAT csv)

CREATE TABLE telco (n serial, "customerID" text, gender text, "SeniorCitizen" text, "Partner" text, "Dependents" text, tenure text, "PhoneService" text, "MultipleLines" text, "InternetService" text,
	"OnlineSecurity" text, "OnlineBackup" text, "DeviceProtection" text, "TechSupport" text, "StreamingTV" text, "StreamingMovies" text, "Contract" text, "PaperlessBilling" text, "PaymentMethod" text,
	"MonthlyCharges" text, "TotalCharges" text, "Churn" text);
\copy telco ("customerID", gender, "SeniorCitizen", "Partner", "Dependents", tenure, "PhoneService", "MultipleLines", "InternetService", "OnlineSecurity", "OnlineBackup", "DeviceProtection", "TechSupport", "StreamingTV", "StreamingMovies", "Contract", "PaperlessBilling", "PaymentMethod", "MonthlyCharges", "TotalCharges", "Churn") FROM PROGRAM 'gzip -dc test/data/telco_churn.csv.gz' WITH (FORMAT csv, HEADER, NULL 'never')
-- a blank, as in the original
UPDATE telco SET "TotalCharges" = ' ' WHERE "TotalCharges" = '';
CREATE TABLE peer (model text, fold integer, auc double precision, log_loss double precision);
\copy peer FROM 'test/data/telco_oracle.csv' WITH (FORMAT csv, HEADER)
CREATE TABLE sale AS SELECT 1 AS customer, date '2024-01-01' AS day, 1 AS amount;
CALL tiering.create_pipeline('shop', 'sale', 'customer', 'day', 'amount');
ALTER TABLE telco ADD fold integer;
UPDATE telco SET fold = (n - 1) % 5;
CREATE VIEW raw AS SELECT "customerID", gender, "SeniorCitizen", "Partner", "Dependents", tenure, "PhoneService", "MultipleLines", "InternetService", "OnlineSecurity", "OnlineBackup", "DeviceProtection", "TechSupport",
	"StreamingTV", "StreamingMovies", "Contract", "PaperlessBilling", "PaymentMethod", "MonthlyCharges", "TotalCharges", "Churn", fold FROM telco;
CREATE FUNCTION judged(kind text, fold integer) RETURNS TABLE (auc double precision, log_loss double precision) LANGUAGE plpgsql AS $$
DECLARE
	columns CONSTANT text := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'raw'::regclass AND attname <> 'fold');
BEGIN
	PERFORM tiering.train('shop', kind, format('SELECT %s FROM raw WHERE fold <> %s', columns, fold), 'Churn', kind, '{"folds": 0, "id": "customerID"}');
	RETURN QUERY EXECUTE format('SELECT tiering.auc(t."Churn" = ''Yes'', p.probability), tiering.log_loss(t."Churn" = ''Yes'', p.probability) FROM tiering.predict_batch(''shop'', $1, $2) AS p JOIN telco AS t ON t."customerID" = p.id')
		USING kind, format('SELECT * FROM raw WHERE fold = %s', fold);
END $$;
CREATE TABLE ours AS SELECT k AS model, f AS fold, j.* FROM unnest('{logistic,boosting}'::text[]) AS k, generate_series(0, 4) AS f, LATERAL judged(k, f) AS j;
SELECT diag(format('%s: AUC %s, scikit-learn %s; log-loss %s, %s', model, round(avg(o.auc)::numeric, 4), round(avg(s.auc)::numeric, 4), round(avg(o.log_loss)::numeric, 4), round(avg(s.log_loss)::numeric, 4))) FROM ours AS o JOIN peer AS s USING (model, fold) GROUP BY model;
SELECT ok(max(abs(o.auc - s.auc)) < 0.005, 'logistic regression, each fold within 0.005 of scikit-learn') FROM ours AS o JOIN peer AS s USING (model, fold) WHERE model = 'logistic';
SELECT ok(min(o.auc - s.auc) > -0.005, 'boosted trees, no fold 0.005 worse than scikit-learn') FROM ours AS o JOIN peer AS s USING (model, fold) WHERE model = 'boosting';
SELECT ok(avg(o.log_loss) < avg(s.log_loss) + 0.001, '-- nor their log-loss') FROM ours AS o JOIN peer AS s USING (model, fold) WHERE model = 'boosting';
SELECT ok(abs(avg(o.log_loss) - avg(s.log_loss)) < 0.001, '-- that of logistic regression is the same') FROM ours AS o JOIN peer AS s USING (model, fold) WHERE model = 'logistic';
SELECT ok(tiering.encoding_names(encoding) @> '{TotalCharges,tenure,SeniorCitizen,"Contract = Two year"}' AND NOT tiering.encoding_names(encoding) @> '{customerID}', 'numbers in text are numbers, blanks and all') FROM shop.model WHERE model = 'logistic' AND in_use;

-- estimates and metrics, with scores that tie
CREATE TABLE plain AS SELECT "Churn" = 'Yes' AS label, ARRAY["SeniorCitizen", tenure, "MonthlyCharges"]::double precision[] AS features FROM telco;
CREATE TABLE fitted AS SELECT tiering.logistic_fit(label, features) AS c FROM plain;
SELECT is(worst('{estimate%,std_error%,z%,"p %",log_likelihood}', $$SELECT 'telco' AS name, v.quantity || ' ' || (row_number() OVER (PARTITION BY v.quantity ORDER BY k.term <> 'intercept', k.term) - 1) AS quantity, v.value
	FROM fitted, LATERAL tiering.coefficients(c) AS k, LATERAL (VALUES ('estimate', k.estimate), ('std_error', k.std_error), ('z', k.z), ('p', k.p)) AS v(quantity, value)
	UNION ALL SELECT 'telco', 'log_likelihood', (tiering.classifier_summary(c)).log_likelihood FROM fitted$$), 'all within 1e-6', 'estimates, errors, z, p and likelihood are those of statsmodels');
SELECT is(worst('{auc,average_precision,log_loss,brier}', $$SELECT 'telco' AS name, v.quantity, v.value FROM (
	SELECT tiering.auc(label, round(p::numeric, 2)::double precision) AS auc, tiering.average_precision(label, round(p::numeric, 2)::double precision) AS ap, tiering.log_loss(label, p) AS log_loss, tiering.brier(label, p) AS brier
	FROM (SELECT label, tiering.predict(c, features) AS p FROM plain, fitted) AS s) AS m, LATERAL (VALUES ('auc', m.auc), ('average_precision', m.ap), ('log_loss', m.log_loss), ('brier', m.brier)) AS v(quantity, value)$$), 'all within 1e-6', 'metrics are those of scikit-learn, ties and all');

\else
SELECT skip('test/data/telco_churn.csv.gz is not there', 7);
\endif
SELECT * FROM finish();
