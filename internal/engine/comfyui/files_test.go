package comfyui_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/engine/comfyui"
	"github.com/settee/settee/internal/engine/comfyui/comfyuitest"
	"github.com/settee/settee/internal/pyjson"
)

// loadJob reads one picture under a name of the account's.
func (b *bench) loadJob(reference, content string) engine.Job {
	graph := `{"1": {"class_type": "LoadImage", "inputs": {"image": ` + string(pyjson.Quote(reference)) + `}}, "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "out"}}}`
	j := job(graph, "2")
	j.Inputs = []settee.JobInput{b.sink.input("1", "image", reference, content)}
	return j
}

// sent is the value of an input in the n-th graph that ComfyUI got.
func (b *bench) sent(n int, node, input string) string {
	return pyjson.Of(string(b.server.Log().Prompts[n])).Get("prompt").Get(node).Get("inputs").Get(input).Text()
}

func TestInputsAreStagedFlatAndOnce(t *testing.T) {
	b := setUp(t, nil)
	j := b.loadJob(`my photos/Öl "1".png [output]`, "pixels")
	hash := j.Inputs[0].Hash[:12]
	b.mustRun(j)
	want := hash + "-_l__1_.png"
	if have := b.sent(0, "1", "image"); have != want {
		t.Errorf("sent %q, not %q", have, want)
	}
	b.sink.begin("client-1")
	j.ID = "00000000-0000-4000-8000-000000000002"
	b.mustRun(j)
	same(t, "uploads", b.server.Log().Uploaded, []string{want})
	if seen := b.sink.everything(); strings.Contains(seen, hash) {
		t.Errorf("clients see the staged name: %s", seen)
	}
}

func TestMissingStagedFileIsBroughtAgain(t *testing.T) {
	b := setUp(t, nil)
	j := b.loadJob("cat.png", "pixels")
	b.mustRun(j)
	b.server.EmptyInput()
	b.sink.begin("client-1")
	j.ID = "00000000-0000-4000-8000-000000000002"
	b.mustRun(j)
	if n := len(b.server.Log().Uploaded); n != 2 {
		t.Errorf("%d uploads", n)
	}
}

func TestBrokenUploadIsTriedAgain(t *testing.T) {
	b := setUp(t, nil)
	b.server.Fail(comfyuitest.Faults{Answers: map[string][]comfyuitest.Answer{"POST /upload/image": {{Status: 0}, {Late: true}}}})
	b.mustRun(b.loadJob("cat.png", "pixels"))
}

// Errors name the client's file, not the staged one.
func TestErrorsNameTheClientsFile(t *testing.T) {
	b := setUp(t, nil)
	j := b.loadJob("dir/cat.png", "pixels")
	staged := j.Inputs[0].Hash[:12] + "-cat.png"
	b.server.Run(func(y *comfyuitest.Play) {
		y.Say("execution_start", "")
		y.Raise("1", "LoadImage", "PIL.UnidentifiedImageError", "cannot identify image file '/x/input/"+staged+"'", `{"image": ["`+staged+`"]}`)
	})
	failure, ok := errors.AsType[*engine.Failure](b.run(j))
	if !ok {
		t.Fatal("no failure")
	}
	v := pyjson.Of(string(failure.Event.Data))
	if have := v.Get("exception_message").Text(); have != "cannot identify image file '/x/input/dir/cat.png'" {
		t.Error(have)
	}
	if have := pyjson.Repr(v.Get("current_inputs")); have != "{'image': ['dir/cat.png']}" {
		t.Error(have)
	}
}

