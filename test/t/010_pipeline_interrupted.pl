# A refresh that is cancelled, timed out, terminated, killed, or whose server
# falls, at each of its steps: what was published stays, and the next refresh
# ends in the same state as a pipeline made anew.

use strict;
use warnings;
use IPC::Run qw(start pump finish timer);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', <<'CONF');
restart_after_crash = on
fsync = off
jit = off
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION customer_tiering');
$node->safe_psql('postgres', slurp_file('test/pgtap/pipeline_oracle.psql'));
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE orders (line serial PRIMARY KEY, customer integer, day date, amount numeric, order_no integer, product integer);
INSERT INTO orders (customer, day, amount, order_no, product)
SELECT 1 + n * n % 31, date '2023-01-01' + n * 7 % 360, n % 40 - 5, n / 2, n * n % 13 FROM generate_series(1, 300) AS n;
CALL tiering.create_pipeline('shop', 'orders', 'customer', 'day', 'amount', order_id => 'order_no', product_id => 'product');
CALL tiering.create_tiers('shop', 'club', '{10,40,90}', window_length => '3 months', corrections => 'retroactive');
CALL tiering.create_churn('shop', horizon_days => 30);
CALL tiering.create_recommendations('shop', n => 3, horizon_days => 30, min_customers => 2);
CALL tiering.refresh('shop', as_of => '2023-12-31');

-- places where a refresh stops while somebody holds the advisory lock of that number
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(TG_ARGV[0]::integer);
	RETURN NEW;
END $$;
CREATE TRIGGER late_in_histories BEFORE UPDATE OF changed_from ON shop.run FOR EACH ROW EXECUTE FUNCTION hold('2');
CREATE TRIGGER before_cutoffs BEFORE INSERT ON shop.log FOR EACH ROW WHEN (NEW.step = 'cutoffs' AND NEW.state = 'running') EXECUTE FUNCTION hold('3');
CREATE TRIGGER late_in_cutoffs BEFORE UPDATE OF r_cutoffs ON shop.run FOR EACH ROW EXECUTE FUNCTION hold('4');
CREATE TRIGGER late_in_models BEFORE INSERT ON shop.model FOR EACH ROW EXECUTE FUNCTION hold('7');
CREATE TRIGGER late_in_scores BEFORE UPDATE ON shop.log FOR EACH ROW WHEN (NEW.step = 'customer_clv' AND NEW.state = 'done') EXECUTE FUNCTION hold('6');
CREATE TRIGGER amid_churn BEFORE INSERT ON shop.model FOR EACH ROW WHEN (NEW.model = 'churn') EXECUTE FUNCTION hold('9');
CREATE TRIGGER late_in_churn BEFORE UPDATE ON shop.log FOR EACH ROW WHEN (NEW.step = 'churn' AND NEW.state = 'done') EXECUTE FUNCTION hold('10');
CREATE TRIGGER amid_recommend BEFORE INSERT ON shop.model FOR EACH ROW WHEN (NEW.model = 'recommend') EXECUTE FUNCTION hold('11');
CREATE TRIGGER late_in_recommend BEFORE UPDATE ON shop.log FOR EACH ROW WHEN (NEW.step = 'recommend' AND NEW.state = 'done') EXECUTE FUNCTION hold('12');
CREATE TRIGGER late_in_tiers BEFORE UPDATE OF decisions ON shop.tier_evaluation FOR EACH ROW EXECUTE FUNCTION hold('8');
SQL

my %stop = (
	1 => [ 'early in histories', 'BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE;' ],
	2 => [ 'late in histories', 'BEGIN; SELECT pg_advisory_xact_lock(2);' ],
	3 => [ 'before cutoffs', 'BEGIN; SELECT pg_advisory_xact_lock(3);' ],
	4 => [ 'late in cutoffs', 'BEGIN; SELECT pg_advisory_xact_lock(4);' ],
	5 => [ 'early in customer_rfm', 'BEGIN; SELECT FROM shop.customer_rfm LIMIT 1;' ],
	6 => [ 'late in customer_clv', 'BEGIN; SELECT pg_advisory_xact_lock(6);' ],
	7 => [ 'late in models', 'BEGIN; SELECT pg_advisory_xact_lock(7);' ],
	8 => [ 'late in tiers', 'BEGIN; SELECT pg_advisory_xact_lock(8);' ],
	9 => [ 'amid churn', 'BEGIN; SELECT pg_advisory_xact_lock(9);' ],
	10 => [ 'late in churn', 'BEGIN; SELECT pg_advisory_xact_lock(10);' ],
	11 => [ 'amid recommend', 'BEGIN; SELECT pg_advisory_xact_lock(11);' ],
	12 => [ 'late in recommend', 'BEGIN; SELECT pg_advisory_xact_lock(12);' ]);

