# customer_tiering: build, install, test, demo
#
#   make && sudo make install   build for the server that pg_config belongs to, and install
#   make installcheck           regression tests on a running server, after "make install"
#   make check                  all tests, on private servers of their own; nothing is installed
#   make check-long             the same, with the random tests at full size
#   make demo                   a private server with two years of a real shop in it
#   make demo-psql, demo-stop   look around in it; stop and remove it
#   make bench                  benchmarks
#
# PG_CONFIG=/path/to/pg_config chooses the server; WERROR=1 makes warnings errors.

PG_CONFIG ?= pg_config
PGXS := $(wildcard $(shell $(PG_CONFIG) --pgxs 2>/dev/null))
export PG_CONFIG WERROR

# These need no PGXS: it may not be installed yet, and has a "check" of its
# own that only refuses. What they build, they build in a second make.
HARNESS = check check-long demo demo-psql demo-stop bench

ifneq ($(filter $(HARNESS),$(MAKECMDGOALS)),)

OTHER = $(sort $(filter-out $(HARNESS),$(MAKECMDGOALS)))

.PHONY: $(HARNESS) $(OTHER)
.NOTPARALLEL:

ifneq ($(OTHER),)
$(OTHER):
	@$(MAKE) --no-print-directory $@
endif

check:
	@test/prerequisites test
	@$(MAKE) -s --no-print-directory all
	@CHECK_SHARE=$${CHECK_SHARE:-0.1} test/run

check-long:
	@test/prerequisites test
	@$(MAKE) -s --no-print-directory all
	@CHECK_SHARE=$${CHECK_SHARE:-1} CHECK_TIMEOUT=$${CHECK_TIMEOUT:-0} test/run

demo:
	@test/prerequisites demo
	@$(MAKE) -s --no-print-directory all
	@demo/run start

demo-psql:
	@demo/run psql

demo-stop:
	@demo/run stop

bench:
	@test -x bench/run || { echo 'there is no bench/run' >&2; exit 1; }
	@test/prerequisites demo
	@$(MAKE) -s --no-print-directory all
	@bench/run

else ifeq ($(PGXS),)

all install installcheck clean uninstall:
	@echo 'the development files of PostgreSQL were not found (PG_CONFIG=$(PG_CONFIG));' >&2
	@echo '"test/prerequisites demo" installs them, or says how' >&2
	@exit 1

.PHONY: all install installcheck clean uninstall

else

EXTENSION = customer_tiering
MODULE_big = customer_tiering
PGFILEDESC = "customer_tiering - customer knowledge inside the database"

# The version has one place, the control file.
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" $(EXTENSION).control)

# The parts of the install script, in order: a part uses only what stands before it.
SQL_TOPICS = \
	sql/schema.sql \
	sql/history.sql \
	sql/rows.sql \
	sql/cached_query.sql \
	sql/rfm.sql \
	sql/segment.sql \
	sql/source.sql \
	sql/rfm_table.sql \
	sql/clv_formula.sql \
	sql/clv.sql \
	sql/clv_nbd.sql \
	sql/clv_bgnbd.sql \
	sql/clv_mbgnbd.sql \
	sql/clv_pareto_nbd.sql \
	sql/clv_bgbb.sql \
	sql/tier.sql \
	sql/metrics.sql \
	sql/ranking.sql \
	sql/rules.sql \
	sql/classifier.sql \
	sql/churn.sql \
	sql/recommender.sql \
	sql/encoding.sql \
	sql/pipeline_check.sql \
	sql/pipeline_tables.sql \
	sql/pipeline_source.sql \
	sql/pipeline_define.sql \
	sql/pipeline_clv.sql \
	sql/pipeline_models.sql \
	sql/pipeline_tiers.sql \
	sql/pipeline_tier_check.sql \
	sql/pipeline_tier_history.sql \
	sql/pipeline_tier_evaluate.sql \
	sql/pipeline_tier_views.sql \
	sql/pipeline_tier_benefits.sql \
	sql/pipeline_tier_explain.sql \
	sql/pipeline_tier_simulate.sql \
	sql/pipeline_churn.sql \
	sql/pipeline_churn_feature.sql \
	sql/pipeline_churn_fit.sql \
	sql/pipeline_churn_score.sql \
	sql/pipeline_recommend.sql \
	sql/pipeline_recommend_judge.sql \
	sql/pipeline_recommend_fit.sql \
	sql/pipeline_recommend_score.sql \
	sql/pipeline_recommend_live.sql \
	sql/pipeline_recommend_comments.sql \
	sql/pipeline_rules.sql \
	sql/pipeline_train.sql \
	sql/pipeline_named_model.sql \
	sql/pipeline_profile.sql \
	sql/pipeline.sql \
	sql/pipeline_identity.sql \
	sql/pipeline_histories.sql \
	sql/pipeline_refresh.sql \
	sql/pipeline_holdout.sql \
	sql/pipeline_comments.sql

