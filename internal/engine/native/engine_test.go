package native_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/native"
	"github.com/settee/settee/internal/engine/native/node"
)

// odd are classes that misbehave.
var odd = []node.Class{
	{
		Name: "Panics", OutputNode: true,
		Run: func(*node.Call) ([]node.Value, error) { panic("at the disco") },
	},
	{
		Name: "Waits", OutputNode: true,
		Run: func(c *node.Call) ([]node.Value, error) {
			<-c.Context.Done()
			return nil, c.Err()
		},
	},
	{
		Name: "Never equal", Outputs: []node.Output{{Type: "INT"}}, Always: true,
		Run: func(*node.Call) ([]node.Value, error) { return []node.Value{1}, nil },
	},
	{
		Name: "Wrong file", OutputNode: true, Inputs: []node.Input{{Name: "image", Type: "IMAGE"}},
		Run: func(c *node.Call) ([]node.Value, error) { return []node.Value{c.Image("image")}, nil },
	},
}

// bench runs graphs on one engine.
type bench struct {
	*testing.T
	engine *native.Engine
	sink   *memory
	n      int
}

func newBench(t *testing.T, limit int64) *bench {
	return &bench{T: t, sink: newMemory(), engine: native.New(native.Options{
		MemoryLimit: limit, Classes: append(append(node.All(), standIns...), odd...),
	})}
}

// run runs a graph whose outputs are named.
func (b *bench) run(ctx context.Context, account, graph string, outputs ...string) error {
	b.Helper()
	b.n++
	id := fmt.Sprintf("p%d", b.n)
	b.sink.begin(id)
	return b.engine.Run(ctx, engine.Job{
		ID: id, PromptID: id, AccountID: account, Graph: json.RawMessage(graph), Prompt: json.RawMessage(graph),
		ExtraData: json.RawMessage(`{"api_key_comfy_org":"secret","extra_pnginfo":{"workflow":{}}}`), Outputs: outputs,
	}, b.sink)
}

// kinds are the events that were heard, without progress_state.
func (b *bench) kinds() string {
	var all []string
	for _, f := range b.sink.frames {
		if f.kind != settee.EventState {
			all = append(all, f.kind)
		}
	}
	return strings.Join(all, " ")
}

// cached is what execution_cached named.
func (b *bench) cached() []string {
	var data struct{ Nodes []string }
	for _, f := range b.sink.frames {
		if f.kind == settee.EventCached {
			if err := json.Unmarshal(f.data, &data); err != nil {
				b.Fatal(err)
			}
		}
	}
	return data.Nodes
}

// failure is what execution_error would say.
type failure struct {
	Type    string          `json:"exception_type"`
	Message string          `json:"exception_message"`
	Node    string          `json:"node_id"`
	Inputs  json.RawMessage `json:"current_inputs"`
}

