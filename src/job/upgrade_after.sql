UPDATE vmclone.jobs SET owner_role = owner::text::vmclone.role_id;
-- what is over by now has been announced, or nobody listens any more
UPDATE vmclone.jobs SET announced = true WHERE ended_at IS NOT NULL;
