package bench

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/settee/settee/test/process"
)

// BenchmarkIdle is how soon a server is ready, the first time and later, and
// what it takes when nobody asks for anything.
func BenchmarkIdle(b *testing.B) {
	bin := process.Build(b)
	var first, later, memory []float64
	for range 3 {
		dir := b.TempDir()
		for _, into := range []*[]float64{&first, &later} {
			took, mib := start(b, bin, dir)
			*into, memory = append(*into, took.Seconds()), append(memory, mib)
		}
	}
	bound("start to ready, the first time", median(first), " s", .3, false)
	bound("start to ready, later", median(later), " s", .3, false)
	bound("idle, resident", median(memory), " MiB", 60, false)
}

// start starts a server, is how long it took to be ready and its memory two
// seconds later, and stops it.
func start(b *testing.B, bin, dir string) (time.Duration, float64) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	cmd := exec.Command(bin, "serve", "--listen", address, "--data", dir, "--log-level", "warn")
	cmd.Stderr = os.Stderr
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Signal(os.Interrupt)
	for {
		if res, err := http.Get("http://" + address + "/readyz"); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				break
			}
		}
		if time.Since(began) > 30*time.Second {
			b.Fatal("it does not get ready")
		}
		<-time.After(time.Millisecond)
	}
	took := time.Since(began)
	<-time.After(2 * time.Second)
	return took, resident(cmd.Process.Pid)
}
