
/*
 * clv: the formula that is worked out by hand
 */

-- Refuses a number that is none, or outside of its limits; high may be NULL
CREATE FUNCTION tiering.require_number(name text, value numeric, low numeric, high numeric)
RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF value = 'NaN' OR value < low OR value > high OR value IN ('infinity', '-infinity') THEN
		RAISE EXCEPTION '% % is not %', name, value,
				CASE WHEN high IS NULL THEN format('a finite number from %s on', low) ELSE format('between %s and %s', low, high) END
			USING ERRCODE = 'invalid_parameter_value', HINT = CASE WHEN high >= 2 AND high = trunc(high) THEN 'Pass a number within these limits.' ELSE 'Pass money, times and shares as they are; a share of 30 percent is 0.3.' END;
	END IF;
END;
$$;

COMMENT ON FUNCTION tiering.require_number(text, numeric, numeric, numeric) IS
'internal: refuses a number outside of its limits';

CREATE FUNCTION tiering.clv_formula(purchases_per_year numeric, order_value numeric, gross_margin numeric,
	retention_years numeric, acquisition_cost numeric DEFAULT 0,
	frequency_weight numeric DEFAULT 1, value_weight numeric DEFAULT 1)
RETURNS numeric
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM tiering.require_number('purchases_per_year', purchases_per_year, 0, NULL),
		tiering.require_number('order_value', order_value, 0, NULL),
		tiering.require_number('gross_margin', gross_margin, 0, 1),
		tiering.require_number('retention_years', retention_years, 0, NULL),
		tiering.require_number('acquisition_cost', acquisition_cost, 0, NULL),
		tiering.require_number('frequency_weight', frequency_weight, 0, 10),
		tiering.require_number('value_weight', value_weight, 0, 10);
	-- a power is rounded, so a weight of 1 must not be one
	RETURN CASE frequency_weight WHEN 1 THEN purchases_per_year ELSE power(purchases_per_year, frequency_weight) END
		* CASE value_weight WHEN 1 THEN order_value ELSE power(order_value, value_weight) END
		* gross_margin * retention_years - acquisition_cost;
END;
$$;

COMMENT ON FUNCTION tiering.clv_formula(numeric, numeric, numeric, numeric, numeric, numeric, numeric) IS
'purchases per year * order value * margin * years - acquisition cost, exact; weights are exponents of the first two';

CREATE FUNCTION tiering.clv_formula_extended(purchases_per_year numeric, order_value numeric, gross_margin numeric,
	retention_years numeric, acquisition_cost numeric DEFAULT 0,
	referrals_per_year numeric DEFAULT 0, referral_conversion numeric DEFAULT 1, referred_value numeric DEFAULT 0,
	service_cost numeric DEFAULT 0, service_cost_decline numeric DEFAULT 0,
	frequency_weight numeric DEFAULT 1, value_weight numeric DEFAULT 1)
RETURNS numeric
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	whole integer;
	this_year numeric := service_cost;
	service numeric := 0;
BEGIN
	PERFORM tiering.require_number('referrals_per_year', referrals_per_year, 0, NULL),
		tiering.require_number('referral_conversion', referral_conversion, 0, 1),
		tiering.require_number('referred_value', referred_value, 0, NULL),
		tiering.require_number('service_cost', service_cost, 0, NULL),
		tiering.require_number('service_cost_decline', service_cost_decline, 0, 1),
		tiering.require_number('retention_years', retention_years, 0, 100);
	-- each year costs its share of the year before; the last one counts in part
	whole := floor(retention_years);
	FOR year IN 1 .. whole LOOP
		service := service + this_year;
		this_year := this_year * (1 - service_cost_decline);
	END LOOP;
	service := service + (retention_years - whole) * this_year;
	RETURN tiering.clv_formula(purchases_per_year, order_value, gross_margin, retention_years, acquisition_cost,
			frequency_weight, value_weight)
		+ retention_years * referrals_per_year * referral_conversion * referred_value
		- service;
END;
$$;

COMMENT ON FUNCTION tiering.clv_formula_extended(numeric, numeric, numeric, numeric, numeric, numeric, numeric, numeric, numeric, numeric, numeric, numeric) IS
'clv_formula() plus the value of those whom the customer brings, less what serving him costs, which declines year by year';
