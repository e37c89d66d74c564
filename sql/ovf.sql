-- The OVF reader: the samples, each mapping rule, hostile and damaged documents.
\set VERBOSITY terse
CREATE EXTENSION vmclone;
\setenv OVF test/ovf
\set v31 `cat "$OVF/synthetic_3.1_two_disks.xml"`
\set v36 `cat "$OVF/synthetic_3.6_deleted_disk_bad_network.xml"`
\set v42 `cat "$OVF/synthetic_4.2_shareable_lun_affinity.xml"`
\set v44 `cat "$OVF/synthetic_4.4_vminit_custom_properties.xml"`

-- The samples, whole.
SELECT jsonb_pretty(vmclone.parse_ovf(:'v31'));
SELECT jsonb_pretty(vmclone.parse_ovf(:'v36') -> 'disks');
SELECT jsonb_pretty(vmclone.parse_ovf(:'v36') -> 'interfaces');
SELECT jsonb_pretty(vmclone.parse_ovf(:'v42') - 'devices' - 'vm_static');
SELECT jsonb_pretty(vmclone.parse_ovf(:'v44'));
SELECT d ->> 'type' AS type, d ->> 'device' AS device, d -> 'is_managed' AS managed, d -> 'is_plugged' AS plugged,
    d -> 'is_readonly' AS readonly, d ->> 'alias' AS alias, d ->> 'address' AS address, d -> 'spec_params' AS spec_params
FROM jsonb_array_elements(vmclone.parse_ovf(:'v42') -> 'devices') d;

-- Rules, one document changed at a time.
CREATE TABLE document AS SELECT :'v44'::text AS ovf;
CREATE FUNCTION changed(VARIADIC changes text[]) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    ovf text := (SELECT document.ovf FROM document);
BEGIN
    FOR i IN 1 .. array_length(changes, 1) / 2 LOOP
        IF position(changes[2 * i - 1] IN ovf) = 0 THEN
            RAISE EXCEPTION 'the sample has no %', changes[2 * i - 1];
        END IF;
        ovf := replace(ovf, changes[2 * i - 1], changes[2 * i]);
    END LOOP;
    RETURN vmclone.parse_ovf(ovf);
