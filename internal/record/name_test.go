package record_test

import (
	"slices"
	"testing"

	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/record"
)

func TestCounters(t *testing.T) {
	for name, want := range map[string][]record.Counter{
		"x_00007_.png":                  {{"x", 7}},
		"x_1_00050_.png":                {{"x", 1}, {"x_1", 50}},
		"y_00003_.txt":                  {{"y", 3}},
		"_5_":                           {{"", 5}},
		"x_12":                          {{"x", 12}},
		"x_7.png":                       nil,
		"y_junk_.png":                   nil,
		"x__.png":                       nil,
		"x_-3_.png":                     nil,
		"x_1234567890123456_.png":       nil, // no counter gets there
		"ComfyUI_temp_abcde_00002_.png": {{"ComfyUI_temp_abcde", 2}},
	} {
		if got := record.Counters(name); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestFileName(t *testing.T) {
	f := engine.NewFile{Prefix: "cat", Suffix: "_.png"}
	for n, want := range map[int64]string{1: "cat_00001_.png", 99999: "cat_99999_.png", 100000: "cat_100000_.png"} {
		same(t, "name", record.FileName(f, n), want)
	}
}
