# How refresh is called: at the top level it commits after each step, and
# elsewhere it works in the caller's transaction and says so.  What it tells.

use strict;
use warnings;
use IPC::Run qw(start pump finish timer);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\njit = off\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION customer_tiering');
$node->safe_psql('postgres', slurp_file('test/pgtap/pipeline_oracle.psql'));
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE orders (line serial PRIMARY KEY, customer integer, day date, amount numeric);
INSERT INTO orders (customer, day, amount) SELECT 1 + n % 31, date '2023-01-01' + n * 7 % 365, n % 40 - 5 FROM generate_series(1, 300) AS n;
CALL tiering.create_pipeline('shop', 'orders', 'customer', 'day', 'amount');
CALL tiering.create_pipeline('other', 'orders', 'customer', 'day', 'amount');
CREATE TABLE written (pipeline text, run bigint, transaction xid8);
CREATE FUNCTION note_transaction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.written VALUES (TG_TABLE_SCHEMA, NEW.run, pg_current_xact_id());
	RETURN NULL;
END $$;
CREATE TRIGGER note AFTER INSERT OR UPDATE ON shop.log FOR EACH ROW EXECUTE FUNCTION public.note_transaction();
CREATE TRIGGER note AFTER INSERT OR UPDATE ON other.log FOR EACH ROW EXECUTE FUNCTION public.note_transaction();
SQL

my $dir = PostgreSQL::Test::Utils::tempdir;
my $seconds = $PostgreSQL::Test::Utils::timeout_default || 180;
my $call = "CALL tiering.refresh('shop', as_of => '2023-12-31')";

sub verdict
{
	my ($pipeline) = @_;
	return $node->safe_psql('postgres', "SET max_parallel_workers_per_gather = 0; SELECT verdict('$pipeline', 'SELECT customer, day, amount, NULL AS order_id FROM orders', '2023-12-31')");
}

sub order
{
	$node->safe_psql('postgres', "INSERT INTO orders (customer, day, amount) SELECT 1 + count(*) % 31, '2023-12-20', 10 FROM orders");
}

# In how many transactions was the log of the newest run written?
sub transactions
{
	my ($pipeline) = @_;
	my $count = $node->safe_psql('postgres', "SELECT count(DISTINCT transaction) FROM written WHERE pipeline = '$pipeline' AND run = (SELECT max(run) FROM $pipeline.run)");
	return $count == 1 ? 'one' : $count >= 4 ? 'several' : $count;
}

# Runs psql with these arguments: status, output, messages
sub psql
{
	my ($out, $err) = ('', '');
	my $run = start([ 'psql', '-XqAt', '-d', $node->connstr('postgres'), @_ ], '<', \undef, '>', \$out, '2>', \$err, timer($seconds));
	finish $run;
	return ($run->result(0), $out, $err);
}

# --- at the top level ---------------------------------------------------------------

my ($status, $out, $err) = psql('-c', $call);
is($status, 0, 'psql -c with one statement');
like($err, qr/NOTICE: +histories: 31 rows in [0-9.]+ s \(all customers: first run\)\n/, 'a notice for the histories');
like($err, qr/NOTICE: +cutoffs: 31 rows in [0-9.]+ s \(as of 2023-12-31\)\n/, 'one for the cut points');
like($err, qr/NOTICE: +customer_rfm: 31 rows in [0-9.]+ s/, 'one for the scores');
unlike($err, qr/one transaction/, 'and none of a transaction');
unlike($err, qr/newest purchase/, 'none of old orders');
is(transactions('shop'), 'several', 'each step is a transaction of its own');
is(verdict('shop'), 'sound', 'all is right');

