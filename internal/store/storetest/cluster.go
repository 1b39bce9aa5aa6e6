package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Cluster is a PostgreSQL server in a folder of its own, on a socket there.
type Cluster struct {
	URL string // of a database that is empty at first

	dir   string
	bin   string
	flags string
	as    *syscall.SysProcAttr // PostgreSQL refuses to run as root
}

// PostgresToKill starts a server for one test alone, which waits for the disk
// as a real one does. The test is skipped when PostgreSQL is not installed.
func PostgresToKill(t testing.TB) *Cluster {
	t.Helper()
	c, err := newCluster("")
	if err == nil {
		t.Cleanup(func() {
			if err := c.remove(); err != nil {
				t.Error(err)
			}
		})
		err = c.Start()
	}
	skip(t, err)
	return c
}

// newCluster makes a server that does not run yet.
func newCluster(flags string) (c *Cluster, err error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return nil, errNone
	}
	slices.Sort(found)
	c = &Cluster{bin: filepath.Dir(found[len(found)-1])}
	if c.dir, err = os.MkdirTemp("/tmp", "settee-pg-"); err != nil {
		return nil, err
	}
	name := "postgres"
	if os.Getuid() == 0 {
		u, err := user.Lookup(name)
		if err != nil {
			if u, err = user.Lookup("nobody"); err != nil {
				return nil, err
			}
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		if err := os.Chown(c.dir, uid, gid); err != nil {
			return nil, err
		}
		c.as = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	c.flags = "-k " + c.dir + " -c listen_addresses= -c max_connections=200" + flags
	c.URL = "postgres:///postgres?" + url.Values{"host": {c.dir}, "user": {name}}.Encode()
	if err := c.run("initdb", "-U", name, "-A", "trust", "--locale=C", "-E", "UTF8", "--no-sync"); err != nil {
		return nil, errors.Join(err, os.RemoveAll(c.dir))
	}
	return c, nil
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *Cluster) run(command string, args ...string) error {
	cmd := exec.Command(filepath.Join(c.bin, command), append([]string{"-D", c.data()}, args...)...)
	cmd.SysProcAttr, cmd.Dir = c.as, c.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(c.dir, "log"))
		return fmt.Errorf("%s: %w\n%s%s", command, err, out, log)
	}
	return nil
}

// Start starts the server, after Kill too, and waits until it answers.
func (c *Cluster) Start() error {
	return c.run("pg_ctl", "start", "-w", "-l", filepath.Join(c.dir, "log"), "-o", c.flags)
}

// Restart is Start after Kill: what was killed may take a moment to go.
func (c *Cluster) Restart(t testing.TB) {
	t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(20 * time.Second); ; <-again.C {
		err := c.Start()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// Kill ends the server and all its processes with SIGKILL.
func (c *Cluster) Kill() error {
	pid, err := c.pid()
	if err != nil {
		return err
	}
	// Those of its connections are children with process groups of their own.
	all := append([]int{pid}, children(pid)...)
	for _, p := range all {
		if err := syscall.Kill(p, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

func (c *Cluster) pid() (int, error) {
	text, err := os.ReadFile(filepath.Join(c.data(), "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strconv.Atoi(first)
}

// children are a process's.
func children(parent int) (pids []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state ppid …; the name may hold anything.
		fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
		if len(fields) > 1 && string(fields[1]) == strconv.Itoa(parent) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// remove stops the server, when it runs, and deletes its folder.
func (c *Cluster) remove() error {
	var err error
	if _, gone := c.pid(); gone == nil {
		err = c.run("pg_ctl", "stop", "-w", "-m", "immediate")
	}
	return errors.Join(err, os.RemoveAll(c.dir))
}