// A result that ComfyUI has in its cache is fetched and named once for an
// account, and never shown to another one.
func TestCachedResultsStayInTheAccount(t *testing.T) {
	b := setUp(t, nil)
	b.mustRun(plainJob())
	first := string(b.sink.outputs["2"])
	b.sink.begin("client-1")
	b.mustRun(plainJob())
	if have := string(b.sink.outputs["2"]); have != first {
		t.Errorf("a cached output: %s, not %s", have, first)
	}
	same(t, "frames", b.sink.kinds(), []string{"execution_start", "execution_cached", "executed", "progress_state", "executed", "progress_state", "executed", "progress_state"})
	if n := len(b.server.Log().Viewed); n != 2 {
		t.Errorf("%d downloads", n)
	}
	other := newMemory("client-1")
	bob := plainJob()
	bob.AccountID = "bob"
	b.sink = other
	b.mustRun(bob)
	same(t, "bob's frames", other.kinds(), slices.Delete(slices.Clone(plainKinds), 2, 5)) // only EmptyImage is shared
	b.whole()
	salt := b.sent(0, "2", "settee_account")
	if bobs := b.sent(2, "2", "settee_account"); salt == "" || bobs == "" || salt == bobs || b.sent(0, "4", "settee_account") != salt {
		t.Errorf("salts %q and %q", salt, bobs)
	}
	if have := b.sent(0, "1", "settee_account"); have != "" {
		t.Error("a node that is no output is salted: its work cannot be shared")
	}
	if strings.Contains(b.sink.everything(), "settee_account") || strings.Contains(b.sink.everything(), salt) {
		t.Error("clients see the salt")
	}
}

// A cached output whose files were withdrawn, with the attempt that made them or
// by their user, is made again by the next attempt.
func TestWithdrawnFilesAreMadeAgain(t *testing.T) {
	b := setUp(t, nil)
	b.mustRun(plainJob())
	b.sink.files = map[settee.File][]byte{}
	b.sink.begin("client-1")
	err := b.run(plainJob())
	if _, failed := errors.AsType[*engine.Failure](err); settee.CodeOf(err) != settee.CodeNotFound || failed {
		t.Fatalf("%v", err)
	}
	b.sink.begin("client-1")
	b.mustRun(plainJob())
	same(t, "frames", b.sink.kinds(), plainKinds)
	if len(b.sink.files) != 2 || b.server.Log().Freed == 0 {
		t.Errorf("%d files, freed %d times", len(b.sink.files), b.server.Log().Freed)
	}
}

// A client cannot write another account's salt.
func TestForgedSaltIsReplaced(t *testing.T) {
	b := setUp(t, nil)
	b.mustRun(plainJob())
	stolen := b.sent(0, "4", "settee_account")
	forged := job(`{"4": {"class_type": "FakeText", "inputs": {"text": "hello", "settee_account": "`+stolen+`"}}}`, "4")
	forged.AccountID = "eve"
	b.sink = newMemory("client-1")
	b.mustRun(forged)
	if have := b.sent(1, "4", "settee_account"); have == stolen || have == "" {
		t.Errorf("sent %q", have)
	}
	if n := b.sink.count(settee.EventExecuting); n != 1 {
		t.Error("it was served from another account's cache")
	}
}

// What ComfyUI keeps of nodes that are no outputs may be another account's: its
// words are shown, its files are not fetched.
func TestCachedFilesOfUnsaltedNodesAreNotFetched(t *testing.T) {
	b := setUp(t, nil)
	b.server.Write(comfyuitest.File{Type: "output", Filename: "theirs_00001_.png"}, []byte("theirs"))
	b.server.Run(func(y *comfyuitest.Play) {
		y.Say("execution_start", "")
		y.Say("execution_cached", `, "nodes": ["1"]`)
		y.Show("1", `{"images": [{"filename": "theirs_00001_.png", "subfolder": "", "type": "output"}]}`, "1")
		y.Show("4", `{"text": ["x"]}`, "4")
		y.Say("execution_success", "")
	})
	b.mustRun(plainJob())
	if n := len(b.sink.files); n > 0 || len(b.server.Log().Viewed) > 0 {
		t.Errorf("%d files were fetched", n)
	}
}

