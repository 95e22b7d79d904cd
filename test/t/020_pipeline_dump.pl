# A database owner who is no superuser makes the extension and a pipeline,
# dumps the database and restores it: pipelines come back and go on.

use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $as_of = '2023-12-31';
my %node;
foreach my $name ('one', 'two')
{
	$node{$name} = PostgreSQL::Test::Cluster->new($name);
	$node{$name}->init;
	$node{$name}->append_conf('postgresql.conf', "fsync = off\njit = off\n");
	$node{$name}->start;
	$node{$name}->safe_psql('postgres', 'CREATE ROLE keeper LOGIN; CREATE ROLE reporter LOGIN');
}
my $oracle = slurp_file('test/pgtap/pipeline_oracle.psql');
my $dir = PostgreSQL::Test::Utils::tempdir;

# runs SQL as the owner
sub keeper
{
	my ($name, $db, $sql) = @_;
	return $node{$name}->safe_psql($db, $sql, extra_params => [ '-U', 'keeper' ]);
}

sub verdict
{
	my ($name, $db, $pipeline, $id) = @_;
	return keeper($name, $db, "SELECT verdict('$pipeline', 'SELECT $id AS customer, day, amount, order_no AS order_id FROM sales.\"the orders\"', '$as_of')");
}

sub published
{
	my ($name, $db) = @_;
	return keeper($name, $db, <<'SQL');
SELECT * FROM shop.customer_rfm ORDER BY 1;
SELECT * FROM "the ""shop""".customer_rfm ORDER BY 1;
SELECT * FROM plain.customer_rfm ORDER BY 1;
SELECT * FROM shop.segment_summary;
SELECT * FROM shop.customer_profile ORDER BY 1;
SELECT * FROM shop.purchase_history ORDER BY 1;
SELECT * FROM shop.recommendation ORDER BY 1, 2;
SELECT * FROM shop.next_offer ORDER BY 1;
SELECT * FROM shop.recommend_quality ORDER BY 1, 2, 3;
SELECT * FROM shop.recommend_performance ORDER BY 1, 2;
SELECT * FROM shop.product_affinity ORDER BY 1, 3;
SELECT version, kind, parameters, recommender FROM shop.model WHERE model = 'recommend' ORDER BY 1;
SELECT c, r.* FROM generate_series(1, 35) AS c, LATERAL tiering.recommend('shop', c) AS r ORDER BY 1, 2;
SELECT run, state, as_of, customers, build FROM shop.run ORDER BY 1;
SELECT run, step, state, rows, duration, detail FROM shop.log ORDER BY run, started_at;
SELECT * FROM shop.segment_rule ORDER BY rule_set, position;
SELECT pipeline, orders, customers, identity, bins, rule_set, filter, as_of FROM shop.pipeline;
SELECT pipeline, owner, orders, state, run, customers FROM tiering.pipelines ORDER BY 1;
SQL
}

# Compares two long texts, and shows the lines that differ.
sub same
{
	my ($got, $expected, $test) = @_;
	my %lines;

	$lines{$_}++ for split /\n/, $got;
	$lines{$_}-- for split /\n/, $expected;
	is(join("\n", map { ($lines{$_} > 0 ? 'more: ' : 'less: ') . $_ } grep { $lines{$_} } sort keys %lines), '', $test);
}

# --- made by the owner of the database, no superuser -----------------------------

my $node = $node{one};
$node->safe_psql('postgres', 'CREATE DATABASE shops OWNER keeper');
$node->safe_psql('postgres', 'CREATE DATABASE strange');
my ($status, $out, $err) = $node->psql('strange', 'CREATE EXTENSION customer_tiering', extra_params => [ '-U', 'keeper' ]);
like($err, qr/permission denied/, 'who owns no database makes no extension');
keeper('one', 'shops', 'CREATE EXTENSION customer_tiering');
is(keeper('one', 'shops', q(SELECT rolsuper FROM pg_roles WHERE rolname = current_user)), 'f', 'the owner of the database is no superuser');
keeper('one', 'shops', $oracle);
keeper('one', 'shops', <<'SQL');
CREATE SCHEMA sales;
CREATE TABLE sales."the orders" (line integer, customer integer, "customer key" text, day date, amount numeric(12,3), order_no integer, product text);
INSERT INTO sales."the orders" SELECT n, 1 + n * n % 31, 'k ' || (1 + n * n % 31), date '2023-01-01' + n * 7 % 360, (n % 40 - 5) / 8.0, n / 2, 'p ' || n * n % 13 FROM generate_series(1, 400) AS n;
CREATE TABLE sales.customers (id integer, city text, born date);
INSERT INTO sales.customers SELECT n, 'city ' || n, '1990-01-01' FROM generate_series(5, 40) AS n;
CREATE TABLE sales.products (id text, "the name" text, sellable boolean);
INSERT INTO sales.products SELECT 'p ' || n, 'Thing ' || n, n <> 3 FROM generate_series(0, 12) AS n;
CREATE TABLE sales.merged (id integer, merged_into integer);
INSERT INTO sales.merged VALUES (7, 10);
CALL tiering.create_pipeline('shop', 'sales."the orders"', 'customer', 'day', 'amount', order_id => 'order_no',
	customers => 'sales.customers', identity => 'sales.merged', filter => 'amount < 1000', product_id => 'product', products => 'sales.products');
