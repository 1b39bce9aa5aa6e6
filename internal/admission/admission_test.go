package admission_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/admission"
	"github.com/settee/settee/internal/pool"
	"github.com/settee/settee/internal/queue"
	"github.com/settee/settee/internal/workflow"
)

const (
	emptyImage = `"EmptyImage":{"input":{"required":{"width":["INT",{"min":1,"max":16384}]}},"output":["IMAGE"],"output_node":false}`
	saveImage  = `"SaveImage":{"input":{"required":{"images":["IMAGE"],"filename_prefix":["STRING",{}]}},"output":[],"output_node":true}`
	sampler    = `"KSampler":{"input":{"required":{"seed":["INT",{}]}},"output":["IMAGE"],"output_node":false}`
	loadImage  = `"LoadImage":{"input":{"required":{"image":[[],{"image_upload":true}]}},"output":["IMAGE","MASK"],"output_node":false}`
)

// pools are the pools of a test, by their definitions.
type pools []pool.Pool

func (p pools) Pools(context.Context) ([]pool.Pool, error) { return p, nil }

func newPool(t *testing.T, name string, classes ...string) pool.Pool {
	t.Helper()
	return pool.Pool{Name: name, Variants: []pool.Variant{variant(t, classes...)}, Live: true, Generation: 7}
}

func variant(t *testing.T, classes ...string) pool.Variant {
	t.Helper()
	text := []byte("{" + strings.Join(classes, ",") + "}")
	c, err := workflow.ParseCatalog(text)
	if err != nil {
		t.Fatal(err)
	}
	return pool.Variant{Hash: workflow.Hash(text), Catalog: c}
}

// files are the account "ann"'s names.
type files map[string]settee.Blob

func (f files) Account(accountID string) workflow.Files {
	if accountID != "ann" {
		return files{}
	}
	return f
}

func (f files) Resolve(_ context.Context, reference string, _ settee.FileType) (settee.Blob, bool, error) {
	b, ok := f[reference]
	return b, ok, nil
}

// taken is a queue that keeps what was submitted last.
type taken struct{ queue.Submission }

func (q *taken) Submit(_ context.Context, s queue.Submission) (settee.Job, error) {
	q.Submission = s
	return settee.Job{ID: "id", PromptID: "p"}, nil
}

func seal(plain []byte) (string, error) { return "sealed:" + string(plain), nil }

const graph = `{"1": {"class_type": "EmptyImage", "inputs": {"width": "64"}}, "9": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "a"}}}`

func TestAdmitKeepsTheBytes(t *testing.T) {
	q := &taken{}
	native := newPool(t, "native", emptyImage, saveImage)
	can := []queue.Variant{{Pool: "native", Nodes: native.Variants[0].Hash}}
	s := admission.New(pools{native}, files{}, q, seal)
	receipt, err := s.Admit(t.Context(), settee.Account{ID: "ann"}, admission.Request{
		Prompt:    json.RawMessage(graph),
		ExtraData: json.RawMessage(`{"n": NaN, "api_key_comfy_org": "k-1", "extra_pnginfo": {"workflow": {"big": 18446744073709551615}}}`),
		ClientID:  "tab",
	})
	if err != nil {
		t.Fatal(err)
	}
	if receipt.Job.ID != "id" {
		t.Errorf("receipt %+v", receipt)
	}
	want := queue.Submission{
		AccountID: "ann", ClientID: "tab", Lane: queue.LaneOf([]string{"native"}, can), Kind: q.Kind,
		Fit:     queue.Fit{Variants: can, Needs: json.RawMessage(`{"classes":["EmptyImage","SaveImage"]}`), Generation: 7},
		Secrets: json.RawMessage(`"sealed:{\"api_key_comfy_org\":\"k-1\"}"`),
		Graph: settee.Graph{
			Prompt:    json.RawMessage(graph),
			Edits:     []settee.Edit{{Start: strings.Index(graph, `"64"`), End: strings.Index(graph, `"64"`) + 4, Text: "64"}},
			ExtraData: json.RawMessage(`{"n": NaN, "api_key_comfy_org": "[REDACTED]", "extra_pnginfo": {"workflow": {"big": 18446744073709551615}}, "client_id": "tab"}`),
			Outputs:   []string{"9"},
		},
	}
	if q.Kind == "" {
		t.Error("the job is of no kind")
	}
	if d := cmp.Diff(want, q.Submission); d != "" {
		t.Errorf("submitted (-want +got):\n%s", d)
	}
}

func TestAdmitWithoutExtraData(t *testing.T) {
	q := &taken{}
	s := admission.New(pools{newPool(t, "native", emptyImage, saveImage)}, files{}, q, seal)
	if _, err := s.Admit(t.Context(), settee.Account{ID: "ann"}, admission.Request{Prompt: json.RawMessage(graph), ClientID: `a"b`}); err != nil {
		t.Fatal(err)
	}
	if got := string(q.Graph.ExtraData); got != `{"client_id": "a\"b"}` {
		t.Errorf("extra_data %s", got)
	}
	if q.Secrets != nil {
		t.Errorf("secrets %s of a job without any", q.Secrets)
	}
}

