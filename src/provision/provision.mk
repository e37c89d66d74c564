# The provisioning program for plain LVM (vmclone.provision_command).
install: install-provision
uninstall: uninstall-provision

install-provision:
	$(MKDIR_P) '$(DESTDIR)$(bindir)'
	$(INSTALL_SCRIPT) src/provision/vmclone-provision-lvm '$(DESTDIR)$(bindir)/vmclone-provision-lvm'

uninstall-provision:
	rm -f '$(DESTDIR)$(bindir)/vmclone-provision-lvm'

.PHONY: install-provision uninstall-provision