CALL tiering.create_recommendations('shop', n => 3, horizon_days => 30, min_customers => 2, product_name => 'the name', product_filter => 'sellable', customer_group => 'city');
INSERT INTO shop.recommend_feedback (customer_id, product_id, event, "position", model) VALUES (8, 'p 1', 'shown', 1, 'blend'), (8, 'p 1', 'clicked', 1, 'blend'), (9, 'p 4', 'dismissed', 1, 'blend');
CALL tiering.create_pipeline('the "shop"', 'sales."the orders"', 'customer key', 'day', 'amount', order_id => 'order_no', materialization => 'table', bins => 10);
CALL tiering.create_pipeline('plain', 'sales."the orders"', 'customer', 'day', 'amount', order_id => 'order_no', histories => 'view');
CALL tiering.create_pipeline('fresh', 'sales."the orders"', 'customer', 'day', 'amount');
INSERT INTO shop.segment_rule VALUES ('two', 2, 1, 'Here', 2, 2, 1, 2, 1, 2), ('two', 2, 2, 'Gone', 1, 1, 1, 2, 1, 2);
CALL tiering.alter_pipeline('shop', rule_set => 'two');
CALL tiering.refresh('shop', as_of => '2023-12-31');
CALL tiering.refresh('the "shop"', as_of => '2023-12-31');
CALL tiering.refresh('plain', as_of => '2023-12-31');
UPDATE sales."the orders" SET amount = 3 WHERE line = 100;
CALL tiering.refresh('shop', as_of => '2023-12-31');
CALL tiering.refresh('the "shop"', as_of => '2023-12-31');
CALL tiering.refresh('plain', as_of => '2023-12-31');	-- a restore computes a materialized view anew
GRANT USAGE ON SCHEMA shop TO reporter;
GRANT SELECT ON shop.customer_rfm, shop.segment_summary, shop.customer_profile TO reporter;
CREATE VIEW sales.lost AS SELECT customer_id FROM shop.customer_rfm WHERE segment = 'Gone';
SQL
is(verdict('one', 'shops', 'shop', 'CASE customer WHEN 7 THEN 10 ELSE customer END'), 'sound', 'a pipeline of an ordinary role');
my $before = published('one', 'shops');

# --- dumped and restored by that role ----------------------------------------------

foreach my $format ('custom', 'plain')
{
	my $file = "$dir/shops.$format";
	$node->command_ok([ 'pg_dump', '-U', 'keeper', "--format=$format", '-f', $file, $node->connstr('shops') ], "$format: the owner dumps the database");
	foreach my $name ('one', 'two')
	{
		my $db = "restored_$format";
		my $test = "$format, " . ($name eq 'one' ? 'the same cluster' : 'another cluster');
		$node{$name}->safe_psql('postgres', "CREATE DATABASE $db OWNER keeper");
		if ($format eq 'custom')
		{
			$node{$name}->command_ok([ 'pg_restore', '-U', 'keeper', '--exit-on-error', '-d', $node{$name}->connstr($db), $file ], "$test: and restores it");
		}
		else
		{
			$node{$name}->command_ok([ 'psql', '-Xq', '-U', 'keeper', '-v', 'ON_ERROR_STOP=1', '-d', $node{$name}->connstr($db), '-f', $file ], "$test: and restores it");
		}
		same(published($name, $db), $before, "$test: all is as it was");
		is($node{$name}->safe_psql($db, 'SELECT count(*) > 0 FROM shop.customer_profile', extra_params => [ '-U', 'reporter' ]), 't', "$test: rights came along");

		# what happens between the restore and the next refresh must not get lost
		keeper($name, $db, <<'SQL');
UPDATE sales."the orders" SET amount = amount + 1 WHERE line = 50;
INSERT INTO sales."the orders" VALUES (9000, 77, 'k 77', '2009-01-01', 5, NULL, 'p 1');
SQL
		keeper($name, $db, "CALL tiering.refresh('$_', as_of => '$as_of')") for ('shop', 'the "shop"', 'plain', 'fresh');
		is(verdict($name, $db, 'shop', 'CASE customer WHEN 7 THEN 10 ELSE customer END'), 'sound', "$test: the next refresh is right");
		is(keeper($name, $db, q(SELECT verdict('the "shop"', 'SELECT "customer key" AS customer, day, amount, order_no AS order_id FROM sales."the orders"', '2023-12-31', 10))), 'sound', "$test: that of a table of scores, too");
		is(keeper($name, $db, q(SELECT verdict_on_data('plain', 'SELECT customer, day, amount, order_no AS order_id FROM sales."the orders"', '2023-12-31'))), 'sound', "$test: that of histories in a view, too");
		is(keeper($name, $db, q(SELECT verdict('fresh', 'SELECT customer, day, amount, NULL AS order_id FROM sales."the orders"', '2023-12-31'))), 'sound', "$test: the first of one that had none, too");
		is(keeper($name, $db, q(SELECT count(DISTINCT customer_id) FROM shop.recommendation WHERE customer_id = 77)), '1', "$test: who is new gets recommendations");
		is(keeper($name, $db, q(SELECT count(*) FROM shop.recommendation WHERE product_id IN ('p 3') OR customer_id = 9 AND product_id = 'p 4')), '0', "$test: and nobody what he may not have, or does not want");
		is(keeper($name, $db, q(SELECT run || ' ' || build FROM shop.run ORDER BY run DESC LIMIT 1)), $name eq 'one' ? '3 changes' : '3 full',
			"$test: " . ($name eq 'one' ? 'row versions still tell the changes' : 'row versions of another server tell nothing, so all is built'))
			if $name eq 'two';
		keeper($name, $db, "UPDATE sales.\"the orders\" SET amount = amount + 1 WHERE line = 51; DELETE FROM sales.\"the orders\" WHERE line = 52");
		keeper($name, $db, "CALL tiering.refresh('shop', as_of => '$as_of')");
		is(verdict($name, $db, 'shop', 'CASE customer WHEN 7 THEN 10 ELSE customer END'), 'sound', "$test: and the one after it");
		keeper($name, $db, "DROP VIEW sales.lost");
		keeper($name, $db, "CALL tiering.alter_pipeline('shop', materialization => 'table')");
		keeper($name, $db, "CALL tiering.drop_pipeline('$_')") for ('shop', 'the "shop"', 'plain', 'fresh');
		is(keeper($name, $db, "SELECT count(*) FROM tiering.pipelines"), '0', "$test: altered and dropped like any other");
	}
}