# orders that end long before the day of the analysis
($status, $out, $err) = psql('-c', "CALL tiering.refresh('shop', as_of => '2024-02-01')");
like($err, qr/WARNING: +the newest purchase is of 2023-12-\d\d, \d\d days before as_of 2024-02-01\n/, 'orders that end long before are noticed');
my $newest = $node->safe_psql('postgres', 'SELECT max(day) FROM orders WHERE amount >= 0');
($status, $out, $err) = psql('-c', "CALL tiering.refresh('shop', as_of => '$newest'::date + 7)");
unlike($err, qr/newest purchase/, 'seven days are usual');
($status, $out, $err) = psql('-c', "CALL tiering.refresh('shop', as_of => '$newest'::date + 8)");
like($err, qr/newest purchase is of $newest, 8 days/, 'eight are not');

# a window leaves nobody: the newest purchase is outside of it.  Rows that may be lines are noticed, too
foreach my $histories ('table', 'view')
{
	my $name = "late_$histories";
	my $refresh = "CALL tiering.refresh('$name', as_of => ";
	$node->safe_psql('postgres', "CREATE TABLE $name (customer integer, day date, amount numeric); INSERT INTO $name SELECT 1 + n / 9, date '2023-01-01' + n % 2, 1 FROM generate_series(1, 13) AS n;
		CALL tiering.create_pipeline('$name', '$name', 'customer', 'day', 'amount', rfm_window => '30 days', histories => '$histories')");
	($status, $out, $err) = psql('-c', "$refresh'2023-01-09')");
	unlike($err, qr/newest purchase/, "histories in a $histories: seven days are usual");
	unlike($err, qr/each row counts/, "histories in a $histories: so are five rows a day");
	$node->safe_psql('postgres', "CALL tiering.drop_pipeline('$name'); INSERT INTO $name SELECT 1, '2023-01-01', 1 FROM generate_series(1, 5); INSERT INTO $name VALUES (1, '2024-06-30', 9), (1, '2023-03-01', -9);
		CALL tiering.create_pipeline('$name', '$name', 'customer', 'day', 'amount', rfm_window => '30 days', histories => '$histories')");
	($status, $out, $err) = psql('-c', "$refresh'2023-01-10')");
	like($err, qr/NOTICE: +the newest purchase is of 2023-01-02, 8 days before as_of 2023-01-10\n/, "histories in a $histories: eight are not");
	like($err, qr/NOTICE: +each row counts as one order, and a customer has 9 rows on one day\nHINT: /, "histories in a $histories: nor are nine rows a day");
	($status, $out, $err) = psql('-c', "$refresh'2023-06-30')");
	like($err, qr/WARNING: +the newest purchase is of 2023-01-02, 179 days before as_of 2023-06-30\n/, "histories in a $histories: orders older than the window are noticed, refunds and later ones are none");
	unlike($err, qr/each row counts/, "histories in a $histories: rows that may be lines are noticed once");
	is($node->safe_psql('postgres', "SELECT customers, newest_purchase FROM $name.run ORDER BY run DESC LIMIT 1"), '0|', "histories in a $histories: nobody is scored");
	($status, $out, $err) = psql('-c', "$refresh'2022-06-30')");
	unlike($err, qr/newest purchase/, "histories in a $histories: none before all orders");
	$node->safe_psql('postgres', "CALL tiering.drop_pipeline('$name')");
}

# products that nobody may have
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE sold AS SELECT n % 20 AS customer, date '2023-01-01' + n AS day, 1 AS amount, n * n % 7 AS product FROM generate_series(1, 300) AS n;
CREATE TABLE thing AS SELECT n AS id, CASE n WHEN 2 THEN 'gold' WHEN 4 THEN 'glod' END AS tier FROM generate_series(0, 6) AS n;
CALL tiering.create_pipeline('offers', 'sold', 'customer', 'day', 'amount', product_id => 'product', products => 'thing');
CALL tiering.create_tiers('offers', 'club', '{10,20,30}');
CALL tiering.create_recommendations('offers', horizon_days => 30, product_tier => 'tier');
SQL
($status, $out, $err) = psql('-c', "CALL tiering.refresh('offers', as_of => '2023-10-28')");
like($err, qr/WARNING: +pipeline "offers": 1 product\(s\) ask for a tier that there is not, such as "glod"\nHINT: /, 'a tier that is none is noticed');
unlike($err, qr/no product may be offered/, 'other products are offered');
$node->safe_psql('postgres', "UPDATE thing SET tier = 'none'");
($status, $out, $err) = psql('-c', "CALL tiering.refresh('offers', as_of => '2023-10-28')");
like($err, qr/WARNING: +pipeline "offers": no product may be offered to anybody\nHINT: /, 'and if there are none to offer, that is');
$node->safe_psql('postgres', "UPDATE thing SET tier = 'gold'");
($status, $out, $err) = psql('-c', "CALL tiering.refresh('offers', as_of => '2023-10-28')");
unlike($err, qr/ask for a tier/, 'of tiers that there are nothing is said');
$node->safe_psql('postgres', "CALL tiering.drop_pipeline('offers')");

# a loop over all pipelines, in a DO and in a procedure
order();
($status, $out, $err) = psql('-c', "DO \$\$ DECLARE p record; BEGIN FOR p IN SELECT pipeline FROM tiering.pipelines ORDER BY pipeline LOOP CALL tiering.refresh(p.pipeline, as_of => '2023-12-31'); END LOOP; END \$\$");
is($status, 0, 'a loop over all pipelines in a DO');
unlike($err, qr/one transaction/, 'commits, too');
is(transactions('shop'), 'several', 'after each step');
is(verdict('shop') . ' ' . verdict('other'), 'sound sound', 'and all is right');
$node->safe_psql('postgres', <<'SQL');
CREATE PROCEDURE nightly() LANGUAGE plpgsql AS $$
DECLARE
	p record;
BEGIN
	FOR p IN SELECT pipeline FROM tiering.pipelines ORDER BY pipeline LOOP
		CALL tiering.refresh(p.pipeline, as_of => '2023-12-31');
	END LOOP;
END $$;
CREATE PROCEDURE careful(pipeline text) LANGUAGE plpgsql AS $$
BEGIN
	CALL tiering.refresh(pipeline, as_of => '2023-12-31');
EXCEPTION WHEN OTHERS THEN
	RAISE NOTICE 'careful: %', SQLERRM;
END $$;
CREATE PROCEDURE fixed() LANGUAGE plpgsql SET search_path = public AS $$
BEGIN
	CALL tiering.refresh('shop', as_of => '2023-12-31');
END $$;
SQL
order();
($status, $out, $err) = psql('-c', 'CALL nightly()');
is("$status " . transactions('shop') . ' ' . verdict('shop') . ' ' . verdict('other'), '0 several sound sound', 'a loop in a procedure');

# drivers that use the extended protocol
order();
append_to_file("$dir/refresh.sql", "$call;\n");
$node->command_ok([ 'pgbench', '-n', '-t', '1', '-M', $_, '-f', "$dir/refresh.sql", '-d', $node->connstr('postgres') ], "the protocol \"$_\"") for ('extended', 'prepared');
is(transactions('shop') . ' ' . verdict('shop'), 'several sound', 'commits, too');

# --- in a transaction -----------------------------------------------------------------

my %way = (
	'BEGIN and COMMIT' => [ '-c', 'BEGIN', '-c', $call, '-c', 'COMMIT' ],
	'several statements in one string' => [ '-c', "SELECT 1; $call" ],
	'psql --single-transaction' => [ '-1', '-c', $call, '-c', 'SELECT 1' ],
	'a procedure with an exception block' => [ '-c', "CALL careful('shop')" ],
	'a procedure with a SET clause' => [ '-c', 'CALL fixed()' ],
	'REPEATABLE READ' => [ '-c', 'BEGIN ISOLATION LEVEL REPEATABLE READ', '-c', $call, '-c', 'COMMIT' ],
	'SERIALIZABLE' => [ '-c', 'BEGIN ISOLATION LEVEL SERIALIZABLE', '-c', $call, '-c', 'COMMIT' ]);
foreach my $name (sort keys %way)
{
	order();
	($status, $out, $err) = psql(@{ $way{$name} });
	is($status, 0, "$name: works") or diag($err);
	like($err, qr/NOTICE: +refreshing in one transaction, since the caller began it\n/, "$name: and says so");
	is(transactions('shop') . ' ' . verdict('shop'), 'one sound', "$name: in one transaction");
}
my $runs = $node->safe_psql('postgres', 'SELECT count(*) FROM shop.run');
order();
psql('-c', 'BEGIN', '-c', $call, '-c', 'ROLLBACK');
is($node->safe_psql('postgres', 'SELECT count(*) FROM shop.run'), $runs, 'rolled back: there was no refresh');
psql('-c', $call);
is(verdict('shop'), 'sound', 'and the next one is right');

# the search path of the caller is as before, after success and after failure
foreach my $before ('', 'BEGIN; ')
{
	($status, $out, $err) = psql('-c', 'SET search_path = "a b", public', '-c', "$before$call", '-c', 'SHOW search_path');
	is($out, "\"a b\", public\n", "the search path is as before ($before)");
}
$node->safe_psql('postgres', "INSERT INTO orders (customer, day, amount) VALUES (1, '2023-01-01', 'NaN')");
($status, $out, $err) = psql('-c', 'SET search_path = "a b", public', '-c', $call, '-c', 'SHOW search_path');
is($out, "\"a b\", public\n", 'also after a failure');
($status, $out, $err) = psql('-c', "CALL careful('shop')", '-c', 'SHOW search_path');
like($err, qr/careful: amount NaN is not a finite number/, 'a failure can be caught');
is($out, "\"\$user\", public\n", 'and the search path is as before');

# what the caller is told of a failure: the error itself, not an inner one
($status, $out, $err) = psql('-v', 'VERBOSITY=verbose', '-c', $call);
is($status, 1, 'a failure is an error');
like($err, qr/ERROR: +22023: amount NaN is not a finite number\n/, 'with its code and message');
like($err, qr/HINT: +Leave such rows out, or pass NULL, which is skipped\./, 'and hint');
is($node->safe_psql('postgres', 'SELECT state, error FROM tiering.pipelines WHERE pipeline = \'shop\''), 'failed|amount NaN is not a finite number', 'the list shows it');
is($node->safe_psql('postgres', 'SELECT count(*) FROM shop.customer_rfm'), '31', 'what was published stays');
$node->safe_psql('postgres', "DELETE FROM orders WHERE amount = 'NaN'");

# --- two at once -----------------------------------------------------------------------

sub session
{
	my ($sql) = @_;
	my %s = (in => '', out => '', err => '');
	$s{run} = start([ 'psql', '-XqAt', '-d', $node->connstr('postgres'), $sql ? ('-c', $sql) : () ],
		'<', \$s{in}, '>', \$s{out}, '2>', \$s{err}, timer($seconds));
	return \%s;
}

# keeps a refresh in its first step until the holder lets go
order();
my $holder = session();
$holder->{in} .= "BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE;\n\\echo held\n";
pump $holder->{run} until $holder->{out} =~ /held/;
my $first = session($call);
ok($node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'CALL tiering.refresh%' AND wait_event_type = 'Lock')"), 'the first refresh is in its first step');
is($node->safe_psql('postgres', "SELECT state FROM tiering.pipelines WHERE pipeline = 'shop'"), 'running', 'the list shows that it runs');
is($node->safe_psql('postgres', "SELECT step || ' ' || state FROM shop.log ORDER BY run DESC LIMIT 1"), 'histories running', 'the log shows the step');
is($node->safe_psql('postgres', "SELECT count(*) FROM shop.customer_rfm"), '31', 'the scores can be read meanwhile');
my $second = session($call);
pump $second->{run} until $second->{err} =~ /waiting/;
like($second->{err}, qr/NOTICE: +pipeline "shop" is being refreshed by another session: waiting\n/, 'the second says at once that it waits');
$first->{in} = '';
my $third = session("SELECT 1; $call");
# another pipeline over the same orders is not held up by the lock of this one
$holder->{in} .= "ROLLBACK;\n\\q\n";
finish $_->{run} for ($holder, $first, $second, $third);
is($first->{run}->result(0) . $second->{run}->result(0), '00', 'both end well');
is($third->{run}->result(0), 1, 'one in a transaction does not wait');
like($third->{err}, qr/ERROR: +pipeline "shop" is being refreshed by another session\n/, 'and says why');
is(() = $second->{err} =~ /waiting/g, 1, 'one notice is enough');
is($node->safe_psql('postgres', "SELECT string_agg(state, ' ' ORDER BY run) FROM (SELECT * FROM shop.run ORDER BY run DESC LIMIT 2) AS r"), 'done done', 'each has its run');
is(verdict('shop'), 'sound', 'and all is right');

# one in a transaction that is still open: another waits for its end
my $open = session();
$open->{in} .= "BEGIN; $call;\n\\echo held\n";
pump $open->{run} until $open->{out} =~ /held/;
$second = session($call);
ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'CALL tiering.refresh%' AND state = 'active'"), 'a refresh waits for one whose transaction is open');
sleep 1;
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CALL tiering.refresh%' AND state = 'active'"), '1', 'until it ends');
$open->{in} .= "COMMIT;\n\\q\n";
finish $_->{run} for ($open, $second);
is($second->{run}->result(0), 0, 'and then does its own');
is(verdict('shop'), 'sound', 'all is right');

# many at once, while orders come in
my @many = map { session($call) } 1 .. 5;
for my $n (1 .. 10) { order() }
finish $_->{run} for @many;
is(join('', map { $_->{run}->result(0) } @many), '00000', 'five at once end well');
psql('-c', $call);
is(verdict('shop'), 'sound', 'and after one more all is right');
is($node->safe_psql('postgres', "SELECT count(*) FROM shop.run WHERE state = 'running'"), '0', 'none is left running');

# without pg_stat_activity's help the first is not taken for dead
$node->append_conf('postgresql.conf', 'track_activities = off');
$node->reload;
@many = map { session($call) } 1 .. 3;
finish $_->{run} for @many;
is(join('', map { $_->{run}->result(0) } @many), '000', 'three at once with track_activities off');
is(verdict('shop'), 'sound', 'and all is right');

# --- parallel workers ------------------------------------------------------------------

$node->safe_psql('postgres', <<'SQL');
ALTER SYSTEM SET track_activities = on;
ALTER SYSTEM SET min_parallel_table_scan_size = 0;
ALTER SYSTEM SET parallel_setup_cost = 0;
ALTER SYSTEM SET parallel_tuple_cost = 0;
SELECT pg_reload_conf();
SQL
$node->safe_psql('postgres', "INSERT INTO orders (customer, day, amount) SELECT 1 + n % 997, date '2023-01-01' + n % 360, n % 90 - 5 FROM generate_series(1, 20000) AS n");
my $plan = $node->safe_psql('postgres', 'EXPLAIN SELECT customer_id, tiering.purchase_history_agg(purchased_on, amount) FROM shop.purchase GROUP BY 1');
like($plan, qr/Partial/, 'a plan with workers');
psql('-c', "$call");
is(verdict('shop'), 'sound', 'a refresh with workers');
$node->safe_psql('postgres', 'UPDATE orders SET amount = amount + 1 WHERE customer < 20; DELETE FROM orders WHERE line = 9000');
psql('-c', "$call");
is(verdict('shop'), 'sound', 'and one of changes');
psql('-c', "CALL tiering.alter_pipeline('shop', histories => 'view', bins => 10)", '-c', $call);
is($node->safe_psql('postgres', "SET max_parallel_workers_per_gather = 0; SELECT verdict_on_data('shop', 'SELECT customer, day, amount, NULL AS order_id FROM orders', '2023-12-31', 10)"), 'sound', 'and histories in a view');

$node->stop;
done_testing();