END $$;
CREATE FUNCTION with_tag(tag text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT changed('<DeleteProtected>', tag || '<DeleteProtected>') -> 'vm_static' $$;
-- BiosType is written less one; without it, I440FX
SELECT n, changed('<BiosType>1<', format('<BiosType>%s<', n)) -> 'vm_static' -> 'bios_type' AS bios_type FROM generate_series(0, 3) n;
SELECT changed('<BiosType>1</BiosType>', '') -> 'vm_static' -> 'bios_type' AS missing;
-- a pinning means the manual policy; the policy without a pinning does not
SELECT changed('<CpuPinning>0#0_1#1</CpuPinning>', x) -> 'vm_static' -> 'cpu_pinning' AS pinning,
    changed('<CpuPinning>0#0_1#1</CpuPinning>', x) -> 'vm_static' -> 'cpu_pinning_policy' AS policy, x
FROM unnest('{<CpuPinning>0#0</CpuPinning>,"<CpuPinning> </CpuPinning>","",<CpuPinningPolicy>3</CpuPinningPolicy>,<CpuPinningPolicy>1</CpuPinningPolicy>,<exportonly_cpuPinning>0#1</exportonly_cpuPinning>}'::text[]) x;
-- memory limit below the memory
SELECT d -> 'vm_static' -> 'max_memory_size_mb' AS max_memory_size_mb, d -> 'warnings' AS warnings
FROM changed('<MaxMemorySizeMb>4096<', '<MaxMemorySizeMb>512<') d;
-- operating systems: name, name before osinfo, number, unknown
SELECT x, changed('<Description>rhel_8x64<', format('<Description>%s<', x)) -> 'vm_static' -> 'os' AS os,
    changed('<Description>rhel_8x64<', format('<Description>%s<', x)) -> 'warnings' AS warnings
FROM unnest('{other,windows_2019x64,RHEL6x64,REHL3,Alma Linux 8+,sles_11,31,plan9}'::text[]) x;
-- time zones that were renamed
SELECT changed('<TimeZone>Etc/GMT<', '<TimeZone>America/Indianapolis<') -> 'vm_static' -> 'time_zone' AS time_zone;
-- every kind of general tag
SELECT changed('<Comment/>', '<Comment>c1</Comment>') -> 'vm_static' -> 'free_text_comment' AS comment,
    with_tag('<SsoMethod>NONE</SsoMethod>') -> 'sso_method' AS sso,
    with_tag('<ConsoleDisconnectAction>lock_screen</ConsoleDisconnectAction>') -> 'console_disconnect_action' AS disconnect,
    with_tag('<ResumeBehavior>KILL</ResumeBehavior>') -> 'resume_behavior' AS resume,
    with_tag('<NumOfIoThreads>2</NumOfIoThreads>') -> 'num_of_io_threads' AS io_threads,
    with_tag('<TunnelMigration>true</TunnelMigration>') -> 'tunnel_migration' AS tunnel,
    with_tag('<MigrationDowntime>300</MigrationDowntime>') -> 'migration_downtime' AS downtime,
    with_tag('<MigrationPolicyId>80554327-0569-496b-bdeb-fcbbf52b827b</MigrationPolicyId>') -> 'migration_policy_id' AS policy;
SELECT with_tag('<SerialNumberPolicy>2</SerialNumberPolicy>') -> 'serial_number_policy' AS serial_policy,
    with_tag('<CustomSerialNumber>s1</CustomSerialNumber>') -> 'custom_serial_number' AS serial,
    with_tag('<CustomCompatibilityVersion>4.5</CustomCompatibilityVersion>') -> 'custom_compatibility_version' AS version,
    with_tag('<UseHostCpu>true</UseHostCpu>') -> 'host_cpu_flags' AS host_cpu,
    with_tag('<LeaseDomainId>5D000000-0000-4000-8000-000000000001</LeaseDomainId>') -> 'lease_sd_id' AS lease,
    with_tag('<exportonly_migrationSupport>PINNED_TO_HOST</exportonly_migrationSupport>') -> 'migration_support' AS migration,
    with_tag('<exportonly_userDefinedProperties>a=b</exportonly_userDefinedProperties>') -> 'userdefined_properties' AS properties,
    with_tag('<kernel_params>x &amp; y &lt;z&gt;</kernel_params>') -> 'kernel_params' AS kernel_params;
SELECT x, with_tag(x) -> 'virtio_scsi_multi_queues' AS queues
FROM unnest(ARRAY['<VirtioScsiMultiQueuesEnabled ovf:queues="4">true</VirtioScsiMultiQueuesEnabled>', '<VirtioScsiMultiQueuesEnabled>true</VirtioScsiMultiQueuesEnabled>',
    '<VirtioScsiMultiQueuesEnabled ovf:queues="4">false</VirtioScsiMultiQueuesEnabled>']) x;
SELECT changed('<DeleteProtected>', '<DedicatedVmForVds>e0000000-0000-4000-8000-000000000001</DedicatedVmForVds><DedicatedVmForVds>e0000000-0000-4000-8000-000000000002</DedicatedVmForVds><DeleteProtected>') -> 'pinned_hosts' AS pinned_hosts;
-- empty tags say nothing, unless they are text
SELECT changed('<Priority>1<', '<Priority><') -> 'vm_static' ? 'priority' AS priority, changed('<Priority>1<', '<Priority><') -> 'vm_static' -> 'description' AS description;
-- balloon: by the tag, else by the device
SELECT with_tag('') -> 'balloon_enabled' AS by_device, with_tag('<BalloonEnabled>false</BalloonEnabled>') -> 'balloon_enabled' AS by_tag,
    changed('<Type>balloon<', '<Type>channel<') -> 'vm_static' -> 'balloon_enabled' AS without;
-- VmInit
SELECT changed('ovf:hostname="h1"', 'ovf:hostname="h1" ovf:rootPassword="p" ovf:networks="[{}]" ovf:authorizedKeys="a&amp;#10;b"') -> 'vm_init' AS vm_init;
SELECT vmclone.parse_ovf(replace(:'v31', '<DeleteProtected>', '<Domain>example.org</Domain><DeleteProtected>')) -> 'vm_init' AS vm_init;
-- CPU without sockets, USB, monitors
SELECT changed('<rasd:num_of_sockets>2</rasd:num_of_sockets>', '<rasd:VirtualQuantity>6</rasd:VirtualQuantity>') -> 'vm_static' -> 'num_of_sockets' AS sockets,
    changed('<rasd:UsbPolicy>DISABLED</rasd:UsbPolicy>', '<rasd:UsbPolicy>ENABLED_NATIVE</rasd:UsbPolicy>') -> 'vm_static' -> 'usb_policy' AS native,
    changed('<rasd:UsbPolicy>DISABLED</rasd:UsbPolicy>', '<rasd:UsbPolicy>Enabled</rasd:UsbPolicy>') -> 'vm_static' -> 'usb_policy' AS old,
    changed('<rasd:UsbPolicy>DISABLED</rasd:UsbPolicy>', '') -> 'vm_static' -> 'usb_policy' AS missing,
    changed('<rasd:ResourceType>20<', '<rasd:ResourceType>32768<') -> 'vm_static' -> 'num_of_monitors' AS monitors;
-- disks: defaults, and a plugged state that the Item overrules
SELECT jsonb_pretty(changed(' ovf:volume-format="COW" ovf:volume-type="Sparse" ovf:disk-interface="VirtIO_SCSI" ovf:read-only="false" ovf:shareable="false" ovf:pass-discard="false" ovf:incremental-backup="false" ovf:boot="true" ovf:disk-alias="src1_Disk1"', ' ovf:incremental-backup="true" ovf:plugged="false" ovf:boot="True"') -> 'disks' -> 0) AS disk;
SELECT x, d -> 'disk_storage_type' AS code FROM unnest('{IMAGE,CINDER,MANAGED_BLOCK_STORAGE}'::text[]) x,
    LATERAL (SELECT changed('ovf:disk_storage_type="IMAGE"', format('ovf:disk_storage_type="%s"', x)) -> 'disks' -> 0) d(d);
-- NICs: type by name, default name, speed and link, no network, a numeric id that stays the same
SELECT x, d -> 'type' AS type, d -> 'speed' AS speed FROM unnest('{0,1,pv,VirtIO,e1000,spapr-vlan,pci-passthorugh,6}'::text[]) x,
    LATERAL (SELECT changed('<rasd:ResourceSubType>3</rasd:ResourceSubType>', format('<rasd:ResourceSubType>%s</rasd:ResourceSubType>', x), '<rasd:speed>10000</rasd:speed>', '') -> 'interfaces' -> 0) d(d);
SELECT x, d - 'address' AS interface FROM unnest('{<rasd:speed>10000</rasd:speed>,<rasd:Name>nic1</rasd:Name>,<rasd:Linked>true</rasd:Linked>,<rasd:Connection>net1</rasd:Connection>,<rasd:MACAddress>56:6f:00:00:00:00</rasd:MACAddress>}'::text[]) x,
    LATERAL (SELECT changed(x, '') -> 'interfaces' -> 0) d(d);
SELECT changed('>fa000000-0000-4000-8000-000000000001<', '>7<') -> 'interfaces' -> 0 -> 'interface_id'
    = changed('>fa000000-0000-4000-8000-000000000001<', '>7<') -> 'interfaces' -> 0 -> 'interface_id' AS same_id,
    changed('>fa000000-0000-4000-8000-000000000001<', '>7<') -> 'interfaces' -> 0 ->> 'interface_id' AS id;
-- devices: managed or not by type and device
SELECT x[1] AS type, x[2] AS device, d -> 'is_managed' AS managed, d ->> 'device_id' AS id
FROM (VALUES ('{channel,unix}'::text[]), ('{controller,usb}'), ('{controller,virtio-scsi}'), ('{controller,pci}'), ('{sound,ac97}'), ('{console,console}'), ('{console,pty}'),
    ('{smartcard,smartcard}'), ('{redir,spicevmc}'), ('{balloon,memballoon}'), ('{watchdog,watchdog}'), ('{rng,virtio}'), ('{hostdev,pci_0000_00}'), ('{mdev,mdev}'), ('{tpm,tpm}')) v(x),
    LATERAL (SELECT jsonb_path_query_first(changed('<Type>channel</Type>
        <Device>unix</Device>', format('<Type>%s</Type><Device>%s</Device>', x[1], x[2])), '$.devices[*] ? (@.alias == "channel0")')) d(d);
-- the device's tail: nested parameters, custom properties, the snapshot it comes from, an id that is no uuid
SELECT jsonb_pretty(jsonb_path_query_first(changed('<BootOrder>0</BootOrder>
        <IsPlugged>true</IsPlugged>
        <IsReadOnly>false</IsReadOnly>
        <Alias>channel0</Alias>', '<Alias>channel0</Alias><BootOrder>2</BootOrder><IsPlugged>false</IsPlugged><IsReadOnly>true</IsReadOnly>
    <CustomProperties>{a=b}</CustomProperties><SnapshotId>5a000000-0000-4000-8000-000000000001</SnapshotId>
    <SpecParams><one>1</one><empty/><map><inner>2</inner></map><cdata><![CDATA[<3>]]></cdata></SpecParams>'), '$.devices[*] ? (@.alias == "channel0")')) AS device;
SELECT jsonb_path_query_first(changed('fd000000-0000-4000-8000-000000000020', 'no-uuid'), '$.devices[*] ? (@.alias == "channel0").device_id') AS derived_id,
    jsonb_path_query_first(changed('fd000000-0000-4000-8000-000000000020', 'fd000000-0000-4000-8000-000000000021'), '$.devices[*] ? (@.alias == "ide0").device_id') AS not_twice;
-- defaults for what is missing: serial controller, display
SELECT jsonb_path_query_array(vmclone.parse_ovf(:'v31'), '$.devices[*] ? (@.type == "graphics" || @.device == "virtio-serial").device') AS spice,
    jsonb_path_query_array(vmclone.parse_ovf(replace(:'v31', '<DefaultDisplayType>1<', '<DefaultDisplayType>2<')), '$.devices[*] ? (@.type == "graphics").device') AS vnc,
    jsonb_path_query_array(vmclone.parse_ovf(replace(:'v31', '<DefaultDisplayType>1<', '<DefaultDisplayType>3<')), '$.devices[*] ? (@.type == "graphics").device') AS headless,
    vmclone.parse_ovf(replace(:'v31', '<DefaultDisplayType>1<', '<DefaultDisplayType>3<')) -> 'vm_static' -> 'default_display_type' AS headless_code,
    changed('<DefaultDisplayType>1<', '<DefaultDisplayType>3<') -> 'vm_static' -> 'default_display_type' AS bochs_code;
-- an Item of a later engine
SELECT d -> 'warnings' AS warnings, jsonb_path_query_array(d, '$.devices[*] ? (@.type == "unknown").device') AS kept
FROM (SELECT vmclone.parse_ovf(replace(:'v31', '</Item>
    </Section>', '</Item><Item><rasd:ResourceType>99</rasd:ResourceType></Item><Item><rasd:ResourceType>98</rasd:ResourceType><Type>newtype</Type><Device>d</Device></Item></Section>'))) d(d);
-- sections
SELECT d -> 'numa_nodes' AS numa_nodes, d -> 'external_data' AS external_data FROM changed('<Section xsi:type="ovf:VirtualHardwareSection_Type">',
    '<Section xsi:type="ovf:NumaNodeSection_Type"><NumaNode><id>e1000000-0000-4000-8000-000000000001</id><Index>0</Index><cpuIdList>0,1</cpuIdList><vdsNumaNodeList>1</vdsNumaNodeList><MemTotal>512</MemTotal><NumaTuneMode>interleave</NumaTuneMode></NumaNode><NumaNode><Index>1</Index><cpuIdList/><MemTotal>512</MemTotal></NumaNode></Section>
    <Section xsi:type="ovf:VmExternalDataSection_Type"><VmExternalDataItem kind="tpm"><VmExternalDataContent>dHBt</VmExternalDataContent></VmExternalDataItem><VmExternalDataItem kind="nvram"><VmExternalDataContent>bnY=</VmExternalDataContent></VmExternalDataItem></Section>
    <Section xsi:type="ovf:SnapshotsSection_Type"><Snapshot ovf:id="not read"/></Section>
    <Section xsi:type="ovf:VirtualHardwareSection_Type">') d;
-- other prefixes, one line, another encoding in the declaration, characters of all kinds
SELECT vmclone.parse_ovf(replace(replace(:'v44', 'ovf:', 'o:'), 'xmlns:ovf=', 'xmlns:o=')) -> 'disks' = vmclone.parse_ovf(:'v44') -> 'disks' AS other_prefix,
    vmclone.parse_ovf(replace(:'v44', E'\n', '')) = vmclone.parse_ovf(:'v44') AS one_line,
    vmclone.parse_ovf(replace(:'v44', 'encoding="UTF-8"', 'encoding="ISO-8859-1"')) -> 'vm_static' = vmclone.parse_ovf(:'v44') -> 'vm_static' AS other_encoding,
    vmclone.parse_ovf(replace(:'v44', 'encoding="UTF-8"', 'encoding="unheard-of"')) = vmclone.parse_ovf(:'v44') AS unknown_encoding,
    vmclone.parse_ovf(replace(:'v44', '<Item>', '<Item a="&amp;#60;" xmlns:b="u?a=1&amp;b=2#c">')) = vmclone.parse_ovf(:'v44') AS references_in_attributes;
-- (psql's own idea of the smiley's width differs from version to version)
SELECT replace(changed('<Name>src1<', '<Name>Zoë &quot;\\ &#x1F600; <![CDATA[<&>]]>' || E'\t' || '<') -> 'vm_static' ->> 'vm_name', U&'\+01F600', ':)') AS vm_name;

-- Refusals: SQLSTATE, key, and a message with line and element.
CREATE FUNCTION refusal(ovf text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text;
    key text;
    message text;
BEGIN
    RETURN 'read: ' || left(vmclone.parse_ovf(ovf)::text, 100);
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, key = CONSTRAINT_NAME, message = MESSAGE_TEXT;
    IF state <> 'VC018' OR key <> 'ACTION_TYPE_FAILED_VM_SNAPSHOT_HAS_NO_CONFIGURATION' OR message NOT LIKE 'VM configuration of the snapshot cannot be read: %' THEN
        RAISE;
    END IF;
    RETURN substr(message, 50);
END $$;
CREATE FUNCTION refused(old text, new text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    ovf text := (SELECT document.ovf FROM document);
BEGIN
    IF position(old IN ovf) = 0 THEN
        RAISE EXCEPTION 'the sample has no %', old;
    END IF;
    RETURN refusal(overlay(ovf PLACING new FROM position(old IN ovf) FOR length(old)));
END $$;
-- not XML, entities, document types, external references
-- (what libxml2 says differs from version to version)
SELECT x, refusal(x) NOT LIKE 'read:%' AS refused FROM unnest(ARRAY['', ' ', 'no XML', '<a>', '<a></b>', '<a/><b/>', '<a x="1" x="2"/>', '<ovf:Envelope/>', '<a>&undefined;</a>', E'<a>\x01</a>']) x;
SELECT refusal(E'<a>\n<b>\n</c></a>') LIKE 'line 3, element "b": %' AS line_and_element;
SELECT x, refusal(x) FROM unnest(ARRAY['<a/>', '<!DOCTYPE a><a/>', '<!DOCTYPE a [<!ENTITY e "text">]><a>&e;</a>', '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
    '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>', '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://192.0.2.1/x">%p;]><a/>',
    '<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><l>&c;</l>']) x;
-- an XInclude is an element like others: nothing is fetched
SELECT changed('<Name>src1<', '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/><Name>src1<') -> 'vm_static' ->> 'vm_name' AS vm_name;
-- too big, too deep, too many
SELECT refusal('<a ' || repeat('x', 100000) || '="1"/>') NOT LIKE 'read:%' AS long_name;
SELECT refusal('<a>' || repeat('x', 8 * 1024 * 1024) || '</a>') AS size, refusal(repeat('<a>', 100) || repeat('</a>', 100)) AS depth,
    refusal(repeat('<a>', 100000)) AS depth_unclosed, refusal('<a>' || repeat('<b/>', 200001) || '</a>') AS elements;
-- attributes are counted before libxml2 compares each with each: within a second for hundreds of thousands, also where tags are broken
SELECT x AS what, refusal(y) FROM (VALUES
    ('of one element', (SELECT '<a ' || string_agg(format('b%s=""', n), ' ') || '/>' FROM generate_series(1, 300000) n)),
    ('behind a quote', (SELECT '<a b="<c ' || string_agg(format('b%s=""', n), ' ') || '/>' FROM generate_series(1, 300000) n)),
    ('name spaces', (SELECT '<a ' || string_agg(format('xmlns:b%s="c"', n), ' ') || '/>' FROM generate_series(1, 257) n)),
    ('in all', '<a>' || repeat('<b c="" d="" e="" f="" g="" h="" i="" j=""/>', 50001) || '</a>')) v(x, y);
SELECT refusal((SELECT '<a ' || string_agg(format('b%s="=="', n), ' ') || '><!-- ' || repeat('=', 1000) || ' --><![CDATA[' || repeat('<a b=', 1000) || ']]></a>' FROM generate_series(1, 256) n)) AS within_bounds;
SELECT refused('</References>', repeat('<File/>', 2049) || '</References>') AS disks,
    refused('</Item>
    </Section>', '</Item>' || repeat('<Item><rasd:ResourceType>0</rasd:ResourceType></Item>', 4097) || '</Section>') AS devices,
    refused('<SpecParams><model>virtio</model>', '<SpecParams>' || repeat('<m>', 20) || 'x' || repeat('</m>', 20)) AS nested;
-- cut anywhere, it is refused
SELECT count(*) AS cuts, count(*) FILTER (WHERE refusal(left(:'v44', n)) NOT LIKE 'read:%') AS refused
FROM generate_series(0, length(rtrim(:'v44', E'\n')) - 1, 61) n;
-- parts that are missing
SELECT refusal(regexp_replace(:'v31', '<References>.*</References>', '')) AS "references",
    refusal(regexp_replace(:'v31', '<Section xsi:type="ovf:DiskSection_Type">.*?</Section>', '')) AS disk_section,
    refusal(regexp_replace(:'v31', '<Content.*</Content>', '')) AS content,
    refusal(regexp_replace(:'v31', '<Section xsi:type="ovf:VirtualHardwareSection_Type">.*?</Section>', '')) AS hardware;
-- disks that do not fit together
SELECT refused('<File ovf:href', '<File ovf:hreff') AS no_href, refused('ovf:id="1a', 'ovf:idd="1a') AS no_id, refused('<Disk ovf:diskId', '<Disk ovf:disk') AS no_disk_id;
SELECT refusal(regexp_replace(:'v44', '<File [^>]*022"[^>]*>', '')) AS disk_without_file, refusal(regexp_replace(:'v44', '<Disk [^>]*022"[^>]*>', '')) AS file_without_disk;
SELECT refusal(regexp_replace(:'v44', '(<File [^>]*>)', '\1\1')) AS file_twice, refusal(regexp_replace(:'v44', '(<Disk [^>]*>)', '\1\1')) AS disk_twice,
    refused('<rasd:InstanceId>1a000000-0000-4000-8000-000000000022<', '<rasd:InstanceId>1a000000-0000-4000-8000-000000000012<') AS item_twice,
    refused('<rasd:InstanceId>1a000000-0000-4000-8000-000000000022<', '<rasd:InstanceId>1a000000-0000-4000-8000-000000000099<') AS item_without_file,
    refused('<rasd:InstanceId>fa000000-0000-4000-8000-000000000002<', '<rasd:InstanceId>fa000000-0000-4000-8000-000000000001<') AS nic_twice;
SELECT refused('ovf:id="1a000000-0000-4000-8000-000000000012"', 'ovf:id="1a000000-0000-4000-8000-000000000013"') AS other_image;
SELECT refused('</Section>
  </Content>', '</Section><Section xsi:type="ovf:NumaNodeSection_Type"><NumaNode><Index>1</Index><MemTotal>1</MemTotal></NumaNode><NumaNode><Index>1</Index><MemTotal>1</MemTotal></NumaNode></Section></Content>') AS numa_node_twice;
-- longer than the column
SELECT left(x[1], 30) AS value, refused(x[1], x[2]) FROM (VALUES (ARRAY['<Name>src1', '<Name>' || repeat('é', 256)]), (ARRAY['<Description/>', '<Description>' || repeat('é', 4001) || '</Description>']),
    (ARRAY['<TimeZone>Etc/GMT', '<TimeZone>' || repeat('x', 41)]), (ARRAY['<rasd:Name>nic1', '<rasd:Name>' || repeat('x', 51)]), (ARRAY['<Alias>channel0', '<Alias>' || repeat('x', 256)]),
    (ARRAY['{type=pci, slot=0x03', repeat('x', 256)]), (ARRAY['<Device>unix', '<Device>' || repeat('x', 256)]), (ARRAY['src1_Disk2" ovf:wipe', repeat('x', 256) || '" ovf:wipe']),
    (ARRAY['ovf:hostname="h1"', 'ovf:hostname="h1" ovf:winKey="' || repeat('x', 31) || '"'])) v(x);
SELECT changed('<Description/>', '<Description>' || repeat('é', 4000) || '</Description>') -> 'vm_static' ->> 'description' = repeat('é', 4000) AS as_long_as_the_column;
-- values that are none
SELECT x[2] AS value, refused(x[1], x[2]) FROM (VALUES
    ('{<rasd:VirtualQuantity>1024<,<rasd:VirtualQuantity>much<}'::text[]), ('{<rasd:VirtualQuantity>1024<,<rasd:VirtualQuantity>99999999999999999999<}'),
    ('{<rasd:VirtualQuantity>1024<,<rasd:VirtualQuantity>-1<}'), ('{<rasd:VirtualQuantity>1024<,<rasd:VirtualQuantity>1e3<}'), ('{<rasd:AllocationUnits>MegaBytes<,<rasd:AllocationUnits>Pages<}'),
    ('{<rasd:num_of_sockets>2<,<rasd:num_of_sockets>0<}'), ('{<rasd:ResourceType>3<,<rasd:ResourceType>three<}'), ('{<rasd:ResourceType>3<,<rasd:Resource>3<}'),
    ('{<rasd:UsbPolicy>DISABLED<,<rasd:UsbPolicy>maybe<}'), ('{<rasd:ResourceSubType>3<,<rasd:ResourceSubType>9<}'), ('{<rasd:ResourceSubType>3<,<rasd:ResourceSubType>token-ring<}'),
    ('{<rasd:MACAddress>56:6f:00:00:00:00<,<rasd:MACAddress>56:6f<}'), ('{<rasd:InstanceId>fa000000-0000-4000-8000-000000000001<,<rasd:InstanceId>fa<}'),
    ('{<IsPlugged>true<,<IsPlugged>perhaps<}'), ('{<BootOrder>0<,<BootOrder>first<}'), ('{<quota_id>90,<quota_id>x0}'), ('{<Priority>1<,<Priority>high<}'), ('{<BiosType>1<,<BiosType>9<}'),
    ('{<DefaultDisplayType>1<,<DefaultDisplayType>7<}'), ('{<CreationDate>2021/03/04 10,<CreationDate>2021/02/30 10}'), ('{<CreationDate>2021/03/04 10,<CreationDate>yesterday}'),
    ('{<IsStateless>false<,<IsStateless>no<}'), ('{ovf:size=\"10\",ovf:size=\"1.5\"}'), ('{ovf:size=\"10\",ovf:size=\"9000000000000\"}'), ('{ovf:volume-format=\"COW\",ovf:volume-format=\"VMDK\"}'),
    ('{ovf:disk-interface=\"VirtIO\",ovf:disk-interface=\"USB\"}'), ('{ovf:boot=\"true\",ovf:boot=\"yes\"}'), ('{ovf:disk_storage_type=\"IMAGE\",ovf:disk_storage_type=\"TAPE\"}'),
    ('{ovf:regenerateKeys=\"true\",ovf:regenerateKeys=\"often\"}'), ('{ovf:id=\"a1,ovf:id=\"x1}')) v(x);
-- each refusal frees what it read: the same ones many times
SELECT count(refusal(left(:'v44', 6000 + n % 10))) AS refusals FROM generate_series(1, 500) n;