# One text for all purchase models: name, title, paper, parameters
clv_nbd = NBD|Ehrenberg 1959|r alpha
clv_bgnbd = BG/NBD|Fader, Hardie and Lee 2005|r alpha a b
clv_mbgnbd = MBG/NBD|Batislam, Denizel and Filiztekin 2007|r alpha a b
clv_pareto_nbd = Pareto/NBD|Schmittlein, Morrison and Colombo 1987|r alpha s beta
clv_bgbb = BG/BB|Fader, Hardie and Shang 2010|alpha beta gamma delta
CLV_MODELS = nbd bgnbd mbgnbd pareto_nbd bgbb

INSTALL_SCRIPT_SQL = $(EXTENSION)--$(EXTVERSION).sql

DATA_built = $(INSTALL_SCRIPT_SQL)
# released versions and the ways between them, never edited
DATA = $(filter-out sql/$(INSTALL_SCRIPT_SQL),$(wildcard sql/$(EXTENSION)--*.sql))

# Boosting is grown by a library that need not be there: a module of its own,
# which the other loads when it is first asked for.
TREES = src/trees/customer_tiering_trees
ifneq ($(wildcard /usr/include/xgboost/c_api.h /usr/local/include/xgboost/c_api.h),)
MODULES += $(TREES)
endif

# So are large matrices inverted: by OpenBLAS, in the build that has no threads,
# wherever another one is the system's default.
MATRIX = src/matrix/customer_tiering_matrix
OPENBLAS := $(patsubst %/libopenblas.so,%,$(firstword $(wildcard /usr/lib/*/openblas-serial/libopenblas.so)))
ifneq ($(OPENBLAS),)
MODULES += $(MATRIX)
endif

OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c) $(wildcard src/model/*.c)))

PG_CPPFLAGS = -Isrc
# -MMD notes the headers of each object file in a .d file, see below;
# no fused multiply-add, so that every machine gives the same bits
PG_CFLAGS = -ffp-contract=off -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wmissing-prototypes -MMD -MP
ifeq ($(WERROR),1)
PG_CFLAGS += -Werror
endif

REGRESS = $(patsubst test/sql/%.sql,%,$(sort $(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --outputdir=test/output --load-extension=$(EXTENSION)

EXTRA_CLEAN = $(CLV_MODELS:%=sql/clv_%.sql) $(wildcard $(EXTENSION)--*.sql) test/output \
	$(wildcard src/*.d src/*/*.d src/*.bc src/*/*.bc)

# Bitcode for inlining needs the very clang the server was built with, and
# serves nothing here; "make with_llvm=yes" builds it all the same.
ifneq ($(with_llvm),yes)
override with_llvm := no
endif

include $(PGXS)

-include $(OBJS:.o=.d) $(MODULES:=.d)

$(TREES).so: LDFLAGS_SL += -lxgboost
$(TREES).so: src/model/trees.o
$(TREES).so: LDFLAGS_SL += src/model/trees.o

$(MATRIX).so: LDFLAGS_SL += -L$(OPENBLAS) -lopenblas -Wl,-rpath,$(OPENBLAS)

# inner loops over columns of a block and over trees, as the server does for its checksums
src/model/als.o src/model/ease.o src/model/recommend.o src/model/logistic.o src/model/similarity.o src/model/trees.o src/model/trees_shares.o: CFLAGS += -O3

# what compares a model with NBD, and in which customers leave at any time
CLV_JUDGED = bgnbd mbgnbd pareto_nbd
$(CLV_JUDGED:%=sql/clv_%.sql): sql/clv_judge.sql.in

$(CLV_MODELS:%=sql/clv_%.sql): sql/clv_%.sql: sql/clv_model.sql.in sql/clv_score.sql.in Makefile
	title=`echo '$(clv_$*)' | cut -d '|' -f 1`; paper=`echo '$(clv_$*)' | cut -d '|' -f 2`; \
	columns=`echo '$(clv_$*)' | cut -d '|' -f 3 | sed 's/ /, /g; s/[a-z][a-z]*/& double precision/g'`; \
	sed "s|@MODEL@|$*|g; s|@TITLE@|$$title|g; s|@PAPER@|$$paper|g; s|@COUNT@|4|g; s|@COLUMNS@|$$columns|g; \
		s|@ERRORS@|`echo "$$columns" | sed 's/ double/_error double/g'`|g; \
		s|@TYPES@|`echo "$$columns" | sed 's/[a-z]* double/double/g'`|g" $(filter %model.sql.in,$^) $(filter %score.sql.in,$^) $(filter %judge.sql.in,$^) > $@

$(INSTALL_SCRIPT_SQL): $(SQL_TOPICS) $(EXTENSION).control Makefile
	cat $(SQL_TOPICS) > $@.new && mv $@.new $@

endif
