package store

import (
	"encoding/hex"
	"encoding/json"
	"sync"
	"time"

	"github.com/zeebo/blake3"

	"github.com/settee/settee/internal/queue"
)

// needs is what a job needs of a worker: none when any worker of its lane's pools
// will do.
type needs struct {
	digest string
	body   json.RawMessage
	known  bool // written down not long ago
}

// save writes needs down, so that they stay for the time being.
func (n needs) save(tx *Tx, now time.Time) error {
	if n.known || n.digest == "" {
		return nil
	}
	_, err := tx.Exec(`INSERT INTO needs (digest, body, used_at) VALUES ($1, $2, $3)
		ON CONFLICT (digest) DO UPDATE SET used_at = excluded.used_at`, n.digest, n.body, now)
	return err
}

// needsSeen remembers which needs were written down and when, so that most jobs
// need not: they would wait for each other at the same row.
type needsSeen struct {
	mu sync.Mutex
	at map[string]time.Time // by digest
}

// needsRemembered is how many needs are kept in mind.
const needsRemembered = 10_000

func (s *needsSeen) of(body json.RawMessage, now time.Time) needs {
	if body == nil {
		return needs{}
	}
	sum := blake3.Sum256(body)
	n := needs{digest: hex.EncodeToString(sum[:16]), body: body}
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.at[n.digest]
	n.known = ok && now.Sub(at) < needsKept
	return n
}

// saved says that needs have been written down, for good.
func (s *needsSeen) saved(n needs, now time.Time) {
	if n.known || n.digest == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at == nil || len(s.at) >= needsRemembered {
		s.at = map[string]time.Time{}
	}
	s.at[n.digest] = now
}

// openLane lets n jobs of the account, which were compared with the variants of
// a generation, wait in a lane that those variants can run: all of the lane's
// pools' workers when nil.
func (a *account) openLane(tx *Tx, lane queue.Lane, can []queue.Variant, generation, n int64) error {
	queued, err := a.enterLane(tx, lane, generation, n)
	if err != nil || queued > n {
		return err
	}
	if can == nil {
		for _, pool := range lane.Pools() {
			if _, err := tx.Exec(`INSERT INTO lane_pools (pool, lane) VALUES ($1, $2)
				ON CONFLICT (pool, lane) DO NOTHING`, pool, lane); err != nil {
				return err
			}
		}
	}
	_, err = serveLane(tx, lane, can)
	return err
}

// enterLane counts n more jobs of the account in its row of a lane, and answers
// how many there are.
func (a *account) enterLane(tx *Tx, lane queue.Lane, generation, n int64) (queued int64, err error) {
	err = tx.QueryRow(`INSERT INTO lanes (account_id, lane, queued, pass, ready, judged) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (account_id, lane) DO UPDATE SET queued = lanes.queued + excluded.queued,
			judged = CASE WHEN lanes.queued > 0 AND lanes.judged < excluded.judged THEN lanes.judged ELSE excluded.judged END
		RETURNING queued`, a.id, lane, n, a.pass, false, generation).Scan(&queued)
	return queued, err
}

// serveLane writes down which variants serve a lane; news says that one did not
// before.
func serveLane(tx *Tx, lane queue.Lane, can []queue.Variant) (news bool, err error) {
	for _, v := range can {
		n, err := tx.Exec(`INSERT INTO lane_variants (pool, definitions, lane) VALUES ($1, $2, $3)
			ON CONFLICT (pool, definitions, lane) DO NOTHING`, v.Pool, v.Nodes, lane)
		if err != nil {
			return false, err
		}
		news = news || n > 0
	}
	return news, nil
}