// A key that comes twice is no way past the redaction.
func TestPartnerKeysThatComeTwice(t *testing.T) {
	for extra, want := range map[string][2]string{
		`{"api_key_comfy_org": "k-1", "n": 1, "api_key_comfy_org": "k-2"}`: {
			`{"api_key_comfy_org": "[REDACTED]", "n": 1, "api_key_comfy_org": "[REDACTED]"}`, `"sealed:{\"api_key_comfy_org\":\"k-2\"}"`},
		`{"api_key_comfy_org": "k-1", "api_key_\u0063omfy_org": null}`: {`{"api_key_comfy_org": "[REDACTED]", "api_key_\u0063omfy_org": null}`, ``},
	} {
		q := &taken{}
		s := admission.New(pools{newPool(t, "native", emptyImage, saveImage)}, files{}, q, seal)
		if _, err := s.Admit(t.Context(), settee.Account{ID: "ann"}, admission.Request{Prompt: json.RawMessage(graph), ExtraData: json.RawMessage(extra)}); err != nil {
			t.Fatal(err)
		}
		if got := [2]string{string(q.Graph.ExtraData), string(q.Secrets)}; got != want {
			t.Errorf("%s became %q, want %q", extra, got, want)
		}
	}
}

func TestLaneIsThePoolsThatCanRunIt(t *testing.T) {
	q := &taken{}
	both := pools{newPool(t, "native", emptyImage, saveImage), newPool(t, "gpu", emptyImage, saveImage, sampler)}
	s := admission.New(both, files{}, q, seal)
	if _, err := s.Admit(t.Context(), settee.Account{ID: "ann"}, admission.Request{Prompt: json.RawMessage(graph)}); err != nil {
		t.Fatal(err)
	}
	if q.Lane.Name() != "gpu+native" {
		t.Errorf("lane %q of a job that both can run", q.Lane)
	}
	sampled := `{"3":{"class_type":"KSampler","inputs":{"seed":18446744073709551615}},"9":{"class_type":"SaveImage","inputs":{"images":["3",0],"filename_prefix":"a"}}}`
	if _, err := s.Admit(t.Context(), settee.Account{ID: "ann"}, admission.Request{Prompt: json.RawMessage(sampled)}); err != nil {
		t.Fatal(err)
	}
	if q.Lane.Name() != "gpu" {
		t.Errorf("lane %q of a job that only gpu can run", q.Lane)
	}

	// Nobody knows Missing; gpu knows the more of the rest, so its word counts.
	missing := `{"3":{"class_type":"KSampler","inputs":{"seed":1}},"4":{"class_type":"Missing","inputs":{}},"9":{"class_type":"SaveImage","inputs":{"images":["3",0],"filename_prefix":"a"}}}`
	_, err := s.Admit(t.Context(), settee.Account{ID: "ann"}, admission.Request{Prompt: json.RawMessage(missing)})
	refused, ok := errors.AsType[*admission.Refused](err)
	if !ok || refused.Refusal.Message != "Cannot execute because node Missing does not exist." {
		t.Errorf("refused with %v", err)
	}
}

func TestFilesArePinnedAndOthersAreNotThere(t *testing.T) {
	q := &taken{}
	s := admission.New(pools{newPool(t, "native", loadImage, saveImage)}, files{"cat.png": {Hash: "h", Size: 3}}, q, seal)
	load := json.RawMessage(`{"1":{"class_type":"LoadImage","inputs":{"image":"cat.png"}},"9":{"class_type":"SaveImage","inputs":{"images":["1",0],"filename_prefix":"a"}}}`)
	if _, err := s.Admit(t.Context(), settee.Account{ID: "ann"}, admission.Request{Prompt: load}); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]settee.JobInput{{Node: "1", Input: "image", Reference: "cat.png", Hash: "h", Size: 3}}, q.Graph.Inputs); d != "" {
		t.Errorf("pinned (-want +got):\n%s", d)
	}
	_, err := s.Admit(t.Context(), settee.Account{ID: "bob"}, admission.Request{Prompt: load})
	if _, ok := errors.AsType[*admission.Refused](err); !ok {
		t.Errorf("another account's file was found: %v", err)
	}
}

func TestNoWorkerYet(t *testing.T) {
	s := admission.New(pools{}, files{}, &taken{}, seal)
	_, err := s.Admit(t.Context(), settee.Account{ID: "ann"}, admission.Request{Prompt: json.RawMessage(graph)})
	if settee.CodeOf(err) != settee.CodeUnavailable {
		t.Errorf("error %v", err)
	}
}
