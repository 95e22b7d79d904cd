/*
 * What the tests of tiers share: a shop with one customer's orders, and a
 * function that says what he is told under a policy.
 */
CREATE TABLE orders (line integer GENERATED ALWAYS AS IDENTITY, customer integer, day date, amount numeric);
CALL tiering.create_pipeline('shop', 'orders', 'customer', 'day', 'amount', time_zone => 'UTC', histories => 'view');

-- SQLSTATE and message of a statement, which is taken back in any case
CREATE FUNCTION error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	SET CONSTRAINTS ALL IMMEDIATE;
	RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = 'no error';
EXCEPTION
	WHEN SQLSTATE 'ZZ000' THEN RETURN SQLERRM;
	WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM;
END $$;

CREATE FUNCTION buy(bought text, by_customer integer DEFAULT 1) RETURNS void LANGUAGE SQL AS $$
	INSERT INTO orders (customer, day, amount) SELECT by_customer, split_part(o, ' ', 1)::date, split_part(o, ' ', 2)::numeric FROM unnest(string_to_array(bought, ', ')) AS o
$$;

-- A customer's tiers as they are told, each with its first day
CREATE FUNCTION history_of(pipeline text DEFAULT 'shop', of_customer integer DEFAULT 1) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	found text;
BEGIN
	EXECUTE format('SELECT string_agg(tier || '' '' || lower(valid) || CASE WHEN upper(valid) < next THEN '', nothing '' || upper(valid) ELSE '''' END, '', '' ORDER BY lower(valid))
		FROM (SELECT tier, valid, COALESCE(lead(lower(valid)) OVER (ORDER BY lower(valid)), ''infinity'') AS next FROM %I.tier_history WHERE customer_id = $1 AND superseded_at IS NULL) AS h', pipeline)
		INTO found USING of_customer;
	RETURN COALESCE(found, 'nothing');
END $$;

-- What customer 1, who bought as listed, is told until a day under a policy, the
-- arguments of create_tiers().  Nothing of it stays.
CREATE FUNCTION told(bought text, policy text, until date, also text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM buy(bought);
	REFRESH MATERIALIZED VIEW shop.purchase_history;
	EXECUTE format('CALL tiering.create_tiers(''shop'', ''plan'', %s)', policy);
	IF also IS NOT NULL THEN
		EXECUTE also;
	END IF;
	SET CONSTRAINTS ALL IMMEDIATE;
	PERFORM tiering.evaluate_tiers('shop', until);
	RAISE EXCEPTION USING ERRCODE = 'ZZ000', MESSAGE = history_of();
EXCEPTION
	WHEN SQLSTATE 'ZZ000' THEN RETURN SQLERRM;
	WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
