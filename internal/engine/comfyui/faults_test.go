package comfyui_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/comfyui"
	"github.com/settee/settee/internal/engine/comfyui/comfyuitest"
	"github.com/settee/settee/internal/pyjson"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// plainJob makes two pictures and a text.
func plainJob() engine.Job {
	return job(`{"1": {"class_type": "EmptyImage", "inputs": {"width": 2, "height": 2}},
		"2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "a/cat"}},
		"3": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
		"4": {"class_type": "FakeText", "inputs": {"text": "hello"}}}`, "2", "3", "4")
}

// plainKinds are its frames on a good server.
var plainKinds = []string{"execution_start", "execution_cached",
	"progress_state", "executing", "progress_state",
	"progress_state", "executing", "executed", "progress_state",
	"progress_state", "executing", "executed", "progress_state",
	"progress_state", "executing", "executed", "progress_state"}

// whole checks that all outputs of plainJob came, each once.
func (b *bench) whole() {
	b.Helper()
	if n := b.sink.count(settee.EventExecuted); n != 3 {
		b.Errorf("executed came %d times", n)
	}
	if n := b.sink.count(settee.EventStart); n != 1 {
		b.Errorf("execution_start came %d times", n)
	}
	if k := b.sink.kinds(); k[0] != settee.EventStart {
		b.Errorf("first came %s", k[0])
	}
	for id, want := range map[string]string{
		"2": `{"images":[{"filename":"cat_00001_.png","subfolder":"a","type":"output"}]}`,
		"4": `{"text":["hello"]}`,
	} {
		if have := string(b.sink.outputs[id]); have != want {
			b.Errorf("output of node %s: %s, not %s", id, have, want)
		}
	}
	if len(b.sink.files) != 2 {
		b.Errorf("%d files were made", len(b.sink.files))
	}
}

func TestFramesComeInComfyUIsOrder(t *testing.T) {
	b := setUp(t, nil)
	b.mustRun(plainJob())
	b.whole()
	same(t, "frames", b.sink.kinds(), plainKinds)
}

// Wherever the socket drops, and whichever frame is lost, the run ends with all
// that was made.
func TestLostFramesCostNothing(t *testing.T) {
	for n := 1; n <= 20; n++ {
		t.Run(fmt.Sprintf("socket drops at frame %d", n), func(t *testing.T) {
			b := setUp(t, nil)
			b.server.Fail(comfyuitest.Faults{DropSocket: n})
			b.mustRun(plainJob())
			b.whole()
		})
	}
	for _, kind := range []string{"execution_start", "execution_cached", "executing", "executed", "progress_state", "execution_success"} {
		t.Run("no "+kind, func(t *testing.T) {
			b := setUp(t, nil)
			b.server.Fail(comfyuitest.Faults{Lose: func(_ int, k string) bool { return k == kind }})
			b.mustRun(plainJob())
			b.whole()
		})
	}
	for n := 1; n <= 20; n++ {
		t.Run(fmt.Sprintf("frame %d is lost", n), func(t *testing.T) {
			b := setUp(t, nil)
			b.server.Fail(comfyuitest.Faults{Lose: func(k int, _ string) bool { return k == n }})
			b.mustRun(plainJob())
			b.whole()
		})
	}
	t.Run("no frame at all", func(t *testing.T) {
		b := setUp(t, nil)
		b.server.Fail(comfyuitest.Faults{Lose: func(int, string) bool { return true }})
		b.mustRun(plainJob())
		b.whole()
	})
}

// A process that dies is the engine's trouble, at whatever frame, and the next
// run works.
func TestDyingComfyUIIsNotTheJobsFault(t *testing.T) {
	for _, n := range []int{1, 2, 5, 9, 17} {
		t.Run(fmt.Sprintf("at frame %d", n), func(t *testing.T) {
			b := setUp(t, func(o *comfyui.Options) { o.Patience = 200 * time.Millisecond })
			b.server.Fail(comfyuitest.Faults{Die: n})
			if err := b.run(plainJob()); !errors.Is(err, comfyui.ErrUnreachable) {
				t.Fatalf("%v", err)
			}
			b.server.Restart()
			b.sink.begin("client-1")
			b.mustRun(plainJob())
		})
	}
}

