# The install script, in order: each part is one subject.  `make` joins them.
SQL_PARTS = \
	begin.sql \
	inventory/storage.sql \
	inventory/network.sql \
	inventory/cluster.sql \
	inventory/quota.sql \
	inventory/vm.sql \
	inventory/disk.sql \
	inventory/snapshot.sql \
	inventory/image.sql \
	inventory/device.sql \
	inventory/permission.sql \
	inventory/affinity.sql \
	inventory/audit.sql \
	inventory/binding.sql \
	inventory/use_inventory.sql \
	interface/caller.sql \
	state/jobs.sql \
	state/locks.sql \
	state/storage_mounts.sql \
	clone/mac_pool.sql \
	clone/remove.sql \
	clone/trees.sql \
	state/guards.sql \
	views/inventory_views.sql \
	views/locks.sql \
	interface/locks.sql \
	interface/lineage.sql \
	interface/clone_again.sql \
	interface/snapshot_tree.sql \
	interface/configuration.sql \
	interface/storage.sql \
	interface/jobs.sql \
	interface/worker.sql \
	views/job_views.sql \
	interface/command.sql \
	interface/grants.sql