func failed(t *testing.T, err error) failure {
	t.Helper()
	x, ok := errors.AsType[*engine.Failure](err)
	if !ok {
		t.Fatalf("no failure: %v", err)
	}
	var f failure
	if err := json.Unmarshal(x.Event.Data, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

const saved = `{"1":{"class_type":"EmptyImage","inputs":{"width":8,"height":8,"batch_size":1,"color":%s}},
	"2":{"class_type":"SaveImage","inputs":{"images":["1",0],"filename_prefix":"x"}}}`

func TestAPanicFailsItsOwnJobOnly(t *testing.T) {
	b := newBench(t, 0)
	f := failed(t, b.run(context.Background(), "a", `{"1":{"class_type":"Panics","inputs":{}}}`, "1"))
	if f.Type != "PanicError" || f.Message != "at the disco\n" || f.Node != "1" {
		t.Errorf("%+v", f)
	}
	if err := b.run(context.Background(), "a", fmt.Sprintf(saved, "1"), "2"); err != nil {
		t.Errorf("the next job: %v", err)
	}
}

func TestMemoryIsRefusedBeforeItIsTaken(t *testing.T) {
	b := newBench(t, 1<<30)
	f := failed(t, b.run(context.Background(), "a", `{"1":{"class_type":"EmptyImage","inputs":{"width":16384,"height":16384,"batch_size":4096,"color":0}},
		"2":{"class_type":"PreviewImage","inputs":{"images":["1",0]}}}`, "2"))
	if f.Type != "OOMError" || !strings.HasPrefix(f.Message, "Allocation of 12582912 MiB failed") {
		t.Errorf("%+v", f)
	}
	if err := b.run(context.Background(), "a", fmt.Sprintf(saved, "1"), "2"); err != nil {
		t.Errorf("the next job: %v", err)
	}
}

// A chain that is longer than the memory goes through: what no node needs any
// more is let go.
func TestALongChainFitsIntoLittleMemory(t *testing.T) {
	const size = 4*3*256*256 + 64
	b := newBench(t, 4*size)
	graph := `{"0":{"class_type":"EmptyImage","inputs":{"width":256,"height":256,"batch_size":1,"color":1}}`
	for i := 1; i <= 20; i++ {
		graph += fmt.Sprintf(`,"%d":{"class_type":"ImageInvert","inputs":{"image":["%d",0]}}`, i, i-1)
	}
	graph += `,"save":{"class_type":"SaveImage","inputs":{"images":["20",0],"filename_prefix":"x"}}}`
	if err := b.run(context.Background(), "a", graph, "save"); err != nil {
		t.Fatal(err)
	}
	if err := b.run(context.Background(), "a", graph, "save"); err != nil {
		t.Fatal(err)
	}
	if got := b.kinds(); got != "execution_start execution_cached executed" {
		t.Errorf("the second run: %s", got)
	}
}

func TestResultsDoNotCrossAccounts(t *testing.T) {
	b := newBench(t, 0)
	graph := fmt.Sprintf(saved, "1")
	for _, account := range []string{"a", "b", "a", "b"} {
		if err := b.run(context.Background(), account, graph, "2"); err != nil {
			t.Fatal(err)
		}
		want := 0
		if b.n > 2 {
			want = 2
		}
		if got := b.cached(); len(got) != want {
			t.Errorf("run %d of account %s: %v were cached", b.n, account, got)
		}
	}
}

// Temporary names belong to an account too.
func TestLettersDoNotCrossAccounts(t *testing.T) {
	b := newBench(t, 0)
	names := map[string]string{}
	for _, account := range []string{"a", "b"} {
		for _, color := range []string{"1", "2"} {
			graph := `{"1":{"class_type":"EmptyImage","inputs":{"width":8,"height":8,"batch_size":1,"color":` + color + `}},"2":{"class_type":"PreviewImage","inputs":{"images":["1",0]}}}`
			if err := b.run(context.Background(), account, graph, "2"); err != nil {
				t.Fatal(err)
			}
			name := letters.FindString(string(b.sink.output["2"]))
			if names[account] != "" && names[account] != name {
				t.Errorf("account %s has %s, then %s", account, names[account], name)
			}
			names[account] = name
		}
	}
	if names["a"] == names["b"] {
		t.Errorf("both have %s", names["a"])
	}
}

func TestEqualConstantsAreOneKey(t *testing.T) {
	b := newBench(t, 0)
	for i, c := range []struct {
		color string
		want  int
	}{{"1", 0}, {"1.0", 2}, {"true", 2}, {"2", 0}, {"NaN", 0}, {"NaN", 0}, {`"1"`, 0}, {"1", 2}} {
		// A NaN is no colour; what counts is that it is not taken for another.
		err := b.run(context.Background(), "a", fmt.Sprintf(saved, c.color), "2")
		if _, raised := errors.AsType[*engine.Failure](err); err != nil && !raised {
			t.Fatal(err)
		}
		if got := b.cached(); len(got) != c.want {
			t.Errorf("run %d, color %s: %v were cached, not %d", i, c.color, got, c.want)
		}
	}
}

func TestNothingEqualsAlways(t *testing.T) {
	b := newBench(t, 0)
	graph := `{"1":{"class_type":"Never equal","inputs":{}},"2":{"class_type":"PreviewAny","inputs":{"source":["1",0]}},
		"3":{"class_type":"PrimitiveInt","inputs":{"value":1}},"4":{"class_type":"PreviewAny","inputs":{"source":["3",0]}}}`
	for want := range 2 {
		if err := b.run(context.Background(), "a", graph, "2", "4"); err != nil {
			t.Fatal(err)
		}
		if got := b.cached(); len(got) != 2*want || want == 1 && !slices.Equal(got, []string{"3", "4"}) {
			t.Errorf("run %d: %v were cached", want+1, got)
		}
	}
}

func TestCancelStopsANodeThatRuns(t *testing.T) {
	b := newBench(t, 0)
	ctx, cancel := context.WithCancelCause(context.Background())
	b.sink.hear = func(f frame) {
		if f.kind == settee.EventExecuting {
			cancel(errors.New("the user asked"))
		}
	}
	err := b.run(ctx, "a", `{"1":{"class_type":"Waits","inputs":{}}}`, "1")
	x, ok := errors.AsType[*engine.Interrupted](err)
	if !ok || x.Event.Type != settee.EventInterrupted || string(x.Event.Data) != `{"prompt_id":"p1","node_id":"1","node_type":"Waits","executed":[]}` {
		t.Errorf("got %v", err)
	}
}

// Between nodes the next one is blamed, and what finished stays cached.
func TestCancelBetweenNodes(t *testing.T) {
	b := newBench(t, 0)
	ctx, cancel := context.WithCancel(context.Background())
	b.sink.hear = func(f frame) {
		if f.kind == settee.EventExecuting && strings.Contains(string(f.data), `"node":"2"`) {
			cancel()
		}
	}
	x, ok := errors.AsType[*engine.Interrupted](b.run(ctx, "a", fmt.Sprintf(saved, "1"), "2"))
	if !ok || !strings.Contains(string(x.Event.Data), `"node_id":"2","node_type":"SaveImage","executed":["1"]`) {
		t.Fatalf("got %v", x)
	}
	b.sink.hear = nil
	if err := b.run(context.Background(), "a", fmt.Sprintf(saved, "1"), "2"); err != nil {
		t.Fatal(err)
	}
	if got := b.cached(); !slices.Equal(got, []string{"1"}) {
		t.Errorf("%v were cached", got)
	}
}

// A run that waits for its turn can be stopped as well.
func TestCancelWhileAnotherRuns(t *testing.T) {
	b := newBench(t, 0)
	long, stop := context.WithCancel(context.Background())
	started, ended := make(chan struct{}), make(chan error)
	b.sink.hear = func(f frame) {
		if f.kind == settee.EventExecuting {
			close(started)
		}
	}
	go func() { ended <- b.run(long, "a", `{"1":{"class_type":"Waits","inputs":{}}}`, "1") }()
	<-started
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := b.engine.Run(ctx, engine.Job{PromptID: "second", AccountID: "a", Graph: json.RawMessage(`{}`)}, newMemory())
	if _, ok := errors.AsType[*engine.Interrupted](err); !ok {
		t.Errorf("got %v", err)
	}
	stop()
	if _, ok := errors.AsType[*engine.Interrupted](<-ended); !ok {
		t.Error("the first run was not interrupted")
	}
}

// A cached output whose files are gone is made again.
func TestAGoneFileIsMadeAgain(t *testing.T) {
	b := newBench(t, 0)
	if err := b.run(context.Background(), "a", fmt.Sprintf(saved, "1"), "2"); err != nil {
		t.Fatal(err)
	}
	b.sink.refuse = func(x engine.Executed) error {
		for _, k := range x.Output {
			for _, e := range k.Entries {
				if e.Old != nil {
					return settee.Faultf(settee.CodeNotFound, "the file was deleted")
				}
			}
		}
		return nil
	}
	if err := b.run(context.Background(), "a", fmt.Sprintf(saved, "1"), "2"); err != nil {
		t.Fatal(err)
	}
	if got := b.kinds(); got != "execution_start execution_cached executing executed" {
		t.Errorf("heard %s", got)
	}
	if got := string(b.sink.output["2"]); !strings.Contains(got, "x_00002_.png") {
		t.Errorf("output %s", got)
	}
}

// Trouble around the engine is not the workflow's fault.
func TestASinkInTroubleIsNoFailure(t *testing.T) {
	b := newBench(t, 0)
	lost := settee.Faultf(settee.CodeLeaseLost, "lost")
	b.sink.refuse = func(engine.Executed) error { return lost }
	if err := b.run(context.Background(), "a", fmt.Sprintf(saved, "1"), "2"); !errors.Is(err, lost) {
		t.Errorf("got %v", err)
	}
}

// An error shows what a node was given, and no secret.
func TestErrorsHoldNoSecrets(t *testing.T) {
	b := newBench(t, 0)
	err := b.run(context.Background(), "a", strings.Replace(fmt.Sprintf(saved, "1"), `"x"`, `"../../x"`, 1), "2")
	f := failed(t, err)
	if f.Type != "Exception" || !strings.HasPrefix(f.Message, "**** ERROR: Saving image outside the output folder is not allowed.\n") {
		t.Errorf("%+v", f)
	}
	if in := string(f.Inputs); strings.Contains(in, "secret") || !strings.Contains(in, `"filename_prefix":["../../x"]`) || !strings.Contains(in, `"extra_pnginfo":["{'workflow': {}}"]`) {
		t.Errorf("current_inputs %s", in)
	}
}

// A value of the wrong kind is the node's error, not a panic.
func TestWrongValuesRaise(t *testing.T) {
	b := newBench(t, 0)
	f := failed(t, b.run(context.Background(), "a", `{"1":{"class_type":"PrimitiveInt","inputs":{"value":1}},
		"2":{"class_type":"Wrong file","inputs":{"image":["1",0]}}}`, "2"))
	if f.Type != "AttributeError" || f.Message != "'int' object has no attribute 'shape'\n" {
		t.Errorf("%+v", f)
	}
	f = failed(t, b.run(context.Background(), "a", `{"2":{"class_type":"Unheard of","inputs":{}}}`, "2"))
	if f.Type != "KeyError" {
		t.Errorf("%+v", f)
	}
}

func TestACycleFails(t *testing.T) {
	b := newBench(t, 0)
	f := failed(t, b.run(context.Background(), "a", `{"1":{"class_type":"ImageInvert","inputs":{"image":["2",0]}},
		"2":{"class_type":"ImageInvert","inputs":{"image":["1",0]}},"3":{"class_type":"PreviewImage","inputs":{"images":["2",0]}}}`, "3"))
	if f.Type != "graph.DependencyCycleError" || f.Message != "Dependency cycle detected" {
		t.Errorf("%+v", f)
	}
}

// Above 200 nodes, states come ten times a second and tell what changed; the
// last says the rest.
func TestStatesOfALargeGraphAreFew(t *testing.T) {
	now := time.Unix(0, 0)
	sink := newMemory()
	e := native.New(native.Options{Now: func() time.Time { now = now.Add(time.Millisecond); return now }})
	graph := `{"0":{"class_type":"PrimitiveInt","inputs":{"value":1}}`
	var outputs []string
	for i := 1; i <= 300; i++ {
		id := fmt.Sprint(i)
		outputs = append(outputs, id)
		graph += fmt.Sprintf(`,%q:{"class_type":"PreviewAny","inputs":{"source":["0",0],"n":%d}}`, id, i)
	}
	sink.begin("p")
	if err := e.Run(context.Background(), engine.Job{PromptID: "p", AccountID: "a", Graph: json.RawMessage(graph + "}"), Prompt: json.RawMessage(graph + "}"), Outputs: outputs}, sink); err != nil {
		t.Fatal(err)
	}
	frames, bytes, final := 0, 0, map[string]string{}
	for _, f := range sink.frames {
		if f.kind != settee.EventState {
			continue
		}
		frames++
		bytes += len(f.data)
		var s struct {
			Nodes map[string]struct{ State string }
		}
		if err := json.Unmarshal(f.data, &s); err != nil {
			t.Fatal(err)
		}
		for id, n := range s.Nodes {
			final[id] = n.State
		}
	}
	if frames > 12 || bytes > 100_000 {
		t.Errorf("%d frames of %d bytes", frames, bytes)
	}
	for i := range 301 {
		if got := final[fmt.Sprint(i)]; got != "finished" {
			t.Fatalf("node %d is %q at the end", i, got)
		}
	}
}

func TestDescription(t *testing.T) {
	d, err := native.New(native.Options{MemoryLimit: 1 << 30}).Describe(context.Background())
	if err != nil || d.Engine != "native" || d.Depth != 1 {
		t.Errorf("%+v, %v", d, err)
	}
	var classes map[string]struct{ Name string }
	if err := json.Unmarshal(d.Definitions, &classes); err != nil || classes["SaveImage"].Name != "SaveImage" {
		t.Errorf("definitions: %v", err)
	}
	var devices []struct {
		Type  string
		Total int64 `json:"vram_total"`
	}
	if err := json.Unmarshal(d.Devices, &devices); err != nil || len(devices) != 1 || devices[0].Type != "cpu" || devices[0].Total != 1<<30 {
		t.Errorf("devices %s", d.Devices)
	}
}

// Forget drops an account's results and names, another's stay.
func TestForget(t *testing.T) {
	b := newBench(t, 0)
	const graph = `{"1":{"class_type":"EmptyImage","inputs":{"width":8,"height":8,"batch_size":1,"color":1}},
		"2":{"class_type":"PreviewImage","inputs":{"images":["1",0]}}}`
	shown := func(account string) (output string, cached bool) {
		t.Helper()
		if err := b.run(t.Context(), account, graph, "2"); err != nil {
			t.Fatal(err)
		}
		return string(b.sink.output["2"]), !slices.ContainsFunc(b.sink.frames, func(f frame) bool { return f.kind == settee.EventExecuting })
	}
	ann, _ := shown("ann")
	bob, _ := shown("bob")
	b.engine.Forget("ann")
	if again, cached := shown("bob"); !cached || again != bob {
		t.Errorf("bob's results went with ann's: %s", again)
	}
	if again, cached := shown("ann"); cached || again == ann {
		t.Errorf("ann's results were still there: %s", again)
	}
	if _, cached := shown("ann"); !cached {
		t.Error("results are no longer kept after Forget")
	}
}

// What is asked for while a job runs happens once it is over.
func TestForgetWhileAJobRuns(t *testing.T) {
	b := newBench(t, 0)
	b.sink.hear = func(f frame) {
		if f.kind == settee.EventExecuting {
			b.engine.Forget("a")
		}
	}
	const graph = `{"1":{"class_type":"EmptyImage","inputs":{"width":8,"height":8,"batch_size":1,"color":1}},
		"2":{"class_type":"PreviewImage","inputs":{"images":["1",0]}}}`
	for range 2 {
		ran := 0
		if err := b.run(t.Context(), "a", graph, "2"); err != nil {
			t.Fatal(err)
		}
		for _, f := range b.sink.frames {
			if f.kind == settee.EventExecuting {
				ran++
			}
		}
		if ran != 2 {
			t.Errorf("%d nodes ran, want 2", ran)
		}
	}
}

// What a job may hold does not depend on those that run beside it.
func TestParallelRunsHaveTheirShares(t *testing.T) {
	const side = 256
	one := int64(side * side * 3 * 4)
	e := native.New(native.Options{MemoryLimit: 4 * 3 * one, Parallel: 4})
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			graph := fmt.Sprintf(`{"1":{"class_type":"EmptyImage","inputs":{"width":%d,"height":%d,"batch_size":1,"color":%d}},
				"2":{"class_type":"ImageInvert","inputs":{"image":["1",0]}},
				"3":{"class_type":"PreviewImage","inputs":{"images":["2",0]}}}`, side, side, i)
			err := e.Run(t.Context(), engine.Job{
				PromptID: fmt.Sprint(i), AccountID: fmt.Sprint("account ", i%3), Graph: json.RawMessage(graph), Prompt: json.RawMessage(graph),
				ExtraData: json.RawMessage("{}"), Outputs: []string{"3"},
			}, newMemory())
			if err != nil {
				t.Errorf("run %d: %v", i, err)
			}
		})
	}
	all.Wait()
}