func TestOutputsOfEveryKind(t *testing.T) {
	for _, c := range []struct{ key, name, kind, folder, want string }{
		{"images", "cat_00003_.png", "output", "", `{"filename":"cat_00001_.png","subfolder":"","type":"output","format": "x/y"}`},
		{"gifs", "anim_00007.mp4", "output", "vhs", `{"filename":"anim_00001.mp4","subfolder":"vhs","type":"output","format": "x/y"}`},
		{"video", "v_00001_.webm", "temp", "", `{"filename":"v_00001_.webm","subfolder":"","type":"temp","format": "x/y"}`},
		{"audio", "tone_100000_.flac", "output", "a/b", `{"filename":"tone_00001_.flac","subfolder":"a/b","type":"output","format": "x/y"}`},
		{"3d", "mesh.glb", "output", "3d", `{"filename":"mesh.glb","subfolder":"3d","type":"output","format": "x/y"}`},
		{"latents", "l_00001_.latent", "output", "", `{"filename":"l_00001_.latent","subfolder":"","type":"output","format": "x/y"}`},
	} {
		b := setUp(t, nil)
		b.mustRun(job(fmt.Sprintf(`{"1": {"class_type": "FakeFile", "inputs": {"key": %q, "name": %q, "content": "bytes", "type": %q, "subfolder": %q}}}`, c.key, c.name, c.kind, c.folder), "1"))
		if have := string(b.sink.outputs["1"]); have != `{"`+c.key+`":[`+c.want+`]}` {
			t.Errorf("%s: %s", c.key, have)
		}
		for f, content := range b.sink.files {
			if string(content) != "bytes" {
				t.Errorf("%v: %q", f, content)
			}
		}
		if len(b.sink.files) != 1 {
			t.Errorf("%s: %d files", c.key, len(b.sink.files))
		}
	}
}

// A name that leads out of the folders, or to somebody's input, is only a name.
func TestNamesThatAreNotFetched(t *testing.T) {
	for _, entry := range []string{
		`{"filename": "../../etc/passwd", "subfolder": "", "type": "output"}`, `{"filename": "passwd", "subfolder": "../..", "type": "output"}`,
		`{"filename": "passwd", "subfolder": "/etc", "type": "output"}`, `{"filename": "..", "subfolder": "", "type": "output"}`,
		`{"filename": "0123456789ab-theirs.png", "subfolder": "", "type": "input"}`, `{"filename": "x.png", "subfolder": "", "type": "root"}`,
	} {
		b := setUp(t, nil)
		b.server.Write(comfyuitest.File{Type: "input", Filename: "0123456789ab-theirs.png"}, []byte("theirs"))
		b.server.Run(func(y *comfyuitest.Play) {
			y.Say("execution_start", "")
			y.Send("executing", `{"node": "4", "prompt_id": "`+y.ID()+`"}`)
			y.Show("4", `{"images": [`+entry+`]}`, "4")
			y.Say("execution_success", "")
		})
		b.mustRun(plainJob())
		if len(b.sink.files) > 0 || len(b.server.Log().Viewed) > 0 {
			t.Errorf("%s was fetched", entry)
		}
	}
}

// An input that a node shows again keeps the client's name.
func TestInputShownAgain(t *testing.T) {
	b := setUp(t, nil)
	j := b.loadJob("dir/cat.png", "pixels")
	b.server.Run(func(y *comfyuitest.Play) {
		y.Say("execution_start", "")
		y.Show("2", `{"images": [{"filename": "`+j.Inputs[0].Hash[:12]+`-cat.png", "subfolder": "", "type": "input"}]}`, "2")
		y.Say("execution_success", "")
	})
	b.mustRun(j)
	if have := string(b.sink.outputs["2"]); have != `{"images":[{"filename":"cat.png","subfolder":"dir","type":"input"}]}` {
		t.Error(have)
	}
}

