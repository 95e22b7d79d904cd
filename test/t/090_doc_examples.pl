# Runs the examples of README.md and doc/, so that none of them is wrong.
#
# In these pages
#
#   ```sql          is run by psql; a ```text block that follows directly is
#                   its output, which must be the same
#   ```sql no-run   needs what is not here; only its syntax is checked
#
# The blocks of a page run in their order, in a database of the page's own
# that holds doc/example-data.sql, as its owner, who is no superuser. Notices
# are shown where the output has some. Seconds that a step took are taken for
# equal, and so are blanks at the end of a line.
#
# A copy of each page with the outputs as they are stands beside the server's
# log, in test/output/tap/090_doc_examples.server when test/run runs this.

use strict;
use warnings;

use File::Basename;
use FindBin;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = "$FindBin::RealBin/../..";
my $data = slurp_file("$top/doc/example-data.sql");
my @pages = ("$top/README.md", sort glob "$top/doc/*.md");
my $node = PostgreSQL::Test::Cluster->new('doc');

# Takes a page apart: a list of texts and blocks, in order.
sub parts_of
{
	my ($page) = @_;
	my @parts;
	my $block;
	my $number = 0;

	for my $line (split /^/, slurp_file($page))
	{
		$number++;
		if ($block && $line =~ /^\s*```\s*$/)
		{
			push @parts, $block;
			undef $block;
		}
		elsif ($block)
		{
			$line =~ s/^$block->{indent}//;
			$block->{text} .= $line;
		}
		elsif ($line =~ /^(\s*)```(.*?)\s*$/)
		{
			$block = { kind => $2, indent => $1, line => $number, text => '' };
		}
		elsif (@parts && !defined $parts[-1]{line})
		{
			$parts[-1]{text} .= $line;
		}
		else
		{
			push @parts, { kind => '', indent => '', text => $line };
		}
	}
	die "$page: the block of line $block->{line} has no end" if $block;
	return @parts;
}

# Blocks of text that show the output of the block before them
sub pair_up
{
	my @parts = @_;
	my $sql;

	for my $part (@parts)
	{
		$sql->{output} = $part if $sql && $part->{kind} eq 'text';
		next if $sql && $part->{kind} eq '' && $part->{text} !~ /\S/;
		$sql = $part->{kind} eq 'sql' ? $part : undef;
	}
}

# What psql prints for some SQL, errors and all, and its exit status
sub run_psql
{
	my ($database, $user, $sql, $notices) = @_;
	my $output = '';

	local $ENV{PGOPTIONS} =
	  '-c client_min_messages=' . ($notices ? 'notice' : 'warning');
	local $ENV{PGTZ} = 'UTC';
	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	IPC::Run::run(
		[
			'psql', '-X', '-q', '-P', 'pager=off',
			'-v', 'ON_ERROR_STOP=1', '-v', 'SHOW_CONTEXT=never',
			'-U', $user, '-d', $database
		],
		'<', \$sql, '>&', \$output);
	return ($output, $? >> 8);
}

# What does not matter in an output
sub plain
{
	my ($output) = @_;

	$output =~ s/[ \t]+$//mg;
	$output =~ s/\s+\z/\n/;
	$output =~ s/\bin \d+\.\d\d s\b/in 0.00 s/g;
	return $output;
}

# One block that is to be run
sub run_block
{
	my ($page, $database, $block) = @_;
	my $name = "$page, line $block->{line}";
	my $expected = $block->{output} ? plain($block->{output}{text}) : undef;
	my ($output, $status) = run_psql($database, 'shop_owner', $block->{text},
		defined $expected && $expected =~ /^NOTICE:/m);

	$output = plain($output);
	if (defined $expected)
	{
		is($output, $expected, "$name: the output");
		is($status, $expected =~ /^ERROR:/m ? 3 : 0, "$name: the status");
		$block->{output}{text} = $output if $output ne $expected;
	}
	else
	{
		is($status, 0, "$name runs") or diag($output);
	}
}

# The syntax of a block that cannot be run: plpgsql looks at it and stops
sub check_syntax
{
	my ($page, $database, $block) = @_;
	my $sql = $block->{text};

	$sql =~ s/^\\.*$//mg;
	$sql =~ s/\s*(--[^\n]*\s*)*\z//;
	$sql .= ';' if $sql =~ /\S/ && $sql !~ /;\z/;
	my ($output, $status) = run_psql($database, 'shop_owner',
		"DO \$syntax\$ BEGIN RETURN;\n$sql\nEND \$syntax\$;", 0);
	is($status, 0, "$page, line $block->{line}: the syntax") or diag($output);
}

