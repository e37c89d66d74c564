# The install script, in order: each part is one subject.  `make` joins them.
SQL_PARTS = \
	begin.sql \
	state/jobs.sql \
	state/locks.sql \
	state/storage_mounts.sql
