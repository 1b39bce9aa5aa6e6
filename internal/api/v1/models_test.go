package v1_test

import (
	"testing"

	"github.com/settee/settee/internal/pool"
)

// The models that workers have, in ComfyUI's shapes, under /api and without it.
func TestModels(t *testing.T) {
	h := newHouse(t, false)
	h.api.Pools = workers{models: []pool.Folder{
		{Name: "checkpoints", Files: []string{"a.safetensors", "dir/<b>.safetensors"}},
		{Name: "loras", Files: []string{}},
		{Name: "embeddings", Files: []string{"bad.v2.pt", "dir/easy.safetensors", "none"}},
	}}
	for path, body := range map[string]string{
		"/models":                        `["checkpoints","loras","embeddings"]`,
		"/models/checkpoints":            `["a.safetensors","dir/<b>.safetensors"]`,
		"/models/loras":                  `[]`,
		"/experiment/models":             `[{"name":"checkpoints","folders":["checkpoints"]},{"name":"loras","folders":["loras"]},{"name":"embeddings","folders":["embeddings"]}]`,
		"/experiment/models/checkpoints": `[{"name":"a.safetensors","pathIndex":0},{"name":"dir/<b>.safetensors","pathIndex":0}]`,
		"/experiment/models/loras":       `[]`,
		"/embeddings":                    `["bad.v2","dir/easy","none"]`,
	} {
		h.ask("GET", "/api"+path, "").is(200, body)
		h.ask("GET", path, "").is(200, body)
	}
	for _, path := range []string{"/models/vae", "/experiment/models/vae", "/models/Checkpoints", "/models/.."} {
		h.ask("GET", "/api"+path, "").is(404, `{"code":"not_found","message":"There is no such model folder."}`)
	}
	h.send("GET", "/api/experiment/models/loras", "").is(200, `[]`) // needs no key, as in the cloud
}
