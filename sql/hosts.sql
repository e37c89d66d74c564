-- Hosts that copies run on: what may be a name and an address, who may say so, what stands in the way.
\set VERBOSITY default
SET client_min_messages = error;
CREATE EXTENSION vmclone;
\set ECHO none
\o /dev/null
\i test/fixture/fixture.sql
\set storage `echo $VMCLONE_TEST_STORAGE`
\o
\set ECHO all
\set ON_ERROR_STOP off
SELECT host_name, address, state, running_copies, max_copies, storage_domains FROM vmclone.copy_hosts;

-- names and addresses
SELECT vmclone.add_copy_host('h1', 'root@h1.example.org', 4, 50000000);
SELECT vmclone.add_copy_host('h2', 'ssh://copier@[2001:db8::7]:2222');
SELECT vmclone.add_copy_host('h3', 'ns/pod-7');
SELECT vmclone.add_copy_host('local', NULL, 3);
SELECT host_name, address, state, max_copies, bandwidth_limit FROM vmclone.copy_hosts ORDER BY host_name;
SELECT vmclone.add_copy_host('h2', 'h2.example.org', 2);
SELECT host_name, address, max_copies FROM vmclone.copy_hosts WHERE host_name = 'h2';
SELECT vmclone.add_copy_host(NULL, 'x');
SELECT vmclone.add_copy_host('', 'x');
SELECT vmclone.add_copy_host('-h', 'x');
SELECT vmclone.add_copy_host('a b', 'x');
SELECT vmclone.add_copy_host(repeat('h', 64), 'x');
SELECT vmclone.add_copy_host('h4', NULL);
SELECT vmclone.add_copy_host('local', 'x');
SELECT vmclone.add_copy_host('h4', a) FROM unnest(ARRAY['', '-oProxyCommand=x', 'a b', 'a;b', 'a$(b)', E'a\nb', '../x', 'user@-x', 'ssh://-x', 'a{b', repeat('x', 256)]) a LIMIT 1;
DO $$
DECLARE
    address text;
    refused integer := 0;
BEGIN
    FOREACH address IN ARRAY ARRAY['', '-oProxyCommand=x', 'a b', 'a;b', 'a$(b)', E'a\nb', '../x', 'user@-x', 'ssh://-x', 'a{b', 'a`b`', 'a|b', 'a"b', repeat('x', 256)] LOOP
        BEGIN
            PERFORM vmclone.add_copy_host('h4', address);
            RAISE WARNING 'taken: %', address;
        EXCEPTION WHEN invalid_parameter_value THEN
            refused := refused + 1;
        END;
        BEGIN
            INSERT INTO vmclone.hosts (host_name, address, added_by) VALUES ('h4', address, current_user);
            RAISE WARNING 'taken by the table: %', address;
        EXCEPTION WHEN check_violation THEN
            NULL;
        END;
    END LOOP;
    RAISE INFO '% refused', refused;
END
$$;
SELECT vmclone.add_copy_host('h4', 'x', 0);
SELECT vmclone.add_copy_host('h4', 'x', NULL, -1);

-- the launcher
SET vmclone.copy_launcher = 'ssh {address}';
SET vmclone.copy_launcher = '/usr/bin/ssh';
SET vmclone.copy_launcher = '/usr/bin/ssh {host} {address}';
SET vmclone.copy_launcher = '/usr/bin/ssh {address} {';
SET vmclone.copy_launcher = '/bin/false {address}';
SELECT host_name, status, copier_version, error FROM vmclone.check_copy_host('h1');
SELECT host_name, state, error FROM vmclone.copy_hosts WHERE host_name = 'h1';
SET vmclone.copy_launcher = '/nonexistent/launcher {address}';
SELECT status, error FROM vmclone.check_copy_host('h1');
SELECT host_name, status, copier_version IS NOT NULL AS has_version, error FROM vmclone.check_copy_host('local');
SELECT vmclone.check_copy_host('h9');

-- a host that speaks another protocol, and one whose login says something first
\! printf '#!/bin/sh\necho Welcome\necho \047{"event":"ready","clock":1,"protocol":%s,"version":"%s"}\047\ncat >/dev/null\necho \047{"event":"ended","exit":0}\047\n' 999 9.9 > $VMCLONE_TEST_STORAGE/other-version && chmod +x $VMCLONE_TEST_STORAGE/other-version
\set launcher :storage '/other-version {address}'
SET vmclone.copy_launcher = :'launcher';
SELECT status, copier_version, error FROM vmclone.check_copy_host('h1');

-- drained, dropped
SELECT vmclone.drain_copy_host('h1');
SELECT host_name, state FROM vmclone.copy_hosts WHERE host_name = 'h1';
SELECT vmclone.drain_copy_host('h1', false, true);
SELECT vmclone.drain_copy_host('h1', false);
SELECT vmclone.drain_copy_host('h9');
SELECT vmclone.drop_copy_host('local');
SELECT vmclone.drop_copy_host('h9');
SELECT vmclone.drop_copy_host('h3');

-- domains on hosts
\! mkdir -p $VMCLONE_TEST_STORAGE/hosts_nfs1/images
\set path :storage '/hosts_nfs1'
SELECT vmclone.attach_storage_domain(fixture.id('nfs1'), :'path', 2, 1000000);
SELECT vmclone.attach_storage_domain(fixture.id('nfs1'), :'path', host => 'h9');
\set VERBOSITY terse
SELECT vmclone.attach_storage_domain(fixture.id('nfs1'), :'path', host => 'h1');
\set VERBOSITY default
-- as though h1 had answered
INSERT INTO vmclone.storage_mounts (storage_domain_id, mount_path, real_path, storage_root, token, attached_by, host_name)
SELECT storage_domain_id, '/srv/nfs1', '/srv/nfs1', '/srv/nfs1', token, current_user, 'h1' FROM vmclone.storage_mounts;
SELECT storage_domain, host_name, attached FROM vmclone.storage WHERE storage_domain_id = fixture.id('nfs1') ORDER BY host_name;
SELECT vmclone.drop_copy_host('h1');
-- limits are the domain's, on all hosts
SELECT vmclone.attach_storage_domain(fixture.id('nfs1'), :'path', 5);
SELECT host_name, max_copies, bandwidth_limit FROM vmclone.storage_mounts ORDER BY host_name;
-- the mark stays as long as another host has the domain
SELECT vmclone.detach_storage_domain(fixture.id('nfs1'), 'local');
\! ls -A $VMCLONE_TEST_STORAGE/hosts_nfs1
SELECT vmclone.detach_storage_domain(fixture.id('nfs1'), 'local');
DELETE FROM vmclone.storage_mounts;
SELECT vmclone.drop_copy_host('h1');
SELECT host_name FROM vmclone.copy_hosts ORDER BY host_name;

-- who may
CREATE ROLE regress_hosts_viewer;
SELECT vmclone.grant_viewer('regress_hosts_viewer');
CREATE ROLE regress_hosts_admin;
SELECT vmclone.grant_admin('regress_hosts_admin');
SET ROLE regress_hosts_viewer;
SELECT count(*) FROM vmclone.copy_hosts;
SELECT vmclone.add_copy_host('h5', 'x');
SET ROLE regress_hosts_admin;
SELECT vmclone.add_copy_host('h5', 'x');
SELECT vmclone.drop_copy_host('h5');
SET vmclone.copy_launcher = '/bin/sh {address}';
RESET ROLE;
SELECT vmclone.revoke_rights('regress_hosts_viewer'), vmclone.revoke_rights('regress_hosts_admin');
DROP ROLE regress_hosts_viewer, regress_hosts_admin;