func TestDownloadsResume(t *testing.T) {
	content := strings.Repeat("0123456789abcdef", 1<<16) // 1 MiB
	for name, f := range map[string]comfyuitest.Faults{
		"cut three times":        {CutView: []int{100, 0, 500_000}},
		"a server without Range": {CutView: []int{300_000}, IgnoreRange: true},
		"an answer of 500":       {Answers: map[string][]comfyuitest.Answer{"GET /view": {{Status: 500}}}},
	} {
		t.Run(name, func(t *testing.T) {
			b := setUp(t, nil)
			b.server.Fail(f)
			b.mustRun(job(`{"1": {"class_type": "FakeFile", "inputs": {"key": "video", "name": "v_00001_.mkv", "content": "`+content+`"}}}`, "1"))
			for _, have := range b.sink.files {
				if string(have) != content {
					t.Errorf("%d bytes came", len(have))
				}
			}
			if len(b.sink.files) != 1 {
				t.Error("no file came")
			}
		})
	}
}

// The picture's text is the graph that the client reads back.
func TestPictureCarriesTheClientsGraph(t *testing.T) {
	b := setUp(t, nil)
	j := b.loadJob("my cat.png", "pixels")
	b.server.Run(func(y *comfyuitest.Play) {
		marked := strings.Replace(y.Graph(), `"class_type": "LoadImage"`, `"class_type": "LoadImage", "is_changed": ["ab12"]`, 1)
		b.server.Write(comfyuitest.File{Type: "output", Filename: "out_00001_.png"}, comfyuitest.Picture(marked))
		y.Say("execution_start", "")
		y.Send("executing", `{"node": "2", "prompt_id": "`+y.ID()+`"}`)
		y.Show("2", `{"images": [{"filename": "out_00001_.png", "subfolder": "", "type": "output"}]}`, "2")
		y.Say("execution_success", "")
	})
	b.mustRun(j)
	want := comfyuitest.Picture(`{"1": {"class_type": "LoadImage", "inputs": {"image": "my cat.png"}, "is_changed": ["ab12"]}, "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "out"}}}`)
	for f, have := range b.sink.files {
		if !bytes.Equal(have, want) {
			t.Errorf("%v:\n%q\nnot\n%q", f, have, want)
		}
	}
	if len(b.sink.files) != 1 {
		t.Error("no file came")
	}
}

