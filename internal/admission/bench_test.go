package admission_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/admission"
	"github.com/settee/settee/internal/pool"
	"github.com/settee/settee/internal/recording"
	"github.com/settee/settee/internal/workflow"
)

// textToImage is the workflow that ComfyUI shows first.
const textToImage = `{"3": {"class_type": "KSampler", "inputs": {"seed": 1, "steps": 20, "cfg": 8, "sampler_name": "euler", "scheduler": "normal", "denoise": 1, "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0], "latent_image": ["5", 0]}},
	"4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "shared.safetensors"}},
	"5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 512, "batch_size": 1}},
	"6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a settee", "clip": ["4", 1]}},
	"7": {"class_type": "CLIPTextEncode", "inputs": {"text": "text", "clip": ["4", 1]}},
	"8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
	"9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "ComfyUI", "images": ["8", 0]}}}`

// BenchmarkVariants admits a workflow where so many workers of a pool each have
// other models, a hundred each.
func BenchmarkVariants(b *testing.B) {
	for _, n := range []int{1, 10, 50} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := pool.Pool{Name: "gpu", Live: true}
			for i := range n {
				models := []string{"shared.safetensors"}
				for k := range 99 {
					models = append(models, fmt.Sprintf("model-%d-%d.safetensors", i, k))
				}
				list, err := json.Marshal(models)
				if err != nil {
					b.Fatal(err)
				}
				loader := []byte(`"CheckpointLoaderSimple": {"input": {"required": {"ckpt_name": [` + string(list) + `]}}, "output": ["MODEL", "CLIP", "VAE"]}}`)
				info := bytes.TrimSpace(recording.ObjectInfo())
				raw := append(append(bytes.Clone(info[:len(info)-1]), ','), loader...)
				c, err := workflow.ParseCatalog(raw)
				if err != nil {
					b.Fatal(err)
				}
				p.Variants = append(p.Variants, pool.Variant{Hash: workflow.Hash(raw), Live: true, Catalog: c})
			}
			s := admission.New(pools{p}, files{}, &taken{}, seal)
			for b.Loop() {
				if _, err := s.Admit(b.Context(), settee.Account{ID: "ann"}, admission.Request{Prompt: json.RawMessage(textToImage)}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
