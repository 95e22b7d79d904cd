
/*
 * pipeline: what the functions that procedures are made of do
 */

COMMENT ON FUNCTION tiering.drop_relations(text, text[]) IS
'internal: drops relations of a pipeline; names what uses them';
COMMENT ON FUNCTION tiering.used_by(text, text[]) IS
'internal: what uses relations of a pipeline from outside of them';
COMMENT ON FUNCTION tiering.grants_sql(text, text[]) IS
'internal: statements that grant again what is granted on relations of a pipeline';
COMMENT ON FUNCTION tiering.redefine_all(text) IS
'internal: makes all relations above a pipeline''s tables anew';
COMMENT ON FUNCTION tiering.lock_pipeline(text) IS
'internal: waits for the pipeline''s lock and holds it until the transaction ends';
COMMENT ON FUNCTION tiering.try_lock_pipeline(text) IS
'internal: takes the pipeline''s lock if it is free';
COMMENT ON FUNCTION tiering.define_histories(text) IS
'internal: makes purchase_history';
COMMENT ON FUNCTION tiering.customer_type(text) IS
'internal: type of a pipeline''s customer ids, as SQL';
COMMENT ON FUNCTION tiering.relation_parts(regclass) IS
'internal: a table with its partitions and children';
COMMENT ON FUNCTION tiering.has_row_versions(regclass) IS
'internal: can changed rows be told by xmin?';
COMMENT ON FUNCTION tiering.filter_is_fixed(text, regclass, text) IS
'internal: does a filter say the same of a row as long as the row is the same?';
COMMENT ON FUNCTION tiering.changes_by(text, regclass, text, text) IS
'internal: what tells changed orders: row versions, changed_at, or nothing';
COMMENT ON FUNCTION tiering.define_source(text) IS
'internal: makes order_line and purchase';
COMMENT ON FUNCTION tiering.one_currency(text, text, boolean) IS
'internal: refuses orders in more than one currency';
COMMENT ON FUNCTION tiering.one_currency_sql(text) IS
'internal: query that refuses orders in more than one currency';
COMMENT ON FUNCTION tiering.cutoffs_sql(text) IS
'internal: query that finds the cut points of a day';
COMMENT ON FUNCTION tiering.define_cutoffs(text) IS
'internal: makes day, rfm_cutoff and segment_cell';
COMMENT ON FUNCTION tiering.customer_rfm_sql(text) IS
'internal: query behind customer_rfm';
COMMENT ON FUNCTION tiering.define_customer_rfm(text) IS
'internal: makes customer_rfm';
COMMENT ON FUNCTION tiering.define_summaries(text) IS
'internal: makes segment_summary and rfm_heatmap';
COMMENT ON FUNCTION tiering.profile_columns() IS
'internal: what customer_profile says of a customer';
COMMENT ON FUNCTION tiering.profile_layout(jsonb, regclass) IS
'internal: columns of customer_profile in their order';
COMMENT ON FUNCTION tiering.profile_id_sql(text, regclass) IS
'internal: the id of the customers relation as a customer''s id';
COMMENT ON FUNCTION tiering.row_versions_tell(regclass) IS
'internal: do row versions tell every change of the orders, for what they are now?';
COMMENT ON FUNCTION tiering.grant_again(text, text[]) IS
'internal: grants again what was granted on relations that were made anew';
COMMENT ON FUNCTION tiering.define_profile(text) IS
'internal: makes customer_profile, or appends columns to it';
COMMENT ON FUNCTION tiering.check_settings(text) IS
'internal: refuses settings that make no sense';
COMMENT ON FUNCTION tiering.define_all(text) IS
'internal: makes all relations above a pipeline''s tables';
COMMENT ON FUNCTION tiering.list_pipelines() IS
'internal: rows of the view pipelines';
COMMENT ON FUNCTION tiering.define_identity(text) IS
'internal: makes customer_identity and customer_merge';
COMMENT ON FUNCTION tiering.refresh_identity(text) IS
'internal: follows merges to their end; returns how many customers that changes';
COMMENT ON FUNCTION tiering.require_sources(text, regclass, regclass) IS
'internal: refuses to go on when a source was dropped';
COMMENT ON FUNCTION tiering.refresh_begin(text, date, boolean, boolean) IS
'internal: begins a run; NULL if another session is at it';
COMMENT ON FUNCTION tiering.refresh_enter(text, bigint) IS
'internal: takes the lock for a step of a run that is still the current one';
COMMENT ON FUNCTION tiering.refresh_log(text, bigint, text, text, bigint, text) IS
'internal: writes a row of the log';
COMMENT ON FUNCTION tiering.histories_sql(text, text, text, text) IS
'internal: query that builds histories';
COMMENT ON FUNCTION tiering.build_histories(text, text) IS
'internal: makes all histories anew and puts them in their place';
COMMENT ON FUNCTION tiering.rebuild_changed(text, text, text, bigint, bigint) IS
'internal: recomputes the customers whose orders changed';
COMMENT ON FUNCTION tiering.many_changed(text, regclass, xid8) IS
'internal: have so many orders changed that building all is shorter?';
COMMENT ON FUNCTION tiering.refresh_histories(text, bigint) IS
'internal: first step of a refresh';
COMMENT ON FUNCTION tiering.refresh_cutoffs(text, bigint, boolean) IS
'internal: second step of a refresh';
COMMENT ON FUNCTION tiering.refresh_view(text, text, boolean) IS
'internal: refreshes one materialized view';
COMMENT ON FUNCTION tiering.refresh_customer_rfm(text, bigint, boolean) IS
'internal: third step of a refresh';
COMMENT ON FUNCTION tiering.refuse_twice(regclass, text) IS
'internal: refuses a customers relation with two rows for one id';
COMMENT ON FUNCTION tiering.refresh_step(text, bigint, text, boolean) IS
'internal: does one step of a run';
COMMENT ON FUNCTION tiering.refresh_failed(text, bigint, text, text) IS
'internal: writes down that a run has failed';
COMMENT ON FUNCTION tiering.raise_again(text, text, text, text) IS
'internal: raises an error that was caught before';
COMMENT ON FUNCTION tiering.count_lines(text, bigint) IS
'internal: writes down how many rows made the histories, and how many could not';
COMMENT ON FUNCTION tiering.left_out_note(text, bigint) IS
'internal: what the log says of rows that were left out';
COMMENT ON FUNCTION tiering.identity_sql(text) IS
'internal: query that follows each merge to its end';
COMMENT ON FUNCTION tiering.refuse_merge(text, text) IS
'internal: refuses merges that have no end';
COMMENT ON FUNCTION tiering.refresh_announce(text, bigint, text) IS
'internal: says that a step begins';
COMMENT ON FUNCTION tiering.notice_lines(text) IS
'internal: asks whether rows are lines of orders';
COMMENT ON FUNCTION tiering.clv_records_sql(text, text) IS
'internal: the query for the records of all customers';
COMMENT ON FUNCTION tiering.define_clv(text) IS
'internal: makes clv_model and customer_clv';
COMMENT ON FUNCTION tiering.customer_clv_sql(text) IS
'internal: the query behind customer_clv';
COMMENT ON FUNCTION tiering.notice_truncation(text, date, date) IS
'internal: warns of data that begin in the middle of customers'' lives';
COMMENT ON FUNCTION tiering.fit_model(text, text, date) IS
'internal: fits a model to the records of a pipeline';
COMMENT ON FUNCTION tiering.keep_model(text, bigint, text, text, jsonb, jsonb, boolean, text) IS
'internal: stores a fitted model as the next version';
COMMENT ON FUNCTION tiering.refit_reason(text, bigint, boolean) IS
'internal: why models are to be fitted now';
COMMENT ON FUNCTION tiering.refresh_models(text, bigint) IS
'internal: the step that fits models';
COMMENT ON FUNCTION tiering.refresh_customer_clv(text, bigint, boolean) IS
'internal: the step that values the customers';
COMMENT ON FUNCTION tiering.define_scores(text, text, text) IS
'internal: makes a relation of scores';
COMMENT ON FUNCTION tiering.store_table_scores(text, text, text) IS
'internal: brings a table of scores up to date';
COMMENT ON FUNCTION tiering.store_scores(text, text, text, boolean) IS
'internal: brings a relation of scores up to date';
COMMENT ON FUNCTION tiering.compare_models(text, date) IS
'internal: how well each kind of model foretells the last part of a pipeline''s data';
COMMENT ON FUNCTION tiering.ranked_models(jsonb, text) IS
'internal: what a comparison says of the kinds of model';
COMMENT ON FUNCTION tiering.choose_models(text, jsonb) IS
'internal: the kinds of model that a refresh fits, and why';
COMMENT ON FUNCTION tiering.fall_back(text, bigint, text, text, text, date, jsonb) IS
'internal: what scores when no model was found';
COMMENT ON FUNCTION tiering.clv_holdout_sql(text, integer) IS
'internal: the query behind clv_holdout_customers(), of one customer in so many';
COMMENT ON FUNCTION tiering.warn_of_models(text) IS
'internal: warns where there is no value to publish, or none that knows of leaving';
COMMENT ON FUNCTION tiering.square(double precision) IS
'internal: a square, 0 where it is too small for a double';