func TestComfyUIThatRestartedAndForgot(t *testing.T) {
	b := setUp(t, nil)
	started := b.sink.until(executing("1"))
	go func() {
		<-started
		b.server.Restart()
	}()
	err := b.run(job(`{"1": {"class_type": "FakeWait", "inputs": {"name": "w"}}}`, "1"))
	if !errors.Is(err, comfyui.ErrLost) {
		t.Fatalf("%v", err)
	}
}

func TestForgottenHistory(t *testing.T) {
	t.Run("all frames were heard", func(t *testing.T) {
		b := setUp(t, nil)
		b.server.Fail(comfyuitest.Faults{ForgetHistory: true})
		b.mustRun(plainJob())
		b.whole()
	})
	t.Run("the socket dropped", func(t *testing.T) {
		b := setUp(t, nil)
		b.server.Fail(comfyuitest.Faults{ForgetHistory: true, DropSocket: 6})
		if err := b.run(plainJob()); !errors.Is(err, comfyui.ErrLost) {
			t.Fatalf("%v", err)
		}
	})
	t.Run("it claims success in silence", func(t *testing.T) {
		b := setUp(t, nil)
		b.server.Fail(comfyuitest.Faults{SilentSuccess: true, Lose: func(_ int, kind string) bool { return kind == settee.EventSuccess }})
		if err := b.run(plainJob()); !errors.Is(err, comfyui.ErrLost) {
			t.Fatalf("%v", err)
		}
	})
}

// Answers that are wrong, cut or missing are asked for again.
func TestBadAnswers(t *testing.T) {
	broken := []comfyuitest.Answer{{Status: 500, Body: "trouble"}, {Status: 200, Body: "<html>"}, {Status: 200, Body: "[]"}, {Truncate: true}, {Status: 0}}
	for _, path := range []string{"GET /history", "GET /queue"} {
		for i, a := range broken {
			t.Run(fmt.Sprintf("%s %d", path, i), func(t *testing.T) {
				b := setUp(t, nil)
				b.server.Fail(comfyuitest.Faults{DropSocket: 8, Answers: map[string][]comfyuitest.Answer{path: {a, a, a}}})
				b.mustRun(plainJob())
				b.whole()
			})
		}
	}
	for i, a := range []comfyuitest.Answer{{Late: true}, {Truncate: true}} {
		t.Run(fmt.Sprintf("the answer to the prompt is lost %d", i), func(t *testing.T) {
			b := setUp(t, nil)
			b.server.Fail(comfyuitest.Faults{Answers: map[string][]comfyuitest.Answer{"POST /prompt": {a}}})
			b.mustRun(plainJob())
			b.whole()
			if n := len(b.server.Log().Prompts); n != 1 {
				t.Errorf("posted %d times", n)
			}
		})
	}
	for i, a := range []comfyuitest.Answer{{Status: 500}, {Status: 0}, {Status: 200, Body: "{}"}} {
		t.Run(fmt.Sprintf("the prompt does not arrive %d", i), func(t *testing.T) {
			b := setUp(t, nil)
			b.server.Fail(comfyuitest.Faults{Answers: map[string][]comfyuitest.Answer{"POST /prompt": {a}}})
			err := b.run(plainJob())
			if _, failed := errors.AsType[*engine.Failure](err); err == nil || failed {
				t.Fatalf("%v", err)
			}
		})
	}
}

