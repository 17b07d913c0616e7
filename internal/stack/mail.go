package stack

import (
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// mail catches the mails of the services and of Alertmanager: Mailpit, where its
// program is found, and what this repository has in its stead elsewhere.
func (s *Stack) mail() part {
	return part{
		name: "mail", what: "mail, of customers and on-call", page: s.settings.page("MAILPIT_PORT"), signal: syscall.SIGTERM, patience: 5 * time.Second,
		command: func() (*exec.Cmd, error) {
			bin, err := program("mailpit")
			if err != nil {
				bin = filepath.Join(s.programs, "mailcatcher")
			}
			cmd := exec.Command(bin, "--listen", s.settings.at("MAILPIT_PORT"), "--smtp", s.settings.at("MAILPIT_SMTP_PORT")) //nolint:noctx // lives on
			cmd.Dir, cmd.Env = s.folder, environment([]string{"MP_"})
			return cmd, nil
		},
		ready: answers(s.settings.url("MAILPIT_PORT") + "/readyz"),
	}
}
