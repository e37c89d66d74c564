-- The table of checks, and docs/errors.md on keys and SQLSTATEs.  docs/checks.md is made from the table.
CREATE EXTENSION vmclone;
\set errors `cat docs/errors.md`
\set raised `grep -ohE '(errkey\(|define KEY_[A-Z_]+ +|define CONFIGURATION_KEY +|CONSTRAINT = .)"?[A-Z][A-Z_0-9]+' src/*/*.c src/*/*.sql src/*/*/*.sql | grep -oE '[A-Z][A-Z_0-9]{12,}$' | grep -vE '^(KEY_.*|CONFIGURATION_KEY)$' | sort -u`
SELECT count(*) > 80 AS many FROM vmclone.checks();
-- steps are in order, and each is one check
SELECT step FROM (SELECT step, lag(step) OVER () AS before FROM vmclone.checks()) c WHERE step <= before;
-- keys and their SQLSTATEs
CREATE TEMPORARY TABLE keys AS
SELECT trim(f[2], ' `') AS message_key, trim(f[3]) AS sqlstate
FROM regexp_split_to_table(:'errors', '\n') AS line, regexp_split_to_array(line, '\|') AS f
WHERE line ~ '^\| `[A-Z_0-9]+` \|';
SELECT DISTINCT message_key, sqlstate FROM vmclone.checks() EXCEPT SELECT * FROM keys;
SELECT r AS not_on_the_page FROM regexp_split_to_table(:'raised', '\n') r WHERE r <> '' AND r NOT IN (SELECT message_key FROM keys);
SELECT count(*) > 5 AS some_are_raised FROM regexp_split_to_table(:'raised', '\n') r;
SELECT message_key, count(*) FROM keys GROUP BY 1, sqlstate HAVING count(*) > 1;
SELECT DISTINCT sqlstate FROM keys k WHERE position('| ' || k.sqlstate || ' |' IN :'errors') = 0;
-- every SQLSTATE of the class is on the page
SELECT format('VC%s', lpad(n::text, 3, '0')) AS missing FROM generate_series(1, 20) n WHERE position(format('| VC%s |', lpad(n::text, 3, '0')) IN :'errors') = 0;