func TestSilenceIsNotSuccess(t *testing.T) {
	b := setUp(t, func(o *comfyui.Options) { o.Silence = time.Second })
	err := b.run(job(`{"1": {"class_type": "FakeWait", "inputs": {"name": "w"}}}`, "1"))
	if !errors.Is(err, comfyui.ErrSilent) || !strings.Contains(err.Error(), "in node 1") {
		t.Fatalf("%v", err)
	}
	if !b.server.Idle() {
		t.Error("the prompt still runs")
	}
}

// A node's exception is the job's own failure, in the client's terms.
func TestNodeErrors(t *testing.T) {
	b := setUp(t, nil)
	j := job(`{"7": {"class_type": "FakeRaise", "inputs": {"kind": "ValueError", "text": "no tok-12345 here\n"}}}`, "7")
	j.ExtraData = json.RawMessage(`{"auth_token_comfy_org": "tok-12345"}`)
	err := b.run(j)
	failure, ok := errors.AsType[*engine.Failure](err)
	if !ok || failure.Event.Type != settee.EventError {
		t.Fatalf("%v", err)
	}
	v := pyjson.Of(string(failure.Event.Data))
	graph := pyjson.Repr(pyjson.Of(string(j.Prompt)))
	want := map[string]string{
		"prompt_id": "client-1", "node_id": "7", "node_type": "FakeRaise", "exception_type": "ValueError",
		"exception_message": "no [REDACTED] here\n",
		"current_inputs":    `{'text': ['no [REDACTED] here\n'], 'prompt': [` + pyjson.ReprText(strings.ReplaceAll(graph, "tok-12345", "[REDACTED]")) + `], 'auth_token': ['[REDACTED]']}`,
	}
	for k, w := range want {
		if have := pyjson.Str(v.Get(k)); have != w && !(k == "current_inputs" && strings.ReplaceAll(have, "tok-12345", "[REDACTED]") == w) {
			t.Errorf("%s: %s\nnot %s", k, have, w)
		}
	}
	if sent := string(b.server.Log().Prompts[0]); !strings.Contains(sent, `"auth_token_comfy_org": "tok-12345"`) {
		t.Errorf("the key was not handed over: %s", sent)
	}
}

// A partner key that is also a number or a word of JSON hides neither: what ComfyUI
// says stays JSON, and the key is hidden in every text.
func TestRedactionStaysInsideTexts(t *testing.T) {
	b := setUp(t, nil)
	j := job(`{"1": {"class_type": "FakeText", "inputs": {"text": "x"}}}`, "1")
	j.ExtraData = json.RawMessage(`{"auth_token_comfy_org": "2014", "api_key_comfy_org": "null"}`)
	b.server.Run(func(y *comfyuitest.Play) {
		y.Say("execution_start", "")
		y.Say("execution_cached", `, "nodes": []`)
		y.Show("1", `{"text": ["\u2014 2014null"], "list": [2014, null, {"size": 120145, "key": "2014"}]}`, "1")
		y.Say("execution_success", "")
	})
	b.mustRun(j)
	want := `{'text': ['— [REDACTED][REDACTED]'], 'list': [2014, None, {'size': 120145, 'key': '[REDACTED]'}]}`
	if have := pyjson.Repr(pyjson.Of(string(b.sink.outputs["1"]))); have != want {
		t.Errorf("%s\nnot %s", have, want)
	}
}

func TestBlockedNodeIsNoEnding(t *testing.T) {
	b := setUp(t, nil)
	b.mustRun(job(`{"1": {"class_type": "FakeBlocked", "inputs": {}}}`, "1"))
	if n := b.sink.count(settee.EventError); n != 1 {
		t.Errorf("execution_error came %d times", n)
	}
}

