
/*
 * pipeline: what the relations of recommendations are
 */

CREATE FUNCTION tiering.comment_recommend(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format($sql$
COMMENT ON TABLE %1$I.recommend_policy IS 'what to offer and what not, one row; without it nothing is recommended';
COMMENT ON COLUMN %1$I.recommend_policy.one IS 'true: there is one row';
COMMENT ON COLUMN %1$I.recommend_policy.n IS 'recommendations for a customer';
COMMENT ON COLUMN %1$I.recommend_policy.horizon_days IS 'days ahead that recommendations are for';
COMMENT ON COLUMN %1$I.recommend_policy.only_new IS 'never what the customer has';
COMMENT ON COLUMN %1$I.recommend_policy.product_name IS 'column of the products with the name';
COMMENT ON COLUMN %1$I.recommend_policy.product_category IS 'their column with the category';
COMMENT ON COLUMN %1$I.recommend_policy.product_filter IS 'condition on the products: what does not meet it is not offered';
COMMENT ON COLUMN %1$I.recommend_policy.product_once IS 'condition on the products: what meets it is not bought twice';
COMMENT ON COLUMN %1$I.recommend_policy.product_tier IS 'their column with the lowest tier that may have it';
COMMENT ON COLUMN %1$I.recommend_policy.customer_group IS 'column of the customers that tells groups, such as the country';
COMMENT ON COLUMN %1$I.recommend_policy.most_in_category IS 'of one category at most; 0: any number';
COMMENT ON COLUMN %1$I.recommend_policy.diversity IS 'weight of being unlike what stands before it, 0 to 0.9';
COMMENT ON COLUMN %1$I.recommend_policy.min_customers IS 'what fewer customers bought is recommended to nobody, and in no report';
COMMENT ON COLUMN %1$I.recommend_policy.rest_days IS 'days for which what was dismissed rests';
COMMENT ON COLUMN %1$I.recommend_policy.half_life_days IS 'days in which what a purchase tells of taste halves';
COMMENT ON COLUMN %1$I.recommend_policy.click_weight IS 'what a click tells of taste, a purchase being 1';
COMMENT ON COLUMN %1$I.recommend_policy.max_memory_mb IS 'memory that learning may take';
COMMENT ON TABLE %1$I.recommend_item IS 'numbers of products';
COMMENT ON COLUMN %1$I.recommend_item.item IS 'number, which a product keeps';
COMMENT ON COLUMN %1$I.recommend_item.product_id IS 'the product, as the source has it';
COMMENT ON TABLE %1$I.recommend_history IS 'what customers bought, by the numbers of products';
COMMENT ON COLUMN %1$I.recommend_history.customer_id IS 'the customer, as the source has it';
COMMENT ON COLUMN %1$I.recommend_history.items IS 'numbers of products, by day';
COMMENT ON COLUMN %1$I.recommend_history.days IS 'the days';
COMMENT ON TABLE %1$I.recommendation IS 'what to offer each customer, best first';
COMMENT ON COLUMN %1$I.recommendation.customer_id IS 'the customer, as the source has it';
COMMENT ON COLUMN %1$I.recommendation.rank IS 'place, 1 is best';
COMMENT ON COLUMN %1$I.recommendation.product_id IS 'the product';
COMMENT ON COLUMN %1$I.recommendation.score IS 'of the blend, the probability that he buys it within the horizon; of other rankings, their own';
COMMENT ON COLUMN %1$I.recommendation.reason IS 'why';
COMMENT ON COLUMN %1$I.recommendation.model IS 'ranking that says so';
COMMENT ON COLUMN %1$I.recommendation.as_of IS 'day of the analysis';
COMMENT ON TABLE %1$I.product_affinity IS 'products that the same customers bought, up to 20 for each';
COMMENT ON COLUMN %1$I.product_affinity.product_id IS 'the product';
COMMENT ON COLUMN %1$I.product_affinity.other_product_id IS 'another that its customers bought';
COMMENT ON COLUMN %1$I.product_affinity.rank IS 'place, 1 is most alike';
COMMENT ON COLUMN %1$I.product_affinity.similarity IS 'cosine, drawn to 0 where few customers bought both';
COMMENT ON COLUMN %1$I.product_affinity.customers IS 'customers who bought both';
COMMENT ON COLUMN %1$I.product_affinity.product_customers IS 'who bought the product';
COMMENT ON COLUMN %1$I.product_affinity.other_customers IS 'who bought the other';
COMMENT ON COLUMN %1$I.product_affinity.lift IS 'how many times more often than by chance';
COMMENT ON TABLE %1$I.recommend_quality IS 'how good each ranking was on a day of which it knew nothing';
COMMENT ON COLUMN %1$I.recommend_quality.run IS 'run that judged';
COMMENT ON COLUMN %1$I.recommend_quality.ranking IS 'popular, popular_in_group, buy_again, similar, factors, ease or blend';
COMMENT ON COLUMN %1$I.recommend_quality.setting IS 'all: what the customer has may be offered; new: not; cold: customers without a purchase before';
COMMENT ON COLUMN %1$I.recommend_quality.origin IS 'day on which was recommended';
COMMENT ON COLUMN %1$I.recommend_quality.horizon_days IS 'days after it that were to be foretold';
COMMENT ON COLUMN %1$I.recommend_quality.n IS 'recommendations for a customer';
COMMENT ON COLUMN %1$I.recommend_quality.customers IS 'customers with a purchase that could be foretold';
COMMENT ON COLUMN %1$I.recommend_quality.ndcg IS 'normalized discounted cumulative gain';
COMMENT ON COLUMN %1$I.recommend_quality.recall IS 'share of their purchases that was recommended';
COMMENT ON COLUMN %1$I.recommend_quality."precision" IS 'share of recommendations that was bought';
COMMENT ON COLUMN %1$I.recommend_quality.average_precision IS 'mean average precision';
COMMENT ON COLUMN %1$I.recommend_quality.hit_rate IS 'share of customers who bought something recommended';
COMMENT ON COLUMN %1$I.recommend_quality.coverage IS 'share of products that was recommended to anybody';
COMMENT ON COLUMN %1$I.recommend_quality.novelty IS 'mean of -log2 of the share of customers who have the product';
COMMENT ON COLUMN %1$I.recommend_quality.is_chosen IS 'is it the one that is published?';
COMMENT ON TABLE %1$I.recommend_feedback IS 'what became of recommendations; yours to fill';
COMMENT ON COLUMN %1$I.recommend_feedback.feedback IS 'number';
COMMENT ON COLUMN %1$I.recommend_feedback.customer_id IS 'the customer';
COMMENT ON COLUMN %1$I.recommend_feedback.product_id IS 'the product';
COMMENT ON COLUMN %1$I.recommend_feedback.event IS 'shown, clicked, bought or dismissed';
COMMENT ON COLUMN %1$I.recommend_feedback."position" IS 'place where it was shown, 1 is the first';
COMMENT ON COLUMN %1$I.recommend_feedback.model IS 'ranking that recommended it';
COMMENT ON COLUMN %1$I.recommend_feedback.happened_at IS 'when'$sql$, pipeline);
END;
$$;

COMMENT ON FUNCTION tiering.comment_recommend(text) IS
'internal: comments on the tables of recommendations';

CREATE FUNCTION tiering.comment_recommend_views(pipeline text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	EXECUTE format($sql$
COMMENT ON VIEW %1$I.recommend_product IS 'products as recommendations see them';
COMMENT ON COLUMN %1$I.recommend_product.item IS 'number';
COMMENT ON COLUMN %1$I.recommend_product.product_id IS 'the product';
COMMENT ON COLUMN %1$I.recommend_product.name IS 'its name';
COMMENT ON COLUMN %1$I.recommend_product.category IS 'its category';
COMMENT ON COLUMN %1$I.recommend_product.is_offered IS 'may it be offered?';
COMMENT ON COLUMN %1$I.recommend_product.is_once IS 'is it bought once only?';
COMMENT ON COLUMN %1$I.recommend_product.tier IS 'lowest tier that may have it';
COMMENT ON VIEW %1$I.recommend_purchase IS 'purchases of products, by their numbers';
COMMENT ON COLUMN %1$I.recommend_purchase.customer_id IS 'the customer';
COMMENT ON COLUMN %1$I.recommend_purchase.source_customer_id IS 'the customer as the source has him, before merges';
COMMENT ON COLUMN %1$I.recommend_purchase.item IS 'number of the product';
COMMENT ON COLUMN %1$I.recommend_purchase.ordered_on IS 'local day';
COMMENT ON VIEW %1$I.recommend_customer IS 'customers with their group';
COMMENT ON COLUMN %1$I.recommend_customer.customer_id IS 'the customer';
COMMENT ON COLUMN %1$I.recommend_customer.customer_group IS 'his group; NULL: unknown';
COMMENT ON VIEW %1$I.next_offer IS 'one row a customer: the best recommendation, the benefit of the tier, and what is at stake';
COMMENT ON COLUMN %1$I.next_offer.customer_id IS 'the customer';
COMMENT ON COLUMN %1$I.next_offer.product_id IS 'the product';
COMMENT ON COLUMN %1$I.next_offer.name IS 'its name';
COMMENT ON COLUMN %1$I.next_offer.score IS 'as in recommendation';
COMMENT ON COLUMN %1$I.next_offer.reason IS 'why';
COMMENT ON COLUMN %1$I.next_offer.model IS 'ranking that says so';
COMMENT ON COLUMN %1$I.next_offer.as_of IS 'day of the analysis';
COMMENT ON COLUMN %1$I.next_offer.tier IS 'his tier';
COMMENT ON COLUMN %1$I.next_offer.benefit IS 'a benefit that he may have today; NULL: none';
COMMENT ON COLUMN %1$I.next_offer.benefit_name IS 'its name';
COMMENT ON COLUMN %1$I.next_offer.clv IS 'his value';
COMMENT ON COLUMN %1$I.next_offer.churn_probability IS 'probability that he buys nothing within the horizon of churn_policy';
COMMENT ON COLUMN %1$I.next_offer.value_at_risk IS 'his value, times the probability that he leaves within that';
COMMENT ON VIEW %1$I.recommend_performance IS 'what became of recommendations, by ranking and position';
COMMENT ON COLUMN %1$I.recommend_performance.model IS 'ranking';
COMMENT ON COLUMN %1$I.recommend_performance."position" IS 'place';
COMMENT ON COLUMN %1$I.recommend_performance.shown IS 'how often shown';
COMMENT ON COLUMN %1$I.recommend_performance.clicked IS 'clicked';
COMMENT ON COLUMN %1$I.recommend_performance.bought IS 'bought';
COMMENT ON COLUMN %1$I.recommend_performance.dismissed IS 'dismissed';
COMMENT ON COLUMN %1$I.recommend_performance.click_through IS 'clicks over shown';
COMMENT ON COLUMN %1$I.recommend_performance.conversion IS 'bought over shown';
COMMENT ON VIEW %1$I.product_season IS 'how purchases of a category spread over the months';
COMMENT ON COLUMN %1$I.product_season.category IS 'the category; NULL: products without one';
COMMENT ON COLUMN %1$I.product_season.month IS '1 to 12';
COMMENT ON COLUMN %1$I.product_season.purchases IS 'in that month, of all years';
COMMENT ON COLUMN %1$I.product_season.days IS 'days of that month that are known, of all years';
COMMENT ON COLUMN %1$I.product_season.seasonal_index IS 'purchases a day over those of the mean month; 1 is usual'$sql$, pipeline);
END;
$$;

COMMENT ON FUNCTION tiering.comment_recommend_views(text) IS
'internal: comments on the views of recommendations';
