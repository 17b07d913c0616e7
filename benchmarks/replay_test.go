//go:build unix

package benchmarks

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/services"
)

// leastEvents keeps the start of a process from being all that is measured.
const leastEvents = 50_000

// observed is a log of orders, and the program that observes it as a process of
// its own.
type observed struct {
	*stage
	laban, config, listen string
	records               int
}

func newObserved(b *testing.B) *observed {
	dir := b.TempDir()
	o := &observed{stage: newEmptyStage(b), laban: filepath.Join(dir, "laban"), config: filepath.Join(dir, "observer.yaml")}
	build := exec.CommandContext(context.Background(), "go", "build", "-o", o.laban, "./cmd/laban")
	build.Dir = ".."
	out, err := build.CombinedOutput()
	require.NoError(b, err, string(out))
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	o.listen = free.Addr().String()
	require.NoError(b, free.Close())
	contract := filepath.Join(dir, services.OrderContractFile)
	require.NoError(b, os.WriteFile(contract, []byte(services.OrderContract()), 0o600))
	require.NoError(b, os.WriteFile(o.config, fmt.Appendf(nil, "amqp: %q\ncontracts: [%q]\nlisten: %q\nledger: none\n", o.url, contract, o.listen), 0o600))
	begun := time.Now()
	o.records = o.fillLog(max(b.N, leastEvents))
	fmt.Printf("%d records written in %v\n", o.records, time.Since(begun).Round(time.Second))
	return o
}

// effort is what a process took.
type effort struct {
	took, cpu time.Duration
	resident  int64
}

func (o *observed) effort(begun time.Time, ended *os.ProcessState) effort {
	used, ok := ended.SysUsage().(*syscall.Rusage)
	require.True(o.b, ok)
	return effort{time.Since(begun), ended.UserTime() + ended.SystemTime(), used.Maxrss * 1024}
}

// replay builds a ledger.
func (o *observed) replay(ledger string) effort {
	begun := time.Now()
	cmd := exec.CommandContext(o.b.Context(), o.laban, "replay", "--config", o.config, "--ledger", ledger)
	out, err := cmd.CombinedOutput()
	require.NoError(o.b, err, string(out))
	return o.effort(begun, cmd.ProcessState)
}

// observe observes without a ledger until the whole log has been read.
func (o *observed) observe() effort {
	begun := time.Now()
	cmd := exec.CommandContext(o.b.Context(), o.laban, "observe", "--config", o.config)
	said := filepath.Join(o.b.TempDir(), "observer.log")
	log, err := os.Create(said)
	require.NoError(o.b, err)
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(o.b, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for !o.caughtUp() {
		select {
		case err := <-ended:
			text, _ := os.ReadFile(said)
			require.FailNow(o.b, "the observer ended", "%v\n%s", err, text)
		case <-time.After(10 * time.Millisecond):
		}
	}
	took := time.Since(begun)
	require.NoError(o.b, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(o.b, <-ended)
	e := o.effort(begun, cmd.ProcessState)
	e.took = took
	return e
}

func (o *observed) caughtUp() bool {
	resp, err := http.Get("http://" + o.listen + "/api/v1/status")
	if err != nil {
		return false // it does not listen yet
	}
	defer resp.Body.Close()
	var status struct {
		Log struct {
			Offset int `json:"offset"`
		} `json:"log"`
	}
	require.NoError(o.b, json.NewDecoder(resp.Body).Decode(&status))
	return status.Log.Offset >= o.records-1
}

// report tells what a process took, beside what the bare client took.
func (o *observed) report(name string, e effort, raw time.Duration) {
	rate := float64(o.records) / e.took.Seconds()
	fmt.Printf("%-12s %8.0f records/s in %v, %.2f of amqp091-go; CPU %v, %.1f µs a record; at most %d MiB resident\n", name, rate,
		e.took.Round(time.Millisecond), raw.Seconds()/e.took.Seconds(), e.cpu.Round(time.Millisecond),
		float64(e.cpu.Microseconds())/float64(o.records), e.resident>>20)
	o.b.ReportMetric(rate, name+":records/s")
	o.b.ReportMetric(float64(e.resident), name+":B-resident")
}

// readRaw has the bare client read the log.
func (o *observed) readRaw() time.Duration {
	raw := o.rawReader(o.records)
	fmt.Printf("%-12s %8.0f records/s\n", "amqp091-go", float64(o.records)/raw.Seconds())
	return raw
}

// BenchmarkObserve reads a log of b.N events of orders by an observer without a
// ledger, in turns with a bare client that only reads it (-benchtime 200000x).
// The start of the process is in its time.
func BenchmarkObserve(b *testing.B) {
	if b.N == 1 {
		return // the harness's trial run
	}
	o := newObserved(b)
	b.ResetTimer()
	for range 3 {
		raw := o.readRaw()
		o.report("no-ledger", o.observe(), raw)
	}
	b.ReportMetric(0, "ns/op") // of all of it together: says nothing
}

// BenchmarkReplay builds ledgers from a log of b.N events of orders, in turns with
// a bare client that only reads it (-benchtime 200000x). Start and end of the
// process are in its time.
func BenchmarkReplay(b *testing.B) {
	if b.N == 1 {
		return // the harness's trial run
	}
	o := newObserved(b)
	dir := b.TempDir()
	b.ResetTimer()
	for round := range 2 {
		raw := o.readRaw()
		o.report("SQLite", o.replay(fmt.Sprintf("sqlite:%s/%d.db", dir, round)), raw)
		o.report("PostgreSQL", o.replay(testenv.PostgreSQL(b)), raw)
	}
	b.ReportMetric(0, "ns/op") // of all of it together: says nothing
}