func TestOutOfMemoryIsTriedOnceMore(t *testing.T) {
	graph := `{"1": {"class_type": "FakeText", "inputs": {"text": "before"}}, "2": {"class_type": "FakeRaise", "inputs": {"kind": "torch.OutOfMemoryError", "text": "Allocation on device", "times": %d}}}`
	t.Run("and works", func(t *testing.T) {
		b := setUp(t, nil)
		b.mustRun(job(fmt.Sprintf(graph, 1), "1", "2"))
		if l := b.server.Log(); l.Freed != 1 || len(l.Prompts) != 2 {
			t.Errorf("freed %d times, %d prompts", l.Freed, len(l.Prompts))
		}
		if n := b.sink.count(settee.EventExecuted); n != 1 {
			t.Errorf("executed came %d times", n)
		}
	})
	t.Run("and fails as such", func(t *testing.T) {
		b := setUp(t, nil)
		_, ok := errors.AsType[*engine.Failure](b.run(job(fmt.Sprintf(graph, 5), "1", "2")))
		if l := b.server.Log(); !ok || l.Freed != 1 || len(l.Prompts) != 2 {
			t.Errorf("failure %v, freed %d times, %d prompts", ok, l.Freed, len(l.Prompts))
		}
	})
}

func TestDeviceFaultIsNotTheJobsFault(t *testing.T) {
	b := setUp(t, func(o *comfyui.Options) { o.Patience = 2 * time.Second })
	fault := job(`{"1": {"class_type": "FakeRaise", "inputs": {"kind": "RuntimeError", "text": "CUDA error: an illegal memory access was encountered"}}}`, "1")
	if err := b.run(fault); !errors.Is(err, comfyui.ErrFault) {
		t.Fatalf("%v", err)
	}
	sick := comfyuitest.Answer{Status: 500, Body: "no device"}
	b.server.Fail(comfyuitest.Faults{Answers: map[string][]comfyuitest.Answer{"GET /system_stats": {sick, sick, sick, sick, sick, sick, sick, sick, sick}}})
	if err := b.run(plainJob()); !errors.Is(err, comfyui.ErrFault) {
		t.Fatalf("a job ran on a failed device: %v", err)
	}
	b.server.Fail(comfyuitest.Faults{})
	b.sink.begin("client-1")
	b.mustRun(plainJob())
}

// What kills ComfyUI is not sent.
func TestPoisonIsNotSent(t *testing.T) {
	chain := `{"0": {"class_type": "FakeText", "inputs": {"text": "x"}}`
	for i := 1; i <= 950; i++ {
		chain += fmt.Sprintf(`, "%d": {"class_type": "FakeText", "inputs": {"text": ["%d", 0]}}`, i, i-1)
	}
	for name, j := range map[string]engine.Job{
		"no inputs":          job(`{"1": {"class_type": "FakeText", "inputs": {"text": "x"}}, "2": {"class_type": "FakeText"}}`, "1"),
		"null inputs":        job(`{"1": {"class_type": "FakeText", "inputs": {"text": "x"}}, "2": {"class_type": "FakeText", "inputs": null}}`, "1"),
		"no class":           job(`{"1": {"class_type": "FakeText", "inputs": {"text": "x"}}, "2": {"inputs": {}}}`, "1"),
		"a number":           job(`{"1": {"class_type": "FakeText", "inputs": {"text": "x"}}, "2": 5}`, "1"),
		"a link to nowhere":  job(`{"1": {"class_type": "FakeText", "inputs": {"text": ["9", 0]}}}`, "1"),
		"a circle":           job(`{"1": {"class_type": "FakeText", "inputs": {"text": ["2", 0]}}, "2": {"class_type": "FakeText", "inputs": {"text": ["1", 0]}}}`, "1"),
		"a chain of 951":     job(chain+"}", "950"),
		"extra_data is null": {ID: "x", PromptID: "client-1", Graph: json.RawMessage(`{}`), Prompt: json.RawMessage(`{}`), ExtraData: json.RawMessage(`null`)},
	} {
		t.Run(name, func(t *testing.T) {
			b := setUp(t, nil)
			err := b.run(j)
			if _, ok := errors.AsType[*engine.Failure](err); !ok {
				t.Errorf("%v", err)
			}
			if n := len(b.server.Log().Prompts); n > 0 {
				t.Error("it was sent")
			}
		})
	}
}

