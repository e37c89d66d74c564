# The command vmclone for a terminal: a script over psql, its manual page, and bash's completion for it.
TERMINAL_COMPLETIONS = /usr/share/bash-completion/completions

build/terminal/vmclone: src/terminal/vmclone src/terminal/import.sh src/terminal/report.sh extension/vmclone.control
	@mkdir -p $(@D)
	sed -e '/^# @IMPORT@$$/{r src/terminal/import.sh' -e 'd}' -e '/^# @REPORT@$$/{r src/terminal/report.sh' -e 'd}' -e 's/@VERSION@/$(EXTVERSION)/' $< > $@.tmp
	chmod 755 $@.tmp
	mv $@.tmp $@

all: build/terminal/vmclone
install: install-terminal
uninstall: uninstall-terminal

install-terminal: build/terminal/vmclone
	$(MKDIR_P) '$(DESTDIR)$(bindir)' '$(DESTDIR)$(mandir)/man1' '$(DESTDIR)$(TERMINAL_COMPLETIONS)'
	$(INSTALL_SCRIPT) build/terminal/vmclone '$(DESTDIR)$(bindir)/vmclone'
	$(INSTALL_DATA) docs/man/vmclone.1 '$(DESTDIR)$(mandir)/man1/vmclone.1'
	$(INSTALL_DATA) src/terminal/completion.bash '$(DESTDIR)$(TERMINAL_COMPLETIONS)/vmclone'

uninstall-terminal:
	rm -f '$(DESTDIR)$(bindir)/vmclone' '$(DESTDIR)$(mandir)/man1/vmclone.1' '$(DESTDIR)$(TERMINAL_COMPLETIONS)/vmclone'

.PHONY: install-terminal uninstall-terminal
