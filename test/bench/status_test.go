package bench

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkStatus is polls of jobs that wait, over 64 connections, and of jobs
// that have ended.
func BenchmarkStatus(b *testing.B) {
	s := house(b)
	accounts(b, s.Data, connections)
	drain(b, s.Data, true)
	c, err := dial(s.URL)
	if err != nil {
		b.Fatal(err)
	}
	defer c.conn.Close()
	polls, plain := make([][]byte, connections), make([][]byte, connections)
	for i := range connections {
		var receipt struct {
			ID string `json:"prompt_id"`
		}
		status, body, err := c.do(request("POST", "/api/prompt", key(i), prompt(i, "")))
		if err != nil || status != 200 || json.Unmarshal(body, &receipt) != nil {
			b.Fatal(status, string(body), err)
		}
		polls[i] = request("GET", "/api/job/"+receipt.ID+"/status", key(i), nil)
		plain[i] = request("GET", fmt.Sprintf("/bench-%d/%s", i, receipt.ID), "", nil)
	}
	under := floor(b, "status "+filepath.Join(s.Data, "settee.db"))
	measure := func(what string) {
		var cost [2]float64 // of the server's processor, in µs a poll
		poll := func(who int, url string, pid int, requests [][]byte) func() float64 {
			return func() float64 {
				const d = 1500 * time.Millisecond
				before := processor(pid)
				answered := rate(b, url, d, func(i int) []byte { return requests[i] })
				cost[who] += float64((processor(pid) - before).Microseconds()) / (answered * d.Seconds()) / 5
				return answered
			}
		}
		ours, floor := versus(5, poll(0, s.URL, s.PID(), polls), poll(1, under.url, under.cmd.Process.Pid, plain))
		compare(what, ours, floor, "/s", .8, true)
		add(row{"… processor time of a poll", figure(cost[0]) + " µs", figure(cost[1]) + " µs", figure(cost[1] / cost[0]), "", true})
	}
	measure(fmt.Sprintf("status polls of waiting jobs, %d connections", connections))
	drain(b, s.Data, false)
	settle(b, s.Data)
	measure(fmt.Sprintf("status polls of ended jobs, %d connections", connections))
}

// settle waits until no job waits or runs.
func settle(b *testing.B, data string) {
	b.Helper()
	db := database(b, data)
	defer db.Close()
	deadline := time.Now().Add(time.Minute)
	for {
		var n int
		if err := db.QueryRow(`SELECT count(*) FROM jobs WHERE state IN ('pending', 'in_progress') AND lane = 'native'`).Scan(&n); err != nil {
			b.Fatal(err)
		}
		if n == 0 {
			return
		}
		if time.Now().After(deadline) {
			b.Fatalf("%d jobs have not ended", n)
		}
		<-time.After(50 * time.Millisecond)
	}
}