my $seconds = $PostgreSQL::Test::Utils::timeout_default || 180;

# starts psql; what is written to ->{in} goes to it
sub session
{
	my ($sql) = @_;
	my %s = (in => '', out => '', err => '');
	my @command = ('psql', '-XqAt', '-d', $node->connstr('postgres'));
	push @command, '-c', $sql if defined $sql;
	$s{run} = start(\@command, '<', \$s{in}, '>', \$s{out}, '2>', \$s{err}, timer($seconds));
	return \%s;
}

sub verdict
{
	return $node->safe_psql('postgres', q(SELECT verdict('shop', 'SELECT customer, day, amount, order_no AS order_id FROM orders', '2023-12-31')));
}

# all that is published until a place, as text
sub published
{
	my ($place) = @_;
	# recommendations come last, tiers before them, and churn before these
	return $node->safe_psql('postgres', ($place >= 8 ? '' : q(SELECT * FROM shop.customer_rfm ORDER BY customer_id; SELECT * FROM shop.segment_summary;
		SELECT * FROM shop.customer_clv ORDER BY customer_id;)) . ($place == 8 || $place > 10 ? '' : q(SELECT * FROM shop.churn_score ORDER BY customer_id;
		SELECT count(*) FROM shop.churn_quality; SELECT version FROM shop.model WHERE model = 'churn' AND in_use;)) . ($place > 10 ? '' : q(SELECT * FROM shop.tier_history AS h ORDER BY h; SELECT * FROM shop.customer_tier ORDER BY customer_id;))
		. q(SELECT * FROM shop.recommendation ORDER BY customer_id, rank; SELECT * FROM shop.product_affinity ORDER BY product_id, rank;
		SELECT count(*) FROM shop.recommend_quality; SELECT version FROM shop.model WHERE model = 'recommend' AND in_use));
}

# compares with a pipeline made anew
sub differences
{
	return $node->safe_psql('postgres', <<'SQL');
SET client_min_messages = warning;
CALL tiering.create_pipeline('anew', 'orders', 'customer', 'day', 'amount', order_id => 'order_no', product_id => 'product');
CALL tiering.create_tiers('anew', 'club', '{10,40,90}', window_length => '3 months', corrections => 'retroactive');
CALL tiering.create_churn('anew', horizon_days => 30);
CALL tiering.create_recommendations('anew', n => 3, horizon_days => 30, min_customers => 2);
CALL tiering.refresh('anew', as_of => '2023-12-31');
SELECT (SELECT count(*) FROM shop.purchase_history AS a FULL JOIN anew.purchase_history AS b USING (customer_id)
		WHERE a.history IS NULL OR b.history IS NULL OR a.history::text <> b.history::text OR a.source_rows <> b.source_rows)
	+ (SELECT count(*) FROM ((TABLE shop.customer_rfm EXCEPT TABLE anew.customer_rfm) UNION ALL (TABLE anew.customer_rfm EXCEPT TABLE shop.customer_rfm)) AS d)
	-- values are those of the last model that converged, which a pipeline made anew does not know
	+ (SELECT count(*) FROM shop.customer_profile AS a FULL JOIN anew.customer_profile AS b USING (customer_id)
		WHERE to_jsonb(a) - '{p_alive,expected_purchases,clv,clv_decile,churn_probability,value_at_risk}'::text[] IS DISTINCT FROM to_jsonb(b) - '{p_alive,expected_purchases,clv,clv_decile,churn_probability,value_at_risk}'::text[])
	+ (SELECT count(*) FROM shop.churn_score AS a FULL JOIN anew.churn_score AS b USING (customer_id)
		WHERE (a.stage, a.overdue_ratio, a.wakeup_due) IS DISTINCT FROM (b.stage, b.overdue_ratio, b.wakeup_due) OR (a.probability IS NULL) <> (b.probability IS NULL))
	+ (SELECT count(*) FROM ((TABLE shop.recommendation EXCEPT TABLE anew.recommendation) UNION ALL (TABLE anew.recommendation EXCEPT TABLE shop.recommendation)) AS d)
	+ (SELECT count(*) FROM (SELECT * FROM shop.tier_history WHERE superseded_at IS NULL) AS a FULL JOIN anew.tier_history AS b USING (customer_id, valid)
		WHERE (a.tier, a.version, a.former_tier, a.metrics) IS DISTINCT FROM (b.tier, b.version, b.former_tier, b.metrics))
	+ (SELECT count(*) FROM pg_class AS a FULL JOIN pg_class AS b ON b.relname = a.relname AND b.relnamespace = 'anew'::regnamespace
		WHERE a.relnamespace = 'shop'::regnamespace AND a.relkind IN ('r', 'v', 'm') AND b.oid IS NULL);
CALL tiering.drop_pipeline('anew');
SQL
}