// Where ComfyUI's folders can be reached, files go there and come from there,
// and do not stay.
func TestFoldersOfOurOwnProcess(t *testing.T) {
	var p *supervised
	b := setUp(t, func(o *comfyui.Options) {
		dir := t.TempDir()
		p = &supervised{folders: comfyui.Folders{Input: filepath.Join(dir, "input"), Output: filepath.Join(dir, "output"), Temp: filepath.Join(dir, "temp")}}
		for _, d := range []string{p.folders.Input, p.folders.Output, p.folders.Temp} {
			if err := os.Mkdir(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		o.Process, o.Staged = p, 1
	})
	p.server = b.server
	for i, name := range []string{"a.png", "b.png"} {
		j := b.loadJob(name, "pixels of "+name)
		staged := filepath.Join(p.folders.Input, j.Inputs[0].Hash[:12]+"-"+name)
		b.server.Run(func(y *comfyuitest.Play) {
			if have, err := os.ReadFile(staged); err != nil || string(have) != "pixels of "+name {
				t.Errorf("%s: %q, %v", staged, have, err)
			}
			if err := os.WriteFile(filepath.Join(p.folders.Output, "out_00009_.png"), []byte("made"), 0o644); err != nil {
				t.Error(err)
			}
			y.Say("execution_start", "")
			y.Send("executing", `{"node": "2", "prompt_id": "`+y.ID()+`"}`)
			y.Show("2", `{"images": [{"filename": "out_00009_.png", "subfolder": "", "type": "output"}]}`, "2")
			y.Raise("2", "SaveImage", "ValueError", "in "+p.folders.Output+"/x", "{}")
		})
		b.server.Trust()
		b.sink.begin("client-1")
		failure, ok := errors.AsType[*engine.Failure](b.run(j))
		if !ok || !bytes.Contains(failure.Event.Data, []byte(`"in /ComfyUI/x"`)) {
			t.Errorf("the machine's folder is told: %v", failure)
		}
		want := fmt.Sprintf(`{"images":[{"filename":"out_%05d_.png","subfolder":"","type":"output"}]}`, i+1)
		if have := string(b.sink.outputs["2"]); have != want {
			t.Errorf("%s, not %s", have, want)
		}
	}
	b.engine.Close()
	if left := names(t, p.folders.Output); len(left) > 0 {
		t.Errorf("output still holds %q", left)
	}
	if left := names(t, p.folders.Input); len(left) != 1 || !strings.HasSuffix(left[0], "-b.png") {
		t.Errorf("input holds %q", left)
	}
}

func names(t *testing.T, dir string) (all []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// Previews carry the client's prompt id; history and extra_data are handed over
// and not kept.
func TestPreviewsAndTidiness(t *testing.T) {
	b := setUp(t, nil)
	j := job(`{"1": {"class_type": "FakeProgress", "inputs": {"steps": 2}}}`, "1")
	j.ExtraData = json.RawMessage(`{"api_key_comfy_org": "key-1", "extra_pnginfo": {"workflow": {"seed": 18446744073709551615}}}`)
	b.mustRun(j)
	b.engine.Close()
	n := 0
	for _, f := range b.sink.frames {
		if f.kind != "" {
			continue
		}
		n++
		if f.node != "1" || f.wanted || !bytes.Contains(f.binary, []byte(`"prompt_id": "client-1"`)) || !bytes.HasSuffix(f.binary, []byte("\xff\xd8\xff picture")) {
			t.Errorf("node %s, wanted %v: %q", f.node, f.wanted, f.binary)
		}
	}
	if n != 2 {
		t.Errorf("%d previews", n)
	}
	l := b.server.Log()
	if !slices.Equal(l.Forgotten, []string{j.ID}) {
		t.Errorf("forgotten %q", l.Forgotten)
	}
	if !bytes.Contains(l.Prompts[0], j.ExtraData) {
		t.Errorf("extra_data: %s", l.Prompts[0])
	}
}

// A model that a viewer names as text comes when this run made it; a name that
// somebody typed brings nothing.
func TestModelsNamedAsText(t *testing.T) {
	b := setUp(t, nil)
	b.server.WriteAt(comfyuitest.File{Type: "output", Subfolder: "mesh", Filename: "new.glb"}, []byte("new"), time.Now().Add(time.Hour))
	b.server.Write(comfyuitest.File{Type: "output", Subfolder: "mesh", Filename: "theirs.glb"}, []byte("theirs"))
	b.server.Run(func(y *comfyuitest.Play) {
		y.Say("execution_start", "")
		for _, id := range []string{"2", "3"} {
			y.Send("executing", `{"node": "`+id+`", "prompt_id": "`+y.ID()+`"}`)
		}
		y.Show("2", `{"result": ["mesh/new.glb", null]}`, "2")
		y.Show("3", `{"result": ["mesh/theirs.glb", {"x": 1}]}`, "3")
		y.Say("execution_success", "")
	})
	j := plainJob()
	b.mustRun(j)
	name := j.ID[:8] + "-new.glb"
	for id, want := range map[string]string{
		"2": `{"result":["mesh/` + name + `",null],"3d":[{"filename":"` + name + `","subfolder":"mesh","type":"output"}]}`,
		"3": `{"result":["mesh/theirs.glb",{"x": 1}]}`,
	} {
		if have := string(b.sink.outputs[id]); have != want {
			t.Errorf("%s, not %s", have, want)
		}
	}
	if len(b.sink.files) != 1 {
		t.Errorf("%d files", len(b.sink.files))
	}
}

// A store that takes no more bytes ends the run as the engine's trouble.
func TestFullStore(t *testing.T) {
	b := setUp(t, nil)
	full := errors.New("no space left on device")
	b.sink.full = full
	if err := b.run(plainJob()); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
}

// The salt is blanked wherever it lies in a stream, and nothing else changes.
func TestSaltIsBlankedInStreams(t *testing.T) {
	b := setUp(t, nil)
	var graph string
	b.server.Run(func(y *comfyuitest.Play) {
		graph = strings.Repeat(strings.Repeat("x", 131_000)+y.Graph(), 3)
		b.server.Write(comfyuitest.File{Type: "output", Filename: "v_00001_.mp4"}, []byte(graph))
		y.Say("execution_start", "")
		y.Send("executing", `{"node": "2", "prompt_id": "`+y.ID()+`"}`)
		y.Show("2", `{"video": [{"filename": "v_00001_.mp4", "subfolder": "", "type": "output"}]}`, "2")
		y.Say("execution_success", "")
	})
	b.mustRun(plainJob())
	salt := b.sent(0, "2", "settee_account")
	want := strings.ReplaceAll(graph, salt, strings.Repeat("0", len(salt)))
	for _, have := range b.sink.files {
		if string(have) != want {
			t.Errorf("%d bytes came, %d were meant; salt seen: %v", len(have), len(want), strings.Contains(string(have), salt))
		}
	}
	if len(b.sink.files) != 1 || want == graph {
		t.Error("no file came")
	}
}

// A store may read a file again from anywhere, as when a worker's upload broke;
// what is asked of ComfyUI for it is what is missing.
func TestFilesAreReadAgain(t *testing.T) {
	for name, within := range map[string]bool{"v_00001_.mkv": true, "v_00001_.mp4": true, "p_00001_.png": false} {
		b := setUp(t, nil)
		b.server.Run(func(y *comfyuitest.Play) {
			content := []byte(strings.Repeat("x", 100_000) + y.Graph() + strings.Repeat("y", 100_000))
			if !within {
				content = comfyuitest.Picture(y.Graph())
			}
			b.server.Write(comfyuitest.File{Type: "output", Filename: name}, content)
			y.Say("execution_start", "")
			y.Send("executing", `{"node": "2", "prompt_id": "`+y.ID()+`"}`)
			y.Show("2", `{"video": [{"filename": "`+name+`", "subfolder": "", "type": "output"}]}`, "2")
			y.Say("execution_success", "")
		})
		b.sink.reread = []int{100, 0, 30}
		if within {
			b.sink.reread = append(b.sink.reread, 200_000)
			for at := 100_000; at < 100_000+len(plainJob().Prompt); at += 7 { // also in the middle of the salt
				b.sink.reread = append(b.sink.reread, at)
			}
		}
		b.mustRun(plainJob())
		if len(b.sink.files) != 1 {
			t.Errorf("%s: %d files", name, len(b.sink.files))
		}
		asked := b.server.Log().Ranges
		if last := asked[len(asked)-1]; within && !strings.HasPrefix(last, "bytes=100") || !within && last != "" {
			t.Errorf("%s: asked for %q", name, last)
		}
	}
}

// A file over ComfyUI's limit is refused with a sentence, not sent.
func TestInputOverTheUploadLimit(t *testing.T) {
	b := setUp(t, nil)
	j := b.loadJob("dir/film.mp4", "x")
	j.Inputs[0].Size = 200 << 20
	failure, ok := errors.AsType[*engine.Failure](b.run(j))
	if !ok || !bytes.Contains(failure.Event.Data, []byte(`"exception_message":"dir/film.mp4 has 209715200 bytes, but this ComfyUI takes uploads of at most 104857600; `)) {
		t.Errorf("%v", failure)
	}
	if n := len(b.server.Log().Uploaded); n > 0 {
		t.Error("it was sent")
	}
}
