--
-- Directory domains: users' own folders of images, under the names that their users gave.
--

CREATE TABLE vmclone.directory_domains (
    storage_domain_id uuid PRIMARY KEY
);
COMMENT ON TABLE vmclone.directory_domains IS 'storage domains that are users'' own folders of images (import_libvirt, import_disks); nothing of theirs is written or renamed';
COMMENT ON COLUMN vmclone.directory_domains.storage_domain_id IS 'storage domain, of vmclone''s own inventory';

CREATE TABLE vmclone.image_files (
    image_id uuid PRIMARY KEY,
    storage_domain_id uuid NOT NULL REFERENCES vmclone.directory_domains,
    file_name text NOT NULL
);
CREATE INDEX image_files_by_name ON vmclone.image_files (storage_domain_id, file_name);
COMMENT ON TABLE vmclone.image_files IS 'files of the images in directory domains; an image of another domain is named by its ids';
COMMENT ON COLUMN vmclone.image_files.image_id IS 'image: images.image_guid';
COMMENT ON COLUMN vmclone.image_files.storage_domain_id IS 'directory domain that the file is in';
COMMENT ON COLUMN vmclone.image_files.file_name IS 'name of the file below the domain''s directory';

SELECT pg_catalog.pg_extension_config_dump('vmclone.directory_domains', '');
SELECT pg_catalog.pg_extension_config_dump('vmclone.image_files', '');

REVOKE ALL ON vmclone.directory_domains, vmclone.image_files FROM PUBLIC;
