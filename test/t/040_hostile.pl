# What others may have laid in the way: a schema of our name, types on the
# search path, a newer refresh behind an older snapshot.

use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE own LOGIN; CREATE ROLE mal LOGIN; CREATE DATABASE d OWNER own');
$node->safe_psql('d', 'GRANT CREATE ON DATABASE d TO mal; GRANT CREATE ON SCHEMA public TO own');

# runs SQL as a role; returns what went to stderr
sub refusal
{
	my ($role, $sql) = @_;
	my ($status, $out, $err) = $node->psql('d', $sql, extra_params => [ '-U', $role, '-v', 'VERBOSITY=verbose' ], on_error_stop => 1);
	return $err;
}

$node->safe_psql('d', 'SET ROLE mal; CREATE SCHEMA tiering');
like(refusal('own', 'CREATE EXTENSION customer_tiering'), qr/42P06: a schema "tiering" of somebody else/, 'a schema of somebody else is not taken');
$node->safe_psql('d', 'DROP SCHEMA tiering; SET ROLE own; CREATE SCHEMA tiering; CREATE FUNCTION tiering.f() RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$');
like(refusal('own', 'CREATE EXTENSION customer_tiering'), qr/42P06: .* with objects in it/, 'nor one with objects in it');
$node->safe_psql('d', 'DROP FUNCTION tiering.f()');
is(refusal('own', 'CREATE EXTENSION customer_tiering'), '', 'an empty one of the owner is');

$node->safe_psql('d', <<'SQL');
SET ROLE own;
CREATE TABLE orders (customer integer, day date, amount numeric, product text);
INSERT INTO orders SELECT n % 5, date '2024-01-01' + n * 3, n, 'p' || n * n % 7 FROM generate_series(1, 100) AS n;
CREATE TABLE product AS SELECT 'p' || n AS id, true AS sellable FROM generate_series(0, 6) AS n;
SET client_min_messages = warning;
CALL tiering.create_pipeline('shop', 'orders', 'customer', 'day', 'amount', product_id => 'product', products => 'product');
CALL tiering.create_recommendations('shop', horizon_days => 30, min_customers => 2, product_filter => 'sellable');
CALL tiering.refresh('shop', as_of => '2024-12-31');
RESET ROLE;
SET ROLE mal;
CREATE SCHEMA evil;
GRANT USAGE ON SCHEMA evil TO public;
CREATE FUNCTION evil.seen(pg_catalog.text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'code of mal runs as %', current_user; RETURN true; END $$;
CREATE DOMAIN evil.text AS pg_catalog.text CHECK (evil.seen(VALUE));
CREATE DOMAIN evil.bool AS pg_catalog.bool CHECK (evil.seen(VALUE::pg_catalog.text));
CREATE DOMAIN evil.int8 AS pg_catalog.int8 CHECK (evil.seen(VALUE::pg_catalog.text));
CREATE DOMAIN evil.date AS pg_catalog.date CHECK (evil.seen(VALUE::pg_catalog.text));
CREATE DOMAIN evil.int4 AS pg_catalog.int4 CHECK (evil.seen(VALUE::pg_catalog.text));
CREATE DOMAIN evil.float8 AS pg_catalog.float8 CHECK (evil.seen(VALUE::pg_catalog.text));
SQL
unlike(refusal('own', "SET search_path = evil, pg_catalog, public; CALL tiering.refresh('shop', as_of => '2024-12-31', refit => true)"),
	qr/code of mal/, 'types on the search path are not taken for the server\'s');
unlike(refusal('own', "SET search_path = evil, pg_catalog, public; SELECT * FROM tiering.recommend('shop', 1); SELECT * FROM tiering.recommend_holdout('shop', '2024-09-30'); SELECT * FROM tiering.product_rules('shop')"),
	qr/code of mal|ERROR/, 'nor by those that recommend');
is($node->safe_psql('d', "SELECT count(*) > 0 FROM shop.recommendation"), 't', '-- which they do');

my $older = $node->background_psql('d', on_error_stop => 0);
$older->query_until(qr/begun/, "SET ROLE own; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM orders; \\echo begun\n")
	if $older->can('query_until');
if ($older->can('query_until'))
{
	$node->safe_psql('d', "SET ROLE own; SET client_min_messages = warning; UPDATE orders SET amount = amount + 1000 WHERE amount = 7; CALL tiering.refresh('shop', as_of => '2024-12-31')");
	$older->query_until(qr/done/, "CALL tiering.refresh('shop', as_of => '2024-12-31'); COMMIT; \\echo done\n");
	is($node->safe_psql('d', 'SELECT max(run) FROM shop.run WHERE state = \'done\''),
		$node->safe_psql('d', 'SELECT last_run FROM shop.pipeline'), 'an older snapshot publishes nothing');
	is($node->safe_psql('d', 'SELECT sum(monetary) FROM shop.customer_rfm'),
		$node->safe_psql('d', 'SELECT sum(amount) FROM orders'), 'and the newer scores stay');
	$older->quit;
}
$node->stop;
done_testing();