# The page with the outputs as they are, for whoever has to bring it up to date
sub write_copy
{
	my ($page, @parts) = @_;
	my $copy = '';

	for my $part (@parts)
	{
		my $text = $part->{text};

		$text =~ s/^(?=.)/$part->{indent}/mg;
		$copy .=
		  !defined $part->{line}
		  ? $text
		  : "$part->{indent}```$part->{kind}\n$text$part->{indent}```\n";
	}
	append_to_file("$PostgreSQL::Test::Utils::log_path/$page", $copy);
}

# The anchors that a page's headings have on the web
sub anchors_of
{
	my ($text) = @_;
	my %anchor;

	while ($text =~ /^#+\s+(.*?)\s*$/mg)
	{
		my $heading = lc $1;

		$heading =~ s/[^\w\- ]//g;
		$heading =~ tr/ /-/;
		$anchor{$heading} = 1;
	}
	return \%anchor;
}

# Every link into this tree leads somewhere.
sub check_links
{
	my ($path, $page, @parts) = @_;
	my @dead;

	for my $part (grep { $_->{kind} eq '' } @parts)
	{
		while ($part->{text} =~ /\]\(([^)\s]+)\)/g)
		{
			my ($file, $anchor) = split /#/, $1, 2;

			next if $1 =~ m{^\w+://};
			$file = $file eq '' ? $path : dirname($path) . "/$file";
			push @dead, $1
			  if !-e $file
			  || $anchor && !anchors_of(slurp_file($file))->{$anchor};
		}
	}
	is("@dead", '', "$page: links lead somewhere");
}

$node->init;
$node->start;
$node->safe_psql('postgres',
	'CREATE ROLE shop_owner LOGIN; CREATE ROLE report LOGIN');

for my $path (@pages)
{
	my $page = basename($path);
	my $database = lc($page) =~ s/\W/_/gr;
	my @parts = parts_of($path);

	pair_up(@parts);
	$node->safe_psql('postgres', "CREATE DATABASE $database OWNER shop_owner");
	my ($output, $status) = run_psql($database, 'shop_owner',
		"CREATE EXTENSION customer_tiering;\n$data", 0);
	is($status, 0, "$page: the example data") or diag($output);
	for my $block (@parts)
	{
		run_block($page, $database, $block) if $block->{kind} eq 'sql';
		check_syntax($page, $database, $block)
		  if $block->{kind} eq 'sql no-run';
	}
	check_links($path, $page, @parts);
	write_copy($page, @parts);
}

# Whatever the extension makes has a word in the reference; what is internal
# may be named by a pattern, such as `define_*`.
my ($public, $internal) =
  split /^# Internal$/m, slurp_file("$top/doc/reference.md");
my @patterns = map { s/\*/\\w*/gr } $internal =~ /`([\w*]*\w\w[\w*]*)`/g;
my @made = split /\n/, $node->safe_psql('readme_md', q{
	SELECT DISTINCT COALESCE(p.proname, t.typname, c.relname)
	FROM pg_depend AS d
		LEFT JOIN pg_proc AS p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
		LEFT JOIN pg_type AS t ON d.classid = 'pg_type'::regclass AND t.oid = d.objid
			AND t.typtype = 'b' AND t.typcategory <> 'A'
		LEFT JOIN pg_class AS c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
	WHERE d.deptype = 'e'
	  AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'customer_tiering')
	  AND COALESCE(p.proname, t.typname, c.relname) IS NOT NULL
	ORDER BY 1});
my @unnamed = grep {
	my $name = $_;

	$public !~ /^## .*\b$name\b/m && !grep { $name =~ /^$_$/ } @patterns;
} @made;

cmp_ok(scalar @made, '>', 50, 'the extension makes something');
is("@unnamed", '', 'the reference names every function, type and view');

# One version, wherever it is written
my ($version) = slurp_file("$top/customer_tiering.control") =~ /^default_version = '(.*)'/m;
my ($described) = slurp_file("$top/META.json") =~ /(.*)"meta-spec"/s;
my @elsewhere = $described =~ /"version": "(.*)"/g;

push @elsewhere, slurp_file("$top/CHANGELOG.md") =~ /^## (\S+)/m;
cmp_ok(scalar @elsewhere, '>=', 3, 'META.json and CHANGELOG.md name a version');
is(scalar(grep { $_ ne $version } @elsewhere), 0, "and it is $version")
  or diag("@elsewhere");

$node->stop;
done_testing();