# --- dumped and restored by a superuser, as pg_dumpall and managed backups do ----------

my %dump = (
	'custom' => [ '--format=custom' ],
	'plain' => [ '--format=plain' ],
	'with the database itself' => [ '--format=plain', '--create', '--clean', '--if-exists' ]);
foreach my $how (sort keys %dump)
{
	my $file = "$dir/by_superuser.$how";
	my $db = $how =~ /itself/ ? 'shops' : "by_superuser_$how";
	my $test = "superuser, $how";
	my $to = $node{two};
	$node->command_ok([ 'pg_dump', @{ $dump{$how} }, '-f', $file, $node->connstr('shops') ], "$test: dumped");
	$to->safe_psql('postgres', "CREATE DATABASE $db OWNER keeper") if $db ne 'shops';
	$to->command_ok($how eq 'custom' ? [ 'pg_restore', '--exit-on-error', '-d', $to->connstr($db), $file ]
		: [ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $to->connstr($db eq 'shops' ? 'postgres' : $db), '-f', $file ], "$test: restored");
	same(published('two', $db), $before, "$test: all is as it was");
	is($to->safe_psql($db, q(SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'tiering')), 'keeper', "$test: the schema is the owner's, as before");
	keeper('two', $db, "CALL tiering.refresh('$_', as_of => '$as_of')") for ('shop', 'the "shop"', 'plain', 'fresh');
	is(verdict('two', $db, 'shop', 'CASE customer WHEN 7 THEN 10 ELSE customer END'), 'sound', "$test: its owner goes on");
	# and once more, from what a superuser restored
	$to->command_ok([ 'pg_dump', '-U', 'keeper', '--format=custom', '-f', "$file.again", $to->connstr($db) ], "$test: dumped again by the owner");
	$to->safe_psql('postgres', "CREATE DATABASE \"$how again\" OWNER keeper");
	$to->command_ok([ 'pg_restore', '-U', 'keeper', '--exit-on-error', '-d', $to->connstr("$how again"), "$file.again" ], "$test: and restored by the owner");
}
# a schema of anybody else is still in the way
foreach my $superuser (0, 1)
{
	$node{two}->safe_psql('postgres', 'DROP DATABASE IF EXISTS strange');
	$node{two}->safe_psql('postgres', 'CREATE DATABASE strange OWNER keeper');
	$node{two}->safe_psql('strange', 'CREATE SCHEMA tiering AUTHORIZATION reporter');
	($status, $out, $err) = $node{two}->psql('strange', 'CREATE EXTENSION customer_tiering', $superuser ? () : (extra_params => [ '-U', 'keeper' ]));
	like($err, qr/a schema "tiering" of somebody else/, "a schema of somebody else is in the way of " . ($superuser ? 'a superuser' : 'the owner of the database'));
}

# --- pipelines and the extension ----------------------------------------------------

($status, $out, $err) = $node->psql('shops', 'DROP EXTENSION customer_tiering', extra_params => [ '-U', 'keeper' ]);
like($err, qr/cannot drop extension customer_tiering because other objects depend on it/, 'the extension stays while pipelines use it');
same(published('one', 'shops'), $before, 'and all is as it was');

$_->stop for values %node;
done_testing();
