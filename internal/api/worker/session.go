package worker

import (
	"context"
	"net/http"
	"slices"
	"sync"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/api"
	"github.com/settee/settee/internal/pool"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/wire"
)

// versions says what is spoken here, to whoever has a token: GET /versions.
func (a *API) versions(w http.ResponseWriter, _ *http.Request) error {
	api.WriteJSON(w, http.StatusOK, wire.Range{Min: wire.Min, Max: wire.Max})
	return nil
}

// openSession starts a session: POST /sessions.
func (a *API) openSession(w http.ResponseWriter, r *http.Request) error {
	var in wire.Hello
	if err := read(w, r, wire.MaxOpen, &in); err != nil {
		return err
	}
	version := in.Versions.Common(wire.Range{Min: wire.Min, Max: wire.Max})
	if version == 0 {
		return noVersion()
	}
	token, d := api.Token(r.Context()), in.Engine.Description()
	if d.Devices == nil {
		d.Devices = []byte("[]")
	}
	if err := pool.Check(d); err != nil {
		return err
	}
	if err := settee.CheckWorker(in.Name); err != nil {
		return err
	}
	if in.Pool == "" {
		if in.Pool = token.Pool; in.Pool == "" {
			in.Pool = d.Engine
		}
	}
	if err := settee.CheckPool(in.Pool); err != nil {
		return err
	}
	if token.Pool != "" && in.Pool != token.Pool {
		return settee.Faultf(settee.CodeForbidden, "The token is for workers of pool %s.", token.Pool)
	}
	s, err := a.opt.Queue.OpenFor(r.Context(), token.ID, in.Name, in.Pool, d)
	if err != nil {
		return err
	}
	a.sessions.add(s, version)
	a.opt.Log.Info("a worker came", "worker", in.Name, "pool", s.Pool, "session", s.ID, "token", token.ID)
	api.WriteJSON(w, http.StatusCreated, wire.Opened{Version: version, Session: s.ID, Worker: s.WorkerID, Pool: s.Pool,
		Depth: s.Depth, LeaseMS: a.opt.Queue.Lease().Milliseconds()})
	return nil
}

// closeSession ends a session; what it held goes back to the queue: DELETE
// /sessions/{session}.
func (a *API) closeSession(w http.ResponseWriter, r *http.Request) error {
	s, err := a.session(r)
	if err != nil {
		return err
	}
	if err := a.opt.Queue.Close(r.Context(), s); err != nil {
		return err
	}
	a.forget(s.ID)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// session is the request's, which must be its token's. Another token's looks
// like none. Whether it is still open is for the unit that needs it.
func (a *API) session(r *http.Request) (queue.Session, error) {
	s, err := a.sessions.find(r.Context(), a.opt.Queue, api.Param(r, "session"))
	if err == nil && s.KeyID != api.Token(r.Context()).ID {
		err = settee.Faultf(settee.CodeLeaseLost, "the session is over")
	}
	return s, err
}

// forget drops what is remembered of a session.
func (a *API) forget(session string) {
	a.sessions.drop(session)
	a.uploads.drop(session)
	a.batches.drop(session)
}

// sessions remembers what never changes of a session: whose it is, and the version
// that it speaks.
type sessions struct {
	mu     sync.Mutex
	known  map[string]known
	forget map[string][]string // by session: accounts
}

type known struct {
	queue.Session
	version int // 0: it was opened at another server, or before this one was started
}

// remembers is how many sessions are kept in mind.
const remembers = 10_000

func (s *sessions) add(ses queue.Session, version int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known) >= remembers {
		s.known = map[string]known{}
	}
	s.known[ses.ID] = known{ses, version}
}

// speaks refuses what came with a version of the protocol to a session that is known
// to speak an older one.
func (s *sessions) speaks(id string, version int, what string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.known[id].version; v != 0 && v < version {
		return settee.Faultf(settee.CodeInvalid, "%s is of version %d of the protocol; this session speaks version %d.", what, version, v)
	}
	return nil
}

func (s *sessions) drop(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, id)
	delete(s.forget, id)
}

// Forget has the workers that are here forget the results they keep for an
// account, soon: their next renewal tells them.
func (a *API) Forget(accountID string) {
	s := &a.sessions
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.forget == nil {
		s.forget = map[string][]string{}
	}
	for id := range s.known {
		if all := s.forget[id]; len(all) < maxForget && !slices.Contains(all, accountID) {
			s.forget[id] = append(all, accountID)
		}
	}
}

// maxForget is how many accounts a session is told of at once.
const maxForget = 1000

func (s *sessions) forgotten(id string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.forget[id]
	delete(s.forget, id)
	return all
}

func (s *sessions) find(ctx context.Context, q Queue, id string) (queue.Session, error) {
	s.mu.Lock()
	here, ok := s.known[id]
	s.mu.Unlock()
	if ok {
		return here.Session, nil
	}
	ses, err := q.Session(ctx, id)
	if err == nil {
		s.add(ses, 0)
	}
	return ses, err
}
