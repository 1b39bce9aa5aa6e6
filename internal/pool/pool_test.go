package pool_test

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/pool"
)

// store is a database of two pools.
type store struct {
	mu          sync.Mutex
	pools       []pool.Pool
	definitions map[string]string
	models      []string
	reads       int
}

func (s *store) Pools(context.Context, time.Time) ([]pool.Pool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	var pools []pool.Pool
	for _, p := range s.pools {
		p.Variants = slices.Clone(p.Variants)
		pools = append(pools, p)
	}
	return pools, nil
}

func (s *store) read() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}

func (s *store) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pools = s.pools[:1]
}

func (s *store) Models(context.Context, time.Time) ([]json.RawMessage, error) {
	s.reads++
	var all []json.RawMessage
	for _, m := range s.models {
		all = append(all, json.RawMessage(m))
	}
	return all, nil
}

func (s *store) Definitions(_ context.Context, hash string) (json.RawMessage, error) {
	return json.RawMessage(s.definitions[hash]), nil
}

func (s *store) Devices(context.Context, time.Time) ([]json.RawMessage, error) {
	return []json.RawMessage{json.RawMessage(`[{"name":"cpu","type":"cpu","index":null}]`), json.RawMessage(`[]`), json.RawMessage(`[{"name":"cuda:0"}]`)}, nil
}

// files gives the account "ann" four files and everybody else none.
type files struct{}

func (files) List(_ context.Context, accountID string, folder settee.FileType) ([]settee.Asset, error) {
	if accountID != "ann" || folder != settee.Input {
		return nil, nil
	}
	asset := func(name, subfolder, mime string) settee.Asset {
		return settee.Asset{File: settee.File{Filename: name, Subfolder: subfolder, Type: folder}, MIME: mime}
	}
	return []settee.Asset{asset("z.png", "", "image/png"), asset(`a "b".png`, "", "image/png"), asset("clip.mp4", "", "video/mp4"), asset("deep.png", "sub", "image/png")}, nil
}

const (
	native = `{"LoadImage": {"input": {"required": {"image": [[], {"image_upload": true}]}}, "output": ["IMAGE"]},
		"LoadImageMask": {"input": {"required": {"image": [[], {"image_upload": true}], "channel": [["alpha"]]}}},
		"EmptyImage": {"input": {"required": {"width": ["INT", {"max": 18446744073709551615}]}}}}`
	gpu = `{"LoadVideo": {"input": {"required": {"file": ["COMBO", {"multiselect": false, "options": [], "video_upload": true}]}}},
		"EmptyImage": {"other": true}}`
)

func service() (*pool.Service, *store, *time.Time) {
	now := time.Unix(1_000_000, 0)
	s := &store{
		pools:       []pool.Pool{{Name: "native", Variants: []pool.Variant{{Hash: "n"}}}, {Name: "gpu", Variants: []pool.Variant{{Hash: "g"}}}},
		definitions: map[string]string{"n": native, "g": gpu},
	}
	return pool.New(s, files{}, func() time.Time { return now }), s, &now
}

func TestObjectInfo(t *testing.T) {
	s, _, _ := service()
	for _, c := range []struct{ account, class, want string }{
		{"ann", "LoadImage", `{"LoadImage":{"input": {"required": {"image": [["a \"b\".png","z.png"], {"image_upload": true}]}}, "output": ["IMAGE"]}}`},
		{"ann", "LoadImageMask", `{"LoadImageMask":{"input": {"required": {"image": [["a \"b\".png","clip.mp4","z.png"], {"image_upload": true}], "channel": [["alpha"]]}}}}`},
		{"ann", "LoadVideo", `{"LoadVideo":{"input": {"required": {"file": ["COMBO", {"multiselect": false, "options": ["clip.mp4"], "video_upload": true}]}}}}`},
		{"bob", "LoadImage", `{"LoadImage":{"input": {"required": {"image": [[], {"image_upload": true}]}}, "output": ["IMAGE"]}}`},
		{"ann", "EmptyImage", `{"EmptyImage":{"input": {"required": {"width": ["INT", {"max": 18446744073709551615}]}}}}`},
		{"ann", "Missing", `{}`},
	} {
		got, err := s.ObjectInfo(t.Context(), c.account, c.class)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != c.want {
			t.Errorf("%s of %s:\n got %s\nwant %s", c.class, c.account, got, c.want)
		}
	}
	all, err := s.ObjectInfo(t.Context(), "ann", "")
	if err != nil {
		t.Fatal(err)
	}
	var classes map[string]json.RawMessage
	if err := json.Unmarshal(all, &classes); err != nil {
		t.Fatal(err)
	}
	if len(classes) != 4 {
		t.Errorf("%d classes in %s", len(classes), all)
	}
}

func TestPoolsAreReadAtMostOnceASecond(t *testing.T) {
	s, db, now := service()
	for range 3 {
		if _, err := s.Pools(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if db.reads != 1 {
		t.Errorf("read %d times", db.reads)
	}
	db.pools = db.pools[:1]
	*now = now.Add(2 * time.Second)
	pools, err := s.Pools(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(pools) != 1 || pools[0].Variants[0].Catalog == nil {
		t.Errorf("pools %+v", pools)
	}
}

// Who asks every few seconds does not wait for the database, and hears what is a
// second old at most; when nobody asks any more nothing is read.
func TestPoolsStayFreshWhileSomebodyAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, db, _ := service()
		s := pool.New(db, files{}, time.Now)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go s.Run(ctx)
		<-time.After(700 * time.Millisecond)
		for i, want := range []int{2, 1, 1, 1, 1} {
			synctest.Wait()
			before := db.read()
			pools, err := s.Pools(ctx)
			if err != nil || len(pools) != want {
				t.Errorf("%d pools, %v", len(pools), err)
			}
			if waited := db.read() > before; waited != (i == 0) {
				t.Errorf("ask %d waited: %t", i, waited)
			}
			<-time.After(4 * time.Second)
			db.drop()
			<-time.After(time.Second)
		}
		<-time.After(10 * time.Second)
		synctest.Wait()
		before := db.read()
		<-time.After(time.Minute)
		synctest.Wait()
		if n := db.read() - before; n > 0 {
			t.Errorf("read %d times when nobody asked", n)
		}
	})
}

func TestDevicesOfAllWorkers(t *testing.T) {
	s, _, _ := service()
	got, err := s.Devices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := `[{"name":"cpu","type":"cpu","index":null},{"name":"cuda:0"}]`; string(got) != want {
		t.Errorf("devices %s", got)
	}
}