func TestRefusedPromptFailsWithComfyUIsWords(t *testing.T) {
	b := setUp(t, nil)
	err := b.run(job(`{"1": {"class_type": "NoSuchNode", "inputs": {}}}`, "1"))
	failure, ok := errors.AsType[*engine.Failure](err)
	if !ok || !strings.Contains(string(failure.Event.Data), "node NoSuchNode does not exist") || !failure.Refused {
		t.Errorf("%+v", err)
	}
}

// A refusal names the classes that it is about. Of one class the engine tells what
// it tells of it among all, also when the account's files have come since.
func TestRefusalsNameTheirClasses(t *testing.T) {
	b := setUp(t, nil)
	d, err := b.engine.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.mustRun(b.loadJob("cat.png", "pixels"))
	failure, ok := errors.AsType[*engine.Failure](b.run(job(`{"1": {"class_type": "LoadImage", "inputs": {"image": "none.png"}}, "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0]}}}`, "2")))
	if !ok || !failure.Refused {
		t.Fatal("it was not refused")
	}
	same(t, "classes", failure.Classes, []string{"LoadImage"})
	for _, class := range []string{"LoadImage", "CheckpointLoaderSimple", "FakeText"} {
		have, err := b.engine.Class(t.Context(), class)
		if want := pyjson.Of(string(d.Definitions)).Get(class).Raw(); err != nil || !bytes.Equal(have, want) {
			t.Errorf("%s: %v\n%s\nnot %s", class, err, have, want)
		}
	}
	if _, err := b.engine.Class(t.Context(), "NoSuchNode"); err == nil {
		t.Error("it tells of a class that is none")
	}
	if n := b.server.Log().Described; n != 1 {
		t.Errorf("it described all %d times", n)
	}
}

// A coordinator that takes no more ends the run, and the prompt with it.
func TestSinkErrorEndsTheRun(t *testing.T) {
	b := setUp(t, nil)
	lost := settee.Faultf(settee.CodeLeaseLost, "lost")
	b.sink.refuse = func(kind string) error {
		if kind == settee.EventExecuting {
			return lost
		}
		return nil
	}
	err := b.run(job(`{"1": {"class_type": "FakeWait", "inputs": {"name": "w"}}}`, "1"))
	if settee.CodeOf(err) != settee.CodeLeaseLost {
		t.Fatalf("%v", err)
	}
	if !b.server.Idle() {
		t.Error("the prompt still runs")
	}
}

func TestDescribe(t *testing.T) {
	b := setUp(t, nil)
	d, err := b.engine.Describe(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if d.Engine != "comfyui" || d.Version != "0.3.64" || d.Depth != 1 || string(d.Models) != `{"checkpoints":["dreams.safetensors"],"loras":[]}` {
		t.Errorf("%s %s, depth %d, models %s", d.Engine, d.Version, d.Depth, d.Models)
	}
	if !json.Valid(d.Definitions) || !strings.Contains(string(d.Devices), `"type": "cpu"`) {
		t.Errorf("definitions of %d bytes, devices %s", len(d.Definitions), d.Devices)
	}
	have, want := pyjson.Of(string(d.Definitions)), pyjson.Of(string(comfyuitest.Definitions()))
	var names, all []string
	for _, m := range have.Members() {
		names = append(names, m.Key)
	}
	for _, m := range want.Members() {
		all = append(all, m.Key)
	}
	same(t, "classes", names, all)
	for class, spec := range map[string]string{
		"LoadImage": `[[], {"image_upload": true}]`, "LoadVideo": `["COMBO", {"multiselect": false, "options": [], "video_upload": true}]`,
	} {
		input := have.Get(class).Get("input").Get("required").Members()[0].Value
		if got := string(pyjson.Dump(input)); got != spec {
			t.Errorf("%s: %s, not %s", class, got, spec)
		}
	}
}