my $change = 0;
sub change_orders
{
	my ($deletion) = @_;
	$change++;
	$node->safe_psql('postgres', <<"SQL");
UPDATE orders SET amount = amount + 1 WHERE customer = 1 + $change % 31;
UPDATE orders SET customer = customer % 31 + 1 WHERE line % 100 = $change % 100;
INSERT INTO orders (customer, day, amount, product) VALUES (100 + $change, '2023-12-01', $change, $change % 13), (1 + $change % 31, '2023-12-02', 3, 4);
SQL
	$node->safe_psql('postgres', "DELETE FROM orders WHERE line % 90 = $change % 90") if $deletion;
}

# Stops a refresh at a place and ends it so; then all must be well.
sub interrupt
{
	my ($place, $way) = @_;
	my ($name, $lock) = @{ $stop{$place} };
	my $test = "$name: $way";
	my $before;
	my $restarts = $way eq 'killed' || $way eq 'the server stopped at once';

	change_orders($place % 2);
	$before = published($place);

	my $holder = session();
	$holder->{in} .= "$lock\n\\echo held\n";
	pump $holder->{run} until $holder->{out} =~ /held/;

	my $runs = $node->safe_psql('postgres', 'SELECT max(run) FROM shop.run');
	my $sql = "CALL tiering.refresh('shop', as_of => '2023-12-31', refit => true)";
	my $refresh = $way eq 'timed out' ? do {
		local $ENV{PGOPTIONS} = '-c statement_timeout=1000';
		session($sql);
	} : session($sql);
	my $waiting = q(SELECT a.pid FROM pg_stat_activity AS a JOIN pg_locks AS l ON l.pid = a.pid AND NOT l.granted WHERE a.query LIKE 'CALL tiering.refresh%');
	if ($way ne 'timed out')
	{
		ok($node->poll_query_until('postgres', "SELECT EXISTS ($waiting)"), "$test: it is there");
		my $pid = $node->safe_psql('postgres', "$waiting LIMIT 1");
		if ($way eq 'cancelled') { $node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)") }
		elsif ($way eq 'terminated') { $node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)") }
		elsif ($way eq 'killed') { kill 'KILL', $pid }
		else { $node->stop('immediate') }
	}
	else
	{
		pass("$test: it is there, for a second");
	}
	$refresh->{in} = '';
	finish $refresh->{run};
	isnt($refresh->{run}->result(0), 0, "$test: the caller is told");
	$holder->{in} .= "ROLLBACK;\n\\q\n" unless $restarts;
	eval { finish $holder->{run} };
	if ($way eq 'killed') { $node->poll_query_until('postgres', 'SELECT 1', '1') or die 'the server does not come back' }
	$node->start if $way eq 'the server stopped at once';

	is(published($place), $before, "$test: what was published is as before");
	if ($way eq 'cancelled' || $way eq 'timed out')
	{
		is($node->safe_psql('postgres', 'SELECT state FROM tiering.pipelines'), 'failed', "$test: the run has failed");
		like($node->safe_psql('postgres', "SELECT error FROM tiering.pipelines"), qr/^canceling statement/, "$test: for this reason");
	}
	$node->safe_psql('postgres', "CALL tiering.refresh('shop', as_of => '2023-12-31', refit => true)");
	is(verdict(), 'sound', "$test: the next refresh is right");
	is(differences(), 0, "$test: as a pipeline made anew");
	is($node->safe_psql('postgres', "SELECT count(*) FROM shop.run WHERE state = 'running'") . ' '
		. $node->safe_psql('postgres', "SELECT count(*) FROM shop.log WHERE state = 'running'"), '0 0', "$test: nothing is left running");
	$node->safe_psql('postgres', "CALL tiering.refresh('shop', as_of => '2023-12-31')");
	is($node->safe_psql('postgres', "SELECT build || ' ' || rows FROM shop.run JOIN shop.log USING (run) WHERE step = 'histories' ORDER BY run DESC LIMIT 1"),
		'changes 0', "$test: and the one after it finds nothing to do");
}

is(verdict(), 'sound', 'the first refresh');
foreach my $place (sort { $a <=> $b } keys %stop)
{
	interrupt($place, 'cancelled');
	interrupt($place, 'terminated');
	interrupt($place, 'killed');
}
interrupt(1, 'timed out');
interrupt(5, 'timed out');
interrupt(2, 'the server stopped at once');
interrupt(5, 'the server stopped at once');

# a full build cut off, and one in the other mode
$node->safe_psql('postgres', 'UPDATE orders SET amount = amount + 2');
interrupt(2, 'killed');
$node->safe_psql('postgres', "CALL tiering.alter_pipeline('shop', materialization => 'table')");
$node->safe_psql('postgres', "CALL tiering.refresh('shop', as_of => '2023-12-31')");
interrupt(6, 'killed');
interrupt(6, 'terminated');
$node->stop;
done_testing();
