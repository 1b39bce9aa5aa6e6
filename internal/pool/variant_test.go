package pool_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/settee/settee/internal/pool"
)

// Definitions of workers that differ are shown as one: the first one's bytes,
// its lists longer by what only others offer.
func TestObjectInfoOfVariants(t *testing.T) {
	s, db, now := service()
	db.pools = []pool.Pool{
		{Name: "gpu", Variants: []pool.Variant{{Hash: "a"}, {Hash: "b"}}},
		{Name: "big", Variants: []pool.Variant{{Hash: "c"}}},
	}
	db.definitions = map[string]string{
		"a": `{"Load":  {"input": {"required": {"ckpt_name": [["z.ckpt", "a.ckpt"], {"tooltip": "é\u00e9"}], "n": ["INT", {"max": 18446744073709551615}]}},  "x": NaN},
			"LoadImage": {"input": {"required": {"image": [[], {"image_upload": true}], "mode": [[]]}}}, "Same": {"a": 1}}`,
		"b": `{"Load": {"input": {"required": {"ckpt_name": [["a.ckpt", "dir/ü \"q\".ckpt"]], "n": ["INT", {}]}}},
			"LoadImage": {"input": {"required": {"image": [["secret.png"], {"image_upload": true}], "mode": [["m"]]}}}, "Same": {"a": 1},
			"Up": {"input": {"optional": {"model": ["COMBO", {"options": ["x2"], "multiselect": false}]}}}}`,
		"c": `{"Load": {"input": {"required": {"ckpt_name": [["c.ckpt", "z.ckpt"]]}}}, "Up": {"input": {"optional": {"model": ["COMBO", {"options": ["x2", "x4", 8]}]}}}}`,
	}
	*now = now.Add(time.Hour)
	for class, want := range map[string]string{
		"Load": `{"Load":{"input": {"required": {"ckpt_name": [["z.ckpt", "a.ckpt", "dir/ü \"q\".ckpt", "c.ckpt"], {"tooltip": "é\u00e9"}], ` +
			`"n": ["INT", {"max": 18446744073709551615}]}},  "x": NaN}}`,
		"LoadImage": `{"LoadImage":{"input": {"required": {"image": [["a \"b\".png","z.png"], {"image_upload": true}], "mode": [["m"]]}}}}`,
		"Same":      `{"Same":{"a": 1}}`,
		"Up":        `{"Up":{"input": {"optional": {"model": ["COMBO", {"options": ["x2", "x4", 8], "multiselect": false}]}}}}`,
	} {
		got, err := s.ObjectInfo(t.Context(), "ann", class)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, string(got)); d != "" {
			t.Errorf("%s (-want +got):\n%s", class, d)
		}
	}
	// The other way round when the other worker is the one that is here.
	db.pools[0].Variants = []pool.Variant{{Hash: "b"}, {Hash: "a"}}
	*now = now.Add(time.Hour)
	got, err := s.ObjectInfo(t.Context(), "bob", "Load")
	if want := `{"Load":{"input": {"required": {"ckpt_name": [["a.ckpt", "dir/ü \"q\".ckpt", "z.ckpt", "c.ckpt"]], "n": ["INT", {}]}}}}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestModelsOfAllWorkers(t *testing.T) {
	s, db, now := service()
	none, err := s.Models(t.Context())
	if err != nil || len(none) != 0 {
		t.Fatalf("models without workers: %v, %v", none, err)
	}
	db.models = []string{`{}`, `{"loras":[],"checkpoints":["b.ckpt","dir/a.ckpt"]}`, `{"vae":["v"],"checkpoints":["B.ckpt","b.ckpt","é.ckpt"]}`}
	*now = now.Add(2 * time.Second)
	want := []pool.Folder{{Name: "loras", Files: []string{}}, {Name: "checkpoints", Files: []string{"B.ckpt", "b.ckpt", "dir/a.ckpt", "é.ckpt"}}, {Name: "vae", Files: []string{"v"}}}
	for range 3 {
		got, err := s.Models(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("models (-want +got):\n%s", d)
		}
	}
	if db.reads != 2 {
		t.Errorf("read %d times", db.reads)
	}
}
