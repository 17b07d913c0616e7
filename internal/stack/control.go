package stack

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/laban-io/laban/internal/testenv/server"
)

// Control runs rabbitmqctl on the stack's node, and returns what it prints.
func (s *Stack) Control(ctx context.Context, args ...string) (string, error) {
	bin, err := server.RabbitMQPrograms()
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "rabbitmqctl"), args...)
	cmd.Dir, cmd.Env = s.file("rabbitmq"), s.erlang()
	text, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("rabbitmqctl %s: %w: %s", strings.Join(args, " "), err, text)
	}
	return string(text), nil
}
